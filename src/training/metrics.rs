//! How good a colourisation is, in numbers (SPEC section 9).

use crate::ab_bins;

/// Largest ab error that the curve looks at.
const RANGE: usize = 150;

/// Gathers ab errors of pixels into the area under the cumulative error curve. Memory does not
/// grow with the number of pixels; sums are f64, since balanced weights reach 5e5.
#[derive(Clone, Debug)]
pub struct AreaUnderCurve {
    /// Weight of pixels whose error, rounded up, is this; the last holds all above the range.
    histogram: Vec<f64>,
    weight: f64,
    /// Weighted sum of errors, capped at the range.
    capped: f64,
}

impl Default for AreaUnderCurve {
    fn default() -> Self {
        Self { histogram: vec![0.0; RANGE + 2], weight: 0.0, capped: 0.0 }
    }
}

impl AreaUnderCurve {
    /// Adds a pixel. `weight` is 1 for the plain curve, and for the balanced one the class weight
    /// (lambda 0) of [`ab_bins::nearest`] of the truth.
    pub fn add(&mut self, truth: [f64; 2], prediction: [f64; 2], weight: f64) {
        let error = (truth[0] - prediction[0]).hypot(truth[1] - prediction[1]);
        self.histogram[(error.ceil() as usize).min(RANGE + 1)] += weight;
        self.weight += weight;
        self.capped += weight * error.min(RANGE as f64);
    }

    /// Share of the weight whose error is at most `threshold`, for each integer from 0 to 150.
    #[must_use]
    pub fn curve(&self) -> Vec<f64> {
        let mut sum = 0.0;
        self.histogram[..=RANGE]
            .iter()
            .map(|weight| {
                sum += weight;
                sum / self.weight
            })
            .collect()
    }

    /// Area by the trapezoid rule over integer thresholds, 0…1.
    #[must_use]
    pub fn trapezoid(&self) -> f64 {
        let curve = self.curve();
        (curve.iter().sum::<f64>() - 0.5 * (curve[0] + curve[RANGE])) / RANGE as f64
    }

    /// The continuous area, 0…1: `1 - E[min(error, 150)] / 150`.
    #[must_use]
    pub fn exact(&self) -> f64 {
        1.0 - self.capped / self.weight / RANGE as f64
    }
}

/// The weight of a true colour in the balanced curve.
#[must_use]
pub fn balanced_weight(truth: [f64; 2], class_weights: &[f64]) -> f64 {
    class_weights[ab_bins::nearest(truth)]
}
