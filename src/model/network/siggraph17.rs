//! The paper's interactive successor (Zhang, Zhu et al., "Real-Time User-Guided Image Colorization
//! with Learned Deep Priors", SIGGRAPH 2017) as its authors released it (docs/method.md#siggraph17): hints
//! come in beside L, skips join encoder and decoder, and one colour comes out for each pixel.

use super::Activations;
use super::convolution::{Convolution, Layer, Then, doubling};
use super::layers::batch_norm;
use super::trunk::{self, Block, MAX_WIDTH};
use crate::kernels::operators;
use burn::nn::BatchNorm;
use burn::nn::conv::{Conv2d, ConvTranspose2d};
use burn::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Cells of the 23 x 23 grid from -110 to 110, gamut or not, that the classification head is over.
const GRID: usize = 529;

/// Width of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Siggraph17Config {
    /// Channels of the first block. 64 as released.
    pub width: usize,
}

impl Default for Siggraph17Config {
    fn default() -> Self {
        Self { width: 64 }
    }
}

/// Twice the size, joined by a skip.
#[derive(Module, Debug)]
struct Join {
    up: Layer<ConvTranspose2d>,
    short: Layer<Conv2d>,
    convs: Vec<Layer<Conv2d>>,
    norm: Option<BatchNorm>,
}

impl Join {
    /// `last` ends in a leaky ReLU and has no BatchNorm.
    fn forward(&self, x: Tensor<4>, skip: Tensor<4>) -> Tensor<4> {
        let up = self.up.forward(x, Then::default());
        let x = self.short.forward(skip, Then { add: Some(up), ..Then::relu() });
        let last = self.convs.len() - 1;
        self.convs.iter().enumerate().fold(x, |x, (index, conv)| match &self.norm {
            Some(norm) => conv.forward(x, Then { norm: (index == last).then_some(norm), ..Then::relu() }),
            None => operators::leaky_relu(conv.forward(x, Then::default())),
        })
    }

    fn into_inference(self) -> Self {
        let last = self.convs.len() - 1;
        let norm = |index| if index == last { self.norm.as_ref() } else { None };
        let convs = self.convs.into_iter().enumerate().map(|(index, conv)| conv.pack(norm(index)));
        Self { convs: convs.collect(), up: self.up.pack(None), short: self.short.pack(None), norm: self.norm }
    }
}

/// The network; raw L and hints in, ab `[batch, 2, H, W]` in CIE units out, H and W multiples of 8.
#[derive(Module, Debug)]
pub struct Siggraph17 {
    blocks: Vec<Block>,
    joins: Vec<Join>,
    /// Trained beside the rest, and kept so that a file comes out as it went in. No forward pass
    /// uses it.
    classes: Layer<Conv2d>,
    chroma: Layer<Conv2d>,
}

/// Blocks that are followed by taking every second pixel, and looked back at.
const HALVED: usize = 3;

impl Siggraph17Config {
    pub(super) fn init(&self, device: &Device) -> Siggraph17 {
        let width = self.width;
        // From, to and skip in multiples of the width; how many convolutions; BatchNorm or not.
        let joins = [(8, 4, 4, 2, true), (4, 2, 2, 1, true), (2, 2, 1, 1, false)]
            .map(|(from, to, skip, count, norm)| {
                let [from, to, skip] = [from, to, skip].map(|multiple| multiple * width);
                let conv = |from| Convolution::new(from, to).init(device);
                Join {
                    up: doubling(from, to, device),
                    short: conv(skip),
                    convs: (0..count).map(|_| conv(to)).collect(),
                    norm: norm.then(|| batch_norm(to, device)),
                }
            })
            .into();
        Siggraph17 {
            blocks: trunk::blocks(4, width, false, device),
            joins,
            classes: Convolution::pointwise(4 * width, GRID).init(device),
            chroma: Convolution::pointwise(2 * width, 2).init(device),
        }
    }

    /// By the names of layers that only this network has.
    pub(super) fn recognise(shapes: &BTreeMap<String, Vec<usize>>) -> Option<Self> {
        if !["model8up.0.weight", "model_class.0.weight", "model10up.0.weight"]
            .iter()
            .any(|n| shapes.contains_key(*n))
        {
            return None;
        }
        let width = shapes.get("model1.0.weight").and_then(|shape| shape.first().copied());
        let width = width.filter(|width| (1..=MAX_WIDTH).contains(width));
        Some(width.map_or_else(Self::default, |width| Self { width }))
    }
}

impl Siggraph17 {
    pub(super) fn steps(&self) -> usize {
        self.blocks.len() + self.joins.len()
    }

    pub(super) fn step(&self, index: usize, Activations { x, mut skips }: Activations) -> Activations {
        let blocks = self.blocks.len();
        let x = if let Some(block) = self.blocks.get(index) {
            let x = block.forward(x);
            if index < HALVED {
                let half = operators::every_second(x.clone());
                skips.push(x);
                half
            } else {
                x
            }
        } else {
            let skip = skips.pop().expect("each halved block left a skip for its join");
            let x = self.joins[index - blocks].forward(x, skip);
            if index + 1 == self.steps() {
                operators::scaled_tanh(self.chroma.forward(x, Then::default()), 110.0)
            } else {
                x
            }
        };
        Activations { x, skips }
    }

    pub(super) fn into_inference(self) -> Self {
        Self {
            blocks: self.blocks.into_iter().map(Block::into_inference).collect(),
            joins: self.joins.into_iter().map(Join::into_inference).collect(),
            classes: self.classes,
            chroma: self.chroma.pack(None),
        }
    }

    /// Burn's path to the released state_dict's key.
    pub(super) fn file_name(&self, path: &str) -> Option<String> {
        match path.split('.').collect::<Vec<_>>().as_slice() {
            ["blocks", rest @ ..] => trunk::file_name(&self.blocks, rest),
            ["joins", join, rest @ ..] => {
                let index = join.parse::<usize>().ok()?;
                let (level, join) = (index + 8, self.joins.get(index)?);
                Some(match rest {
                    ["up", tensor] => format!("model{level}up.0.{tensor}"),
                    ["short", tensor] => format!("model{}short{level}.0.{tensor}", HALVED - index),
                    ["convs", conv, tensor] => {
                        format!("model{level}.{}.{tensor}", 2 * conv.parse::<usize>().ok()? + 1)
                    }
                    ["norm", tensor] => format!("model{level}.{}.{tensor}", 2 * join.convs.len() + 1),
                    _ => return None,
                })
            }
            ["classes", tensor] => Some(format!("model_class.0.{tensor}")),
            ["chroma", tensor] => Some(format!("model_out.0.{tensor}")),
            _ => None,
        }
    }
}
