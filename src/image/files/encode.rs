//! Encoding of photographs.

use super::format::FileFormat;
use super::io::write_error;
use super::metadata::FileMetadata;
use super::tiff;
use crate::error::{Error, Result};
use crate::image::buffers::{FallibleBuffer, try_with_capacity};
use crate::image::photo::{Channels, Photo, Samples};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError};
use std::io::{Seek, Write};

/// Payload bytes of a JPEG segment: its 16-bit length counts its own two bytes.
const MAX_SEGMENT_BYTES: usize = 0xFFFF - 2;
const JPEG_EXIF: &[u8] = b"Exif\0\0";
const JPEG_XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const PNG_XMP: &str = "XML:com.adobe.xmp";

/// Encodes a photograph. Formats that cannot hold 16 bits or alpha get 8 bits over white. Metadata that
/// the format has no place for is left out: EXIF or XMP above 64 KiB in JPEG.
///
/// # Errors
/// [`Error::ImageEncode`] where the writer or the format fails, [`Error::OutOfMemory`].
pub fn encode(
    photo: &Photo,
    metadata: &FileMetadata,
    format: FileFormat,
    out: impl Write + Seek,
) -> Result<()> {
    let side = |side: usize| {
        u32::try_from(side).map_err(|_| Error::ImageEncode(format!("{side} pixels is too wide")))
    };
    let size = (side(photo.width())?, side(photo.height())?);
    match format {
        FileFormat::Jpeg { quality } => jpeg(photo, size, metadata, quality, out),
        FileFormat::Png => png(photo, size, metadata, out),
        FileFormat::Tiff => tiff::encode(photo, size, metadata, out),
    }
}

fn jpeg(
    photo: &Photo,
    (width, height): (u32, u32),
    metadata: &FileMetadata,
    quality: u8,
    mut out: impl Write,
) -> Result<()> {
    let fail = |error: ImageError| match error {
        ImageError::IoError(error) => write_error(error),
        error => Error::ImageEncode(error.to_string()),
    };
    let mut file = FallibleBuffer::default();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, quality.clamp(1, 100));
    if let Some(icc) = &metadata.icc {
        // A profile too long for JPEG is left out.
        let _ = encoder.set_icc_profile(icc.clone());
    }
    if let Some(exif) =
        metadata.exif.as_ref().filter(|exif| exif.len() + JPEG_EXIF.len() <= MAX_SEGMENT_BYTES)
    {
        encoder.set_exif_metadata(exif.clone()).map_err(|error| Error::ImageEncode(error.to_string()))?;
    }
    match (photo.samples(), photo.channels()) {
        (Samples::U8(v), Channels::Rgb) => encoder.write_image(v, width, height, ExtendedColorType::Rgb8),
        (Samples::U8(v), Channels::Gray) => encoder.write_image(v, width, height, ExtendedColorType::L8),
        _ => {
            let flat = photo.resized_over_white(photo.width(), photo.height());
            encoder.write_image(&flat, width, height, ExtendedColorType::Rgb8)
        }
    }
    .map_err(fail)?;
    let file = file.into_bytes();
    let (head, body) = file.split_at(after_exif(&file));
    out.write_all(head).map_err(write_error)?;
    if let Some(xmp) = metadata.xmp.as_ref().filter(|xmp| xmp.len() + JPEG_XMP.len() <= MAX_SEGMENT_BYTES) {
        let length = (2 + JPEG_XMP.len() + xmp.len()) as u16;
        for part in [&[0xFF, 0xE1], &length.to_be_bytes()[..], JPEG_XMP, xmp] {
            out.write_all(part).map_err(write_error)?;
        }
    }
    out.write_all(body).map_err(write_error)
}

/// The offset at which XMP is inserted in a JPEG: after the start marker and the segments of JFIF and EXIF.
fn after_exif(file: &[u8]) -> usize {
    let mut at = 2;
    while let Some([0xFF, 0xE0 | 0xE1, high, low]) = file.get(at..at + 4) {
        at += 2 + usize::from(u16::from_be_bytes([*high, *low]));
    }
    at
}

fn png(photo: &Photo, (width, height): (u32, u32), metadata: &FileMetadata, out: impl Write) -> Result<()> {
    let fail = |error: png::EncodingError| write_error(error.into());
    let mut info = png::Info::with_size(width, height);
    info.icc_profile = metadata.icc.as_deref().map(Into::into);
    info.exif_metadata = metadata.exif.as_deref().map(Into::into);
    let mut encoder = png::Encoder::with_info(out, info).map_err(fail)?;
    encoder.set_color(match photo.channels() {
        Channels::Gray => png::ColorType::Grayscale,
        Channels::GrayAlpha => png::ColorType::GrayscaleAlpha,
        Channels::Rgb => png::ColorType::Rgb,
        Channels::Rgba => png::ColorType::Rgba,
    });
    encoder.set_compression(png::Compression::Fast);
    encoder.set_filter(png::Filter::Adaptive);
    if let Some(xmp) = metadata.xmp.as_deref().and_then(|xmp| std::str::from_utf8(xmp).ok()) {
        encoder.add_itxt_chunk(PNG_XMP.to_owned(), xmp.to_owned()).map_err(fail)?;
    }
    match photo.samples() {
        Samples::U8(v) => {
            encoder.set_depth(png::BitDepth::Eight);
            encoder.write_header().and_then(|mut file| file.write_image_data(v)).map_err(fail)
        }
        Samples::U16(v) => {
            encoder.set_depth(png::BitDepth::Sixteen);
            let mut big_endian = try_with_capacity(v.len() * 2)?;
            big_endian.extend(v.iter().flat_map(|sample| sample.to_be_bytes()));
            encoder.write_header().and_then(|mut file| file.write_image_data(&big_endian)).map_err(fail)
        }
    }
}
