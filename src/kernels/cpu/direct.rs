//! Convolution as a matrix product: a row for each output, a column for each tap and input channel. The
//! left side is gathered from the map; where there is one tap, the map is the left side.

use super::arithmetic::{Arithmetic, Computation};
use super::lanes::Lanes;
use super::product::{Left, ROWS, Vectors};
use super::{Convolution, Finish, LANES, each_chunk, panels, phases, taps};
use std::ops::Range;

/// Outputs gathered at a time: many enough to use each weight often, few enough to stay in the cache.
const GATHERED_ROWS: usize = 96;

/// Terms of a sum that are worked off at a time: so much of a panel stays in the first cache.
const DEPTH_AT_ONCE: usize = 256;

/// Panels that share a pass over the left side, where vectors are wide enough for it to pay.
const PANELS_AT_ONCE: usize = if cfg!(target_arch = "wasm32") { 1 } else { 2 };

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
    let rows = (GATHERED_ROWS / grid[1]).clamp(1, grid[0]);
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

impl Computation for Band<'_> {
    #[inline(always)]
    fn run(self, vectors: impl Vectors) {
        if (self.layer.shape.kernel, self.layer.shape.stride) == (1, 1) {
            self.straight(vectors);
        } else {
            self.gathered(vectors);
        }
    }
}

impl Band<'_> {
    /// 1 x 1: the rows lie in memory as they are multiplied.
    #[inline(always)]
    fn straight(self, vectors: impl Vectors) {
        let Self { layer, input, finish, grid, first, rows, output, .. } = self;
        let (from, count, start) = (layer.shape.from, rows * grid[1], first * grid[1]);
        let left = |block: usize, part: Range<usize>| -> [&[f32]; ROWS] {
            std::array::from_fn(|row| {
                let position = start + (block * ROWS + row).min(count - 1);
                &input[position * from..][part.clone()]
            })
        };
        let place = Place { finish, phase: 0, scale: 1, start, count, columns: grid[1] };
        let right = layer.weights.as_chunks::<LANES>().0;
        Product { right, depth: from, blocks: count.div_ceil(ROWS) }.run(
            vectors,
            left,
            #[inline(always)]
            |panel, row, sum| place.store(vectors, panel, row, sum, output),
        );
    }

    #[inline(always)]
    fn gathered(self, vectors: impl Vectors) {
        let Self { layer, input, size: [height, width], finish, grid, first, rows, output } = self;
        let shape = layer.shape;
        let from = shape.from;
        let count = rows * grid[1];
        let stride = if shape.doubling { 1 } else { shape.stride };
        let padding = vec![0.0; from];
        let mut left = Vec::new();
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
            let right = &layer.weights.as_chunks::<LANES>().0[phase * panels * depth..][..panels * depth];
            let scale = if shape.doubling { 2 } else { 1 };
            let start = first * scale * finish.width;
            let place = Place { finish, phase, scale, start, count, columns: grid[1] };
            let left = |block: usize, part: Range<usize>| &left[block * depth..][part];
            Product { right, depth, blocks: count.div_ceil(ROWS) }.run(
                vectors,
                left,
                #[inline(always)]
                |panel, row, sum| place.store(vectors, panel, row, sum, output),
            );
        }
    }
}

/// Where the sums of a band belong.
struct Place<'a> {
    finish: &'a Finish<'a>,
    phase: usize,
    /// Outputs of all phases along an axis, for one of the grid.
    scale: usize,
    /// Position of the band's first output.
    start: usize,
    /// Places of the grid in the band, and in a row.
    count: usize,
    columns: usize,
}

impl Place<'_> {
    /// Finishes a panel of one place of the grid into the band's output.
    #[inline(always)]
    fn store<V: Vectors>(&self, vectors: V, panel: usize, row: usize, sum: V::Lanes, output: &mut [f32]) {
        let Self { finish, phase, scale, start, count, columns } = *self;
        // The last block's rows beyond the band.
        if row >= count {
            return;
        }
        let position = if scale == 1 {
            row
        } else {
            let (y, x) = (row / columns, row % columns);
            (y * scale + phase / 2) * finish.width + x * scale + phase % 2
        };
        let to = finish.layer.shape.to;
        finish.store(vectors, sum, panel, start + position, &mut output[position * to..][..to]);
    }
}

/// All panels of a right side, `[panel, depth, LANES]`, and how many blocks there are to multiply by it.
struct Product<'a> {
    right: &'a [[f32; LANES]],
    depth: usize,
    blocks: usize,
}

impl Product<'_> {
    /// Hands each row of each panel to `store(panel, row, ..)`. `left` gives some terms of a block.
    #[inline(always)]
    fn run<V: Vectors, L: Left>(
        &self,
        vectors: V,
        left: impl Fn(usize, Range<usize>) -> L,
        mut store: impl FnMut(usize, usize, V::Lanes),
    ) {
        let mut sums = Vec::new();
        let mut rest = self.right;
        let mut first = 0;
        while let Some((right, after)) = rest.split_at_checked(PANELS_AT_ONCE * self.depth) {
            let right = std::array::from_fn(|i| &right[i * self.depth..][..self.depth]);
            self.panels::<V, L, PANELS_AT_ONCE>(vectors, &left, right, &mut sums, first, &mut store);
            (rest, first) = (after, first + PANELS_AT_ONCE);
        }
        // None in a browser, whose panels are not abreast; the code for it is left out there.
        if PANELS_AT_ONCE > 1 {
            while let Some((right, after)) = rest.split_at_checked(self.depth) {
                self.panels::<V, L, 1>(vectors, &left, [right], &mut sums, first, &mut store);
                (rest, first) = (after, first + 1);
            }
        }
    }

    /// Some panels, from `first` on.
    #[inline(always)]
    fn panels<V: Vectors, L: Left, const PANELS: usize>(
        &self,
        vectors: V,
        left: &impl Fn(usize, Range<usize>) -> L,
        right: [&[[f32; LANES]]; PANELS],
        sums: &mut Vec<[f32; LANES]>,
        first: usize,
        store: &mut impl FnMut(usize, usize, V::Lanes),
    ) {
        let Self { depth, blocks, .. } = *self;
        if depth > DEPTH_AT_ONCE {
            sums.resize(PANELS * blocks * ROWS, [0.0; LANES]);
        }
        for start in (0..depth).step_by(DEPTH_AT_ONCE) {
            let part = start..(start + DEPTH_AT_ONCE).min(depth);
            vectors.each(
                blocks,
                #[inline(always)]
                |block| left(block, part.clone()),
                right.map(|right| &right[part.clone()]),
                #[inline(always)]
                |panel, row, more| {
                    let at = panel * blocks * ROWS + row;
                    let sum = if start == 0 { more } else { vectors.lanes(sums[at]) + more };
                    if part.end == depth {
                        store(first + panel, row, sum);
                    } else {
                        sums[at] = sum.values();
                    }
                },
            );
        }
    }
}
