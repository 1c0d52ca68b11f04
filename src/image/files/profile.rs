//! Colours as a file means them, brought to sRGB (docs/method.md#colour-profiles).

use super::profile_tables::Tables;
use super::warnings::DecodeWarning;
use crate::color::gamut::{clipped, gamut_excess};
use crate::color::lab::ToSrgb;
use crate::image::photo::{Channels, Photo, Sample, Samples};
use moxcms::{ColorProfile, DataColorSpace, ProfileClass, ToneReprCurve};

/// Luminance of linear sRGB, as the engine's L has it.
const LUMINANCE: [f32; 3] = [0.212_671, 0.715_160, 0.072_169];

/// Samples that one task converts at a time.
const CHUNK: usize = 1 << 14;

/// Neutral colours of a profile whose numbers are rounded differ from neutral by less light than this.
const NEUTRAL: f32 = 3e-4;

/// Largest distance, in codes of 8 bits, at which a profile is sRGB by another name.
const SAME_CODE: f32 = 0.6;

/// The profile of the photographs that were converted: sRGB in ICC v4, curves and primaries by their
/// definition. Kept as a file, since what writes profiles is more code than the page should load.
const SRGB: &[u8] = include_bytes!("srgb.icc");

/// The profile of the photographs that were converted.
pub(super) fn srgb() -> Vec<u8> {
    SRGB.to_vec()
}

/// Why a profile is not used, as the end of a sentence.
type Refusal = String;

/// A profile that can be used, or why it cannot.
fn parsed(icc: &[u8]) -> Result<ColorProfile, Refusal> {
    if icc.get(36..40) != Some(b"acsp") {
        return Err("it is no ICC profile".to_owned());
    }
    let profile = ColorProfile::new_from_slice(icc).map_err(|error| format!("it is damaged ({error:?})"))?;
    match profile.profile_class {
        ProfileClass::DeviceLink | ProfileClass::Abstract | ProfileClass::Named => {
            Err("it is no profile of a device or colour space".to_owned())
        }
        _ => Ok(profile),
    }
}

/// The way of device values to linear sRGB.
enum ToLight {
    Curves {
        /// Linear light of each code, red, green, blue.
        curves: [Vec<f32>; 3],
        /// Linear light of the profile's primaries to that of sRGB's.
        matrix: [[f32; 3]; 3],
    },
    Tables {
        tables: Tables,
        /// The largest code.
        max: f32,
    },
}

fn linear(curve: &ToneReprCurve, max: u16) -> Result<Vec<f32>, Refusal> {
    let curve = curve.make_linear_evaluator().map_err(|_| "its curves are damaged".to_owned())?;
    let codes = (0..=max).map(|code| curve.evaluate_value(f32::from(code) / f32::from(max)));
    let light: Vec<f32> = codes.collect();
    let sound = light.iter().all(|light| light.is_finite()) && light.last() > light.first();
    if sound { Ok(light) } else { Err("its curves are damaged".to_owned()) }
}

fn matrix_to_srgb(profile: &ColorProfile) -> Result<[[f32; 3]; 3], Refusal> {
    let matrix = profile.transform_matrix(&ColorProfile::new_srgb()).v.map(|row| row.map(|v| v as f32));
    // The three primaries together must be something like white.
    let white = matrix.map(|row| row.iter().sum::<f32>());
    if white.iter().all(|light| (0.5..1.5).contains(light)) {
        Ok(matrix)
    } else {
        Err("its primaries are damaged".to_owned())
    }
}

impl ToLight {
    /// The way for RGB codes up to `max`.
    fn new(profile: &ColorProfile, max: u16) -> Result<Self, Refusal> {
        if let Some(tables) = Tables::of(profile, 3) {
            return Ok(Self::Tables { tables, max: max.into() });
        }
        let curves = [&profile.red_trc, &profile.green_trc, &profile.blue_trc];
        let [Some(red), Some(green), Some(blue)] = curves else {
            return Err("it has neither curves nor tables that can be used".to_owned());
        };
        Ok(Self::Curves {
            curves: [linear(red, max)?, linear(green, max)?, linear(blue, max)?],
            matrix: matrix_to_srgb(profile)?,
        })
    }

    /// Light that sRGB can show.
    fn light(&self, rgb: [u16; 3]) -> [f32; 3] {
        let light = match self {
            Self::Curves { curves, matrix } => {
                let [r, g, b] = [0, 1, 2].map(|channel| curves[channel][usize::from(rgb[channel])]);
                matrix.map(|row| row[0] * r + row[1] * g + row[2] * b)
            }
            Self::Tables { tables, max } => {
                let [r, g, b] = rgb.map(|code| f32::from(code) / max);
                tables.light([r, g, b, 0.0])
            }
        };
        within_gamut(neutral(light))
    }

    /// The light of each gray of codes up to `max`, as an RGB profile means it.
    fn grays(&self, max: u16) -> Vec<f32> {
        (0..=max).map(|code| luminance(self.light([code; 3]))).collect()
    }

