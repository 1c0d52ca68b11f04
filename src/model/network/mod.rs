//! The networks: raw L in; out come logits over the 313 ab bins at a quarter of the size, or ab
//! itself.
//!
//! A forward pass is a chain of steps, so that whoever runs it can report progress, let a
//! browser breathe, or stop in between. Tensor names in files are those of PyTorch modules; each
//! network knows how its own Burn paths map to them.

pub(crate) mod convolution;
mod eccv16;
pub(crate) mod layers;
pub(crate) mod lite;
pub(crate) mod named_values;
mod siggraph17;
mod trunk;
mod unet;

pub use eccv16::{Eccv16, Eccv16Config};
pub use lite::{EncoderStage, Lite, LiteConfig, Variant};
pub use siggraph17::{Siggraph17, Siggraph17Config};
pub use unet::{Unet, UnetConfig};

use crate::color::ab_bins;
use crate::kernels::operators;
use burn::prelude::*;
use burn::tensor::DType;
#[cfg(feature = "train")]
use named_values::GatherValues;
use named_values::{GatherShapes, SetValues};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which network, and at what widths: all that is needed to build it without weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "network", rename_all = "lowercase")]
pub enum NetworkConfig {
    /// The paper's network as released (docs/method.md#eccv16).
    Eccv16(Eccv16Config),
    /// The interactive successor as released (docs/method.md#siggraph17).
    Siggraph17(Siggraph17Config),
    /// Compact encoder and decoder with skips.
    Unet(UnetConfig),
    /// A pretrained encoder under a decoder with skips.
    Lite(LiteConfig),
}

impl NetworkConfig {
    /// The name in model files and on the command line.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Eccv16(_) => "eccv16",
            Self::Siggraph17(_) => "siggraph17",
            Self::Unet(_) => "unet",
            Self::Lite(_) => "lite",
        }
    }

    /// Recognises a network by the names and shapes of its tensors, in PyTorch's layout.
    #[must_use]
    pub fn recognise(shapes: &BTreeMap<String, Vec<usize>>) -> Option<Self> {
        Siggraph17Config::recognise(shapes)
            .map(Self::Siggraph17)
            .or_else(|| Eccv16Config::recognise(shapes).map(Self::Eccv16))
            .or_else(|| LiteConfig::recognise(shapes).map(Self::Lite))
            .or_else(|| UnetConfig::recognise(shapes).map(Self::Unet))
    }

    /// Whether the widths can be built at all.
    pub(crate) fn is_consistent(&self) -> bool {
        match self {
            Self::Eccv16(Eccv16Config { width, .. }) | Self::Siggraph17(Siggraph17Config { width }) => {
                (1..=trunk::MAX_WIDTH).contains(width)
            }
            Self::Unet(config) => config.is_consistent(),
            Self::Lite(config) => config.is_consistent(),
        }
    }

    /// What comes out.
    #[must_use]
    pub fn output(&self) -> Output {
        match self {
            Self::Eccv16(Eccv16Config { head, .. })
            | Self::Unet(UnetConfig { head, .. })
            | Self::Lite(LiteConfig { head, .. }) => head.output(),
            Self::Siggraph17(_) => Output::Chroma,
        }
    }

    /// Input pixels per cell of the output, along each axis.
    #[must_use]
    pub fn cell(&self) -> usize {
        match self {
            Self::Eccv16(_) | Self::Unet(_) | Self::Lite(_) => 4,
            Self::Siggraph17(_) => 1,
        }
    }

    /// Whether colours given for places of the photograph steer it.
    #[must_use]
    pub fn takes_hints(&self) -> bool {
        matches!(self, Self::Siggraph17(_))
    }

    /// The axis of a matrix that counts output channels: the second of a transposed convolution.
    #[must_use]
    pub fn output_axis(&self, tensor: &str) -> usize {
        let doubling: &[&str] = match self {
            Self::Eccv16(_) => &["model8.0.weight"],
            Self::Siggraph17(_) => &["model8up.0.weight", "model9up.0.weight", "model10up.0.weight"],
            Self::Unet(_) | Self::Lite(_) => &[],
        };
        usize::from(doubling.contains(&tensor))
    }

    /// Whether a matrix of this name and shape stays in 16 bits where the others get eight.
    pub(crate) fn is_delicate(&self, tensor: &str, shape: &[usize]) -> bool {
        matches!(self, Self::Lite(_)) && LiteConfig::is_delicate(tensor, shape)
    }

    /// Working width and height must be multiples of this.
    #[must_use]
    pub fn size_multiple(&self) -> usize {
        match self {
            Self::Eccv16(_) | Self::Siggraph17(_) => 8,
            Self::Unet(config) => config.size_multiple(),
            Self::Lite(_) => LiteConfig::SIZE_MULTIPLE,
        }
    }

    /// Where the deepest features are; `None` for a network that never narrows to them.
    #[cfg(feature = "train")]
    pub(crate) fn deepest(&self) -> Option<Deepest> {
        match self {
            Self::Eccv16(_) | Self::Siggraph17(_) => None,
            Self::Unet(config) => config.deepest(),
            Self::Lite(config) => Some(config.deepest()),
        }
    }

    /// Builds the network, its convolutions all zero: whoever wants other weights sets them.
    #[must_use]
    pub fn init(&self, device: &Device) -> Network {
        match self {
            Self::Eccv16(config) => Network::Eccv16(Box::new(config.init(device))),
            Self::Siggraph17(config) => Network::Siggraph17(Box::new(config.init(device))),
            Self::Unet(config) => Network::Unet(Box::new(config.init(device))),
            Self::Lite(config) => Network::Lite(Box::new(config.init(device))),
        }
    }
}

