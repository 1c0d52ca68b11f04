//! How a network learns whose encoder knows things already: the encoder slowly, its first stages and
//! its depthwise kernels not at all. Edges and textures are the same in any photograph, and gradients of
//! depthwise kernels cost libtorch far more than they bring.

use crate::error::{Error, Result};
use crate::model::network::NetworkConfig;
use serde::{Deserialize, Serialize};

/// What of a pretrained encoder learns, and how fast. For a lite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncoderLearning {
    /// The encoder's learning rate, as a share of the decoder's [0.25].
    pub rate: f64,
    /// How many of the encoder's seven stages stand still, and the stem with them if there are any [3].
    pub still: usize,
    /// Whether depthwise kernels learn [false].
    pub depthwise: bool,
}

impl Default for EncoderLearning {
    fn default() -> Self {
        Self { rate: 0.25, still: 3, depthwise: false }
    }
}

/// [`EncoderLearning`] in Burn's paths of a network.
#[derive(Clone, Debug, Default)]
pub(super) struct EncoderPaths {
    rate: Option<f64>,
    /// Blocks that stand still.
    blocks: usize,
    depthwise: bool,
}

impl EncoderPaths {
    /// Everything learns alike where there is no `learning`.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a network without such an encoder, and for numbers out of range.
    pub(super) fn new(learning: Option<&EncoderLearning>, network: &NetworkConfig) -> Result<Self> {
        let Some(EncoderLearning { rate, still, depthwise }) = learning else { return Ok(Self::default()) };
        let refuse = |name, value: String, range| Err(Error::Parameter { name, value, range });
        let NetworkConfig::Lite(config) = network else {
            return refuse(
                "encoder",
                network.name().to_owned(),
                "a lite: others have no encoder of their own",
            );
        };
        let stages = config.variant.stages();
        if !(0.0..=1.0).contains(rate) {
            return refuse("encoder.rate", rate.to_string(), "from 0 to 1");
        }
        if *still > stages.len() {
            return refuse("encoder.still", still.to_string(), "from 0 to 7");
        }
        let blocks = stages[..*still].iter().map(|stage| stage.blocks).sum();
        Ok(Self { rate: Some(*rate), blocks, depthwise: *depthwise })
    }

    /// Whether the tensor (or norm) at this path keeps its values.
    pub(super) fn stands_still(&self, path: &str) -> bool {
        let Some(path) = self.within(path) else { return false };
        let mut parts = path.split('.');
        match parts.next() {
            Some("stem") => self.blocks > 0,
            Some("blocks") => {
                let number: Option<usize> = parts.next().and_then(|number| number.parse().ok());
                let kernel = parts.next() == Some("depthwise") && parts.next() == Some("conv");
                number.is_some_and(|number| number < self.blocks) || kernel && !self.depthwise
            }
            _ => false,
        }
    }

    /// What the learning rate is multiplied by at this path.
    pub(super) fn rate(&self, path: &str) -> f64 {
        self.within(path).and(self.rate).unwrap_or(1.0)
    }

    /// The path within the encoder, where there is one that learns by itself.
    fn within<'a>(&self, path: &'a str) -> Option<&'a str> {
        self.rate.and(path.strip_prefix("encoder."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::network::{Head, LiteConfig, UnetConfig, Variant};

    fn lite() -> NetworkConfig {
        let (variant, decoder) = (Variant::Lite0, [4, 4, 4]);
        NetworkConfig::Lite(LiteConfig { variant, decoder, head: Head::Classification })
    }

    #[test]
    fn what_stands_still_and_what_is_slow() {
        // Two stages of lite0 are three blocks.
        let learning = EncoderLearning { rate: 0.5, still: 2, depthwise: false };
        let paths = EncoderPaths::new(Some(&learning), &lite()).unwrap();
        for (path, still, rate) in [
            ("encoder.stem.conv.weight", true, 0.5),
            ("encoder.blocks.2.project.norm.gamma", true, 0.5),
            ("encoder.blocks.3.project.norm.gamma", false, 0.5),
            ("encoder.blocks.3.depthwise.conv.weight", true, 0.5),
            ("encoder.blocks.3.depthwise.norm.gamma", false, 0.5),
            ("encoder.head.conv.weight", false, 0.5),
            ("decoder.0.block.a.conv.weight", false, 1.0),
            ("logits.weight", false, 1.0),
        ] {
            assert_eq!((paths.stands_still(path), paths.rate(path)), (still, rate), "{path}");
        }
        let all = EncoderPaths::new(None, &lite()).unwrap();
        assert!(!all.stands_still("encoder.stem.conv.weight") && all.rate("encoder.stem.conv.weight") == 1.0);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let unet = UnetConfig {
            stem: 2,
            encoder: vec![2, 2],
            blocks: vec![1, 1],
            decoder: vec![2],
            head: Head::Classification,
        };
        let usual = EncoderLearning::default();
        assert!(EncoderPaths::new(Some(&usual), &NetworkConfig::Unet(unet)).is_err());
        for wrong in [EncoderLearning { rate: 1.5, ..usual.clone() }, EncoderLearning { still: 8, ..usual }] {
            assert!(EncoderPaths::new(Some(&wrong), &lite()).is_err(), "{wrong:?}");
        }
    }
}