    /// Whether colours change by less than what 8 bits can say.
    fn is_srgb(&self, max: u16) -> bool {
        let to_srgb = ToSrgb::new(u16::MAX);
        let steps = || (0..=8).map(|step| (u32::from(max) * step / 8) as u16);
        let colors = steps().flat_map(|r| steps().flat_map(move |g| steps().map(move |b| [r, g, b])));
        let grays = (0..=255).map(|step| [(u32::from(max) * step / 255) as u16; 3]);
        colors.chain(grays).all(|rgb| {
            let codes = self.light(rgb).map(|light| f32::from(to_srgb.code(light)) / 257.0);
            let expected = rgb.map(|code| f32::from(code) * 255.0 / f32::from(max));
            codes.iter().zip(expected).all(|(code, expected)| (code - expected).abs() < SAME_CODE)
        })
    }
}

/// Light without the tint that rounded numbers of a profile give to gray.
fn neutral(light: [f32; 3]) -> [f32; 3] {
    let most = light.into_iter().fold(f32::MIN, f32::max);
    let least = light.into_iter().fold(f32::MAX, f32::min);
    if most - least < NEUTRAL { [luminance(light); 3] } else { light }
}

fn luminance(light: [f32; 3]) -> f32 {
    LUMINANCE[0] * light[0] + LUMINANCE[1] * light[1] + LUMINANCE[2] * light[2]
}

/// Light that sRGB can show: of the same luminance, so that L stays, on the way to gray.
fn within_gamut(light: [f32; 3]) -> [f32; 3] {
    if gamut_excess(light) <= 0.0 {
        return light;
    }
    let gray = luminance(light).clamp(0.0, 1.0);
    let mut share = 1.0f32;
    for c in light {
        let room = if c > 1.0 {
            (1.0 - gray) / (c - gray)
        } else if c < 0.0 {
            gray / (gray - c)
        } else {
            1.0
        };
        share = share.min(room);
    }
    clipped(light.map(|c| gray + share * (c - gray)))
}

/// Work on whole pixels, in parallel where threads are.
fn in_chunks<T: Sample>(samples: &mut [T], pixel: usize, work: impl Fn(&mut [T]) + Send + Sync) {
    let chunk = CHUNK / pixel * pixel;
    #[cfg(feature = "parallel")]
    {
        use rayon::prelude::*;
        samples.par_chunks_mut(chunk).for_each(work);
    }
    #[cfg(not(feature = "parallel"))]
    samples.chunks_mut(chunk).for_each(work);
}

/// Codes of the photograph's depth for the light of each gray.
fn replace_grays<T: Sample>(samples: &mut [T], pixel: usize, light: &[f32]) {
    let to_srgb = ToSrgb::new(T::MAX);
    let codes: Vec<u16> = light.iter().map(|light| to_srgb.code(light.clamp(0.0, 1.0))).collect();
    in_chunks(samples, pixel, |samples| {
        for pixel in samples.chunks_exact_mut(pixel) {
            pixel[0] = T::from_code(codes[usize::from(pixel[0].to_code())]);
        }
    });
}

fn replace_colors<T: Sample>(samples: &mut [T], pixel: usize, to_light: &ToLight) {
    let to_srgb = ToSrgb::new(T::MAX);
    in_chunks(samples, pixel, |samples| {
        for pixel in samples.chunks_exact_mut(pixel) {
            let light = to_light.light([pixel[0], pixel[1], pixel[2]].map(Sample::to_code));
            for (sample, light) in pixel.iter_mut().zip(light) {
                *sample = T::from_code(to_srgb.code(light));
            }
        }
    });
}

/// L of a profile connection space to light: the curve of a gray profile over Lab gives L.
fn light_of_lightness(l: f32) -> f32 {
    let f = (100.0 * l + 16.0) / 116.0;
    if f > 6.0 / 29.0 { f.powi(3) } else { (f - 16.0 / 116.0) * 3.0 * (6.0f32 / 29.0).powi(2) }
}

/// Converts the samples; whether anything had to be.
fn convert(photo: &mut Photo, profile: &ColorProfile) -> Result<bool, Refusal> {
    let channels = photo.channels();
    let pixel = channels.count();
    let is_gray = matches!(channels, Channels::Gray | Channels::GrayAlpha);
    let max = match photo.samples() {
        Samples::U8(_) => u8::MAX.into(),
        Samples::U16(_) => u16::MAX,
    };
    let light = match profile.color_space {
        DataColorSpace::Gray if is_gray => {
            let curve = profile.gray_trc.as_ref().ok_or("it has no curve")?;
            let mut light = linear(curve, max)?;
            if profile.pcs == DataColorSpace::Lab {
                light.iter_mut().for_each(|light| *light = light_of_lightness(*light));
            }
            light
        }
        DataColorSpace::Rgb => {
            let to_light = ToLight::new(profile, max)?;
            if to_light.is_srgb(max) {
                return Ok(false);
            }
            if !is_gray {
                match photo.samples_mut() {
                    Samples::U8(samples) => replace_colors(samples, pixel, &to_light),
                    Samples::U16(samples) => replace_colors(samples, pixel, &to_light),
                }
                return Ok(true);
            }
            to_light.grays(max)
        }
        other => {
            let kind = if is_gray { "gray" } else { "RGB" };
            return Err(format!("it is for {other:?}, and the photograph is {kind}"));
        }
    };
    match photo.samples_mut() {
        Samples::U8(samples) => replace_grays(samples, pixel, &light),
        Samples::U16(samples) => replace_grays(samples, pixel, &light),
    }
    Ok(true)
}

