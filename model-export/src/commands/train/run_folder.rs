//! The files of a run. Every file is replaced as a whole, so an interruption at any moment
//! leaves a folder that can be gone on with.

use super::config::TrainConfig;
use crate::input;
use crate::output::write_whole;
use anyhow::{Context, Result, bail, ensure};
use autochrome::training::labels::Labels;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

pub const CONFIG: &str = "config.toml";
pub const CHECKPOINT: &str = "checkpoint.safetensors";
const LABELS: &str = "labels.json";
const METRICS: &str = "metrics.csv";
const PRIOR: &str = "prior.json";

/// Every file that is written here.
pub const WRITTEN: [&str; 5] = [CONFIG, CHECKPOINT, LABELS, METRICS, PRIOR];

/// One look at a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Steps made.
    pub step: u64,
    /// Photographs seen.
    pub photographs: u64,
    /// Loss of the batch.
    pub loss: Option<f64>,
    /// Learning rate.
    pub rate: Option<f64>,
    /// Length of the gradient before clipping.
    pub gradient: Option<f64>,
    /// Mean entropy of the predicted distributions, nats.
    pub entropy: Option<f64>,
    /// Mean chroma of the predicted mean colours.
    pub chroma: Option<f64>,
    /// Mean chroma of the truth.
    pub true_chroma: Option<f64>,
    /// Mean cross-entropy of the batch's labels, nats.
    pub label_loss: Option<f64>,
    /// Loss of the averaged weights on the validation photographs.
    pub validation_loss: Option<f64>,
    /// Photographs a second since the row before.
    pub photographs_per_second: Option<f64>,
}

/// The folder of a run.
pub struct RunFolder {
    path: PathBuf,
    rows: Vec<Row>,
}

impl RunFolder {
    /// A folder for a new run, which is not made yet; one that holds a run already is refused, and one
    /// that cannot be made or written to.
    pub fn vacant(path: &Path) -> Result<Self> {
        let folder = Self { path: path.to_owned(), rows: Vec::new() };
        ensure!(
            !folder.file(CONFIG).exists(),
            "{} holds a run already; go on with it by --resume, or choose another folder",
            path.display()
        );
        let there = path.ancestors().find(|above| above.exists()).unwrap_or(Path::new("."));
        tempfile::tempfile_in(there).with_context(|| format!("cannot write into {}", there.display()))?;
        Ok(folder)
    }

    /// Makes it, with the configuration in it.
    pub fn create(&self, config: &TrainConfig) -> Result<()> {
        let text = toml::to_string_pretty(config).context("the configuration cannot be written")?;
        write_whole(&self.file(CONFIG), |out| Ok(out.write_all(text.as_bytes())?))
    }

    /// The folder of a run of the same configuration.
    pub fn open(path: &Path, config: &TrainConfig) -> Result<Self> {
        let mut folder = Self { path: path.to_owned(), rows: Vec::new() };
        let file = folder.file(CONFIG);
        let text =
            input::text(&file).with_context(|| format!("{} holds no run to resume", path.display()))?;
        let began: TrainConfig = toml::from_str(&text).with_context(|| file.display().to_string())?;
        if began != *config {
            bail!(
                "{} began with another configuration (see its {CONFIG}); resume with that one, or begin a \
                 new folder",
                path.display()
            );
        }
        let metrics = folder.file(METRICS);
        if metrics.exists() {
            let mut reader = csv::Reader::from_path(&metrics)
                .with_context(|| format!("cannot read {}", metrics.display()))?;
            folder.rows = reader
                .deserialize()
                .collect::<Result<_, _>>()
                .with_context(|| metrics.display().to_string())?;
        }
        Ok(folder)
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The looks so far.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Notes a look.
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// The colour distribution that the run's class weights come from, if it was counted.
    pub fn prior(&self) -> Result<Option<Vec<f64>>> {
        self.read_json(PRIOR)
    }

    /// Keeps it.
    pub fn keep_prior(&self, prior: &[f64]) -> Result<()> {
        write_whole(&self.file(PRIOR), |out| Ok(serde_json::to_writer(out, prior)?))
    }

    /// The labels that the run teaches.
    pub fn labels(&self) -> Result<Option<Labels>> {
        self.read_json(LABELS)
    }

    /// Keeps them, if there are any.
    pub fn keep_labels(&self, labels: &Labels) -> Result<()> {
        if labels.is_empty() {
            return Ok(());
        }
        write_whole(&self.file(LABELS), |out| Ok(serde_json::to_writer(out, labels)?))
    }

    fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let file = self.file(name);
        if !file.exists() {
            return Ok(None);
        }
        let text = input::text(&file)?;
        Ok(Some(serde_json::from_str(&text).with_context(|| file.display().to_string())?))
    }

    /// The last checkpoint. Looks after its step are forgotten: they will be made again.
    pub fn checkpoint(&self) -> Result<Option<Vec<u8>>> {
        let file = self.file(CHECKPOINT);
        match file.exists() {
            false => Ok(None),
            true => {
                Ok(Some(std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?))
            }
        }
    }

    /// Forgets looks after a step.
    pub fn rewind(&mut self, step: u64) {
        self.rows.retain(|row| row.step <= step);
    }

    /// Keeps a checkpoint, and the looks up to it.
    pub fn keep_checkpoint(&self, bytes: &[u8]) -> Result<()> {
        self.keep_metrics()?;
        write_whole(&self.file(CHECKPOINT), |out| Ok(out.write_all(bytes)?))
    }

    /// Keeps the looks.
    pub fn keep_metrics(&self) -> Result<()> {
        write_whole(&self.file(METRICS), |out| {
            let mut writer = csv::Writer::from_writer(out);
            self.rows.iter().try_for_each(|row| writer.serialize(row))?;
            Ok(writer.flush()?)
        })
    }
}
