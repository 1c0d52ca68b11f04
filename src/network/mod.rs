//! The networks: raw L in, logits over the 313 ab bins at a quarter of the size out.
//!
//! A forward pass is a chain of steps, so that whoever runs it can report progress, let a
//! browser breathe, or stop in between. Tensor names in files are those of PyTorch modules; each
//! network knows how its own Burn paths map to them.

mod eccv16;
mod layers;
mod unet;

pub use eccv16::{Eccv16, Eccv16Config};
pub use unet::{Unet, UnetConfig};

use burn::nn::Initializer;
use burn::prelude::*;
use burn_store::burn_pack::Tensor as StoredTensor;
use burn_store::{BurnToPyTorchAdapter, ModuleSnapshot, PyTorchToBurnAdapter};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which network, and at what widths: all that is needed to build it without weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "network", rename_all = "lowercase")]
pub enum NetworkConfig {
    /// The paper's network as released (SPEC section 6).
    Eccv16(Eccv16Config),
    /// Compact encoder and decoder with skips.
    Unet(UnetConfig),
}

impl NetworkConfig {
    /// The name in model files and on the command line.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Eccv16(_) => "eccv16",
            Self::Unet(_) => "unet",
        }
    }

    /// Recognises a network by the names and shapes of its tensors, in PyTorch's layout.
    #[must_use]
    pub fn recognise(shapes: &BTreeMap<String, Vec<usize>>) -> Option<Self> {
        Eccv16Config::recognise(shapes)
            .map(Self::Eccv16)
            .or_else(|| UnetConfig::recognise(shapes).map(Self::Unet))
    }

    /// Working width and height must be multiples of this.
    #[must_use]
    pub fn size_multiple(&self) -> usize {
        match self {
            Self::Eccv16(_) => 8,
            Self::Unet(config) => config.size_multiple(),
        }
    }

    /// Builds the network; `initializer` fills its convolutions.
    #[must_use]
    pub fn init(&self, initializer: &Initializer, device: &Device) -> Network {
        match self {
            Self::Eccv16(config) => Network::Eccv16(Box::new(config.init(initializer, device))),
            Self::Unet(config) => Network::Unet(Box::new(config.init(initializer, device))),
        }
    }
}

/// A network on its device.
#[derive(Debug)]
pub enum Network {
    /// See [`Eccv16`].
    Eccv16(Box<Eccv16>),
    /// See [`Unet`].
    Unet(Box<Unet>),
}

/// What travels between two steps of a forward pass.
#[derive(Debug)]
pub struct Activations {
    /// The last step's output, `[batch, channels, height, width]`.
    x: Tensor<4>,
    /// Outputs that later steps look back at, oldest first.
    skips: Vec<Tensor<4>>,
}

macro_rules! each {
    ($network:expr, $n:ident => $body:expr) => {
        match $network {
            Network::Eccv16($n) => $body,
            Network::Unet($n) => $body,
        }
    };
}

impl Network {
    /// Steps of a forward pass.
    #[must_use]
    pub fn steps(&self) -> usize {
        each!(self, n => n.steps())
    }

    /// What the first step works on. `lightness` is raw L (0…100), `[batch, 1, H, W]`, H and W
    /// multiples of [`NetworkConfig::size_multiple`].
    #[must_use]
    pub fn start(&self, lightness: Tensor<4>) -> Activations {
        // Both networks were trained on L in this range (SPEC section 1).
        Activations { x: (lightness - 50.0) / 100.0, skips: Vec::new() }
    }

    /// Runs step `index` of [`Network::steps`].
    #[must_use]
    pub fn step(&self, index: usize, activations: Activations) -> Activations {
        each!(self, n => n.step(index, activations))
    }

    /// What the last step leaves: logits `[batch, 313, H/4, W/4]`.
    #[must_use]
    pub fn finish(&self, activations: Activations) -> Tensor<4> {
        activations.x
    }

    /// The whole forward pass at once; see [`Network::start`] and [`Network::finish`] for shapes.
    #[must_use]
    pub fn forward(&self, lightness: Tensor<4>) -> Tensor<4> {
        let start = self.start(lightness);
        self.finish((0..self.steps()).fold(start, |activations, i| self.step(i, activations)))
    }

    /// Folds every normalisation into its convolution where that is exact. For inference only.
    #[must_use]
    pub fn into_inference(self) -> Self {
        match self {
            // The paper's BatchNorm stands after the ReLU and before zero padding: its shift
            // cannot move into the next convolution (PITFALLS 23).
            Self::Eccv16(n) => Self::Eccv16(n),
            Self::Unet(n) => Self::Unet(Box::new(n.fold_norms())),
        }
    }

    /// Every tensor of the network under its name in files, with PyTorch's layout. Values are
    /// read from the device only when asked for.
    pub(crate) fn tensors(&self) -> Vec<StoredTensor> {
        let mut tensors = each!(self, n => n.collect(None, Some(Box::new(BurnToPyTorchAdapter)), true));
        tensors.retain(|tensor| !tensor.name.ends_with(".training"));
        for tensor in &mut tensors {
            tensor.name = self.file_name(&tensor.name);
        }
        tensors
    }

    fn file_name(&self, path: &str) -> String {
        each!(self, n => n.file_name(path))
    }

    /// Puts tensors, named and laid out as in files, into the network. Returns what Burn says
    /// of those that did not fit.
    pub(crate) fn load(&mut self, mut tensors: Vec<StoredTensor>) -> Result<(), String> {
        let paths: BTreeMap<String, String> = {
            let own = each!(&*self, n => n.collect(None, Some(Box::new(BurnToPyTorchAdapter)), true));
            own.into_iter().map(|tensor| (self.file_name(&tensor.name), tensor.name)).collect()
        };
        for tensor in &mut tensors {
            if let Some(path) = paths.get(&tensor.name) {
                tensor.name.clone_from(path);
            }
        }
        let result = each!(self, n => n.apply(tensors, None, Some(Box::new(PyTorchToBurnAdapter)), true));
        match result.errors.first() {
            Some(error) => Err(error.to_string()),
            None => match result.missing.iter().find(|(path, _)| !path.ends_with(".training")) {
                Some((path, _)) => Err(format!("{path} is missing")),
                None => Ok(()),
            },
        }
    }
}
