//! Confidence intervals of figures of a set: percentiles of the bootstrap (Efron 1979). Photographs are drawn
//! and not pixels, since the pixels of one photograph are not independent.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// The interval in which 95 % of the resampled figures lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// 2.5 % of them are below.
    pub low: f64,
    /// 2.5 % of them are above.
    pub high: f64,
}

/// Resamples of photographs, the same for every figure, so that differences of two methods are paired.
#[derive(Clone, Copy, Debug)]
pub struct Bootstrap {
    /// Number of photographs, drawn from and in each resample.
    photographs: usize,
    resamples: usize,
    seed: u64,
}

impl Bootstrap {
    /// `resamples` draws of as many photographs as there are, with replacement; 1,000 is usual.
    #[must_use]
    pub fn new(photographs: usize, resamples: usize, seed: u64) -> Self {
        Self { photographs, resamples, seed }
    }

    /// The interval of a figure, which is a function of the indices of the drawn photographs. Resamples whose
    /// figure is not finite are left out. `None` where these are more than one in a hundred, or for fewer
    /// than two photographs.
    #[must_use]
    pub fn interval(&self, figure: impl Fn(&[usize]) -> f64) -> Option<Interval> {
        if self.photographs < 2 {
            return None;
        }
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let mut drawn = vec![0; self.photographs];
        let mut figures: Vec<f64> = (0..self.resamples)
            .map(|_| {
                drawn.fill_with(|| random.random_range(0..self.photographs));
                figure(&drawn)
            })
            .filter(|figure| figure.is_finite())
            .collect();
        if figures.is_empty() || figures.len() * 100 < self.resamples * 99 {
            return None;
        }
        figures.sort_by(f64::total_cmp);
        Some(Interval { low: quantile(&figures, 0.025), high: quantile(&figures, 0.975) })
    }
}

/// A quantile of sorted values, interpolated linearly.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, part) = (place as usize, place.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * part
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of n numbers has the deviation `sigma / sqrt(n)`: the interval must be 1.96 of them
    /// to each side.
    #[test]
    fn the_interval_of_a_mean_is_the_one_of_the_normal_distribution() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i * 7919 % 400)).collect();
        let mean = |indices: &[usize]| indices.iter().map(|i| values[*i]).sum::<f64>() / 400.0;
        let interval = Bootstrap::new(400, 4000, 1).interval(mean).unwrap();
        // Of 0 … 399: mean 199.5, deviation 115.47.
        let half = 1.96 * 115.47 / 20.0;
        assert!((interval.low - (199.5 - half)).abs() < 0.08 * half, "{interval:?}");
        assert!((interval.high - (199.5 + half)).abs() < 0.08 * half, "{interval:?}");
    }

    #[test]
    fn a_seed_gives_the_same_photographs_to_every_figure() {
        let sum = |indices: &[usize]| indices.iter().sum::<usize>() as f64;
        let of = |seed| Bootstrap::new(50, 200, seed).interval(sum).unwrap();
        assert_eq!(of(3), of(3));
        assert_ne!(of(3), of(4));
        let paired = Bootstrap::new(50, 200, 3).interval(|drawn| sum(drawn) - (sum(drawn) + 5.0)).unwrap();
        assert_eq!((paired.low, paired.high), (-5.0, -5.0), "a constant difference is certain");
    }

    #[test]
    fn what_cannot_be_said_is_not_said() {
        assert_eq!(Bootstrap::new(1, 100, 0).interval(|_| 1.0), None);
        assert_eq!(Bootstrap::new(9, 100, 0).interval(|_| f64::NAN), None);
        let half = |drawn: &[usize]| if drawn[0] < 5 { 1.0 } else { f64::NAN };
        assert_eq!(Bootstrap::new(10, 100, 0).interval(half), None);
    }

    #[test]
    fn quantiles_between_values() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.5), 2.0);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
        assert_eq!(quantile(&[5.0], 0.975), 5.0);
    }
}
