//! EfficientNet-Lite under a U-Net's decoder. The encoder is Tan & Le's EfficientNet (2019) in the form
//! that Google released for small devices: inverted residual blocks (Sandler et al. 2018, "MobileNetV2")
//! with ReLU6 and without squeeze-and-excitation. It comes with weights that know a thousand kinds of
//! things, and hands features to a decoder with skips that ends at a quarter of the size.
//!
//! Padding is symmetric, where TensorFlow's is not at stride 2.

use super::convolution::{Convolution, Layer, Then, linear};
use super::layers::{ConvNorm, Up, batch_norm_of};
use super::{Activations, Head};
use crate::kernels::{self, Activation, operators};
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Momentum and epsilon of the encoder's norms.
const NORM: [f64; 2] = [0.01, 1e-3];

/// Channels of the stem, in every variant.
const STEM: usize = 32;

/// Channels that are averaged into the features of the whole photograph, in every variant.
const POOLED: usize = 1280;

/// The stem's weights in files. Those of the released encoder see red, green and blue.
pub(crate) const STEM_WEIGHT: &str = "enc.stem.weight";

/// [`STEM_WEIGHT`] for gray, `[32, 1, 3, 3]`, of one for red, green and blue, `[32, 3, 3, 3]`: they would
/// see the same, so that three kernels act as their sum.
pub(crate) fn gray_stem(colors: &[f32]) -> Vec<f32> {
    let of_channel =
        |kernels: &[f32]| -> Vec<f32> { (0..9).map(|tap| kernels[tap..].iter().step_by(9).sum()).collect() };
    colors.chunks(27).flat_map(of_channel).collect()
}

/// What comes before the names of the encoder's tensors in files.
pub(crate) const ENCODER: &str = "enc.";

/// How large the encoder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// 3.4 million weights.
    Lite0,
    /// 4.9 million weights.
    Lite2,
}

impl Variant {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Lite0, Self::Lite2];

    /// The name in configurations and files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lite0 => "lite0",
            Self::Lite2 => "lite2",
        }
    }

    /// Factors of the widths and of the depths.
    fn factors(self) -> [f64; 2] {
        match self {
            Self::Lite0 => [1.0, 1.0],
            Self::Lite2 => [1.1, 1.2],
        }
    }

    /// The stages of the encoder, from half the size downwards.
    #[must_use]
    pub fn stages(self) -> [EncoderStage; 7] {
        let [width, depth] = self.factors();
        let last = STAGES.len() - 1;
        let mut from = STEM;
        let mut number = 0;
        STAGES.map(|(blocks, kernel, stride, expansion, channels)| {
            // The first and the last stage are never deeper.
            let deeper = number != 0 && number != last;
            let blocks = if deeper { (blocks as f64 * depth).ceil() as usize } else { blocks };
            let (to, skip) = (rounded(channels, width), SKIPS.contains(&number));
            let stage = EncoderStage { blocks, kernel, stride, expansion, from, to, skip };
            (from, number) = (stage.to, number + 1);
            stage
        })
    }
}

/// Blocks, side of the kernel, stride of the first block, expansion, channels; of EfficientNet-B0.
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
];

/// Stages whose output the decoder sees again, at a quarter, an eighth and a sixteenth of the size.
const SKIPS: [usize; 3] = [1, 2, 4];

/// Widths in steps of 8, never much below what was asked for.
fn rounded(channels: usize, factor: f64) -> usize {
    let wanted = channels as f64 * factor;
    let near = ((wanted + 4.0) as usize / 8 * 8).max(8);
    if (near as f64) < 0.9 * wanted { near + 8 } else { near }
}

/// Blocks of one size.
#[derive(Clone, Copy, Debug)]
pub struct EncoderStage {
    /// How many.
    pub blocks: usize,
    /// Side of their depthwise kernels.
    pub kernel: usize,
    /// Stride of the first.
    pub stride: usize,
    /// How many times as many channels there are inside.
    pub expansion: usize,
    /// Channels that come in.
    pub from: usize,
    /// Channels that go out.
    pub to: usize,
    /// Whether the decoder sees what goes out.
    pub skip: bool,
}

/// Which encoder, and how wide the decoder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiteConfig {
    /// The encoder.
    pub variant: Variant,
    /// Channels of the decoder at a sixteenth, an eighth and a quarter of the size.
    pub decoder: [usize; 3],
    /// What it ends with.
    #[serde(default, skip_serializing_if = "Head::is_usual")]
    pub head: Head,
}

/// An inverted residual block: expanded by 1 x 1, seen channel by channel, brought together by 1 x 1.
#[derive(Module, Debug)]
struct Bottleneck {
    expand: Option<ConvNorm>,
    depthwise: ConvNorm,
    project: ConvNorm,
    #[module(skip)]
    residual: bool,
}

