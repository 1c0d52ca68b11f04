//! The device, and inference kernels that replace Burn's operators there.

#[cfg(feature = "cpu")]
pub mod cpu;
pub mod device;
#[cfg(any(feature = "gpu", all(test, feature = "cpu")))]
mod device_check;
#[cfg(feature = "libtorch")]
pub mod libtorch;
pub(crate) mod operators;
#[cfg(feature = "profile")]
pub mod profile;
#[cfg(feature = "gpu")]
pub mod webgpu;

use burn::prelude::*;
#[cfg(any(feature = "cpu", feature = "gpu"))]
use std::sync::Arc;

/// Whether Burn's own operators are there to be run. Not in the browser's engines: all that runs there
/// is ours, and Burn's, with all their variants and the compiler that makes them for a GPU, would be
/// most of the download.
pub(crate) const PLAIN_RUNS: bool =
    cfg!(any(feature = "train", not(all(target_arch = "wasm32", target_os = "unknown"))));

/// The shape of a convolution, its numbers left out. Zero padding keeps the size at stride 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Input channels.
    pub from: usize,
    /// Output channels.
    pub to: usize,
    /// Side of the kernel, odd but where it doubles.
    pub kernel: usize,
    /// Step between outputs.
    pub stride: usize,
    /// Step between taps.
    pub dilation: usize,
    /// The transposed 4 x 4 convolution of stride 2 and padding 1, which doubles the size.
    pub doubling: bool,
    /// Each channel is seen by itself: as many channels out as in, one kernel each.
    pub depthwise: bool,
}

impl Shape {
    /// Input channels that an output channel sees.
    #[must_use]
    pub fn seen(&self) -> usize {
        if self.depthwise { 1 } else { self.from }
    }

    /// Height and width of the output for those of the input.
    #[must_use]
    pub fn output(&self, size: [usize; 2]) -> [usize; 2] {
        size.map(|n| if self.doubling { 2 * n } else { n.div_ceil(self.stride) })
    }
}

/// The operations on a convolution's output before it is stored, in this order.
#[derive(Clone, Debug, Default)]
pub struct Epilogue {
    /// Something to add, of the output's size or of half of it: then each value counts for 2 x 2.
    pub add: Option<Tensor<4>>,
    /// The function of the sum.
    pub activation: Activation,
}

/// A function of each sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    #[default]
    Identity,
    /// Negative values become zero.
    Relu,
    /// Negative values become zero, and what is above 6 becomes 6 (Krizhevsky 2010).
    Relu6,
}

/// A convolution of ours, its weights laid out for a device, with all that follows it up to the next:
/// `scale * activation(conv(x) + bias + add) + shift`.
#[derive(Clone, Debug)]
pub(crate) enum Packed {
    /// On the processor.
    #[cfg(feature = "cpu")]
    Cpu(Arc<cpu::Convolution>),
    /// On a device of wgpu.
    #[cfg(feature = "gpu")]
    WebGpu(Arc<webgpu::Convolution>),
}

impl Packed {
    /// Packs weights as Burn has them, `[to, from, kernel, kernel]`, `[to, 1, kernel, kernel]` where it
    /// is depthwise, or `[from, to, 4, 4]` where it doubles. `affine` is scale and shift. `None` where Burn's operators have to do.
    pub(crate) fn new(
        shape: Shape,
        weight: Tensor<4>,
        bias: Option<Tensor<1>>,
        affine: Option<(Tensor<1>, Tensor<1>)>,
    ) -> Option<Self> {
        #[cfg(feature = "cpu")]
        if weight.device() == Device::flex() {
            let bias = bias.map(host);
            let affine = affine.map(|(scale, shift)| [host(scale), host(shift)]);
            let affine = affine.as_ref().map(|[scale, shift]| [scale.as_slice(), shift]);
            let packed = cpu::Convolution::new(shape, &host(weight), bias.as_deref(), affine);
            return Some(Self::Cpu(Arc::new(packed)));
        }
        #[cfg(feature = "gpu")]
        return webgpu::Convolution::new(shape, weight, bias, affine)
            .map(|packed| Self::WebGpu(Arc::new(packed)));
        #[cfg(not(feature = "gpu"))]
        {
            let _ = (shape, weight, bias, affine);
            None
        }
    }

