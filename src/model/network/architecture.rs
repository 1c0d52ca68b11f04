//! A network's architecture as data: its layers by their names in files, and the operations of a forward
//! pass in their order. The engine's forward pass, the list of a file's tensors and the ONNX writer all
//! read it, so that none of them can differ from another.

use crate::kernels::{Activation, Shape};
use std::collections::BTreeMap;
use std::ops::Range;

/// PyTorch's and Caffe's defaults for a norm.
const NORM_EPSILON: f64 = 1e-5;
const NORM_MOMENTUM: f64 = 0.1;

/// The kind of a layer's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerKind {
    /// A convolution over all channels; zero padding keeps the size at stride 1.
    Convolution,
    /// A convolution of each channel by itself, padded the same way.
    Depthwise,
    /// The transposed convolution that doubles the size: 4 x 4, stride 2, padding 1.
    Transposed,
    /// A matrix, applied to `[batch, channels, 1, 1]`.
    Linear,
}

/// A batch normalisation with its running statistics.
#[derive(Clone, Debug, PartialEq)]
pub struct Norm {
    /// Its name in files.
    pub name: String,
    /// Added to the variance.
    pub epsilon: f64,
    /// Share of a batch's statistics in the running ones.
    pub momentum: f64,
    /// Whether it stands after the activation; else it follows the convolution directly, which can then
    /// absorb it.
    pub after_activation: bool,
}

/// A layer with weights, and the arithmetic up to the next: convolution, norm, sum, activation, or
/// convolution, sum, activation, norm.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Its name in files; weight and bias are `NAME.weight` and `NAME.bias`.
    pub name: String,
    /// The kind of its weights.
    pub kind: LayerKind,
    /// Input channels.
    pub from: usize,
    /// Output channels.
    pub to: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Step between outputs.
    pub stride: usize,
    /// Step between the kernel's taps.
    pub dilation: usize,
    /// Whether it has a bias.
    pub bias: bool,
    /// Its norm.
    pub norm: Option<Norm>,
    /// Its activation.
    pub activation: Activation,
}

impl Layer {
    /// A 3 x 3 convolution of stride 1 with a bias.
    pub(crate) fn convolution(name: impl Into<String>, from: usize, to: usize) -> Self {
        Self {
            name: name.into(),
            kind: LayerKind::Convolution,
            from,
            to,
            kernel: 3,
            stride: 1,
            dilation: 1,
            bias: true,
            norm: None,
            activation: Activation::Identity,
        }
    }

    /// A 1 x 1 convolution with a bias.
    pub(crate) fn pointwise(name: impl Into<String>, from: usize, to: usize) -> Self {
        Self { kernel: 1, ..Self::convolution(name, from, to) }
    }

    /// The transposed convolution that doubles the size, with a bias.
    pub(super) fn doubling(name: impl Into<String>, from: usize, to: usize) -> Self {
        Self { kind: LayerKind::Transposed, kernel: 4, stride: 2, ..Self::convolution(name, from, to) }
    }

    /// A linear layer with a bias.
    pub(crate) fn linear(name: impl Into<String>, from: usize, to: usize) -> Self {
        Self { kind: LayerKind::Linear, ..Self::pointwise(name, from, to) }
    }

    /// Followed by a `ReLU`.
    pub(super) fn relu(self) -> Self {
        Self { activation: Activation::Relu, ..self }
    }

    /// Followed by a `ReLU` that ends at 6.
    pub(super) fn relu6(self) -> Self {
        Self { activation: Activation::Relu6, ..self }
    }

    /// Without a bias and with a norm in its place, before the activation.
    pub(super) fn normed(self, norm: impl Into<String>) -> Self {
        Self { bias: false, norm: Some(Norm::new(norm, false)), ..self }
    }

    /// With a norm after the activation.
    pub(super) fn then_normed(self, norm: impl Into<String>) -> Self {
        Self { norm: Some(Norm::new(norm, true)), ..self }
    }

    /// The convolution as kernels know it.
    pub(super) fn shape(&self) -> Shape {
        let Self { from, to, kernel, stride, dilation, .. } = *self;
        let (doubling, depthwise) = (self.kind == LayerKind::Transposed, self.kind == LayerKind::Depthwise);
        Shape { from, to, kernel, stride, dilation, doubling, depthwise }
    }

