//! Decoding of image files.

use super::format::is_tiff;
use super::io::{Source, check_header, read_error, read_up_to};
#[cfg(not(target_arch = "wasm32"))]
use super::jpeg;
use super::jpeg_segments;
use super::metadata::FileMetadata;
use super::tiff::{self, TiffPage};
use super::warnings::DecodeWarning;
use super::{png, profile};
use crate::error::{Error, Result};
use crate::image::buffers::{check_available, try_with_capacity};
use crate::image::photo::{Channels, MAX_PIXELS, Photo, Samples};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};
use moxcms::ColorProfile;
#[cfg(not(target_arch = "wasm32"))]
use std::io::Cursor;
use std::io::{BufRead, Seek};

/// The refusal of formats that only browsers decode.
const BROWSERS_ONLY: &str = "AVIF, HEIC and JPEG XL are decoded by browsers only: open it on the page";

/// A decoded file.
#[derive(Debug)]
pub struct DecodedFile {
    /// The photograph, upright, in sRGB.
    pub photo: Photo,
    /// The metadata that the coloured file inherits.
    pub metadata: FileMetadata,
    /// What was amiss with the file.
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

/// A decoded file as it lies in it: neither upright nor in sRGB, its metadata not checked.
struct Stored {
    photo: Photo,
    metadata: FileMetadata,
    orientation: Orientation,
    /// The colours of a file without an ICC profile.
    colors: Option<ColorProfile>,
}

fn decoder_error(error: ImageError) -> Error {
    match error {
        ImageError::Limits(_) => {
            Error::ImageDecode("it claims more memory than a photograph of its size needs".to_owned())
        }
        error => Error::ImageDecode(error.to_string()),
    }
}

/// Decodes a file of any format this build knows, turns it upright and converts it to sRGB; of a file with
/// several pictures, the first.
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
    guarded(|| decode_any(&mut file, options))
}

/// Makes an error of a decoder's panic: it costs this photograph and not those after it. In the browser a
/// panic ends the engine, and the page starts another.
#[cfg(not(target_arch = "wasm32"))]
fn guarded<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    // The file and what was made of it are dropped, so that nothing half-changed is seen.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode)).unwrap_or_else(|panic| {
        let reason = panic.downcast_ref::<&str>().map(|reason| (*reason).to_owned());
        let reason = reason.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(Error::ImageDecode(format!("its decoder failed ({reason})")))
    })
}

#[cfg(target_arch = "wasm32")]
fn guarded<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    decode()
}

fn decode_any(file: &mut dyn Source, options: DecodeOptions) -> Result<DecodedFile> {
    check_header(file)?;
    let mut head = [0; 16];
    let known = read_up_to(file, &mut head).map_err(read_error)?;
    let head = &head[..known];
    file.rewind().map_err(read_error)?;
    if head.get(4..8) == Some(b"ftyp") || head.get(4..8) == Some(b"JXL ") || head.starts_with(b"\xFF\x0A") {
        return Err(Error::ImageDecode(BROWSERS_ONLY.to_owned()));
    }
    let is_tiff = is_tiff(head);
    if options.page != 1 && !is_tiff {
        let (name, value) = ("page", options.page.to_string());
        return Err(Error::Parameter { name, value, range: "1, but for TIFF files" });
    }
    let mut warnings = Vec::new();
    let Stored { mut photo, mut metadata, orientation, colors } = if head.starts_with(b"\x89PNG") {
        of_png(file, &mut warnings)?
    } else if head.starts_with(b"\xFF\xD8") {
        of_jpeg(file, &mut warnings)?
    } else if is_tiff {
        of_tiff(file, options.page, &mut warnings)?
    } else {
        of_other(file)?
    };
    profile::to_srgb(&mut photo, &mut metadata.icc, colors.as_ref(), &mut warnings);
    let photo = upright(photo, orientation)?;
    let metadata = metadata.checked().upright(photo.width(), photo.height());
    Ok(DecodedFile { photo, metadata, warnings })
}

/// The way in which a photograph is to be turned. Damaged metadata is no reason to refuse the picture.
fn orientation_of(number: u8) -> Orientation {
    Orientation::from_exif(number).unwrap_or(Orientation::NoTransforms)
}

fn of_tiff(file: &mut dyn Source, page: usize, warnings: &mut Vec<DecodeWarning>) -> Result<Stored> {
    let TiffPage { photo, metadata, orientation } = tiff::decode(file, page, warnings)?;
    Ok(Stored { photo, metadata, orientation: orientation_of(orientation), colors: None })
}

fn of_png(file: &mut dyn Source, warnings: &mut Vec<DecodeWarning>) -> Result<Stored> {
    let png::Described { metadata, colors, warning } = png::described(file);
    warnings.extend(warning);
    let orientation = orientation_of(metadata.orientation());
    Ok(Stored { photo: png::decode(file, warnings)?, metadata, orientation, colors })
}

