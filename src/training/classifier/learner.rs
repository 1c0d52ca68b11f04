//! Training of the classifier.

use super::{Classifier, ClassifierConfig, planes};
use crate::error::Error;
use crate::training::error::{Result, TrainingError};
use crate::training::initial_weights;
use crate::training::labels::Labels;
use crate::training::optimizer::{Optimizer, OptimizerConfig};
use crate::training::schedule::Schedule;
use crate::training::tape::{Tape, number};
use burn::prelude::*;
use serde::{Deserialize, Serialize};

/// Everything that a run's arithmetic depends on, except the photographs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierLearnerConfig {
    /// Fraction of the target that is spread evenly over all labels of the source (Szegedy et al. 2016).
    #[serde(default)]
    pub smoothing: f64,
    /// The optimiser.
    pub optimizer: OptimizerConfig,
    /// The learning rate over the run.
    pub schedule: Schedule,
    /// Length of the run, in steps.
    pub steps: u64,
}

impl ClassifierLearnerConfig {
    /// Whether every field is in its range.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the first that is not, by its place below this configuration.
    pub fn check(&self) -> Result<(), Error> {
        if self.steps == 0 {
            let value = self.steps.to_string();
            return Err(Error::Parameter { name: "steps", value, range: "at least 1" });
        }
        check_smoothing(self.smoothing)?;
        self.optimizer.check()?;
        self.schedule.check()
    }
}

fn check_smoothing(smoothing: f64) -> Result<(), Error> {
    if (0.0..1.0).contains(&smoothing) {
        return Ok(());
    }
    let value = smoothing.to_string();
    Err(Error::Parameter { name: "smoothing", value, range: "from 0 up to below 1" })
}

/// A batch of labelled photographs.
#[derive(Clone, Copy, Debug)]
pub struct Labeled<'a> {
    /// Interleaved 8-bit sRGB, `[count, input, input, 3]`.
    pub rgb: &'a [u8],
    /// Index of each photograph's label in [`Labels`].
    pub labels: &'a [usize],
}

/// Measurements of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassifierStepReport {
    /// Mean smoothed cross-entropy of the photographs, nats.
    pub loss: f64,
    /// Learning rate of the step.
    pub rate: f64,
}

/// A classifier in training.
#[derive(Debug)]
pub struct ClassifierLearner {
    config: ClassifierLearnerConfig,
    network_config: ClassifierConfig,
    labels: Labels,
    network: Classifier,
    optimizer: Optimizer,
    step: u64,
    tape: Tape,
    device: Device,
}

impl ClassifierLearner {
    /// A learner at step 0, with convolutions drawn from `seed` as He et al. (2015) propose.
    ///
    /// # Errors
    /// [`Error::Parameter`] for invalid settings, or no labels.
    pub fn new(
        config: ClassifierLearnerConfig,
        network_config: ClassifierConfig,
        labels: Labels,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        network_config.check()?;
        check_smoothing(config.smoothing)?;
        if labels.is_empty() {
            let range = "at least two labels of one source";
            return Err(Error::Parameter { name: "labels", value: "none".to_owned(), range }.into());
        }
        let tape = Tape::of(device);
        let blank = network_config.init(labels.len(), device);
        let network = tape.record(initial_weights::draw(blank, initial_weights::RELU, seed), |_| false);
        Ok(Self {
            optimizer: Optimizer::new(config.optimizer.clone(), tape),
            config,
            network_config,
            labels,
            network,
            step: 0,
            tape,
            device: device.clone(),
        })
    }

    /// Number of steps done.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// One step on a batch. With `examine` the loss is measured and returned, for which the device must
    /// finish first.
    ///
    /// # Errors
    /// [`Error::Parameter`] for photographs of another size or unknown labels, [`TrainingError::Diverged`] where the
    /// loss or the gradient is not finite; the weights are then those before the step. The loss is checked
    /// only with `examine`.
    pub fn step(&mut self, photographs: Labeled<'_>, examine: bool) -> Result<Option<ClassifierStepReport>> {
        let (count, side) = (photographs.labels.len(), self.network_config.input);
        let known = photographs.labels.iter().all(|label| *label < self.labels.len());
        if count == 0 || photographs.rgb.len() != count * side * side * 3 || !known {
            return Err(Error::Parameter {
                name: "photographs",
                value: format!("{} samples and {count} labels", photographs.rgb.len()),
                range: "three samples for each pixel of the input and a known label for each photograph",
            }
            .into());
        }
        let rate = self.config.schedule.rate(self.step, self.config.steps);
        let output = self.network.forward(self.tape.input(planes(photographs.rgb, side, &self.device)));
        let shown = photographs.labels.iter().copied().map(Some);
        let (loss, gradient) =
            self.labels.compare(&self.tape.plain(output.clone()), shown, self.config.smoothing);
        let report = examine.then(|| ClassifierStepReport { loss: number(&loss), rate });
        if let Some(ClassifierStepReport { loss, .. }) = report
            && !loss.is_finite()
        {
            return Err(TrainingError::Diverged { what: "loss", value: loss, step: self.step });
        }
        let gradients = self.tape.gradients(&self.network, [(output, gradient)]);
        let (factor, length) = self.optimizer.factor(&gradients, 1.0);
        if let Some(value) = length.filter(|length| !length.is_finite()) {
            return Err(TrainingError::Diverged { what: "gradient", value, step: self.step });
        }
        let blank = self.blank();
        let network = std::mem::replace(&mut self.network, blank);
        self.network = self.optimizer.step(network, gradients, factor, |_| rate, self.step + 1);
        self.step += 1;
        Ok(report)
    }

    fn blank(&self) -> Classifier {
        self.network_config.init(self.labels.len(), &self.device)
    }

    /// A copy of the classifier, off the tape.
    #[must_use]
    pub fn classifier(&self) -> Classifier {
        self.tape.copy(&self.network, self.blank())
    }
}
