//! Operators between convolutions, on the processor.

use super::super::host;
use crate::color::lab::gray_from_lightness;
use burn::prelude::*;

/// Whether a tensor is one that the kernels take.
pub(crate) fn has<const D: usize>(x: &Tensor<D>) -> bool {
    x.device() == Device::flex() && x.dtype() == burn::tensor::DType::F32
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// Places together, as the convolutions leave them: `[batch, height, width, channels]`.
fn places(x: Tensor<4>) -> (Vec<f32>, [usize; 4]) {
    let x = x.permute([0, 2, 3, 1]);
    let shape = x.dims();
    (host(x), shape)
}

fn from_places(values: Vec<f32>, shape: [usize; 4]) -> Tensor<4> {
    tensor(values, shape).permute([0, 3, 1, 2])
}

/// `scale * x + shift` along an axis.
pub(crate) fn affine<const D: usize>(
    x: Tensor<D>,
    axis: usize,
    scale: Tensor<1>,
    shift: Tensor<1>,
) -> Tensor<D> {
    let shape = x.dims();
    let (mut values, scale, shift) = (host(x), host(scale), host(shift));
    let inner: usize = shape[axis + 1..].iter().product();
    for (index, run) in values.chunks_mut(inner).enumerate() {
        let (scale, shift) = (scale[index % scale.len()], shift[index % shift.len()]);
        for value in run {
            *value = scale * *value + shift;
        }
    }
    tensor(values, shape)
}

/// The norm with these statistics, as `scale * x + shift`.
pub(crate) fn scale_and_shift(statistics: [Tensor<1>; 4], epsilon: f64) -> (Tensor<1>, Tensor<1>) {
    let [gamma, beta, mean, variance] = statistics.map(host);
    let scale: Vec<f32> = gamma
        .iter()
        .zip(variance)
        .map(|(gamma, variance)| gamma / (variance + epsilon as f32).sqrt())
        .collect();
    let shift: Vec<f32> =
        beta.iter().zip(mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale).collect();
    let length = [scale.len()];
    (tensor(scale, length), tensor(shift, length))
}

/// `x + y`, `y` `[batch, channels, 1, 1]` being the same for all places.
pub(crate) fn add_everywhere(x: Tensor<4>, y: Tensor<4>) -> Tensor<4> {
    let ((mut values, shape), added) = (places(x), host(y));
    let [_, height, width, channels] = shape;
    for (image, added) in values.chunks_mut(height * width * channels).zip(added.chunks(channels)) {
        for place in image.chunks_mut(channels) {
            for (value, added) in place.iter_mut().zip(added) {
                *value += added;
            }
        }
    }
    from_places(values, shape)
}

/// `x`, `[batch, channels, 1, 1]`, at every place of a map of so many rows and columns.
pub(crate) fn everywhere(x: Tensor<4>, [height, width]: [usize; 2]) -> Tensor<4> {
    let [batch, channels, ..] = x.dims();
    let values = host(x);
    let mut all = Vec::with_capacity(values.len() * height * width);
    for image in values.chunks(channels) {
        (0..height * width).for_each(|_| all.extend_from_slice(image));
    }
    from_places(all, [batch, height, width, channels])
}

/// The sRGB gray of raw L.
pub(crate) fn gray(lightness: Tensor<4>) -> Tensor<4> {
    each(lightness, gray_from_lightness)
}

/// Mean over all places: `[batch, channels, 1, 1]`.
pub(crate) fn mean_of_places(x: Tensor<4>) -> Tensor<4> {
    let (values, [batch, height, width, channels]) = places(x);
    let mut means = vec![0.0; batch * channels];
    for (means, image) in means.chunks_mut(channels).zip(values.chunks(height * width * channels)) {
        for place in image.chunks(channels) {
            for (mean, value) in means.iter_mut().zip(place) {
                *mean += value;
            }
        }
        for mean in means {
            *mean /= (height * width) as f32;
        }
    }
    tensor(means, [batch, channels, 1, 1])
}

/// Every second place along both axes, from the first on.
pub(crate) fn every_second(x: Tensor<4>) -> Tensor<4> {
    let (values, [batch, height, width, channels]) = places(x);
    let [high, wide] = [height, width].map(|length| length.div_ceil(2));
    let mut kept = Vec::with_capacity(batch * high * wide * channels);
    for image in values.chunks(height * width * channels) {
        for row in image.chunks(width * channels).step_by(2) {
            kept.extend(row.chunks(channels).step_by(2).flatten());
        }
    }
    from_places(kept, [batch, high, wide, channels])
}

/// The channels of both.
pub(crate) fn join(x: Tensor<4>, y: Tensor<4>) -> Tensor<4> {
    let ([batch, first, height, width], [_, second, ..]) = (x.dims(), y.dims());
    let (x, y) = (host(x), host(y));
    let mut joined = Vec::with_capacity(x.len() + y.len());
    for image in 0..batch {
        for (values, channels) in [(&x, first), (&y, second)] {
            let length = channels * height * width;
            joined.extend_from_slice(&values[image * length..(image + 1) * length]);
        }
    }
    tensor(joined, [batch, first + second, height, width])
}

/// The hyperbolic tangent, times `factor`.
pub(crate) fn scaled_tanh(x: Tensor<4>, factor: f32) -> Tensor<4> {
    each(x, |value| factor * value.tanh())
}

/// `x` where it is positive, a fifth of it elsewhere.
pub(crate) fn leaky_relu(x: Tensor<4>) -> Tensor<4> {
    each(x, |value| value.max(0.2 * value))
}

fn each(x: Tensor<4>, change: impl Fn(f32) -> f32) -> Tensor<4> {
    let (mut values, shape) = places(x);
    for value in &mut values {
        *value = change(*value);
    }
    from_places(values, shape)
}

/// The matrix of a linear layer, `[from, to]`, as that of a convolution, `[to, from, 1, 1]`.
pub(crate) fn transposed(matrix: Tensor<2>) -> Tensor<4> {
    let [from, to] = matrix.dims();
    tensor(host(matrix.transpose()), [to, from, 1, 1])
}
