//! The layer that networks are made of, as Burn has it for training and as our own kernels run it.

use super::layers::{constant, fastest_layout, normalise};
use crate::kernels::{Activation, Epilogue, PLAIN_RUNS, Packed, Shape, operators};
use burn::module::{Param, RunningState};
use burn::nn::conv::{Conv2d, ConvTranspose2d};
use burn::nn::{BatchNorm, Linear, PaddingConfig2d};
use burn::prelude::*;
use burn::tensor::DType;
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
    /// Each channel by itself.
    pub(crate) depthwise: bool,
}

impl Convolution {
    /// 3 x 3, stride 1, with bias.
    pub(crate) fn new(from: usize, to: usize) -> Self {
        Self { channels: [from, to], kernel: 3, stride: 1, dilation: 1, bias: true, depthwise: false }
    }

    /// 1 x 1 with bias.
    pub(crate) fn pointwise(from: usize, to: usize) -> Self {
        Self { kernel: 1, ..Self::new(from, to) }
    }

    /// Zero padding that keeps the size at stride 1.
    pub(crate) fn init(&self, device: &Device) -> Layer<Conv2d> {
        let padding = self.dilation * (self.kernel / 2);
        let [from, to] = self.channels;
        let groups = if self.depthwise { from } else { 1 };
        let conv = Conv2d {
            weight: constant(0.0, [to, from / groups, self.kernel, self.kernel], device),
            bias: self.bias.then(|| constant(0.0, [to], device)),
            stride: [self.stride; 2],
            kernel_size: [self.kernel; 2],
            dilation: [self.dilation; 2],
            groups,
            padding: PaddingConfig2d::Explicit(padding, padding, padding, padding),
        };
        Layer { plain: Some(conv), packed: None }
    }
}

/// The transposed convolution that doubles the size: 4 x 4, stride 2, padding 1.
pub(super) fn doubling(from: usize, to: usize, device: &Device) -> Layer<ConvTranspose2d> {
    let conv = ConvTranspose2d {
        weight: constant(0.0, [from, to, 4, 4], device),
        bias: Some(constant(0.0, [to], device)),
        stride: [2, 2],
        kernel_size: [4, 4],
        dilation: [1, 1],
        groups: 1,
        padding: [1, 1],
        padding_out: [0, 0],
        channels: [from, to],
    };
    Layer { plain: Some(conv), packed: None }
}

/// A linear layer with bias.
pub(crate) fn linear(from: usize, to: usize, device: &Device) -> Layer<Linear> {
    let linear =
        Linear { weight: constant(0.0, [from, to], device), bias: Some(constant(0.0, [to], device)) };
    Layer { plain: Some(linear), packed: None }
}

/// What a convolution of Burn's can be asked.
pub(crate) trait Plain: Module {
    fn shape(&self) -> Shape;
    /// `[to, from, kernel, kernel]`, `[to, 1, kernel, kernel]` where it is depthwise, or `[from, to, 4, 4]`
    /// where it doubles.
    fn weight(&self) -> Tensor<4>;
    fn bias(&self) -> Option<Tensor<1>>;
    /// Runs in the type of `x`, whatever that of the weights: in mixed precision they stay f32 and
    /// are rounded on their way in.
    fn convolve(&self, x: Tensor<4>) -> Tensor<4>;
}

impl Plain for Conv2d {
    fn shape(&self) -> Shape {
        let [to, seen, kernel, _] = self.weight.dims();
        let (stride, dilation, depthwise) = (self.stride[0], self.dilation[0], self.groups > 1);
        Shape { from: seen * self.groups, to, kernel, stride, dilation, doubling: false, depthwise }
    }

    fn weight(&self) -> Tensor<4> {
        self.weight.val()
    }

    fn bias(&self) -> Option<Tensor<1>> {
        self.bias.as_ref().map(Param::val)
    }

