//! The networks: raw L in; out come logits over the 313 ab bins at a quarter of the size, or ab
//! itself.
//!
//! Each is described once, as an [`Architecture`], from which come the forward pass, the tensors of its
//! files (named as in PyTorch's modules) and the ONNX writer's graph. A forward pass is a chain of steps,
//! so that the caller can report progress, let a browser breathe, or stop in between.

pub(crate) mod architecture;
pub(crate) mod blocks;
mod eccv16;
mod forward;
pub(crate) mod lite;
pub(crate) mod named_values;
mod siggraph17;
mod unet;
pub(crate) mod weighted_layer;

pub use architecture::{Addend, Architecture, Input, Layer, LayerKind, Norm, Operation, Value};
pub use eccv16::Eccv16Config;
pub use forward::{Activations, Network};
pub use lite::{EncoderStage, LiteConfig, Variant};
pub use siggraph17::Siggraph17Config;
pub use unet::UnetConfig;

use crate::color::ab_bins;
#[cfg(feature = "train")]
use crate::error::{Error, Result};
use burn::prelude::Device;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A network's kind and widths: enough to build it without weights.
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
    pub fn recognize(shapes: &BTreeMap<String, Vec<usize>>) -> Option<Self> {
        Siggraph17Config::recognize(shapes)
            .map(Self::Siggraph17)
            .or_else(|| Eccv16Config::recognize(shapes).map(Self::Eccv16))
            .or_else(|| LiteConfig::recognize(shapes).map(Self::Lite))
            .or_else(|| UnetConfig::recognize(shapes).map(Self::Unet))
    }

    /// Whether the widths can be built at all.
    pub(crate) fn is_consistent(&self) -> bool {
        match self {
            Self::Eccv16(Eccv16Config { width, .. }) | Self::Siggraph17(Siggraph17Config { width }) => {
                (1..=blocks::MAX_WIDTH).contains(width)
            }
            Self::Unet(config) => config.is_consistent(),
            Self::Lite(config) => config.is_consistent(),
        }
    }

    /// Whether the widths can be built, and which of them cannot.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the first field that is out of its range.
    #[cfg(feature = "train")]
    pub fn check(&self) -> Result<()> {
        let refuse = |name, value: String, range| Err(Error::Parameter { name, value, range });
        let fits = |width: &usize| (1..=4096).contains(width);
        match self {
            Self::Eccv16(Eccv16Config { width, .. }) | Self::Siggraph17(Siggraph17Config { width }) => {
                if !(1..=blocks::MAX_WIDTH).contains(width) {
                    return refuse("width", width.to_string(), "from 1 to 1024");
                }
            }
            Self::Unet(UnetConfig { stem, encoder, blocks, decoder, .. }) => {
                if !fits(stem) {
                    return refuse("stem", stem.to_string(), "from 1 to 4096");
                }
                if !(2..=8).contains(&encoder.len()) || !encoder.iter().all(fits) {
                    return refuse("encoder", format!("{encoder:?}"), "two to eight numbers from 1 to 4096");
                }
                if blocks.len() != encoder.len() || blocks.iter().any(|count| *count > 64) {
                    return refuse(
                        "blocks",
                        format!("{blocks:?}"),
                        "a number up to 64 for each of `encoder`",
                    );
                }
                if decoder.len() + 1 != encoder.len() || !decoder.iter().all(fits) {
                    let range = "numbers from 1 to 4096, one fewer than `encoder` has";
                    return refuse("decoder", format!("{decoder:?}"), range);
                }
            }
            Self::Lite(LiteConfig { decoder, .. }) => {
                if !decoder.iter().all(fits) {
                    return refuse("decoder", format!("{decoder:?}"), "three numbers from 1 to 4096");
                }
            }
        }
        Ok(())
    }

    /// Number of weights, vectors of norms among them.
    #[cfg(feature = "train")]
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.architecture().tensors().values().map(|shape| shape.iter().product::<usize>()).sum()
    }

    /// The kind of its output.
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

    /// Whether it takes hints: colours given for places of the photograph.
    #[must_use]
    pub fn takes_hints(&self) -> bool {
        matches!(self, Self::Siggraph17(_))
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

    /// The step with the deepest features; `None` for a network that never narrows to them.
    #[cfg(feature = "train")]
    pub(crate) fn deepest(&self) -> Option<Deepest> {
        match self {
            Self::Eccv16(_) | Self::Siggraph17(_) => None,
            Self::Unet(config) => config.deepest(),
            Self::Lite(config) => Some(config.deepest()),
        }
    }

    /// Layers and operations at these widths.
    #[must_use]
    pub fn architecture(&self) -> Architecture {
        match self {
            Self::Eccv16(config) => config.architecture(),
            Self::Siggraph17(config) => config.architecture(),
            Self::Unet(config) => config.architecture(),
            Self::Lite(config) => config.architecture(),
        }
    }

    /// Builds the network, its weights zero until they are loaded or drawn.
    #[must_use]
    pub fn init(&self, device: &Device) -> Network {
        Network::new(self.architecture(), device)
    }
}

