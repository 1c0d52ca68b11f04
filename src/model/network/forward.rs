//! A network on a device: the forward pass of its architecture, and its weights by their names.

use super::architecture::{Addend, Architecture, Input, Operation, Value};
#[cfg(feature = "train")]
use super::named_values::GatherValues;
use super::named_values::SetValues;
use super::weighted_layer::WeightedLayer;
use crate::kernels::{self, Activation, operators};
use burn::module::ModuleMapper;
#[cfg(feature = "train")]
use burn::module::ModuleVisitor;
use burn::prelude::*;
use burn::tensor::DType;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A network with its weights.
#[derive(Clone, Debug)]
pub struct Network {
    architecture: Arc<Architecture>,
    /// Those of [`Architecture::layers`].
    layers: Vec<WeightedLayer>,
    /// The last operation that reads each value.
    last_uses: Arc<[usize]>,
}

/// The tensors between two steps of a forward pass.
#[derive(Debug)]
pub struct Activations {
    /// By [`Value::index`]; those that no later operation reads are gone.
    values: Vec<Option<Tensor<4>>>,
    latest: usize,
}

impl Activations {
    /// The last step's output, `[batch, channels, height, width]`.
    ///
    /// # Panics
    /// If a step's output were not read after it, which no architecture has.
    #[must_use]
    pub fn output(&self) -> Tensor<4> {
        self.values[self.latest].clone().expect("the output of a step is read by the next")
    }

    fn start(x: Tensor<4>, operations: usize) -> Self {
        let mut values = vec![None; operations + 1];
        values[Value::INPUT.index()] = Some(x);
        Self { values, latest: 0 }
    }

    fn get(&self, value: Value) -> Tensor<4> {
        self.values[value.index()].clone().expect("operations stand in the order of their operands")
    }

    fn set(&mut self, value: Value, x: Tensor<4>) {
        self.latest = value.index();
        self.values[self.latest] = Some(x);
    }
}

impl Network {
    /// A network whose weights are zero until they are loaded or drawn.
    pub(crate) fn new(architecture: Architecture, device: &Device) -> Self {
        let layers = architecture.layers.iter().map(|layer| WeightedLayer::new(layer, device)).collect();
        let last_uses = architecture.last_uses().into();
        Self { architecture: Arc::new(architecture), layers, last_uses }
    }

