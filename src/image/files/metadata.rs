//! Metadata of a photograph's file: carried over to the coloured file, as far as it still holds there.

use super::{exif, xmp};
use image::ImageDecoder;

/// Largest ICC profile, EXIF block or XMP packet that is unpacked, bytes. Profiles of printers have some
/// megabytes.
pub(super) const MAX_UNPACKED_BYTES: u64 = 16 << 20;

/// The prefix of EXIF in a JPEG's segment, which some programs write into other files too.
const JPEG_PREFIX: &[u8] = b"Exif\0\0";

/// The unit that dots are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DensityUnit {
    /// None: the two numbers only tell how wide a pixel is for its height.
    Aspect,
    /// Dots per inch.
    Inch,
    /// Dots per centimetre.
    Centimeter,
}

/// How large a photograph is printed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Density {
    /// Dots across a unit.
    pub x: f64,
    /// Dots down a unit.
    pub y: f64,
    /// The unit.
    pub unit: DensityUnit,
}

impl Density {
    /// A density in EXIF's numbers of units: 1 for none, 2 for inches, 3 for centimetres. `None` for one
    /// that says nothing.
    pub(super) fn of(x: f64, y: f64, unit: u16) -> Option<Self> {
        let unit = match unit {
            2 => DensityUnit::Inch,
            3 => DensityUnit::Centimeter,
            _ => DensityUnit::Aspect,
        };
        let says_something = unit != DensityUnit::Aspect || x != y;
        let is_positive = |dots: f64| dots.is_finite() && dots > 0.0;
        (is_positive(x) && is_positive(y) && says_something).then_some(Self { x, y, unit })
    }

    /// Dots per inch; per nothing where there is no unit.
    pub(super) fn per_inch(self) -> [f64; 2] {
        let factor = if self.unit == DensityUnit::Centimeter { 2.54 } else { 1.0 };
        // PNG counts in whole dots per metre, which misses whole dots per inch by less than this.
        [self.x, self.y].map(|dots| {
            let dots = dots * factor;
            if (dots - dots.round()).abs() < 0.02 { dots.round() } else { dots }
        })
    }
}

/// A text beside the photograph, in PNG's terms: a keyword such as "Author", "Description" or "Comment",
/// and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The keyword, "Comment" for a comment of JPEG.
    pub keyword: String,
    /// The text.
    pub text: String,
}

/// Metadata of a file, each part as the bytes that formats store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileMetadata {
    /// EXIF block.
    pub exif: Option<Vec<u8>>,
    /// ICC profile of the photograph in memory, sRGB under whatever name: others are used up by decoding.
    pub icc: Option<Vec<u8>>,
    /// XMP packet.
    pub xmp: Option<Vec<u8>>,
    /// IPTC's information interchange model: datasets of captions, keywords and rights.
    pub iptc: Option<Vec<u8>>,
    /// How large it is printed.
    pub density: Option<Density>,
    /// Texts and comments.
    pub texts: Vec<Text>,
}

impl FileMetadata {
    /// The metadata that a decoder has found.
    pub(super) fn of(decoder: &mut impl ImageDecoder) -> Self {
        Self {
            exif: decoder.exif_metadata().unwrap_or_default(),
            icc: decoder.icc_profile().unwrap_or_default(),
            xmp: decoder.xmp_metadata().unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Drops the parts that cannot be carried over.
    pub(super) fn checked(mut self) -> Self {
        // Every profile has the signature; browsers ignore one without it.
        self.icc =
            self.icc.filter(|icc| icc.get(16..20) == Some(b"RGB ") && icc.get(36..40) == Some(b"acsp"));
        let bare = |exif: Vec<u8>| exif.strip_prefix(JPEG_PREFIX).map(<[u8]>::to_vec).unwrap_or(exif);
        self.exif = self.exif.map(bare).filter(|exif| !exif.is_empty());
        self.xmp = self.xmp.filter(|xmp| !xmp.is_empty());
        self
    }

    /// EXIF's number of the way in which the photograph is to be turned: 1 for upright, 6 for a quarter to the
    /// right.
    #[must_use]
    pub fn orientation(&self) -> u8 {
        let bare = |exif| <[u8]>::strip_prefix(exif, JPEG_PREFIX).unwrap_or(exif);
        self.exif.as_deref().map(bare).and_then(exif::orientation).unwrap_or(1)
    }

    /// The metadata of a photograph that was turned upright and has this size now: without orientation
    /// and thumbnails.
    #[must_use]
    pub fn upright(mut self, width: usize, height: usize) -> Self {
        let turned = self.orientation();
        if let Some(exif) = &mut self.exif {
            exif::make_upright(exif, (width, height));
        }
        self.xmp = self.xmp.and_then(|xmp| xmp::upright(&xmp));
        // ImageMagick repeats EXIF's fields, desktops tell of a thumbnail's origin.
        let is_stale = |keyword: &str| keyword == "exif:Orientation" || keyword.starts_with("Thumb::");
        self.texts.retain(|text| !is_stale(&text.keyword));
        if (5..=8).contains(&turned) {
            self.density = self.density.map(|density| Density { x: density.y, y: density.x, ..density });
        }
        self
    }

    /// Removes the position at which the photograph was taken: the GPS directory of EXIF, the GPS properties
    /// of XMP and texts whose keyword names a position. Place names that somebody entered stay. A block too damaged to search is
    /// dropped.
    pub fn remove_location(&mut self) {
        self.exif = self
            .exif
            .take()
            .filter(|exif| !exif.is_empty())
            .and_then(|mut exif| exif::remove_location(&mut exif).then_some(exif));
        self.xmp = self.xmp.take().and_then(|xmp| xmp::without_location(&xmp));
        self.texts.retain(|text| {
            let keyword = text.keyword.to_ascii_lowercase();
            !["gps", "latitude", "longitude"].iter().any(|position| keyword.contains(position))
        });
    }

    /// Marks the photograph as coloured by a model, for programs: XMP `Iptc4xmpExt:DigitalSourceType` is
    /// "composite with trained algorithmic media", `xmp:CreatorTool` names Autochrome. Other
    /// properties stay.
    pub fn mark_as_colored(&mut self) {
        self.xmp = Some(xmp::marked(self.xmp.as_deref()));
    }
}
