//! Differences between methods, with the interval that resampling gives.

use serde::Serialize;

/// Resamples of every interval.
pub const RESAMPLES: usize = 1000;

/// A figure, and where 95 % of its resamples lie.
#[derive(Clone, Copy, Serialize)]
pub struct Difference {
    pub value: f64,
    pub interval: Option<[f64; 2]>,
}
