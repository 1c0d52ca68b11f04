//! Convolutions that see each channel by itself. There is no product of matrices in them: each output
//! channel is a short sum, and what costs is reading. So outputs side by side are summed together, and
//! share what they read.

use super::arithmetic::{Arithmetic, Computation};
use super::lanes::{self, LANES, Lanes};
use super::product::Vectors;
use super::{Convolution, Finish, each_chunk, panels};
use std::ops::Range;

/// Outputs side by side.
const STRIP: usize = 4;

/// Most inputs side by side that a strip sees: those of 5 x 5 at stride 2.
const REACH: usize = (STRIP - 1) * 2 + 5;

/// Outputs that a thread takes at a time.
const BAND: usize = 256;

/// Rows of an input, from one on, as far as they are there.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a [f32],
    /// Rows of the map above the first.
    pub(super) above: usize,
}

/// Makes rows of the output from `first` on, as many as `output` has room for, band by band. `size` is
/// that of the whole input, of which `input` has at least the rows that are seen.
pub(super) fn run(
    layer: &Convolution,
    input: Rows<'_>,
    size: [usize; 2],
    finish: &Finish<'_>,
    arithmetic: Arithmetic,
    first: usize,
    output: &mut [f32],
) {
    let [high, wide] = layer.shape.output(size);
    let rows = (BAND / wide).clamp(1, high);
    each_chunk(output, rows * wide * layer.shape.to, |index, output| {
        arithmetic.run(Band { layer, input, size, finish, first: first + index * rows, output });
    });
}

/// Which rows of the input are seen by so many of the output.
pub(super) fn rows_seen(layer: &Convolution, outputs: Range<usize>, height: usize) -> Range<usize> {
    let (kernel, stride) = (layer.shape.kernel, layer.shape.stride);
    let half = kernel / 2;
    let end = (outputs.end - 1) * stride + kernel - half;
    (outputs.start * stride).saturating_sub(half)..end.min(height)
}

struct Band<'a> {
    layer: &'a Convolution,
    input: Rows<'a>,
    size: [usize; 2],
    finish: &'a Finish<'a>,
    /// First row of the output.
    first: usize,
    output: &'a mut [f32],
}

impl Computation for Band<'_> {
    #[inline(always)]
    fn run(self, vectors: impl Vectors) {
        match (self.layer.shape.kernel, self.layer.shape.stride) {
            (3, 1) => self.rows::<3, 1>(vectors),
            (3, 2) => self.rows::<3, 2>(vectors),
            (5, 1) => self.rows::<5, 1>(vectors),
            (5, 2) => self.rows::<5, 2>(vectors),
            _ => self.rows::<0, 0>(vectors),
        }
    }
}

impl Band<'_> {
    /// `KERNEL` and `STRIDE` are the layer's, or 0 for those that have no strips.
    #[inline(always)]
    fn rows<const KERNEL: usize, const STRIDE: usize>(self, vectors: impl Vectors) {
        let Self { layer, input, size: [height, width], finish, first, output } = self;
        let (kernel, stride, channels) = (layer.shape.kernel, layer.shape.stride, layer.shape.to);
        let half = kernel / 2;
        // Outputs that see nothing beyond the left and right border.
        let inside = if KERNEL == 0 || width < KERNEL {
            0..0
        } else {
            half.div_ceil(stride)..(width + half - kernel) / stride + 1
        };
        let weights = layer.weights.as_chunks::<LANES>().0;
        for (row, output) in output.chunks_exact_mut(finish.width * channels).enumerate() {
            let y = first + row;
            let rows = seen(y, stride, kernel, height);
            for panel in 0..panels(layer.shape) {
                let sight = Sight {
                    weights: &weights[panel * kernel * kernel..][..kernel * kernel],
                    input: &input.values[panel * LANES..],
                    chunks: &input.values.as_chunks().0[panel..],
                    panels: channels.is_multiple_of(LANES).then_some(channels / LANES),
                    channels,
                    kernel,
                    width,
                };
                let top = (y * stride + rows.start) - half - input.above;
                let mut x = 0;
                while x < finish.width {
                    if inside.contains(&x) && x + STRIP <= inside.end {
                        let left = x * STRIDE - half;
                        let sums = sight.strip::<_, KERNEL, STRIDE>(vectors, rows.clone(), [top, left]);
                        // Out of the registers by a loop that is unrolled, as in `wide.rs`.
                        let mut finished = [[0.0; LANES]; STRIP];
                        for (finished, sum) in finished.iter_mut().zip(sums) {
                            *finished = sum.values();
                        }
                        for (i, sum) in finished.into_iter().enumerate() {
                            let out = &mut output[(x + i) * channels..][..channels];
                            finish.store(vectors, vectors.lanes(sum), panel, y * finish.width + x + i, out);
                        }
                        x += STRIP;
                    } else {
                        let columns = seen(x, stride, kernel, width);
                        let left = (x * stride + columns.start) - half;
                        let sum = sight.one(vectors, rows.clone(), columns, [top, left]);
                        let out = &mut output[x * channels..][..channels];
                        finish.store(vectors, sum, panel, y * finish.width + x, out);
                        x += 1;
                    }
                }
            }
        }
    }
}

