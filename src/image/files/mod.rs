//! Image files to [`Photo`](crate::image::photo::Photo)s and back, with their metadata: orientation,
//! EXIF, ICC, XMP.

mod containers;
mod decode;
mod encode;
mod exif;
mod format;
mod io;
#[cfg(not(target_arch = "wasm32"))]
mod jpeg;
mod metadata;
mod png;
mod profile;
mod read_metadata;
mod tiff;
mod warnings;
mod xmp;

pub use decode::{DecodedFile, decode};
pub use encode::encode;
pub use format::{FileFormat, loses_in_canvas, of_some_browsers};
pub use metadata::FileMetadata;
pub use warnings::DecodeWarning;
