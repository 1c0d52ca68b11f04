//! As many channels as are worked on at once.

use std::ops::{Add, Mul, Sub};

/// Two vectors of the processor: of 128 bits in WebAssembly, of 256 elsewhere.
pub const LANES: usize = if cfg!(target_arch = "wasm32") { 8 } else { 16 };

/// Neighbouring channels, in vectors of the processor.
pub(super) trait Lanes:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Mul<f32, Output = Self>
{
    /// `left * right + self`.
    fn plus_product(self, left: Self, right: Self) -> Self;
    fn at_least_zero(self) -> Self;
    fn at_most(self, most: f32) -> Self;
    fn values(self) -> [f32; LANES];

    /// Into the first channels of a slice, as far as it goes.
    #[inline(always)]
    fn write(self, out: &mut [f32]) {
        let values = self.values();
        match out.first_chunk_mut::<LANES>() {
            Some(out) => *out = values,
            None => {
                for (out, value) in out.iter_mut().zip(values) {
                    *out = value;
                }
            }
        }
    }
}

/// The first channels of a slice; zero where it ends.
#[inline(always)]
pub(super) fn first(values: &[f32]) -> [f32; LANES] {
    match values.first_chunk::<LANES>() {
        Some(values) => *values,
        None => {
            let mut lanes = [0.0; LANES];
            for (lane, value) in lanes.iter_mut().zip(values) {
                *lane = *value;
            }
            lanes
        }
    }
}
