//! Learning rates of a pretrained encoder: lower than the decoder's, and 0 for its first stages and its
//! depthwise kernels. Edges and textures are the same in any photograph, and the gradients of depthwise
//! kernels cost libtorch far more time than they improve the model.

use crate::error::{Error, Result};
use crate::model::network::{NetworkConfig, lite};
use serde::{Deserialize, Serialize};

/// Learning rates of a lite's pretrained encoder. Absent fields have their defaults, given in brackets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncoderLearning {
    /// Learning rate of the encoder as a fraction of the decoder's [0.25].
    pub rate: f64,
    /// Number of the encoder's seven stages that are frozen; the stem is frozen with them unless this is
    /// 0 [3].
    pub still: usize,
    /// Whether depthwise kernels learn [false].
    pub depthwise: bool,
}

impl Default for EncoderLearning {
    fn default() -> Self {
        Self { rate: 0.25, still: 3, depthwise: false }
    }
}

/// [`EncoderLearning`] resolved to the names of a network's tensors in files.
#[derive(Clone, Debug, Default)]
pub(super) struct EncoderPaths {
    rate: Option<f64>,
    /// Number of blocks that are frozen.
    blocks: usize,
    depthwise: bool,
}

impl EncoderPaths {
    /// The tensors of a network's encoder; without `learning`, everything learns at one rate.
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

    /// Whether the tensor (or norm) of this name is frozen.
    pub(super) fn is_frozen(&self, name: &str) -> bool {
        let Some(name) = self.within(name) else { return false };
        match name.split('.').collect::<Vec<_>>().as_slice() {
            ["stem" | "b", ..] => self.blocks > 0,
            ["bl", number, part, ..] => {
                let number: Option<usize> = number.parse().ok();
                number.is_some_and(|number| number < self.blocks) || *part == "dw" && !self.depthwise
            }
            _ => false,
        }
    }

    /// Factor on the learning rate of the tensor of this name.
    pub(super) fn rate(&self, name: &str) -> f64 {
        self.within(name).and(self.rate).unwrap_or(1.0)
    }

    /// The name within the encoder, where the encoder has a rate of its own.
    fn within<'a>(&self, name: &'a str) -> Option<&'a str> {
        self.rate.and(name.strip_prefix(lite::ENCODER))
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
    fn what_is_frozen_and_what_is_slow() {
        // Two stages of lite0 are three blocks.
        let learning = EncoderLearning { rate: 0.5, still: 2, depthwise: false };
        let paths = EncoderPaths::new(Some(&learning), &lite()).unwrap();
        for (path, still, rate) in [
            ("enc.stem.weight", true, 0.5),
            ("enc.bl.2.b2.weight", true, 0.5),
            ("enc.bl.3.b2.weight", false, 0.5),
            ("enc.bl.3.dw.weight", true, 0.5),
            ("enc.bl.3.b1.weight", false, 0.5),
            ("enc.head.weight", false, 0.5),
            ("u3.c.a.0.weight", false, 1.0),
            ("out.weight", false, 1.0),
        ] {
            assert_eq!((paths.is_frozen(path), paths.rate(path)), (still, rate), "{path}");
        }
        let all = EncoderPaths::new(None, &lite()).unwrap();
        assert!(!all.is_frozen("enc.stem.weight") && all.rate("enc.stem.weight") == 1.0);
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
