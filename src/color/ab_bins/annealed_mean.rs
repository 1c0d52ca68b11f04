//! The annealed mean: the colour of a pixel's logits (paper equation 5; docs/method.md#annealed-mean).

use super::{CENTERS, COUNT};
use crate::error::{Error, Result};
use num_traits::Float;

/// A decoder of logits: the mean of the bins under `softmax((z - (1 - rebalance) ln w) / T)` (paper
/// equation 5; docs/method.md#rebalance).
#[derive(Clone, Debug, PartialEq)]
pub struct AnnealedMean<F> {
    pub(super) temperature: F,
    /// Subtracted from each logit; empty for zeros.
    pub(super) offsets: Vec<F>,
}

impl<F: Float> AnnealedMean<F> {
    /// A decoder. `temperature` is above 0 (1 gives the mean), or 0 for its limit, the mode;
    /// `rebalance` runs from 0 (colours as frequent as in the data) to 1 (rebalanced as in training);
    /// `class_weights` are the 313 weights that the model was trained with, if it carries them.
    ///
    /// # Errors
    /// [`Error::Parameter`] outside these ranges, or for a `rebalance` below 1 of a model without
    /// class weights.
    pub fn new(temperature: F, rebalance: F, class_weights: Option<&[F]>) -> Result<Self> {
        let refuse = |name, value: F, range| {
            let value = value.to_f64().map_or_else(|| "not a number".into(), |v| v.to_string());
            Err(Error::Parameter { name, value, range })
        };
        if !(temperature.is_finite() && temperature >= F::zero()) {
            return refuse("temperature", temperature, "0 (the mode) or above, 0.38 is the paper's");
        }
        if !(rebalance >= F::zero() && rebalance <= F::one()) {
            return refuse("rebalance", rebalance, "between 0 and 1");
        }
        let offsets = match class_weights {
            _ if rebalance == F::one() => Vec::new(),
            None => return refuse("rebalance", rebalance, "1 for a model without class weights"),
            Some(w) => w.iter().map(|w| (F::one() - rebalance) * w.ln()).collect(),
        };
        Ok(Self { temperature, offsets })
    }

    /// The divisor of logits.
    #[cfg(feature = "gpu")]
    pub(crate) fn temperature(&self) -> F {
        self.temperature
    }

    /// The value subtracted from a bin's logit before the division.
    pub(crate) fn offset(&self, bin: usize) -> F {
        self.offsets.get(bin).copied().unwrap_or_else(F::zero)
    }

    fn logit(&self, logits: &[F], bin: usize) -> F {
        // Infinities are made finite: subtracting a maximum of infinity would give NaN.
        let z = logits[bin].max(F::min_value()).min(F::max_value());
        self.offsets.get(bin).map_or(z, |offset| z - *offset)
    }

    /// Writes the annealed distribution of one pixel's 313 logits to `probabilities`.
    pub fn distribution(&self, logits: &[F], probabilities: &mut [F; COUNT]) {
        let mut mode = 0;
        for bin in 0..COUNT {
            probabilities[bin] = self.logit(logits, bin);
            if probabilities[bin] > probabilities[mode] {
                mode = bin;
            }
        }
        let largest = probabilities[mode];
        if self.temperature == F::zero() {
            probabilities.fill(F::zero());
            probabilities[mode] = F::one();
            return;
        }
        let mut sum = F::zero();
        for p in probabilities.iter_mut() {
            *p = ((*p - largest) / self.temperature).exp();
            sum = sum + *p;
        }
        for p in probabilities.iter_mut() {
            *p = *p / sum;
        }
    }

    /// The colour (a, b) of one pixel's 313 logits.
    pub fn decode(&self, logits: &[F]) -> [F; 2] {
        let mut probabilities = [F::zero(); COUNT];
        self.distribution(logits, &mut probabilities);
        let mut ab = [F::zero(); 2];
        for (p, center) in probabilities.iter().zip(&CENTERS) {
            for (sum, q) in ab.iter_mut().zip(center) {
                *sum = *sum + *p * F::from(*q).expect("bin centres are small integers");
            }
        }
        ab
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_temperature_and_any_logits_give_a_finite_color() {
        let huge: Vec<f32> = (0..COUNT).map(|q| if q % 2 == 0 { f32::MAX } else { f32::MIN }).collect();
        let infinite: Vec<f32> =
            (0..COUNT).map(|q| if q == 7 { f32::INFINITY } else { f32::NEG_INFINITY }).collect();
        for temperature in [0.0, 1e-38, 1e-6, 0.38, 1.0, 1e30] {
            let decode = AnnealedMean::new(temperature, 1.0, None).unwrap();
            for logits in [&huge, &infinite] {
                assert!(decode.decode(logits).iter().all(|v| v.is_finite()), "T = {temperature}");
            }
        }
    }

    #[test]
    fn a_temperature_near_zero_is_the_mode() {
        let logits: Vec<f64> = (0..COUNT).map(|q| f64::from((q * 37 % 101) as u32)).collect();
        let mode = AnnealedMean::new(0.0, 1.0, None).unwrap().decode(&logits);
        let near = AnnealedMean::new(1e-9, 1.0, None).unwrap().decode(&logits);
        let first = (0..COUNT).find(|&q| logits[q] == 100.0).unwrap();
        let all: Vec<usize> = (0..COUNT).filter(|&q| logits[q] == 100.0).collect();
        assert_eq!(mode, CENTERS[first].map(f64::from));
        let mean = |i: usize| all.iter().map(|&q| f64::from(CENTERS[q][i])).sum::<f64>() / all.len() as f64;
        assert!((near[0] - mean(0)).abs() < 1e-9 && (near[1] - mean(1)).abs() < 1e-9);
    }

    #[test]
    fn undoing_the_rebalancing_of_a_weighted_distribution_gives_the_plain_one() {
        let weights: Vec<f64> = (0..COUNT).map(|q| 0.1 + (q % 7) as f64).collect();
        let plain: Vec<f64> = (0..COUNT).map(|q| ((q * 29) % 31) as f64 / 8.0).collect();
        let weighted: Vec<f64> = plain.iter().zip(&weights).map(|(z, w)| z + w.ln()).collect();
        let expected = AnnealedMean::new(0.38, 1.0, None).unwrap().decode(&plain);
        let undone = AnnealedMean::new(0.38, 0.0, Some(&weights)).unwrap().decode(&weighted);
        assert!((0..2).all(|i| (expected[i] - undone[i]).abs() < 1e-9));
        assert!(AnnealedMean::<f64>::new(0.38, 0.5, None).is_err(), "no weights, nothing to undo");
    }

    #[test]
    fn parameters_outside_their_range_are_refused() {
        for (t, r) in [(-0.1, 1.0), (f32::NAN, 1.0), (f32::INFINITY, 1.0), (0.38, 1.5), (0.38, f32::NAN)] {
            assert_eq!(AnnealedMean::new(t, r, None).unwrap_err().code(), "invalid-argument");
        }
    }
}
