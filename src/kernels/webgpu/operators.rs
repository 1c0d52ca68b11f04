//! Operators between convolutions, on the device: none of it is large, but Burn's operators for
//! it would bring a compiler into the browser.

use super::kernel::{Kernel, groups_of_64};
use super::parameters::{MapInfo, MeanInfo, NormInfo};
use super::tensors::{dense, primitive, tensor, view};
use burn::prelude::*;
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::server::{Handle, ServerError};
use burn_cubecl::tensor::CubeTensor;

/// Whether a tensor is one that the kernels take.
pub(crate) fn has<const D: usize>(x: &Tensor<D>) -> bool {
    primitive(x.clone()).is_some()
}

fn own<const D: usize>(x: Tensor<D>) -> CubeTensor {
    primitive(x).expect("an f32 tensor on the device of the others")
}

/// Values in memory from a place on.
#[derive(Clone, Copy)]
pub(super) struct Slice<'a>(pub(super) &'a Handle, pub(super) usize);

/// The function of a [`Map`]; the numbers are `map.wgsl`'s.
#[derive(Clone, Copy)]
pub(super) enum MapFunction {
    Identity = 0,
    Tanh = 1,
    LeakyRelu = 2,
    Gray = 3,
}

/// `scale * f(x) + shift` for `length` values, where `f` is its function. A list has one number for `inner` values in a row, and begins again where it ends.
pub(super) struct Map<'a> {
    pub(super) x: Slice<'a>,
    pub(super) y: Slice<'a>,
    pub(super) length: usize,
    pub(super) inner: usize,
    pub(super) scale: Slice<'a>,
    pub(super) scales: usize,
    pub(super) shift: Slice<'a>,
    pub(super) shifts: usize,
    pub(super) function: MapFunction,
}

impl Map<'_> {
    pub(super) fn launch(&self, client: &Client) {
        let info = MapInfo {
            length: self.length,
            inner: self.inner,
            x_first: self.x.1,
            y_first: self.y.1,
            scale_first: self.scale.1,
            scales: self.scales,
            shift_first: self.shift.1,
            shifts: self.shifts,
            function: self.function as usize,
        };
        let buffers = [self.x.0, self.scale.0, self.shift.0, self.y.0];
        Kernel::Map.launch(client, groups_of_64(self.length), &buffers, &info);
    }
}

/// Puts numbers on the device.
pub(super) fn upload(client: &Client, values: &[f32]) -> Handle {
    client.create_from_slice(bytemuck::cast_slice(values))
}

/// `scale * x + shift` along an axis.
pub(crate) fn affine<const D: usize>(
    x: Tensor<D>,
    axis: usize,
    scale: Tensor<1>,
    shift: Tensor<1>,
) -> Tensor<D> {
    let dims = x.dims();
    let [scales, shifts] = [&scale, &shift].map(|list| list.dims()[0]);
    let (x, scale, shift) = (own(x), own(scale).handle, own(shift).handle);
    let (values, length) = (dense(&x), dims.iter().product());
    let output = x.client.empty(4 * length);
    let inner = dims[axis + 1..].iter().product();
    let (x_at, y_at) = (Slice(&values, 0), Slice(&output, 0));
    let (scale, shift) = (Slice(&scale, 0), Slice(&shift, 0));
    Map { x: x_at, y: y_at, length, inner, scale, scales, shift, shifts, function: MapFunction::Identity }
        .launch(&x.client);
    tensor(&x, output, dims)
}

/// The norm with these statistics, as `scale * x + shift`.
pub(crate) fn scale_and_shift(statistics: [Tensor<1>; 4], epsilon: f64) -> (Tensor<1>, Tensor<1>) {
    let [gamma, beta, mean, variance] = statistics.map(own);
    let length = gamma.meta.shape()[0];
    let client = &gamma.client;
    let [scale, shift] = [(); 2].map(|()| client.empty(4 * length));
    let epsilon = upload(client, &[epsilon as f32]);
    let buffers = [&gamma.handle, &beta.handle, &mean.handle, &variance.handle, &epsilon, &scale, &shift];
    Kernel::Norm.launch(client, groups_of_64(length), &buffers, &NormInfo { channels: length });
    (tensor(&gamma, scale, [length]), tensor(&gamma, shift, [length]))
}

/// Places together, as the convolutions leave them: `[batch, height, width, channels]`.
pub(super) fn places(x: Tensor<4>) -> (CubeTensor, Handle) {
    let x = own(x.permute([0, 2, 3, 1]));
    let values = dense(&x);
    (x, values)
}

/// `x + y`, `y` `[batch, channels, 1, 1]` being the same for all places.
pub(crate) fn add_everywhere(x: Tensor<4>, y: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let (x, values) = places(x);
    let shift = dense(&own(y));
    let (one, output) = (upload(&x.client, &[1.0]), x.client.empty(4 * batch * channels * height * width));
    let length = channels * height * width;
    for image in 0..batch {
        let map = Map {
            x: Slice(&values, image * length),
            y: Slice(&output, image * length),
            length,
            inner: 1,
            scale: Slice(&one, 0),
            scales: 1,
            shift: Slice(&shift, image * channels),
            shifts: channels,
            function: MapFunction::Identity,
        };
        map.launch(&x.client);
    }
    tensor(&x, output, [batch, height, width, channels]).permute([0, 3, 1, 2])
}

