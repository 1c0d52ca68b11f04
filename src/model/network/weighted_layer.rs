//! A layer on a device: weights in Burn's modules for training, or in a kernel of ours for inference.

use super::architecture::{Layer, LayerKind, Norm};
use crate::kernels::operators::{self, filled};
use crate::kernels::{Activation, Epilogue, PLAIN_RUNS, Packed};
#[cfg(feature = "train")]
use burn::module::ModuleVisitor;
use burn::module::{ModuleMapper, Param, ParamId, RunningState};
use burn::nn::conv::{Conv2d, ConvTranspose2d};
use burn::nn::{BatchNorm, Linear, PaddingConfig2d};
use burn::prelude::*;
use burn::tensor::DType;
use burn::tensor::activation::relu;
use burn::tensor::module::{conv_transpose2d, conv2d, interpolate};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, InterpolateMode, InterpolateOptions};

/// Weights in one of Burn's modules.
#[derive(Clone, Debug)]
enum Weights {
    Convolution(Conv2d),
    Transposed(ConvTranspose2d),
    Linear(Linear),
}

macro_rules! each {
    ($weights:expr, $w:ident => $body:expr) => {
        match $weights {
            Weights::Convolution($w) => $body,
            Weights::Transposed($w) => $body,
            Weights::Linear($w) => $body,
        }
    };
}

macro_rules! map_each {
    ($weights:expr, $w:ident => $body:expr) => {
        match $weights {
            Weights::Convolution($w) => Weights::Convolution($body),
            Weights::Transposed($w) => Weights::Transposed($body),
            Weights::Linear($w) => Weights::Linear($body),
        }
    };
}

impl Weights {
    /// All zero.
    fn new(layer: &Layer, device: &Device) -> Self {
        let Layer { from, to, kernel, stride, dilation, .. } = *layer;
        let bias = layer.bias.then(|| constant(0.0, [to], device));
        let padding = dilation * (kernel / 2);
        let groups = if layer.kind == LayerKind::Depthwise { from } else { 1 };
        match layer.kind {
            LayerKind::Convolution | LayerKind::Depthwise => Self::Convolution(Conv2d {
                weight: constant(0.0, [to, from / groups, kernel, kernel], device),
                bias,
                stride: [stride; 2],
                kernel_size: [kernel; 2],
                dilation: [dilation; 2],
                groups,
                padding: PaddingConfig2d::Explicit(padding, padding, padding, padding),
            }),
            LayerKind::Transposed => Self::Transposed(ConvTranspose2d {
                weight: constant(0.0, [from, to, kernel, kernel], device),
                bias,
                stride: [stride; 2],
                kernel_size: [kernel; 2],
                dilation: [1; 2],
                groups: 1,
                padding: [1; 2],
                padding_out: [0; 2],
                channels: [from, to],
            }),
            LayerKind::Linear => Self::Linear(Linear { weight: constant(0.0, [from, to], device), bias }),
        }
    }

    /// As [`Packed::new`] takes it: a linear layer is a convolution of single places.
    fn matrix(&self) -> Tensor<4> {
        match self {
            Self::Convolution(conv) => conv.weight.val(),
            Self::Transposed(conv) => conv.weight.val(),
            Self::Linear(linear) => operators::as_convolution(linear.weight.val()),
        }
    }

    fn bias(&self) -> Option<Tensor<1>> {
        each!(self, w => w.bias.as_ref().map(Param::val))
    }

    /// By Burn's operators, in the type of `x`, whatever that of the weights: in mixed precision they stay
    /// f32 and are rounded on their way in.
    fn convolve(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Convolution(conv) => convolve(conv, x),
            Self::Transposed(conv) => convolve_transposed(conv, x),
            Self::Linear(linear) => {
                let ([batch, from, ..], dtype) = (x.dims(), x.dtype());
                let y = linear.forward(x.reshape([batch, from]).cast(DType::F32));
                let to = y.dims()[1];
                y.cast(dtype).reshape([batch, to, 1, 1])
            }
        }
    }
}