    /// Steps of a forward pass.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.architecture.steps()
    }

    /// The first step's operands. `lightness` is raw L (0…100), `[batch, 1, H, W]`, H and W multiples of
    /// [`NetworkConfig::size_multiple`](super::NetworkConfig::size_multiple). `hints` `[batch, 3, H, W]` are
    /// a and b in CIE units and a mask, 1 where they hold and 0 (as a and b) elsewhere; a network that takes
    /// none ignores them.
    #[must_use]
    pub fn start(&self, lightness: Tensor<4>, hints: Option<Tensor<4>>) -> Activations {
        let [batch, _, height, width] = lightness.dims();
        // In two steps: as 0.01 L - 0.5, what is near 50 would lose digits.
        let centered =
            |lightness| operators::affine(operators::affine(lightness, &[1.0], &[-50.0]), &[0.01], &[0.0]);
        let x = match self.architecture.input {
            Input::Prepared => lightness,
            Input::Lightness => centered(lightness),
            Input::Gray => operators::affine(operators::gray(lightness), &[255.0 / 128.0], &[-127.0 / 128.0]),
            Input::LightnessAndHints => {
                let x = centered(lightness);
                let hints =
                    hints.unwrap_or_else(|| operators::filled(0.0, [batch, 3, height, width], &x.device()));
                operators::join(x, operators::affine(hints, &[1.0 / 110.0, 1.0 / 110.0, 1.0], &[0.0]))
            }
        };
        Activations::start(x, self.architecture.operations.len())
    }

    /// Runs step `index` of [`Network::steps`].
    #[must_use]
    pub fn step(&self, index: usize, mut activations: Activations) -> Activations {
        let places = self.architecture.step(index);
        let mut place = places.start;
        while place < places.end {
            place = match self.inverted_residual(place, &mut activations) {
                Some(next) => next,
                None => {
                    self.operate(place, &mut activations);
                    place + 1
                }
            };
        }
        activations
    }

    /// Runs one operation.
    fn operate(&self, place: usize, activations: &mut Activations) {
        let operation = self.architecture.operations[place];
        // Operands that are read for the last time are let go first: their memory may be written to.
        let result = match operation {
            Operation::Layer { layer, input, add } => {
                let x = activations.get(input);
                let add = add.map(|add| match add {
                    Addend::Map(value) | Addend::HalfMap(value) => activations.get(value),
                    Addend::Vector(value) => {
                        let [_, _, height, width] = x.dims();
                        operators::everywhere(activations.get(value), [height, width])
                    }
                });
                self.release(place, activations);
                self.layers[layer].forward(&self.architecture.layers[layer], x, add)
            }
            Operation::AddVector { map, vector } => {
                let [map, vector] = [map, vector].map(|value| activations.get(value));
                self.release(place, activations);
                operators::add_everywhere(map, vector)
            }
            Operation::Mean(x) => operators::mean_of_places(self.last(x, place, activations)),
            Operation::EverySecond(x) => operators::every_second(self.last(x, place, activations)),
            Operation::LeakyRelu(x) => operators::leaky_relu(self.last(x, place, activations)),
            Operation::Tanh(x, scale) => operators::scaled_tanh(self.last(x, place, activations), scale),
        };
        activations.set(Value::of_operation(place), result);
    }

    /// The only operand of an operation.
    fn last(&self, operand: Value, place: usize, activations: &mut Activations) -> Tensor<4> {
        let x = activations.get(operand);
        self.release(place, activations);
        x
    }

    /// Lets go of the operands that no operation after `place` reads.
    fn release(&self, place: usize, activations: &mut Activations) {
        for value in self.architecture.operations[place].operands() {
            if self.last_uses[value.index()] == place {
                activations.values[value.index()] = None;
            }
        }
    }

    /// Runs an inverted residual block by a kernel that takes it at once, where one begins at `place` and
    /// there is a kernel that is quicker so. The place after it.
    fn inverted_residual(&self, place: usize, activations: &mut Activations) -> Option<usize> {
        let block = self.architecture.inverted_residual(place)?;
        let [expand, depthwise, project] = block.layers.map(|layer| self.layers[layer].packed());
        let kernel = kernels::Bottleneck { expand: expand?, depthwise: depthwise?, project: project? };
        let y = kernel.forward(&activations.get(block.input), Activation::Relu6, block.residual)?;
        let last = place + 2;
        if self.last_uses[block.input.index()] <= last {
            activations.values[block.input.index()] = None;
        }
        activations.set(Value::of_operation(last), y);
        Some(last + 1)
    }

    /// The last step's output as the caller gets it; see [`Output`](super::Output) for its shape.
    #[must_use]
    pub fn finish(&self, activations: Activations) -> Tensor<4> {
        let x = activations.output();
        match self.architecture.output_scale {
            1.0 => x,
            scale => operators::affine(x, &[scale], &[0.0]),
        }
    }

    /// The whole forward pass at once, without hints; see [`Network::start`] and
    /// [`Network::finish`] for shapes.
    #[must_use]
    pub fn forward(&self, lightness: Tensor<4>) -> Tensor<4> {
        self.forward_in(lightness, DType::F32)
    }

    /// [`Network::forward`] with activations of another type; the weights keep theirs.
    #[must_use]
    pub fn forward_in(&self, lightness: Tensor<4>, dtype: DType) -> Tensor<4> {
        self.forward_seen(lightness, dtype, |_, _| ())
    }

    /// [`Network::forward_in`]; `see` gets the number of each step and its output.
    pub(crate) fn forward_seen(
        &self,
        lightness: Tensor<4>,
        dtype: DType,
        mut see: impl FnMut(usize, &Tensor<4>),
    ) -> Tensor<4> {
        let x = self.start(lightness, None).output().cast(dtype);
        let start = Activations::start(x, self.architecture.operations.len());
        self.finish((0..self.steps()).fold(start, |activations, i| {
            let activations = self.step(i, activations);
            see(i, &activations.output());
            activations
        }))
    }

    /// Makes it ready to colour: norms go into convolutions where that is exact, and weights to
    /// kernels of ours where the device has them. It cannot be trained or exported any more.
    ///
    /// In the paper's networks BatchNorm stands after the `ReLU` and before zero padding: its shift
    /// cannot move into the next convolution (docs/method.md#batch-normalisation), but it can be applied
    /// before storing.
    #[must_use]
    pub fn into_inference(mut self) -> Self {
        let runs = |place| {
            let reads = |operation: &Operation| matches!(operation, Operation::Layer { layer, .. } if *layer == place);
            self.architecture.operations.iter().any(reads)
        };
        let layers = self.layers.into_iter().zip(&self.architecture.layers).enumerate();
        self.layers = layers
            .map(
                |(place, (weights, layer))| if runs(place) { weights.into_inference(layer) } else { weights },
            )
            .collect();
        self
    }

    /// Puts values, named and laid out as in files, into the network.
    ///
    /// # Errors
    /// The first tensor that is missing or has another length.
    pub(crate) fn load(self, values: BTreeMap<String, Vec<f32>>) -> Result<Self, String> {
        let mut set = SetValues::new(values);
        let network = self.map_tensors(&mut set);
        set.unfit.first().map_or(Ok(network), |unfit| Err(unfit.clone()))
    }

    /// Changes every tensor, under its name in files.
    pub(crate) fn map_tensors(self, mapper: &mut impl ModuleMapper) -> Self {
        let layers = self.layers.into_iter().zip(&self.architecture.layers);
        let layers = layers.map(|(weights, layer)| weights.map(layer, mapper)).collect();
        Self { layers, ..self }
    }
}

#[cfg(feature = "train")]
impl Network {
    /// Every tensor as files have it: name, shape and values in PyTorch's layout. For a network off
    /// the tape.
    pub(crate) fn export(&self) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        let mut gather = GatherValues::default();
        self.visit_tensors(&mut gather);
        gather.found
    }

    /// Lets a visitor see every tensor, under its name in files.
    pub(crate) fn visit_tensors(&self, visitor: &mut impl ModuleVisitor) {
        for (weights, layer) in self.layers.iter().zip(&self.architecture.layers) {
            weights.visit(layer, visitor);
        }
    }

    /// The same weights on Burn's tape.
    pub(crate) fn on_tape(self) -> Self {
        let layers = self.layers.into_iter().map(WeightedLayer::train).collect();
        Self { layers, ..self }
    }

    /// The same weights off Burn's tape, every running statistic up to date.
    pub(crate) fn off_tape(&self) -> Self {
        Self {
            architecture: self.architecture.clone(),
            layers: self.layers.iter().map(WeightedLayer::valid).collect(),
            last_uses: self.last_uses.clone(),
        }
    }

    /// The device that the weights are on, until they are packed.
    pub(crate) fn device(&self) -> Option<Device> {
        self.layers.first()?.device()
    }
}
