//! Encoding of photographs.

use super::format::FileFormat;
use super::io::write_error;
use super::jpeg_segments::{self, MAX_SEGMENT_BYTES};
use super::metadata::{Density, DensityUnit, FileMetadata, Text};
use super::{photoshop, png_chunks, tiff};
use crate::error::{Error, Result};
use crate::image::buffers::{FallibleBuffer, try_with_capacity};
use crate::image::photo::{Channels, Photo, Samples};
use image::codecs::jpeg::{JpegEncoder, PixelDensity, PixelDensityUnit};
use image::{ExtendedColorType, ImageEncoder, ImageError};
use std::io::{Seek, Write};

/// Encodes a photograph. Formats that cannot hold 16 bits or alpha get 8 bits over white. Metadata that
/// the format has no place for is left out: what is above 64 KiB in JPEG, most texts in TIFF.
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
    if let Some(density) = metadata.density {
        encoder.set_pixel_density(jfif_density(density));
    }
    if let Some(icc) = &metadata.icc {
        // A profile too long for JPEG is left out.
        let _ = encoder.set_icc_profile(icc.clone());
    }
    if let Some(exif) =
        metadata.exif.as_ref().filter(|exif| exif.len() + jpeg_segments::EXIF.len() <= MAX_SEGMENT_BYTES)
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
    let mut segment = |marker: u8, kind: &[u8], content: &[u8]| {
        // What is too long for a segment is left out.
        let Some(length) = Some(kind.len() + content.len()).filter(|length| *length <= MAX_SEGMENT_BYTES)
        else {
            return Ok(());
        };
        let length = (length as u16 + 2).to_be_bytes();
        [&[0xFF, marker], &length[..], kind, content].into_iter().try_for_each(|part| out.write_all(part))
    };
    let mut segments = || {
        if let Some(xmp) = &metadata.xmp {
            segment(0xE1, jpeg_segments::XMP, xmp)?;
        }
        if let Some(iptc) = &metadata.iptc {
            segment(0xED, jpeg_segments::PHOTOSHOP, &photoshop::resources(iptc))?;
        }
        for Text { keyword, text } in &metadata.texts {
            let keyword =
                if keyword == jpeg_segments::COMMENT { String::new() } else { format!("{keyword}: ") };
            segment(0xFE, keyword.as_bytes(), text.as_bytes())?;
        }
        Ok(())
    };
    let written: std::io::Result<()> = segments();
    written.map_err(write_error)?;
    out.write_all(body).map_err(write_error)
}

fn jfif_density(density: Density) -> PixelDensity {
    let whole = |dots: f64| dots.round().clamp(1.0, 65_535.0) as u16;
    let (dots, unit) = match density.unit {
        DensityUnit::Aspect => ([density.x, density.y], PixelDensityUnit::PixelAspectRatio),
        DensityUnit::Inch => (density.per_inch(), PixelDensityUnit::Inches),
        DensityUnit::Centimeter => ([density.x, density.y], PixelDensityUnit::Centimeters),
    };
    PixelDensity { density: (whole(dots[0]), whole(dots[1])), unit }
}

fn png_density(density: Density) -> png::PixelDimensions {
    let (factor, unit) = match density.unit {
        DensityUnit::Aspect => (1.0, png::Unit::Unspecified),
        DensityUnit::Inch => (1.0 / 0.0254, png::Unit::Meter),
        DensityUnit::Centimeter => (100.0, png::Unit::Meter),
    };
    let [xppu, yppu] = [density.x, density.y].map(|dots| (dots * factor).round().clamp(1.0, 2e9) as u32);
    png::PixelDimensions { xppu, yppu, unit }
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
    info.pixel_dims = metadata.density.map(png_density);
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
        encoder.add_itxt_chunk(png_chunks::XMP.to_owned(), xmp.to_owned()).map_err(fail)?;
    }
    if let Some(iptc) = &metadata.iptc {
        let (keyword, text) = png_chunks::as_raw_profile("iptc", &photoshop::resources(iptc));
        encoder.add_ztxt_chunk(keyword, text).map_err(fail)?;
    }
    let is_latin1 = |text: &str| text.chars().all(|c| c <= '\u{FF}');
    let texts = metadata.texts.iter().filter(|Text { keyword, text }| {
        (1..80).contains(&keyword.chars().count()) && is_latin1(keyword) && !text.contains('\0')
    });
    for Text { keyword, text } in texts.cloned() {
        let added = if is_latin1(&text) {
            encoder.add_text_chunk(keyword, text)
        } else {
            encoder.add_itxt_chunk(keyword, text)
        };
        added.map_err(fail)?;
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