impl Bottleneck {
    fn new(stage: EncoderStage, first: bool, device: &Device) -> Self {
        let EncoderStage { kernel, expansion, to, .. } = stage;
        let from = if first { stage.from } else { to };
        let stride = if first { stage.stride } else { 1 };
        let wide = from * expansion;
        let spread =
            Convolution { kernel, stride, bias: false, depthwise: true, ..Convolution::new(wide, wide) };
        Self {
            expand: (expansion > 1).then(|| pointwise(from, wide, device)),
            depthwise: normed(&spread, device),
            project: pointwise(wide, to, device),
            residual: stride == 1 && from == to,
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        if let Some(y) = self.at_once(&x) {
            return y;
        }
        let wide = match &self.expand {
            Some(expand) => expand.forward(x.clone(), Then::relu6()),
            None => x.clone(),
        };
        let seen = self.depthwise.forward(wide, Then::relu6());
        let add = self.residual.then_some(x);
        self.project.forward(seen, Then { add, ..Then::default() })
    }

    /// [`Bottleneck::forward`] by a kernel of ours, where there is one that is quicker so.
    fn at_once(&self, x: &Tensor<4>) -> Option<Tensor<4>> {
        let block = kernels::Bottleneck {
            expand: self.expand.as_ref()?.conv.packed()?,
            depthwise: self.depthwise.conv.packed()?,
            project: self.project.conv.packed()?,
        };
        block.forward(x, Activation::Relu6, self.residual)
    }

    fn into_inference(self) -> Self {
        Self {
            expand: self.expand.map(ConvNorm::into_inference),
            depthwise: self.depthwise.into_inference(),
            project: self.project.into_inference(),
            residual: self.residual,
        }
    }
}

fn normed(conv: &Convolution, device: &Device) -> ConvNorm {
    let [_, to] = conv.channels;
    ConvNorm { conv: conv.init(device), norm: Some(batch_norm_of(to, NORM, device)) }
}

fn pointwise(from: usize, to: usize, device: &Device) -> ConvNorm {
    normed(&Convolution { bias: false, ..Convolution::pointwise(from, to) }, device)
}

#[derive(Module, Debug)]
struct Encoder {
    stem: ConvNorm,
    /// Of all stages, one after the other.
    blocks: Vec<Bottleneck>,
    head: ConvNorm,
    /// The first block of each stage, and the end of the last.
    #[module(skip)]
    stages: [usize; 8],
}

/// The network; raw L `[batch, 1, H, W]` in, logits `[batch, 313, H/4, W/4]` out, H and W multiples
/// of [`LiteConfig::SIZE_MULTIPLE`].
#[derive(Module, Debug)]
pub struct Lite {
    encoder: Encoder,
    /// The deepest features on their way into the decoder.
    deepest: Layer<Conv2d>,
    /// What the whole photograph shows, on the same way.
    scene: Layer<Linear>,
    decoder: Vec<Up>,
    logits: Layer<Conv2d>,
}

impl LiteConfig {
    /// The size is halved five times.
    pub const SIZE_MULTIPLE: usize = 32;

    /// Whether the widths can be built at all.
    pub(crate) fn is_consistent(&self) -> bool {
        self.decoder.iter().all(|n| (1..=4096).contains(n))
    }

    /// What the last stage of the encoder leaves.
    #[cfg(feature = "train")]
    pub(super) fn deepest(&self) -> super::Deepest {
        let stages = self.variant.stages();
        super::Deepest { step: stages.len(), channels: stages[stages.len() - 1].to }
    }

    pub(super) fn init(&self, device: &Device) -> Lite {
        let table = self.variant.stages();
        let mut stages = [0; 8];
        let mut blocks = Vec::new();
        for (number, stage) in table.into_iter().enumerate() {
            blocks.extend((0..stage.blocks).map(|block| Bottleneck::new(stage, block == 0, device)));
            stages[number + 1] = blocks.len();
        }
        let deepest = table[table.len() - 1].to;
        // Gray in red, green and blue alike: the released stem's three kernels act as their sum.
        let stem = Convolution { stride: 2, bias: false, ..Convolution::new(1, STEM) };
        let mut from = self.decoder[0];
        let ups = self.decoder.iter().zip(SKIPS.iter().rev()).map(|(&to, &skip)| {
            let up = Up::new([from, table[skip].to], to, device);
            from = to;
            up
        });
        Lite {
            encoder: Encoder {
                stem: normed(&stem, device),
                blocks,
                head: pointwise(deepest, POOLED, device),
                stages,
            },
            deepest: Convolution::pointwise(deepest, self.decoder[0]).init(device),
            scene: linear(POOLED, self.decoder[0], device),
            decoder: ups.collect(),
            logits: Convolution::pointwise(self.decoder[2], self.head.channels()).init(device),
        }
    }

