//! Encoding of TIFF files, and the metadata fields that they share with EXIF blocks.

use super::super::exif::{self, Block};
use super::super::io::write_error;
use super::super::metadata::{DensityUnit, FileMetadata};
use crate::error::{Error, Result};
use crate::image::photo::{Channels, Photo, Samples};
use ::tiff::decoder::ifd::Entry;
use ::tiff::encoder::{DirectoryEncoder, Rational, TiffEncoder, TiffKindStandard, TiffValue, colortype};
use ::tiff::tags::{ResolutionUnit, Tag, Type};
use ::tiff::{Directory, TiffError, TiffResult};
use std::io::{Seek, Write};

/// Tags of a TIFF's first directory that describe the photograph, not its storage:
/// document name, description, maker, model, resolution, software, date, artist, host computer,
/// copyright.
pub(super) const DESCRIPTIVE_TAGS: [u16; 13] =
    [269, 270, 271, 272, 282, 283, 285, 296, 305, 306, 315, 316, 33432];

/// Tags of a camera's directory that hold offsets, which are wrong in another file: the maker's note and the
/// interoperability directory.
pub(super) const OFFSET_TAGS: [u16; 2] = [0x927C, 0xA005];

pub(super) const XMP_TAG: u16 = 700;
pub(super) const IPTC_TAG: u16 = 33723;

/// The tags that hold the text of a keyword; a comment is a description where there is no other.
const TEXT_TAGS: [(&str, Tag); 4] = [
    ("Comment", Tag::ImageDescription),
    ("Description", Tag::ImageDescription),
    ("Author", Tag::Artist),
    ("Copyright", Tag::Copyright),
];

/// The meaning of the sample behind the colours: alpha that they are not multiplied by.
const STRAIGHT_ALPHA: u16 = 2;

/// Encodes a photograph, uncompressed, in RGB, with its metadata.
pub(in crate::image::files) fn encode(
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

fn rational(number: f64) -> Rational {
    let d = if number.fract() == 0.0 { 1 } else { 10_000 };
    Rational { n: (number * f64::from(d)).round() as u32, d }
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
    if C::BITS_PER_SAMPLE.len() == 4 {
        image.encoder().write_tag(Tag::ExtraSamples, STRAIGHT_ALPHA)?;
    }
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
    // What the block says itself is more exact.
    if let Some(density) = metadata.density.filter(|_| !exif::has(block, exif::X_RESOLUTION)) {
        let [x, y] = density.per_inch().map(rational);
        fields.write_tag(Tag::XResolution, x)?;
        fields.write_tag(Tag::YResolution, y)?;
        let unit =
            if density.unit == DensityUnit::Aspect { ResolutionUnit::None } else { ResolutionUnit::Inch };
        fields.write_tag(Tag::ResolutionUnit, unit)?;
    }
    for (keyword, tag) in TEXT_TAGS {
        let text = metadata.texts.iter().find(|text| text.keyword == keyword);
        if let Some(text) = text.filter(|_| !exif::has(block, tag.to_u16())) {
            let text = [text.text.as_bytes(), b"\0"].concat();
            let written = fields.write_entry_bytes(Type::ASCII, &text)?;
            put(fields, tag, written);
        }
    }
    let blobs = [
        (Tag::IccProfile, Type::UNDEFINED, &metadata.icc),
        (Tag::Unknown(XMP_TAG), Type::BYTE, &metadata.xmp),
        (Tag::Unknown(IPTC_TAG), Type::UNDEFINED, &metadata.iptc),
    ];
    for (tag, kind, blob) in blobs {
        if let Some(blob) = blob {
            let written = fields.write_entry_bytes(kind, blob)?;
            put(fields, tag, written);
        }
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
pub(super) fn put<W: Write + Seek>(
    into: &mut DirectoryEncoder<W, TiffKindStandard>,
    tag: Tag,
    written: Entry,
) {
    let mut field = Directory::empty();
    field.extend([(tag, written)]);
    into.extend_from(&field);
}
