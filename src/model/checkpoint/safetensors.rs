//! Safetensors: a JSON header, then the tensors.

use super::{Checkpoint, CheckpointError, Element, Format, RawTensor};
use safetensors::{Dtype, SafeTensors};
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Whether the bytes begin as such a file does: the header's length, then JSON.
pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&b'{')
}

pub(super) fn read(bytes: &[u8]) -> Result<Checkpoint<'_>, CheckpointError> {
    let damaged = |error: safetensors::SafeTensorError| CheckpointError::Safetensors(error.to_string());
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let (length, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    serde_json::from_slice::<UniqueKeys>(&bytes[8..8 + length])
        .map_err(|error| CheckpointError::Safetensors(error.to_string()))?;
    let strings = header.metadata().iter().flatten().map(|(key, text)| (key.clone(), text.clone())).collect();
    let tensors = file
        .iter()
        .map(|(name, view)| {
            let element = match view.dtype() {
                Dtype::F16 => Element::F16,
                Dtype::BF16 => Element::Bf16,
                Dtype::F32 => Element::F32,
                Dtype::F64 => Element::F64,
                Dtype::I8 => Element::I8,
                // Types of less than a byte are never read, so one byte stands for them.
                other => Element::Other { name: format!("{other:?}"), size: (other.bitsize() / 8).max(1) },
            };
            let shape = view.shape().to_vec();
            let tensor = match element {
                Element::Other { .. } => RawTensor::unread(shape, element),
                _ => RawTensor::contiguous(name, shape, element, view.data())?,
            };
            Ok((name.to_owned(), tensor))
        })
        .collect::<Result<BTreeMap<_, _>, CheckpointError>>()?;
    Ok(Checkpoint { format: Format::Safetensors, tensors, strings })
}

/// The keys of the header, and of its object of texts, none of which occurs twice. Readers differ in which
/// of two they take, so that a file would hold one model here and another elsewhere.
struct UniqueKeys;

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if key == "__metadata__" {
                map.next_value::<Self>()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            if keys.contains(&key) {
                return Err(A::Error::custom(format_args!("the key {key:?} occurs twice")));
            }
            keys.insert(key);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0; 8]].concat()
    }

    #[test]
    fn keys_that_occur_twice_are_refused() {
        const A: &str = r#""a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#;
        assert!(read(&file(&format!("{{{A}}}"))).is_ok());
        assert!(read(&file(&format!(r#"{{"__metadata__":{{"x":"1","y":"2"}},{A}}}"#))).is_ok());
        for (header, key) in [
            (format!("{{{A},{A}}}"), "a"),
            (format!(r#"{{{A},"\u0061":{{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}}}"#), "a"),
            (format!(r#"{{"__metadata__":{{"x":"1","x":"2"}},{A}}}"#), "x"),
        ] {
            let error = read(&file(&header)).unwrap_err().to_string();
            assert!(error.contains(&format!("{key:?} occurs twice")), "{header}: {error}");
        }
        let twice = r#"{"a":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}}"#;
        assert!(read(&file(twice)).is_err());
    }
}
