//! From a photograph to what the network is shown of it and what it is to answer: a crop, and
//! changes of its lightness that make it like an old photograph.
//!
//! Geometric changes act on RGB, by one resampling. Photometric ones act on L alone: the colours
//! asked for stay those of the photograph.

use crate::color::lab::{ToLab, ToLightness};
use crate::error::{Error, Result};
use crate::image::photo::Photo;
use crate::image::resample::Region;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt, SeedableRng};
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// Pixels of the input, along each axis, for one cell of the target (docs/method.md#targets).
const CELL: usize = 4;

/// The largest enlargement that is accepted: beyond it a crop shows next to nothing.
const MOST_SCALE: f64 = 8.0;

/// The largest standard deviation of the blur, in pixels.
const MOST_BLUR: f64 = 10.0;

/// How examples are cut from photographs and changed. Absent fields have their defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Side of the crop in pixels, a multiple of 4 [128].
    pub crop: usize,
    /// The photograph is shown at this many times the smallest size that covers the crop, drawn
    /// evenly between the two [1, 1.3].
    pub scale: [f64; 2],
    /// Share of examples that are mirrored left to right [0.5].
    pub mirror: f64,
    /// Share of examples whose lightness is stretched or faded [0.25].
    pub lightness: f64,
    /// What L 0 becomes in those, drawn evenly: above 0 blacks are raised, below 0 they are
    /// clipped [-10, 30].
    pub black: [f64; 2],
    /// What L 100 becomes in those, drawn evenly: below 100 whites are dulled, above 100 they are
    /// clipped [70, 110].
    pub white: [f64; 2],
    /// Share of examples whose lightness is blurred [0.1].
    pub blur: f64,
    /// Standard deviation of that blur in pixels of the crop, drawn evenly [0.4, 1.6].
    pub blur_width: [f64; 2],
    /// Share of examples whose lightness has film grain added [1/7].
    pub grain: f64,
    /// Standard deviation of that grain in units of L, drawn evenly [1, 6].
    pub grain_strength: [f64; 2],
}

impl Default for Augmentation {
    fn default() -> Self {
        Self {
            crop: 128,
            scale: [1.0, 1.3],
            mirror: 0.5,
            lightness: 0.25,
            black: [-10.0, 30.0],
            white: [70.0, 110.0],
            blur: 0.1,
            blur_width: [0.4, 1.6],
            grain: 1.0 / 7.0,
            grain_strength: [1.0, 6.0],
        }
    }
}

impl Augmentation {
    /// Whether every field is in its range; to be asked once, before examples are made.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the first field that is not.
    pub fn check(&self) -> Result<()> {
        if self.crop == 0 || !self.crop.is_multiple_of(CELL) {
            let range = "a multiple of 4 above 0";
            return Err(Error::Parameter { name: "crop", value: self.crop.to_string(), range });
        }
        let shares = [
            ("mirror", self.mirror),
            ("lightness", self.lightness),
            ("blur", self.blur),
            ("grain", self.grain),
        ];
        for (name, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                return Err(Error::Parameter { name, value: share.to_string(), range: "between 0 and 1" });
            }
        }
        let intervals = [
            ("scale", self.scale, [1.0, MOST_SCALE], "two numbers from 1 to 8, the smaller first"),
            ("black", self.black, [-100.0, 50.0], "two numbers from -100 to 50, the smaller first"),
            // From 51: L never becomes one flat tone, nor its own negative.
            ("white", self.white, [51.0, 200.0], "two numbers from 51 to 200, the smaller first"),
            ("blur_width", self.blur_width, [0.0, MOST_BLUR], "two numbers from 0 to 10, the smaller first"),
            (
                "grain_strength",
                self.grain_strength,
                [0.0, 100.0],
                "two numbers from 0 to 100, the smaller first",
            ),
        ];
        for (name, [low, high], [least, most], range) in intervals {
            if !(least <= low && low <= high && high <= most) {
                return Err(Error::Parameter { name, value: format!("[{low}, {high}]"), range });
            }
        }
        Ok(())
    }
}

