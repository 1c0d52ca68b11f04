//! Photographs to look at: the best, the worst and some drawn at random.

use crate::report::sheet::Thumbnail;
use anyhow::Result;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::index::sample;

/// How many of each kind.
pub const COUNT: usize = 8;

/// One photograph under one model.
#[derive(Clone, Debug)]
pub struct Example {
    /// Its place among the photographs that could be read.
    pub position: usize,
    /// Mean ab error, CIE units.
    pub error: f64,
    /// That of predicting gray.
    pub gray_error: f64,
    /// Gray, coloured, true.
    pub thumbnails: Vec<Thumbnail>,
}

/// One model's best, worst and random photographs, kept while all pass.
#[derive(Debug)]
pub struct Examples {
    /// Least error first.
    pub best: Vec<Example>,
    /// Largest error first.
    pub worst: Vec<Example>,
    /// In the order of the photographs.
    pub random: Vec<Example>,
    drawn: Vec<usize>,
}

impl Examples {
    /// For `count` photographs.
    pub fn new(count: usize, seed: u64) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let drawn = sample(&mut random, count, COUNT.min(count)).into_vec();
        Self { best: Vec::new(), worst: Vec::new(), random: Vec::new(), drawn }
    }

    /// Lets go of a photograph that failed after it was offered.
    pub fn forget(&mut self, position: usize) {
        for kept in [&mut self.best, &mut self.worst, &mut self.random] {
            kept.retain(|example| example.position != position);
        }
    }

    /// Keeps a photograph where it is among those to look at. Its thumbnails are made only then.
    pub fn offer(
        &mut self,
        position: usize,
        error: f64,
        gray_error: f64,
        thumbnails: impl FnOnce() -> Result<Vec<Thumbnail>>,
    ) -> Result<()> {
        let place = |kept: &[Example], before: &dyn Fn(f64) -> bool| {
            let place = kept.partition_point(|example| before(example.error));
            (place < COUNT).then_some(place)
        };
        let best = place(&self.best, &|other| other <= error);
        let worst = place(&self.worst, &|other| other >= error);
        let drawn = self.drawn.contains(&position);
        if best.is_none() && worst.is_none() && !drawn {
            return Ok(());
        }
        let example = Example { position, error, gray_error, thumbnails: thumbnails()? };
        for (kept, place) in [(&mut self.best, best), (&mut self.worst, worst)] {
            if let Some(place) = place {
                kept.insert(place, example.clone());
                kept.truncate(COUNT);
            }
        }
        if drawn {
            self.random.push(example);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(errors: &[f64]) -> Examples {
        let mut examples = Examples::new(errors.len(), 1);
        for (position, error) in errors.iter().enumerate() {
            examples.offer(position, *error, 0.0, || Ok(Vec::new())).unwrap();
        }
        examples
    }

    #[test]
    fn the_best_and_the_worst_are_kept_in_their_order() {
        let errors: Vec<f64> = (0..50).map(|i| f64::from(i * 37 % 50)).collect();
        let examples = offered(&errors);
        let of = |kept: &[Example]| kept.iter().map(|e| e.error).collect::<Vec<_>>();
        assert_eq!(of(&examples.best), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        assert_eq!(of(&examples.worst), [49.0, 48.0, 47.0, 46.0, 45.0, 44.0, 43.0, 42.0]);
        assert_eq!(examples.random.len(), COUNT);
        assert!(examples.random.windows(2).all(|pair| pair[0].position < pair[1].position));
    }

    #[test]
    fn few_photographs_are_all_kept_and_few_thumbnails_made() {
        let examples = offered(&[3.0, 1.0]);
        assert_eq!((examples.best.len(), examples.worst.len(), examples.random.len()), (2, 2, 2));
        let mut examples = offered(&[0.0; 40]);
        examples.drawn.clear();
        examples.offer(40, 0.0, 0.0, || panic!("no better and no worse than the eight before")).unwrap();
    }
}