/// The step that leaves a network's deepest features, and how many channels they have.
#[cfg(feature = "train")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deepest {
    pub(crate) step: usize,
    pub(crate) channels: usize,
}

/// What a network predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Logits over the 313 ab bins, `[batch, 313, H/4, W/4]`.
    Logits,
    /// One colour for each cell of the output, `[batch, 2, H, W]` or `[batch, 2, H/4, W/4]`, CIE units.
    Chroma,
}

/// What a network ends with, at a quarter of the size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Head {
    /// Logits over the ab bins.
    #[default]
    Classification,
    /// ab / 110, for models trained on squared error.
    Regression,
}

impl Head {
    fn output(self) -> Output {
        match self {
            Self::Classification => Output::Logits,
            Self::Regression => Output::Chroma,
        }
    }

    /// Channels of the last layer.
    fn channels(self) -> usize {
        self.output().channels()
    }

    /// The head of a last layer with so many channels.
    fn of_channels(channels: usize) -> Option<Self> {
        [Self::Classification, Self::Regression].into_iter().find(|head| head.channels() == channels)
    }

    /// Whether it is what a network has when its configuration says nothing.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl Output {
    /// Channels of the output.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Self::Logits => ab_bins::COUNT,
            Self::Chroma => 2,
        }
    }
}

/// A network on its device.
#[derive(Debug)]
pub enum Network {
    /// See [`Eccv16`].
    Eccv16(Box<Eccv16>),
    /// See [`Siggraph17`].
    Siggraph17(Box<Siggraph17>),
    /// See [`Unet`].
    Unet(Box<Unet>),
    /// See [`Lite`].
    Lite(Box<Lite>),
}

/// What travels between two steps of a forward pass.
#[derive(Debug)]
pub struct Activations {
    /// The last step's output, `[batch, channels, height, width]`.
    x: Tensor<4>,
    /// Outputs that later steps look back at, oldest first.
    skips: Vec<Tensor<4>>,
}

impl Activations {
    /// What the last step left.
    #[must_use]
    pub fn output(&self) -> Tensor<4> {
        self.x.clone()
    }
}

