//! The inner loop of every convolution: a tile of a matrix product that stays in registers.

use super::lanes::{LANES, Lanes};

/// Rows of a block. 6 x 2 vectors, two of the right side and one of the left fill 15 of the 16 registers
/// that most processors have.
pub(super) const ROWS: usize = 6;

/// Which instructions there are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arithmetic {
    /// What the program was built for.
    Baseline,
    /// AVX2 with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    V3(pulp::x86::V3),
    /// AVX-512: one vector for all [`LANES`], and 32 registers.
    #[cfg(target_arch = "x86_64")]
    V4(pulp::x86::V4),
}

/// Work that is compiled once for each arithmetic.
pub(super) trait Work {
    fn run(self, multiply: impl Multiply);
}

/// The matrix product, as one arithmetic does it best.
pub(super) trait Multiply: Copy {
    /// Hands `left(i)` times `right` to `take(i, ..)` for each `i` below `blocks`. `left(i)` is
    /// `[K, ROWS]`, `right` `[K, LANES]`.
    fn each<'a>(
        self,
        blocks: usize,
        left: impl Fn(usize) -> &'a [[f32; ROWS]],
        right: &[[f32; LANES]],
        take: impl FnMut(usize, [Lanes; ROWS]),
    );
}

/// One block at a time, in vectors that the compiler makes. `FUSED`: multiply-add is one instruction.
#[derive(Clone, Copy)]
struct Single<const FUSED: bool>;

impl<const FUSED: bool> Multiply for Single<FUSED> {
    #[inline(always)]
    fn each<'a>(
        self,
        blocks: usize,
        left: impl Fn(usize) -> &'a [[f32; ROWS]],
        right: &[[f32; LANES]],
        mut take: impl FnMut(usize, [Lanes; ROWS]),
    ) {
        for block in 0..blocks {
            take(block, tile::<FUSED>(left(block), right));
        }
    }
}

#[inline(always)]
fn tile<const FUSED: bool>(left: &[[f32; ROWS]], right: &[[f32; LANES]]) -> [Lanes; ROWS] {
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

/// Blocks at a time where a vector has all [`LANES`]: 12 sums are under way, so that none is waited for.
/// The compiler would keep so many in memory, so they are named.
#[cfg(target_arch = "x86_64")]
const ABREAST: usize = 2;

#[cfg(target_arch = "x86_64")]
impl Multiply for pulp::x86::V4 {
    #[inline(always)]
    fn each<'a>(
        self,
        blocks: usize,
        left: impl Fn(usize) -> &'a [[f32; ROWS]],
        right: &[[f32; LANES]],
        mut take: impl FnMut(usize, [Lanes; ROWS]),
    ) {
        let many = blocks - blocks % ABREAST;
        for first in (0..many).step_by(ABREAST) {
            let left = std::array::from_fn(|i| left(first + i));
            for (i, sums) in abreast::<ABREAST>(self, left, right).into_iter().enumerate() {
                take(first + i, sums);
            }
        }
        for block in many..blocks {
            let [sums] = abreast(self, [left(block)], right);
            take(block, sums);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn abreast<const BLOCKS: usize>(
    v4: pulp::x86::V4,
    left: [&[[f32; ROWS]]; BLOCKS],
    right: &[[f32; LANES]],
) -> [[Lanes; ROWS]; BLOCKS] {
    let mut sums = [[v4.splat_f32x16(0.0); ROWS]; BLOCKS];
    // As long as the right side, so that no index has to be checked.
    let left = left.map(|left| &left[..right.len()]);
    for (k, right) in right.iter().enumerate() {
        let right: pulp::f32x16 = pulp::cast(*right);
        for (sums, left) in sums.iter_mut().zip(left) {
            for (sum, left) in sums.iter_mut().zip(left[k]) {
                *sum = v4.mul_add_f32x16(v4.splat_f32x16(left), right, *sum);
            }
        }
    }
    sums.map(|sums| sums.map(|sum| Lanes(pulp::cast(sum))))
}

/// A work and how it multiplies, on its way into the instructions that it is compiled for.
#[cfg(target_arch = "x86_64")]
struct Vectorised<W, M>(W, M);

#[cfg(target_arch = "x86_64")]
impl<W: Work, M: Multiply> pulp::NullaryFnOnce for Vectorised<W, M> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.0.run(self.1);
    }
}

impl Arithmetic {
    pub(super) fn of_this_processor() -> Self {
        *Self::all().last().expect("the baseline at least")
    }

    /// What this processor has, the quickest last.
    fn all() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        {
            let v3 = pulp::x86::V3::try_new().map(Self::V3);
            let v4 = pulp::x86::V4::try_new().map(Self::V4);
            [Some(Self::Baseline), v3, v4].into_iter().flatten().collect()
        }
        #[cfg(not(target_arch = "x86_64"))]
        vec![Self::Baseline]
    }

    #[inline(always)]
    pub(super) fn run(self, work: impl Work) {
        match self {
            // Every 64-bit Arm multiplies and adds in one instruction; elsewhere it would be a call.
            Self::Baseline => work.run(Single::<{ cfg!(target_arch = "aarch64") }>),
            #[cfg(target_arch = "x86_64")]
            Self::V3(v3) => pulp::Simd::vectorize(v3, Vectorised(work, Single::<true>)),
            #[cfg(target_arch = "x86_64")]
            Self::V4(v4) => pulp::Simd::vectorize(v4, Vectorised(work, v4)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPTH: usize = 37;

    struct Product<'a>(&'a [[f32; ROWS]], &'a [[f32; LANES]], &'a mut [[Lanes; ROWS]]);

    impl Work for Product<'_> {
        #[inline(always)]
        fn run(self, multiply: impl Multiply) {
            let Self(left, right, out) = self;
            let block = |block: usize| &left[block * DEPTH..][..DEPTH];
            multiply.each(out.len(), block, right, |block, sums| out[block] = sums);
        }
    }

    #[test]
    fn every_arithmetic_of_this_processor_gives_the_product() {
        let value = |i: usize| ((i * 7919 % 613) as f32 - 306.0) / 306.0;
        for blocks in 0..6 {
            let left: Vec<[f32; ROWS]> =
                (0..blocks * DEPTH).map(|i| std::array::from_fn(|row| value(ROWS * i + row))).collect();
            let right: Vec<[f32; LANES]> =
                (0..DEPTH).map(|k| std::array::from_fn(|lane| value(3 * LANES * k + lane))).collect();
            for arithmetic in Arithmetic::all() {
                let mut out = vec![[Lanes::ZERO; ROWS]; blocks];
                arithmetic.run(Product(&left, &right, &mut out));
                for (block, out) in out.iter().enumerate() {
                    for (row, lane) in (0..ROWS).flat_map(|row| (0..LANES).map(move |lane| (row, lane))) {
                        let terms = (0..DEPTH)
                            .map(|k| f64::from(left[block * DEPTH + k][row]) * f64::from(right[k][lane]));
                        let apart = f64::from(out[row].0[lane]) - terms.sum::<f64>();
                        assert!(apart.abs() < 1e-5, "{arithmetic:?}, block {block} of {blocks}: {apart}");
                    }
                }
            }
        }
    }
}
