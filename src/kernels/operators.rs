//! Operators between convolutions: by kernels of ours where the device has them, else by
//! Burn's operators.

use super::PLAIN_RUNS;
use crate::color::ab_bins::AnnealedMean;
use crate::error::{Error, Result};
use burn::prelude::*;
use burn::tensor::activation::{leaky_relu as burns_leaky_relu, tanh};

/// Runs a function of ours where `tensor` lies on a device that has one, else Burn's operators: those
/// alone leave a trace on the tape.
macro_rules! ours_or_burns {
    ($tensor:expr, $function:ident($($argument:expr),*), $burns:expr) => {{
        #[cfg(feature = "gpu")]
        if !$tensor.device().is_autodiff() && super::webgpu::operators::has(&$tensor) {
            return super::webgpu::operators::$function($($argument),*);
        }
        #[cfg(feature = "cpu")]
        if !$tensor.device().is_autodiff() && super::cpu::operators::has(&$tensor) {
            return super::cpu::operators::$function($($argument),*);
        }
        if PLAIN_RUNS { $burns } else { unreachable!("a tensor on another device than this build has") }
    }};
}

/// A tensor of one axis.
fn list(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

/// A tensor that is the same everywhere.
pub(crate) fn filled<const D: usize>(value: f32, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(vec![value; shape.iter().product()], shape), device)
}

/// `scale * x + shift` for each channel of `x`, `[batch, channels, height, width]`: lists with a number
/// for every channel, or with one for all.
pub(crate) fn affine(x: Tensor<4>, scale: &[f32], shift: &[f32]) -> Tensor<4> {
    let device = x.device();
    affine_by(x, 1, list(scale, &device), list(shift, &device))
}

/// `scale * x + shift` along an axis.
pub(crate) fn affine_by<const D: usize>(
    x: Tensor<D>,
    axis: usize,
    scale: Tensor<1>,
    shift: Tensor<1>,
) -> Tensor<D> {
    ours_or_burns!(x, affine(x, axis, scale, shift), {
        let along = |values: Tensor<1>| {
            let mut shape = [1; D];
            shape[axis] = values.dims()[0];
            values.reshape(shape)
        };
        x * along(scale) + along(shift)
    })
}

/// The norm with these statistics, as `scale * x + shift`.
pub(crate) fn scale_and_shift(
    [gamma, beta, mean, variance]: [Tensor<1>; 4],
    epsilon: f64,
) -> (Tensor<1>, Tensor<1>) {
    ours_or_burns!(gamma, scale_and_shift([gamma, beta, mean, variance], epsilon), {
        let scale = gamma / (variance + epsilon).sqrt();
        let shift = beta - mean * scale.clone();
        (scale, shift)
    })
}

/// `x + y`, `y` `[batch, channels, 1, 1]` being the same for all places.
pub(crate) fn add_everywhere(x: Tensor<4>, y: Tensor<4>) -> Tensor<4> {
    ours_or_burns!(x, add_everywhere(x, y), {
        // A second handle keeps Burn from adding in place: the ReLU that made x needs it to go back.
        let _kept = x.clone();
        x + y
    })
}

/// `x`, `[batch, channels, 1, 1]`, at every place of a map of so many rows and columns.
pub(crate) fn everywhere(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    ours_or_burns!(x, everywhere(x, size), {
        let [batch, channels, ..] = x.dims();
        x.expand([batch, channels, size[0], size[1]])
    })
}

/// The sRGB gray, from 0 to 1, of raw L: [`gray_from_lightness`](crate::color::lab::gray_from_lightness).
pub(crate) fn gray(lightness: Tensor<4>) -> Tensor<4> {
    ours_or_burns!(lightness, gray(lightness), {
        let t = (lightness + 16.0) / 116.0;
        let near_black = t.clone().lower_equal_elem(0.206_896_6);
        let foot = (t.clone() - 16.0 / 116.0) / 7.787;
        let light = t.powi_scalar(3).mask_where(near_black, foot);
        let linear = light.clone().lower_equal_elem(0.003_130_8);
        let bent = light.clone().clamp_min(1e-6).powf_scalar(1.0 / 2.4) * 1.055 - 0.055;
        bent.mask_where(linear, light * 12.92)
    })
}

