//! TIFF files: scanners', cameras' and our own.

mod chunks;
mod colors;
mod directory;
mod encode;
mod fax;
mod layout;
mod metadata;

pub(super) use encode::encode;

use super::io::Source;
use super::metadata::FileMetadata;
use super::warnings::DecodeWarning;
use crate::error::{Error, Result};
use crate::image::photo::Photo;
use directory::TiffFile;
use layout::Layout;

/// A page as it is stored.
pub(super) struct TiffPage {
    /// The photograph, not turned yet.
    pub(super) photo: Photo,
    /// EXIF's number of the way it is to be turned.
    pub(super) orientation: u8,
    pub(super) metadata: FileMetadata,
    pub(super) warnings: Vec<DecodeWarning>,
}

/// Decodes a page, 1 for the first that is neither reduced nor a mask.
///
/// # Errors
/// [`Error::ImageDecode`] for damage, and by its name for a kind that is not read,
/// [`Error::ImageTooLarge`], [`Error::OutOfMemory`], [`Error::Parameter`] for a page that there is not.
pub(super) fn decode(source: &mut dyn Source, page: usize) -> Result<TiffPage> {
    let unreadable = || Error::ImageDecode("the TIFF's header is damaged".to_owned());
    let mut file = TiffFile::open(source).ok_or_else(unreadable)?;
    let found = layout::page(&mut file, page)?;
    let layout = Layout::of(&mut file, &found.directory)?;
    let (stored, lost) = chunks::read(&mut file, &layout)?;
    let mut warnings = Vec::new();
    if found.count > 1 {
        warnings.push(DecodeWarning::OtherPages { page, pages: found.count });
    }
    if found.damaged_chain {
        warnings.push(DecodeWarning::DamagedPages);
    }
    if lost > 0 {
        warnings.push(DecodeWarning::Truncated { format: "TIFF" });
    }
    Ok(TiffPage {
        photo: colors::photo(&layout, stored)?,
        orientation: layout.orientation,
        metadata: metadata::metadata(&mut file, &found.directory),
        warnings,
    })
}
