//! What a file says beside its pixels, on its way from one file to another.

use super::decode::{Source, check_header};
use super::{containers, exif, xmp};
use crate::error::Result;
use image::ImageDecoder;
use image::codecs::{jpeg::JpegDecoder, png::PngDecoder};
use std::io::Cursor;

/// What a file says beside its pixels, and what the coloured one says in its turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileMetadata {
    /// EXIF block.
    pub exif: Option<Vec<u8>>,
    /// ICC profile, if it describes RGB: one for gray or CMYK does not fit the coloured picture.
    pub icc: Option<Vec<u8>>,
    /// XMP packet.
    pub xmp: Option<Vec<u8>>,
}

impl FileMetadata {
    /// Reads the metadata of a file that a browser decodes, without decoding its pixels. What is
    /// damaged or of a format that has none is left out: that is no reason to refuse the picture.
    /// AVIF and HEIC give no ICC profile.
    ///
    /// # Errors
    /// [`Error::ImageTooLarge`](crate::Error::ImageTooLarge) for a photograph larger than the engine takes, of any format whose
    /// header is known (JPEG, PNG, GIF, BMP, WebP, AVIF, HEIC, JPEG XL).
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

    /// What a decoder has found.
    pub(super) fn of(decoder: &mut impl ImageDecoder) -> Self {
        Self {
            exif: decoder.exif_metadata().unwrap_or_default(),
            icc: decoder.icc_profile().unwrap_or_default(),
            xmp: decoder.xmp_metadata().unwrap_or_default(),
        }
    }

    /// Only what can be carried over.
    pub(super) fn checked(mut self) -> Self {
        // The signature stands in every profile; browsers pass over one without it.
        self.icc =
            self.icc.filter(|icc| icc.get(16..20) == Some(b"RGB ") && icc.get(36..40) == Some(b"acsp"));
        // Some programs write the name of JPEG's segment into other files too.
        let bare = |exif: Vec<u8>| exif.strip_prefix(b"Exif\0\0").map(<[u8]>::to_vec).unwrap_or(exif);
        self.exif = self.exif.map(bare).filter(|exif| !exif.is_empty());
        self.xmp = self.xmp.filter(|xmp| !xmp.is_empty());
        self
    }

    /// For a picture that was turned upright and is of this size now: orientation and thumbnails
    /// are gone.
    #[must_use]
    pub fn upright(mut self, width: usize, height: usize) -> Self {
        if let Some(exif) = &mut self.exif {
            exif::make_upright(exif, (width, height));
        }
        self.xmp = self.xmp.and_then(|xmp| xmp::upright(&xmp));
        self
    }

    /// Takes out where the photograph was taken: the GPS directory of EXIF and GPS properties of
    /// XMP. Names of places that somebody wrote down stay. A block too damaged to search is left
    /// out.
    pub fn remove_location(&mut self) {
        self.exif = self
            .exif
            .take()
            .filter(|exif| !exif.is_empty())
            .and_then(|mut exif| exif::remove_location(&mut exif).then_some(exif));
        self.xmp = self.xmp.take().and_then(|xmp| xmp::without_location(&xmp));
    }

    /// Says for programs that a model made the colours: XMP `Iptc4xmpExt:DigitalSourceType` is
    /// "composite with trained algorithmic media", `xmp:CreatorTool` names Autochrome. Other
    /// properties stay.
    pub fn mark_as_coloured(&mut self) {
        self.xmp = Some(xmp::marked(self.xmp.as_deref()));
    }
}
