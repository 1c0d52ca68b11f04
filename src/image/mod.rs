//! Photographs: their samples, their files, and bringing them, and chroma, to another size.

pub mod archive;
pub mod buffers;
pub mod chroma_upsample;
pub mod files;
pub mod photo;
pub mod resample;
