//! The paper's network as its authors released it (SPEC section 6): VGG-like blocks, dilation in
//! blocks 5 and 6, one transposed convolution, 313 logits at a quarter of the size. BatchNorm
//! stands after the ReLU, at the end of blocks 1 to 7.

use super::Activations;
use super::layers::{Convolution, batch_norm};
use crate::ab_bins;
use burn::nn::conv::{Conv2d, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::{BatchNorm, Initializer};
use burn::prelude::*;
use burn::tensor::activation::relu;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Width of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Eccv16Config {
    /// Channels of the first block; later ones have 2, 4 and 8 times as many. 64 as released.
    pub width: usize,
}

impl Default for Eccv16Config {
    fn default() -> Self {
        Self { width: 64 }
    }
}

/// A block: convolutions with ReLU, then BatchNorm.
#[derive(Module, Debug)]
struct Block {
    convs: Vec<Conv2d>,
    norm: BatchNorm,
}

impl Block {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.norm.forward(self.convs.iter().fold(x, |x, conv| relu(conv.forward(x))))
    }
}

/// Block 8: twice the size, then the logits.
#[derive(Module, Debug)]
struct Head {
    up: ConvTranspose2d,
    convs: Vec<Conv2d>,
    logits: Conv2d,
}

/// The network; raw L `[batch, 1, H, W]` in, logits `[batch, 313, H/4, W/4]` out, H and W
/// multiples of 8.
#[derive(Module, Debug)]
pub struct Eccv16 {
    blocks: Vec<Block>,
    head: Head,
}

/// Channels (in multiples of the width), how many convolutions, stride of the last one, dilation.
const BLOCKS: [(usize, usize, usize, usize); 7] =
    [(1, 2, 2, 1), (2, 2, 2, 1), (4, 3, 2, 1), (8, 3, 1, 1), (8, 3, 1, 2), (8, 3, 1, 2), (8, 3, 1, 1)];

impl Eccv16Config {
    pub(super) fn init(&self, initializer: &Initializer, device: &Device) -> Eccv16 {
        let mut from = 1;
        let blocks = BLOCKS
            .iter()
            .map(|&(multiple, count, stride, dilation)| {
                let to = multiple * self.width;
                let convs = (0..count)
                    .map(|i| {
                        let channels = [if i == 0 { from } else { to }, to];
                        let stride = if i + 1 == count { stride } else { 1 };
                        Convolution { channels, stride, dilation, ..Convolution::new(from, to) }
                            .init(initializer, device)
                    })
                    .collect();
                from = to;
                Block { convs, norm: batch_norm(to, device) }
            })
            .collect();
        let to = 4 * self.width;
        let head = Head {
            up: ConvTranspose2dConfig::new([from, to], [4, 4])
                .with_stride([2, 2])
                .with_padding([1, 1])
                .with_initializer(initializer.clone())
                .init(device),
            convs: (0..2).map(|_| Convolution::new(to, to).init(initializer, device)).collect(),
            logits: Convolution::pointwise(to, ab_bins::COUNT).init(initializer, device),
        };
        Eccv16 { blocks, head }
    }

    /// By the first layer's width and the head's name.
    pub(super) fn recognise(shapes: &BTreeMap<String, Vec<usize>>) -> Option<Self> {
        let &[width, 1, 3, 3] = shapes.get("model1.0.weight")?.as_slice() else { return None };
        let head = shapes.get("model8.6.weight")?;
        (head.first() == Some(&ab_bins::COUNT)).then_some(Self { width })
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
                let x = relu(self.head.up.forward(x));
                let x = self.head.convs.iter().fold(x, |x, conv| relu(conv.forward(x)));
                self.head.logits.forward(x)
            }
        };
        Activations { x, skips }
    }

    /// Burn's path to the released state_dict's key: `blocks.0.convs.1.weight` is
    /// `model1.2.weight`, since ReLUs are counted there.
    pub(super) fn file_name(&self, path: &str) -> String {
        let parts: Vec<&str> = path.split('.').collect();
        let index = |text: &str| text.parse::<usize>().expect("Burn numbers the layers of a list");
        match parts.as_slice() {
            ["blocks", block, "convs", conv, tensor] => {
                format!("model{}.{}.{tensor}", index(block) + 1, 2 * index(conv))
            }
            ["blocks", block, "norm", tensor] => {
                let block = index(block);
                format!("model{}.{}.{tensor}", block + 1, 2 * self.blocks[block].convs.len())
            }
            ["head", "up", tensor] => format!("model8.0.{tensor}"),
            ["head", "convs", conv, tensor] => format!("model8.{}.{tensor}", 2 * index(conv) + 2),
            ["head", "logits", tensor] => format!("model8.6.{tensor}"),
            _ => path.to_owned(),
        }
    }
}
