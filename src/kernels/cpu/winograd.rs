//! 3 x 3 convolutions through Winograd's minimal filtering F(4 x 4, 3 x 3): Lavin & Gray 2016, "Fast
//! Algorithms for Convolutional Neural Networks", points 0, 1, -1, 2, -2. A tile of 6 x 6 inputs
//! makes 4 x 4 outputs with 36 products where the definition takes 144.
//!
//! Dilation d is d x d interleaved grids of dilation 1. Weights are transformed on the way in: they
//! would be four times as large if they were kept so.

use super::arithmetic::{Arithmetic, Computation};
use super::lanes::{self, LANES, Lanes};
use super::product::{ROWS, Vectors};
use super::{Convolution, Finish, Shape, each_chunk, panels};
use std::cell::Cell;
use std::ops::Range;

/// Outputs of a tile along each axis.
const SIDE: usize = 4;
/// Inputs of a tile along each axis.
const REACH: usize = 6;
/// Products of a tile.
const POINTS: usize = REACH * REACH;
/// Panels that share a pass over the inputs.
const GROUP: usize = 32 / LANES;
/// Tiles whose products are kept at a time.
const BAND: usize = 128;
/// Channels whose weights are transformed at a time where they are used once.
const DEPTH: usize = 64;

/// From one point's values to the next one's, in channels. A power of two, which `from` often is, would
/// send all 36 to the same few sets of the cache.
fn stride(from: usize) -> usize {
    from + 3
}

thread_local! {
    /// The memory that the last convolution on this thread worked in: to take the memory anew and clear it was a
    /// tenth of the time.
    static SCRATCH: Cell<Scratch> = const { Cell::new(Scratch::EMPTY) };
    static TRANSFORMED: Cell<Vec<[f32; LANES]>> = const { Cell::new(Vec::new()) };
}

struct Scratch {
    kept: Vec<[f32; LANES]>,
    left: Vec<[f32; ROWS]>,
    products: Vec<[f32; LANES]>,
}

impl Scratch {
    const EMPTY: Self = Self { kept: Vec::new(), left: Vec::new(), products: Vec::new() };
}

impl Default for Scratch {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// The first values of a scratch, which are whatever they were.
fn room<T: Copy + Default>(scratch: &mut Vec<T>, length: usize) -> &mut [T] {
    if scratch.len() < length {
        scratch.resize(length, T::default());
    }
    &mut scratch[..length]
}

/// Whether it is quicker than the definition: a map much smaller than its tiles wastes what it saves.
pub(super) fn pays(shape: Shape, size: [usize; 2]) -> bool {
    let Shape { from, to, kernel, stride, doubling, .. } = shape;
    if kernel != 3 || stride != 1 || doubling || from < 8 || to < 8 {
        return false;
    }
    let plan = Plan::new(shape, size);
    let tiles = plan.tile_rows * plan.tiles_in_row;
    // In multiplications for each pair of channels; a transformed value costs about four, shared by
    // all channels of the other side.
    let weights = POINTS as f64 * 2.0;
    let maps = (tiles * POINTS) as f64 * 4.0 * (1.0 / from as f64 + 1.0 / to as f64);
    ((tiles.next_multiple_of(ROWS) * POINTS) as f64 + weights + maps) < (size[0] * size[1] * 9) as f64
}

/// How a map is cut into tiles.
#[derive(Clone, Copy)]
struct Plan {
    size: [usize; 2],
    dilation: usize,
    /// Rows of tiles; each makes `SIDE * dilation` rows of the output.
    tile_rows: usize,
    /// Tiles of all interleaved grids in such a row.
    tiles_in_row: usize,
}

impl Plan {
    fn new(shape: Shape, size: [usize; 2]) -> Self {
        let dilation = shape.dilation;
        let along = |n: usize| n.div_ceil(dilation).div_ceil(SIDE);
        Self { size, dilation, tile_rows: along(size[0]), tiles_in_row: along(size[1]) * dilation * dilation }
    }

    /// Where the first output of a tile lies.
    fn origin(&self, tile: usize) -> [usize; 2] {
        let (row, rest) = (tile / self.tiles_in_row, tile % self.tiles_in_row);
        let across = self.tiles_in_row / (self.dilation * self.dilation);
        let (grid, column) = (rest / across, rest % across);
        let (sub_y, sub_x) = (grid / self.dilation, grid % self.dilation);
        [row * SIDE * self.dilation + sub_y, column * SIDE * self.dilation + sub_x]
    }

