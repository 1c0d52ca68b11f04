//! The training step: a network's weights, the optimiser's moments and the weights' average, one step at a
//! time.

mod config;
mod start;
mod state;

pub use config::{ComputePrecision, Examples, LearnerConfig, Start, StepReport};

use super::encoder_learning::EncoderPaths;
use super::error::{Result, TrainingError};
use super::initial_weights;
use super::labels::Labels;
use super::network_with_head::{NetworkWithHead, NetworkWithHeadConfig};
use super::objective::{Health, Objective, Targets};
use super::optimizer::Optimizer;
use super::tape::{Flat, Tape, Trainable, number};
use crate::error::Error;
use crate::model::network::{NetworkConfig, Output};
use burn::prelude::*;
use burn::tensor::DType;

/// A network in training.
#[derive(Debug)]
pub struct Learner {
    config: LearnerConfig,
    class_weights: Option<Vec<f64>>,
    architecture: NetworkWithHeadConfig,
    encoder: EncoderPaths,
    labels: Labels,
    network: NetworkWithHead,
    optimizer: Optimizer,
    average: Option<NetworkWithHead>,
    step: u64,
    tape: Tape,
    /// The device without automatic differentiation.
    device: Device,
}

impl Learner {
    /// A learner at step 0. `start` are the first weights (a model's class weights are not used); weights
    /// that it lacks are drawn from `seed` as He et al. (2015) propose. `prior` is the data's colour
    /// distribution, `[313]`. `labels` are those that photographs may have; they are ignored without an
    /// auxiliary loss.
    ///
    /// # Errors
    /// [`Error::Parameter`] for settings that are invalid or that the device does not support,
    /// [`Error::ModelTensors`] for weights of another network.
    pub fn new(
        config: LearnerConfig,
        network_config: &NetworkConfig,
        start: Option<Start>,
        prior: &[f64],
        labels: Labels,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        let class_weights = config.objective.class_weights(prior)?;
        let regression = matches!(config.objective, Objective::Regression { .. });
        if regression != (network_config.output() == Output::Chroma) {
            return Err(Error::Parameter {
                name: "head",
                value: network_config.name().to_owned(),
                range: "\"regression\" for a regression, \"classification\" for a classification",
            }
            .into());
        }
        let dtype = config.precision.dtype();
        if dtype != DType::F32 && !device.supports_dtype(dtype) {
            return Err(Error::Parameter {
                name: "precision",
                value: "bf16".to_owned(),
                range: "f32: this device does not compute in bf16",
            }
            .into());
        }
        let labels = if config.auxiliary == 0.0 { Labels::default() } else { labels };
        let architecture = NetworkWithHeadConfig { network: network_config.clone(), labels: labels.len() };
        config::check_auxiliary(config.auxiliary, &architecture)?;
        let tape = Tape::of(device);
        let encoder = EncoderPaths::new(config.encoder.as_ref(), network_config)?;
        let drawn = || initial_weights::draw(network_config.init(device), initial_weights::RELU, seed);
        let network = match start {
            Some(Start::Model(model)) => start::from_model(*model, network_config, seed, device)?,
            Some(Start::Encoder(encoder)) => start::with_encoder(encoder, network_config, &drawn(), device)?,
            None => drawn(),
        };
        let network = architecture.with_random_head(network, seed, device);
        let average = (config.average > 0.0).then(|| tape.copy(&network, architecture.init(device)));
        let network = tape.record(network, |path| encoder.is_frozen(path));
        Ok(Self {
            optimizer: Optimizer::new(config.optimizer.clone(), tape),
            config,
            class_weights,
            architecture,
            encoder,
            labels,
            network,
            average,
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

    /// The 313 class weights of the objective, if it has any.
    #[must_use]
    pub fn class_weights(&self) -> Option<&[f64]> {
        self.class_weights.as_deref()
    }

    /// One step on the mean gradient of `parts`, one or more batches. With `examine`, loss and health are
    /// measured and returned, which costs a little.
    ///
    /// # Errors
    /// [`Error::Parameter`] for batches of the wrong size, [`TrainingError::Diverged`] where the loss or the gradient
    /// is not finite; the weights are then those before the step. The loss is checked only with `examine`.
    pub fn step(&mut self, parts: &[Examples<'_>], examine: bool) -> Result<Option<StepReport>> {
        for part in parts {
            self.check(*part)?;
        }
        let share = 1.0 / parts.len() as f64;
        let mut gradients = Flat::new();
        let mut report = None;
        // Sum of the labels' cross-entropies, and their number.
        let mut auxiliary = (0.0, 0);
        for part in parts {
            let Comparison { outputs, loss, auxiliary: labels_loss, health } = self.compare(*part, examine);
            if let Some(health) = health {
                let loss = number(&loss);
                if !loss.is_finite() {
                    return Err(self.diverged("loss", loss));
                }
                if let Some(labels_loss) = &labels_loss {
                    let mean = number(labels_loss);
                    if !mean.is_finite() {
                        return Err(self.diverged("labels' loss", mean));
                    }
                    auxiliary.0 += mean * part.count as f64;
                    auxiliary.1 += part.labels.iter().flatten().count();
                }
                let report: &mut StepReport = report.get_or_insert(StepReport {
                    loss: 0.0,
                    auxiliary: None,
                    rate: self.config.schedule.rate(self.step, self.config.steps),
                    gradient: None,
                    health,
                });
                report.loss += loss * share;
            }
            let found = self.tape.gradients(&self.network, outputs);
            // libtorch accumulates gradients over the parts; Burn returns those of each part.
            match self.tape {
                Tape::Burn => {
                    for (path, gradient) in found {
                        let sum = match gradients.remove(&path) {
                            None => gradient,
                            Some(sum) => sum + gradient,
                        };
                        gradients.insert(path, sum);
                    }
                }
                #[cfg(feature = "libtorch")]
                Tape::Libtorch => gradients = found,
            }
        }
        let length = self.update(gradients, share)?;
        if let Some(report) = &mut report {
            report.gradient = length;
            report.auxiliary = (auxiliary.1 > 0).then(|| auxiliary.0 / auxiliary.1 as f64);
        }
        self.update_average();
        self.step += 1;
        Ok(report)
    }

    /// Checks the numbers of pixels, colours and labels of a batch.
    fn check(&self, part: Examples<'_>) -> Result<()> {
        let Examples { count, crop, lightness, chroma, labels } = part;
        let multiple = self.architecture.network.size_multiple();
        if count == 0 || crop == 0 || crop % multiple != 0 {
            return Err(Error::Parameter {
                name: "crop",
                value: crop.to_string(),
                range: "a multiple of what the network halves: 32 for a unet of four stages, 8 for eccv16",
            }
            .into());
        }
        let cells = crop / self.architecture.network.cell();
        let found = [lightness.len(), chroma.len()];
        if found != [count * crop * crop, count * cells * cells] {
            return Err(Error::Parameter {
                name: "examples",
                value: format!("{} pixels and {} colours", found[0], found[1]),
                range: "a lightness for each pixel and a colour for each cell of 4 x 4",
            }
            .into());
        }
        let largest = labels.iter().flatten().max();
        let known = self.labels.is_empty() || largest.is_none_or(|largest| *largest < self.labels.len());
        if !(labels.is_empty() || labels.len() == count) || !known {
            return Err(Error::Parameter {
                name: "labels",
                value: match largest {
                    Some(largest) if !known => format!("label {largest} of {}", self.labels.len()),
                    _ => format!("{} for {count} photographs", labels.len()),
                },
                range: "one known label or none for each photograph, or nothing for all of them",
            }
            .into());
        }
        Ok(())
    }

    /// The forward pass of a batch, on the tape, and its losses.
    fn compare(&self, part: Examples<'_>, examine: bool) -> Comparison {
        let targets = self.targets(part);
        let lightness = self.tape.input(lightness(part, &self.device));
        let has_labels = part.labels.iter().any(Option::is_some);
        let (output, logits) = self.network.forward(lightness, self.config.precision.dtype(), has_labels);
        let compared = targets.compare(&self.tape.plain(output.clone()), examine);
        let health = targets.health(&compared);
        let mut outputs = vec![(output, compared.gradient)];
        let auxiliary = logits.map(|logits| {
            let shown = part.labels.iter().copied();
            let (loss, gradient) = self.labels.compare(&self.tape.plain(logits.clone()), shown, 0.0);
            outputs.push((logits, gradient * self.config.auxiliary));
            loss
        });
        Comparison { outputs, loss: compared.loss, auxiliary, health }
    }

    fn targets(&self, part: Examples<'_>) -> Targets {
        let cells = part.crop / self.architecture.network.cell();
        self.config.objective.targets([part.count, cells, cells], part.chroma, self.class_weights.as_deref())
    }

    /// Updates the weights; returns the gradient's norm where there is clipping.
    fn update(&mut self, gradients: Flat, share: f64) -> Result<Option<f64>> {
        let (factor, length) = self.optimizer.factor(&gradients, share);
        if let Some(length) = length.filter(|length| !length.is_finite()) {
            return Err(self.diverged("gradient", length));
        }
        let rate = self.config.schedule.rate(self.step, self.config.steps);
        let fresh = self.blank();
        let network = std::mem::replace(&mut self.network, fresh);
        let rate = |path: &str| rate * self.encoder.rate(path);
        self.network = self.optimizer.step(network, gradients, factor, rate, self.step + 1);
        Ok(length)
    }

    /// Updates the average of the weights. Early in a run its decay is faster, so that the first weights
    /// do not dominate it.
    fn update_average(&mut self) {
        let Some(average) = self.average.take() else { return };
        let decay = self.config.average.min((1.0 + self.step as f64) / (10.0 + self.step as f64));
        let mut now = self.tape.untaped(|| self.tape.flat(&self.network.valid()));
        let is_frozen = |path: &str| self.encoder.is_frozen(path);
        self.average = Some(self.tape.change(average, false, |path, mean, _| {
            now.remove(path).filter(|_| !is_frozen(path)).map(|now| mean * decay + now * (1.0 - decay))
        }));
    }

    /// Mean loss and health of the averaged weights (without an average, of the weights themselves) on a
    /// batch, without learning from it.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a batch of the wrong size, [`TrainingError::Diverged`] where the loss is not finite.
    pub fn validate(&self, part: Examples<'_>) -> Result<(f64, Health)> {
        self.check(part)?;
        self.tape.untaped(|| {
            let untaped;
            let network = match &self.average {
                Some(average) => average,
                None => {
                    untaped = self.tape.copy(&self.network, self.blank());
                    &untaped
                }
            };
            let targets = self.targets(part);
            let output = network.base.forward(lightness(part, &self.device));
            let compared = targets.compare(&output, true);
            let loss = number(&compared.loss);
            let health = targets.health(&compared).unwrap_or_default();
            if loss.is_finite() { Ok((loss, health)) } else { Err(self.diverged("loss", loss)) }
        })
    }

    fn blank(&self) -> NetworkWithHead {
        self.architecture.init(&self.device)
    }

    fn diverged(&self, what: &'static str, value: f64) -> TrainingError {
        TrainingError::Diverged { what, value, step: self.step }
    }
}

/// Outputs and losses of a batch.
struct Comparison {
    /// Outputs on the tape, each with the gradient at it.
    outputs: Vec<(Tensor<4>, Tensor<4>)>,
    /// Loss of the objective, `[1]`.
    loss: Tensor<1>,
    /// Cross-entropy of the labels divided by the number of photographs, `[1]`.
    auxiliary: Option<Tensor<1>>,
    health: Option<Health>,
}

fn lightness(part: Examples<'_>, device: &Device) -> Tensor<4> {
    let Examples { count, crop, lightness, .. } = part;
    Tensor::from_data(TensorData::new(lightness.to_vec(), [count, 1, crop, crop]), device)
}
