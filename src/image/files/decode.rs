//! Decoding of image files.

use super::format::is_tiff;
use super::io::{Source, check_header, read_error};
use super::metadata::FileMetadata;
use super::read_metadata::of_segments;
use super::tiff;
use super::warnings::DecodeWarning;
use crate::error::{Error, Result};
use crate::image::buffers::check_available;
use crate::image::photo::{Channels, MAX_PIXELS, Photo, Samples};
use image::metadata::Orientation;
use image::{
    DynamicImage, GrayAlphaImage, GrayImage, ImageBuffer, ImageDecoder, ImageError, ImageReader, Limits,
    Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage,
};
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
    /// What is not as it should be, or worth telling.
    pub warnings: Vec<DecodeWarning>,
}

/// What is decoded of a file.
#[derive(Clone, Copy, Debug)]
pub struct DecodeOptions {
    /// The page, 1 for the first. Only TIFF files have more than one.
    pub page: usize,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self { page: 1 }
    }
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
pub fn decode(file: impl BufRead + Seek) -> Result<DecodedFile> {
    decode_with(file, DecodeOptions::default())
}

/// Decodes a picture of a file.
///
/// # Errors
/// As [`decode`], and [`Error::Parameter`] for a page that there is not.
pub fn decode_with(mut file: impl BufRead + Seek, options: DecodeOptions) -> Result<DecodedFile> {
    decode_any(&mut file, options)
}

fn decode_any(file: &mut dyn Source, options: DecodeOptions) -> Result<DecodedFile> {
    check_header(file)?;
    let mut head = [0; 16];
    let known = file.read(&mut head).map_err(read_error)?;
    let head = &head[..known];
    file.rewind().map_err(read_error)?;
    if head.get(4..8) == Some(b"ftyp") || head.get(4..8) == Some(b"JXL ") || head.starts_with(b"\xFF\x0A") {
        return Err(Error::ImageDecode(BROWSERS_ONLY.to_owned()));
    }
    if is_tiff(head) {
        let page = tiff::decode(file, options.page)?;
        let photo = turned(page.photo, page.orientation)?;
        let metadata = page.metadata.checked().upright(photo.width(), photo.height());
        return Ok(DecodedFile { photo, metadata, warnings: page.warnings });
    }
    if options.page != 1 {
        let (name, value) = ("page", options.page.to_string());
        return Err(Error::Parameter { name, value, range: "1, but for TIFF files" });
    }
    let of_segments = of_segments(file);
    file.rewind().map_err(read_error)?;

    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PIXELS * 8 + (64 << 20));
    let mut reader = ImageReader::new(file).with_guessed_format().map_err(read_error)?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(decoder_error)?;
    let (width, height) = decoder.dimensions();
    Photo::check_size(width.into(), height.into())?;
    // Damaged metadata is no reason to refuse the picture.
    let metadata = of_segments.unwrap_or_else(|| FileMetadata::of(&mut decoder)).checked();
    let orientation = Orientation::from_exif(metadata.orientation()).unwrap_or(Orientation::NoTransforms);
    // Turning makes a second copy.
    let copies = if orientation == Orientation::NoTransforms { 1 } else { 2 };
    check_available(decoder.total_bytes() * copies)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(decoder_error)?;
    picture.apply_orientation(orientation);
    let photo = photo_of(picture)?;
    let metadata = metadata.upright(photo.width(), photo.height());
    Ok(DecodedFile { photo, metadata, warnings: Vec::new() })
}

fn photo_of(picture: DynamicImage) -> Result<Photo> {
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
    Photo::new(width, height, channels, samples)
}

/// A photograph turned as EXIF's number says.
fn turned(photo: Photo, orientation: u8) -> Result<Photo> {
    let Some(orientation) = Orientation::from_exif(orientation).filter(|o| *o != Orientation::NoTransforms)
    else {
        return Ok(photo);
    };
    let (width, height, channels) = (photo.width() as u32, photo.height() as u32, photo.channels());
    let picture = match (photo.into_samples(), channels) {
        (Samples::U8(v), Channels::Gray) => GrayImage::from_raw(width, height, v).map(Into::into),
        (Samples::U8(v), Channels::GrayAlpha) => GrayAlphaImage::from_raw(width, height, v).map(Into::into),
        (Samples::U8(v), Channels::Rgb) => RgbImage::from_raw(width, height, v).map(Into::into),
        (Samples::U8(v), Channels::Rgba) => RgbaImage::from_raw(width, height, v).map(Into::into),
        (Samples::U16(v), Channels::Gray) => {
            ImageBuffer::<Luma<u16>, _>::from_raw(width, height, v).map(Into::into)
        }
        (Samples::U16(v), Channels::GrayAlpha) => {
            ImageBuffer::<LumaA<u16>, _>::from_raw(width, height, v).map(Into::into)
        }
        (Samples::U16(v), Channels::Rgb) => {
            ImageBuffer::<Rgb<u16>, _>::from_raw(width, height, v).map(Into::into)
        }
        (Samples::U16(v), Channels::Rgba) => {
            ImageBuffer::<Rgba<u16>, _>::from_raw(width, height, v).map(Into::into)
        }
    };
    let mut picture: DynamicImage = picture.expect("a photograph's samples fill it");
    check_available(picture.as_bytes().len() as u64)?;
    picture.apply_orientation(orientation);
    photo_of(picture)
}
