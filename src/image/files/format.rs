//! File formats: those that photographs are written in, and those that only some decoders read.

/// A format that photographs are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Lossless, 8 or 16 bit, alpha.
    Png,
    /// 8 bit, no alpha; `quality` from 1 to 100.
    Jpeg {
        /// 1 (smallest) to 100 (best).
        quality: u8,
    },
    /// Lossless, 8 or 16 bit, alpha.
    Tiff,
}

impl FileFormat {
    /// JPEG at quality 92: no visible loss at a moderate size.
    pub const JPEG: Self = Self::Jpeg { quality: 92 };

    /// The format of a file name's ending, in any case.
    #[must_use]
    pub fn from_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "png" => Some(Self::Png),
            "jpg" | "jpeg" => Some(Self::JPEG),
            "tif" | "tiff" => Some(Self::Tiff),
            _ => None,
        }
    }
}

/// Whether a file is a TIFF, classic or big.
pub(super) fn is_tiff(head: &[u8]) -> bool {
    [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|magic| head.starts_with(*magic))
}

/// The name of the file's format where some browsers decode it and others do not; `None` for all other
/// formats. Needs the first 12 bytes.
#[must_use]
pub fn of_some_browsers(head: &[u8]) -> Option<&'static str> {
    // ISO 23008-12: the brands of HEVC, and the generic ones, which name no codec.
    const HEIC: [&[u8; 4]; 10] =
        [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"];
    match (head.get(4..8)?, head.get(8..12)) {
        (b"ftyp", Some(brand)) if HEIC.iter().any(|heic| *heic == brand) => Some("HEIC"),
        (b"JXL ", _) => Some("JPEG XL"),
        _ if head.starts_with(b"\xFF\x0A") => Some("JPEG XL"),
        _ => None,
    }
}

/// Whether decoding by way of a canvas would lose samples: TIFF, which browsers do not read, and PNG of
/// 16 bits or with alpha, which a canvas reduces to 8 bits and premultiplies. Needs the first 26 bytes.
#[must_use]
pub fn loses_in_canvas(head: &[u8]) -> bool {
    // IHDR comes first: bit depth at byte 24, colour type (4 and 6 have alpha) at 25.
    let png = head.starts_with(b"\x89PNG\r\n\x1a\n");
    is_tiff(head) || (png && (head.get(24) == Some(&16) || matches!(head.get(25), Some(4 | 6))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_that_not_every_browser_decodes_are_named() {
        for (head, name) in [
            (&b"\0\0\0\x18ftypheic\0\0\0\0"[..], Some("HEIC")),
            (b"\0\0\0\x18ftypmif1\0\0\0\0", Some("HEIC")),
            (b"\0\0\0\x18ftypavif\0\0\0\0", None),
            (b"\0\0\0\x0cJXL \r\n\x87\n", Some("JPEG XL")),
            (b"\xFF\x0A\xFA\x7F\0\0\0\0\0\0\0\0", Some("JPEG XL")),
            (b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01", None),
            (b"\x89PNG\r\n\x1a\n", None),
            (b"", None),
        ] {
            assert_eq!(of_some_browsers(head), name, "{head:?}");
        }
    }
}