fn convolve(conv: &Conv2d, x: Tensor<4>) -> Tensor<4> {
    let dtype = x.dtype();
    let weight = conv.weight.val();
    let from = weight.dims()[1] * conv.groups;
    #[cfg(feature = "libtorch")]
    if conv.bias.is_none()
        && let Some(y) = crate::kernels::libtorch::depthwise(&x, &weight.clone().cast(dtype), conv.stride)
    {
        return y;
    }
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

fn convolve_transposed(conv: &ConvTranspose2d, x: Tensor<4>) -> Tensor<4> {
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

/// A parameter that is the same everywhere until it is set; only then it takes memory.
///
/// Burn's initialisers can do this too, but whatever calls them carries all of them, with a QR
/// decomposition and the matrix products that it needs: two thirds of the browser's GPU engine.
fn constant<const D: usize>(value: f32, shape: [usize; D], device: &Device) -> Param<Tensor<D>> {
    let init = move |device: &Device, require_grad: bool| {
        let tensor = filled(value, shape, device);
        if require_grad { tensor.require_grad() } else { tensor }
    };
    Param::uninitialized(ParamId::new(), init, device.clone(), true, shape.into())
}

fn batch_norm(norm: &Norm, channels: usize, device: &Device) -> BatchNorm {
    BatchNorm {
        gamma: constant(1.0, [channels], device),
        beta: constant(0.0, [channels], device),
        training: Param::from_bool(true),
        running_mean: RunningState::new(filled(0.0, [channels], device)),
        running_var: RunningState::new(filled(1.0, [channels], device)),
        momentum: norm.momentum,
        epsilon: norm.epsilon,
    }
}

/// A norm of `x` in f32, given back in the type of `x`.
fn normalize(norm: &BatchNorm, x: Tensor<4>) -> Tensor<4> {
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

/// `y + add`, by Burn's operators; where `add` has half the size, each of its values counts for 2 x 2.
fn plus(y: Tensor<4>, add: Tensor<4>) -> Tensor<4> {
    if add.dims() == y.dims() {
        return y + add;
    }
    let [_, _, height, width] = y.dims();
    let nearest = InterpolateOptions::new(InterpolateMode::Nearest).with_output_size([height, width]);
    y + interpolate(add, nearest)
}

/// A norm with its running statistics: `scale * x + shift`.
fn scale_and_shift(norm: &BatchNorm) -> (Tensor<1>, Tensor<1>) {
    let running = [&norm.running_mean, &norm.running_var].map(RunningState::value);
    let [mean, variance] = running;
    operators::scale_and_shift([norm.gamma.val(), norm.beta.val(), mean, variance], norm.epsilon)
}

/// The same function with the norm inside the convolution: exact, since nothing stands between the two.
fn absorb(mut conv: Conv2d, norm: &BatchNorm) -> Conv2d {
    let (scale, shift) = scale_and_shift(norm);
    let bias = match conv.bias.take() {
        Some(bias) => operators::affine_by(bias.val(), 0, scale.clone(), shift),
        None => shift,
    };
    let zero = operators::filled(0.0, [1], &scale.device());
    conv.weight = Param::from_tensor(operators::affine_by(conv.weight.val(), 0, scale, zero));
    conv.bias = Some(Param::from_tensor(bias));
    conv
}

/// A [`Layer`] with its weights.
#[derive(Clone, Debug)]
pub(crate) struct WeightedLayer {
    /// Absent once they are packed.
    weights: Option<Weights>,
    /// Absent once it is inside the convolution.
    norm: Option<BatchNorm>,
    packed: Option<Packed>,
}

impl WeightedLayer {
    /// Its weights all zero.
    pub(crate) fn new(layer: &Layer, device: &Device) -> Self {
        Self {
            weights: Some(Weights::new(layer, device)),
            norm: layer.norm.as_ref().map(|norm| batch_norm(norm, layer.to, device)),
            packed: None,
        }
    }

    /// The layer and all that follows it up to the next; `add` is of the output's size or of half of it.
    pub(crate) fn forward(&self, layer: &Layer, x: Tensor<4>, add: Option<Tensor<4>>) -> Tensor<4> {
        if let Some(packed) = &self.packed {
            return packed.forward(x, Epilogue { add, activation: layer.activation });
        }
        match &self.weights {
            Some(weights) if PLAIN_RUNS => self.forward_plain(layer, weights.convolve(x), add),
            _ => unreachable!("not packed, in a build that has no other way"),
        }
    }

    /// All that follows the convolution, by Burn's operators.
    fn forward_plain(&self, layer: &Layer, mut y: Tensor<4>, add: Option<Tensor<4>>) -> Tensor<4> {
        let after = layer.norm.as_ref().is_some_and(|norm| norm.after_activation);
        if let Some(norm) = self.norm.as_ref().filter(|_| !after) {
            y = normalize(norm, y);
        }
        if let Some(add) = add {
            y = plus(y, add);
        }
        y = match layer.activation {
            Activation::Identity => y,
            Activation::Relu => relu(y),
            Activation::Relu6 => relu6(y),
        };
        match self.norm.as_ref().filter(|_| after) {
            Some(norm) => normalize(norm, y),
            None => y,
        }
    }

    /// The kernel of ours that has the weights, once it has.
    pub(super) fn packed(&self) -> Option<&Packed> {
        self.packed.as_ref()
    }

    /// Ready for inference: a norm before the activation goes into the convolution, and the weights to a
    /// kernel of ours where the device has one, with a norm after the activation.
    pub(super) fn into_inference(self, layer: &Layer) -> Self {
        let after = layer.norm.as_ref().is_some_and(|norm| norm.after_activation);
        let (weights, norm) = match (self.weights, self.norm) {
            (Some(Weights::Convolution(conv)), Some(norm)) if !after => {
                (Some(Weights::Convolution(absorb(conv, &norm))), None)
            }
            unchanged => unchanged,
        };
        let affine = norm.as_ref().map(scale_and_shift);
        let pack = |weights: &Weights| Packed::new(layer.shape(), weights.matrix(), weights.bias(), affine);
        match weights.as_ref().and_then(pack) {
            Some(packed) => Self { weights: None, norm: None, packed: Some(packed) },
            None => Self { weights, norm, packed: self.packed },
        }
    }

    /// Changes its tensors, under their names in files.
    pub(crate) fn map(self, layer: &Layer, mapper: &mut impl ModuleMapper) -> Self {
        mapper.enter_module(&layer.name, "");
        let weights = self.weights.map(|weights| map_each!(weights, w => w.map(mapper)));
        mapper.exit_module(&layer.name, "");
        let norm = match (self.norm, &layer.norm) {
            (Some(norm), Some(named)) => {
                mapper.enter_module(&named.name, "");
                let norm = norm.map(mapper);
                mapper.exit_module(&named.name, "");
                Some(norm)
            }
            (norm, _) => norm,
        };
        Self { weights, norm, packed: self.packed }
    }
}

#[cfg(feature = "train")]
impl WeightedLayer {
    /// Lets a visitor see its tensors under their names in files.
    pub(crate) fn visit(&self, layer: &Layer, visitor: &mut impl ModuleVisitor) {
        visitor.enter_module(&layer.name, "");
        if let Some(weights) = &self.weights {
            each!(weights, w => w.visit(visitor));
        }
        visitor.exit_module(&layer.name, "");
        if let (Some(norm), Some(named)) = (&self.norm, &layer.norm) {
            visitor.enter_module(&named.name, "");
            norm.visit(visitor);
            visitor.exit_module(&named.name, "");
        }
    }

    /// The same weights on Burn's tape.
    pub(crate) fn train(self) -> Self {
        let weights = self.weights.map(|weights| map_each!(weights, w => w.train()));
        Self { weights, norm: self.norm.map(Module::train), packed: self.packed }
    }

    /// The same weights off Burn's tape, every running statistic up to date.
    pub(crate) fn valid(&self) -> Self {
        let weights = self.weights.as_ref().map(|weights| map_each!(weights, w => w.valid()));
        Self { weights, norm: self.norm.as_ref().map(Module::valid), packed: self.packed.clone() }
    }

    /// The device that the weights are on, until they are packed.
    pub(super) fn device(&self) -> Option<Device> {
        let weights = self.weights.as_ref()?;
        each!(weights, w => w.devices()).into_iter().next()
    }
}

fn relu6(x: Tensor<4>) -> Tensor<4> {
    #[cfg(feature = "libtorch")]
    if let Some(y) = crate::kernels::libtorch::relu6(&x) {
        return y;
    }
    x.clamp(0.0, 6.0)
}
