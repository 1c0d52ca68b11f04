//! Tensors of wgpu's backend: their memory, and views of it.

use super::kernel::{Kernel, groups_of_64};
use super::parameters::NhwcInfo;
use burn::backend::wgpu::Wgpu;
use burn::prelude::*;
use burn::tensor::DType;
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::server::Handle;
use burn_cubecl::cubecl::zspace::Strides;
use burn_cubecl::cubecl::zspace::metadata::Metadata;
use burn_cubecl::tensor::CubeTensor;

/// A tensor as wgpu's backend has it, if it is there and f32.
pub(super) fn primitive<const D: usize>(tensor: Tensor<D>) -> Option<CubeTensor> {
    let tensor = tensor.try_into_primitive::<Wgpu>().ok()?;
    (tensor.dtype == DType::F32 && tensor.qparams.is_none()).then_some(tensor)
}

/// The client that runs kernels on a device of wgpu's.
pub(super) fn client(device: &Device) -> Option<Client> {
    let tensor = Tensor::from_data(TensorData::new(vec![0.0f32], [1]), device);
    Some(primitive::<1>(tensor)?.client)
}

/// A tensor on the device of another.
pub(super) fn view<const D: usize>(
    like: &CubeTensor,
    handle: Handle,
    shape: [usize; D],
    strides: [usize; D],
) -> Tensor<D> {
    let meta = Metadata::new(shape, Strides::new(&strides));
    let (client, device) = (like.client.clone(), like.device.clone());
    Tensor::from_primitive::<Wgpu>(CubeTensor::new(client, handle, meta, device, DType::F32))
}

/// A tensor on the device of another, its values in the order of its axes.
pub(super) fn tensor<const D: usize>(like: &CubeTensor, handle: Handle, shape: [usize; D]) -> Tensor<D> {
    let mut strides = [1; D];
    for axis in (0..D - 1).rev() {
        strides[axis] = strides[axis + 1] * shape[axis + 1];
    }
    view(like, handle, shape, strides)
}

/// A tensor's values in the order of its axes.
pub(super) fn dense(x: &CubeTensor) -> Handle {
    let axes = x.meta.shape().len();
    let ones = 4 - axes;
    // Fewer axes than four are the last of four.
    let length = |axis: usize| if axis < ones { 1 } else { x.meta.shape()[axis - ones] };
    let stride = |axis: usize| if axis < ones { 0 } else { x.meta.strides()[axis - ones] };
    let lengths = [0, 1, 2, 3].map(length);
    let mut expected = 1;
    let lies_so = (0..4).rev().all(|axis| {
        let fits = lengths[axis] == 1 || stride(axis) == expected;
        expected *= lengths[axis];
        fits
    });
    if lies_so {
        return x.handle.clone();
    }
    let [batch, height, width, last] = lengths;
    let all = batch * height * width * last;
    let output = x.client.empty(4 * all);
    let info = NhwcInfo {
        channels: last,
        height,
        width,
        room: last,
        length: all,
        batch_stride: stride(0),
        channel_stride: stride(3),
        row_stride: stride(1),
        column_stride: stride(2),
    };
    Kernel::Nhwc.launch(&x.client, groups_of_64(all), &[&x.handle, &output], &info);
    output
}