    /// Rows of tiles that are worked off together.
    fn rows_of_a_band(&self) -> usize {
        (BAND / self.tiles_in_row).clamp(1, self.tile_rows)
    }

    /// Rows of the output that a row of tiles makes.
    fn output_rows(&self) -> usize {
        SIDE * self.dilation
    }
}

/// Runs the convolution.
pub(super) fn run(
    layer: &Convolution,
    input: &[f32],
    size: [usize; 2],
    finish: &Finish<'_>,
    arithmetic: Arithmetic,
    output: &mut [f32],
) {
    let Shape { from, to, .. } = layer.shape;
    let plan = Plan::new(layer.shape, size);
    let tile_rows = plan.rows_of_a_band();
    let panels = panels(layer.shape).next_multiple_of(GROUP);
    let stride = stride(from);
    let mut scratch = SCRATCH.take();
    // More than one band: the weights are transformed once for all of them.
    let kept = (tile_rows < plan.tile_rows).then(|| {
        let kept = room(&mut scratch.kept, panels * POINTS * stride);
        each_chunk(kept, GROUP * POINTS * stride, |group, out| {
            arithmetic.run(TransformWeights { layer, group, channels: 0..from, out });
        });
        &*kept
    });
    let most_tiles = tile_rows * plan.tiles_in_row;
    let left = room(&mut scratch.left, most_tiles.div_ceil(ROWS) * POINTS * stride);
    let products = room(&mut scratch.products, panels * POINTS * most_tiles.next_multiple_of(ROWS));
    for (band, output) in output.chunks_mut(tile_rows * plan.output_rows() * size[1] * to).enumerate() {
        let first = band * tile_rows;
        let tiles = tile_rows.min(plan.tile_rows - first) * plan.tiles_in_row;
        let padded = tiles.next_multiple_of(ROWS);
        let first_tile = first * plan.tiles_in_row;
        let left = &mut left[..padded / ROWS * POINTS * stride];
        each_chunk(left, POINTS * stride, |block, out| {
            let first = block * ROWS;
            let count = ROWS.min(tiles - first);
            arithmetic.run(TransformInput { input, plan, from, first: first_tile + first, count, out });
        });
        let left = &*left;
        let products = &mut products[..panels * POINTS * padded];
        match kept {
            Some(right) => each_chunk(products, panels * padded, |point, out| {
                arithmetic.run(Products { left, right, point, from, padded, out });
            }),
            None => each_chunk(products, GROUP * POINTS * padded, |group, out| {
                let mut scratch = TRANSFORMED.take();
                let right = room(&mut scratch, GROUP * POINTS * self::stride(DEPTH.min(from)));
                arithmetic.run(ProductsOfGroup { layer, left, group, right, padded, out });
                TRANSFORMED.set(scratch);
            }),
        }
        let products = Planes {
            values: products,
            panel: if kept.is_some() { padded } else { POINTS * padded },
            point: if kept.is_some() { panels * padded } else { padded },
        };
        let row_length = plan.output_rows() * size[1] * to;
        each_chunk(output, row_length, |row, out| {
            let in_band = row * plan.tiles_in_row;
            arithmetic.run(TransformOutput {
                products,
                plan,
                finish,
                in_band,
                first: first_tile + in_band,
                first_row: (first + row) * plan.output_rows(),
                out,
            });
        });
    }
    SCRATCH.set(scratch);
}

/// `G w G^T` of a group of panels, for some of the channels: `[panel, point, channels, LANES]`, the points
/// [`stride`] apart.
struct TransformWeights<'a> {
    layer: &'a Convolution,
    group: usize,
    channels: Range<usize>,
    out: &'a mut [[f32; LANES]],
}

#[inline(always)]
fn filter<L: Lanes>(w: [L; 3]) -> [L; REACH] {
    let [a, b, c] = w;
    let (even, odd) = ((a + c) * (-1.0 / 6.0), b * (-1.0 / 6.0));
    let (far, near) = (a * (1.0 / 24.0) + c * (1.0 / 6.0), b * (1.0 / 12.0));
    [a * 0.25, even + odd, even - odd, far + near, far - near, c]
}

