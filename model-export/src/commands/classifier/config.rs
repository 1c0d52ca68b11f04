//! The file that says all of a classifier: nothing that it depends on is anywhere else but the
//! photographs.

use crate::dataset::batches::Sampling;
use crate::dataset::labelled::Crop;
use crate::settings::Text;
use anyhow::{Context, Result};
use autochrome::training::classifier::{ClassifierConfig, ClassifierLearnerConfig};
use serde::{Deserialize, Serialize};
use std::path::Path;

const MAX_BATCH: usize = 1 << 16;

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where all chance comes from: first weights, batches, which photographs are held out.
    pub seed: u64,
    /// Photographs of a step.
    pub batch: usize,
    /// Share of the photographs that are never learned from.
    pub held_out: f64,
    /// Labels of fewer photographs are left out.
    pub least_photographs: usize,
    /// The network.
    pub network: ClassifierConfig,
    /// Smoothing, optimiser, schedule, length.
    pub learner: ClassifierLearnerConfig,
    /// How often each source is drawn.
    #[serde(default)]
    pub sampling: Sampling,
    /// How pictures are cut from photographs.
    #[serde(default)]
    pub crop: Crop,
}

impl Config {
    /// Reads and checks a TOML file.
    pub fn read(path: &Path) -> Result<Self> {
        let (config, text) = Text::read::<Self>(path, "configuration of a classifier")?;
        config.check(&text).with_context(|| path.display().to_string())?;
        Ok(config)
    }

    fn check(&self, text: &Text) -> Result<()> {
        if !(1..=MAX_BATCH).contains(&self.batch) {
            return Err(text.refuse("batch", self.batch, &format!("from 1 to {MAX_BATCH}")));
        }
        if !(0.0 < self.held_out && self.held_out < 1.0) {
            return Err(text.refuse("held_out", self.held_out, "between 0 and 1"));
        }
        self.crop.check()?;
        self.sampling.check().context("sampling")?;
        self.network.check().map_err(|error| text.refuse_parameter("network", error))?;
        self.learner.check().map_err(|error| text.refuse_parameter("learner", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_configuration_of_the_size_it_says() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/classifier.toml");
        let config = Config::read(&path).unwrap();
        assert_eq!((config.network.input, config.held_out), (64, 0.1));
    }

    #[test]
    fn settings_outside_their_range_are_refused() {
        let text = include_str!("../../../configs/classifier.toml");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("classifier.toml");
        for (from, to, says) in [
            ("held_out = 0.1", "held_out = 0.0", "held_out"),
            ("batch = 64", "batch = 0", "batch"),
            ("batch = 64", "batches = 64", "batches"),
            ("input = 64", "input = 60", "input"),
            ("scale = [1.0, 1.3]", "scale = [1.3, 1.0]", "crop.scale"),
            ("mirror = 0.5", "mirror = 2.0", "crop.mirror"),
            ("blocks = [1, 2, 2]", "blocks = [1]", "blocks"),
        ] {
            assert!(text.contains(from), "{from}");
            std::fs::write(&path, text.replace(from, to)).unwrap();
            let error = format!("{:#}", Config::read(&path).unwrap_err());
            assert!(error.contains(says) && error.contains("classifier.toml"), "{error}");
        }
    }
}
