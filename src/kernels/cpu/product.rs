//! The inner loop of every convolution: a tile of a matrix product that stays in registers.

use super::lanes::{LANES, Lanes};

/// Rows of a tile. 6 x 2 vectors, two of the right side and one of the left fill 15 of 16 registers.
pub(super) const ROWS: usize = 6;

/// Which instructions there are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arithmetic {
    /// What the program was built for.
    Baseline,
    /// AVX2 with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    V3(pulp::x86::V3),
}

/// Work that is compiled once for each arithmetic.
pub(super) trait Work {
    /// Does it; `FUSED`: multiply-add is one instruction.
    fn run<const FUSED: bool>(self);
}

#[cfg(target_arch = "x86_64")]
struct Vectorised<W>(W);

#[cfg(target_arch = "x86_64")]
impl<W: Work> pulp::NullaryFnOnce for Vectorised<W> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.0.run::<true>();
    }
}

impl Arithmetic {
    pub(super) fn of_this_processor() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(v3) = pulp::x86::V3::try_new() {
            return Self::V3(v3);
        }
        Self::Baseline
    }

    #[inline(always)]
    pub(super) fn run(self, work: impl Work) {
        match self {
            // Every 64-bit Arm multiplies and adds in one instruction; elsewhere it would be a call.
            Self::Baseline => work.run::<{ cfg!(target_arch = "aarch64") }>(),
            #[cfg(target_arch = "x86_64")]
            Self::V3(v3) => pulp::Simd::vectorize(v3, Vectorised(work)),
        }
    }
}

/// `left` `[K, ROWS]` times `right` `[K, LANES]`, both stored along K.
#[inline(always)]
pub(super) fn tile<const FUSED: bool>(left: &[[f32; ROWS]], right: &[[f32; LANES]]) -> [Lanes; ROWS] {
    let mut sums = [[0.0f32; LANES]; ROWS];
    for (left, right) in left.iter().zip(right) {
        for (sums, left) in sums.iter_mut().zip(left) {
            for (sum, right) in sums.iter_mut().zip(right) {
                *sum = if FUSED { left.mul_add(*right, *sum) } else { *sum + left * right };
            }
        }
    }
    sums.map(Lanes)
}