/// Which of a kernel's taps along one axis see something that is there.
#[inline(always)]
fn seen(output: usize, stride: usize, kernel: usize, length: usize) -> Range<usize> {
    let start = output * stride;
    let half = kernel / 2;
    half.saturating_sub(start)..kernel.min(length + half - start)
}

/// The factors of a panel of channels.
struct Sight<'a> {
    /// Of the panel, one for each tap.
    weights: &'a [[f32; LANES]],
    /// From the panel's first channel on.
    input: &'a [f32],
    /// The same in whole panels, and how many a place has, where its channels are whole panels.
    chunks: &'a [[f32; LANES]],
    panels: Option<usize>,
    channels: usize,
    kernel: usize,
    width: usize,
}

impl Sight<'_> {
    /// Lanes beyond the last channel are the next place's, or nothing: they are not stored.
    #[inline(always)]
    fn read<V: Vectors>(&self, vectors: V, y: usize, x: usize) -> V::Lanes {
        let place = y * self.width + x;
        vectors.lanes(match self.panels {
            Some(panels) => self.chunks[place * panels],
            None => lanes::first(&self.input[place * self.channels..]),
        })
    }

    /// Outputs side by side, inside on the left and the right. `[top, left]` is the input under the
    /// first of these rows and the first column.
    #[inline(always)]
    fn strip<V: Vectors, const KERNEL: usize, const STRIDE: usize>(
        &self,
        vectors: V,
        rows: Range<usize>,
        [top, left]: [usize; 2],
    ) -> [V::Lanes; STRIP] {
        let zero = vectors.lanes([0.0; LANES]);
        let mut sums = [zero; STRIP];
        for (below, row) in rows.enumerate() {
            let weights = &self.weights[row * KERNEL..][..KERNEL];
            let mut inputs = [zero; REACH];
            for (i, input) in inputs.iter_mut().enumerate().take((STRIP - 1) * STRIDE + KERNEL) {
                *input = self.read(vectors, top + below, left + i);
            }
            for (tap, weight) in weights.iter().enumerate() {
                let weight = vectors.lanes(*weight);
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = sum.plus_product(inputs[i * STRIDE + tap], weight);
                }
            }
        }
        sums
    }

    /// One output, from those taps that see something.
    #[inline(always)]
    fn one<V: Vectors>(
        &self,
        vectors: V,
        rows: Range<usize>,
        columns: Range<usize>,
        [top, left]: [usize; 2],
    ) -> V::Lanes {
        let mut sum = vectors.lanes([0.0; LANES]);
        for (below, row) in rows.enumerate() {
            for (beside, column) in columns.clone().enumerate() {
                let weight = vectors.lanes(self.weights[row * self.kernel + column]);
                sum = sum.plus_product(self.read(vectors, top + below, left + beside), weight);
            }
        }
        sum
    }
}