    fn convolve(&self, x: Tensor<4>) -> Tensor<4> {
        let dtype = x.dtype();
        let weight = self.weight.val();
        let from = weight.dims()[1] * self.groups;
        #[cfg(feature = "libtorch")]
        if self.bias.is_none()
            && let Some(y) = crate::kernels::libtorch::depthwise(&x, &weight.clone().cast(dtype), self.stride)
        {
            return y;
        }
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
        let (stride, dilation) = (self.stride[0], self.dilation[0]);
        Shape { from, to, kernel, stride, dilation, doubling: true, depthwise: false }
    }

    fn weight(&self) -> Tensor<4> {
        self.weight.val()
    }

    fn bias(&self) -> Option<Tensor<1>> {
        self.bias.as_ref().map(Param::val)
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

/// A linear layer: a convolution of single positions.
impl Plain for Linear {
    fn shape(&self) -> Shape {
        let [from, to] = self.weight.dims();
        Shape { from, to, kernel: 1, stride: 1, dilation: 1, doubling: false, depthwise: false }
    }

    fn weight(&self) -> Tensor<4> {
        operators::as_convolution(self.weight.val())
    }

    fn bias(&self) -> Option<Tensor<1>> {
        self.bias.as_ref().map(Param::val)
    }

    /// In f32.
    fn convolve(&self, x: Tensor<4>) -> Tensor<4> {
        let ([batch, from, ..], dtype) = (x.dims(), x.dtype());
        let y = self.forward(x.reshape([batch, from]).cast(DType::F32));
        let to = y.dims()[1];
        y.cast(dtype).reshape([batch, to, 1, 1])
    }
}

/// What follows a convolution, in this order.
#[derive(Debug, Default)]
pub(crate) struct Then<'a> {
    /// Something to add, of the output's size or of half of it: then each value counts for 2 x 2.
    pub(crate) add: Option<Tensor<4>>,
    pub(crate) activation: Activation,
    /// After the activation, as in the paper's network. Always the one that [`Layer::pack`] was given.
    pub(crate) norm: Option<&'a BatchNorm>,
}

impl Then<'_> {
    /// A `ReLU`.
    pub(crate) fn relu() -> Self {
        Self { activation: Activation::Relu, ..Self::default() }
    }

    /// A `ReLU` that ends at 6.
    pub(crate) fn relu6() -> Self {
        Self { activation: Activation::Relu6, ..Self::default() }
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
        let y = match self.activation {
            Activation::Identity => y,
            Activation::Relu => relu(y),
            Activation::Relu6 => y.clamp(0.0, 6.0),
        };
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
            (Some(packed), _) => packed.forward(x, Epilogue { add: then.add, activation: then.activation }),
            (None, Some(plain)) if PLAIN_RUNS => then.follow(plain.convolve(x)),
            (None, _) => unreachable!("not packed, in a build that has no other way"),
        }
    }

    /// The kernel of ours that has the weights, once it has.
    pub(super) fn packed(&self) -> Option<&Packed> {
        self.packed.as_ref()
    }

    /// Hands the weights to a kernel of ours, `norm` with them, where the device has one. For
    /// inference only.
    pub(super) fn pack(self, norm: Option<&BatchNorm>) -> Self {
        let Some(plain) = &self.plain else { return self };
        let affine = norm.map(scale_and_shift);
        match Packed::new(plain.shape(), plain.weight(), plain.bias(), affine) {
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
        let bias = match conv.bias.take() {
            Some(bias) => operators::affine_by(bias.val(), 0, scale.clone(), shift),
            None => shift,
        };
        let zero = operators::filled(0.0, [1], &scale.device());
        conv.weight = Param::from_tensor(operators::affine_by(conv.weight.val(), 0, scale, zero));
        conv.bias = Some(Param::from_tensor(bias));
        Self { plain: Some(conv), packed: None }
    }
}

/// A norm with its running statistics: `scale * x + shift`.
fn scale_and_shift(norm: &BatchNorm) -> (Tensor<1>, Tensor<1>) {
    let running = [&norm.running_mean, &norm.running_var].map(RunningState::value);
    let [mean, variance] = running;
    operators::scale_and_shift([norm.gamma.val(), norm.beta.val(), mean, variance], norm.epsilon)
}