macro_rules! each {
    ($network:expr, $n:ident => $body:expr) => {
        match $network {
            Network::Eccv16($n) => $body,
            Network::Siggraph17($n) => $body,
            Network::Unet($n) => $body,
            Network::Lite($n) => $body,
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
    /// multiples of [`NetworkConfig::size_multiple`]. `hints` `[batch, 3, H, W]` are a and b in CIE
    /// units and a mask, 1 where they hold and 0 (as a and b) elsewhere; a network that takes none
    /// ignores them.
    #[must_use]
    pub fn start(&self, lightness: Tensor<4>, hints: Option<Tensor<4>>) -> Activations {
        let [batch, _, height, width] = lightness.dims();
        if let Self::Lite(_) = self {
            // Gray as EfficientNet-Lite was shown colours: (byte - 127) / 128.
            let x = operators::affine(operators::gray(lightness), &[255.0 / 128.0], &[-127.0 / 128.0]);
            return Activations { x, skips: Vec::new() };
        }
        // The others were trained on L in this range (docs/method.md#network-input).
        // In two steps: as 0.01 L - 0.5, what is near 50 would lose digits.
        let mut x = operators::affine(operators::affine(lightness, &[1.0], &[-50.0]), &[0.01], &[0.0]);
        if let Self::Siggraph17(_) = self {
            let hints =
                hints.unwrap_or_else(|| operators::filled(0.0, [batch, 3, height, width], &x.device()));
            x = operators::join(x, operators::affine(hints, &[1.0 / 110.0, 1.0 / 110.0, 1.0], &[0.0]));
        }
        Activations { x, skips: Vec::new() }
    }

    /// Runs step `index` of [`Network::steps`].
    #[must_use]
    pub fn step(&self, index: usize, activations: Activations) -> Activations {
        each!(self, n => n.step(index, activations))
    }

    /// What the last step leaves; see [`Output`] for its shape.
    #[must_use]
    pub fn finish(&self, activations: Activations) -> Tensor<4> {
        let x = activations.x;
        match self {
            Self::Eccv16(_) | Self::Unet(_) | Self::Lite(_) if x.dims()[1] == 2 => {
                operators::affine(x, &[110.0], &[0.0])
            }
            _ => x,
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

    /// [`Network::forward_in`]; `see` gets the number of each step and what it left.
    pub(crate) fn forward_seen(
        &self,
        lightness: Tensor<4>,
        dtype: DType,
        mut see: impl FnMut(usize, &Tensor<4>),
    ) -> Tensor<4> {
        let Activations { x, skips } = self.start(lightness, None);
        let start = Activations { x: x.cast(dtype), skips };
        self.finish((0..self.steps()).fold(start, |activations, i| {
            let activations = self.step(i, activations);
            see(i, &activations.x);
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
    pub fn into_inference(self) -> Self {
        match self {
            Self::Eccv16(n) => Self::Eccv16(Box::new(n.into_inference())),
            Self::Siggraph17(n) => Self::Siggraph17(Box::new(n.into_inference())),
            Self::Unet(n) => Self::Unet(Box::new(n.into_inference())),
            Self::Lite(n) => Self::Lite(Box::new(n.into_inference())),
        }
    }

    /// Name and shape in files of every tensor. Weights that were not set yet take no memory.
    pub(crate) fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        let named = |(path, shape): (String, Vec<usize>)| (self.file_name(&path), shape);
        self.paths().into_iter().map(named).collect()
    }

    /// Every tensor as files have it: name, shape and values in PyTorch's layout. For a network off
    /// the tape.
    #[cfg(feature = "train")]
    pub(crate) fn export(&self) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        let mut gather = GatherValues::default();
        each!(self, n => n.visit(&mut gather));
        self.paths()
            .into_iter()
            .zip(gather.found)
            .map(|((path, shape), values)| (self.file_name(&path), shape, values))
            .collect()
    }

    /// Burn's path and PyTorch's shape of every tensor.
    fn paths(&self) -> Vec<(String, Vec<usize>)> {
        let mut gather = GatherShapes::default();
        each!(self, n => n.visit(&mut gather));
        gather.found
    }

    fn file_name(&self, path: &str) -> String {
        let path = convolution::without_layer(path);
        each!(self, n => n.file_name(&path)).unwrap_or(path)
    }

    /// Puts values, named and laid out as in files, into the network.
    ///
    /// # Errors
    /// What is missing, and what has another length.
    pub(crate) fn load(self, values: BTreeMap<String, Vec<f32>>) -> Result<Self, String> {
        let paths = self.paths().into_iter().map(|(path, _)| (self.file_name(&path), path));
        let paths: BTreeMap<String, String> = paths.collect();
        let by_path =
            values.into_iter().filter_map(|(name, values)| Some((paths.get(&name)?.clone(), values)));
        let mut set = SetValues::new(by_path.collect());
        let network = match self {
            Self::Eccv16(n) => Self::Eccv16(Box::new(n.map(&mut set))),
            Self::Siggraph17(n) => Self::Siggraph17(Box::new(n.map(&mut set))),
            Self::Unet(n) => Self::Unet(Box::new(n.map(&mut set))),
            Self::Lite(n) => Self::Lite(Box::new(n.map(&mut set))),
        };
        set.unfit.first().map_or(Ok(network), |unfit| Err(unfit.clone()))
    }
}
