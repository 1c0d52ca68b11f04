//! Lanes in arrays, of which the compiler makes vectors: what runs where no instructions are named.

use super::lanes::{LANES, Lanes};
use super::product::{Left, ROWS, Vectors};
use std::ops::{Add, Mul, Sub};

/// Blocks of numbers that the compiler makes vectors of. `FUSED`: multiply-add is one instruction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrays<const FUSED: bool>;

impl<const FUSED: bool> Vectors for Arrays<FUSED> {
    type Lanes = Plain;

    #[inline(always)]
    fn lanes(self, values: [f32; LANES]) -> Plain {
        Plain(values)
    }

    #[inline(always)]
    fn each<L: Left, const PANELS: usize>(
        self,
        blocks: usize,
        left: impl Fn(usize) -> L,
        right: [&[[f32; LANES]]; PANELS],
        mut take: impl FnMut(usize, usize, Plain),
    ) {
        for (panel, right) in right.into_iter().enumerate() {
            for block in 0..blocks {
                let mut sums = [[0.0f32; LANES]; ROWS];
                let left = left(block).cut(right.len());
                for (k, right) in right.iter().enumerate() {
                    for (row, sums) in sums.iter_mut().enumerate() {
                        let left = left.at(k, row);
                        for (sum, right) in sums.iter_mut().zip(right) {
                            *sum = if FUSED { left.mul_add(*right, *sum) } else { *sum + left * right };
                        }
                    }
                }
                for (row, sum) in sums.into_iter().enumerate() {
                    take(panel, block * ROWS + row, Plain(sum));
                }
            }
        }
    }
}

/// Lanes of which the compiler makes vectors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain(pub(super) [f32; LANES]);

impl Plain {
    #[inline(always)]
    fn with(self, other: Self, operation: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|i| operation(self.0[i], other.0[i])))
    }
}

impl Lanes for Plain {
    #[inline(always)]
    fn plus_product(self, left: Self, right: Self) -> Self {
        self + left * right
    }

    #[inline(always)]
    fn at_least_zero(self) -> Self {
        // Not `max`: a comparison is one instruction, the rules of `max` for NaN are more.
        Self(self.0.map(|lane| if lane > 0.0 { lane } else { 0.0 }))
    }

    #[inline(always)]
    fn at_most(self, most: f32) -> Self {
        Self(self.0.map(|lane| if lane < most { lane } else { most }))
    }

    #[inline(always)]
    fn values(self) -> [f32; LANES] {
        self.0
    }
}

impl Add for Plain {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }
}

impl Sub for Plain {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }
}

impl Mul for Plain {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }
}

impl Mul<f32> for Plain {
    type Output = Self;

    #[inline(always)]
    fn mul(self, factor: f32) -> Self {
        Self(self.0.map(|lane| lane * factor))
    }
}
