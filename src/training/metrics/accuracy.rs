//! Area under the cumulative error curve, plain and balanced (docs/method.md#auc).

use crate::color::ab_bins;

/// Largest threshold of the curve, an ab error in CIE units.
pub(super) const MAX_ERROR: usize = 150;

/// The cumulative curve of pixels' ab errors and the area under it. Memory does not grow with the number of
/// pixels; sums are f64, since balanced weights reach 5e5.
#[derive(Clone, Debug)]
pub struct AreaUnderCurve {
    /// Weight of the pixels by their error, rounded up; the last entry holds all above the range.
    histogram: Vec<f64>,
    /// Sum of all weights.
    weight: f64,
    /// Weighted sum of errors, capped at the range.
    capped: f64,
}

impl Default for AreaUnderCurve {
    fn default() -> Self {
        Self { histogram: vec![0.0; MAX_ERROR + 2], weight: 0.0, capped: 0.0 }
    }
}

impl AreaUnderCurve {
    /// Adds a pixel. `weight` is 1 for the plain curve, and for the balanced one the class weight
    /// (lambda 0) of [`ab_bins::nearest`] of the truth.
    pub fn add(&mut self, truth: [f64; 2], prediction: [f64; 2], weight: f64) {
        let error = (truth[0] - prediction[0]).hypot(truth[1] - prediction[1]);
        self.histogram[(error.ceil() as usize).min(MAX_ERROR + 1)] += weight;
        self.weight += weight;
        self.capped += weight * error.min(MAX_ERROR as f64);
    }

    /// Fraction of the weight whose error is at most the threshold, for each integer threshold from 0 to 150.
    #[must_use]
    pub fn curve(&self) -> Vec<f64> {
        let mut sum = 0.0;
        self.histogram[..=MAX_ERROR]
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
        (curve.iter().sum::<f64>() - 0.5 * (curve[0] + curve[MAX_ERROR])) / MAX_ERROR as f64
    }

    /// The continuous area, 0…1: `1 - E[min(error, 150)] / 150`.
    #[must_use]
    pub fn exact(&self) -> f64 {
        1.0 - self.capped / self.weight / MAX_ERROR as f64
    }

    /// Adds the pixels of another curve, their weights multiplied by `weight`.
    pub fn merge(&mut self, other: &Self, weight: f64) {
        for (sum, more) in self.histogram.iter_mut().zip(&other.histogram) {
            *sum += weight * more;
        }
        self.weight += weight * other.weight;
        self.capped += weight * other.capped;
    }
}

/// Plain and balanced accuracy of one method over a set of photographs in one pass: pixels are gathered
/// by the bin of their true colour, and weighted afterwards.
#[derive(Clone, Debug)]
pub struct ColorAccuracy {
    by_bin: Vec<AreaUnderCurve>,
}

impl Default for ColorAccuracy {
    fn default() -> Self {
        Self { by_bin: vec![AreaUnderCurve::default(); ab_bins::COUNT] }
    }
}

impl ColorAccuracy {
    /// Adds a pixel.
    pub fn add(&mut self, truth: [f64; 2], prediction: [f64; 2]) {
        self.by_bin[ab_bins::nearest(truth)].add(truth, prediction, 1.0);
    }

    /// The curve with equal weights.
    #[must_use]
    pub fn plain(&self) -> AreaUnderCurve {
        self.balanced(&[1.0; ab_bins::COUNT])
    }

    /// The curve with each pixel weighted by its true colour's class weight (lambda 0).
    #[must_use]
    pub fn balanced(&self, class_weights: &[f64]) -> AreaUnderCurve {
        let mut sum = AreaUnderCurve::default();
        for (pixels, weight) in self.by_bin.iter().zip(class_weights) {
            sum.merge(pixels, *weight);
        }
        sum
    }
}

/// The weight of a true colour in the balanced curve.
#[must_use]
pub fn balanced_weight(truth: [f64; 2], class_weights: &[f64]) -> f64 {
    class_weights[ab_bins::nearest(truth)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::class_rebalancing::class_weights;
    use crate::training::metrics::ColorPrior;

    #[test]
    fn one_pass_gives_what_weighted_pixels_give() {
        let mut accuracy = ColorAccuracy::default();
        let mut prior = ColorPrior::default();
        let pixels: Vec<([f64; 2], [f64; 2])> = (0..500)
            .map(|i| {
                let t = f64::from(i);
                ([60.0 * (t * 0.37).sin(), 50.0 * (t * 0.11).cos()], [40.0 * (t * 0.9).cos(), 0.1 * t])
            })
            .collect();
        for (truth, prediction) in &pixels {
            accuracy.add(*truth, *prediction);
            prior.add(*truth);
        }
        let weights = class_weights(&prior.probabilities(5), 0.0).unwrap();
        for (weights, found) in
            [(vec![1.0; ab_bins::COUNT], accuracy.plain()), (weights.clone(), accuracy.balanced(&weights))]
        {
            let mut expected = AreaUnderCurve::default();
            for (truth, prediction) in &pixels {
                expected.add(*truth, *prediction, balanced_weight(*truth, &weights));
            }
            assert!((found.trapezoid() - expected.trapezoid()).abs() < 1e-12);
            assert!((found.exact() - expected.exact()).abs() < 1e-12);
        }
    }
}
