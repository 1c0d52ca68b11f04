//! Safetensors: a JSON header, then the tensors.

use super::{Checkpoint, CheckpointError, Element, Format, RawTensor};
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;

/// Whether the bytes begin as such a file does: the header's length, then JSON.
pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&b'{')
}

pub(super) fn read(bytes: &[u8]) -> Result<Checkpoint<'_>, CheckpointError> {
    let damaged = |error: safetensors::SafeTensorError| CheckpointError::Safetensors(error.to_string());
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
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
