//! A network with an auxiliary classification head, which it has in training only (Iizuka et
//! al. 2016). The head classifies photographs by the mean of the deepest features, so that these
//! learn to tell scenes and objects apart. Model files have no head.

use super::initial_weights;
use super::tape::Trainable;
use crate::kernels::operators;
use crate::model::network::weighted_layer::WeightedLayer;
use crate::model::network::{Layer, Network, NetworkConfig};
use burn::module::{ModuleMapper, ModuleVisitor};
use burn::prelude::*;
use burn::tensor::DType;

/// The head's name in the names of tensors.
const HEAD_NAME: &str = "labels";

/// Architecture of a network and its head.
#[derive(Clone, Debug)]
pub(super) struct NetworkWithHeadConfig {
    /// The network that becomes the model.
    pub(super) network: NetworkConfig,
    /// Number of labels that the head tells apart; 0 for no head.
    pub(super) labels: usize,
}

/// A network and its head.
#[derive(Debug)]
pub(super) struct NetworkWithHead {
    pub(super) base: Network,
    head: Option<LabelHead>,
}

/// A linear layer with a logit for each label.
#[derive(Debug)]
struct LabelHead {
    /// The step of the network whose output is the layer's input.
    input_step: usize,
    layer: Layer,
    weights: WeightedLayer,
}

impl NetworkWithHeadConfig {
    /// Whether the network has deepest features, which a head needs; always true without a head.
    pub(super) fn is_consistent(&self) -> bool {
        self.labels == 0 || self.network.deepest().is_some()
    }

    /// The network and its head, all weights zero.
    pub(super) fn init(&self, device: &Device) -> NetworkWithHead {
        NetworkWithHead { base: self.network.init(device), head: self.head(device) }
    }

    /// A network that has its weights, with a head whose weights are drawn from `seed`.
    pub(super) fn with_random_head(&self, base: Network, seed: u64, device: &Device) -> NetworkWithHead {
        let drawn = |head| initial_weights::draw(head, initial_weights::LINEAR, seed);
        NetworkWithHead { base, head: self.head(device).map(drawn) }
    }

    fn head(&self, device: &Device) -> Option<LabelHead> {
        let deepest = self.network.deepest().filter(|_| self.labels > 0)?;
        let layer = Layer::linear(HEAD_NAME, deepest.channels, self.labels);
        Some(LabelHead { input_step: deepest.step, weights: WeightedLayer::new(&layer, device), layer })
    }
}

impl NetworkWithHead {
    /// The output of [`Network::forward_in`] and, if `with_labels` and there is a head, logits of the labels,
    /// `[batch, labels, 1, 1]` in f32.
    pub(super) fn forward(
        &self,
        lightness: Tensor<4>,
        dtype: DType,
        with_labels: bool,
    ) -> (Tensor<4>, Option<Tensor<4>>) {
        let head = self.head.as_ref().filter(|_| with_labels);
        let mut logits = None;
        let output = self.base.forward_seen(lightness, dtype, |step, features| {
            if let Some(head) = head.filter(|head| head.input_step == step) {
                let mean = operators::mean_of_places(features.clone().cast(DType::F32));
                logits = Some(head.weights.forward(&head.layer, mean, None));
            }
        });
        (output, logits)
    }
}

impl Trainable for LabelHead {
    fn visit(&self, visitor: &mut impl ModuleVisitor) {
        self.weights.visit(&self.layer, visitor);
    }

    fn map(self, mapper: &mut impl ModuleMapper) -> Self {
        let weights = self.weights.map(&self.layer, mapper);
        Self { weights, ..self }
    }

    fn train(self) -> Self {
        Self { weights: self.weights.train(), ..self }
    }

    fn valid(&self) -> Self {
        Self { input_step: self.input_step, layer: self.layer.clone(), weights: self.weights.valid() }
    }
}

impl Trainable for NetworkWithHead {
    fn visit(&self, visitor: &mut impl ModuleVisitor) {
        self.base.visit(visitor);
        if let Some(head) = &self.head {
            head.visit(visitor);
        }
    }

    fn map(self, mapper: &mut impl ModuleMapper) -> Self {
        Self { base: self.base.map(mapper), head: self.head.map(|head| head.map(mapper)) }
    }

    fn train(self) -> Self {
        Self { base: self.base.train(), head: self.head.map(LabelHead::train) }
    }

    fn valid(&self) -> Self {
        Self { base: self.base.valid(), head: self.head.as_ref().map(LabelHead::valid) }
    }
}
