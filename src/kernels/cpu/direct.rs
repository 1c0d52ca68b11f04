//! Convolution as a matrix product whose left side is gathered from the photograph: a row for each
//! output, a column for each tap and input channel.

use super::arithmetic::{Arithmetic, Work};
use super::lanes::Lanes;
use super::product::{ROWS, Vectors};
use super::{Convolution, Finish, LANES, each_chunk, panels, phases, taps};

/// Outputs gathered at a time: many enough to use each weight often, few enough to stay in the cache.
const GATHERED: usize = 96;

/// Terms of a sum that are worked off at a time: so much of a panel stays in the first cache.
const DEPTH: usize = 256;

/// Panels that share a pass over the left side, where vectors are wide enough for it to pay.
const ABREAST: usize = if cfg!(target_arch = "wasm32") { 1 } else { 2 };

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
    fn run(self, vectors: impl Vectors) {
        let Self { layer, input, size: [height, width], finish, grid, first, rows, output } = self;
        let shape = layer.shape;
        let from = shape.from;
        let count = rows * grid[1];
        let stride = if shape.doubling { 1 } else { shape.stride };
        let padding = vec![0.0; from];
        let mut left = Vec::new();
        let mut sums = Vec::new();
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
            let place = Place {
                finish,
                phase,
                scale: if shape.doubling { 2 } else { 1 },
                first,
                rows,
                columns: grid[1],
            };
            let mut panel = 0;
            while panel + ABREAST <= panels {
                let right = std::array::from_fn(|i| &right[(panel + i) * depth..][..depth]);
                product::<ABREAST>(vectors, &left, right, &mut sums);
                for (i, sums) in sums.chunks_exact(count.next_multiple_of(ROWS)).enumerate() {
                    place.store(vectors, panel + i, sums, output);
                }
                panel += ABREAST;
            }
            // None in a browser, whose panels are not abreast; the code for it is left out there.
            if ABREAST > 1 {
                for panel in panel..panels {
                    product(vectors, &left, [&right[panel * depth..][..depth]], &mut sums);
                    place.store(vectors, panel, &sums, output);
                }
            }
        }
    }
}

/// Where the sums of a band belong.
struct Place<'a> {
    finish: &'a Finish<'a>,
    phase: usize,
    /// Outputs of all phases along an axis, for one of the grid.
    scale: usize,
    first: usize,
    rows: usize,
    columns: usize,
}

impl Place<'_> {
    /// Finishes a panel into the band's output.
    #[inline(always)]
    fn store(&self, vectors: impl Vectors, panel: usize, sums: &[[f32; LANES]], output: &mut [f32]) {
        let Self { finish, phase, scale, first, rows, columns } = *self;
        let to = finish.layer.shape.to;
        for (row, sums) in sums.chunks_exact(columns).enumerate().take(rows) {
            let y = row * scale + phase / 2;
            for (column, sum) in sums.iter().enumerate() {
                let x = column * scale + phase % 2;
                let out = &mut output[(y * finish.width + x) * to..][..to];
                finish.store(vectors, vectors.lanes(*sum), panel, [y + first * scale, x], out);
            }
        }
    }
}

/// Panels of the product: `left` is `[block, K, ROWS]`, a panel `[K, LANES]`, `sums` becomes `[panel,
/// row]`.
#[inline(always)]
fn product<const PANELS: usize>(
    vectors: impl Vectors,
    left: &[[f32; ROWS]],
    right: [&[[f32; LANES]]; PANELS],
    sums: &mut Vec<[f32; LANES]>,
) {
    let depth = right[0].len();
    let blocks = left.len() / depth;
    sums.resize(PANELS * blocks * ROWS, [0.0; LANES]);
    for start in (0..depth).step_by(DEPTH) {
        let part = start..(start + DEPTH).min(depth);
        let right = right.map(|right| &right[part.clone()]);
        let left = |block: usize| &left[block * depth..][part.clone()];
        vectors.each(
            blocks,
            left,
            right,
            #[inline(always)]
            |panel, row, more| {
                let sum = &mut sums[panel * blocks * ROWS + row];
                *sum = if start == 0 { more.values() } else { (vectors.lanes(*sum) + more).values() };
            },
        );
    }
}
