//! Configuration of a learner, its input and its reports.

use crate::color::ab_bins;
use crate::error::{Error, Result};
use crate::model::network::{NetworkConfig, Output};
use crate::model::weights::{EncoderFile, ModelFile};
use crate::training::encoder_learning::{EncoderLearning, EncoderPaths};
use crate::training::network_with_head::NetworkWithHeadConfig;
use crate::training::objective::{Health, Objective};
use crate::training::optimizer::OptimizerConfig;
use crate::training::schedule::Schedule;
use burn::tensor::DType;
use serde::{Deserialize, Serialize};

/// Everything that a run's arithmetic depends on, except the photographs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnerConfig {
    /// The loss.
    pub objective: Objective,
    /// Weight of the auxiliary loss: this many times the mean cross-entropy of the photographs' labels (nats
    /// for each photograph) is added to the objective's loss. 0 for none; for a unet or a lite.
    #[serde(default)]
    pub auxiliary: f64,
    /// Learning rates of a pretrained encoder; absent: it learns like the rest.
    #[serde(default)]
    pub encoder: Option<EncoderLearning>,
    /// The optimiser.
    pub optimizer: OptimizerConfig,
    /// The learning rate over the run.
    pub schedule: Schedule,
    /// Decay of the weights' exponential moving average, which becomes the model; 0 for none.
    #[serde(default)]
    pub average: f64,
    /// Type of the activations.
    #[serde(default)]
    pub precision: ComputePrecision,
    /// Length of the run, in steps.
    pub steps: u64,
}

impl LearnerConfig {
    /// Whether every setting is in its range and fits the network: what [`super::Learner::new`] refuses
    /// without looking at photographs or the device, and what would spoil a run later.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the first that is not, by its place below this configuration, such as
    /// `optimizer.clip`.
    pub fn check(&self, network: &NetworkConfig) -> Result<()> {
        let refuse = |name, value: String, range| Err(Error::Parameter { name, value, range });
        if self.steps == 0 {
            return refuse("steps", "0".to_owned(), "at least 1");
        }
        if let Objective::Classification { lambda, neighbors, smoothing, .. } = &self.objective {
            if !(0.0..=1.0).contains(lambda) {
                return refuse("objective.lambda", lambda.to_string(), "between 0 and 1");
            }
            if !(1..=ab_bins::COUNT).contains(neighbors) {
                let range = "from 1 to 313; the paper has 5, its code 10";
                return refuse("objective.neighbors", neighbors.to_string(), range);
            }
            if !(0.0..1.0).contains(smoothing) {
                return refuse("objective.smoothing", smoothing.to_string(), "from 0 up to below 1");
            }
        }
        let regression = matches!(self.objective, Objective::Regression { .. });
        if regression != (network.output() == Output::Chroma) {
            let (value, range) = if regression {
                ("regression", "classification, as the network's head is")
            } else {
                ("classification", "regression, as the network's head is")
            };
            return refuse("objective.kind", value.to_owned(), range);
        }
        if !(self.auxiliary.is_finite() && self.auxiliary >= 0.0) {
            return refuse("auxiliary", self.auxiliary.to_string(), "a number from 0 up");
        }
        if self.auxiliary > 0.0 && network.deepest().is_none() {
            let range = "0, or the network a unet or a lite: others have no deepest features";
            return refuse("auxiliary", self.auxiliary.to_string(), range);
        }
        EncoderPaths::new(self.encoder.as_ref(), network)?;
        self.optimizer.check()?;
        self.schedule.check()?;
        if !(0.0..1.0).contains(&self.average) {
            return refuse("average", self.average.to_string(), "from 0 to below 1");
        }
        Ok(())
    }
}

/// Type of the activations in training. Weights, moments and norms are f32 always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ComputePrecision {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits with the range of 32.
    Bf16,
}

impl ComputePrecision {
    pub(super) fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::Bf16 => DType::BF16,
        }
    }
}

/// A batch of examples.
#[derive(Clone, Copy, Debug)]
pub struct Examples<'a> {
    /// Number of examples.
    pub count: usize,
    /// Width and height of each, a multiple of [`NetworkConfig::size_multiple`].
    pub crop: usize,
    /// Raw L, `[count, 1, crop, crop]`.
    pub lightness: &'a [f32],
    /// True ab of every cell, `[count, crop/4, crop/4]`, CIE units.
    pub chroma: &'a [[f32; 2]],
    /// Label of each, as an index into the learner's [`Labels`](crate::training::labels::Labels); `None`
    /// where it is not known. May be empty where none is known.
    pub labels: &'a [Option<usize>],
}

/// Weights that a run starts from.
#[derive(Clone, Debug)]
pub enum Start {
    /// All of a model's weights.
    Model(Box<ModelFile>),
    /// A pretrained encoder, under a decoder with random weights.
    Encoder(EncoderFile),
}

/// Measurements of a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Weighted loss, divided by the objective's [`Reduction`](crate::training::objective::Reduction).
    pub loss: f64,
    /// Mean cross-entropy of the labels over the photographs that have one, nats; absent where none has one,
    /// or without an auxiliary loss.
    pub auxiliary: Option<f64>,
    /// Learning rate of the step.
    pub rate: f64,
    /// L2 norm of the gradient before clipping; absent without clipping.
    pub gradient: Option<f64>,
    /// Statistics of the predicted colours.
    pub health: Health,
}

/// Checks the weight of the auxiliary loss: above 0 it needs labels and a network with a head for them.
pub(super) fn check_auxiliary(weight: f64, architecture: &NetworkWithHeadConfig) -> Result<()> {
    let refuse = |value: String, range| Err(Error::Parameter { name: "auxiliary", value, range });
    if !(weight.is_finite() && weight >= 0.0) {
        return refuse(weight.to_string(), "a number from 0 up");
    }
    if weight > 0.0 && architecture.labels == 0 {
        return refuse(weight.to_string(), "0 for photographs without labels, at least two of one source");
    }
    if !architecture.is_consistent() {
        return refuse(
            architecture.network.name().to_owned(),
            "0, or a unet or a lite: other networks have no deepest features",
        );
    }
    Ok(())
}
