//! The paper's losses on the host, in f64: the reference that the training's losses are tested against
//! (docs/method.md#losses).

use super::soft_target::around;
use crate::color::ab_bins::{self, soft_encode};

/// One pixel's contribution to the classification loss, and its gradient.
#[derive(Clone, Debug)]
pub struct PixelLoss {
    /// `-Σ Z log softmax(z)`, unweighted.
    pub cross_entropy: f64,
    /// Entropy of the soft target Z; the cross-entropy minus this is the KL divergence that the authors'
    /// code prints.
    pub target_entropy: f64,
    /// `v`: the class weight of the nearest bin.
    pub weight: f64,
    /// `v (softmax(z) - Z)`: the gradient by the logits, before division by the batch size.
    pub gradient: Vec<f64>,
}

/// Loss of 313 `logits` against a true colour, soft-encoded over `neighbors` bins, with the fraction
/// `smoothing` of each bin's share moved to the bins around it (0 in the paper).
///
/// # Panics
/// Unless there are 313 logits and 313 class weights.
#[must_use]
pub fn classification(
    logits: &[f64],
    ab: [f64; 2],
    neighbors: usize,
    smoothing: f64,
    class_weights: &[f64],
) -> PixelLoss {
    assert!(logits.len() == ab_bins::COUNT && class_weights.len() == ab_bins::COUNT, "one value a bin");
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = logits.iter().map(|z| (z - largest).exp()).sum::<f64>().ln() + largest;
    let sharp = soft_encode(ab, neighbors);
    let weight = class_weights[sharp[0].0];
    let mut target = vec![0.0; ab_bins::COUNT];
    for (bin, share) in sharp {
        target[bin] += (1.0 - smoothing) * share;
        around(bin).iter().for_each(|(other, part)| target[*other] += smoothing * share * part);
    }
    let mut gradient: Vec<f64> = logits.iter().map(|z| weight * (z - log_sum).exp()).collect();
    let (mut cross_entropy, mut target_entropy) = (0.0, 0.0);
    for (bin, share) in target.into_iter().enumerate() {
        cross_entropy -= share * (logits[bin] - log_sum);
        if share > 0.0 {
            target_entropy -= share * share.ln();
        }
        gradient[bin] -= weight * share;
    }
    PixelLoss { cross_entropy, target_entropy, weight, gradient }
}

/// Regression loss `½ ‖Y - Ŷ‖²` of one pixel (paper equation 1).
#[must_use]
pub fn regression(truth: [f64; 2], prediction: [f64; 2]) -> f64 {
    0.5 * ((truth[0] - prediction[0]).powi(2) + (truth[1] - prediction[1]).powi(2))
}
