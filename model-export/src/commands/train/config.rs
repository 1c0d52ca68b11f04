//! The file that says all of a run: nothing that its numbers depend on is anywhere else.

use super::MAX_MINUTES;
use crate::dataset::batches::Sampling;
use crate::settings::Text;
use anyhow::{Context, Result, ensure};
use autochrome::model::network::NetworkConfig;
use autochrome::model::weights::MAX_FILE;
use autochrome::training::augmentation::Augmentation;
use autochrome::training::learner::LearnerConfig;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Pixels of a photograph, along each axis, for one colour of the targets.
const CELL: usize = 4;

/// The largest working size of a model file.
const MAX_SIZE: usize = 4096;

const MAX_BATCH: u64 = 1 << 16;

/// L of a batch is in memory as f32: 4 GiB.
const MAX_BATCH_PIXELS: usize = 1 << 30;

/// With the most parts of each, the batches of the steps stay below 2^40, where those that count the prior
/// begin.
const MAX_STEPS: u64 = 1 << 24;

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
        let (mut config, text) = Text::read::<Self>(path, "training configuration")?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for file in [&mut config.start, &mut config.encoder].into_iter().flatten() {
            *file = folder.join(&*file);
        }
        config.check(&text).with_context(|| path.display().to_string())?;
        Ok(config)
    }

    /// Everything that would stop the run later, or leave a model that cannot be read.
    fn check(&self, text: &Text) -> Result<()> {
        let network = &self.network;
        network.check().map_err(|error| text.refuse_parameter("network", error))?;
        if network.cell() != CELL {
            let range = "eccv16, unet or lite: others are not trained here";
            return Err(text.refuse("network.network", network.name(), range));
        }
        let most = MAX_FILE / size_of::<f32>();
        ensure!(
            network.parameters() <= most,
            "the network has {} weights; a model file holds at most {most}: make [network] narrower",
            network.parameters()
        );
        self.learner.check(network).map_err(|error| text.refuse_parameter("learner", error))?;
        self.augmentation.check().map_err(|error| text.refuse_parameter("augmentation", error))?;
        let crop = self.augmentation.crop;
        let multiple = network.size_multiple();
        if !crop.is_multiple_of(multiple) {
            return Err(text.refuse(
                "augmentation.crop",
                crop,
                &format!("a multiple of {multiple} for this network"),
            ));
        }
        if crop > MAX_SIZE {
            return Err(text.refuse("augmentation.crop", crop, &format!("at most {MAX_SIZE}")));
        }
        for (key, value, least, most) in [
            ("batch", self.batch as u64, 1, MAX_BATCH),
            ("accumulate", self.accumulate as u64, 1, MAX_BATCH),
            ("prior_examples", self.prior_examples as u64, 1, MAX_STEPS),
            ("learner.steps", self.learner.steps, 1, MAX_STEPS),
            ("log.every", self.log.every, 1, u64::MAX),
            ("log.validate_every", self.log.validate_every, 1, u64::MAX),
            ("model.working_size", self.model.working_size as u64, 8, MAX_SIZE as u64),
        ] {
            if value < least {
                return Err(text.refuse(key, value, &format!("at least {least}")));
            }
            if value > most {
                return Err(text.refuse(key, value, &format!("at most {most}")));
            }
        }
        if self.batch * crop * crop > MAX_BATCH_PIXELS {
            let range = format!("at most {} with a crop of {crop}", MAX_BATCH_PIXELS / (crop * crop));
            return Err(text.refuse("batch", self.batch, &range));
        }
        let minutes = self.log.checkpoint_minutes;
        if !(0.0..=MAX_MINUTES).contains(&minutes) {
            return Err(text.refuse("log.checkpoint_minutes", minutes, &format!("from 0 to {MAX_MINUTES}")));
        }
        let ModelSettings { temperature, rebalance, .. } = self.model;
        if !(0.0..=10.0).contains(&temperature) {
            return Err(text.refuse("model.temperature", temperature, "a number from 0 to 10"));
        }
        if !(0.0..=1.0).contains(&rebalance) {
            return Err(text.refuse("model.rebalance", rebalance, "a number from 0 to 1"));
        }
        self.sampling.check().context("sampling")?;
        if !(0.0..1.0).contains(&self.start_share) {
            return Err(text.refuse("start_share", self.start_share, "from 0 to below 1"));
        }
        if self.start_share != 0.0 && self.start.is_none() {
            return Err(text.refuse("start_share", self.start_share, "0 without a start to take it from"));
        }
        ensure!(self.start.is_none() || self.encoder.is_none(), "give start or encoder, not both");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_configuration_in_the_repository_is_one() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
        let mut read = 0;
        for entry in walkdir::WalkDir::new(&folder) {
            let path = entry.unwrap().into_path();
            if path.extension().is_some_and(|extension| extension == "toml")
                && path.file_name().is_some_and(|name| name != "classifier.toml")
            {
                TrainConfig::read(&path).unwrap();
                read += 1;
            }
        }
        assert!(read > 10, "{read}");
    }
}
