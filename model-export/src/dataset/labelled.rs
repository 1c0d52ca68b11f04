//! Batches of colour photographs and what they show.

use super::Dataset;
use super::ahead::{Ahead, Made};
use super::batches::{Draw, Sampling};
use anyhow::{Context, Result, ensure};
use autochrome::image::photo::Photo;
use autochrome::training::augmentation;
use autochrome::training::labels::Labels;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How pictures are cut from photographs. Absent fields have their defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Crop {
    /// The photograph is shown at this many times the smallest size that covers the crop, drawn
    /// evenly between the two [1, 1.3].
    pub scale: [f64; 2],
    /// Share of pictures that are mirrored left to right [0.5].
    pub mirror: f64,
}

impl Default for Crop {
    fn default() -> Self {
        Self { scale: [1.0, 1.3], mirror: 0.5 }
    }
}

impl Crop {
    /// Whether the fields are in their ranges.
    ///
    /// # Errors
    /// With the first that is not.
    pub fn check(&self) -> Result<()> {
        let [low, high] = self.scale;
        ensure!(
            1.0 <= low && low <= high && high <= 8.0,
            "crop.scale is [{low}, {high}]; it must be two numbers from 1 to 8, the smaller first"
        );
        let mirror = self.mirror;
        ensure!((0.0..=1.0).contains(&mirror), "crop.mirror is {mirror}; it must be between 0 and 1");
        Ok(())
    }
}

/// Photographs for one step.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledBatch {
    /// Interleaved 8-bit sRGB, `[count, side, side, 3]`.
    pub rgb: Vec<u8>,
    /// Places in the labels, one for each.
    pub labels: Vec<usize>,
    /// A line for each photograph that could not be read, the first time it was met.
    pub warnings: Vec<String>,
}

/// How an endless row of [`LabelledBatch`] is made.
pub struct LabelledBatches(Ahead<LabelledBatch>);

impl LabelledBatches {
    /// Begins to make batches of `batch` pictures of `side` x `side`. What is in them depends on the
    /// data set, the settings and the seed alone.
    ///
    /// # Errors
    /// For settings outside their range, photographs whose label is not among `labels`, or where no
    /// thread can be started.
    pub fn new(
        dataset: Arc<Dataset>,
        labels: &Labels,
        sampling: &Sampling,
        crop: Crop,
        (batch, side): (usize, usize),
        seed: u64,
        workers: usize,
    ) -> Result<Self> {
        ensure!(batch > 0 && side > 0, "a batch of no pixels");
        crop.check()?;
        let place = |index| {
            let item = dataset.item(index);
            let place = item.label.and_then(|label| labels.place(item.source, label));
            place.with_context(|| format!("{}: its label is not one of the classifier's", item.name))
        };
        let places = (0..dataset.len()).map(place).collect::<Result<Vec<usize>>>()?;
        let draw = Draw::new(dataset, sampling)?;
        let ahead = Ahead::new(
            move |step, stop| {
                let mut made = LabelledBatch {
                    rgb: Vec::with_capacity(batch * side * side * 3),
                    labels: Vec::with_capacity(batch),
                    warnings: Vec::new(),
                };
                let mut failed = Vec::new();
                for slot in 0..batch {
                    if stop.load(Ordering::Relaxed) {
                        return Ok(None);
                    }
                    let mut rng = augmentation::generator(seed, step, slot as u64);
                    let cut = |photo: &Photo, rng: &mut _| {
                        augmentation::crop(photo, side, crop.scale, crop.mirror, rng)
                    };
                    let (index, rgb) = draw.photograph(&mut rng, &mut failed, cut)?;
                    made.rgb.extend(rgb);
                    made.labels.push(places[index]);
                }
                Ok(Some(Made { value: made, failed }))
            },
            workers,
            0,
        )?;
        Ok(Self(ahead))
    }

    /// The next batch, waited for where none is ready.
    ///
    /// # Errors
    /// If 16 photographs in a row could not be read. There is no further batch then.
    pub fn next(&mut self) -> Result<LabelledBatch> {
        let (batch, warnings) = self.0.next()?;
        Ok(LabelledBatch { warnings, ..batch })
    }
}
