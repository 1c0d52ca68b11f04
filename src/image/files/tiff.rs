//! TIFF files: encoding, and the metadata fields that they share with EXIF blocks.

use super::exif::{self, Block};
use super::io::{Source, write_error};
use super::metadata::FileMetadata;
use crate::error::{Error, Result};
use crate::image::photo::{Channels, Photo, Samples};
use ::tiff::decoder::ifd::Entry;
use ::tiff::decoder::{Decoder, IfdDecoder, Limits};
use ::tiff::encoder::{DirectoryEncoder, TiffEncoder, TiffKindStandard, TiffValue, colortype};
use ::tiff::tags::{ByteOrder, IfdPointer, Tag, Type, ValueBuffer};
use ::tiff::{Directory, TiffError, TiffResult};
use std::io::{Cursor, Seek, Write};

/// Tags of a TIFF's first directory that describe the photograph, not its storage:
/// document name, description, maker, model, resolution, software, date, artist, host computer,
/// copyright.
const DESCRIPTIVE_TAGS: [u16; 13] = [269, 270, 271, 272, 282, 283, 285, 296, 305, 306, 315, 316, 33432];

/// Tags of a camera's directory that hold offsets, which are wrong in another file: the maker's note and the
/// interoperability directory.
const OFFSET_TAGS: [u16; 2] = [0x927C, 0xA005];

/// Largest field that is read, bytes. ICC profiles of printers have some megabytes.
const MAX_VALUE_BYTES: usize = 16 << 20;

const XMP_TAG: Tag = Tag::Unknown(700);

/// Metadata of a TIFF file. `image` is not asked for it: under the limits that it sets it finds neither
/// profile nor XMP.
pub(super) fn metadata(file: &mut dyn Source) -> Option<FileMetadata> {
    let mut limits = Limits::default();
    limits.ifd_value_size = MAX_VALUE_BYTES;
    let mut file = Decoder::new(file).ok()?.with_limits(limits);
    let mut bytes = |tag| {
        let mut value = ValueBuffer::empty(Type::BYTE);
        file.image_ifd().find_tag_buf(tag, &mut value).ok()??;
        Some(value.as_bytes().to_vec())
    };
    let (icc, xmp) = (bytes(Tag::IccProfile), bytes(XMP_TAG));
    Some(FileMetadata { exif: exif(&mut file), icc, xmp })
}

/// An EXIF block made of those fields of a TIFF file that EXIF defines.
fn exif(file: &mut Decoder<&mut dyn Source>) -> Option<Vec<u8>> {
    let mut block = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut block).ok()?;
    let mut pointers = Vec::new();
    for pointer in [exif::EXIF_DIRECTORY, exif::GPS_DIRECTORY] {
        let tag = Tag::from_u16_exhaustive(pointer);
        let Ok(Some(at)) = file.find_tag_unsigned::<u64>(tag) else { continue };
        let Ok(directory) = file.read_directory(IfdPointer(at)) else { continue };
        let mut fields = encoder.extra_directory().ok()?;
        if transfer(&mut file.read_directory_tags(&directory), &mut fields, &|tag| {
            !OFFSET_TAGS.contains(&tag)
        }) {
            pointers.push((tag, fields.finish_with_offsets().ok()?.offset));
        }
    }
    let mut fields = encoder.image_directory().ok()?;
    let found = transfer(&mut file.image_ifd(), &mut fields, &|tag| DESCRIPTIVE_TAGS.contains(&tag));
    if !found && pointers.is_empty() {
        return None;
    }
    for (tag, offset) in pointers {
        fields.write_tag(tag, offset).ok()?;
    }
    fields.finish().ok()?;
    Some(block.into_inner())
}

/// Copies the intact fields of a directory whose tag is `wanted`; returns whether there were any.
fn transfer(
    from: &mut IfdDecoder,
    into: &mut DirectoryEncoder<&mut Cursor<Vec<u8>>, TiffKindStandard>,
    wanted: &dyn Fn(u16) -> bool,
) -> bool {
    let tags: Vec<Tag> = from.directory().iter().map(|(tag, _)| tag).collect();
    let mut any = false;
    for tag in tags.into_iter().filter(|tag| wanted(tag.to_u16())) {
        let mut value = ValueBuffer::empty(Type::BYTE);
        if let Ok(Some(_)) = from.find_tag_buf(tag, &mut value) {
            value.set_byte_order(ByteOrder::native());
            any |= into.write_tag_buf(tag, &value).is_ok();
        }
    }
    any
}

