//! Layers that the networks share.

use burn::module::Param;
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, Linear, PaddingConfig2d};
use burn::prelude::*;
use burn::tensor::DType;
use burn::tensor::activation::relu;
use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};

/// PyTorch's and Caffe's default; Burn is told so that no default of its own can differ.
const BATCH_NORM_EPSILON: f64 = 1e-5;

pub(super) fn batch_norm(channels: usize, device: &Device) -> BatchNorm {
    BatchNormConfig::new(channels).with_epsilon(BATCH_NORM_EPSILON).with_momentum(0.1).init(device)
}

/// A convolution in the type of `x`, whatever that of the weights: in mixed precision they stay f32
/// and are rounded on their way in.
pub(crate) fn convolve(conv: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    let dtype = x.dtype();
    let weight = conv.weight.val();
    let [_, from, ..] = weight.dims();
    let y = if weight.dtype() == dtype {
        conv.forward(x)
    } else {
        let padding = [0, 1].map(|axis| conv.dilation[axis] * (conv.kernel_size[axis] / 2));
        let options = ConvOptions::new(conv.stride, padding, conv.dilation, conv.groups);
        let bias = conv.bias.as_ref().map(|bias| bias.val().cast(dtype));
        conv2d(x, weight.cast(dtype), bias, options)
    };
    // With one channel there is no layout to keep, so the first convolution sets it.
    if from == 1 { fastest_layout(y) } else { y }
}

/// [`convolve`] for the transposed convolution.
pub(super) fn convolve_transposed(conv: &ConvTranspose2d, x: Tensor<4>) -> Tensor<4> {
    let dtype = x.dtype();
    let weight = conv.weight.val();
    if weight.dtype() == dtype {
        return conv.forward(x);
    }
    let options =
        ConvTransposeOptions::new(conv.stride, conv.padding, conv.padding_out, conv.dilation, conv.groups);
    let bias = conv.bias.as_ref().map(|bias| bias.val().cast(dtype));
    conv_transpose2d(x, weight.cast(dtype), bias, options)
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
pub(crate) struct Convolution {
    pub(crate) channels: [usize; 2],
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
    pub(crate) bias: bool,
}

impl Convolution {
    /// 3 x 3, stride 1, with bias.
    pub(crate) fn new(from: usize, to: usize) -> Self {
        Self { channels: [from, to], kernel: 3, stride: 1, dilation: 1, bias: true }
    }

    /// 1 x 1 with bias.
    pub(crate) fn pointwise(from: usize, to: usize) -> Self {
        Self { kernel: 1, ..Self::new(from, to) }
    }

    /// Zero padding that keeps the size at stride 1.
    pub(crate) fn init(&self, initializer: &Initializer, device: &Device) -> Conv2d {
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
pub(crate) struct ConvNorm {
    pub(crate) conv: Conv2d,
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

    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = convolve(&self.conv, x);
        match &self.norm {
            Some(norm) => normalise(norm, x),
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
        relu(self.b.forward(relu(self.a.forward(x.clone()))) + x)
    }

    pub(super) fn fold(self) -> Self {
        Self { a: self.a.fold(), b: self.b.fold() }
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
        self.blocks.iter().fold(relu(self.down.forward(x)), |x, block| block.forward(x))
    }

    pub(super) fn fold(self) -> Self {
        Self { down: self.down.fold(), blocks: self.blocks.into_iter().map(Residual::fold).collect() }
    }
}