/// Mean over all places: `[batch, channels, 1, 1]`.
pub(crate) fn mean_of_places(x: Tensor<4>) -> Tensor<4> {
    ours_or_burns!(x, mean_of_places(x), {
        let [batch, channels, height, width] = x.dims();
        x.reshape([batch, channels, height * width]).mean_dim(2).reshape([batch, channels, 1, 1])
    })
}

/// Every second place along both axes, from the first on.
pub(crate) fn every_second(x: Tensor<4>) -> Tensor<4> {
    ours_or_burns!(x, every_second(x), x.slice(s![.., .., ..;2, ..;2]))
}

/// The channels of both.
pub(crate) fn join(x: Tensor<4>, y: Tensor<4>) -> Tensor<4> {
    ours_or_burns!(x, join(x, y), Tensor::cat(vec![x, y], 1))
}

/// The hyperbolic tangent, times `scale`.
pub(crate) fn scaled_tanh(x: Tensor<4>, scale: f32) -> Tensor<4> {
    ours_or_burns!(x, scaled_tanh(x, scale), tanh(x) * scale)
}

/// `x` where it is positive, a fifth of it elsewhere.
pub(crate) fn leaky_relu(x: Tensor<4>) -> Tensor<4> {
    ours_or_burns!(x, leaky_relu(x), burns_leaky_relu(x, 0.2))
}

/// The matrix of a linear layer, `[from, to]`, as that of a convolution, `[to, from, 1, 1]`.
pub(crate) fn as_convolution(matrix: Tensor<2>) -> Tensor<4> {
    let [from, to] = matrix.dims();
    ours_or_burns!(matrix, transposed(matrix), matrix.transpose().reshape([to, from, 1, 1]))
}

/// The annealed mean of `logits / scale`, `[batch, 313, height, width]`: a and b,
/// `[batch, 2, height, width]`. `None` where that is done on the host.
pub(crate) fn annealed_mean(logits: Tensor<4>, scale: f32, decoder: &AnnealedMean<f32>) -> Option<Tensor<4>> {
    #[cfg(feature = "gpu")]
    if super::webgpu::operators::has(&logits) {
        return Some(super::webgpu::annealed_mean(logits, scale, decoder));
    }
    let _ = (logits, scale, decoder);
    None
}

/// The values of `x`, those of a place together: `[batch, height, width, channels]`.
///
/// # Errors
/// [`Error::DeviceLost`] where the device fails.
pub(crate) async fn read(x: Tensor<4>) -> Result<Vec<f32>> {
    #[cfg(feature = "gpu")]
    if super::webgpu::operators::has(&x) {
        return super::webgpu::operators::read(x).await.map_err(lost);
    }
    read_by_burn(x).await
}

#[cfg(any(feature = "cpu", feature = "train", not(feature = "gpu")))]
async fn read_by_burn(x: Tensor<4>) -> Result<Vec<f32>> {
    let data = x.permute([0, 2, 3, 1]).into_data_async().await.map_err(lost)?;
    data.try_into_vec().map_err(lost)
}

// The constant would not do: what a future may wait for is built whether or not it is reached.
#[cfg(not(any(feature = "cpu", feature = "train", not(feature = "gpu"))))]
#[expect(clippy::unused_async, reason = "the same signature as with Burn's operators")]
async fn read_by_burn(_: Tensor<4>) -> Result<Vec<f32>> {
    unreachable!("a tensor on another device than this build has")
}

/// Has a device ready what networks need, as far as it can be made ahead.
///
/// # Errors
/// [`Error::DeviceLost`] where the device fails.
#[cfg(all(feature = "gpu", target_arch = "wasm32"))]
pub(crate) async fn warm_up(device: &Device) -> Result<()> {
    super::webgpu::warm_up(device).await.map_err(lost)
}

