//! A convolution and what follows it, by definition: slow, in f64, of no library.

use autochrome::kernels::{Activation, Shape};

/// Something added to the output.
#[derive(Clone, Copy, Debug)]
pub enum Addend<'a> {
    /// Nothing.
    Nothing,
    /// As large as the output.
    Same(&'a [f32]),
    /// Half as large; each value counts for four.
    Half(&'a [f32]),
}

/// A layer; maps are `[height, width, channels]`.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// The convolution.
    pub shape: Shape,
    /// `[to, from, kernel, kernel]`, of a doubling one `[from, to, 4, 4]`.
    pub weights: &'a [f32],
    /// Added to each channel.
    pub bias: Option<&'a [f32]>,
    /// Added to each value.
    pub added: Addend<'a>,
    /// Applied to the sum.
    pub activation: Activation,
    /// Scale and shift of each channel, last of all.
    pub affine: Option<[&'a [f32]; 2]>,
}

impl Layer<'_> {
    /// The output for one map of `[height, width]`.
    ///
    /// # Panics
    /// If lengths do not fit each other.
    #[must_use]
    pub fn of(&self, x: &[f32], size: [usize; 2]) -> Vec<f32> {
        let [high, wide] = self.shape.output(size);
        let to = self.shape.to;
        let mut sums = if self.shape.doubling { self.doubled(x, size) } else { self.convolved(x, size) };
        for (i, sum) in sums.iter_mut().enumerate() {
            let (y, x, channel) = (i / to / wide, i / to % wide, i % to);
            assert!(y < high);
            *sum += self.bias.map_or(0.0, |bias| f64::from(bias[channel]));
            *sum += match self.added {
                Addend::Nothing => 0.0,
                Addend::Same(values) => f64::from(values[i]),
                Addend::Half(values) => f64::from(values[(y / 2 * (wide / 2) + x / 2) * to + channel]),
            };
            *sum = match self.activation {
                Activation::Identity => *sum,
                Activation::Relu => sum.max(0.0),
                Activation::Relu6 => sum.clamp(0.0, 6.0),
            };
            if let Some([scale, shift]) = self.affine {
                *sum = *sum * f64::from(scale[channel]) + f64::from(shift[channel]);
            }
        }
        sums.into_iter().map(|sum| sum as f32).collect()
    }

    /// Each output gathers its inputs; beyond the border they are 0.
    fn convolved(&self, x: &[f32], [height, width]: [usize; 2]) -> Vec<f64> {
        let Shape { from, to, kernel, stride, dilation, depthwise, .. } = self.shape;
        let seen = self.shape.seen();
        let [high, wide] = self.shape.output([height, width]);
        let mut sums = vec![0.0; high * wide * to];
        let at = |out: usize, tap: usize, end: usize| {
            (out * stride + tap * dilation).checked_sub(kernel / 2 * dilation).filter(|place| *place < end)
        };
        for (place, sums) in sums.chunks_exact_mut(to).enumerate() {
            for tap in 0..kernel * kernel {
                let (Some(row), Some(column)) =
                    (at(place / wide, tap / kernel, height), at(place % wide, tap % kernel, width))
                else {
                    continue;
                };
                let inputs = &x[(row * width + column) * from..][..from];
                for (channel, sum) in sums.iter_mut().enumerate() {
                    let inputs = if depthwise { &inputs[channel..=channel] } else { inputs };
                    let weights = self.weights[channel * seen * kernel * kernel + tap..].iter();
                    let products = inputs.iter().zip(weights.step_by(kernel * kernel));
                    *sum += products.map(|(x, w)| f64::from(*x) * f64::from(*w)).sum::<f64>();
                }
            }
        }
        sums
    }

    /// Each input is strewn over 4 x 4 outputs, two apart from its neighbour's.
    fn doubled(&self, x: &[f32], [height, width]: [usize; 2]) -> Vec<f64> {
        let Shape { from, to, .. } = self.shape;
        let (high, wide) = (2 * height, 2 * width);
        let mut sums = vec![0.0; high * wide * to];
        for (place, inputs) in x.chunks_exact(from).enumerate() {
            for tap in 0..16 {
                let row = (2 * (place / width) + tap / 4).checked_sub(1).filter(|row| *row < high);
                let column = (2 * (place % width) + tap % 4).checked_sub(1).filter(|column| *column < wide);
                let (Some(row), Some(column)) = (row, column) else { continue };
                for (i, x) in inputs.iter().enumerate() {
                    let weights = self.weights[i * to * 16 + tap..].iter().step_by(16);
                    for (sum, w) in sums[(row * wide + column) * to..][..to].iter_mut().zip(weights) {
                        *sum += f64::from(*x) * f64::from(*w);
                    }
                }
            }
        }
        sums
    }
}
