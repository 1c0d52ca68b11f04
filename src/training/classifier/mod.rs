//! A small classifier of colour photographs, by which recoloured ones are tested for the paper's semantic
//! interpretability (paper section 3.1), with a network of ours in the place of VGG
//! (docs/method.md#classifier).
//!
//! The classifier is trained on true colours only, so that a lower accuracy on recoloured photographs is
//! due to the colours.

mod file;
mod learner;

pub use file::{ClassifierFile, Preparation, Question};
pub use learner::{ClassifierLearner, ClassifierLearnerConfig, ClassifierStepReport, Labeled};

use super::tape::Trainable;
use crate::error::{Error, Result};
use crate::model::network::architecture::Builder;
use crate::model::network::blocks::{conv_norm, residual};
use crate::model::network::weighted_layer::fastest_layout;
use crate::model::network::{Architecture, Input, Layer, Network, Operation, Value};
use burn::module::{ModuleMapper, ModuleVisitor};
use burn::prelude::*;
use serde::{Deserialize, Serialize};

/// Mean subtracted from sRGB in 0…1.
const MEAN: f32 = 0.5;

/// Divisor of sRGB in 0…1 after the mean is subtracted.
const SPREAD: f32 = 0.25;

/// Input size, widths and depths of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierConfig {
    /// Side of the input, a square, in pixels; divisible by 2 for every stage.
    pub input: usize,
    /// Channels of each stage.
    pub widths: Vec<usize>,
    /// Number of residual blocks of each stage, after the convolution that halves the size.
    pub blocks: Vec<usize>,
}

impl ClassifierConfig {
    /// Checks that the network can be built.
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

    /// Residual stages that halve the size, global average pooling, a logit for each label.
    fn architecture(&self, labels: usize) -> Architecture {
        const NAMES: [&str; 2] = ["conv", "norm"];
        let mut net = Builder::new(Input::Prepared);
        let (mut x, mut from) = (Value::INPUT, 3);
        for (stage, (&to, &count)) in self.widths.iter().zip(&self.blocks).enumerate() {
            x = net.layer(x, conv_norm(&format!("stages.{stage}.down"), NAMES, from, to, 2));
            for block in 0..count {
                x = residual(&mut net, x, &format!("stages.{stage}.blocks.{block}"), NAMES, to);
            }
            from = to;
        }
        let mean = net.operation(Operation::Mean(x));
        net.layer(mean, Layer::pointwise("head", from, labels));
        net.end_step();
        net.finish()
    }

    /// The network for a number of labels, with all convolutions zero.
    #[must_use]
    pub fn init(&self, labels: usize, device: &Device) -> Classifier {
        Classifier(Network::new(self.architecture(labels), device))
    }
}

/// The network with its weights.
#[derive(Clone, Debug)]
pub struct Classifier(Network);

impl Classifier {
    /// Logits `[batch, labels, 1, 1]` of sRGB in 0…1, `[batch, 3, H, W]`.
    #[must_use]
    pub fn forward(&self, rgb: Tensor<4>) -> Tensor<4> {
        self.0.forward(fastest_layout((rgb - MEAN) / SPREAD))
    }
}

impl Trainable for Classifier {
    fn visit(&self, visitor: &mut impl ModuleVisitor) {
        self.0.visit(visitor);
    }

    fn map(self, mapper: &mut impl ModuleMapper) -> Self {
        Self(self.0.map(mapper))
    }

    fn train(self) -> Self {
        Self(self.0.train())
    }

    fn valid(&self) -> Self {
        Self(self.0.valid())
    }
}

/// Interleaved 8-bit sRGB of square pictures as an input of [`Classifier::forward`].
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
