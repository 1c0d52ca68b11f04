//! Lanes in vectors that are named. What the compiler makes of arrays it takes apart again: Winograd's
//! transforms were four fifths single numbers where AVX-512 has one vector for all lanes.
//!
//! Loops and no closures: a closure that is not inlined is compiled without the instructions, and then each
//! of them is a call.

use super::lanes::{LANES, Lanes};
use super::product::{Left, ROWS, Vectors};
use pulp::Simd;
#[cfg(target_arch = "wasm32")]
use pulp::wasm::Simd128 as Narrow;
#[cfg(target_arch = "x86_64")]
use pulp::x86::V3 as Narrow;
use std::ops::{Add, Mul, Sub};

/// `N` vectors of `S`, together all [`LANES`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Wide<S: Simd, const N: usize> {
    simd: S,
    pub(super) parts: [S::f32s; N],
}

impl<S: Simd, const N: usize> Wide<S, N> {
    #[inline(always)]
    pub(super) fn new(simd: S, values: [f32; LANES]) -> Self {
        Self { simd, parts: pulp::cast(values) }
    }

    #[inline(always)]
    pub(super) fn splat(simd: S, value: f32) -> Self {
        Self { simd, parts: [simd.splat_f32s(value); N] }
    }
}

impl<S: Simd, const N: usize> Lanes for Wide<S, N> {
    #[inline(always)]
    fn plus_product(mut self, left: Self, right: Self) -> Self {
        for i in 0..N {
            self.parts[i] = self.simd.mul_add_e_f32s(left.parts[i], right.parts[i], self.parts[i]);
        }
        self
    }

    #[inline(always)]
    fn at_least_zero(mut self) -> Self {
        let zero = self.simd.splat_f32s(0.0);
        for part in &mut self.parts {
            *part = self.simd.max_f32s(*part, zero);
        }
        self
    }

    #[inline(always)]
    fn at_most(mut self, most: f32) -> Self {
        let most = self.simd.splat_f32s(most);
        for part in &mut self.parts {
            *part = self.simd.min_f32s(*part, most);
        }
        self
    }

    #[inline(always)]
    fn values(self) -> [f32; LANES] {
        pulp::cast(self.parts)
    }
}

/// An operator that is an instruction of `Simd`.
macro_rules! operator {
    ($operator:ident, $method:ident, $instruction:ident) => {
        impl<S: Simd, const N: usize> $operator for Wide<S, N> {
            type Output = Self;

            #[inline(always)]
            fn $method(mut self, other: Self) -> Self {
                for (part, other) in self.parts.iter_mut().zip(other.parts) {
                    *part = self.simd.$instruction(*part, other);
                }
                self
            }
        }
    };
}

operator!(Add, add, add_f32s);
operator!(Sub, sub, sub_f32s);
operator!(Mul, mul, mul_f32s);

impl<S: Simd, const N: usize> Mul<f32> for Wide<S, N> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, factor: f32) -> Self {
        self * Self::splat(self.simd, factor)
    }
}

/// Two vectors for all [`LANES`].
impl Vectors for Narrow {
    type Lanes = Wide<Self, 2>;

    #[inline(always)]
    fn lanes(self, values: [f32; LANES]) -> Self::Lanes {
        Wide::new(self, values)
    }

    #[inline(always)]
    fn each<L: Left, const PANELS: usize>(
        self,
        blocks: usize,
        left: impl Fn(usize) -> L,
        right: [&[[f32; LANES]]; PANELS],
        mut take: impl FnMut(usize, usize, Self::Lanes),
    ) {
        for (panel, right) in right.into_iter().enumerate() {
            for block in 0..blocks {
                tile(
                    self,
                    [left(block)],
                    [right],
                    #[inline(always)]
                    |_, row, sum| take(panel, block * ROWS + row, sum),
                );
            }
        }
    }
}

/// One vector for all [`LANES`], and 32 registers: with two blocks and two panels abreast 24 sums are
/// under way, which share 2 reads of the right side and 12 of the left.
#[cfg(target_arch = "x86_64")]
impl Vectors for pulp::x86::V4 {
    type Lanes = Wide<Self, 1>;

    #[inline(always)]
    fn lanes(self, values: [f32; LANES]) -> Self::Lanes {
        Wide::new(self, values)
    }

    #[inline(always)]
    fn each<L: Left, const PANELS: usize>(
        self,
        blocks: usize,
        left: impl Fn(usize) -> L,
        right: [&[[f32; LANES]]; PANELS],
        mut take: impl FnMut(usize, usize, Self::Lanes),
    ) {
        let pairs = blocks / 2;
        for pair in 0..pairs {
            let left = [left(2 * pair), left(2 * pair + 1)];
            tile(
                self,
                left,
                right,
                #[inline(always)]
                |panel, row, sum| take(panel, 2 * pair * ROWS + row, sum),
            );
        }
        for block in 2 * pairs..blocks {
            tile(
                self,
                [left(block)],
                right,
                #[inline(always)]
                |panel, row, sum| take(panel, block * ROWS + row, sum),
            );
        }
    }
}

/// Hands `take(panel, row, ..)` each row of each product of a block and a panel.
#[inline(always)]
fn tile<S: pulp::Simd, L: Left, const N: usize, const BLOCKS: usize, const PANELS: usize>(
    simd: S,
    left: [L; BLOCKS],
    right: [&[[f32; LANES]]; PANELS],
    mut take: impl FnMut(usize, usize, Wide<S, N>),
) {
    let mut sums = [[[Wide::<S, N>::splat(simd, 0.0); ROWS]; BLOCKS]; PANELS];
    // All of one length, so that no index has to be checked.
    let depth = right[0].len();
    let (left, right) = (left.map(|left| left.cut(depth)), right.map(|right| &right[..depth]));
    for k in 0..depth {
        let mut vectors = [Wide::splat(simd, 0.0); PANELS];
        for (vector, right) in vectors.iter_mut().zip(right) {
            *vector = Wide::new(simd, right[k]);
        }
        for block in 0..BLOCKS {
            #[expect(clippy::needless_range_loop, reason = "counted, each loop is sure to be unrolled")]
            for row in 0..ROWS {
                let left = Wide::splat(simd, left[block].at(k, row));
                for panel in 0..PANELS {
                    sums[panel][block][row] = sums[panel][block][row].plus_product(left, vectors[panel]);
                }
            }
        }
    }
    // Out of the registers first, by a loop that is unrolled whatever `take` does: indexed by one that is
    // not, the sums would lie in memory from the start, and each product would be stored.
    let mut finished = [[[[0.0; LANES]; ROWS]; BLOCKS]; PANELS];
    for panel in 0..PANELS {
        for block in 0..BLOCKS {
            for row in 0..ROWS {
                finished[panel][block][row] = sums[panel][block][row].values();
            }
        }
    }
    for (panel, finished) in finished.iter().enumerate() {
        for (row, sum) in finished.as_flattened().iter().enumerate() {
            take(panel, row, Wide::<S, N>::new(simd, *sum));
        }
    }
}
