//! The model file: safetensors with PyTorch's names and layouts, and string metadata.
//!
//! | key | value |
//! |---|---|
//! | `autochrome.format` | version of this table, `1` |
//! | `autochrome.network` | the network and its widths, JSON |
//! | `autochrome.precision` | `f32`, `f16` or `int8`: how matrices are stored; vectors are always f32 |
//! | `autochrome.logit_scale` | divisor of the network's logits, so that T means one thing |
//! | `autochrome.working_size` | short side the photograph is resized to |
//! | `autochrome.temperature`, `autochrome.rebalance` | the model's defaults; absent: 0.38 and 1 |
//! | `autochrome.bins` | SHA-256 of the ab bins |
//! | `autochrome.trained_on`, `autochrome.license`, `autochrome.created_by` | for people |
//!
//! The tensor `autochrome.class_weights` `[313]` holds the weights of a model that was trained
//! with class rebalancing. In `int8` a matrix `NAME` has its scales beside it as `NAME.scale`, f32,
//! of length 1 along all axes but the one that counts output channels; the product of both is the
//! matrix. Few matrices that eight bits would harm are f16 in such a file.

mod download;
#[cfg(feature = "train")]
mod encoder;
mod int8;
mod read;
mod write;

pub use download::{MAX_FILE, ModelDownload};
#[cfg(feature = "train")]
pub use encoder::EncoderFile;

use crate::color::ab_bins;
use crate::error::{Error, Result};
use crate::model::checkpoint::Format;
use crate::model::network::{Network, NetworkConfig};
use burn::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Version of the format that this build reads and writes.
pub const FORMAT: &str = "1";

/// Prefix of every metadata key and tensor that is ours.
const PREFIX: &str = "autochrome.";

/// The metadata key of a file that holds no model but an encoder to begin one with.
pub(crate) const ENCODER: &str = "autochrome.encoder";

/// The metadata key of a file that holds no model but a classifier of photographs.
pub(crate) const CLASSIFIER: &str = "autochrome.classifier";

/// The tensor of class weights.
const CLASS_WEIGHTS: &str = "autochrome.class_weights";

/// How the matrices of a model are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// 16-bit floats, widened when loaded.
    F16,
    /// Signed bytes with a scale for each output channel, widened when loaded.
    Int8,
}

impl Precision {
    /// All of them, the most exact first.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Int8];

    /// The name in files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        }
    }
}

/// The metadata of a model file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metadata {
    /// The network and its widths.
    #[serde(flatten)]
    pub network: NetworkConfig,
    /// How matrices are stored in the file it was read from.
    pub precision: Precision,
    /// Divisor of the network's logits.
    pub logit_scale: f32,
    /// Short side, in pixels, that photographs are resized to.
    pub working_size: usize,
    /// Default temperature of the annealed mean.
    pub temperature: f32,
    /// Default share of the class rebalancing that is kept.
    pub rebalance: f32,
    /// The photographs it was trained on.
    pub trained_on: String,
    /// Terms of use.
    pub license: String,
    /// Program and version that wrote the file.
    pub created_by: String,
}

impl Metadata {
    /// The paper's settings for a network of which nothing more is known.
    #[must_use]
    pub fn for_network(network: NetworkConfig) -> Self {
        Self {
            network,
            precision: Precision::F32,
            logit_scale: 1.0,
            working_size: 256,
            temperature: ab_bins::PAPER_TEMPERATURE,
            rebalance: 1.0,
            trained_on: String::new(),
            license: String::new(),
            created_by: String::new(),
        }
    }
}

/// One tensor on the host: PyTorch's layout, row-major, widened to f32.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// The elements.
    pub values: Vec<f32>,
}

/// A model in host memory: read from a file, checked, not yet on a device.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFile {
    /// The file's metadata.
    pub metadata: Metadata,
    /// Tensors of the network by name.
    pub tensors: BTreeMap<String, HostTensor>,
    /// The 313 weights it was trained with, if it was rebalanced.
    pub class_weights: Option<Vec<f32>>,
    /// Where it was read from; `None` for a model made in memory.
    pub origin: Option<Origin>,
}

/// The file that a model was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file's format.
    pub format: Format,
    /// Prefix of the network's tensors: keys of dictionaries and `module.`
    pub prefix: String,
    /// Tensors that are no part of the network, named so that nothing is dropped in silence.
    /// BatchNorm's `num_batches_tracked` and the bins as weights (compared with ours) are expected
    /// and not listed.
    pub unused: Vec<String>,
}

impl ModelFile {
    /// Builds the network on a device, ready for inference. Takes the model, so that each tensor's
    /// memory is free as soon as the device has it.
    ///
    /// # Errors
    /// [`Error::ModelTensors`] where tensors are missing or misshaped.
    pub fn build(self, device: &Device) -> Result<Network> {
        self.assemble(device).map(Network::into_inference)
    }

    /// Builds the network as it is trained, nothing folded. See [`ModelFile::build`].
    pub(crate) fn assemble(self, device: &Device) -> Result<Network> {
        let network = self.metadata.network.init(device);
        let found = self.tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone())).collect();
        read::check_shapes(&self.metadata.network, &self.metadata.network.architecture().tensors(), &found)?;
        let name = self.metadata.network.name();
        let values = self.tensors.into_iter().map(|(name, tensor)| (name, tensor.values)).collect();
        network
            .load(values)
            .map_err(|differences| Error::ModelTensors { network: name.to_owned(), differences })
    }

    /// Number of weights.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.tensors.values().map(|tensor| tensor.values.len()).sum()
    }
}

/// SHA-256 of a file, as manifests name it.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
