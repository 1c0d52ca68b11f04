//! Class rebalancing: weights that raise the loss of rare colours (paper equations 3 and 4;
//! docs/method.md#class-weights).

use crate::color::ab_bins;
use crate::error::{Error, Result};

/// Class weights `w = 1 / ((1 - lambda) prior + lambda / n)` over the n bins that occur, scaled so that
/// their mean under the prior is 1. `lambda` 1 gives equal weights, 0 the full inverse of the prior; the
/// paper uses 1/2.
///
/// # Errors
/// [`Error::Parameter`] for a `lambda` outside 0…1, or a prior that is not 313 numbers from 0 up
/// with a sum of 1 (and none of them 0 where `lambda` is 0).
pub fn class_weights(prior: &[f64], lambda: f64) -> Result<Vec<f64>> {
    if !(0.0..=1.0).contains(&lambda) {
        return Err(Error::Parameter { name: "lambda", value: lambda.to_string(), range: "between 0 and 1" });
    }
    let sum: f64 = prior.iter().sum();
    let proper = prior.len() == ab_bins::COUNT && prior.iter().all(|p| *p >= 0.0) && (sum - 1.0).abs() < 1e-6;
    if !proper || (lambda == 0.0 && prior.contains(&0.0)) {
        let range = "313 probabilities with sum 1, none of them 0 where lambda is 0";
        return Err(Error::Parameter {
            name: "prior",
            value: format!("{} numbers, sum {sum}", prior.len()),
            range,
        });
    }
    let occurring = prior.iter().filter(|p| **p > 0.0).count() as f64;
    let uniform = |p: f64| if p > 0.0 { 1.0 / occurring } else { 0.0 };
    // A bin that never occurs is never a target, so that its weight need only be finite.
    let inverse = |p: f64| match (1.0 - lambda) * p + lambda * uniform(p) {
        0.0 => 0.0,
        mix => 1.0 / mix,
    };
    let mean: f64 = prior.iter().map(|p| p * inverse(*p)).sum();
    Ok(prior.iter().map(|p| inverse(*p) / mean).collect())
}
