//! Convolutions on the processor, for inference: weights packed once, activations `[height, width,
//! channels]`, bias, sum, `ReLU` and norm applied before anything is stored.
//!
//! 3 x 3 at stride 1 goes through Winograd's F(4 x 4, 3 x 3) (Lavin & Gray 2016), which needs a
//! quarter of the multiplications, everything else through a matrix product that gathers its rows
//! from the photograph as it goes. Both end in the same inner loop, [`product`]. Depthwise
//! convolutions have no product of matrices in them: [`depthwise`].

mod arithmetic;
#[cfg(not(target_arch = "wasm32"))]
mod arrays;
mod bottleneck;
mod depthwise;
mod direct;
mod lanes;
pub(crate) mod operators;
mod product;
#[cfg(any(target_arch = "x86_64", target_arch = "wasm32"))]
mod wide;
mod winograd;

pub use bottleneck::Bottleneck;
pub use lanes::LANES;

use super::{Activation, Shape};
use arithmetic::Arithmetic;
use lanes::Lanes;
use product::Vectors;

/// An addend, joined before the `ReLU`.
#[derive(Clone, Copy, Debug)]
pub enum Added<'a> {
    /// As large as the output.
    Same(&'a [f32]),
    /// Half as high and wide, every value four times.
    Doubled(&'a [f32]),
}

/// A convolution ready to run: `scale * activation(conv(x) + bias + added) + shift`.
#[derive(Clone, Debug)]
pub struct Convolution {
    shape: Shape,
    /// `[phase, panel, tap, from, LANES]`; `from` is 1 where it is depthwise.
    weights: Vec<f32>,
    bias: Vec<[f32; LANES]>,
    affine: Option<[Vec<[f32; LANES]>; 2]>,
}

/// Panels of [`LANES`] output channels.
fn panels(shape: Shape) -> usize {
    shape.to.div_ceil(LANES)
}

/// Phases of the output that have taps of their own: four where it doubles.
fn phases(shape: Shape) -> usize {
    if shape.doubling { 4 } else { 1 }
}

/// Taps of one phase, as steps from the input pixel that belongs to an output.
fn taps(shape: Shape, phase: usize) -> Vec<[isize; 2]> {
    let square =
        |ys: &[isize], xs: &[isize]| ys.iter().flat_map(|&y| xs.iter().map(move |&x| [y, x])).collect();
    if shape.doubling {
        // Output 2i + p sees inputs i + p - 1 and i + p.
        let along = |p: usize| [p as isize - 1, p as isize];
        return square(&along(phase / 2), &along(phase % 2));
    }
    let (half, step) = ((shape.kernel / 2) as isize, shape.dilation as isize);
    let along: Vec<isize> = (-half..=half).map(|i| i * step).collect();
    square(&along, &along)
}

fn padded(values: &[f32]) -> Vec<[f32; LANES]> {
    values.chunks(LANES).map(lanes::first).collect()
}

impl Convolution {
    /// Packs weights `[to, from, kernel, kernel]`, `[to, 1, kernel, kernel]` where it is depthwise, or
    /// `[from, to, 4, 4]` where it doubles. `affine` is scale and shift of each output channel, after the
    /// activation.
    ///
    /// # Panics
    /// If the lengths do not fit the shape.
    #[must_use]
    pub fn new(shape: Shape, weights: &[f32], bias: Option<&[f32]>, affine: Option<[&[f32]; 2]>) -> Self {
        let Shape { to, kernel, doubling, depthwise, .. } = shape;
        assert!(!depthwise || shape.from == to && !doubling && shape.dilation == 1, "{shape:?}");
        let (from, square) = (shape.seen(), kernel * kernel);
        assert_eq!(weights.len(), from * to * square, "weights of {shape:?}");
        assert!(if doubling { kernel == 4 && shape.stride == 2 } else { kernel % 2 == 1 }, "{shape:?}");
        let at = |output: usize, input: usize, y: usize, x: usize| {
            let pair = if doubling { input * to + output } else { output * from + input };
            weights[pair * square + y * kernel + x]
        };
        let mut packed = Vec::new();
        for phase in 0..phases(shape) {
            let taps: Vec<[usize; 2]> = if doubling {
                // Output 2i + p takes kernel row 3 - p from input i + p - 1, and 1 - p from i + p.
                let along = |p: usize| [3 - p, 1 - p];
                along(phase / 2).iter().flat_map(|&y| along(phase % 2).map(|x| [y, x])).collect()
            } else {
                (0..square).map(|i| [i / kernel, i % kernel]).collect()
            };
            for panel in 0..panels(shape) {
                for [y, x] in &taps {
                    for input in 0..from {
                        packed.extend(
                            (panel * LANES..(panel + 1) * LANES)
                                .map(|output| if output < to { at(output, input, *y, *x) } else { 0.0 }),
                        );
                    }
                }
            }
        }
        let bias = bias.map_or_else(|| vec![[0.0; LANES]; panels(shape)], padded);
        assert_eq!(bias.len(), panels(shape), "biases of {shape:?}");
        Self { shape, weights: packed, bias, affine: affine.map(|pair| pair.map(padded)) }
    }

    /// Shape it was packed with.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Runs on one picture `[height, width, from]`; gives `[height, width, to]` of the output.
    ///
    /// # Panics
    /// If the lengths do not fit.
    #[must_use]
    pub fn forward(
        &self,
        input: &[f32],
        size: [usize; 2],
        added: Option<Added<'_>>,
        activation: Activation,
    ) -> Vec<f32> {
        let [height, width] = self.shape.output(size);
        let mut output = vec![0.0; height * width * self.shape.to];
        self.forward_into(input, size, added, activation, &mut output);
        output
    }

    /// [`Convolution::forward`] into memory that is there.
    fn forward_into(
        &self,
        input: &[f32],
        size: [usize; 2],
        added: Option<Added<'_>>,
        activation: Activation,
        output: &mut [f32],
    ) {
        let [height, width] = self.shape.output(size);
        assert_eq!(output.len(), height * width * self.shape.to, "output of {:?}", self.shape);
        assert_eq!(input.len(), size[0] * size[1] * self.shape.from, "input of {:?}", self.shape);
        if let Some(Added::Same(values)) = added {
            assert_eq!(values.len(), height * width * self.shape.to, "what is added");
        }
        if let Some(Added::Doubled(values)) = added {
            assert_eq!(values.len() * 4, height * width * self.shape.to, "what is added");
        }
        if self.shape.to == 0 || output.is_empty() {
            return;
        }
        let finish = Finish { layer: self, width, added, activation };
        let arithmetic = Arithmetic::of_this_processor();
        if self.shape.depthwise {
            let rows = depthwise::Rows { values: input, above: 0 };
            depthwise::run(self, rows, size, &finish, arithmetic, 0, output);
        } else if winograd::pays(self.shape, size) {
            winograd::run(self, input, size, &finish, arithmetic, output);
        } else {
            direct::run(self, input, size, &finish, arithmetic, output);
        }
    }
}

/// The epilogue of sums, before they are stored.
#[derive(Clone, Copy)]
struct Finish<'a> {
    layer: &'a Convolution,
    /// Of the output.
    width: usize,
    added: Option<Added<'a>>,
    activation: Activation,
}