/// Brings a photograph to sRGB. `icc` is the profile of its file, and becomes the profile of the result: the
/// same where it is sRGB, sRGB's where samples were converted, none where there is none to be used.
/// `described` is what a file without an ICC profile says of its colours.
pub(super) fn to_srgb(
    photo: &mut Photo,
    icc: &mut Option<Vec<u8>>,
    described: Option<&ColorProfile>,
    warnings: &mut Vec<DecodeWarning>,
) {
    let converted = match (icc.as_deref(), described) {
        (Some(icc), _) => parsed(icc).and_then(|profile| convert(photo, &profile)),
        (None, Some(profile)) => convert(photo, profile),
        (None, None) => return,
    };
    match converted {
        Ok(false) => {}
        Ok(true) => *icc = Some(srgb()),
        Err(reason) => {
            *icc = None;
            warnings.push(DecodeWarning::ProfileDropped { reason });
        }
    }
}

/// The profile of a photograph that a browser has brought to sRGB by this one.
pub(super) fn after_browser(icc: &[u8]) -> Option<Vec<u8>> {
    let profile = parsed(icc).ok()?;
    let is_srgb = profile.color_space == DataColorSpace::Rgb
        && ToLight::new(&profile, u8::MAX.into()).is_ok_and(|to_light| to_light.is_srgb(u8::MAX.into()));
    Some(if is_srgb { icc.to_vec() } else { srgb() })
}

/// Inks in CMYK, 255 where the paper is covered, to sRGB of 8 bits: by the profile, which is used up, or
/// as light that each ink lets through.
pub(super) fn rgb_of_inks(
    inks: &[u8],
    icc: &mut Option<Vec<u8>>,
    warnings: &mut Vec<DecodeWarning>,
) -> Vec<u8> {
    let mut rgb = vec![0; inks.len() / 4 * 3];
    let by_profile = icc.take().map(|icc| {
        let profile = parsed(&icc)?;
        if profile.color_space != DataColorSpace::Cmyk {
            return Err(format!("it is for {:?}, and the photograph is CMYK", profile.color_space));
        }
        Tables::of(&profile, 4).ok_or_else(|| "its tables cannot be used".to_owned())
    });
    let by_profile = match by_profile {
        Some(Ok(tables)) => Some(tables),
        Some(Err(reason)) => {
            warnings.push(DecodeWarning::ProfileDropped { reason });
            None
        }
        None => None,
    };
    let (pixels, _) = inks.as_chunks::<4>();
    let (colors, _) = rgb.as_chunks_mut::<3>();
    let Some(tables) = by_profile else {
        for (color, &[c, m, y, k]) in colors.iter_mut().zip(pixels) {
            let through = |ink: u8| (u32::from(255 - ink) * u32::from(255 - k) + 127) / 255;
            *color = [c, m, y].map(|ink| through(ink) as u8);
        }
        return rgb;
    };
    let to_srgb = ToSrgb::new(u8::MAX.into());
    for (color, inks) in colors.iter_mut().zip(pixels) {
        let light = within_gamut(neutral(tables.light(inks.map(|ink| f32::from(ink) / 255.0))));
        *color = light.map(|light| to_srgb.code(light) as u8);
    }
    *icc = Some(srgb());
    rgb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_beyond_srgb_keep_their_luminance() {
        for light in [[1.2, 0.4, -0.1], [-0.2, 0.9, 0.1], [0.1, -0.01, 1.4], [1.1, 1.3, 0.9]] {
            let shown = within_gamut(light);
            assert!(gamut_excess(shown) <= 1e-6, "{shown:?}");
            let expected = luminance(light).clamp(0.0, 1.0);
            assert!((luminance(shown) - expected).abs() < 1e-5, "{light:?} became {shown:?}");
        }
        assert_eq!(within_gamut([0.2, 0.5, 1.0]), [0.2, 0.5, 1.0]);
    }

    #[test]
    fn srgb_is_known_by_what_it_does() {
        let is_srgb = |profile: ColorProfile| ToLight::new(&profile, 255).unwrap().is_srgb(255);
        assert!(is_srgb(ColorProfile::new_srgb()));
        assert!(is_srgb(ColorProfile::new_from_slice(SRGB).unwrap()));
        assert!(!is_srgb(ColorProfile::new_adobe_rgb()));
        assert!(!is_srgb(ColorProfile::new_display_p3()));
    }

    #[test]
    fn the_curve_of_lightness_is_that_of_the_engine() {
        for l in [0.0f32, 5.0, 8.5, 50.0, 100.0] {
            let expected = crate::color::lab::linear_from_srgb(crate::color::lab::gray_from_lightness(l));
            assert!((light_of_lightness(l / 100.0) - expected).abs() < 2e-4, "L {l}");
        }
    }
}
