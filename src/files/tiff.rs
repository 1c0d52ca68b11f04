//! TIFF files, and the fields that they share with EXIF blocks.

use super::FileMetadata;
use super::exif::{self, Block};
use crate::error::{Error, Result};
use crate::photo::{Channels, Photo, Samples};
use ::tiff::decoder::Decoder;
use ::tiff::decoder::ifd::Entry;
use ::tiff::encoder::{DirectoryEncoder, TiffEncoder, TiffKindStandard, TiffValue, colortype};
use ::tiff::tags::{ByteOrder, IfdPointer, Tag, Type, ValueBuffer};
use ::tiff::{Directory, TiffError, TiffResult};
use std::io::{Cursor, Read, Seek, Write};

/// Fields of a TIFF's first directory that describe the photograph and not how it is stored:
/// document name, description, maker, model, resolution, software, date, artist, host computer,
/// copyright.
const DESCRIPTIVE: [u16; 13] = [269, 270, 271, 272, 282, 283, 285, 296, 305, 306, 315, 316, 33432];

/// Fields of a camera's directory that would point to nothing in another file: the maker's note and
/// the directory of interoperability.
const POINTING: [u16; 2] = [0x927C, 0xA005];

const XMP: Tag = Tag::Unknown(700);

/// An EXIF block with what a TIFF file says of its photograph.
pub(super) fn exif(file: impl Read + Seek) -> Option<Vec<u8>> {
    let mut file = Decoder::new(file).ok()?;
    let mut block = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut block).ok()?;
    let first = file.image_ifd().directory().iter().map(|(tag, _)| tag).collect::<Vec<_>>();
    let mut pointers = Vec::new();
    for pointer in [exif::EXIF_DIRECTORY, exif::GPS_DIRECTORY] {
        let tag = Tag::from_u16_exhaustive(pointer);
        let Ok(Some(at)) = file.find_tag_unsigned::<u64>(tag) else { continue };
        let Ok(directory) = file.read_directory(IfdPointer(at)) else { continue };
        let mut copy = encoder.extra_directory().ok()?;
        for tag in directory.iter().map(|(tag, _)| tag).filter(|tag| !POINTING.contains(&tag.to_u16())) {
            let mut value = ValueBuffer::empty(Type::BYTE);
            if let Ok(Some(_)) = file.read_directory_tags(&directory).find_tag_buf(tag, &mut value) {
                value.set_byte_order(ByteOrder::native());
                copy.write_tag_buf(tag, &value).ok()?;
            }
        }
        pointers.push((tag, copy.finish_with_offsets().ok()?.offset));
    }
    let mut main = encoder.image_directory().ok()?;
    let mut empty = pointers.is_empty();
    for tag in first.into_iter().filter(|tag| DESCRIPTIVE.contains(&tag.to_u16())) {
        let mut value = ValueBuffer::empty(Type::BYTE);
        if let Ok(Some(_)) = file.image_ifd().find_tag_buf(tag, &mut value) {
            value.set_byte_order(ByteOrder::native());
            main.write_tag_buf(tag, &value).ok()?;
            empty = false;
        }
    }
    for (tag, offset) in pointers {
        main.write_tag(tag, offset).ok()?;
    }
    main.finish().ok()?;
    (!empty).then(|| block.into_inner())
}

/// Encodes a photograph, uncompressed, with its metadata.
pub(super) fn encode(
    photo: &Photo,
    size: (u32, u32),
    metadata: &FileMetadata,
    out: impl Write + Seek,
) -> Result<()> {
    use colortype::{Gray8, Gray16, RGB8, RGB16, RGBA8, RGBA16};
    let mut file = TiffEncoder::new(out).map_err(failed)?;
    let file = &mut file;
    match (photo.samples(), photo.channels()) {
        (Samples::U8(v), Channels::Gray) => write::<Gray8, _>(file, size, v, metadata),
        (Samples::U8(v), Channels::Rgb) => write::<RGB8, _>(file, size, v, metadata),
        (Samples::U8(v), Channels::Rgba) => write::<RGBA8, _>(file, size, v, metadata),
        (Samples::U16(v), Channels::Gray) => write::<Gray16, _>(file, size, v, metadata),
        (Samples::U16(v), Channels::Rgb) => write::<RGB16, _>(file, size, v, metadata),
        (Samples::U16(v), Channels::Rgba) => write::<RGBA16, _>(file, size, v, metadata),
        // The encoder has no gray with alpha.
        (_, Channels::GrayAlpha) => match photo.clone().into_rgb().samples() {
            Samples::U8(v) => write::<RGBA8, _>(file, size, v, metadata),
            Samples::U16(v) => write::<RGBA16, _>(file, size, v, metadata),
        },
    }
    .map_err(failed)
}

fn failed(error: TiffError) -> Error {
    match error {
        TiffError::IoError(error) => super::encode::failed(error),
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
    let pointers = block.as_ref().map_or_else(|| Ok(Vec::new()), |block| directories(file, block))?;
    let mut image = file.new_image::<C>(width, height)?;
    let fields = image.encoder();
    if let Some((block, first)) = block.as_ref().and_then(|block| Some((block, block.first()?))) {
        copy(block, first, fields, |tag| DESCRIPTIVE.contains(&tag))?;
    }
    for (tag, offset) in pointers {
        fields.write_tag(tag, offset)?;
    }
    if let Some(icc) = &metadata.icc {
        let profile = fields.write_entry_bytes(Type::UNDEFINED, icc)?;
        put(fields, Tag::IccProfile, profile);
    }
    if let Some(xmp) = &metadata.xmp {
        fields.write_tag(XMP, xmp.as_slice())?;
    }
    image.write_data(samples)
}

/// Copies the directories that an EXIF block's first one points to; where they begin in the file.
fn directories<W: Write + Seek>(file: &mut TiffEncoder<W>, block: &Block) -> TiffResult<Vec<(Tag, u32)>> {
    let mut pointers = Vec::new();
    for pointer in [exif::EXIF_DIRECTORY, exif::GPS_DIRECTORY] {
        let Some(directory) = block.first().and_then(|first| block.pointed(first, pointer)) else { continue };
        let mut fields = file.extra_directory()?;
        copy(block, directory, &mut fields, |tag| !POINTING.contains(&tag))?;
        pointers.push((Tag::from_u16_exhaustive(pointer), fields.finish_with_offsets()?.offset));
    }
    Ok(pointers)
}

/// Copies the fields of a directory that are wanted, as far as they are whole.
fn copy<W: Write + Seek>(
    block: &Block,
    directory: usize,
    into: &mut DirectoryEncoder<W, TiffKindStandard>,
    wanted: impl Fn(u16) -> bool,
) -> TiffResult<()> {
    for entry in block.entries(directory).unwrap_or_default().iter().filter(|entry| wanted(entry.tag)) {
        let (Some(value), Some(kind)) = (block.value(entry), Type::from_u16(entry.kind)) else { continue };
        let mut value = value.to_vec();
        if block.is_little_endian() != cfg!(target_endian = "little") {
            value.chunks_exact_mut(exif::number(entry.kind)).for_each(<[u8]>::reverse);
        }
        let copied = into.write_entry_bytes(kind, &value)?;
        put(into, Tag::from_u16_exhaustive(entry.tag), copied);
    }
    Ok(())
}

/// Adds a field whose value is written.
fn put<W: Write + Seek>(into: &mut DirectoryEncoder<W, TiffKindStandard>, tag: Tag, written: Entry) {
    let mut field = Directory::empty();
    field.extend([(tag, written)]);
    into.extend_from(&field);
}
