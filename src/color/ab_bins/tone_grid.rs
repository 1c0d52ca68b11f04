//! Annealed means of the same logits under many temperatures and rebalances at once, for evaluation.

use super::{AnnealedMean, CENTERS, COUNT};
use crate::error::Result;

/// Bins computed together.
const LANES: usize = 8;

/// Number of bins, rounded up to a multiple of [`LANES`].
const PADDED: usize = COUNT.next_multiple_of(LANES);

/// Smallest sum of unnormalised probabilities that is exact. Products below 1e-37 underflow to 0; above this
/// sum all of them together are less than a millionth of it.
const MIN_EXACT_SUM: f32 = 1e-28;

/// Annealed means for a grid of settings. The exponentials of a temperature are shared by all its
/// rebalances: `exp((z - (1 - r) ln w) / T) = exp(z / T) w^(-(1 - r) / T)`.
#[derive(Clone, Debug)]
pub struct ToneGrid {
    temperatures: Vec<Temperature>,
    /// a and b of the bins.
    centers: [Box<[f32; PADDED]>; 2],
}

#[derive(Clone, Debug)]
struct Temperature {
    value: f32,
    rebalances: Vec<Rebalance>,
}

#[derive(Clone, Debug)]
struct Rebalance {
    /// `w^(-(1 - r) / T)`, scaled so that the largest is 1.
    factors: Box<[f32; PADDED]>,
    /// The definition, for cells whose probabilities underflow.
    definition: AnnealedMean<f32>,
}

impl ToneGrid {
    /// All pairs of a temperature and a rebalance; see [`AnnealedMean::new`] for both and the weights.
    ///
    /// # Errors
    /// As [`AnnealedMean::new`].
    pub fn new(temperatures: &[f32], rebalances: &[f32], class_weights: Option<&[f32]>) -> Result<Self> {
        let padded = |value: &dyn Fn(usize) -> f32| {
            let mut row = Box::new([0.0; PADDED]);
            (0..COUNT).for_each(|q| row[q] = value(q));
            row
        };
        let rebalance = |temperature: f32, rebalance: f32| {
            let definition = AnnealedMean::new(temperature, rebalance, class_weights)?;
            let exponent = |q: usize| {
                let weight = class_weights.map_or(1.0, |w| f64::from(w[q]));
                -(1.0 - f64::from(rebalance)) / f64::from(temperature) * weight.ln()
            };
            let largest = (0..COUNT).map(exponent).fold(f64::NEG_INFINITY, f64::max);
            let factors = padded(&|q| (exponent(q) - largest).exp() as f32);
            Ok(Rebalance { factors, definition })
        };
        let temperature = |&value: &f32| {
            let rebalances = rebalances.iter().map(|r| rebalance(value, *r)).collect::<Result<_>>()?;
            Ok(Temperature { value, rebalances })
        };
        Ok(Self {
            temperatures: temperatures.iter().map(temperature).collect::<Result<_>>()?,
            centers: [0, 1].map(|i| padded(&|q| f32::from(CENTERS[q][i]))),
        })
    }

    /// The colours (a, b) of one pixel's 313 logits: temperature by temperature, within each
    /// rebalance by rebalance.
    pub fn decode(&self, logits: &[f32], colors: &mut Vec<[f32; 2]>) {
        let logits = &logits[..COUNT];
        let largest = logits.iter().fold(f32::MIN, |largest, z| largest.max(*z));
        let mut exponentials = [0.0f32; PADDED];
        colors.clear();
        for temperature in &self.temperatures {
            for (e, z) in exponentials.iter_mut().zip(logits) {
                *e = ((z - largest) / temperature.value).exp();
            }
            for rebalance in &temperature.rebalances {
                let [sum, a, b] = self.sums(&exponentials, &rebalance.factors);
                // The comparison fails for NaN too, which a temperature of 0 gives.
                colors.push(if sum > MIN_EXACT_SUM {
                    [a / sum, b / sum]
                } else {
                    rebalance.definition.decode(logits)
                });
            }
        }
    }

    /// Sums over the bins of `p`, `p a` and `p b`, where p is the product of both rows, eight bins at a
    /// time so that the compiler uses vector instructions.
    fn sums(&self, exponentials: &[f32; PADDED], factors: &[f32; PADDED]) -> [f32; 3] {
        let mut sums = [[0.0f32; LANES]; 3];
        let rows = exponentials.as_chunks::<LANES>().0.iter().zip(factors.as_chunks::<LANES>().0);
        let [a, b] = [0, 1].map(|i| self.centers[i].as_chunks::<LANES>().0);
        for ((exponentials, factors), (a, b)) in rows.zip(a.iter().zip(b)) {
            for lane in 0..LANES {
                let p = exponentials[lane] * factors[lane];
                sums[0][lane] += p;
                sums[1][lane] += p * a[lane];
                sums[2][lane] += p * b[lane];
            }
        }
        sums.map(|lanes| lanes.iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPERATURES: [f32; 5] = [0.0, 0.01, 0.1, 0.38, 1.0];
    const REBALANCES: [f32; 4] = [0.0, 0.3, 0.8, 1.0];

    fn check(logits: &[f32], weights: &[f32]) {
        let grid = ToneGrid::new(&TEMPERATURES, &REBALANCES, Some(weights)).unwrap();
        let mut found = Vec::new();
        grid.decode(logits, &mut found);
        let settings = TEMPERATURES.iter().flat_map(|t| REBALANCES.iter().map(move |r| (*t, *r)));
        assert_eq!(found.len(), TEMPERATURES.len() * REBALANCES.len());
        for ((t, r), found) in settings.zip(found) {
            let narrow: Vec<f64> = logits.iter().map(|z| f64::from(*z)).collect();
            let weights: Vec<f64> = weights.iter().map(|w| f64::from(*w)).collect();
            let definition = AnnealedMean::new(f64::from(t), f64::from(r), Some(&weights)).unwrap();
            let expected = definition.decode(&narrow);
            // A logit of size 10 is good to 1e-6, which T = 0.01 multiplies by a hundred.
            let allowed = if t < 0.1 { 0.02 } else { 2e-3 };
            for (found, expected) in found.into_iter().zip(expected) {
                assert!(
                    (f64::from(found) - expected).abs() < allowed,
                    "T {t}, rebalance {r}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn every_setting_is_what_the_annealed_mean_gives() {
        let weights: Vec<f32> = (0..COUNT).map(|q| 0.1 + (q % 13) as f32 * 0.45).collect();
        for seed in 0..20 {
            let logits: Vec<f32> =
                (0..COUNT).map(|q| ((q * 7919 + seed * 104_729) % 1009) as f32 / 80.0).collect();
            check(&logits, &weights);
        }
    }

    /// The rarest bin's weight is 5e5 and the logits favour it: undoing that at a low temperature
    /// leaves f32's range on both sides of the product.
    #[test]
    fn weights_and_temperatures_beyond_the_range_of_f32_are_no_different() {
        let mut weights = vec![0.02f32; COUNT];
        weights[7] = 5e5;
        let mut logits: Vec<f32> = (0..COUNT).map(|q| (q % 17) as f32 * 0.1).collect();
        logits[7] = 12.0;
        logits[120] = 3.0;
        check(&logits, &weights);
    }

    #[test]
    fn what_an_annealed_mean_refuses_is_refused() {
        assert!(ToneGrid::new(&[-1.0], &[1.0], None).is_err());
        assert!(ToneGrid::new(&[0.38], &[1.0, 0.5], None).is_err(), "no weights, nothing to undo");
        assert!(ToneGrid::new(&[0.38], &[1.0], None).is_ok());
    }
}
