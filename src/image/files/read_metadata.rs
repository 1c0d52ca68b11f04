//! Metadata of files, without their pixels.

use super::io::{Source, check_header};
use super::metadata::FileMetadata;
use super::{containers, jpeg_segments, png_chunks};
use crate::error::Result;
use std::io::Cursor;

impl FileMetadata {
    /// Reads the metadata of a file that a browser decodes, without decoding its pixels. Damaged
    /// metadata, and formats that have none, give an empty one: neither is a reason to refuse the
    /// photograph. AVIF and HEIC give no ICC profile.
    ///
    /// # Errors
    /// [`Error::ImageTooLarge`](crate::Error::ImageTooLarge) for a photograph larger than the engine
    /// accepts, of any format whose header is known (JPEG, PNG, GIF, BMP, WebP, AVIF, HEIC, JPEG XL).
    pub fn read(file: &[u8]) -> Result<Self> {
        check_header(&mut Cursor::new(file))?;
        Ok(match file {
            [b'R', b'I', b'F', b'F', ..] => containers::webp(file),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => containers::heif(file),
            _ => of_segments(&mut Cursor::new(file)).unwrap_or_default(),
        }
        .checked())
    }
}

/// The metadata of a JPEG or PNG file, read from its start; `None` for other formats.
pub(super) fn of_segments(source: &mut dyn Source) -> Option<FileMetadata> {
    source.rewind().ok()?;
    match source.fill_buf().ok()? {
        [0xFF, 0xD8, ..] => Some(jpeg_segments::read(source)),
        [0x89, b'P', b'N', b'G', ..] => Some(png_chunks::read(source)),
        _ => None,
    }
}
