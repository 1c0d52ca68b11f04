//! Metadata of files whose pixels a browser decodes.

use super::io::{Source, check_header};
use super::jpeg_segments;
use super::metadata::FileMetadata;
use super::{containers, png, profile};
use crate::error::Result;
use std::io::Cursor;

impl FileMetadata {
    /// Reads the metadata of a file that a browser decodes, without decoding its pixels. Damaged
    /// metadata, and formats that have none, give an empty one: neither is a reason to refuse the
    /// photograph. The profile is that of the photograph as the browser converts it, sRGB; AVIF and HEIC
    /// give none.
    ///
    /// # Errors
    /// [`Error::ImageTooLarge`](crate::Error::ImageTooLarge) for a photograph larger than the engine
    /// accepts, of any format whose header is known (JPEG, PNG, GIF, BMP, WebP, AVIF, HEIC, JPEG XL).
    pub fn read(file: &[u8]) -> Result<Self> {
        let mut reader = Cursor::new(file);
        let reader = &mut reader as &mut dyn Source;
        check_header(reader)?;
        let mut metadata = match file {
            [0xFF, 0xD8, ..] => jpeg_segments::read(reader),
            [0x89, b'P', b'N', b'G', ..] => {
                let png::Described { mut metadata, colors, .. } = png::described(reader);
                if colors.is_some() {
                    metadata.icc = Some(profile::srgb());
                }
                metadata
            }
            [b'R', b'I', b'F', b'F', ..] => containers::webp(file),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => containers::heif(file),
            _ => Self::default(),
        };
        metadata.icc = metadata.icc.as_deref().and_then(profile::after_browser);
        Ok(metadata.checked())
    }
}