impl Finish<'_> {
    /// Finishes a panel of the output at a position, counted row by row, into `out`, that pixel's
    /// channels.
    #[inline(always)]
    fn store<V: Vectors>(&self, vectors: V, sum: V::Lanes, panel: usize, position: usize, out: &mut [f32]) {
        let to = self.layer.shape.to;
        let first = panel * LANES;
        let mut sum = sum + vectors.lanes(self.layer.bias[panel]);
        let added = self.added.map(|added| match added {
            Added::Same(values) => &values[position * to..][..to],
            Added::Doubled(values) => {
                let (y, x) = (position / self.width, position % self.width);
                &values[(y / 2 * (self.width / 2) + x / 2) * to..][..to]
            }
        });
        if let Some(added) = added {
            sum = sum + vectors.lanes(lanes::first(&added[first..]));
        }
        if self.activation != Activation::Identity {
            sum = sum.at_least_zero();
        }
        if self.activation == Activation::Relu6 {
            sum = sum.at_most(6.0);
        }
        if let Some([scale, shift]) = &self.layer.affine {
            sum = sum * vectors.lanes(scale[panel]) + vectors.lanes(shift[panel]);
        }
        sum.write(&mut out[first..to]);
    }
}

/// Chunks of a slice, side by side where there are threads.
fn each_chunk<T: Send>(values: &mut [T], length: usize, work: impl Fn(usize, &mut [T]) + Sync + Send) {
    // To one thread of a pool the work would be handed over and waited for: a tenth of a pass.
    #[cfg(feature = "parallel")]
    if rayon::current_num_threads() > 1 {
        use rayon::prelude::*;
        return values.par_chunks_mut(length).enumerate().for_each(|(index, chunk)| work(index, chunk));
    }
    values.chunks_mut(length).enumerate().for_each(|(index, chunk)| work(index, chunk));
}
