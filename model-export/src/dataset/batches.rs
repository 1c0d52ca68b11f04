//! Batches of training examples, made by threads ahead of the one that trains.

use super::Dataset;
use super::ahead::{Ahead, Failure, Made};
use crate::isolation::isolated;
use crate::terminal::Told;
use anyhow::{Context, Result, bail, ensure};
use autochrome::image::photo::Photo;
use autochrome::training::augmentation::{self, Augmentation, example};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Photographs that may fail one after another in one place of a batch.
const DRAWS: usize = 16;

/// How often photographs of each source are drawn. Absent fields have their defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sampling {
    /// A source is drawn in proportion to the number of its photographs to this power: 1 treats all
    /// photographs alike, 0 all sources; 0 to 1 [0.75].
    pub source_power: f64,
    /// Factors on that for the sources named [none]; 0 leaves a source out.
    pub source_weights: BTreeMap<String, f64>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { source_power: 0.75, source_weights: BTreeMap::new() }
    }
}

impl Sampling {
    /// Whether the fields are in their ranges; the names of sources are not looked at.
    ///
    /// # Errors
    /// With the first that is not.
    pub fn check(&self) -> Result<()> {
        let power = self.source_power;
        ensure!((0.0..=1.0).contains(&power), "source_power is {power}; it must be between 0 and 1");
        for (name, weight) in &self.source_weights {
            ensure!(
                weight.is_finite() && *weight >= 0.0,
                "source_weights: {name} has {weight}; a weight must be a number from 0 up"
            );
        }
        Ok(())
    }
}

/// Examples for one step, in the layout of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The step it belongs to.
    pub step: u64,
    /// Examples in it.
    pub count: usize,
    /// Their side in pixels.
    pub crop: usize,
    /// Raw L in 0…100, `[count, 1, crop, crop]`.
    pub lightness: Vec<f32>,
    /// a and b in CIE units, `[count, crop/4, crop/4]` of both.
    pub chroma: Vec<[f32; 2]>,
    /// Labels of the photographs, as places in [`Dataset::labels`].
    pub labels: Vec<Option<u32>>,
    /// A line for each photograph that could not be read, the first time it was met.
    pub warnings: Vec<String>,
}

/// An endless row of batches. What is in a batch depends on the data set, the settings, the seed
/// and its step, and on nothing else: not on the number of threads, nor on where the row begins.
pub struct Batches(Ahead<Batch>);

impl Batches {
    /// Begins to make batches of `batch` examples for the steps from `first_step` on.
    ///
    /// # Errors
    /// For settings outside their range, sources that do not occur, or where no thread can be
    /// started.
    pub fn new(
        dataset: Arc<Dataset>,
        sampling: Sampling,
        augmentation: Augmentation,
        batch: usize,
        seed: u64,
        workers: usize,
        first_step: u64,
    ) -> Result<Self> {
        ensure!(batch > 0, "a batch of 0 examples");
        augmentation.check()?;
        let draw = Draw::new(dataset, &sampling)?;
        let maker = Maker { draw, augmentation, batch, seed };
        Ok(Self(Ahead::new(move |step, stop| maker.make(step, stop), workers, first_step)?))
    }

    /// The next batch, waited for where none is ready.
    ///
    /// # Errors
    /// If 16 photographs in a row could not be read. There is no further batch then.
    pub fn next(&mut self) -> Result<Batch> {
        let (batch, warnings) = self.0.next()?;
        Ok(Batch { warnings, ..batch })
    }
}

/// The state that all threads share.
struct Maker {
    draw: Draw,
    augmentation: Augmentation,
    batch: usize,
    seed: u64,
}

impl Maker {
    /// The batch of a step; `None` when it is no longer wanted.
    fn make(&self, step: u64, stop: &AtomicBool) -> Result<Option<Made<Batch>>> {
        let crop = self.augmentation.crop;
        let mut batch = Batch {
            step,
            count: self.batch,
            crop,
            lightness: Vec::with_capacity(self.batch * crop * crop),
            chroma: Vec::with_capacity(self.batch * crop * crop / 16),
            labels: Vec::with_capacity(self.batch),
            warnings: Vec::new(),
        };
        let mut failed = Vec::new();
        for slot in 0..self.batch {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let mut rng = augmentation::generator(self.seed, step, slot as u64);
            let make = |photo: &Photo, rng: &mut _| example(photo, &self.augmentation, rng);
            let (index, example) = self.draw.photograph(&mut rng, &mut failed, make)?;
            batch.lightness.extend(example.lightness);
            batch.chroma.extend(example.chroma);
            batch.labels.push(self.draw.dataset.item(index).label_index);
        }
        Ok(Some(Made { value: batch, failed }))
    }
}

