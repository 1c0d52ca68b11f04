//! PNG files: what they say beside their pixels, read with a limit for what unpacks, and their pixels.

use super::io::{Source, read_error, read_up_to};
use super::metadata::FileMetadata;
use super::png_chunks;
use super::warnings::DecodeWarning;
use crate::error::{Error, Result};
use crate::image::buffers::try_with_capacity;
use crate::image::photo::{Channels, Photo, Samples};
use ::png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Transformations};
use moxcms::{Chromaticity, CicpProfile, ColorPrimaries, ColorProfile, ToneReprCurve};
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Largest chunk of metadata that is read, and most bytes that one may unpack to. Profiles of printers have
/// some megabytes.
const MAX_CHUNK: usize = 16 << 20;

/// A gamma within this of 1/2.2 was written for sRGB, as programs did that knew no better name for it.
const NEAR_SRGB: std::ops::RangeInclusive<u32> = 45_400..=45_510;

/// What a PNG says beside its pixels.
#[derive(Debug, Default)]
pub(super) struct Described {
    pub metadata: FileMetadata,
    /// The colours of a file without an ICC profile and without the mark of sRGB.
    pub colors: Option<ColorProfile>,
    /// What was wrong with its profile.
    pub warning: Option<DecodeWarning>,
}

fn numbers(content: &[u8]) -> Vec<u32> {
    let (numbers, _) = content.as_chunks::<4>();
    numbers.iter().map(|bytes| u32::from_be_bytes(*bytes)).collect()
}

/// The primaries of sRGB: white, red, green, blue.
const SRGB_PRIMARIES: [u32; 8] = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000];

/// A profile of gamma and primaries; `None` where they are sRGB's.
fn described_by(gamma: u32, primaries: Option<&[u32]>) -> Option<ColorProfile> {
    let primaries = primaries.filter(|primaries| {
        let differ = |(a, b): (&u32, &u32)| a.abs_diff(*b) > 100;
        primaries.len() == 8 && primaries.iter().zip(&SRGB_PRIMARIES).any(differ)
    });
    if gamma == 0 || (primaries.is_none() && NEAR_SRGB.contains(&gamma)) {
        return None;
    }
    let mut profile = ColorProfile::new_srgb();
    if let Some(&[wx, wy, rx, ry, gx, gy, bx, by]) = primaries {
        let at = |x: u32, y: u32| Chromaticity::new(x as f32 / 1e5, y as f32 / 1e5);
        if [wy, ry, gy, by].contains(&0) {
            return None;
        }
        let primaries = ColorPrimaries { red: at(rx, ry), green: at(gx, gy), blue: at(bx, by) };
        profile.update_rgb_colorimetry(at(wx, wy).to_xyyb(), primaries);
    }
    let curve = ToneReprCurve::Parametric(vec![1e5 / gamma as f32]);
    profile.red_trc = Some(curve.clone());
    profile.green_trc = Some(curve.clone());
    profile.blue_trc = Some(curve);
    Some(profile)
}

/// A profile of code points of ITU-T H.273; `None` where they are sRGB's or not known.
fn described_by_points(points: &[u8]) -> std::result::Result<Option<ColorProfile>, DecodeWarning> {
    let &[primaries, transfer, matrix, full_range, ..] = points else { return Ok(None) };
    let refused = |reason: &str| DecodeWarning::ProfileDropped { reason: reason.to_owned() };
    if [16, 18].contains(&transfer) {
        return Err(refused("it is for a screen of high dynamic range"));
    }
    let (Ok(color_primaries), Ok(transfer_characteristics), Ok(matrix_coefficients)) =
        (primaries.try_into(), transfer.try_into(), matrix.try_into())
    else {
        return Err(refused("its code points are not known"));
    };
    let profile = ColorProfile::new_from_cicp(CicpProfile {
        color_primaries,
        transfer_characteristics,
        matrix_coefficients,
        full_range: full_range == 1,
    });
    if profile.red_trc.is_none() || matrix != 0 || full_range != 1 {
        return Err(refused("its code points are not for RGB"));
    }
    Ok(Some(profile))
}

