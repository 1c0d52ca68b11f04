//! Convolution as a matrix product whose left side is gathered from the photograph: a row for each
//! output, a column for each tap and input channel.

use super::lanes::Lanes;
use super::product::{Arithmetic, Multiply, ROWS, Work};
use super::{Convolution, Finish, LANES, each_chunk, panels, phases, taps};

/// Outputs gathered at a time: many enough to use each weight often, few enough to stay in the cache.
const GATHERED: usize = 96;

/// Terms of a sum that are worked off at a time: so much of a panel stays in the first cache.
const DEPTH: usize = 256;

/// Runs the convolution, band by band of whole output rows.
pub(super) fn run(
    layer: &Convolution,
    input: &[f32],
    size: [usize; 2],
    finish: &Finish<'_>,
    arithmetic: Arithmetic,
    output: &mut [f32],
) {
    let shape = layer.shape;
    // The grid on which outputs of one phase are counted.
    let grid = if shape.doubling { size } else { shape.output(size) };
    let rows = (GATHERED / grid[1]).clamp(1, grid[0]);
    let band_length = rows * grid[1] * phases(shape) * shape.to;
    each_chunk(output, band_length, |index, output| {
        let first = index * rows;
        let rows = rows.min(grid[0] - first);
        arithmetic.run(Band { layer, input, size, finish, grid, first, rows, output });
    });
}

struct Band<'a> {
    layer: &'a Convolution,
    input: &'a [f32],
    size: [usize; 2],
    finish: &'a Finish<'a>,
    grid: [usize; 2],
    /// First row of the grid, and how many.
    first: usize,
    rows: usize,
    output: &'a mut [f32],
}

impl Work for Band<'_> {
    #[inline(always)]
    fn run(self, multiply: impl Multiply) {
        let Self { layer, input, size: [height, width], finish, grid, first, rows, output } = self;
        let shape = layer.shape;
        let (from, to) = (shape.from, shape.to);
        let count = rows * grid[1];
        let stride = if shape.doubling { 1 } else { shape.stride };
        let scale = if shape.doubling { 2 } else { 1 };
        let padding = vec![0.0; from];
        let mut left = Vec::new();
        let mut sums: Vec<[Lanes; ROWS]> = Vec::new();
        for phase in 0..phases(shape) {
            let taps = taps(shape, phase);
            let depth = taps.len() * from;
            left.clear();
            left.resize(count.div_ceil(ROWS) * depth, [0.0; ROWS]);
            for (number, block) in left.chunks_exact_mut(depth).enumerate() {
                let inputs: [_; ROWS] = std::array::from_fn(|row| {
                    let pixel = number * ROWS + row;
                    let inside = pixel < count;
                    inside.then_some([(first + pixel / grid[1]) * stride, pixel % grid[1] * stride])
                });
                for (tap, block) in taps.iter().zip(block.chunks_exact_mut(from)) {
                    let rows = inputs.map(|at| {
                        let y = at?[0].checked_add_signed(tap[0]).filter(|y| *y < height)?;
                        let x = at?[1].checked_add_signed(tap[1]).filter(|x| *x < width)?;
                        Some(&input[(y * width + x) * from..][..from])
                    });
                    let rows = rows.map(|row| row.unwrap_or(&padding));
                    for (channel, cell) in block.iter_mut().enumerate() {
                        *cell = rows.map(|row| row[channel]);
                    }
                }
            }
            let panels = panels(shape);
            let right = layer.weights.as_chunks::<LANES>().0;
            let right = &right[phase * panels * depth..][..panels * depth];
            for (panel, right) in right.chunks_exact(depth).enumerate() {
                sums.clear();
                sums.resize(count.div_ceil(ROWS), [Lanes::ZERO; ROWS]);
                for start in (0..depth).step_by(DEPTH) {
                    let part = start..(start + DEPTH).min(depth);
                    let right = &right[part.clone()];
                    let left = |block: usize| &left[block * depth..][part.clone()];
                    multiply.each(sums.len(), left, right, |block, more| {
                        sums[block] = std::array::from_fn(|row| sums[block][row] + more[row]);
                    });
                }
                for (pixel, sum) in sums.as_flattened().iter().enumerate().take(count) {
                    let (y, x) = (pixel / grid[1], pixel % grid[1]);
                    let (y, x) = (y * scale + phase / 2, x * scale + phase % 2);
                    let out = &mut output[(y * finish.width + x) * to..][..to];
                    finish.store(*sum, panel, [y + first * scale, x], out);
                }
            }
        }
    }
}