/// What the network is shown of one photograph, and the colours it is to answer with.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Raw L of the crop in 0…100, `crop` x `crop`, row-major.
    pub lightness: Vec<f32>,
    /// a and b, CIE units, of every 4th pixel (the top left one of each 4 x 4, not averaged;
    /// docs/method.md#targets), `crop/4` x `crop/4`, row-major.
    pub chroma: Vec<[f32; 2]>,
}

/// The random numbers of one example: nothing but these three numbers decides them, on any
/// machine. The seed of the generator is `m(m(m(seed) ^ step) ^ slot)` with m one step of
/// SplitMix64.
#[must_use]
pub fn generator(seed: u64, step: u64, slot: u64) -> Xoshiro256PlusPlus {
    fn mix(value: u64) -> u64 {
        let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    Xoshiro256PlusPlus::seed_from_u64(mix(mix(mix(seed) ^ step) ^ slot))
}

/// A random crop of a photograph, changed at random.
///
/// # Panics
/// If the augmentation does not pass [`Augmentation::check`].
#[must_use]
pub fn example(photo: &Photo, augmentation: &Augmentation, rng: &mut impl Rng) -> Example {
    // What is drawn does not depend on the shares, so that one of them can be changed and all else
    // stays as it was; only the grain, whose draws are many, comes last.
    let rgb = crop(photo, augmentation.crop, augmentation.scale, augmentation.mirror, rng);
    let change = Photometric::draw(augmentation, rng);
    let mut example = encode(&rgb, augmentation.crop);
    change.apply(&mut example.lightness, augmentation.crop, rng);
    example
}

/// A random square of a photograph at `side` x `side`, interleaved 8-bit sRGB over white. It is shown
/// at `scale` times the smallest size that covers the square, drawn evenly between the two, and is
/// mirrored left to right in a share `mirror` of all cases.
///
/// # Panics
/// If `side` is 0 or `scale` goes below 1.
#[must_use]
pub fn crop(photo: &Photo, side: usize, scale: [f64; 2], mirror: f64, rng: &mut impl Rng) -> Vec<u8> {
    let short = photo.width().min(photo.height()) as f64;
    let seen = short / between(rng, scale);
    // Whole pixels: a photograph of just the crop's size is then not resampled.
    let mut offset = |length: usize| rng.random_range(0..=(length as f64 - seen) as u32);
    let (left, top) = (f64::from(offset(photo.width())), f64::from(offset(photo.height())));
    let mirror = rng.random::<f64>() < mirror;

    let region = Region { left, top, width: seen, height: seen };
    let mut rgb = photo.region_over_white(region, (side, side));
    if mirror {
        let (pixels, _) = rgb.as_chunks_mut::<3>();
        pixels.chunks_exact_mut(side).for_each(<[_]>::reverse);
    }
    rgb
}

/// The middle square of a photograph at `side` x `side`, interleaved 8-bit sRGB over white.
///
/// # Panics
/// If `side` is 0.
#[must_use]
pub fn middle(photo: &Photo, side: usize) -> Vec<u8> {
    let seen = photo.width().min(photo.height());
    let offset = |length: usize| ((length - seen) / 2) as f64;
    let region = Region {
        left: offset(photo.width()),
        top: offset(photo.height()),
        width: seen as f64,
        height: seen as f64,
    };
    photo.region_over_white(region, (side, side))
}

/// The middle of a photograph, at the smallest size that covers the crop, unchanged: what a network
/// is validated with.
///
/// # Panics
/// If `crop` is not a multiple of 4 above 0.
#[must_use]
pub fn plain(photo: &Photo, crop: usize) -> Example {
    encode(&middle(photo, crop), crop)
}

fn between(rng: &mut impl Rng, [low, high]: [f64; 2]) -> f64 {
    low + (high - low) * rng.random::<f64>()
}

/// L of every pixel of a square picture, ab of every 4th.
fn encode(rgb: &[u8], side: usize) -> Example {
    static TABLES: LazyLock<(ToLightness, ToLab)> = LazyLock::new(|| (ToLightness::new(255), ToLab::new()));
    assert!(side > 0 && side.is_multiple_of(CELL), "a crop of {side} pixels has no whole cells");
    let (to_lightness, to_lab) = &*TABLES;
    let (pixels, _) = rgb.as_chunks::<3>();
    let lightness = pixels.iter().map(|p| {
        let [r, g, b] = p.map(usize::from);
        to_lightness.lightness(r, g, b).clamp(0.0, 100.0)
    });
    let cells = pixels.chunks_exact(side).step_by(CELL).flat_map(|row| row.iter().step_by(CELL));
    let chroma = cells.map(|p| {
        let [_, a, b] = to_lab.lab(*p);
        [a as f32, b as f32]
    });
    Example { lightness: lightness.collect(), chroma: chroma.collect() }
}

/// What happens to the lightness of one example, in the order of a photograph's life: the lens
/// blurs, the film has grain, the print fades.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Photometric {
    /// Standard deviation in pixels.
    blur: Option<f64>,
    /// Standard deviation in units of L.
    grain: Option<f64>,
    /// What L 0 and L 100 become.
    tones: Option<[f64; 2]>,
}