#[cfg(not(target_arch = "wasm32"))]
fn of_jpeg(file: &mut dyn Source, warnings: &mut Vec<DecodeWarning>) -> Result<Stored> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(read_error)?;
    let mut metadata = jpeg_segments::read(&mut Cursor::new(&bytes));
    let orientation = orientation_of(metadata.orientation());
    let photo = jpeg::decode(bytes, &mut metadata.icc, warnings)?;
    Ok(Stored { photo, metadata, orientation, colors: None })
}

#[cfg(target_arch = "wasm32")]
fn of_jpeg(file: &mut dyn Source, _: &mut Vec<DecodeWarning>) -> Result<Stored> {
    let metadata = jpeg_segments::read(file);
    Ok(Stored { orientation: orientation_of(metadata.orientation()), metadata, ..of_other(file)? })
}

fn of_other(file: &mut dyn Source) -> Result<Stored> {
    file.rewind().map_err(read_error)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PIXELS * 8 + (64 << 20));
    let mut reader = ImageReader::new(file).with_guessed_format().map_err(read_error)?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(decoder_error)?;
    let (width, height) = decoder.dimensions();
    Photo::check_size(width.into(), height.into())?;
    let metadata = FileMetadata::of(&mut decoder);
    let orientation = orientation_of(metadata.orientation());
    check_available(decoder.total_bytes())?;
    let picture = DynamicImage::from_decoder(decoder).map_err(decoder_error)?;
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
    Ok(Stored { photo: Photo::new(width, height, channels, samples)?, metadata, orientation, colors: None })
}

/// The photograph turned upright, which makes a second copy.
fn upright(photo: Photo, orientation: Orientation) -> Result<Photo> {
    if orientation == Orientation::NoTransforms {
        return Ok(photo);
    }
    let (width, height, channels) = (photo.width(), photo.height(), photo.channels());
    let size = (width, height);
    let swaps = matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let samples = match photo.samples() {
        Samples::U8(samples) => Samples::U8(turned(samples, size, channels.count(), orientation)?),
        Samples::U16(samples) => Samples::U16(turned(samples, size, channels.count(), orientation)?),
    };
    let (width, height) = if swaps { (height, width) } else { size };
    Photo::new(width, height, channels, samples)
}

fn turned<T: Copy>(
    samples: &[T],
    (width, height): (usize, usize),
    pixel: usize,
    orientation: Orientation,
) -> Result<Vec<T>> {
    let mut turned = try_with_capacity(samples.len())?;
    // Where the pixel at (x, y) of the upright photograph lies.
    type Place = fn(usize, usize, usize, usize) -> (usize, usize);
    let (across, place): (usize, Place) = match orientation {
        Orientation::NoTransforms => (width, |x, y, _, _| (x, y)),
        Orientation::FlipHorizontal => (width, |x, y, w, _| (w - 1 - x, y)),
        Orientation::Rotate180 => (width, |x, y, w, h| (w - 1 - x, h - 1 - y)),
        Orientation::FlipVertical => (width, |x, y, _, h| (x, h - 1 - y)),
        Orientation::Rotate90FlipH => (height, |x, y, _, _| (y, x)),
        Orientation::Rotate90 => (height, |x, y, _, h| (y, h - 1 - x)),
        Orientation::Rotate270FlipH => (height, |x, y, w, h| (w - 1 - y, h - 1 - x)),
        Orientation::Rotate270 => (height, |x, y, w, _| (w - 1 - y, x)),
    };
    for y in 0..width * height / across {
        for x in 0..across {
            let (from_x, from_y) = place(x, y, width, height);
            let at = (from_y * width + from_x) * pixel;
            turned.extend_from_slice(&samples[at..at + pixel]);
        }
    }
    Ok(turned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_decoder_is_an_error_of_the_photograph() {
        let error = guarded::<()>(|| panic!("{} is no row", 7)).unwrap_err();
        assert_eq!(error.code(), "image-decode");
        assert!(error.to_string().contains("its decoder failed (7 is no row)"), "{error}");
    }

    #[test]
    fn photographs_are_turned_as_exif_says() {
        let rows = [[0u8, 1, 2], [3, 4, 5]].concat();
        for (number, expected) in [
            (1, &[0, 1, 2, 3, 4, 5][..]),
            (2, &[2, 1, 0, 5, 4, 3]),
            (3, &[5, 4, 3, 2, 1, 0]),
            (4, &[3, 4, 5, 0, 1, 2]),
            (5, &[0, 3, 1, 4, 2, 5]),
            (6, &[3, 0, 4, 1, 5, 2]),
            (7, &[5, 2, 4, 1, 3, 0]),
            (8, &[2, 5, 1, 4, 0, 3]),
        ] {
            let photo = Photo::new(3, 2, Channels::Gray, Samples::U8(rows.clone())).unwrap();
            let turned = upright(photo, Orientation::from_exif(number).unwrap()).unwrap();
            assert_eq!(turned.samples(), &Samples::U8(expected.to_vec()), "orientation {number}");
            assert_eq!(turned.width(), if number > 4 { 2 } else { 3 });
        }
    }
}
