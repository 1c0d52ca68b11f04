//! Checkpoints of other programs: safetensors, PyTorch's two forms and Caffe's. A file becomes
//! tensors by name, nothing more; which network they are is [`crate::model::weights`]' to say.
//!
//! Such files come from strangers. Nothing in them is run, and time and memory are bounded by the
//! length of the file: a tensor is widened only when it is asked for.

#[cfg(feature = "caffe")]
pub mod caffe;
mod pickle;
mod pytorch;
mod safetensors;
mod tensor;

pub use crate::error::CheckpointError;
pub use tensor::{Element, RawTensor};

use std::collections::BTreeMap;

/// The format of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON header and raw tensors.
    Safetensors,
    /// `torch.save` since PyTorch 1.6.
    PytorchZip,
    /// `torch.save` before.
    PytorchLegacy,
    /// `.caffemodel`, already renamed and rescaled to the PyTorch release.
    Caffe,
}

impl Format {
    /// Name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::PytorchZip => "PyTorch (zip)",
            Self::PytorchLegacy => "PyTorch (legacy pickle)",
            Self::Caffe => "Caffe",
        }
    }
}

/// The tensors of a file by name; those of nested dictionaries have their keys joined by dots.
#[derive(Clone, Debug)]
pub struct Checkpoint<'a> {
    /// The file's format.
    pub format: Format,
    /// Tensors by name.
    pub tensors: BTreeMap<String, RawTensor<'a>>,
    /// Texts by name: the metadata of safetensors.
    pub strings: BTreeMap<String, String>,
}

impl<'a> Checkpoint<'a> {
    /// Reads a file of any of the formats; its own first bytes say which.
    ///
    /// # Errors
    /// [`CheckpointError`] for whatever is wrong with it.
    pub fn read(bytes: &'a [u8]) -> Result<Self, CheckpointError> {
        if pytorch::is_zip(bytes) {
            return pytorch::read_zip(bytes);
        }
        if pytorch::is_legacy(bytes) {
            return pytorch::read_legacy(bytes);
        }
        if safetensors::is(bytes) {
            return safetensors::read(bytes);
        }
        #[cfg(feature = "caffe")]
        if caffe::is(bytes) {
            return caffe::read(bytes);
        }
        Err(CheckpointError::Format(hint(bytes)))
    }
}

/// A guess at the file's real kind, as the end of a sentence.
fn hint(bytes: &[u8]) -> &'static str {
    #[cfg(not(feature = "caffe"))]
    if matches!(bytes, [0x0a | 0x12, ..] | [0xa2, 0x06, ..]) {
        return " (is this a .caffemodel? Run `autochrome convert` on it first)";
    }
    if bytes.is_empty() {
        " (the file is empty)"
    } else if bytes.starts_with(b"\x89HDF") {
        " (this is HDF5; save it as .caffemodel)"
    } else if bytes.first() == Some(&0x80) {
        " (this is a pickle, but not PyTorch's)"
    } else if bytes.starts_with(b"version https://git-lfs") {
        " (this is Git LFS's note of where the file lies, not the file)"
    } else if bytes.trim_ascii_start().starts_with(b"<") {
        " (this is a web page; the download went wrong)"
    } else if bytes.get(257..262) == Some(b"ustar") {
        " (this is a tar archive; unpack it, or save it with PyTorch 0.4 or later)"
    } else {
        ""
    }
}
