//! Layers that the networks share.

use burn::module::Param;
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::prelude::*;

/// PyTorch's and Caffe's default; Burn is told so that no default of its own can differ.
const BATCH_NORM_EPSILON: f64 = 1e-5;

pub(super) fn batch_norm(channels: usize, device: &Device) -> BatchNorm {
    BatchNormConfig::new(channels).with_epsilon(BATCH_NORM_EPSILON).with_momentum(0.1).init(device)
}

/// The transposed convolution that doubles the size: 4 x 4, stride 2, padding 1.
pub(super) fn doubling(
    from: usize,
    to: usize,
    initializer: &Initializer,
    device: &Device,
) -> ConvTranspose2d {
    ConvTranspose2dConfig::new([from, to], [4, 4])
        .with_stride([2, 2])
        .with_padding([1, 1])
        .with_initializer(initializer.clone())
        .init(device)
}

/// A square convolution.
pub(super) struct Convolution {
    pub(super) channels: [usize; 2],
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
    pub(super) bias: bool,
}

impl Convolution {
    /// 3 x 3, stride 1, with bias.
    pub(super) fn new(from: usize, to: usize) -> Self {
        Self { channels: [from, to], kernel: 3, stride: 1, dilation: 1, bias: true }
    }

    /// 1 x 1 with bias.
    pub(super) fn pointwise(from: usize, to: usize) -> Self {
        Self { kernel: 1, ..Self::new(from, to) }
    }

    /// Zero padding that keeps the size at stride 1.
    pub(super) fn init(&self, initializer: &Initializer, device: &Device) -> Conv2d {
        let padding = self.dilation * (self.kernel / 2);
        Conv2dConfig::new(self.channels, [self.kernel; 2])
            .with_stride([self.stride; 2])
            .with_dilation([self.dilation; 2])
            .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
            .with_bias(self.bias)
            .with_initializer(initializer.clone())
            .init(device)
    }
}

/// Convolution and BatchNorm, in this order; the norm is gone once it is folded.
#[derive(Module, Debug)]
pub(super) struct ConvNorm {
    pub(super) conv: Conv2d,
    pub(super) norm: Option<BatchNorm>,
}

impl ConvNorm {
    /// 3 x 3 without bias, `stride` 1 or 2, then BatchNorm.
    pub(super) fn new(
        from: usize,
        to: usize,
        stride: usize,
        initializer: &Initializer,
        device: &Device,
    ) -> Self {
        let conv = Convolution { stride, bias: false, ..Convolution::new(from, to) };
        Self { conv: conv.init(initializer, device), norm: Some(batch_norm(to, device)) }
    }

    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.conv.forward(x);
        match &self.norm {
            Some(norm) => norm.forward(x),
            None => x,
        }
    }

    /// The same function with the norm inside the convolution: exact, since nothing stands
    /// between the two.
    pub(super) fn fold(self) -> Self {
        let Self { mut conv, norm: Some(norm) } = self else { return self };
        let scale = norm.gamma.val() / (norm.running_var.value() + norm.epsilon).sqrt();
        let shift = norm.beta.val() - norm.running_mean.value() * scale.clone();
        let channels = scale.dims()[0];
        let bias = match conv.bias.take() {
            Some(bias) => bias.val() * scale.clone() + shift,
            None => shift,
        };
        conv.weight = Param::from_tensor(conv.weight.val() * scale.reshape([channels, 1, 1, 1]));
        conv.bias = Some(Param::from_tensor(bias));
        Self { conv, norm: None }
    }
}