    /// Whether a matrix loses too much in eight bits. Depthwise kernels and the narrow layers at the
    /// beginning are a twentieth of the weights, and make four fifths of the logits' error in eight bits.
    pub(super) fn is_delicate(name: &str, shape: &[usize]) -> bool {
        const FEW: usize = 8192;
        name.starts_with(ENCODER) && (shape[1] == 1 || shape.iter().product::<usize>() < FEW)
    }

    /// Reads the variant and the widths off the tensors.
    pub(super) fn recognise(shapes: &BTreeMap<String, Vec<usize>>) -> Option<Self> {
        let out = |name: &str| shapes.get(name).and_then(|shape| shape.first().copied());
        out(STEM_WEIGHT)?;
        let blocks = (0..).take_while(|i| out(&format!("enc.bl.{i}.dw.weight")).is_some()).count();
        let config = Self {
            variant: Variant::ALL
                .into_iter()
                .find(|variant| variant.stages().iter().map(|stage| stage.blocks).sum::<usize>() == blocks)?,
            decoder: [out("u3.p.weight")?, out("u2.p.weight")?, out("u1.p.weight")?],
            head: Head::of_channels(out("out.weight")?)?,
        };
        config.is_consistent().then_some(config)
    }
}

impl Lite {
    /// The stem, each stage of the encoder, the deepest features with those of the whole photograph,
    /// each stage of the decoder, the logits.
    pub(super) fn steps(&self) -> usize {
        self.stages() + self.decoder.len() + 3
    }

    fn stages(&self) -> usize {
        self.encoder.stages.len() - 1
    }

    pub(super) fn step(&self, index: usize, Activations { x, mut skips }: Activations) -> Activations {
        let stages = self.stages();
        let x = if index == 0 {
            self.encoder.stem.forward(x, Then::relu6())
        } else if index <= stages {
            let [first, end] = [self.encoder.stages[index - 1], self.encoder.stages[index]];
            let x = self.encoder.blocks[first..end].iter().fold(x, |x, block| block.forward(x));
            if SKIPS.contains(&(index - 1)) {
                skips.push(x.clone());
            }
            x
        } else if index == stages + 1 {
            self.widen(x)
        } else if let Some(up) = self.decoder.get(index - stages - 2) {
            let skip = skips.pop().expect("the encoder left a skip for every decoder stage");
            up.forward(x, skip)
        } else {
            self.logits.forward(x, Then::default())
        };
        Activations { x, skips }
    }

    /// From the encoder's end to the decoder's beginning.
    fn widen(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let whole = operators::mean_of_places(self.encoder.head.forward(x.clone(), Then::relu6()));
        let scene = operators::everywhere(self.scene.forward(whole, Then::default()), [height, width]);
        self.deepest.forward(x, Then { add: Some(scene), ..Then::relu() })
    }

    pub(super) fn into_inference(self) -> Self {
        let Encoder { stem, blocks, head, stages } = self.encoder;
        Self {
            encoder: Encoder {
                stem: stem.into_inference(),
                blocks: blocks.into_iter().map(Bottleneck::into_inference).collect(),
                head: head.into_inference(),
                stages,
            },
            deepest: self.deepest.pack(None),
            scene: self.scene.pack(None),
            decoder: self.decoder.into_iter().map(Up::into_inference).collect(),
            logits: self.logits.pack(None),
        }
    }

    /// Burn's path to the name in files: `encoder.blocks.3.depthwise.norm.weight` is
    /// `enc.bl.3.b1.weight`, `decoder.0.block.b.conv.weight` is `u3.c.b.0.weight`.
    pub(super) fn file_name(&self, path: &str) -> Option<String> {
        Some(match path.split('.').collect::<Vec<_>>().as_slice() {
            ["encoder", "stem", "conv", tensor] => format!("enc.stem.{tensor}"),
            ["encoder", "stem", "norm", tensor] => format!("enc.b.{tensor}"),
            ["encoder", "head", "conv", tensor] => format!("enc.head.{tensor}"),
            ["encoder", "head", "norm", tensor] => format!("enc.hb.{tensor}"),
            ["encoder", "blocks", block, part, layer, tensor] => {
                let layer = match (*part, *layer) {
                    ("expand", "conv") => "ex",
                    ("expand", "norm") => "b0",
                    ("depthwise", "conv") => "dw",
                    ("depthwise", "norm") => "b1",
                    ("project", "conv") => "pr",
                    ("project", "norm") => "b2",
                    _ => return None,
                };
                format!("enc.bl.{block}.{layer}.{tensor}")
            }
            ["deepest", tensor] => format!("t.{tensor}"),
            ["scene", tensor] => format!("g.{tensor}"),
            ["decoder", i, rest @ ..] => {
                let number = self.decoder.len().checked_sub(i.parse().ok()?)?;
                format!("u{number}.{}", Up::file_name(rest)?)
            }
            ["logits", tensor] => format!("out.{tensor}"),
            _ => return None,
        })
    }
}
