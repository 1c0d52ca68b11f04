//! Training examples made from photographs: a random crop, and random changes of its lightness that make it
//! like an old photograph.
//!
//! Geometric changes act on RGB, by one resampling. Photometric ones act on L alone: the target colours
//! stay those of the photograph.

mod crop;
mod photometric;
mod random;

pub use crop::{crop, middle};
pub use random::generator;

use crate::color::lab::{ToLab, lightness_plane};
use crate::error::{Error, Result};
use crate::image::photo::Photo;
use photometric::Photometric;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// Side of a target's cell, in pixels of the input (docs/method.md#targets).
const CELL_SIDE: usize = 4;

/// Largest enlargement: beyond it a crop shows next to nothing.
const MAX_SCALE: f64 = 8.0;

/// Largest standard deviation of the blur, in pixels.
const MAX_BLUR_PIXELS: f64 = 10.0;

/// Parameters by which examples are cut from photographs and changed. Absent fields have their defaults,
/// given in brackets.
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
    /// New value of L 0 in those examples, drawn evenly: above 0 blacks are raised, below 0 they are
    /// clipped [-10, 30].
    pub black: [f64; 2],
    /// New value of L 100 in those examples, drawn evenly: below 100 whites are dulled, above 100 they
    /// are clipped [70, 110].
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
    /// Checks that every field is in its range; to be called once, before examples are made.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the first field that is not.
    pub fn check(&self) -> Result<()> {
        if self.crop == 0 || !self.crop.is_multiple_of(CELL_SIDE) {
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
            ("scale", self.scale, [1.0, MAX_SCALE], "two numbers from 1 to 8, the smaller first"),
            ("black", self.black, [-100.0, 50.0], "two numbers from -100 to 50, the smaller first"),
            // From 51, above the highest black: L never becomes one flat tone, nor its own negative.
            ("white", self.white, [51.0, 200.0], "two numbers from 51 to 200, the smaller first"),
            (
                "blur_width",
                self.blur_width,
                [0.0, MAX_BLUR_PIXELS],
                "two numbers from 0 to 10, the smaller first",
            ),
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

/// An input of the network and the colours that it should predict.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Raw L of the crop in 0…100, `crop` x `crop`, row-major.
    pub lightness: Vec<f32>,
    /// a and b, CIE units, of every 4th pixel (the top left one of each 4 x 4, not averaged;
    /// docs/method.md#targets), `crop/4` x `crop/4`, row-major.
    pub chroma: Vec<[f32; 2]>,
}

/// An example of a random crop, changed at random.
///
/// # Panics
/// If the augmentation does not pass [`Augmentation::check`].
#[must_use]
pub fn example(photo: &Photo, augmentation: &Augmentation, rng: &mut impl Rng) -> Example {
    // The same numbers are drawn whatever the shares are, so that a change of one share leaves all else as
    // it was; the grain, whose draws are many, comes last.
    let rgb = crop(photo, augmentation.crop, augmentation.scale, augmentation.mirror, rng);
    let change = Photometric::draw(augmentation, rng);
    let mut example = encode(&rgb, augmentation.crop);
    change.apply(&mut example.lightness, augmentation.crop, rng);
    example
}

/// An example of the middle square of a photograph, unchanged, for validation.
///
/// # Panics
/// If `crop` is not a multiple of 4 above 0.
#[must_use]
pub fn plain(photo: &Photo, crop: usize) -> Example {
    encode(&middle(photo, crop), crop)
}

/// The example of a square picture: L of every pixel, ab of every 4th.
fn encode(rgb: &[u8], side: usize) -> Example {
    static TO_LAB: LazyLock<ToLab> = LazyLock::new(ToLab::new);
    assert!(side > 0 && side.is_multiple_of(CELL_SIDE), "a crop of {side} pixels has no whole cells");
    let to_lab = &*TO_LAB;
    let (pixels, _) = rgb.as_chunks::<3>();
    // Rounding may exceed the range.
    let lightness = lightness_plane::<3>(rgb).into_iter().map(|l| l.clamp(0.0, 100.0));
    let cells = pixels.chunks_exact(side).step_by(CELL_SIDE).flat_map(|row| row.iter().step_by(CELL_SIDE));
    let chroma = cells.map(|p| {
        let [_, a, b] = to_lab.lab(*p);
        [a as f32, b as f32]
    });
    Example { lightness: lightness.collect(), chroma: chroma.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::lab::lab_from_srgb;
    use crate::image::photo::{Channels, Samples};

    /// Colours that differ from pixel to pixel.
    fn colored(width: usize, height: usize) -> Photo {
        let wave = |t: f64| (127.5 + 127.5 * t.sin()) as u8;
        let pixels = (0..width * height).flat_map(|i| {
            let (x, y) = ((i % width) as f64, (i / width) as f64);
            [wave(x * 0.3), wave(y * 0.2 + 1.0), wave((x + y) * 0.11)]
        });
        Photo::new(width, height, Channels::Rgb, Samples::U8(pixels.collect())).unwrap()
    }

    /// No random changes: a photograph of just the crop's size stays as it is.
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
        let photo = colored(32, 32);
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
            colored(144, 190),
            colored(300, 20),
            colored(1, 1),
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
    fn a_photograph_of_one_color_keeps_it_in_every_crop() {
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
        let photo = colored(48, 40);
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
        let photo = colored(144, 160);
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
    fn the_same_numbers_give_the_same_example_and_others_another() {
        let photo = colored(144, 150);
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
