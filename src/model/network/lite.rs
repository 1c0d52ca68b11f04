//! EfficientNet-Lite under a U-Net's decoder. The encoder is Tan & Le's EfficientNet (2019) in the form
//! that Google released for small devices: inverted residual blocks (Sandler et al. 2018, "MobileNetV2")
//! with ReLU6 and without squeeze-and-excitation. Its published weights were trained on the
//! thousand classes of ImageNet. A decoder with skips follows, which ends at a quarter of the size.
//!
//! Padding is symmetric, where TensorFlow's is not at stride 2.

use super::Head;
use super::architecture::{Addend, Architecture, Builder, Input, Layer, LayerKind, Operation, Value};
use super::blocks::up;
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

/// [`STEM_WEIGHT`] for gray, `[32, 1, 3, 3]`, of one for red, green and blue, `[32, 3, 3, 3]`: gray is
/// the same in all three, so that their kernels act as their sum.
pub(crate) fn gray_stem(colors: &[f32]) -> Vec<f32> {
    let of_channel =
        |kernels: &[f32]| -> Vec<f32> { (0..9).map(|tap| kernels[tap..].iter().step_by(9).sum()).collect() };
    colors.chunks(27).flat_map(of_channel).collect()
}

/// Prefix of the encoder's tensors in files.
pub(crate) const ENCODER: &str = "enc.";

/// Size of the encoder.
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

/// Stages whose output is a skip of the decoder, at a quarter, an eighth and a sixteenth of the size.
const SKIPS: [usize; 3] = [1, 2, 4];

/// Widths in steps of 8, at least nine tenths of the width asked for.
fn rounded(channels: usize, factor: f64) -> usize {
    let wanted = channels as f64 * factor;
    let near = ((wanted + 4.0) as usize / 8 * 8).max(8);
    if (near as f64) < 0.9 * wanted { near + 8 } else { near }
}

/// A stage of the encoder: blocks of one size.
#[derive(Clone, Copy, Debug)]
pub struct EncoderStage {
    /// Number of blocks.
    pub blocks: usize,
    /// Side of their depthwise kernels.
    pub kernel: usize,
    /// Stride of the first.
    pub stride: usize,
    /// Channels inside, as a multiple of those that come in.
    pub expansion: usize,
    /// Input channels.
    pub from: usize,
    /// Output channels.
    pub to: usize,
    /// Whether its output is a skip of the decoder.
    pub skip: bool,
}

/// The encoder and the decoder's widths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiteConfig {
    /// The encoder.
    pub variant: Variant,
    /// Channels of the decoder at a sixteenth, an eighth and a quarter of the size.
    pub decoder: [usize; 3],
    /// Its last layer.
    #[serde(default, skip_serializing_if = "Head::is_usual")]
    pub head: Head,
}

/// A layer of the encoder with its norm.
fn encoder_layer(layer: Layer, norm: &str) -> Layer {
    let mut layer = layer.normed(norm);
    if let Some(norm) = &mut layer.norm {
        [norm.momentum, norm.epsilon] = NORM;
    }
    layer
}

/// An inverted residual block: expanded by 1 x 1, seen channel by channel, projected by 1 x 1.
fn inverted_residual(net: &mut Builder, x: Value, key: &str, stage: EncoderStage, first: bool) -> Value {
    let EncoderStage { kernel, expansion, to, .. } = stage;
    let (from, stride) = if first { (stage.from, stage.stride) } else { (to, 1) };
    let wide = from * expansion;
    let layer = |layer: Layer, norm: &str| encoder_layer(layer, &format!("{key}.{norm}"));
    let mut inner = x;
    if expansion > 1 {
        inner = net.layer(x, layer(Layer::pointwise(format!("{key}.ex"), from, wide), "b0").relu6());
    }
    let depthwise = Layer::convolution(format!("{key}.dw"), wide, wide);
    let depthwise = Layer { kind: LayerKind::Depthwise, kernel, stride, ..depthwise };
    inner = net.layer(inner, layer(depthwise, "b1").relu6());
    let project = layer(Layer::pointwise(format!("{key}.pr"), wide, to), "b2");
    if stride == 1 && from == to {
        net.layer_plus(inner, project, Addend::Map(x))
    } else {
        net.layer(inner, project)
    }
}

impl LiteConfig {
    /// The size is halved five times.
    pub const SIZE_MULTIPLE: usize = 32;

    /// Whether the widths can be built at all.
    pub(crate) fn is_consistent(&self) -> bool {
        self.decoder.iter().all(|n| (1..=4096).contains(n))
    }

    /// The encoder's output.
    #[cfg(feature = "train")]
    pub(super) fn deepest(&self) -> super::Deepest {
        let stages = self.variant.stages();
        super::Deepest { step: stages.len(), channels: stages[stages.len() - 1].to }
    }

    pub(super) fn architecture(&self) -> Architecture {
        let mut net = Builder::new(Input::Gray);
        // Gray in red, green and blue alike: the released stem's three kernels act as their sum.
        let stem = encoder_layer(Layer { stride: 2, ..Layer::convolution("enc.stem", 1, STEM) }, "enc.b");
        let mut x = net.layer(Value::INPUT, stem.relu6());
        net.end_step();
        let mut skips = Vec::new();
        let mut number = 0;
        let stages = self.variant.stages();
        for stage in stages {
            for block in 0..stage.blocks {
                x = inverted_residual(&mut net, x, &format!("enc.bl.{number}"), stage, block == 0);
                number += 1;
            }
            net.end_step();
            if stage.skip {
                skips.push((x, stage.to));
            }
        }

        let deepest = stages[stages.len() - 1].to;
        let [mut from, ..] = self.decoder;
        let head = encoder_layer(Layer::pointwise("enc.head", deepest, POOLED), "enc.hb").relu6();
        let whole = net.layer(x, head);
        let whole = net.operation(Operation::Mean(whole));
        let vector = net.layer(whole, Layer::linear("g", POOLED, from));
        x = net.layer_plus(x, Layer::pointwise("t", deepest, from).relu(), Addend::Vector(vector));
        net.end_step();

        for (&to, (number, (skip, channels))) in self.decoder.iter().zip(skips.into_iter().enumerate().rev())
        {
            x = up(&mut net, [x, skip], &format!("u{}", number + 1), [from, channels], to);
            net.end_step();
            from = to;
        }
        net.layer(x, Layer::pointwise("out", from, self.head.channels()));
        net.end_step();
        net.finish_scaled(self.head.scale())
    }

    /// Whether a matrix loses too much in eight bits. Depthwise kernels and the narrow layers at the
    /// beginning are a twentieth of the weights, and make four fifths of the logits' error in eight bits.
    pub(super) fn is_delicate(name: &str, shape: &[usize]) -> bool {
        const FEW: usize = 8192;
        name.starts_with(ENCODER) && (shape[1] == 1 || shape.iter().product::<usize>() < FEW)
    }

    /// Reads the variant and the widths off the tensors.
    pub(super) fn recognize(shapes: &BTreeMap<String, Vec<usize>>) -> Option<Self> {
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
