//! A small classifier of colour photographs, to ask of a recoloured one whether it still shows what
//! it showed: the paper's semantic interpretability (paper section 3.1), with a network of ours in the
//! place of VGG (docs/method.md#classifier).
//!
//! It sees colour photographs only while it learns, so what it recognises less often than the truth
//! is what the colours got wrong.

mod file;
mod learner;

pub use file::{ClassifierFile, Preparation, Question};
pub use learner::{ClassifierLearner, ClassifierLearnerConfig, Labelled, Lesson};

use super::tape::Trainable;
use crate::error::{Error, Result};
use crate::model::network::convolution::{Convolution, Layer, Then};
use crate::model::network::layers::{Stage, fastest_layout};
use burn::module::{ModuleMapper, ModuleVisitor};
use burn::nn::conv::Conv2d;
use burn::prelude::*;
use serde::{Deserialize, Serialize};

/// What sRGB in 0…1 is centred on and divided by.
const CENTRE: f32 = 0.5;
const SPREAD: f32 = 0.25;

/// Size, widths and depths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierConfig {
    /// Side of the square that it is shown, pixels; every stage halves it without a rest.
    pub input: usize,
    /// Channels of each stage.
    pub widths: Vec<usize>,
    /// Residual blocks of each stage, after the convolution that halves the size.
    pub blocks: Vec<usize>,
}

impl ClassifierConfig {
    /// Whether the network can be built.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the first field that is out of its range.
    pub fn check(&self) -> Result<()> {
        let refuse = |name, value: String, range| Err(Error::Parameter { name, value, range });
        let stages = self.widths.len();
        if !(1..=8).contains(&stages) || !self.widths.iter().all(|width| (1..=4096).contains(width)) {
            return refuse("widths", format!("{:?}", self.widths), "one to eight numbers from 1 to 4096");
        }
        if self.blocks.len() != stages || !self.blocks.iter().all(|count| *count <= 64) {
            return refuse("blocks", format!("{:?}", self.blocks), "a number up to 64 for each of `widths`");
        }
        if !(1..=1024).contains(&self.input) || !self.input.is_multiple_of(1 << stages) {
            return refuse(
                "input",
                self.input.to_string(),
                "up to 1024, and whole when each stage halves it",
            );
        }
        Ok(())
    }

    /// The network for so many labels, its convolutions all zero.
    #[must_use]
    pub fn init(&self, labels: usize, device: &Device) -> Classifier {
        let mut from = 3;
        let mut stages = Vec::new();
        for (&to, &count) in self.widths.iter().zip(&self.blocks) {
            stages.push(Stage::new(from, to, count, device));
            from = to;
        }
        Classifier { stages, head: Convolution::pointwise(from, labels).init(device) }
    }
}

/// The network: residual stages that halve the size, the mean over all places, a logit for each
/// label.
#[derive(Module, Debug)]
pub struct Classifier {
    stages: Vec<Stage>,
    head: Layer<Conv2d>,
}

impl Classifier {
    /// sRGB in 0…1 `[batch, 3, H, W]` in, logits `[batch, labels, 1, 1]` out.
    #[must_use]
    pub fn forward(&self, rgb: Tensor<4>) -> Tensor<4> {
        let x = fastest_layout((rgb - CENTRE) / SPREAD);
        let x = self.stages.iter().fold(x, |x, stage| stage.forward(x));
        let [batch, channels, height, width] = x.dims();
        let mean = x.reshape([batch, channels, height * width]).mean_dim(2);
        self.head.forward(mean.reshape([batch, channels, 1, 1]), Then::default())
    }
}

impl Trainable for Classifier {
    fn visit(&self, visitor: &mut impl ModuleVisitor) {
        Module::visit(self, visitor);
    }

    fn map(self, mapper: &mut impl ModuleMapper) -> Self {
        Module::map(self, mapper)
    }

    fn train(self) -> Self {
        Module::train(self)
    }

    fn valid(&self) -> Self {
        Module::valid(self)
    }
}

/// Interleaved 8-bit sRGB of square pictures as [`Classifier::forward`] takes it.
fn planes(rgb: &[u8], side: usize, device: &Device) -> Tensor<4> {
    let pixels = side * side;
    let count = rgb.len() / (3 * pixels);
    let mut values = Vec::with_capacity(rgb.len());
    for picture in rgb.chunks_exact(3 * pixels) {
        for channel in 0..3 {
            values.extend(picture.iter().skip(channel).step_by(3).map(|c| f32::from(*c) / 255.0));
        }
    }
    Tensor::from_data(TensorData::new(values, [count, 3, side, side]), device)
}
