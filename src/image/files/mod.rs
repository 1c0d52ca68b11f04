//! Image files to [`Photo`](crate::image::photo::Photo)s and back, with their metadata: orientation,
//! EXIF, ICC, XMP, IPTC, density and texts.

mod containers;
mod decode;
mod encode;
mod exif;
mod format;
mod io;
#[cfg(not(target_arch = "wasm32"))]
mod jpeg;
mod jpeg_segments;
mod metadata;
mod photoshop;
mod png;
mod png_chunks;
mod profile;
mod profile_tables;
mod read_metadata;
mod tiff;
mod warnings;
mod xmp;

pub use decode::{DecodeOptions, DecodedFile, decode, decode_with};
pub use encode::encode;
pub use format::{FileFormat, loses_in_canvas, of_some_browsers};
pub use metadata::{Density, DensityUnit, FileMetadata, Text};
pub use warnings::DecodeWarning;
