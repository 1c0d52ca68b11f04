//! Networks that a run starts with.

use crate::error::{Error, Result};
use crate::model::network::{Network, NetworkConfig};
use crate::model::weights::{EncoderFile, HostTensor, Metadata, ModelFile};
use crate::training::initial_weights;
use burn::prelude::*;
use std::collections::BTreeMap;

/// A network with the random weights of `drawn`, except for its encoder, which is that of a file.
pub(super) fn with_encoder(
    encoder: EncoderFile,
    config: &NetworkConfig,
    drawn: &Network,
    device: &Device,
) -> Result<Network> {
    let tensors = drawn.export().into_iter();
    let mut tensors: BTreeMap<String, HostTensor> =
        tensors.map(|(name, shape, values)| (name, HostTensor { shape, values })).collect();
    let fits = matches!(config, NetworkConfig::Lite(config) if config.variant == encoder.variant);
    if !fits {
        return Err(Error::Parameter {
            name: "encoder",
            value: encoder.variant.name().to_owned(),
            range: "the encoder of the network: one of the same variant for a lite, none for others",
        });
    }
    tensors.extend(encoder.tensors);
    let metadata = Metadata::for_network(config.clone());
    ModelFile { metadata, tensors, class_weights: None, origin: None }.assemble(device)
}

/// A network with the weights of a model.
pub(super) fn from_model(
    model: ModelFile,
    config: &NetworkConfig,
    seed: u64,
    device: &Device,
) -> Result<Network> {
    let mut fresh = None;
    let own = config.architecture().tensors();
    let mut tensors = model.tensors;
    // The last layers of a network for another objective are drawn at random; all other weights are kept.
    for (name, shape) in &own {
        let fits = tensors.get(name).is_some_and(|tensor| tensor.shape == *shape);
        if !fits && model.metadata.network.output() != config.output() {
            let fresh = fresh.get_or_insert_with(|| {
                let blank = config.init(device);
                let exported = initial_weights::draw(blank, initial_weights::LINEAR, seed).export();
                let host = |(name, shape, values)| (name, HostTensor { shape, values });
                exported.into_iter().map(host).collect::<BTreeMap<_, _>>()
            });
            if let Some(tensor) = fresh.remove(name) {
                tensors.insert(name.clone(), tensor);
            }
        }
    }
    let metadata = Metadata { network: config.clone(), ..model.metadata };
    ModelFile { metadata, tensors, ..model }.assemble(device)
}
