//! The file that says all of a run: nothing that its numbers depend on is anywhere else.

use crate::dataset::batches::Sampling;
use anyhow::{Context, Result, ensure};
use autochrome::model::network::NetworkConfig;
use autochrome::training::augmentation::Augmentation;
use autochrome::training::learner::LearnerConfig;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Where all chance comes from: first weights, batches, augmentation.
    pub seed: u64,
    /// Photographs of a part.
    pub batch: usize,
    /// Parts whose gradients are averaged into one step.
    #[serde(default = "one")]
    pub accumulate: usize,
    /// Weights to begin with: a model file, relative to this file. Absent: from nothing.
    pub start: Option<PathBuf>,
    /// Weights of the encoder alone to begin with, as `convert` makes them of a published checkpoint,
    /// relative to this file. For a lite, in place of `start`.
    pub encoder: Option<PathBuf>,
    /// Share of the weights to begin with in the model that is kept in the end, from 0 to below 1: the
    /// rest are those of the run (their average, where there is one).
    #[serde(default)]
    pub start_share: f64,
    /// Examples that the class prior is counted over.
    #[serde(default = "prior_examples")]
    pub prior_examples: usize,
    /// Labels of fewer photographs are not taught beside the colours (`learner.auxiliary`).
    #[serde(default = "least_photographs")]
    pub least_photographs: usize,
    /// The network.
    pub network: NetworkConfig,
    /// Objective, optimiser, schedule, length.
    pub learner: LearnerConfig,
    /// How often each source is drawn.
    #[serde(default)]
    pub sampling: Sampling,
    /// How examples are cut and changed.
    #[serde(default)]
    pub augmentation: Augmentation,
    /// Metadata of the model file.
    #[serde(default)]
    pub model: ModelSettings,
    /// The looks at a run, and how often.
    #[serde(default)]
    pub log: LogSettings,
}

/// Settings and words that go into the model file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelSettings {
    /// Short side that photographs are resized to.
    pub working_size: usize,
    /// Default temperature.
    pub temperature: f32,
    /// Default share of the class rebalancing that is kept.
    pub rebalance: f32,
    /// The photographs it was trained on.
    pub trained_on: String,
    /// Terms of use.
    pub license: String,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self {
            working_size: 256,
            temperature: autochrome::color::ab_bins::PAPER_TEMPERATURE,
            rebalance: 1.0,
            trained_on: String::new(),
            license: String::new(),
        }
    }
}

/// The looks at a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// Steps between two rows of the metrics.
    pub every: u64,
    /// Steps between two validations.
    pub validate_every: u64,
    /// Photographs of a validation.
    pub validation_photographs: usize,
    /// Minutes between two checkpoints.
    pub checkpoint_minutes: f64,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { every: 10, validate_every: 250, validation_photographs: 256, checkpoint_minutes: 5.0 }
    }
}

fn one() -> usize {
    1
}

fn prior_examples() -> usize {
    8192
}

fn least_photographs() -> usize {
    20
}

impl TrainConfig {
    /// Reads and checks a TOML file. Paths in it become those seen from here.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
        let mut config: Self =
            toml::from_str(&text).with_context(|| format!("{name} is no training configuration"))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for file in [&mut config.start, &mut config.encoder].into_iter().flatten() {
            *file = folder.join(&*file);
        }
        config.check().with_context(|| name.to_string())?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        ensure!(self.batch > 0 && self.accumulate > 0, "batch and accumulate must be at least 1");
        ensure!(self.learner.steps > 0, "learner.steps must be at least 1");
        ensure!(self.prior_examples > 0, "prior_examples must be at least 1");
        let log = &self.log;
        ensure!(log.every > 0 && log.validate_every > 0, "log.every and log.validate_every are from 1 up");
        ensure!((0.0..1.0).contains(&self.learner.average), "learner.average must be from 0 to below 1");
        ensure!((0.0..1.0).contains(&self.start_share), "start_share must be from 0 to below 1");
        ensure!(self.start_share == 0.0 || self.start.is_some(), "start_share needs a start to take it from");
        ensure!(self.start.is_none() || self.encoder.is_none(), "give start or encoder, not both");
        self.augmentation.check()?;
        let multiple = self.network.size_multiple();
        ensure!(
            self.augmentation.crop.is_multiple_of(multiple),
            "augmentation.crop is {}; this network needs a multiple of {multiple}",
            self.augmentation.crop
        );
        Ok(())
    }
}