/// Draws photographs of a data set.
pub(super) struct Draw {
    pub(super) dataset: Arc<Dataset>,
    sources: Sources,
}

impl Draw {
    /// # Errors
    /// For settings outside their range, or sources that do not occur.
    pub(super) fn new(dataset: Arc<Dataset>, sampling: &Sampling) -> Result<Self> {
        Ok(Self { sources: Sources::new(&dataset, sampling)?, dataset })
    }

    /// The number of the first photograph drawn that can be read, and what is made of it; those that
    /// cannot go to `failed`.
    ///
    /// # Errors
    /// If 16 in a row cannot be read.
    pub(super) fn photograph<R: Rng, T>(
        &self,
        rng: &mut R,
        failed: &mut Vec<Failure>,
        make: impl Fn(&Photo, &mut R) -> T,
    ) -> Result<(usize, T)> {
        for _ in 0..DRAWS {
            let index = self.sources.draw(rng);
            let made = self.dataset.read(index).and_then(|photo| {
                isolated(|| Ok(make(&photo, rng))).with_context(|| self.dataset.whereabouts(index))
            });
            match made {
                Ok(made) => return Ok((index, made)),
                Err(error) => failed.push((index, format!("passed over: {}", Told(&error)))),
            }
        }
        let last = failed.last().map_or("", |(_, warning)| warning);
        bail!("{DRAWS} photographs in a row could not be read; the last was {last}")
    }
}

/// Photographs by source, and how far up in 0…1 each source's share reaches.
struct Sources {
    photographs: Vec<Vec<usize>>,
    reach: Vec<f64>,
}

impl Sources {
    fn new(dataset: &Dataset, sampling: &Sampling) -> Result<Self> {
        let power = sampling.source_power;
        sampling.check()?;
        for name in sampling.source_weights.keys() {
            dataset.check_source(name).context("source_weights")?;
        }
        let (mut photographs, mut reach, mut sum) = (Vec::new(), Vec::new(), 0.0);
        for (name, numbers) in dataset.sources().iter().zip(dataset.by_source()) {
            let weight = sampling.source_weights.get(name).copied().unwrap_or(1.0);
            if weight > 0.0 {
                sum += weight * (numbers.len() as f64).powf(power);
                photographs.push(numbers);
                reach.push(sum);
            }
        }
        ensure!(!reach.is_empty(), "source_weights leave no photographs");
        reach.iter_mut().for_each(|r| *r /= sum);
        Ok(Self { photographs, reach })
    }

