//! Image files to [`Photo`]s and back, with what belongs to them: orientation, EXIF, ICC.

use crate::error::{Error, Result};
use crate::photo::{Channels, MAX_PIXELS, Photo, Samples};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageReader, Limits};
use std::io::{BufRead, Seek, Write};

/// A decoded file.
#[derive(Debug)]
pub struct DecodedFile {
    /// The picture, upright.
    pub photo: Photo,
    /// What is carried over to the coloured file.
    pub metadata: FileMetadata,
}

/// What a file says beside its pixels.
#[derive(Clone, Debug, Default)]
pub struct FileMetadata {
    /// EXIF block, its orientation already applied and removed.
    pub exif: Option<Vec<u8>>,
    /// ICC profile, if it describes RGB: one for gray does not fit the coloured picture.
    pub icc: Option<Vec<u8>>,
}

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

/// Whether a canvas would coarsen a file: TIFF, which browsers do not read, and PNG of 16 bits or
/// with alpha, which a canvas narrows to 8 and multiplies. Needs the first 26 bytes.
#[must_use]
pub fn loses_in_canvas(head: &[u8]) -> bool {
    let tiff = head.starts_with(b"II*\0") || head.starts_with(b"MM\0*");
    // IHDR comes first: bit depth at byte 24, colour type (4 and 6 have alpha) at 25.
    let png = head.starts_with(b"\x89PNG\r\n\x1a\n");
    tiff || (png && (head.get(24) == Some(&16) || matches!(head.get(25), Some(4 | 6))))
}

/// Decodes a file of any format this build knows, turned upright.
///
/// # Errors
/// [`Error::ImageDecode`] for damaged or unknown files, [`Error::ImageTooLarge`] before anything
/// of that size is allocated.
pub fn decode(reader: impl BufRead + Seek) -> Result<DecodedFile> {
    let fail = |error: image::ImageError| Error::ImageDecode(error.to_string());
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PIXELS * 8 + (64 << 20));
    let mut reader = ImageReader::new(reader)
        .with_guessed_format()
        .map_err(|error| Error::ImageDecode(error.to_string()))?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(fail)?;
    let (width, height) = decoder.dimensions();
    Photo::check_size(width.into(), height.into())?;
    // Damaged metadata is no reason to refuse the picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut exif = decoder.exif_metadata().unwrap_or_default();
    let icc =
        decoder.icc_profile().unwrap_or_default().filter(|profile| profile.get(16..20) == Some(b"RGB "));
    let mut picture = DynamicImage::from_decoder(decoder).map_err(fail)?;
    if orientation != Orientation::NoTransforms {
        picture.apply_orientation(orientation);
        if let Some(exif) = &mut exif {
            let _ = Orientation::remove_from_exif_chunk(exif);
        }
    }
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let (channels, samples) = match picture {
        DynamicImage::ImageLuma8(i) => (Channels::Gray, Samples::U8(i.into_raw())),
        DynamicImage::ImageLumaA8(i) => (Channels::GrayAlpha, Samples::U8(i.into_raw())),
        DynamicImage::ImageRgb8(i) => (Channels::Rgb, Samples::U8(i.into_raw())),
        DynamicImage::ImageRgba8(i) => (Channels::Rgba, Samples::U8(i.into_raw())),
        DynamicImage::ImageLuma16(i) => (Channels::Gray, Samples::U16(i.into_raw())),
        DynamicImage::ImageLumaA16(i) => (Channels::GrayAlpha, Samples::U16(i.into_raw())),
        DynamicImage::ImageRgb16(i) => (Channels::Rgb, Samples::U16(i.into_raw())),
        DynamicImage::ImageRgba16(i) => (Channels::Rgba, Samples::U16(i.into_raw())),
        other if other.color().has_alpha() => (Channels::Rgba, Samples::U16(other.into_rgba16().into_raw())),
        other => (Channels::Rgb, Samples::U16(other.into_rgb16().into_raw())),
    };
    Ok(DecodedFile {
        photo: Photo::new(width, height, channels, samples)?,
        metadata: FileMetadata { exif, icc },
    })
}

/// Encodes a photograph. Formats that cannot hold 16 bits or alpha get 8 bits over white.
///
/// # Errors
/// [`Error::ImageEncode`] where the writer or the format fails.
pub fn encode(
    photo: &Photo,
    metadata: &FileMetadata,
    format: FileFormat,
    out: impl Write + Seek,
) -> Result<()> {
    use image::ExtendedColorType as Color;
    use image::codecs::{jpeg::JpegEncoder, png, tiff::TiffEncoder};

    let fail = |error: image::ImageError| Error::ImageEncode(error.to_string());
    fn attach(encoder: &mut impl ImageEncoder, metadata: &FileMetadata) {
        // A format without a place for one of these keeps the picture all the same.
        if let Some(icc) = &metadata.icc {
            let _ = encoder.set_icc_profile(icc.clone());
        }
        if let Some(exif) = &metadata.exif {
            let _ = encoder.set_exif_metadata(exif.clone());
        }
    }
    let too_wide = |side: usize| {
        u32::try_from(side).map_err(|_| Error::ImageEncode(format!("{side} pixels is too wide")))
    };
    let (width, height) = (too_wide(photo.width())?, too_wide(photo.height())?);

    if let FileFormat::Jpeg { quality } = format {
        let mut encoder = JpegEncoder::new_with_quality(out, quality.clamp(1, 100));
        attach(&mut encoder, metadata);
        return match (photo.samples(), photo.channels()) {
            (Samples::U8(v), Channels::Rgb) => encoder.write_image(v, width, height, Color::Rgb8),
            (Samples::U8(v), Channels::Gray) => encoder.write_image(v, width, height, Color::L8),
            _ => {
                let flat = photo.resized_over_white(photo.width(), photo.height());
                encoder.write_image(&flat, width, height, Color::Rgb8)
            }
        }
        .map_err(fail);
    }
    let color;
    let bytes: &[u8] = match photo.samples() {
        Samples::U8(v) => {
            color = [Color::L8, Color::La8, Color::Rgb8, Color::Rgba8][photo.channels().count() - 1];
            v
        }
        Samples::U16(v) => {
            color = [Color::L16, Color::La16, Color::Rgb16, Color::Rgba16][photo.channels().count() - 1];
            bytemuck::cast_slice(v)
        }
    };
    match format {
        FileFormat::Png => {
            let mut encoder =
                png::PngEncoder::new_with_quality(out, png::CompressionType::Fast, png::FilterType::Adaptive);
            attach(&mut encoder, metadata);
            encoder.write_image(bytes, width, height, color)
        }
        FileFormat::Tiff => {
            let mut encoder = TiffEncoder::new(out);
            attach(&mut encoder, metadata);
            encoder.write_image(bytes, width, height, color)
        }
        FileFormat::Jpeg { .. } => unreachable!("written above"),
    }
    .map_err(fail)
}
