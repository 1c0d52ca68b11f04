//! Metadata of a photograph's file: carried over to the coloured file, as far as it still holds there.

use super::{exif, xmp};
use image::ImageDecoder;

/// Metadata of a file, each part as the bytes that formats store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileMetadata {
    /// EXIF block.
    pub exif: Option<Vec<u8>>,
    /// ICC profile of the photograph in memory, sRGB under whatever name: others are used up by decoding.
    pub icc: Option<Vec<u8>>,
    /// XMP packet.
    pub xmp: Option<Vec<u8>>,
}

impl FileMetadata {
    /// The metadata that a decoder has found.
    pub(super) fn of(decoder: &mut impl ImageDecoder) -> Self {
        Self {
            exif: decoder.exif_metadata().unwrap_or_default(),
            icc: decoder.icc_profile().unwrap_or_default(),
            xmp: decoder.xmp_metadata().unwrap_or_default(),
        }
    }

    /// Drops the parts that cannot be carried over.
    pub(super) fn checked(mut self) -> Self {
        // Every profile has the signature; browsers ignore one without it.
        self.icc =
            self.icc.filter(|icc| icc.get(16..20) == Some(b"RGB ") && icc.get(36..40) == Some(b"acsp"));
        // Some programs write the prefix of JPEG's segment into other files too.
        let bare = |exif: Vec<u8>| exif.strip_prefix(b"Exif\0\0").map(<[u8]>::to_vec).unwrap_or(exif);
        self.exif = self.exif.map(bare).filter(|exif| !exif.is_empty());
        self.xmp = self.xmp.filter(|xmp| !xmp.is_empty());
        self
    }

    /// The metadata of a photograph that was turned upright and has this size now: without orientation
    /// and thumbnails.
    #[must_use]
    pub fn upright(mut self, width: usize, height: usize) -> Self {
        if let Some(exif) = &mut self.exif {
            exif::make_upright(exif, (width, height));
        }
        self.xmp = self.xmp.and_then(|xmp| xmp::upright(&xmp));
        self
    }

    /// Removes the position at which the photograph was taken: the GPS directory of EXIF and the GPS
    /// properties of XMP. Place names that somebody entered stay. A block too damaged to search is
    /// dropped.
    pub fn remove_location(&mut self) {
        self.exif = self
            .exif
            .take()
            .filter(|exif| !exif.is_empty())
            .and_then(|mut exif| exif::remove_location(&mut exif).then_some(exif));
        self.xmp = self.xmp.take().and_then(|xmp| xmp::without_location(&xmp));
    }

    /// Marks the photograph as coloured by a model, for programs: XMP `Iptc4xmpExt:DigitalSourceType` is
    /// "composite with trained algorithmic media", `xmp:CreatorTool` names Autochrome. Other
    /// properties stay.
    pub fn mark_as_colored(&mut self) {
        self.xmp = Some(xmp::marked(self.xmp.as_deref()));
    }
}
