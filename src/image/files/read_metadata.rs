//! Metadata of files whose pixels a browser decodes.

use super::containers;
use super::io::{Source, check_header};
use super::metadata::FileMetadata;
use crate::error::Result;
use image::codecs::{jpeg::JpegDecoder, png::PngDecoder};
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
        let mut reader = Cursor::new(file);
        let reader = &mut reader as &mut dyn Source;
        check_header(reader)?;
        Ok(match file {
            [0xFF, 0xD8, ..] => JpegDecoder::new(reader).map(|mut file| Self::of(&mut file)),
            [0x89, b'P', b'N', b'G', ..] => PngDecoder::new(reader).map(|mut file| Self::of(&mut file)),
            [b'R', b'I', b'F', b'F', ..] => Ok(containers::webp(file)),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => Ok(containers::heif(file)),
            _ => Ok(Self::default()),
        }
        .unwrap_or_default()
        .checked())
    }
}
