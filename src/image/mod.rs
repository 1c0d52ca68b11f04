//! Photographs: samples, files, and the resampling of photographs and of chroma.

pub mod archive;
pub mod buffers;
pub mod chroma_grid;
pub mod chroma_upsample;
pub mod files;
pub mod photo;
pub mod resample;