    /// The convolution and what follows it.
    pub(crate) fn forward(&self, x: Tensor<4>, epilogue: Epilogue) -> Tensor<4> {
        match *self {
            #[cfg(feature = "cpu")]
            #[cfg(not(feature = "profile"))]
            Self::Cpu(ref packed) => on_cpu(packed, x, epilogue),
            #[cfg(all(feature = "cpu", feature = "profile"))]
            Self::Cpu(ref packed) => {
                let [_, _, height, width] = x.dims();
                profile::timed(packed.shape(), [height, width], || on_cpu(packed, x, epilogue))
            }
            #[cfg(feature = "gpu")]
            Self::WebGpu(ref packed) => packed.forward(x, epilogue),
        }
    }
}

/// An inverted residual block: widened by 1 x 1, seen channel by channel, brought together by 1 x 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bottleneck<'a> {
    pub(crate) expand: &'a Packed,
    pub(crate) depthwise: &'a Packed,
    pub(crate) project: &'a Packed,
}

impl Bottleneck<'_> {
    /// The block at once, `activation` after its first two convolutions; `residual`: `x` is added in the
    /// end. `None` where its convolutions are as quick one after the other, and where each of them is timed.
    pub(crate) fn forward(&self, x: &Tensor<4>, activation: Activation, residual: bool) -> Option<Tensor<4>> {
        let Self { expand, depthwise, project } = *self;
        #[cfg(feature = "profile")]
        if profile::runs_apart() {
            return None;
        }
        #[cfg(feature = "cpu")]
        #[allow(irrefutable_let_patterns, reason = "a build for the browser has one device")]
        if let (Packed::Cpu(expand), Packed::Cpu(depthwise), Packed::Cpu(project)) =
            (expand, depthwise, project)
        {
            let block = cpu::Bottleneck { expand, depthwise, project };
            let [batch, _, height, width] = x.dims();
            if batch > 1 || !block.pays([height, width]) {
                return None;
            }
            let device = x.device();
            let [high, wide] = depthwise.shape().output([height, width]);
            let narrow = host(x.clone().permute([0, 2, 3, 1]));
            let output = block.forward(&narrow, [height, width], activation, residual);
            let data = TensorData::new(output, [1, high, wide, project.shape().to]);
            return Some(Tensor::from_data(data, &device).permute([0, 3, 1, 2]));
        }
        let _ = (expand, depthwise, project, x, activation, residual);
        None
    }
}

#[cfg(feature = "cpu")]
fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_into_vec().expect("converted to f32")
}

/// Between Burn's tensors, whose memory is then `[batch, height, width, channels]`, and slices.
#[cfg(feature = "cpu")]
fn on_cpu(kernel: &cpu::Convolution, x: Tensor<4>, epilogue: Epilogue) -> Tensor<4> {
    let device = x.device();
    let [batch, _, height, width] = x.dims();
    let [high, wide] = kernel.shape().output([height, width]);
    let last = |tensor: Tensor<4>| host(tensor.permute([0, 2, 3, 1]));
    let x = last(x);
    let add = epilogue.add.map(|tensor| {
        let half = tensor.dims()[2..] != [high, wide];
        (last(tensor), half)
    });
    let mut output = Vec::with_capacity(batch * high * wide * kernel.shape().to);
    for index in 0..batch {
        let part = |values: &[f32]| {
            let length = values.len() / batch;
            index * length..(index + 1) * length
        };
        let added = add.as_ref().map(|(values, half)| {
            let values = &values[part(values)];
            if *half { cpu::Added::Doubled(values) } else { cpu::Added::Same(values) }
        });
        let picture = kernel.forward(&x[part(&x)], [height, width], added, epilogue.activation);
        if batch == 1 {
            output = picture;
        } else {
            output.extend(picture);
        }
    }
    let data = TensorData::new(output, [batch, high, wide, kernel.shape().to]);
    Tensor::from_data(data, &device).permute([0, 3, 1, 2])
}