/// Encodes a photograph, uncompressed, in RGB, with its metadata.
pub(super) fn encode(
    photo: &Photo,
    size: (u32, u32),
    metadata: &FileMetadata,
    out: impl Write + Seek,
) -> Result<()> {
    use colortype::{RGB8, RGB16, RGBA8, RGBA16};
    let gray = matches!(photo.channels(), Channels::Gray | Channels::GrayAlpha);
    let spread = if gray { Some(photo.try_clone()?.into_rgb()) } else { None };
    let photo = spread.as_ref().unwrap_or(photo);
    let mut file = TiffEncoder::new(out).map_err(failed)?;
    match (photo.samples(), photo.channels().has_alpha()) {
        (Samples::U8(v), false) => write::<RGB8, _>(&mut file, size, v, metadata),
        (Samples::U8(v), true) => write::<RGBA8, _>(&mut file, size, v, metadata),
        (Samples::U16(v), false) => write::<RGB16, _>(&mut file, size, v, metadata),
        (Samples::U16(v), true) => write::<RGBA16, _>(&mut file, size, v, metadata),
    }
    .map_err(failed)
}

fn failed(error: TiffError) -> Error {
    match error {
        TiffError::IoError(error) => write_error(error),
        error => Error::ImageEncode(error.to_string()),
    }
}

fn write<C: colortype::ColorType, W: Write + Seek>(
    file: &mut TiffEncoder<W>,
    (width, height): (u32, u32),
    samples: &[C::Inner],
    metadata: &FileMetadata,
) -> TiffResult<()>
where
    [C::Inner]: TiffValue,
{
    let mut block = metadata.exif.clone().unwrap_or_default();
    let block = Block::new(&mut block);
    let pointers = directories(file, block.as_ref())?;
    let mut image = file.new_image::<C>(width, height)?;
    describe(image.encoder(), block.as_ref(), pointers, metadata)?;
    image.write_data(samples)
}

/// Adds the metadata to the directory of the pixels. Never inlined, so that it is compiled once and not once
/// for each type of pixel.
#[inline(never)]
fn describe<W: Write + Seek>(
    fields: &mut DirectoryEncoder<W, TiffKindStandard>,
    block: Option<&Block>,
    pointers: Vec<(Tag, u32)>,
    metadata: &FileMetadata,
) -> TiffResult<()> {
    if let Some((block, first)) = block.and_then(|block| Some((block, block.first()?))) {
        copy(block, first, fields, &|tag| DESCRIPTIVE_TAGS.contains(&tag))?;
    }
    for (tag, offset) in pointers {
        fields.write_tag(tag, offset)?;
    }
    if let Some(icc) = &metadata.icc {
        let profile = fields.write_entry_bytes(Type::UNDEFINED, icc)?;
        put(fields, Tag::IccProfile, profile);
    }
    if let Some(xmp) = &metadata.xmp {
        let packet = fields.write_entry_bytes(Type::BYTE, xmp)?;
        put(fields, XMP_TAG, packet);
    }
    Ok(())
}

/// Copies the directories that an EXIF block's first one points to; returns their tags and offsets in the
/// file.
#[inline(never)]
fn directories<W: Write + Seek>(
    file: &mut TiffEncoder<W>,
    block: Option<&Block>,
) -> TiffResult<Vec<(Tag, u32)>> {
    let mut pointers = Vec::new();
    let Some(block) = block else { return Ok(pointers) };
    for pointer in [exif::EXIF_DIRECTORY, exif::GPS_DIRECTORY] {
        let Some(directory) = block.first().and_then(|first| block.pointed(first, pointer)) else { continue };
        let mut fields = file.extra_directory()?;
        copy(block, directory, &mut fields, &|tag| !OFFSET_TAGS.contains(&tag))?;
        pointers.push((Tag::from_u16_exhaustive(pointer), fields.finish_with_offsets()?.offset));
    }
    Ok(pointers)
}

/// Copies the intact fields of an EXIF block's directory whose tag is `wanted`.
fn copy<W: Write + Seek>(
    block: &Block,
    directory: usize,
    into: &mut DirectoryEncoder<W, TiffKindStandard>,
    wanted: &dyn Fn(u16) -> bool,
) -> TiffResult<()> {
    for entry in block.entries(directory).unwrap_or_default().iter().filter(|entry| wanted(entry.tag)) {
        let (Some(value), Some(kind)) = (block.value(entry), Type::from_u16(entry.kind)) else { continue };
        let mut value = value.to_vec();
        if block.is_little_endian() != cfg!(target_endian = "little") {
            value.chunks_exact_mut(exif::number_bytes(entry.kind)).for_each(<[u8]>::reverse);
        }
        let copied = into.write_entry_bytes(kind, &value)?;
        put(into, Tag::from_u16_exhaustive(entry.tag), copied);
    }
    Ok(())
}

/// Adds a field whose value is already written to the file.
fn put<W: Write + Seek>(into: &mut DirectoryEncoder<W, TiffKindStandard>, tag: Tag, written: Entry) {
    let mut field = Directory::empty();
    field.extend([(tag, written)]);
    into.extend_from(&field);
}
