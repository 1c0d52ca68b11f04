//! The inner loop of every convolution, as the rest asks for it: a matrix product whose sums stay in registers.

use super::lanes::{LANES, Lanes};

/// Rows of a block. 6 x 2 vectors, two of the right side and one of the left fill 15 of the 16 registers
/// that most processors have.
pub(super) const ROWS: usize = 6;

/// A block of the left side of a product.
pub(super) trait Left: Copy {
    /// With so many terms, of which none is then checked.
    fn cut(self, depth: usize) -> Self;

    /// Term `k` of a row.
    fn at(self, k: usize, row: usize) -> f32;
}

/// Gathered: the rows' terms beside each other.
impl Left for &[[f32; ROWS]] {
    #[inline(always)]
    fn cut(self, depth: usize) -> Self {
        &self[..depth]
    }

    #[inline(always)]
    fn at(self, k: usize, row: usize) -> f32 {
        self[k][row]
    }
}

/// Rows as they lie in memory.
impl Left for [&[f32]; ROWS] {
    #[inline(always)]
    fn cut(self, depth: usize) -> Self {
        self.map(|row| &row[..depth])
    }

    #[inline(always)]
    fn at(self, k: usize, row: usize) -> f32 {
        self[row][k]
    }
}

/// The vectors of a kind of processor, and the matrix product as it does it best.
pub(super) trait Vectors: Copy {
    type Lanes: Lanes;

    fn lanes(self, values: [f32; LANES]) -> Self::Lanes;

    /// Hands each row of `left(i)` times `right[panel]`, for each `i` below `blocks`, to `take(panel, row,
    /// ..)`; rows count through the blocks. `left(i)` has K terms, a panel is `[K, LANES]`.
    fn each<L: Left, const PANELS: usize>(
        self,
        blocks: usize,
        left: impl Fn(usize) -> L,
        right: [&[[f32; LANES]]; PANELS],
        take: impl FnMut(usize, usize, Self::Lanes),
    );
}

#[cfg(test)]
mod tests {
    use super::super::arithmetic::{Arithmetic, Computation};
    use super::*;

    const DEPTH: usize = 37;

    struct Product<'a, const PANELS: usize> {
        left: &'a [[f32; ROWS]],
        right: [&'a [[f32; LANES]]; PANELS],
        blocks: usize,
        /// `[panel, row]`.
        out: &'a mut [[f32; LANES]],
    }

    impl<const PANELS: usize> Computation for Product<'_, PANELS> {
        #[inline(always)]
        fn run(self, vectors: impl Vectors) {
            let Self { left, right, blocks, out } = self;
            let block = |block: usize| &left[block * DEPTH..][..DEPTH];
            vectors.each(blocks, block, right, |panel, row, sum| {
                out[panel * blocks * ROWS + row] = sum.values();
            });
        }
    }

    fn value(i: usize) -> f32 {
        ((i * 7919 % 613) as f32 - 306.0) / 306.0
    }

    fn check<const PANELS: usize>(arithmetic: Arithmetic, blocks: usize) {
        let left: Vec<[f32; ROWS]> =
            (0..blocks * DEPTH).map(|i| std::array::from_fn(|row| value(ROWS * i + row))).collect();
        let panels: [Vec<[f32; LANES]>; PANELS] = std::array::from_fn(|panel| {
            (0..DEPTH).map(|k| std::array::from_fn(|lane| value(3 * LANES * k + lane + 5 * panel))).collect()
        });
        let right = panels.each_ref().map(Vec::as_slice);
        let mut out = vec![[0.0; LANES]; PANELS * blocks * ROWS];
        arithmetic.run(Product { left: &left, right, blocks, out: &mut out });
        for (i, sums) in out.iter().enumerate() {
            let (panel, block, row) = (i / ROWS / blocks, i / ROWS % blocks, i % ROWS);
            for (lane, sum) in sums.iter().enumerate() {
                let terms = (0..DEPTH)
                    .map(|k| f64::from(left[block * DEPTH + k][row]) * f64::from(right[panel][k][lane]));
                let apart = f64::from(*sum) - terms.sum::<f64>();
                assert!(apart.abs() < 1e-5, "{arithmetic:?}, panel {panel}, block {block}: {apart}");
            }
        }
    }

    #[test]
    fn every_arithmetic_of_this_processor_gives_the_product() {
        for arithmetic in Arithmetic::all() {
            for blocks in 0..6 {
                check::<1>(arithmetic, blocks);
                check::<2>(arithmetic, blocks);
            }
        }
    }
}