    /// Shape of the weight, in PyTorch's layout.
    #[must_use]
    pub fn weight_shape(&self) -> Vec<usize> {
        let Self { from, to, kernel, .. } = *self;
        match self.kind {
            LayerKind::Convolution => vec![to, from, kernel, kernel],
            LayerKind::Depthwise => vec![to, 1, kernel, kernel],
            LayerKind::Transposed => vec![from, to, kernel, kernel],
            LayerKind::Linear => vec![to, from],
        }
    }

    /// Name and shape of each of its tensors in files.
    fn tensors(&self) -> impl Iterator<Item = (String, Vec<usize>)> {
        let weight = [(format!("{}.weight", self.name), self.weight_shape())];
        let bias = self.bias.then(|| (format!("{}.bias", self.name), vec![self.to]));
        let norm = self.norm.iter().flat_map(|norm| {
            let part = |part| (format!("{}.{part}", norm.name), vec![self.to]);
            ["weight", "bias", "running_mean", "running_var"].map(part)
        });
        weight.into_iter().chain(bias).chain(norm)
    }
}

impl Norm {
    fn new(name: impl Into<String>, after_activation: bool) -> Self {
        Self { name: name.into(), epsilon: NORM_EPSILON, momentum: NORM_MOMENTUM, after_activation }
    }
}

/// A tensor of the forward pass: the network's input or the result of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value(usize);

impl Value {
    /// The network's input, after [`Input`]'s preparation.
    pub const INPUT: Self = Self(0);

    /// The result of an operation, by its place in [`Architecture::operations`].
    #[must_use]
    pub fn of_operation(place: usize) -> Self {
        Self(place + 1)
    }

    /// 0 for the input, from 1 on for the operations in their order.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// Added to a convolution's output before its activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addend {
    /// A map of the output's size.
    Map(Value),
    /// A map of half the output's size; each value counts for 2 x 2.
    HalfMap(Value),
    /// A vector `[batch, channels, 1, 1]`, the same at every place.
    Vector(Value),
}

impl Addend {
    fn value(self) -> Value {
        match self {
            Self::Map(value) | Self::HalfMap(value) | Self::Vector(value) => value,
        }
    }
}

/// An operation of the forward pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operation {
    /// A layer of [`Architecture::layers`], by its place there.
    Layer {
        /// The layer.
        layer: usize,
        /// Its operand.
        input: Value,
        /// Added before the activation.
        add: Option<Addend>,
    },
    /// The mean over all places, `[batch, channels, 1, 1]`.
    Mean(Value),
    /// A vector `[batch, channels, 1, 1]` added at every place of a map.
    AddVector {
        /// The map.
        map: Value,
        /// The vector.
        vector: Value,
    },
    /// Every second place along both axes, from the first on.
    EverySecond(Value),
    /// A `ReLU` that keeps a fifth of negative values.
    LeakyRelu(Value),
    /// The hyperbolic tangent times a factor.
    Tanh(Value, f32),
}

impl Operation {
    /// The values it reads.
    pub fn operands(&self) -> impl Iterator<Item = Value> {
        let (first, second) = match *self {
            Self::Layer { input, add, .. } => (input, add.map(Addend::value)),
            Self::AddVector { map, vector } => (map, Some(vector)),
            Self::Mean(x) | Self::EverySecond(x) | Self::LeakyRelu(x) | Self::Tanh(x, _) => (x, None),
        };
        std::iter::once(first).chain(second)
    }
}

/// The preparation of a network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Raw L as `(L - 50) / 100` (docs/method.md#network-input).
    Lightness,
    /// The same, and beside it a and b of hints over 110 and their mask.
    LightnessAndHints,
    /// The sRGB gray of raw L as EfficientNet-Lite was shown colours, `(byte - 127) / 128`.
    Gray,
    /// None: the caller has prepared it.
    Prepared,
}

/// A network: layers, the operations of its forward pass, and where progress is reported between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// How its input is prepared.
    pub input: Input,
    /// All layers with weights, also one that no operation runs.
    pub layers: Vec<Layer>,
    /// The operations; the last one's result is the output.
    pub operations: Vec<Operation>,
    /// Factor of the output: 110 where the network was trained on ab / 110, else 1.
    pub output_scale: f32,
    /// The end of each step in `operations`.
    steps: Vec<usize>,
}

