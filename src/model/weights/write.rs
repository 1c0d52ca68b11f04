//! Writing models.

use super::{CLASS_WEIGHTS, FORMAT, HostTensor, ModelFile, PREFIX, Precision, int8};
use crate::color::ab_bins;
use crate::error::{Error, Result};
use half::f16;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A tensor to be written.
pub(super) struct Entry<'a> {
    name: String,
    shape: Cow<'a, [usize]>,
    dtype: &'static str,
    bytes: Vec<u8>,
}

impl ModelFile {
    /// The bytes of a model file. The same model gives the same bytes.
    ///
    /// # Errors
    /// [`Error::ModelFormat`] where a value does not fit `precision`.
    pub fn write(&self, precision: Precision) -> Result<Vec<u8>> {
        let architecture = self.metadata.network.architecture();
        let mut entries = Vec::new();
        for (name, tensor) in &self.tensors {
            // Biases and norms are a hundredth of the bytes and carry more than their share of the
            // error: vectors stay as they are.
            let precision = match precision {
                _ if tensor.shape.len() == 1 => Precision::F32,
                Precision::Int8 if self.metadata.network.is_delicate(name, &tensor.shape) => Precision::F16,
                precision => precision,
            };
            match precision {
                Precision::F32 => entries.push(single(name, tensor)),
                Precision::F16 => entries.push(half(name, tensor)?),
                Precision::Int8 => {
                    let (codes, scales) = int8::quantize(tensor, architecture.output_axis(name));
                    entries.push(Entry {
                        name: name.clone(),
                        shape: Cow::Borrowed(&tensor.shape),
                        dtype: "I8",
                        bytes: codes.into_iter().map(|code| code as u8).collect(),
                    });
                    let Entry { dtype, bytes, .. } = single(name, &scales);
                    entries.push(Entry {
                        name: format!("{name}.scale"),
                        shape: scales.shape.into(),
                        dtype,
                        bytes,
                    });
                }
            }
        }
        let class_weights = self
            .class_weights
            .as_ref()
            .map(|values| HostTensor { shape: vec![ab_bins::COUNT], values: values.clone() });
        entries.extend(class_weights.as_ref().map(|tensor| single(CLASS_WEIGHTS, tensor)));

        Ok(write_entries(entries, &self.strings(precision)))
    }

    fn strings(&self, precision: Precision) -> BTreeMap<String, String> {
        let m = &self.metadata;
        let always = [
            ("format", FORMAT.to_owned()),
            ("network", serde_json::to_string(&m.network).expect("a configuration is plain data")),
            ("precision", precision.name().to_owned()),
            ("logit_scale", m.logit_scale.to_string()),
            ("working_size", m.working_size.to_string()),
            ("temperature", m.temperature.to_string()),
            ("rebalance", m.rebalance.to_string()),
            ("bins", ab_bins::HASH.to_owned()),
        ];
        let texts = [("trained_on", &m.trained_on), ("license", &m.license), ("created_by", &m.created_by)];
        let texts =
            texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| (key, text.clone()));
        always.into_iter().chain(texts).map(|(key, text)| (format!("{PREFIX}{key}"), text)).collect()
    }
}

/// The bytes of a file with these tensors and texts. The same give the same bytes.
pub(super) fn write_entries(mut entries: Vec<Entry<'_>>, strings: &BTreeMap<String, String>) -> Vec<u8> {
    // Wide types come first so that every tensor is aligned.
    entries.sort_by_key(|entry| ["F32", "F16", "I8"].iter().position(|dtype| *dtype == entry.dtype));

    // The `safetensors` crate writes metadata in the order of a hash map, which differs from
    // run to run; a file that is named by its SHA-256 needs one order.
    let mut header = BTreeMap::from([("__metadata__".to_owned(), serde_json::json!(strings))]);
    let mut offset = 0;
    for Entry { name, shape, dtype, bytes } in &entries {
        let end = offset + bytes.len();
        let entry = serde_json::json!({"dtype": dtype, "shape": shape, "data_offsets": [offset, end]});
        header.insert(name.clone(), entry);
        offset = end;
    }
    let mut json = serde_json::to_vec(&header).expect("a map of plain data");
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut file = (json.len() as u64).to_le_bytes().to_vec();
    file.reserve_exact(json.len() + offset);
    file.extend(json);
    for entry in entries {
        file.extend(entry.bytes);
    }
    file
}

pub(super) fn single<'a>(name: &str, tensor: &'a HostTensor) -> Entry<'a> {
    Entry {
        name: name.to_owned(),
        shape: Cow::Borrowed(&tensor.shape),
        dtype: "F32",
        bytes: tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}

fn half<'a>(name: &str, tensor: &'a HostTensor) -> Result<Entry<'a>> {
    let mut bytes = Vec::with_capacity(2 * tensor.values.len());
    for value in &tensor.values {
        let narrow = f16::from_f32(*value);
        if !narrow.is_finite() {
            return Err(Error::ModelFormat(format!("{value} in {name} does not fit 16 bits; use f32")));
        }
        bytes.extend(narrow.to_le_bytes());
    }
    Ok(Entry { name: name.to_owned(), shape: Cow::Borrowed(&tensor.shape), dtype: "F16", bytes })
}
