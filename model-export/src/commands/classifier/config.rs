//! The file that says all of a classifier: nothing that it depends on is anywhere else but the
//! photographs.

use crate::dataset::batches::Sampling;
use crate::dataset::labelled::Crop;
use anyhow::{Context, Result, ensure};
use autochrome::training::classifier::{ClassifierConfig, ClassifierLearnerConfig};
use serde::{Deserialize, Serialize};
use std::path::Path;

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
        let name = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
        let config: Self =
            toml::from_str(&text).with_context(|| format!("{name} is no configuration of a classifier"))?;
        config.check().with_context(|| name.to_string())?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        ensure!(self.batch > 0, "batch must be at least 1");
        ensure!(self.learner.steps > 0, "learner.steps must be at least 1");
        ensure!(0.0 < self.held_out && self.held_out < 1.0, "held_out must be between 0 and 1");
        self.crop.check()?;
        Ok(self.network.check()?)
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
