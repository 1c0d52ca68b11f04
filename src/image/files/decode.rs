//! Decoding of image files.

use super::format::is_tiff;
use super::io::{Source, check_header, read_error};
use super::metadata::FileMetadata;
use super::tiff;
use crate::error::{Error, Result};
use crate::image::buffers::check_available;
use crate::image::photo::{Channels, MAX_PIXELS, Photo, Samples};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};
use std::io::{BufRead, Seek};

/// The refusal of formats that only browsers decode.
const BROWSERS_ONLY: &str = "AVIF, HEIC and JPEG XL are decoded by browsers only: open it on the page";

/// A decoded file.
#[derive(Debug)]
pub struct DecodedFile {
    /// The photograph, upright.
    pub photo: Photo,
    /// The metadata that the coloured file inherits.
    pub metadata: FileMetadata,
}

fn decoder_error(error: ImageError) -> Error {
    match error {
        ImageError::Limits(_) => {
            Error::ImageDecode("it claims more memory than a photograph of its size needs".to_owned())
        }
        error => Error::ImageDecode(error.to_string()),
    }
}

/// Decodes a file of any format this build knows and turns it upright; of a file with several pictures,
/// the first.
///
/// # Errors
/// [`Error::ImageDecode`] for damaged or unknown files, [`Error::ImageTooLarge`] before anything
/// of that size is allocated, [`Error::OutOfMemory`].
pub fn decode(mut file: impl BufRead + Seek) -> Result<DecodedFile> {
    decode_any(&mut file)
}

fn decode_any(file: &mut dyn Source) -> Result<DecodedFile> {
    check_header(file)?;
    let mut head = [0; 16];
    let known = file.read(&mut head).map_err(read_error)?;
    let head = &head[..known];
    file.rewind().map_err(read_error)?;
    if head.get(4..8) == Some(b"ftyp") || head.get(4..8) == Some(b"JXL ") || head.starts_with(b"\xFF\x0A") {
        return Err(Error::ImageDecode(BROWSERS_ONLY.to_owned()));
    }
    let of_tiff = if is_tiff(head) { tiff::metadata(file) } else { None };
    file.rewind().map_err(read_error)?;

    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PIXELS * 8 + (64 << 20));
    let mut reader = ImageReader::new(file).with_guessed_format().map_err(read_error)?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(decoder_error)?;
    let (width, height) = decoder.dimensions();
    Photo::check_size(width.into(), height.into())?;
    // Damaged metadata is no reason to refuse the picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let metadata = of_tiff.unwrap_or_else(|| FileMetadata::of(&mut decoder)).checked();
    // Turning makes a second copy.
    let copies = if orientation == Orientation::NoTransforms { 1 } else { 2 };
    check_available(decoder.total_bytes() * copies)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(decoder_error)?;
    picture.apply_orientation(orientation);
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
        metadata: metadata.upright(width, height),
    })
}