/// Reads the chunks of a PNG and leaves out those that are damaged.
pub(super) fn described(file: &mut dyn Source) -> Described {
    let mut found = Described { metadata: png_chunks::read(file), ..Described::default() };
    if file.rewind().is_err() {
        return found;
    }
    let mut has_profile = false;
    let (mut gamma, mut primaries, mut points, mut is_srgb) = (None, None, None, false);
    let mut signature = [0; 8];
    if file.read_exact(&mut signature).is_err() || signature != SIGNATURE {
        return found;
    }
    let mut head = [0; 8];
    while file.read_exact(&mut head).is_ok() {
        let [a, b, c, d, kind @ ..] = head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let wanted = [b"gAMA", b"cHRM", b"cICP", b"sRGB"].contains(&&kind);
        has_profile |= &kind == b"iCCP";
        if !wanted || length > MAX_CHUNK {
            if &kind == b"IEND" || file.seek(SeekFrom::Current(length as i64 + 4)).is_err() {
                break;
            }
            continue;
        }
        let mut content = Vec::new();
        let read = Read::take(&mut *file, length as u64).read_to_end(&mut content);
        let mut check = [0; 4];
        if read.is_err() || content.len() < length || file.read_exact(&mut check).is_err() {
            break;
        }
        match &kind {
            b"gAMA" => gamma = numbers(&content).first().copied(),
            b"cHRM" => primaries = Some(numbers(&content)),
            b"cICP" => points = Some(content),
            b"sRGB" => is_srgb = true,
            _ => {}
        }
    }
    if has_profile && found.metadata.icc.is_none() {
        let reason = "it is damaged or too long".to_owned();
        found.warning = Some(DecodeWarning::ProfileDropped { reason });
    }
    if found.metadata.icc.is_none() && !is_srgb {
        match points.as_deref().map(described_by_points) {
            Some(Ok(colors)) => found.colors = colors,
            Some(Err(warning)) => found.warning = Some(warning),
            None => found.colors = gamma.and_then(|gamma| described_by(gamma, primaries.as_deref())),
        }
    }
    found
}

/// A PNG without the chunks that its picture does not need: what is wrong in them then harms nobody, and
/// animations are their first picture.
struct Needed<'a> {
    file: &'a mut dyn Source,
    /// The head of the chunk that is read, and how much of it was passed on.
    head: [u8; 8],
    passed: usize,
    /// Bytes of content and check sum still to come.
    left: u64,
}

impl<'a> Needed<'a> {
    /// A file that stands at its beginning.
    fn new(file: &'a mut dyn Source) -> Self {
        // The signature goes as a head without content.
        Self { file, head: [0; 8], passed: 8, left: 8 }
    }
}

impl Read for Needed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.passed == 8 && self.left == 0 {
            if read_up_to(self.file, &mut self.head)? < 8 {
                return Ok(0);
            }
            let [a, b, c, d, kind @ ..] = self.head;
            let length = u64::from(u32::from_be_bytes([a, b, c, d])) + 4;
            // Chunks of a lower-case initial may be left out.
            if kind[0].is_ascii_lowercase() && &kind != b"tRNS" {
                self.file.seek(SeekFrom::Current(length as i64))?;
            } else {
                (self.passed, self.left) = (0, length);
            }
        }
        if self.passed < 8 {
            let head = &self.head[self.passed..];
            let count = head.len().min(buffer.len());
            buffer[..count].copy_from_slice(&head[..count]);
            self.passed += count;
            return Ok(count);
        }
        let count = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.file.read(&mut buffer[..count])?;
        self.left -= count as u64;
        Ok(count)
    }
}

impl Seek for Needed<'_> {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(ErrorKind::Unsupported.into())
    }
}

fn failed(error: DecodingError) -> Error {
    match error {
        DecodingError::LimitsExceeded => {
            Error::ImageDecode("it claims more memory than a photograph of its size needs".to_owned())
        }
        error => Error::ImageDecode(error.to_string()),
    }
}

/// Decodes the pixels. Of a file that ends early or is damaged, those rows that can be read.
pub(super) fn decode(file: &mut dyn Source, warnings: &mut Vec<DecodeWarning>) -> Result<Photo> {
    file.rewind().map_err(read_error)?;
    let file = BufReader::with_capacity(1 << 16, Needed::new(file));
    let mut decoder = Decoder::new_with_limits(file, Limits { bytes: 64 << 20 });
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(failed)?;
    let (width, height) = reader.info().size();
    Photo::check_size(width.into(), height.into())?;
    let (color, depth) = reader.output_color_type();
    let channels = match color {
        ColorType::Grayscale => Channels::Gray,
        ColorType::GrayscaleAlpha => Channels::GrayAlpha,
        ColorType::Rgb | ColorType::Indexed => Channels::Rgb,
        ColorType::Rgba => Channels::Rgba,
    };
    let count = width as usize * height as usize * channels.count();
    let mut read = |bytes: &mut [u8]| {
        let Err(error) = reader.next_frame(bytes) else { return Ok(()) };
        if bytes.iter().all(|byte| *byte == 0) {
            return Err(failed(error));
        }
        warnings.push(match error {
            DecodingError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
                DecodeWarning::Truncated { format: "PNG" }
            }
            error => DecodeWarning::Damaged { format: "PNG", reason: error.to_string() },
        });
        Ok(())
    };
    let samples = if depth == BitDepth::Sixteen {
        let mut samples: Vec<u16> = try_with_capacity(count)?;
        samples.resize(count, 0);
        read(bytemuck::cast_slice_mut(&mut samples))?;
        samples.iter_mut().for_each(|sample| *sample = u16::from_be(*sample));
        Samples::U16(samples)
    } else {
        let mut samples = try_with_capacity(count)?;
        samples.resize(count, 0);
        read(&mut samples)?;
        Samples::U8(samples)
    };
    Photo::new(width as usize, height as usize, channels, samples)
}
