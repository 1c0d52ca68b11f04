//! As many channels as are worked on at once.

use std::ops::{Add, Mul, Sub};

/// Two vectors of the processor: of 128 bits in WebAssembly, of 256 elsewhere.
pub const LANES: usize = if cfg!(target_arch = "wasm32") { 8 } else { 16 };

/// Neighbouring channels. The compiler makes vectors of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lanes(pub(super) [f32; LANES]);

impl Lanes {
    pub(super) const ZERO: Self = Self([0.0; LANES]);

    /// The first channels of a slice; zero where it ends.
    #[inline(always)]
    pub(super) fn read(values: &[f32]) -> Self {
        match values.first_chunk::<LANES>() {
            Some(values) => Self(*values),
            None => {
                let mut lanes = Self::ZERO;
                for (lane, value) in lanes.0.iter_mut().zip(values) {
                    *lane = *value;
                }
                lanes
            }
        }
    }

    /// Into the first channels of a slice, as far as it goes.
    #[inline(always)]
    pub(super) fn write(self, out: &mut [f32]) {
        match out.first_chunk_mut::<LANES>() {
            Some(out) => *out = self.0,
            None => {
                for (out, lane) in out.iter_mut().zip(self.0) {
                    *out = lane;
                }
            }
        }
    }

    #[inline(always)]
    pub(super) fn at_least_zero(mut self) -> Self {
        for lane in &mut self.0 {
            // Not `max`: a comparison is one instruction, the rules of `max` for NaN are more.
            *lane = if *lane > 0.0 { *lane } else { 0.0 };
        }
        self
    }
}

impl Add for Lanes {
    type Output = Self;

    #[inline(always)]
    fn add(mut self, other: Self) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a += b;
        }
        self
    }
}

impl Sub for Lanes {
    type Output = Self;

    #[inline(always)]
    fn sub(mut self, other: Self) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a -= b;
        }
        self
    }
}

impl Mul for Lanes {
    type Output = Self;

    #[inline(always)]
    fn mul(mut self, other: Self) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a *= b;
        }
        self
    }
}

impl Mul<f32> for Lanes {
    type Output = Self;

    #[inline(always)]
    fn mul(mut self, factor: f32) -> Self {
        for a in &mut self.0 {
            *a *= factor;
        }
        self
    }
}
