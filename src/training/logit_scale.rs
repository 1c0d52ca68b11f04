//! Detection of the logit scale: whether a checkpoint's logits are already multiplied by the inverse
//! temperature of Caffe's second release (docs/method.md#logit-scale). There are two routes: the
//! comparison of its last layer with Caffe's, and its calibration on photographs.

use crate::color::ab_bins::{self, soft_encode};

/// The factor in front of the softmax of Caffe's second release: 6 / ln 10, rounded.
pub const CAFFE_V2: f32 = 2.606;

/// Number of bins of the soft targets that the released network was trained with.
const NEIGHBOURS: usize = 10;

/// A measurement, and the logit scale that follows from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Route (a): the ratio of the last layers. Route (b): the factor tau on the logits that fits photographs
    /// best; near 1 the logits are as trained, near 0.38 they were multiplied.
    pub measured: f64,
    /// Divisor of the logits; `None` where the measurement is inconclusive.
    pub logit_scale: Option<f32>,
}

/// Route (a): a last layer's weights compared with those of Caffe's model. `None` where they are not
/// proportional.
#[must_use]
pub fn by_ratio(weights: &[f32], reference: &[f32]) -> Option<Evidence> {
    if weights.len() != reference.len() {
        return None;
    }
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let measured = dot(weights, reference) / dot(reference, reference);
    let residual: f64 =
        weights.iter().zip(reference).map(|(w, r)| (f64::from(*w) - measured * f64::from(*r)).powi(2)).sum();
    if residual.is_nan() || residual > 1e-4 * dot(weights, weights) {
        return None;
    }
    let near = |scale: &f32| (measured / f64::from(*scale) - 1.0).abs() < 0.01;
    Some(Evidence { measured, logit_scale: [1.0, CAFFE_V2].into_iter().find(near) })
}

/// Route (b): cells of colour photographs, to which tau is fitted. The test is rough, since class rebalancing
/// shifts the confidence of a network; at least 100 photographs are needed.
#[derive(Clone, Debug, Default)]
pub struct Calibration {
    /// Logits of each cell, 313 after 313.
    logits: Vec<f32>,
    /// Mean logit of each cell under its soft target.
    targets: Vec<f64>,
}

impl Calibration {
    /// Adds a cell: its 313 logits and its true colour.
    ///
    /// # Panics
    /// If there are not 313.
    pub fn add(&mut self, logits: &[f32], truth: [f64; 2]) {
        assert_eq!(logits.len(), ab_bins::COUNT);
        self.logits.extend(logits);
        self.targets
            .push(soft_encode(truth, NEIGHBOURS).into_iter().map(|(q, w)| w * f64::from(logits[q])).sum());
    }

    /// Mean cross-entropy of `softmax(tau z)` against the soft targets, less the targets' entropy,
    /// which tau does not change.
    #[must_use]
    pub fn cross_entropy(&self, tau: f64) -> f64 {
        let cells = self.logits.chunks_exact(ab_bins::COUNT).zip(&self.targets);
        let sum: f64 = cells
            .map(|(logits, target)| {
                let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f64 = logits.iter().map(|z| (tau * f64::from(z - largest)).exp()).sum();
                sum.ln() + tau * (f64::from(largest) - target)
            })
            .sum();
        sum / self.targets.len() as f64
    }

    /// The best tau between 1/20 and 20 and the scale that follows from it; `None` without cells.
    #[must_use]
    pub fn fit(&self) -> Option<Evidence> {
        if self.targets.is_empty() {
            return None;
        }
        // The cross-entropy is convex in tau, so that it has a single minimum in ln tau too.
        let (mut low, mut high) = (0.05f64.ln(), 20.0f64.ln());
        while high - low > 1e-3 {
            let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
            if self.cross_entropy(a.exp()) < self.cross_entropy(b.exp()) {
                high = b;
            } else {
                low = a;
            }
        }
        let measured = ((low + high) / 2.0).exp();
        // The border lies halfway between both scales, in logarithms; within 0.2 of it neither is accepted.
        let off = measured.ln() + 0.5 * f64::from(CAFFE_V2).ln();
        let logit_scale = match off {
            off if off > 0.2 => Some(1.0),
            off if off < -0.2 => Some(CAFFE_V2),
            _ => None,
        };
        Some(Evidence { measured, logit_scale })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_of_last_layers() {
        let reference: Vec<f32> = (0..50).map(|i| (i as f32 * 0.7).sin()).collect();
        for (factor, expected) in [(1.0, Some(1.0)), (2.606, Some(CAFFE_V2)), (1.7, None)] {
            let weights: Vec<f32> = reference.iter().map(|w| w * factor).collect();
            let evidence = by_ratio(&weights, &reference).unwrap();
            assert!((evidence.measured - f64::from(factor)).abs() < 1e-6);
            assert_eq!(evidence.logit_scale, expected);
        }
        let other: Vec<f32> = (0..50).map(|i| (i as f32 * 0.3).cos()).collect();
        assert_eq!(by_ratio(&other, &reference), None);
        assert_eq!(by_ratio(&reference[1..], &reference), None);
        assert_eq!(by_ratio(&[0.0; 3], &[0.0; 3]), None);
    }

    /// Colours drawn from the very distribution that the logits give: tau is 1, and its inverse for
    /// logits that were multiplied.
    #[test]
    fn photographs_tell_the_factor() {
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f64 / (1u64 << 24) as f64
        };
        let cells: Vec<(Vec<f32>, [f64; 2])> = (0..3000)
            .map(|_| {
                let peak = [random() * 80.0 - 40.0, random() * 80.0 - 40.0];
                let logit = |[a, b]: &[i16; 2]| {
                    -((f64::from(*a) - peak[0]).powi(2) + (f64::from(*b) - peak[1]).powi(2)) / 800.0
                };
                let logits: Vec<f64> = ab_bins::CENTERS.iter().map(logit).collect();
                let sum: f64 = logits.iter().map(|z| z.exp()).sum();
                let mut left = random() * sum;
                let bin = logits.iter().position(|z| {
                    left -= z.exp();
                    left <= 0.0
                });
                let [a, b] = ab_bins::CENTERS[bin.unwrap_or(0)];
                (logits.into_iter().map(|z| z as f32).collect(), [f64::from(a), f64::from(b)])
            })
            .collect();
        for (factor, expected) in [(1.0f32, Some(1.0)), (CAFFE_V2, Some(CAFFE_V2)), (1.6, None)] {
            let mut calibration = Calibration::default();
            for (logits, truth) in &cells {
                let logits: Vec<f32> = logits.iter().map(|z| z * factor).collect();
                calibration.add(&logits, *truth);
            }
            let evidence = calibration.fit().unwrap();
            assert!((evidence.measured * f64::from(factor) - 1.0).abs() < 0.1, "{evidence:?} at {factor}");
            assert_eq!(evidence.logit_scale, expected, "{evidence:?}");
        }
        assert_eq!(Calibration::default().fit(), None);
    }
}