/// The step that leaves a network's deepest features, and how many channels they have.
#[cfg(feature = "train")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deepest {
    pub(crate) step: usize,
    pub(crate) channels: usize,
}

/// The prediction of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Logits over the 313 ab bins, `[batch, 313, H/4, W/4]`.
    Logits,
    /// One colour for each cell of the output, `[batch, 2, H, W]` or `[batch, 2, H/4, W/4]`, CIE units.
    Chroma,
}

/// The last layer of a network, at a quarter of the size.
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

    /// Factor of the last layer's output.
    fn scale(self) -> f32 {
        match self {
            Self::Classification => 1.0,
            Self::Regression => 110.0,
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

    /// Whether it is the default, which configurations leave out.
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

#[cfg(all(test, feature = "train"))]
mod tests {
    use super::*;

    #[test]
    fn the_check_refuses_what_no_model_file_may_hold() {
        let unet = |stem, encoder: &[usize], blocks: &[usize], decoder: &[usize]| {
            let (encoder, blocks, decoder) = (encoder.to_vec(), blocks.to_vec(), decoder.to_vec());
            NetworkConfig::Unet(UnetConfig { stem, encoder, blocks, decoder, head: Head::Classification })
        };
        let lite = |decoder| {
            let (variant, head) = (Variant::Lite0, Head::Classification);
            NetworkConfig::Lite(LiteConfig { variant, decoder, head })
        };
        let eccv16 = |width| NetworkConfig::Eccv16(Eccv16Config { width, head: Head::Classification });
        for (network, refused) in [
            (unet(4, &[6, 8], &[1, 0], &[8]), None),
            (unet(0, &[6, 8], &[1, 1], &[8]), Some("stem")),
            (unet(4, &[6], &[1], &[]), Some("encoder")),
            (unet(4, &[6, 8192], &[1, 1], &[8]), Some("encoder")),
            (unet(4, &[6, 8], &[1], &[8]), Some("blocks")),
            (unet(4, &[6, 8], &[1, 65], &[8]), Some("blocks")),
            (unet(4, &[6, 8], &[1, 1], &[8, 8]), Some("decoder")),
            (unet(4, &[6, 8], &[1, 1], &[0]), Some("decoder")),
            (lite([4, 4, 4]), None),
            (lite([4, 0, 4]), Some("decoder")),
            (eccv16(64), None),
            (eccv16(2000), Some("width")),
        ] {
            assert_eq!(network.is_consistent(), refused.is_none(), "{network:?}");
            match network.check() {
                Ok(()) => assert_eq!(refused, None, "{network:?}"),
                Err(error) => {
                    let (text, name) = (error.to_string(), refused.unwrap());
                    assert!(text.starts_with(&format!("{name} is ")), "{text}");
                }
            }
        }
        assert!(eccv16(64).parameters() > 30_000_000);
    }
}
