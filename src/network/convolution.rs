//! The layer that networks are made of, as Burn has it for training and as our own kernels run it.

use super::layers::{fastest_layout, normalise};
use crate::kernels::{Epilogue, Packed, Shape};
use burn::module::Param;
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::{BatchNorm, Initializer, PaddingConfig2d};
use burn::prelude::*;
use burn::tensor::activation::relu;
use burn::tensor::module::{conv_transpose2d, conv2d, interpolate};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, InterpolateMode, InterpolateOptions};

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
    pub(crate) fn init(&self, initializer: &Initializer, device: &Device) -> Layer<Conv2d> {
        let padding = self.dilation * (self.kernel / 2);
        let conv = Conv2dConfig::new(self.channels, [self.kernel; 2])
            .with_stride([self.stride; 2])
            .with_dilation([self.dilation; 2])
            .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
            .with_bias(self.bias)
            .with_initializer(initializer.clone())
            .init(device);
        Layer { plain: Some(conv), packed: None }
    }
}

/// The transposed convolution that doubles the size: 4 x 4, stride 2, padding 1.
pub(super) fn doubling(
    from: usize,
    to: usize,
    initializer: &Initializer,
    device: &Device,
) -> Layer<ConvTranspose2d> {
    let conv = ConvTranspose2dConfig::new([from, to], [4, 4])
        .with_stride([2, 2])
        .with_padding([1, 1])
        .with_initializer(initializer.clone())
        .init(device);
    Layer { plain: Some(conv), packed: None }
}

/// What a convolution of Burn's can be asked.
pub(crate) trait Plain: Module {
    fn shape(&self) -> Shape;
    fn weight(&self) -> &Param<Tensor<4>>;
    fn bias(&self) -> Option<&Param<Tensor<1>>>;
    /// Runs in the type of `x`, whatever that of the weights: in mixed precision they stay f32 and
    /// are rounded on their way in.
    fn convolve(&self, x: Tensor<4>) -> Tensor<4>;
}

impl Plain for Conv2d {
    fn shape(&self) -> Shape {
        let [to, from, kernel, _] = self.weight.dims();
        let (stride, dilation) = (self.stride[0], self.dilation[0]);
        Shape { from, to, kernel, stride, dilation, doubling: false }
    }

    fn weight(&self) -> &Param<Tensor<4>> {
        &self.weight
    }

    fn bias(&self) -> Option<&Param<Tensor<1>>> {
        self.bias.as_ref()
    }

    fn convolve(&self, x: Tensor<4>) -> Tensor<4> {
        let dtype = x.dtype();
        let weight = self.weight.val();
        let [_, from, ..] = weight.dims();
        let y = if weight.dtype() == dtype {
            self.forward(x)
        } else {
            let padding = [0, 1].map(|axis| self.dilation[axis] * (self.kernel_size[axis] / 2));
            let options = ConvOptions::new(self.stride, padding, self.dilation, self.groups);
            let bias = self.bias.as_ref().map(|bias| bias.val().cast(dtype));
            conv2d(x, weight.cast(dtype), bias, options)
        };
        // With one channel there is no layout to keep, so the first convolution sets it.
        if from == 1 { fastest_layout(y) } else { y }
    }
}

impl Plain for ConvTranspose2d {
    fn shape(&self) -> Shape {
        let [from, to, kernel, _] = self.weight.dims();
        Shape { from, to, kernel, stride: self.stride[0], dilation: self.dilation[0], doubling: true }
    }

    fn weight(&self) -> &Param<Tensor<4>> {
        &self.weight
    }

    fn bias(&self) -> Option<&Param<Tensor<1>>> {
        self.bias.as_ref()
    }

    fn convolve(&self, x: Tensor<4>) -> Tensor<4> {
        let dtype = x.dtype();
        let weight = self.weight.val();
        if weight.dtype() == dtype {
            return self.forward(x);
        }
        let options = ConvTransposeOptions::new(
            self.stride,
            self.padding,
            self.padding_out,
            self.dilation,
            self.groups,
        );
        let bias = self.bias.as_ref().map(|bias| bias.val().cast(dtype));
        conv_transpose2d(x, weight.cast(dtype), bias, options)
    }
}