impl Computation for TransformWeights<'_> {
    #[inline(always)]
    fn run(self, vectors: impl Vectors) {
        let Self { layer, group, channels, out } = self;
        let from = layer.shape.from;
        let weights = layer.weights.as_chunks::<LANES>().0;
        let stride = stride(channels.len());
        for (panel, out) in out.chunks_exact_mut(POINTS * stride).enumerate() {
            let panel = group * GROUP + panel;
            let Some(weights) = weights.get(panel * 9 * from..(panel + 1) * 9 * from) else { continue };
            for (i, channel) in channels.clone().enumerate() {
                let mut half = [[vectors.lanes([0.0; LANES]); REACH]; 3];
                for (x, half) in half.iter_mut().enumerate() {
                    let tap = |y: usize| weights[(y * 3 + x) * from + channel];
                    *half = filter([vectors.lanes(tap(0)), vectors.lanes(tap(1)), vectors.lanes(tap(2))]);
                }
                for y in 0..REACH {
                    for (x, value) in filter([half[0][y], half[1][y], half[2][y]]).into_iter().enumerate() {
                        out[(y * REACH + x) * stride + i] = value.values();
                    }
                }
            }
        }
    }
}

/// `B^T d B` of a block of tiles: `[point, from, ROWS]`, the points [`stride`] apart.
struct TransformInput<'a> {
    input: &'a [f32],
    plan: Plan,
    from: usize,
    first: usize,
    count: usize,
    out: &'a mut [[f32; ROWS]],
}

#[inline(always)]
fn data<L: Lanes>(d: [L; REACH]) -> [L; REACH] {
    let [a, b, c, d, e, f] = d;
    let (s, t) = (e - c * 4.0, d - b * 4.0);
    let (u, v) = (e - c, (d - b) * 2.0);
    [a * 4.0 - c * 5.0 + e, s + t, s - t, u + v, u - v, b * 4.0 - d * 5.0 + f]
}

impl Computation for TransformInput<'_> {
    #[inline(always)]
    fn run(self, vectors: impl Vectors) {
        let Self { input, plan, from, first, count, out } = self;
        let ([height, width], stride) = (plan.size, stride(from));
        if count < ROWS {
            out.fill([0.0; ROWS]);
        }
        for row in 0..count {
            let origin = plan.origin(first + row);
            // Where each of the six inputs along an axis lies; the padding has none.
            let along = |at: usize, limit: usize| {
                std::array::from_fn::<_, REACH, _>(|i| {
                    let step = (i as isize - 1) * plan.dilation as isize;
                    at.checked_add_signed(step).filter(|at| *at < limit)
                })
            };
            let (ys, xs) = (along(origin[0], height), along(origin[1], width));
            for channel in (0..from).step_by(LANES) {
                let mut half = [[vectors.lanes([0.0; LANES]); REACH]; REACH];
                for (x, half) in xs.iter().zip(&mut half) {
                    let Some(x) = x else { continue };
                    let mut column = *half;
                    for (y, value) in ys.iter().zip(&mut column) {
                        if let Some(y) = y {
                            let channels = &input[(y * width + x) * from..][..from][channel..];
                            *value = vectors.lanes(lanes::first(channels));
                        }
                    }
                    *half = data(column);
                }
                for y in 0..REACH {
                    let values =
                        data([half[0][y], half[1][y], half[2][y], half[3][y], half[4][y], half[5][y]]);
                    for (x, value) in values.into_iter().enumerate() {
                        let out = &mut out[(y * REACH + x) * stride..][..from][channel..];
                        for (out, value) in out.iter_mut().zip(value.values()) {
                            out[row] = value;
                        }
                    }
                }
            }
        }
    }
}

/// The products of a point: `[panel, tile, LANES]`.
struct Products<'a> {
    left: &'a [[f32; ROWS]],
    /// Of all panels, as [`TransformWeights`] leaves them.
    right: &'a [[f32; LANES]],
    point: usize,
    from: usize,
    padded: usize,
    out: &'a mut [[f32; LANES]],
}

impl Computation for Products<'_> {
    #[inline(always)]
    fn run(self, vectors: impl Vectors) {
        let Self { left, right, point, from, padded, out } = self;
        let stride = stride(from);
        let left = |block: usize| &left[(block * POINTS + point) * stride..][..from];
        for (group, out) in out.chunks_exact_mut(GROUP * padded).enumerate() {
            let right = std::array::from_fn::<_, GROUP, _>(|panel| {
                &right[((group * GROUP + panel) * POINTS + point) * stride..][..from]
            });
            vectors.each(
                padded / ROWS,
                left,
                right,
                #[inline(always)]
                |panel, tile, sum| {
                    out[panel * padded + tile] = sum.values();
                },
            );
        }
    }
}