/// An inverted residual block among the operations: three layers that a kernel may run at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct InvertedResidual {
    pub(super) input: Value,
    /// The layers that expand, see channel by channel, and project.
    pub(super) layers: [usize; 3],
    /// Whether the input is added to the output.
    pub(super) residual: bool,
}

impl Architecture {
    /// Name and shape of every tensor in files, in PyTorch's layout.
    #[must_use]
    pub fn tensors(&self) -> BTreeMap<String, Vec<usize>> {
        self.layers.iter().flat_map(Layer::tensors).collect()
    }

    /// The axis of a tensor that counts output channels: the second of a transposed convolution's weight.
    #[must_use]
    pub fn output_axis(&self, tensor: &str) -> usize {
        let layer = tensor.strip_suffix(".weight");
        let transposed = |layer: &&Layer| layer.kind == LayerKind::Transposed;
        usize::from(self.layers.iter().filter(transposed).any(|own| Some(own.name.as_str()) == layer))
    }

    /// Steps of a forward pass, between which progress is reported.
    pub(super) fn steps(&self) -> usize {
        self.steps.len()
    }

    /// Places of a step's operations.
    pub(super) fn step(&self, step: usize) -> Range<usize> {
        let start = step.checked_sub(1).map_or(0, |before| self.steps[before]);
        start..self.steps[step]
    }

    /// The place of the last operation that reads each value; none reads the output.
    pub(super) fn last_uses(&self) -> Vec<usize> {
        let mut last = vec![usize::MAX; self.operations.len() + 1];
        for (place, operation) in self.operations.iter().enumerate() {
            operation.operands().for_each(|value| last[value.index()] = place);
        }
        last
    }

    /// The inverted residual block that begins at a place of the operations.
    pub(super) fn inverted_residual(&self, place: usize) -> Option<InvertedResidual> {
        let &[
            Operation::Layer { layer: expand, input, add: None },
            Operation::Layer { layer: depthwise, input: expanded, add: None },
            Operation::Layer { layer: project, input: seen, add },
        ] = self.operations.get(place..place + 3)?
        else {
            return None;
        };
        let layers = [expand, depthwise, project];
        let kinds = layers.map(|layer| (self.layers[layer].kind, self.layers[layer].activation));
        let residual = add == Some(Addend::Map(input));
        let fits = kinds
            == [
                (LayerKind::Convolution, Activation::Relu6),
                (LayerKind::Depthwise, Activation::Relu6),
                (LayerKind::Convolution, Activation::Identity),
            ]
            && [expand, project].iter().all(|layer| self.layers[*layer].kernel == 1)
            && [expanded, seen] == [Value::of_operation(place), Value::of_operation(place + 1)]
            && (residual || add.is_none());
        fits.then_some(InvertedResidual { input, layers, residual })
    }
}

/// An architecture under construction.
#[derive(Debug)]
pub(crate) struct Builder(Architecture);

impl Builder {
    pub(crate) fn new(input: Input) -> Self {
        let (layers, operations, steps) = Default::default();
        Self(Architecture { input, layers, operations, output_scale: 1.0, steps })
    }

    /// Adds an operation.
    pub(crate) fn operation(&mut self, operation: Operation) -> Value {
        self.0.operations.push(operation);
        Value(self.0.operations.len())
    }

    /// Adds a layer and runs it.
    pub(crate) fn layer(&mut self, input: Value, layer: Layer) -> Value {
        self.run(input, layer, None)
    }

    /// Adds a layer and runs it, with something added before its activation.
    pub(super) fn layer_plus(&mut self, input: Value, layer: Layer, add: Addend) -> Value {
        self.run(input, layer, Some(add))
    }

    fn run(&mut self, input: Value, layer: Layer, add: Option<Addend>) -> Value {
        self.unused_layer(layer);
        self.operation(Operation::Layer { layer: self.0.layers.len() - 1, input, add })
    }

    /// Adds a layer that no forward pass runs.
    pub(super) fn unused_layer(&mut self, layer: Layer) {
        self.0.layers.push(layer);
    }

