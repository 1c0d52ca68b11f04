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
use super::profile;
use super::warnings::DecodeWarning;
use crate::error::{Error, Result};
use crate::image::photo::{Channels, Photo, Samples};
use directory::TiffFile;
use layout::{Colors, Layout};

/// A page as it is stored.
pub(super) struct TiffPage {
    /// The photograph, not turned yet.
    pub(super) photo: Photo,
    /// EXIF's number of the way it is to be turned.
    pub(super) orientation: u8,
    pub(super) metadata: FileMetadata,
}

/// Decodes a page, 1 for the first that is neither reduced nor a mask.
///
/// # Errors
/// [`Error::ImageDecode`] for damage, and by its name for a kind that is not read,
/// [`Error::ImageTooLarge`], [`Error::OutOfMemory`], [`Error::Parameter`] for a page that there is not.
pub(super) fn decode(
    source: &mut dyn Source,
    page: usize,
    warnings: &mut Vec<DecodeWarning>,
) -> Result<TiffPage> {
    let unreadable = || Error::ImageDecode("the TIFF's header is damaged".to_owned());
    let mut file = TiffFile::open(source).ok_or_else(unreadable)?;
    let found = layout::page(&mut file, page)?;
    let layout = Layout::of(&mut file, &found.directory)?;
    let (stored, lost) = chunks::read(&mut file, &layout)?;
    if found.count > 1 {
        warnings.push(DecodeWarning::OtherPages { page, pages: found.count });
    }
    if found.damaged_chain {
        warnings.push(DecodeWarning::DamagedPages);
    }
    if lost > 0 {
        warnings.push(DecodeWarning::Truncated { format: "TIFF" });
    }
    let mut metadata = metadata::metadata(&mut file, &found.directory);
    let photo = match (&layout.colors, &metadata.icc) {
        (Colors::Cmyk, Some(_)) => {
            let inks = colors::inks(&layout, stored);
            let rgb = profile::rgb_of_inks(&inks, &mut metadata.icc, warnings);
            Photo::new(layout.width, layout.height, Channels::Rgb, Samples::U8(rgb))?
        }
        // Lab is the same under every profile.
        (Colors::Lab { .. }, _) => {
            metadata.icc = None;
            colors::photo(&layout, stored)?
        }
        _ => colors::photo(&layout, stored)?,
    };
    Ok(TiffPage { photo, orientation: layout.orientation, metadata })
}
