//! A network with what it has only while it learns: a head that says what photographs show, taught
//! beside the colours (Iizuka et al. 2016, "Let there be Color!"). It reads the mean of the deepest
//! features, so that what tells scenes and objects apart finds a place there. Model files have no head.

use super::initial_weights;
use super::tape::Trainable;
use crate::kernels::operators;
use crate::model::network::convolution::{Layer, Then, linear};
use crate::model::network::{Network, NetworkConfig};
use burn::module::{Module, ModuleMapper, ModuleVisitor};
use burn::nn::Linear;
use burn::prelude::*;
use burn::tensor::DType;

/// The head's name in paths.
const NAME: &str = "labels";

/// All that is needed to build one without weights.
#[derive(Clone, Debug)]
pub(super) struct PupilConfig {
    /// The network that is kept.
    pub(super) network: NetworkConfig,
    /// Labels that the head tells apart; 0 for no head.
    pub(super) labels: usize,
}

/// A network and its head.
#[derive(Debug)]
pub(super) struct Pupil {
    pub(super) network: Network,
    head: Option<Head>,
}

/// A logit for each label.
#[derive(Debug)]
struct Head {
    /// The step of the network whose output it reads.
    reads: usize,
    layer: Layer<Linear>,
}

impl PupilConfig {
    /// Whether there are deepest features to read, where there is a head.
    pub(super) fn is_consistent(&self) -> bool {
        self.labels == 0 || self.network.deepest().is_some()
    }

    /// All weights zero.
    pub(super) fn init(&self, device: &Device) -> Pupil {
        Pupil { network: self.network.init(device), head: self.head(device) }
    }

    /// Around a network that has its weights: those of the head are drawn from `seed`.
    pub(super) fn around(&self, network: Network, seed: u64, device: &Device) -> Pupil {
        let drawn = |head| initial_weights::draw(head, initial_weights::LINEAR, seed);
        Pupil { network, head: self.head(device).map(drawn) }
    }

    fn head(&self, device: &Device) -> Option<Head> {
        let deepest = self.network.deepest().filter(|_| self.labels > 0)?;
        Some(Head { reads: deepest.step, layer: linear(deepest.channels, self.labels, device) })
    }
}

impl Pupil {
    /// What [`Network::forward_in`] gives and, where it is `asked` for and there is a head, logits over
    /// the labels, `[batch, labels, 1, 1]` in f32.
    pub(super) fn forward(
        &self,
        lightness: Tensor<4>,
        dtype: DType,
        asked: bool,
    ) -> (Tensor<4>, Option<Tensor<4>>) {
        let head = self.head.as_ref().filter(|_| asked);
        let mut logits = None;
        let output = self.network.forward_seen(lightness, dtype, |step, features| {
            if let Some(head) = head.filter(|head| head.reads == step) {
                let mean = operators::mean_of_places(features.clone().cast(DType::F32));
                logits = Some(head.layer.forward(mean, Then::default()));
            }
        });
        (output, logits)
    }
}

impl Trainable for Head {
    fn visit(&self, visitor: &mut impl ModuleVisitor) {
        visitor.enter_module(NAME, "");
        self.layer.visit(visitor);
        visitor.exit_module(NAME, "");
    }

    fn map(self, mapper: &mut impl ModuleMapper) -> Self {
        mapper.enter_module(NAME, "");
        let layer = self.layer.map(mapper);
        mapper.exit_module(NAME, "");
        Self { layer, ..self }
    }

    fn train(self) -> Self {
        Self { layer: self.layer.train(), ..self }
    }

    fn valid(&self) -> Self {
        Self { layer: self.layer.valid(), ..*self }
    }
}

impl Trainable for Pupil {
    fn visit(&self, visitor: &mut impl ModuleVisitor) {
        self.network.visit(visitor);
        if let Some(head) = &self.head {
            head.visit(visitor);
        }
    }

    fn map(self, mapper: &mut impl ModuleMapper) -> Self {
        Self { network: self.network.map(mapper), head: self.head.map(|head| head.map(mapper)) }
    }

    fn train(self) -> Self {
        Self { network: self.network.train(), head: self.head.map(Head::train) }
    }

    fn valid(&self) -> Self {
        Self { network: self.network.valid(), head: self.head.as_ref().map(Head::valid) }
    }
}