    /// Ends a step of the forward pass.
    pub(crate) fn end_step(&mut self) {
        self.0.steps.push(self.0.operations.len());
    }

    /// The architecture, whose last operation gives the output.
    pub(crate) fn finish(self) -> Architecture {
        self.0
    }

    /// The architecture, whose output is to be multiplied by `scale`.
    pub(super) fn finish_scaled(self, scale: f32) -> Architecture {
        Architecture { output_scale: scale, ..self.0 }
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::model::network::{
        Eccv16Config, Head, LiteConfig, NetworkConfig, Siggraph17Config, UnetConfig, Variant,
    };

    fn networks() -> [NetworkConfig; 5] {
        let head = Head::default();
        let unet =
            UnetConfig { stem: 4, encoder: vec![6, 8, 10], blocks: vec![1, 0, 2], decoder: vec![7, 9], head };
        let [lite0, lite2] = Variant::ALL
            .map(|variant| NetworkConfig::Lite(LiteConfig { variant, decoder: [12, 10, 6], head }));
        [
            NetworkConfig::Eccv16(Eccv16Config::default()),
            NetworkConfig::Siggraph17(Siggraph17Config::default()),
            NetworkConfig::Unet(unet),
            lite0,
            lite2,
        ]
    }

    /// Channels and cells of 1/32 that a value has along an axis, of an input of 32; a vector has none.
    fn sizes(architecture: &Architecture) -> Vec<[usize; 2]> {
        let channels = match architecture.input {
            Input::LightnessAndHints => 4,
            _ => 1,
        };
        let mut sizes = vec![[channels, 32]];
        for operation in &architecture.operations {
            let of = |value: Value| sizes[value.index()];
            let size = match *operation {
                Operation::Layer { layer, input, add } => {
                    let layer = &architecture.layers[layer];
                    let [channels, side] = of(input);
                    assert_eq!(channels, layer.from, "into {}", layer.name);
                    let side = layer.shape().output([side; 2])[0];
                    let expected = match add {
                        Some(Addend::HalfMap(_)) => side / 2,
                        Some(Addend::Vector(_)) => 0,
                        _ => side,
                    };
                    if let Some(add) = add {
                        assert_eq!(of(add.value()), [layer.to, expected], "added to {}", layer.name);
                    }
                    [layer.to, side]
                }
                Operation::Mean(x) => [of(x)[0], 0],
                Operation::AddVector { map, vector } => {
                    assert_eq!(of(vector), [of(map)[0], 0]);
                    of(map)
                }
                Operation::EverySecond(x) => [of(x)[0], of(x)[1] / 2],
                Operation::LeakyRelu(x) | Operation::Tanh(x, _) => of(x),
            };
            sizes.push(size);
        }
        sizes
    }

    #[test]
    fn channels_and_sizes_fit_each_other() {
        for network in networks() {
            let architecture = network.architecture();
            let expected = [network.output().channels(), 32 / network.cell()];
            assert_eq!(sizes(&architecture).last(), Some(&expected), "{}", network.name());
            assert_eq!(architecture.steps.last(), Some(&architecture.operations.len()));
            assert!(architecture.steps.is_sorted());
        }
    }

    #[test]
    fn only_the_classes_of_siggraph17_are_not_run() {
        for network in networks() {
            let architecture = network.architecture();
            let runs = |place| {
                let layer = |operation: &Operation| matches!(operation, Operation::Layer { layer, .. } if *layer == place);
                architecture.operations.iter().filter(|operation| layer(operation)).count()
            };
            for (place, layer) in architecture.layers.iter().enumerate() {
                assert_eq!(runs(place), usize::from(layer.name != "model_class.0"), "{}", layer.name);
            }
        }
    }

    #[test]
    fn inverted_residual_blocks_are_found_where_they_expand() {
        let found = networks().map(|network| {
            let architecture = network.architecture();
            let places = 0..architecture.operations.len();
            let blocks: Vec<_> = places.filter_map(|place| architecture.inverted_residual(place)).collect();
            (blocks.len(), blocks.iter().filter(|block| block.residual).count())
        });
        assert_eq!(found, [(0, 0), (0, 0), (0, 0), (15, 9), (20, 14)]);
    }
}
