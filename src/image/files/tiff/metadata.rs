//! The metadata of a page.

use super::super::exif;
use super::super::metadata::{Density, FileMetadata};
use super::super::photoshop;
use super::directory::{Directory, Field, TiffFile};
use super::encode::{DESCRIPTIVE_TAGS, IPTC_TAG, OFFSET_TAGS, XMP_TAG, put};
use ::tiff::encoder::{DirectoryEncoder, TiffEncoder, TiffKindStandard};
use ::tiff::tags::{Tag, Type};
use std::io::Cursor;

const ICC_TAG: u16 = 34675;
/// Photoshop's resources, one of which may be IPTC.
const PHOTOSHOP_TAG: u16 = 34377;

/// Reads the metadata of a page.
pub(super) fn metadata(file: &mut TiffFile, page: &Directory) -> FileMetadata {
    let iptc = file
        .bytes(page, IPTC_TAG)
        .or_else(|| file.bytes(page, PHOTOSHOP_TAG).and_then(|resources| photoshop::iptc(&resources)));
    FileMetadata {
        exif: exif(file, page),
        icc: file.bytes(page, ICC_TAG),
        xmp: file.bytes(page, XMP_TAG),
        iptc,
        density: density(file, page),
        texts: Vec::new(),
    }
}

fn density(file: &mut TiffFile, page: &Directory) -> Option<Density> {
    let mut first = |tag| file.reals(page, tag).map(|values| values[0]);
    let unit = first(exif::RESOLUTION_UNIT).unwrap_or(2.0);
    Density::of(first(exif::X_RESOLUTION)?, first(exif::Y_RESOLUTION)?, unit as u16)
}

/// An EXIF block made of those fields of a page that EXIF defines.
fn exif(file: &mut TiffFile, page: &Directory) -> Option<Vec<u8>> {
    let mut block = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut block).ok()?;
    let mut pointers = Vec::new();
    for pointer in [exif::EXIF_DIRECTORY, exif::GPS_DIRECTORY] {
        let Some((directory, _)) = file.number(page, pointer).and_then(|at| file.directory(at)) else {
            continue;
        };
        let mut fields = encoder.extra_directory().ok()?;
        let wanted = |field: &&Field| !OFFSET_TAGS.contains(&field.tag);
        if transfer(file, directory.fields.iter().filter(wanted), &mut fields) {
            pointers.push((Tag::from_u16_exhaustive(pointer), fields.finish_with_offsets().ok()?.offset));
        }
    }
    let mut fields = encoder.image_directory().ok()?;
    let wanted = |field: &&Field| DESCRIPTIVE_TAGS.contains(&field.tag);
    let found = transfer(file, page.fields.iter().filter(wanted), &mut fields);
    if !found && pointers.is_empty() {
        return None;
    }
    for (tag, offset) in pointers {
        fields.write_tag(tag, offset).ok()?;
    }
    fields.finish().ok()?;
    Some(block.into_inner())
}

/// Copies the intact ones of these fields; returns whether there were any.
fn transfer<'f>(
    file: &mut TiffFile,
    fields: impl Iterator<Item = &'f Field>,
    into: &mut DirectoryEncoder<&mut Cursor<Vec<u8>>, TiffKindStandard>,
) -> bool {
    let mut any = false;
    for field in fields {
        // A classic file, as EXIF is one, has no types of 64 bits.
        let kind = Type::from_u16(field.kind).filter(|_| field.kind < 14);
        let (Some(kind), Some(value)) = (kind, file.value(field)) else { continue };
        if let Ok(copied) = into.write_entry_bytes(kind, &value) {
            put(into, Tag::from_u16_exhaustive(field.tag), copied);
            any = true;
        }
    }
    any
}
