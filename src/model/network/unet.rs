//! A compact U-Net: strided residual encoder, one global vector, decoder with skips that ends at a
//! quarter of the size. BatchNorm stands before the ReLU, so it folds into its convolution.

use super::convolution::{Convolution, Layer, Then, linear};
use super::layers::{ConvNorm, Stage, Up};
use super::{Activations, Head};
use crate::kernels::operators;
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Widths and depths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnetConfig {
    /// Channels of the stem, at half the size.
    pub stem: usize,
    /// Channels of each encoder stage, at a quarter of the size and on downwards.
    pub encoder: Vec<usize>,
    /// Residual blocks of each encoder stage.
    pub blocks: Vec<usize>,
    /// Channels of each decoder stage, coming up from the deepest; the last is at a quarter of
    /// the size. One fewer than encoder stages.
    pub decoder: Vec<usize>,
    /// What it ends with.
    #[serde(default, skip_serializing_if = "Head::is_usual")]
    pub head: Head,
}

/// What the whole photograph shows, added to every position of the deepest stage.
#[derive(Module, Debug)]
struct Scene {
    squeeze: Layer<Linear>,
    excite: Layer<Linear>,
}

impl Scene {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let squeezed = self.squeeze.forward(operators::mean_of_places(x.clone()), Then::relu());
        operators::add_everywhere(x, self.excite.forward(squeezed, Then::default()))
    }

    fn into_inference(self) -> Self {
        Self { squeeze: self.squeeze.pack(None), excite: self.excite.pack(None) }
    }
}

/// The network; raw L `[batch, 1, H, W]` in, logits `[batch, 313, H/4, W/4]` out, H and W
/// multiples of [`UnetConfig::size_multiple`].
#[derive(Module, Debug)]
pub struct Unet {
    stem: ConvNorm,
    encoder: Vec<Stage>,
    scene: Scene,
    decoder: Vec<Up>,
    logits: Layer<Conv2d>,
}

impl UnetConfig {
    /// 32 for four encoder stages: every halving must come out even.
    #[must_use]
    pub fn size_multiple(&self) -> usize {
        2 << self.encoder.len()
    }

    /// Whether the lists fit each other.
    pub(crate) fn is_consistent(&self) -> bool {
        let stages = self.encoder.len();
        let lists = [&self.encoder, &self.decoder];
        (2..=8).contains(&stages)
            && self.blocks.len() == stages
            && self.decoder.len() + 1 == stages
            && self.blocks.iter().all(|&n| n <= 64)
            && lists.into_iter().flatten().chain([&self.stem]).all(|n| (1..=4096).contains(n))
    }

    /// What the last encoder stage leaves.
    #[cfg(feature = "train")]
    pub(super) fn deepest(&self) -> Option<super::Deepest> {
        let channels = *self.encoder.last()?;
        Some(super::Deepest { step: self.encoder.len(), channels })
    }

    pub(super) fn init(&self, device: &Device) -> Unet {
        let mut from = self.stem;
        let mut encoder = Vec::new();
        for (&to, &count) in self.encoder.iter().zip(&self.blocks) {
            encoder.push(Stage::new(from, to, count, device));
            from = to;
        }
        let scene = Scene { squeeze: linear(from, from, device), excite: linear(from, from, device) };
        let mut decoder = Vec::new();
        for (&to, &skip) in self.decoder.iter().zip(self.encoder.iter().rev().skip(1)) {
            decoder.push(Up::new([from, skip], to, device));
            from = to;
        }
        Unet {
            stem: ConvNorm::new(1, self.stem, 2, device),
            encoder,
            scene,
            decoder,
            logits: Convolution::pointwise(from, self.head.channels()).init(device),
        }
    }

    /// Reads widths and depths off the tensors.
    pub(super) fn recognise(shapes: &BTreeMap<String, Vec<usize>>) -> Option<Self> {
        let out = |name: &str| shapes.get(name).and_then(|shape| shape.first().copied());
        let stages = (1..).take_while(|i| out(&format!("e{i}.0.0.weight")).is_some()).count();
        let stage = |i: usize| out(&format!("e{i}.0.0.weight"));
        let blocks = |i: usize| (1..).take_while(|j| out(&format!("e{i}.{j}.a.0.weight")).is_some()).count();
        let config = Self {
            stem: out("stem.0.weight")?,
            encoder: (1..=stages).map(stage).collect::<Option<_>>()?,
            blocks: (1..=stages).map(blocks).collect(),
            decoder: (1..stages).rev().map(|i| out(&format!("u{i}.p.weight"))).collect::<Option<_>>()?,
            head: Head::of_channels(out("out.weight")?)?,
        };
        config.is_consistent().then_some(config)
    }
}

impl Unet {
    /// Stem, each encoder stage, the scene, each decoder stage, the logits.
    pub(super) fn steps(&self) -> usize {
        self.encoder.len() + self.decoder.len() + 3
    }

    pub(super) fn step(&self, index: usize, Activations { x, mut skips }: Activations) -> Activations {
        let stages = self.encoder.len();
        let x = if index == 0 {
            self.stem.forward(x, Then::relu())
        } else if index <= stages {
            let x = self.encoder[index - 1].forward(x);
            if index < stages {
                skips.push(x.clone());
            }
            x
        } else if index == stages + 1 {
            self.scene.forward(x)
        } else if let Some(up) = self.decoder.get(index - stages - 2) {
            let skip = skips.pop().expect("the encoder left a skip for every decoder stage");
            up.forward(x, skip)
        } else {
            self.logits.forward(x, Then::default())
        };
        Activations { x, skips }
    }

    pub(super) fn into_inference(self) -> Self {
        Self {
            stem: self.stem.into_inference(),
            encoder: self.encoder.into_iter().map(Stage::into_inference).collect(),
            scene: self.scene.into_inference(),
            decoder: self.decoder.into_iter().map(Up::into_inference).collect(),
            logits: self.logits.pack(None),
        }
    }

    /// Burn's path to the name in files: `encoder.0.blocks.1.a.norm.weight` is
    /// `e1.2.a.1.weight`, `decoder.0.block.b.conv.weight` (of three) is `u3.c.b.0.weight`.
    pub(super) fn file_name(&self, path: &str) -> Option<String> {
        let index = |text: &str| text.parse::<usize>().ok();
        let layer = |name: &str| if name == "conv" { 0 } else { 1 };
        let up = |i: &str| self.decoder.len().checked_sub(index(i)?);
        Some(match path.split('.').collect::<Vec<_>>().as_slice() {
            ["stem", part, tensor] => format!("stem.{}.{tensor}", layer(part)),
            ["encoder", i, "down", part, tensor] => {
                format!("e{}.0.{}.{tensor}", index(i)? + 1, layer(part))
            }
            ["encoder", i, "blocks", j, half, part, tensor] => {
                format!("e{}.{}.{half}.{}.{tensor}", index(i)? + 1, index(j)? + 1, layer(part))
            }
            ["scene", "squeeze", tensor] => format!("g.0.{tensor}"),
            ["scene", "excite", tensor] => format!("g.2.{tensor}"),
            ["decoder", i, rest @ ..] => format!("u{}.{}", up(i)?, Up::file_name(rest)?),
            ["logits", tensor] => format!("out.{tensor}"),
            _ => return None,
        })
    }
}