impl Photometric {
    fn draw(augmentation: &Augmentation, rng: &mut impl Rng) -> Self {
        let mut shared = |share: f64, interval: [f64; 2]| {
            let (chosen, value) = (rng.random::<f64>() < share, between(rng, interval));
            chosen.then_some(value)
        };
        let blur = shared(augmentation.blur, augmentation.blur_width);
        let grain = shared(augmentation.grain, augmentation.grain_strength);
        let black = shared(augmentation.lightness, augmentation.black);
        let white = between(rng, augmentation.white);
        Self { blur, grain, tones: black.map(|black| [black, white]) }
    }

    /// Changes the L of a square picture; it stays within 0…100.
    fn apply(self, lightness: &mut [f32], side: usize, rng: &mut impl Rng) {
        if let Some(deviation) = self.blur {
            gaussian_blur(lightness, side, deviation);
        }
        if let Some(deviation) = self.grain {
            for l in lightness.iter_mut() {
                let noise: f32 = rng.sample(StandardNormal);
                *l += deviation as f32 * noise;
            }
        }
        if let Some([black, white]) = self.tones {
            let (black, slope) = (black as f32, ((white - black) / 100.0) as f32);
            for l in lightness.iter_mut() {
                *l = black + slope * *l;
            }
        }
        if self.grain.is_some() || self.tones.is_some() {
            lightness.iter_mut().for_each(|l| *l = l.clamp(0.0, 100.0));
        }
    }
}

