//! Layers that the networks share.

use super::convolution::{Convolution, Layer, Then};
use crate::kernels::PLAIN_RUNS;
use crate::kernels::operators::filled;
use burn::module::{Param, ParamId, RunningState};
use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::prelude::*;
use burn::tensor::DType;

/// PyTorch's and Caffe's default; Burn is told so that no default of its own can differ.
const BATCH_NORM_EPSILON: f64 = 1e-5;

pub(super) fn batch_norm(channels: usize, device: &Device) -> BatchNorm {
    batch_norm_of(channels, [0.1, BATCH_NORM_EPSILON], device)
}

/// A norm whose running statistics move by `momentum`, with so much added to its variance.
pub(super) fn batch_norm_of(channels: usize, [momentum, epsilon]: [f64; 2], device: &Device) -> BatchNorm {
    BatchNorm {
        gamma: constant(1.0, [channels], device),
        beta: constant(0.0, [channels], device),
        training: Param::from_bool(true),
        running_mean: RunningState::new(filled(0.0, [channels], device)),
        running_var: RunningState::new(filled(1.0, [channels], device)),
        momentum,
        epsilon,
    }
}

/// A parameter that is the same everywhere until it is set; only then it takes memory.
///
/// Burn's initialisers can do this too, but whatever calls them carries all of them, with a QR
/// decomposition and the matrix products that it needs: two thirds of the browser's GPU engine.
pub(super) fn constant<const D: usize>(value: f32, shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    let init = move |device: &Device, require_grad: bool| {
        let tensor = filled(value, shape, device);
        if require_grad { tensor.require_grad() } else { tensor }
    };
    Param::uninitialized(ParamId::new(), init, device.clone(), true, shape.into())
}

/// A norm of `x` in f32, given back in the type of `x`.
pub(super) fn normalise(norm: &BatchNorm, x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "libtorch")]
    if let Some(y) = crate::kernels::libtorch::batch_norm(norm, &x) {
        return y;
    }
    match x.dtype() {
        DType::F32 => norm.forward(x),
        dtype => norm.forward(x.cast(DType::F32)).cast(dtype),
    }
}

/// The memory layout that the device's convolutions are fastest in.
pub(crate) fn fastest_layout(x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "libtorch")]
    let x = crate::kernels::libtorch::channels_last(x);
    x
}

/// Convolution and BatchNorm, in this order; the norm is gone once it is folded.
#[derive(Module, Debug)]
pub(crate) struct ConvNorm {
    pub(crate) conv: Layer<Conv2d>,
    pub(crate) norm: Option<BatchNorm>,
}

impl ConvNorm {
    /// 3 x 3 without bias, `stride` 1 or 2, then BatchNorm.
    pub(crate) fn new(from: usize, to: usize, stride: usize, device: &Device) -> Self {
        let conv = Convolution { stride, bias: false, ..Convolution::new(from, to) };
        Self { conv: conv.init(device), norm: Some(batch_norm(to, device)) }
    }

    pub(crate) fn forward(&self, x: Tensor<4>, then: Then<'_>) -> Tensor<4> {
        match &self.norm {
            Some(norm) if PLAIN_RUNS => then.follow(normalise(norm, self.conv.forward(x, Then::default()))),
            _ => self.conv.forward(x, then),
        }
    }

    /// The norm inside the convolution, and the convolution packed.
    pub(super) fn into_inference(self) -> Self {
        let conv = match &self.norm {
            Some(norm) => self.conv.absorb(norm),
            None => self.conv,
        };
        Self { conv: conv.pack(None), norm: None }
    }
}

/// `relu(x + norm(conv(relu(norm(conv(x))))))`.
#[derive(Module, Debug)]
pub(crate) struct Residual {
    a: ConvNorm,
    b: ConvNorm,
}

impl Residual {
    pub(super) fn new(channels: usize, device: &Device) -> Self {
        let layer = || ConvNorm::new(channels, channels, 1, device);
        Self { a: layer(), b: layer() }
    }

    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let inner = self.a.forward(x.clone(), Then::relu());
        self.b.forward(inner, Then { add: Some(x), ..Then::relu() })
    }

    pub(super) fn into_inference(self) -> Self {
        Self { a: self.a.into_inference(), b: self.b.into_inference() }
    }
}

/// Twice the size, joined by a skip.
#[derive(Module, Debug)]
pub(crate) struct Up {
    project: Layer<Conv2d>,
    skip: Layer<Conv2d>,
    block: Residual,
}

impl Up {
    /// From the channels of what is deeper and of the skip.
    pub(super) fn new([from, skip]: [usize; 2], to: usize, device: &Device) -> Self {
        Self {
            project: Convolution::pointwise(from, to).init(device),
            skip: Convolution::pointwise(skip, to).init(device),
            block: Residual::new(to, device),
        }
    }

    pub(super) fn forward(&self, x: Tensor<4>, skip: Tensor<4>) -> Tensor<4> {
        let deeper = self.project.forward(x, Then::default());
        let joined = Then { add: Some(deeper), ..Then::relu() };
        self.block.forward(self.skip.forward(skip, joined))
    }

    pub(super) fn into_inference(self) -> Self {
        Self {
            project: self.project.pack(None),
            skip: self.skip.pack(None),
            block: self.block.into_inference(),
        }
    }

    /// Burn's path within a stage of a decoder to the name in files, `p.weight` or `c.a.0.weight`.
    pub(super) fn file_name(path: &[&str]) -> Option<String> {
        Some(match path {
            ["project", tensor] => format!("p.{tensor}"),
            ["skip", tensor] => format!("k.{tensor}"),
            ["block", half, "conv", tensor] => format!("c.{half}.0.{tensor}"),
            ["block", half, "norm", tensor] => format!("c.{half}.1.{tensor}"),
            _ => return None,
        })
    }
}

/// Half the size, then residual blocks.
#[derive(Module, Debug)]
pub(crate) struct Stage {
    down: ConvNorm,
    blocks: Vec<Residual>,
}

impl Stage {
    /// `count` blocks.
    pub(crate) fn new(from: usize, to: usize, count: usize, device: &Device) -> Self {
        Self {
            down: ConvNorm::new(from, to, 2, device),
            blocks: (0..count).map(|_| Residual::new(to, device)).collect(),
        }
    }

    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.blocks.iter().fold(self.down.forward(x, Then::relu()), |x, block| block.forward(x))
    }

    pub(super) fn into_inference(self) -> Self {
        let blocks = self.blocks.into_iter().map(Residual::into_inference);
        Self { down: self.down.into_inference(), blocks: blocks.collect() }
    }
}