/// What follows a convolution, in this order.
#[derive(Debug, Default)]
pub(crate) struct Then<'a> {
    /// Something to add, of the output's size or of half of it: then each value counts for 2 x 2.
    pub(crate) add: Option<Tensor<4>>,
    pub(crate) relu: bool,
    /// After the `ReLU`, as in the paper's network. Always the one that [`Layer::pack`] was given.
    pub(crate) norm: Option<&'a BatchNorm>,
}

impl Then<'_> {
    /// A `ReLU`.
    pub(crate) fn relu() -> Self {
        Self { relu: true, ..Self::default() }
    }

    /// What Burn's operators do after a convolution of theirs.
    pub(super) fn follow(self, y: Tensor<4>) -> Tensor<4> {
        let y = match self.add {
            None => y,
            Some(add) if add.dims() == y.dims() => y + add,
            Some(add) => {
                let [_, _, height, width] = y.dims();
                let nearest =
                    InterpolateOptions::new(InterpolateMode::Nearest).with_output_size([height, width]);
                y + interpolate(add, nearest)
            }
        };
        let y = if self.relu { relu(y) } else { y };
        match self.norm {
            Some(norm) => normalise(norm, y),
            None => y,
        }
    }
}

/// Burn's path to a tensor without the step into a [`Layer`], which files do not know.
pub(crate) fn without_layer(path: &str) -> String {
    path.replace(".plain.", ".")
}

/// A convolution: Burn's until it is packed, ours from then on.
#[derive(Module, Debug)]
pub(crate) struct Layer<C: Plain> {
    plain: Option<C>,
    #[module(skip)]
    packed: Option<Packed>,
}

impl<C: Plain> Layer<C> {
    /// Convolution and what follows it.
    pub(crate) fn forward(&self, x: Tensor<4>, then: Then<'_>) -> Tensor<4> {
        match (&self.packed, &self.plain) {
            (Some(packed), _) => packed.forward(x, Epilogue { add: then.add, relu: then.relu }),
            (None, Some(plain)) => then.follow(plain.convolve(x)),
            (None, None) => unreachable!("it is packed or not"),
        }
    }

    /// Hands the weights to a kernel of ours, `norm` with them, where the device has one. For
    /// inference only.
    pub(super) fn pack(self, norm: Option<&BatchNorm>) -> Self {
        let Some(plain) = &self.plain else { return self };
        let bias = plain.bias().map(Param::val);
        let affine = norm.map(scale_and_shift);
        match Packed::new(plain.shape(), plain.weight().val(), bias, affine) {
            Some(packed) => Self { plain: None, packed: Some(packed) },
            None => self,
        }
    }
}

impl Layer<Conv2d> {
    /// The same function with the norm inside the convolution: exact, since nothing stands
    /// between the two.
    pub(super) fn absorb(self, norm: &BatchNorm) -> Self {
        let Some(mut conv) = self.plain else { return self };
        let (scale, shift) = scale_and_shift(norm);
        let channels = scale.dims()[0];
        let bias = match conv.bias.take() {
            Some(bias) => bias.val() * scale.clone() + shift,
            None => shift,
        };
        conv.weight = Param::from_tensor(conv.weight.val() * scale.reshape([channels, 1, 1, 1]));
        conv.bias = Some(Param::from_tensor(bias));
        Self { plain: Some(conv), packed: None }
    }
}

/// A norm with its running statistics: `scale * x + shift`.
fn scale_and_shift(norm: &BatchNorm) -> (Tensor<1>, Tensor<1>) {
    let scale = norm.gamma.val() / (norm.running_var.value() + norm.epsilon).sqrt();
    let shift = norm.beta.val() - norm.running_mean.value() * scale.clone();
    (scale, shift)
}