    fn draw(&self, rng: &mut impl Rng) -> usize {
        let at = rng.random::<f64>();
        let source = self.reach.partition_point(|reach| *reach <= at).min(self.reach.len() - 1);
        let photographs = &self.photographs[source];
        photographs[rng.random_range(0..photographs.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{coloured, dataset_of, write_zip};
    use super::*;
    use std::fs;
    use std::path::Path;

    fn small() -> Augmentation {
        Augmentation { crop: 16, lightness: 0.5, blur: 0.5, grain: 0.5, ..Augmentation::default() }
    }

    fn begin(dataset: &Arc<Dataset>, seed: u64, workers: usize, first_step: u64) -> Batches {
        Batches::new(Arc::clone(dataset), Sampling::default(), small(), 5, seed, workers, first_step).unwrap()
    }

    fn take(mut batches: Batches, count: usize) -> Vec<Batch> {
        (0..count).map(|_| batches.next().unwrap()).collect()
    }

    fn photographs(folder: &Path) -> Arc<Dataset> {
        for (source, count) in [("a", 6), ("b", 2)] {
            fs::create_dir_all(folder.join(source)).unwrap();
            for i in 0..count {
                coloured(20 + i, 24, i).save(folder.join(format!("{source}/{i}.png"))).unwrap();
            }
        }
        dataset_of(folder)
    }

    #[test]
    fn the_same_seed_gives_the_same_batches_from_any_step_by_any_number_of_threads() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = photographs(folder.path());
        let expected = take(begin(&dataset, 7, 1, 0), 7);
        assert_eq!(take(begin(&dataset, 7, 3, 0), 7), expected);
        assert_eq!(take(begin(&dataset, 7, 2, 4), 3), expected[4..]);
        for (step, batch) in (0..).zip(&expected) {
            assert_eq!((batch.step, batch.count, batch.crop), (step, 5, 16));
            assert_eq!((batch.lightness.len(), batch.chroma.len()), (5 * 256, 5 * 16));
            assert_eq!((batch.labels.len(), &batch.warnings), (5, &Vec::new()));
        }
        assert_ne!(expected[0].lightness, expected[1].lightness);
        assert_ne!(take(begin(&dataset, 8, 1, 0), 1)[0].lightness, expected[0].lightness);
    }

    #[test]
    fn threads_end_when_the_batches_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = photographs(folder.path());
        let mut batches = begin(&dataset, 0, 3, 0);
        batches.next().unwrap();
        assert!(Arc::strong_count(&dataset) > 1);
        drop(batches);
        assert_eq!(Arc::strong_count(&dataset), 1);
    }

    #[test]
    fn sources_are_drawn_by_their_weight_and_photographs_alike() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = photographs(folder.path());
        let shares = |sampling: &Sampling| {
            let sources = Sources::new(&dataset, sampling).unwrap();
            let mut rng = augmentation::generator(1, 2, 3);
            let mut counts = vec![0.0; dataset.len()];
            (0..20_000).for_each(|_| counts[sources.draw(&mut rng)] += 1.0 / 20_000.0);
            counts
        };
        let weights = |b: f64| BTreeMap::from([("b".to_owned(), b)]);
        // 6 photographs of a, 2 of b.
        for (source_power, source_weights, a) in [
            (1.0, weights(1.0), 6.0 / 8.0),
            (0.0, weights(1.0), 0.5),
            (0.75, BTreeMap::new(), 6f64.powf(0.75) / (6f64.powf(0.75) + 2f64.powf(0.75))),
            (0.0, weights(3.0), 0.25),
            (1.0, weights(0.0), 1.0),
        ] {
            let shares = shares(&Sampling { source_power, source_weights });
            for share in &shares[..6] {
                assert!((share - a / 6.0).abs() < 0.01, "{shares:?} for {a}");
            }
            for share in &shares[6..] {
                assert!((share - (1.0 - a) / 2.0).abs() < 0.01, "{shares:?} for {a}");
            }
        }
    }

    #[test]
    fn settings_outside_their_range_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = photographs(folder.path());
        for (text, says) in [
            (r#"{"source_power": 2}"#, "source_power"),
            (r#"{"source_weights": {"c": 1}}"#, "\"c\""),
            (r#"{"source_weights": {"a": -1}}"#, "from 0 up"),
            (r#"{"source_weights": {"a": 0, "b": 0}}"#, "leave no photographs"),
        ] {
            let sampling = serde_json::from_str(text).unwrap();
            let error = Batches::new(Arc::clone(&dataset), sampling, small(), 5, 0, 1, 0).err().unwrap();
            assert!(format!("{error:#}").contains(says), "{error:#}");
        }
        assert!(serde_json::from_str::<Sampling>(r#"{"power": 1}"#).is_err());
        let crooked = Augmentation { crop: 18, ..small() };
        assert!(Batches::new(dataset, Sampling::default(), crooked, 5, 0, 1, 0).is_err());
    }

    #[test]
    fn a_damaged_photograph_is_replaced_and_said_once() {
        let folder = tempfile::tempdir().unwrap();
        photographs(folder.path());
        fs::write(folder.path().join("b/damaged.png"), b"\x89PNG\r\n\x1a\nnothing more").unwrap();
        let dataset = dataset_of(folder.path());
        let batches = take(begin(&dataset, 1, 2, 0), 20);
        let warnings: Vec<&String> = batches.iter().flat_map(|batch| &batch.warnings).collect();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("damaged.png"), "{warnings:?}");
        assert!(batches.iter().all(|batch| batch.lightness.len() == 5 * 256));
        assert_eq!(take(begin(&dataset, 1, 1, 0), 20), batches);
    }

    #[test]
    fn nothing_but_damaged_photographs_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let broken: Vec<(String, Vec<u8>)> = (0..3).map(|i| (format!("{i}.jpg"), vec![1, 2, 3])).collect();
        write_zip(&folder.path().join("set.zip"), &broken, zip::CompressionMethod::Stored);
        let mut batches = begin(&dataset_of(folder.path()), 0, 2, 0);
        let error = format!("{:#}", batches.next().unwrap_err());
        assert!(error.contains("16 photographs in a row") && error.contains("set.zip: "), "{error}");
    }
}