/// The products of a group of panels whose weights are transformed on the way, some channels at a time,
/// so that they are still in the cache: `[panel, point, tile, LANES]`.
struct ProductsOfGroup<'a> {
    layer: &'a Convolution,
    left: &'a [[f32; ROWS]],
    group: usize,
    /// Scratch.
    right: &'a mut [[f32; LANES]],
    padded: usize,
    out: &'a mut [[f32; LANES]],
}

impl Computation for ProductsOfGroup<'_> {
    #[inline(always)]
    fn run(self, vectors: impl Vectors) {
        let Self { layer, left, group, right, padded, out } = self;
        let from = layer.shape.from;
        for first in (0..from).step_by(DEPTH) {
            let channels = first..(first + DEPTH).min(from);
            let depth = channels.len();
            let right = &mut right[..GROUP * POINTS * stride(depth)];
            TransformWeights { layer, group, channels: channels.clone(), out: &mut *right }.run(vectors);
            for point in 0..POINTS {
                let right = std::array::from_fn::<_, GROUP, _>(|panel| {
                    &right[(panel * POINTS + point) * stride(depth)..][..depth]
                });
                let left = |block: usize| &left[(block * POINTS + point) * stride(from)..][channels.clone()];
                vectors.each(
                    padded / ROWS,
                    left,
                    right,
                    #[inline(always)]
                    |panel, tile, sum| {
                        let out = &mut out[(panel * POINTS + point) * padded + tile];
                        *out = if first == 0 { sum.values() } else { (vectors.lanes(*out) + sum).values() };
                    },
                );
            }
        }
    }
}

/// The memory that the products of a band lie in.
#[derive(Clone, Copy)]
struct Planes<'a> {
    values: &'a [[f32; LANES]],
    /// From one panel to the next, and from one point to the next.
    panel: usize,
    point: usize,
}

/// `A^T m A` of a row of tiles, finished.
struct TransformOutput<'a> {
    products: Planes<'a>,
    plan: Plan,
    finish: &'a Finish<'a>,
    /// Number of the first tile in the band and in all.
    in_band: usize,
    first: usize,
    /// First row of the output that `out` holds.
    first_row: usize,
    out: &'a mut [f32],
}

#[inline(always)]
fn outputs<L: Lanes>(m: [L; REACH]) -> [L; SIDE] {
    let [a, b, c, d, e, f] = m;
    let (s, t) = (b + c, b - c);
    let (u, v) = (d + e, d - e);
    [a + s + u, t + v * 2.0, s + u * 4.0, t + v * 8.0 + f]
}

impl Computation for TransformOutput<'_> {
    #[inline(always)]
    fn run(self, vectors: impl Vectors) {
        let Self { products, plan, finish, in_band, first, first_row, out } = self;
        let shape = finish.layer.shape;
        let [height, width] = plan.size;
        for number in 0..plan.tiles_in_row {
            let origin = plan.origin(first + number);
            for panel in 0..panels(shape) {
                let mut half = [[vectors.lanes([0.0; LANES]); SIDE]; REACH];
                for (x, half) in half.iter_mut().enumerate() {
                    let mut column = [vectors.lanes([0.0; LANES]); REACH];
                    for (y, value) in column.iter_mut().enumerate() {
                        let at = panel * products.panel + (y * REACH + x) * products.point + in_band + number;
                        *value = vectors.lanes(products.values[at]);
                    }
                    *half = outputs(column);
                }
                let rows = (origin[0]..height).step_by(plan.dilation).take(SIDE);
                for (row, y) in rows.enumerate() {
                    let [a, b, c, d, e, f] = half;
                    let values = outputs([a[row], b[row], c[row], d[row], e[row], f[row]]);
                    for (j, value) in values.into_iter().enumerate() {
                        let x = origin[1] + j * plan.dilation;
                        if x < width {
                            let out = &mut out[((y - first_row) * width + x) * shape.to..][..shape.to];
                            finish.store(vectors, value, panel, y * width + x, out);
                        }
                    }
                }
            }
        }
    }
}
