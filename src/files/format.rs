//! Formats that photographs are written in, and who decodes which.

/// The forms a photograph can be written in.
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
    /// Best sight for a photograph at a reasonable size.
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

/// Whether a canvas would coarsen a file: TIFF, which browsers do not read, and PNG of 16 bits or
/// with alpha, which a canvas narrows to 8 and multiplies. Needs the first 26 bytes.
#[must_use]
pub fn loses_in_canvas(head: &[u8]) -> bool {
    // IHDR comes first: bit depth at byte 24, colour type (4 and 6 have alpha) at 25.
    let png = head.starts_with(b"\x89PNG\r\n\x1a\n");
    is_tiff(head) || (png && (head.get(24) == Some(&16) || matches!(head.get(25), Some(4 | 6))))
}
