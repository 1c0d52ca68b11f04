//! Stored samples to a photograph's.

use super::chunks::Stored;
use super::layout::{Colors, Layout};
use crate::color::lab::srgb_from_linear;
use crate::error::Result;
use crate::image::buffers::try_with_capacity;
use crate::image::photo::{Channels, Photo, Sample, Samples};

/// Linear sRGB of XYZ under D50, adapted by Bradford's method (the inverse of the matrix in the ICC's
/// sRGB profile).
const RGB_FROM_XYZ_D50: [[f32; 3]; 3] = [
    [3.133_856, -1.616_867, -0.490_615],
    [-0.978_768, 1.916_141, 0.033_454],
    [0.071_945, -0.228_991, 1.405_243],
];
const WHITE_D50: [f32; 3] = [0.9642, 1.0, 0.8249];

/// Makes a photograph of the samples of a page.
pub(super) fn photo(layout: &Layout, stored: Stored) -> Result<Photo> {
    let (channels, samples) = match stored {
        Stored::U8(samples) => {
            let (channels, samples) = converted(layout, samples, (1 << layout.bits) - 1)?;
            (channels, Samples::U8(samples))
        }
        Stored::U16(samples) => {
            let (channels, samples) = converted(layout, samples, (1 << layout.bits) - 1)?;
            (channels, Samples::U16(samples))
        }
        Stored::Real(samples) => {
            let (channels, samples) = converted(layout, codes(&samples)?, u16::MAX.into())?;
            (channels, Samples::U16(samples))
        }
    };
    Photo::new(layout.width, layout.height, channels, samples)
}

/// The four inks of each pixel, for a profile to convert; extra samples are left out.
pub(super) fn inks(layout: &Layout, stored: Stored) -> Vec<u8> {
    let codes: Vec<u8> = match stored {
        Stored::U8(codes) => codes,
        Stored::U16(codes) => codes.into_iter().map(|code| (code >> (layout.bits - 8)) as u8).collect(),
        Stored::Real(shares) => shares.into_iter().map(|share| (share * 255.0 + 0.5) as u8).collect(),
    };
    codes.chunks_exact(layout.samples).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], pixel[3]]).collect()
}

/// Numbers of any range as 16-bit codes. Files do not say what their white is: 1 for floats, the largest
/// of 8, 16 or 32 bits for those that have counted; the least of them that holds the brightest sample. A
/// little above 1 are lights brighter than white.
fn codes(numbers: &[f32]) -> Result<Vec<u16>> {
    const BRIGHTER_THAN_WHITE: f32 = 8.0;
    let most = numbers.iter().copied().filter(|number| number.is_finite()).fold(0.0, f32::max);
    let white = match most {
        ..=BRIGHTER_THAN_WHITE => 1.0,
        ..=255.0 => 255.0,
        ..=65_535.0 => 65_535.0,
        ..=4_294_967_296.0 => 4_294_967_296.0,
        most => most,
    };
    let mut codes = try_with_capacity(numbers.len())?;
    codes.extend(numbers.iter().map(|number| (number / white * 65_535.0 + 0.5) as u16));
    Ok(codes)
}

/// Converts samples from 0 to `max` to those of a photograph.
fn converted<T: Sample>(layout: &Layout, stored: Vec<T>, max: u32) -> Result<(Channels, Vec<T>)> {
    let Layout { samples, colors, .. } = layout;
    let alpha = layout.alpha.filter(|alpha| {
        // Four samples of which nothing is said may be RGB and padding.
        alpha.declared || stored.iter().skip(alpha.index).step_by(*samples).any(|sample| sample.to_code() > 0)
    });
    let is_gray = matches!(colors, Colors::Gray { .. });
    let channels = match (is_gray, alpha.is_some()) {
        (true, false) => Channels::Gray,
        (true, true) => Channels::GrayAlpha,
        (false, false) => Channels::Rgb,
        (false, true) => Channels::Rgba,
    };
    let full = u32::from(T::MAX);
    let is_ready = max == full
        && *samples == channels.count()
        && matches!(colors, Colors::Gray { white_is_zero: false } | Colors::Rgb)
        && alpha.is_none_or(|alpha| !alpha.associated);
    if is_ready {
        return Ok((channels, stored));
    }
    let count = channels.count();
    let mut photo = try_with_capacity(stored.len() / samples * count)?;
    let scaled = |code: u32| if max == full { code } else { (code * full + max / 2) / max };
    for pixel in stored.chunks_exact(*samples) {
        let code = |index: usize| u32::from(pixel[index].to_code());
        let opacity = alpha.map_or(max, |alpha| code(alpha.index));
        let is_multiplied = opacity > 0 && alpha.is_some_and(|alpha| alpha.associated);
        let codes = [0, 1, 2, 3].map(|index| match index < colors.samples() {
            true if is_multiplied => straight(code(index), opacity, max),
            true => code(index),
            false => 0,
        });
        let value = pixel_of(colors, codes, max);
        let out = match value {
            Value::Codes(codes) => codes.map(scaled),
            Value::Bytes(bytes) => bytes.map(|byte| u32::from(byte) * (full / 255)),
            Value::Light(light) => light.map(|c| (c.clamp(0.0, 1.0) * full as f32 + 0.5) as u32),
        };
        photo.extend(out[..if is_gray { 1 } else { 3 }].iter().map(|code| T::from_code(*code as u16)));
        if channels.has_alpha() {
            photo.push(T::from_code(scaled(opacity) as u16));
        }
    }
    Ok((channels, photo))
}