/// The first line of what the device says; the rest is a backtrace.
fn lost(error: impl std::fmt::Display) -> Error {
    Error::DeviceLost(error.to_string().lines().next().unwrap_or_default().to_owned())
}

#[cfg(all(test, feature = "cpu", not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    fn numbers<const D: usize>(shape: [usize; D]) -> Tensor<D> {
        let values = (0..shape.iter().product()).map(|i: usize| ((i * 37 + 11) % 23) as f32 / 4.0 - 2.5);
        Tensor::from_data(TensorData::new(values.collect::<Vec<_>>(), shape), &Device::flex())
    }

    fn same<const D: usize>(ours: Tensor<D>, burns: Tensor<D>) {
        assert_eq!(ours.dims(), burns.dims());
        let [ours, burns] = [ours, burns].map(|t| t.into_data().try_into_vec::<f32>().unwrap());
        let worst = ours.iter().zip(&burns).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "off by {worst}");
    }

    /// As a convolution leaves it: a permuted view.
    fn after_a_convolution(shape: [usize; 4]) -> Tensor<4> {
        let [batch, channels, height, width] = shape;
        numbers([batch, height, width, channels]).permute([0, 3, 1, 2])
    }

    #[test]
    fn each_is_what_burns_operators_say() {
        for shape in [[1, 3, 5, 4], [2, 4, 1, 7], [1, 1, 1, 1]] {
            let [batch, channels, height, width] = shape;
            for x in [numbers(shape), after_a_convolution(shape)] {
                let (scale, shift) = (numbers([channels]), numbers([1]));
                let along = |t: Tensor<1>| {
                    let n = t.dims()[0];
                    t.reshape([1, n, 1, 1])
                };
                same(
                    affine_by(x.clone(), 1, scale.clone(), shift.clone()),
                    x.clone() * along(scale) + along(shift),
                );
                same(affine(x.clone(), &[0.5], &[3.0]), x.clone() * 0.5 + 3.0);
                let y = numbers([batch, channels, 1, 1]);
                same(add_everywhere(x.clone(), y.clone()), x.clone() + y);
                same(
                    everywhere(mean_of_places(x.clone()), [2, 3]),
                    x.clone().mean_dim(2).mean_dim(3).expand([batch, channels, 2, 3]),
                );
                let lightness = (x.clone() + 2.5) * 20.0;
                let taped = Tensor::from_inner(lightness.clone());
                same(gray(lightness), gray(taped).inner());
                same(mean_of_places(x.clone()), x.clone().mean_dim(2).mean_dim(3));
                same(every_second(x.clone()), x.clone().slice(s![.., .., ..;2, ..;2]));
                let z = numbers([batch, 2, height, width]);
                same(join(x.clone(), z.clone()), Tensor::cat(vec![x.clone(), z], 1));
                same(scaled_tanh(x.clone(), 110.0), tanh(x.clone()) * 110.0);
                same(leaky_relu(x.clone()), burns_leaky_relu(x.clone(), 0.2));
                let values = pollster::block_on(read(x.clone())).unwrap();
                let places: Vec<f32> = x.permute([0, 2, 3, 1]).into_data().try_into_vec().unwrap();
                assert_eq!(values, places);
            }
        }
        let matrix = numbers([3, 5]);
        same(as_convolution(matrix.clone()), matrix.transpose().reshape([5, 3, 1, 1]));
        let [gamma, beta, mean] = [numbers([6]), numbers([6]) * 2.0, numbers([6]) * 3.0];
        let variance = numbers([6]).abs();
        let (scale, shift) =
            scale_and_shift([gamma.clone(), beta.clone(), mean.clone(), variance.clone()], 1e-5);
        same(scale.clone(), gamma / (variance + 1e-5).sqrt());
        same(shift, beta - mean * scale);
    }
}