/// Blurs a square plane, row-major; beyond the border its last pixel goes on. Means of values in an
/// interval stay in it but for rounding, which is clipped by the values' own range.
fn gaussian_blur(plane: &mut [f32], side: usize, deviation: f64) {
    let reach = (3.0 * deviation).ceil() as usize;
    if reach == 0 {
        return;
    }
    let bell: Vec<f64> =
        (0..=2 * reach).map(|i| (-0.5 * ((i as f64 - reach as f64) / deviation).powi(2)).exp()).collect();
    let sum: f64 = bell.iter().sum();
    let weights: Vec<f32> = bell.into_iter().map(|w| (w / sum) as f32).collect();
    let mut line = vec![0.0; side + 2 * reach];
    for row in plane.chunks_exact_mut(side) {
        line[..reach].fill(row[0]);
        line[reach..reach + side].copy_from_slice(row);
        line[reach + side..].fill(row[side - 1]);
        row.fill(0.0);
        for (i, weight) in weights.iter().enumerate() {
            for (out, l) in row.iter_mut().zip(&line[i..]) {
                *out += weight * l;
            }
        }
    }
    let across = plane.to_vec();
    for (y, row) in plane.chunks_exact_mut(side).enumerate() {
        row.fill(0.0);
        for (i, weight) in weights.iter().enumerate() {
            let from = (y + i).saturating_sub(reach).min(side - 1);
            for (out, l) in row.iter_mut().zip(&across[from * side..][..side]) {
                *out += weight * l;
            }
        }
    }
    plane.iter_mut().for_each(|l| *l = l.clamp(0.0, 100.0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::lab::lab_from_srgb;
    use crate::image::photo::{Channels, Samples};

    /// Colours that differ from pixel to pixel.
    fn coloured(width: usize, height: usize) -> Photo {
        let wave = |t: f64| (127.5 + 127.5 * t.sin()) as u8;
        let pixels = (0..width * height).flat_map(|i| {
            let (x, y) = ((i % width) as f64, (i / width) as f64);
            [wave(x * 0.3), wave(y * 0.2 + 1.0), wave((x + y) * 0.11)]
        });
        Photo::new(width, height, Channels::Rgb, Samples::U8(pixels.collect())).unwrap()
    }

    /// Nothing random: a photograph of just the crop's size passes through.
    fn still(crop: usize) -> Augmentation {
        let none =
            Augmentation { mirror: 0.0, lightness: 0.0, blur: 0.0, grain: 0.0, ..Augmentation::default() };
        Augmentation { crop, scale: [1.0, 1.0], ..none }
    }

    fn all_changed(crop: usize) -> Augmentation {
        Augmentation { crop, lightness: 1.0, blur: 1.0, grain: 1.0, ..Augmentation::default() }
    }

    fn proper(example: &Example, crop: usize) -> bool {
        example.lightness.len() == crop * crop
            && example.chroma.len() == crop * crop / 16
            && example.lightness.iter().all(|l| (0.0..=100.0).contains(l))
            && example.chroma.iter().flatten().all(|c| c.is_finite())
    }

    #[test]
    fn the_target_is_every_fourth_pixel_and_no_mean() {
        let photo = coloured(32, 32);
        let Samples::U8(rgb) = photo.samples() else { panic!() };
        for example in [plain(&photo, 32), example(&photo, &still(32), &mut generator(1, 2, 3))] {
            for y in 0..32 {
                for x in 0..32 {
                    let at = (y * 32 + x) * 3;
                    let [l, a, b] = lab_from_srgb([0, 1, 2].map(|c| f64::from(rgb[at + c]) / 255.0));
                    assert!((f64::from(example.lightness[y * 32 + x]) - l).abs() < 1e-3);
                    if x % 4 == 0 && y % 4 == 0 {
                        let found = example.chroma[y / 4 * 8 + x / 4].map(f64::from);
                        assert!((found[0] - a).abs() < 1e-3 && (found[1] - b).abs() < 1e-3, "{x} {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn any_photograph_gives_a_proper_example() {
        let deep = Samples::U16((0..40 * 70 * 2).map(|i| (i * 4099 % 65536) as u16).collect());
        let clear = Samples::U8((0..90 * 33 * 4).map(|i| (i * 31 % 256) as u8).collect());
        let photos = [
            coloured(144, 190),
            coloured(300, 20),
            coloured(1, 1),
            Photo::new(40, 70, Channels::GrayAlpha, deep).unwrap(),
            Photo::new(90, 33, Channels::Rgba, clear).unwrap(),
            Photo::new(64, 64, Channels::Gray, Samples::U8(vec![0; 64 * 64])).unwrap(),
            Photo::new(64, 64, Channels::Gray, Samples::U8(vec![255; 64 * 64])).unwrap(),
        ];
        for photo in &photos {
            assert!(proper(&plain(photo, 64), 64));
            for slot in 0..20 {
                let example = example(photo, &all_changed(64), &mut generator(5, 0, slot));
                assert!(proper(&example, 64), "{} x {}", photo.width(), photo.height());
            }
        }
    }

    #[test]
    fn a_photograph_of_one_colour_keeps_it_in_every_crop() {
        for (width, height) in [(20, 50), (64, 64), (200, 90)] {
            let pixels = [180, 60, 20].repeat(width * height);
            let photo = Photo::new(width, height, Channels::Rgb, Samples::U8(pixels)).unwrap();
            let [l, a, b] = lab_from_srgb([180.0, 60.0, 20.0f64].map(|c| c / 255.0));
            let augmentation = Augmentation { scale: [1.0, 1.3], mirror: 0.5, ..still(64) };
            let example = example(&photo, &augmentation, &mut generator(0, 0, 0));
            assert!(example.lightness.iter().all(|v| (f64::from(*v) - l).abs() < 1e-3));
            let near =
                |ab: &[f32; 2]| (f64::from(ab[0]) - a).abs() < 1e-3 && (f64::from(ab[1]) - b).abs() < 1e-3;
            assert!(example.chroma.iter().all(near));
        }
    }

    /// Alpha is shown over white, 16 bits as their 8.
    #[test]
    fn depth_and_alpha_do_not_change_the_example() {
        let photo = coloured(48, 40);
        let Samples::U8(rgb) = photo.samples() else { panic!() };
        let deep = Samples::U16(rgb.iter().map(|c| u16::from(*c) * 257).collect());
        let deep = Photo::new(48, 40, Channels::Rgb, deep).unwrap();
        let opaque = rgb.chunks(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
        let opaque = Photo::new(48, 40, Channels::Rgba, Samples::U8(opaque)).unwrap();
        let expected = example(&photo, &all_changed(32), &mut generator(9, 9, 9));
        for other in [deep, opaque] {
            assert_eq!(example(&other, &all_changed(32), &mut generator(9, 9, 9)), expected);
        }
        let clear = Photo::new(8, 8, Channels::Rgba, Samples::U8(vec![0; 256])).unwrap();
        assert!(plain(&clear, 8).lightness.iter().all(|l| *l > 99.9));
    }

    #[test]
    fn photometric_changes_leave_the_target() {
        let photo = coloured(144, 160);
        let geometric = Augmentation { lightness: 0.0, blur: 0.0, grain: 0.0, ..Augmentation::default() };
        for slot in 0..10 {
            let plain = example(&photo, &geometric, &mut generator(3, 1, slot));
            for change in [
                Augmentation { lightness: 1.0, ..geometric.clone() },
                Augmentation { blur: 1.0, ..geometric.clone() },
                Augmentation { grain: 1.0, ..geometric.clone() },
            ] {
                let changed = example(&photo, &change, &mut generator(3, 1, slot));
                assert_eq!(changed.chroma, plain.chroma);
                assert_ne!(changed.lightness, plain.lightness);
            }
        }
    }

    #[test]
    fn a_mirror_mirrors_input_and_target() {
        // Cells of one colour each: the mirrored picture's every fourth pixel is another pixel, but
        // of the same cell.
        let pixels = (0..32 * 32).flat_map(|i| {
            let (x, y) = (i % 32 / 4, i / 32 / 4);
            [(x * 30) as u8, (y * 30) as u8, ((x * y) * 5) as u8]
        });
        let photo = Photo::new(32, 32, Channels::Rgb, Samples::U8(pixels.collect())).unwrap();
        let plain = plain(&photo, 32);
        let mirrored = example(&photo, &Augmentation { mirror: 1.0, ..still(32) }, &mut generator(0, 0, 0));
        let rows = plain.lightness.chunks(32).zip(mirrored.lightness.chunks(32));
        assert!(rows.into_iter().all(|(row, other)| row.iter().eq(other.iter().rev())));
        let rows = plain.chroma.chunks(8).zip(mirrored.chroma.chunks(8));
        assert!(rows.into_iter().all(|(row, other)| row.iter().eq(other.iter().rev())));
        assert_ne!(plain.chroma, mirrored.chroma);
    }

    #[test]
    fn scale_and_place_vary_within_their_bounds() {
        // L says where a pixel comes from: it grows from left to right by less than one code a
        // pixel, and not downwards.
        let pixels = (0..250 * 100).map(|i| (i % 250) as u8).collect();
        let photo = Photo::new(250, 100, Channels::Gray, Samples::U8(pixels)).unwrap();
        let augmentation = Augmentation { scale: [1.0, 1.3], ..still(100) };
        let widths: Vec<f32> = (0..200)
            .map(|slot| {
                let row = &example(&photo, &augmentation, &mut generator(2, 0, slot)).lightness[5000..5100];
                row[99] - row[0]
            })
            .collect();
        // L of code 249 over 250 pixels is nearly linear: 100 pixels are about 39 units.
        let (least, most) = widths.iter().fold((f32::MAX, f32::MIN), |(l, m), w| (l.min(*w), m.max(*w)));
        assert!(least > 24.0 && least < 33.0 && most > 37.0 && most < 46.0, "{least} to {most}");
    }

    #[test]
    fn tones_are_faded_as_drawn() {
        let mut lightness = vec![0.0, 50.0, 100.0, 100.0];
        let fade = |tones| Photometric { blur: None, grain: None, tones: Some(tones) };
        fade([20.0, 80.0]).apply(&mut lightness, 2, &mut generator(0, 0, 0));
        assert_eq!(lightness, [20.0, 50.0, 80.0, 80.0]);
        fade([-40.0, 160.0]).apply(&mut lightness, 2, &mut generator(0, 0, 0));
        assert_eq!(lightness, [0.0, 60.0, 100.0, 100.0]);
    }

    #[test]
    fn grain_and_blur_have_the_strength_that_was_drawn() {
        let mut flat = vec![50.0f32; 128 * 128];
        let grain = Photometric { blur: None, grain: Some(4.0), tones: None };
        grain.apply(&mut flat, 128, &mut generator(1, 0, 0));
        let mean = flat.iter().map(|l| f64::from(*l)).sum::<f64>() / flat.len() as f64;
        let variance = flat.iter().map(|l| (f64::from(*l) - mean).powi(2)).sum::<f64>() / flat.len() as f64;
        assert!((mean - 50.0).abs() < 0.2 && (variance.sqrt() - 4.0).abs() < 0.2, "{mean} {variance}");

        // A point spreads to a bell whose variance along each axis is the square of the deviation.
        let mut point = vec![0.0f32; 64 * 64];
        point[32 * 64 + 32] = 100.0;
        gaussian_blur(&mut point, 64, 1.5);
        let sum: f32 = point.iter().sum();
        let moment = |of: fn(usize) -> usize| {
            let share = |(i, l): (usize, &f32)| *l * (of(i) as f32 - 32.0).powi(2);
            point.iter().enumerate().map(share).sum::<f32>() / sum
        };
        assert!((sum - 100.0).abs() < 1e-3);
        for variance in [moment(|i| i % 64), moment(|i| i / 64)] {
            assert!((variance - 2.25).abs() < 0.1, "{variance}");
        }
    }

    #[test]
    fn the_same_numbers_give_the_same_example_and_others_another() {
        let photo = coloured(144, 150);
        let made = |seed, step, slot| {
            example(&photo, &Augmentation::default(), &mut generator(seed, step, slot)).lightness
        };
        let first = made(1, 2, 3);
        assert_eq!(first, made(1, 2, 3));
        for (seed, step, slot) in [(2, 2, 3), (1, 3, 3), (1, 2, 4), (3, 2, 1), (2, 1, 3)] {
            assert_ne!(first, made(seed, step, slot));
        }
        // A run can be repeated only while these stay what they are.
        let mut rng = generator(1, 2, 3);
        assert_eq!([rng.next_u64(), rng.next_u64()], [5298041080994355231, 17864264540299904093]);
    }

    #[test]
    fn fields_outside_their_range_are_refused() {
        Augmentation::default().check().unwrap();
        let from = |text: &str| serde_json::from_str::<Augmentation>(text).map_err(|error| error.to_string());
        assert_eq!(from("{}").unwrap(), Augmentation::default());
        assert!(from(r#"{"crops": 128}"#).unwrap_err().contains("crops"));
        for text in [
            r#"{"crop": 130}"#,
            r#"{"crop": 0}"#,
            r#"{"scale": [0.5, 1]}"#,
            r#"{"scale": [1.3, 1]}"#,
            r#"{"mirror": 1.5}"#,
            r#"{"black": [0, 90]}"#,
            r#"{"white": [20, 30]}"#,
            r#"{"grain": -0.1}"#,
            r#"{"grain_strength": [0, 1000]}"#,
            r#"{"blur_width": [0, 1000]}"#,
        ] {
            assert_eq!(from(text).unwrap().check().unwrap_err().code(), "invalid-argument", "{text}");
        }
    }
}
