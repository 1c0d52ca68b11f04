//! Layers that the networks share.

use super::convolution::{Convolution, Layer, Then};
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, Linear};
use burn::prelude::*;
use burn::tensor::DType;

/// PyTorch's and Caffe's default; Burn is told so that no default of its own can differ.
const BATCH_NORM_EPSILON: f64 = 1e-5;

pub(super) fn batch_norm(channels: usize, device: &Device) -> BatchNorm {
    BatchNormConfig::new(channels).with_epsilon(BATCH_NORM_EPSILON).with_momentum(0.1).init(device)
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

/// A linear layer in f32.
pub(super) fn linear(layer: &Linear, x: Tensor<2>) -> Tensor<2> {
    match x.dtype() {
        DType::F32 => layer.forward(x),
        dtype => layer.forward(x.cast(DType::F32)).cast(dtype),
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
    pub(crate) fn new(
        from: usize,
        to: usize,
        stride: usize,
        initializer: &Initializer,
        device: &Device,
    ) -> Self {
        let conv = Convolution { stride, bias: false, ..Convolution::new(from, to) };
        Self { conv: conv.init(initializer, device), norm: Some(batch_norm(to, device)) }
    }

    pub(crate) fn forward(&self, x: Tensor<4>, then: Then<'_>) -> Tensor<4> {
        match &self.norm {
            Some(norm) => then.follow(normalise(norm, self.conv.forward(x, Then::default()))),
            None => self.conv.forward(x, then),
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
    pub(super) fn new(channels: usize, initializer: &Initializer, device: &Device) -> Self {
        let layer = || ConvNorm::new(channels, channels, 1, initializer, device);
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

/// Half the size, then residual blocks.
#[derive(Module, Debug)]
pub(crate) struct Stage {
    down: ConvNorm,
    blocks: Vec<Residual>,
}

impl Stage {
    /// `count` blocks.
    pub(crate) fn new(
        from: usize,
        to: usize,
        count: usize,
        initializer: &Initializer,
        device: &Device,
    ) -> Self {
        Self {
            down: ConvNorm::new(from, to, 2, initializer, device),
            blocks: (0..count).map(|_| Residual::new(to, initializer, device)).collect(),
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
