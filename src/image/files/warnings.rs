//! What was amiss with a file that was decoded all the same.

use std::fmt;

/// Something that the reader of a photograph should be told. `Display` is a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeWarning {
    /// The file ends before its picture does: what is missing is gray or black.
    Truncated {
        /// Name of the format.
        format: &'static str,
    },
    /// A part of the picture's data cannot be read: there the picture is wrong.
    Damaged {
        /// Name of the format.
        format: &'static str,
        /// The decoder's own words.
        reason: String,
    },
    /// The file has more than one page.
    OtherPages {
        /// The page that was decoded, 1 for the first.
        page: usize,
        /// Pages of the file; reduced ones and masks are not counted.
        pages: usize,
    },
    /// The list of pages ends in a damaged one.
    DamagedPages,
    /// The colour profile was left out, and the samples were taken for sRGB.
    ProfileDropped {
        /// Why, as the end of a sentence.
        reason: String,
    },
}

impl DecodeWarning {
    /// Whether a part of the photograph is missing, so that a program should not report success.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Truncated { .. } | Self::Damaged { .. } => true,
            Self::OtherPages { .. } | Self::DamagedPages | Self::ProfileDropped { .. } => false,
        }
    }
}

impl fmt::Display for DecodeWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { format } => {
                write!(f, "the {format} file is truncated: a part of the photograph is missing")
            }
            Self::Damaged { format, reason } => {
                write!(f, "the {format} file is damaged, and a part of the photograph may be wrong: {reason}")
            }
            Self::OtherPages { page, pages } => write!(f, "page {page} of {pages} is taken"),
            Self::DamagedPages => write!(f, "pages behind those that are intact cannot be read"),
            Self::ProfileDropped { reason } => {
                write!(f, "the colour profile is not used, since {reason}; sRGB is assumed")
            }
        }
    }
}
