//! Labels of photographs, as far as the run teaches them.

use super::config::TrainConfig;
use crate::dataset::Dataset;
use crate::dataset::batches::Batch;
use crate::terminal::say;
use anyhow::{Result, ensure};
use autochrome::training::labels::Labels;

/// The labels of a run, and where those of its photographs stand among them.
pub struct Labelling {
    /// The run's.
    pub labels: Labels,
    /// For each of [`Dataset::labels`] its place in them; `None` for one that is not taught.
    places: Vec<Option<usize>>,
}

impl Labelling {
    /// Of a run: those that it has `kept`, else those of the data. None where the configuration teaches no
    /// labels.
    pub fn of(dataset: &Dataset, config: &TrainConfig, kept: Option<Labels>) -> Result<Self> {
        let mut labelling = Self { labels: Labels::default(), places: vec![None; dataset.labels().len()] };
        if config.learner.auxiliary == 0.0 {
            return Ok(labelling);
        }
        labelling.labels = kept.unwrap_or_else(|| dataset.common_labels(config.least_photographs));
        let mut labelled = 0;
        for index in 0..dataset.len() {
            let item = dataset.item(index);
            let Some((label, number)) = item.label.zip(item.label_index) else { continue };
            let place = labelling.labels.place(item.source, label);
            labelled += usize::from(place.is_some());
            labelling.places[number as usize] = place;
        }
        ensure!(
            labelled > 0,
            "learner.auxiliary is {}, but of {} labels no source has two of at least {} photographs each; \
             labels come from the column `class` of a manifest.csv beside the photographs",
            config.learner.auxiliary,
            dataset.labels().len(),
            config.least_photographs
        );
        say!("{labelled} of them say which of {} labels they show", labelling.labels.len());
        Ok(labelling)
    }

    /// Labels of a batch's examples.
    pub fn places(&self, batch: &Batch) -> Vec<Option<usize>> {
        let place = |label: &Option<u32>| label.and_then(|label| self.places[label as usize]);
        batch.labels.iter().map(place).collect()
    }
}
