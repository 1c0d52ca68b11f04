//! Photographs: samples, files, and the resampling of photographs and of chroma.

// The browser packs archives; the tool does not.
#[cfg(any(test, target_arch = "wasm32"))]
pub(crate) mod archive;
pub(crate) mod buffers;
pub mod chroma_grid;
pub mod chroma_upsample;
pub mod files;
pub mod photo;
pub mod resample;