/// `x`, `[batch, channels, 1, 1]`, at every place of a map of so many rows and columns: another view of
/// the same memory.
pub(crate) fn everywhere(x: Tensor<4>, [height, width]: [usize; 2]) -> Tensor<4> {
    let [batch, channels, ..] = x.dims();
    let x = own(x);
    let [b, c] = [0, 1].map(|axis| x.meta.strides()[axis]);
    let handle = x.handle.clone();
    view(&x, handle, [batch, channels, height, width], [b, c, 0, 0])
}

/// The sRGB gray of raw L.
pub(crate) fn gray(lightness: Tensor<4>) -> Tensor<4> {
    mapped(lightness, MapFunction::Gray, 1.0)
}

/// Mean over all places: `[batch, channels, 1, 1]`.
pub(crate) fn mean_of_places(x: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let (x, values) = places(x);
    let output = x.client.empty(4 * batch * channels);
    let info = MeanInfo { places: height * width, channels, images: batch };
    Kernel::Mean.launch(&x.client, groups_of_64(batch * channels), &[&values, &output], &info);
    tensor(&x, output, [batch, channels, 1, 1])
}

/// Every second place along both axes: another view of the same memory.
pub(crate) fn every_second(x: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let x = own(x);
    let [b, c, h, w] = [0, 1, 2, 3].map(|axis| x.meta.strides()[axis]);
    let handle = x.handle.clone();
    let shape = [batch, channels, height.div_ceil(2), width.div_ceil(2)];
    view(&x, handle, shape, [b, c, 2 * h, 2 * w])
}

/// The channels of both.
pub(crate) fn join(x: Tensor<4>, y: Tensor<4>) -> Tensor<4> {
    let [batch, first, height, width] = x.dims();
    let second = y.dims()[1];
    let parts = [(own(x), first, 0), (own(y), second, first)];
    let client = parts[0].0.client.clone();
    let (one, zero) = (upload(&client, &[1.0]), upload(&client, &[0.0]));
    let all = (first + second) * height * width;
    let output = client.empty(4 * batch * all);
    for (part, channels, before) in &parts {
        let (values, length) = (dense(part), channels * height * width);
        for image in 0..batch {
            let map = Map {
                x: Slice(&values, image * length),
                y: Slice(&output, image * all + before * height * width),
                length,
                inner: 1,
                scale: Slice(&one, 0),
                scales: 1,
                shift: Slice(&zero, 0),
                shifts: 1,
                function: MapFunction::Identity,
            };
            map.launch(&client);
        }
    }
    tensor(&parts[0].0, output, [batch, first + second, height, width])
}

/// The hyperbolic tangent, times `factor`.
pub(crate) fn scaled_tanh(x: Tensor<4>, factor: f32) -> Tensor<4> {
    mapped(x, MapFunction::Tanh, factor)
}

/// `x` where it is positive, a fifth of it elsewhere.
pub(crate) fn leaky_relu(x: Tensor<4>) -> Tensor<4> {
    mapped(x, MapFunction::LeakyRelu, 1.0)
}

fn mapped(x: Tensor<4>, function: MapFunction, factor: f32) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let (x, values) = places(x);
    let length = batch * channels * height * width;
    let output = x.client.empty(4 * length);
    let (scale, shift) = (upload(&x.client, &[factor]), upload(&x.client, &[0.0]));
    let (x_at, y_at) = (Slice(&values, 0), Slice(&output, 0));
    let (scale, shift) = (Slice(&scale, 0), Slice(&shift, 0));
    let map = Map { x: x_at, y: y_at, length, inner: 1, scale, scales: 1, shift, shifts: 1, function };
    map.launch(&x.client);
    tensor(&x, output, [batch, height, width, channels]).permute([0, 3, 1, 2])
}

/// The matrix of a linear layer, `[from, to]`, as that of a convolution, `[to, from, 1, 1]`: another
/// view of the same memory.
pub(crate) fn transposed(matrix: Tensor<2>) -> Tensor<4> {
    let [from, to] = matrix.dims();
    let matrix = own(matrix);
    let [row, column] = [0, 1].map(|axis| matrix.meta.strides()[axis]);
    let handle = matrix.handle.clone();
    view(&matrix, handle, [to, from, 1, 1], [column, row, 1, 1])
}

/// The values of `x`, those of a place together: `[batch, height, width, channels]`.
pub(crate) async fn read(x: Tensor<4>) -> Result<Vec<f32>, ServerError> {
    let length = x.dims().iter().product();
    let (x, values) = places(x);
    let bytes = x.client.read_async(vec![values]).await?.remove(0);
    let mut numbers = vec![0.0; length];
    bytemuck::cast_slice_mut(&mut numbers).copy_from_slice(&bytes[..4 * length]);
    Ok(numbers)
}