/// A sample that was multiplied by its pixel's opacity, without it.
fn straight(code: u32, opacity: u32, max: u32) -> u32 {
    let [code, opacity, max] = [code, opacity, max].map(u64::from);
    ((code * max + opacity / 2) / opacity).min(max) as u32
}

/// The colour of a pixel: codes from 0 to the stored maximum, bytes, or sRGB values from 0 to 1.
enum Value {
    Codes([u32; 3]),
    Bytes([u8; 3]),
    Light([f32; 3]),
}

fn pixel_of(colors: &Colors, codes: [u32; 4], max: u32) -> Value {
    match colors {
        Colors::Gray { white_is_zero } => {
            let code = if *white_is_zero { max - codes[0].min(max) } else { codes[0] };
            Value::Codes([code; 3])
        }
        Colors::Rgb => Value::Codes([codes[0], codes[1], codes[2]]),
        Colors::Palette(map) => {
            let at = 3 * codes[0] as usize;
            Value::Bytes([map[at], map[at + 1], map[at + 2]])
        }
        Colors::Cmyk => {
            let light = codes.map(|ink| 1.0 - ink as f32 / max as f32);
            Value::Light([0, 1, 2].map(|ink| light[ink] * light[3]))
        }
        Colors::YCbCr { luma: [red, green, blue], range } => {
            let component = |c: usize, full: f32| {
                (codes[c] as f32 - range[2 * c]) * full / (range[2 * c + 1] - range[2 * c])
            };
            let [y, cb, cr] = [component(0, 1.0), component(1, 127.0 / 255.0), component(2, 127.0 / 255.0)];
            let r = y + cr * (2.0 - 2.0 * red);
            let b = y + cb * (2.0 - 2.0 * blue);
            Value::Light([r, (y - blue * b - red * r) / green, b])
        }
        Colors::Lab { offset } => Value::Light(srgb_from_lab_d50(lab(codes, max, *offset))),
    }
}

/// Lab of its codes. Those of 16 bits are 256 times those of 8; L alone goes to the end of its range, but in
/// the ICC's coding.
fn lab([l, a, b, _]: [u32; 4], max: u32, offset: bool) -> [f32; 3] {
    let wide = max > 255;
    let white = if wide && offset { 65_280.0 } else { max as f32 };
    let chroma = |code: u32| match (wide, offset) {
        (false, true) => code as f32 - 128.0,
        (false, false) => f32::from(code as u8 as i8),
        (true, true) => code as f32 / 256.0 - 128.0,
        (true, false) => f32::from(code as u16 as i16) / 256.0,
    };
    [l as f32 / white * 100.0, chroma(a), chroma(b)]
}

fn srgb_from_lab_d50([l, a, b]: [f32; 3]) -> [f32; 3] {
    let y = (l + 16.0) / 116.0;
    let f = [y + a / 500.0, y, y - b / 200.0];
    let xyz = [0, 1, 2].map(|i| {
        let t: f32 = f[i];
        WHITE_D50[i]
            * if t > 6.0 / 29.0 { t * t * t } else { (t - 16.0 / 116.0) * 3.0 * (6.0 / 29.0) * (6.0 / 29.0) }
    });
    RGB_FROM_XYZ_D50.map(|row| srgb_from_linear(row[0] * xyz[0] + row[1] * xyz[1] + row[2] * xyz[2]))
}
