//! The paper's network as its authors released it (docs/method.md#eccv16): VGG-like blocks, dilation in
//! blocks 5 and 6, one transposed convolution, 313 logits at a quarter of the size. BatchNorm
//! stands after the ReLU, at the end of blocks 1 to 7.

use super::convolution::{Convolution, Layer, Then, doubling};
use super::trunk::{self, Block, MAX_WIDTH};
use super::{Activations, Head};
use burn::nn::conv::{Conv2d, ConvTranspose2d};
use burn::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Width of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Eccv16Config {
    /// Channels of the first block; later ones have 2, 4 and 8 times as many. 64 as released.
    pub width: usize,
    /// What it ends with.
    #[serde(default, skip_serializing_if = "Head::is_usual")]
    pub head: Head,
}

impl Default for Eccv16Config {
    fn default() -> Self {
        Self { width: 64, head: Head::default() }
    }
}

/// Block 8: twice the size, then the logits.
#[derive(Module, Debug)]
struct Decoder {
    up: Layer<ConvTranspose2d>,
    convs: Vec<Layer<Conv2d>>,
    logits: Layer<Conv2d>,
}

/// The network; raw L `[batch, 1, H, W]` in, logits `[batch, 313, H/4, W/4]` out, H and W
/// multiples of 8.
#[derive(Module, Debug)]
pub struct Eccv16 {
    blocks: Vec<Block>,
    head: Decoder,
}

impl Eccv16Config {
    pub(super) fn init(&self, device: &Device) -> Eccv16 {
        let blocks = trunk::blocks(1, self.width, true, device);
        let from = 8 * self.width;
        let to = 4 * self.width;
        let head = Decoder {
            up: doubling(from, to, device),
            convs: (0..2).map(|_| Convolution::new(to, to).init(device)).collect(),
            logits: Convolution::pointwise(to, self.head.channels()).init(device),
        };
        Eccv16 { blocks, head }
    }

    /// By the names of the first and the last layer; one is enough, so that a damaged checkpoint is
    /// compared with the network that it is nearest to.
    pub(super) fn recognise(shapes: &BTreeMap<String, Vec<usize>>) -> Option<Self> {
        let first = shapes.get("model1.0.weight");
        if first.is_none() && !shapes.contains_key("model8.6.weight") {
            return None;
        }
        let width =
            first.and_then(|shape| shape.first().copied()).filter(|width| (1..=MAX_WIDTH).contains(width));
        let last = shapes.get("model8.6.weight").and_then(|shape| shape.first().copied());
        let head = last.and_then(Head::of_channels).unwrap_or_default();
        Some(Self { width: width.unwrap_or(64), head })
    }
}

impl Eccv16 {
    pub(super) fn steps(&self) -> usize {
        self.blocks.len() + 1
    }

    pub(super) fn step(&self, index: usize, Activations { x, skips }: Activations) -> Activations {
        let x = match self.blocks.get(index) {
            Some(block) => block.forward(x),
            None => {
                let x = self.head.up.forward(x, Then::relu());
                let x = self.head.convs.iter().fold(x, |x, conv| conv.forward(x, Then::relu()));
                self.head.logits.forward(x, Then::default())
            }
        };
        Activations { x, skips }
    }

    pub(super) fn into_inference(self) -> Self {
        let Decoder { up, convs, logits } = self.head;
        let head = Decoder {
            up: up.pack(None),
            convs: convs.into_iter().map(|conv| conv.pack(None)).collect(),
            logits: logits.pack(None),
        };
        Self { blocks: self.blocks.into_iter().map(Block::into_inference).collect(), head }
    }

    /// Burn's path to the released state_dict's key.
    pub(super) fn file_name(&self, path: &str) -> Option<String> {
        match path.split('.').collect::<Vec<_>>().as_slice() {
            ["blocks", rest @ ..] => trunk::file_name(&self.blocks, rest),
            ["head", "up", tensor] => Some(format!("model8.0.{tensor}")),
            ["head", "convs", conv, tensor] => {
                Some(format!("model8.{}.{tensor}", 2 * conv.parse::<usize>().ok()? + 2))
            }
            ["head", "logits", tensor] => Some(format!("model8.6.{tensor}")),
            _ => None,
        }
    }
}
