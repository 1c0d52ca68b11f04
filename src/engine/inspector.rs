//! One place of a photograph under the glass: which colours the model thinks of there.

use super::colorization::Colorization;
use crate::color::ab_bins::{CENTERS, COUNT};
use crate::color::gamut::{OutOfGamut, linear_in_gamut};
use crate::color::lab::{ToSrgb, lab_from_srgb};
use crate::color::tone::Tone;
use crate::engine::confidence::Confidence;
use crate::error::{Error, Result};
use crate::image::photo::{Channels, Photo, Samples};

/// Bins to a side of the plane, from -110 to 110.
const BINS: usize = 23;

/// The smallest and the largest side of a plane, in pixels.
const SIDES: std::ops::RangeInclusive<usize> = BINS..=4096;

/// Colours nearer than this (CIE94, CIE 116-1995) are one colour to a person who is asked for the
/// likely ones: several just noticeable differences, and about one and a half bins near gray.
const SAME_COLOR_DISTANCE: f64 = 15.0;

/// The most colours that are named, and the least share of one.
const MOST_COLORS: usize = 5;
const LEAST_SHARE: f32 = 0.01;

/// How opaque a bin without probability is, 0…255: the plane keeps its shape.
const IMPROBABLE_ALPHA: u8 = 40;

/// The colours that the model considers at one place. Temperature and rebalance count, saturation and warmth do
/// not: they are no part of the distribution.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The ab plane, a to the right and b upwards, each bin in its colour at this L (out of gamut
    /// with less chroma, as it is rendered): faint all over, and a solid square whose area tells the
    /// probability. RGBA.
    pub plane: Photo,
    /// The likeliest colours that a person tells apart, likeliest first.
    pub top: Vec<LikelyColour>,
    /// See [`crate::engine::confidence`].
    pub confidence: f32,
    /// L of the pixel.
    pub lightness: f32,
}

/// A colour and its neighbours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LikelyColour {
    /// The likeliest bin's colour, CIE units.
    pub ab: [i16; 2],
    /// Probability of the bin and of those that look alike.
    pub p: f32,
    /// The colour at the pixel's L, sRGB.
    pub rgb: [u8; 3],
}

/// The look of each bin at one L.
struct Palette {
    rgb: Vec<[u8; 3]>,
    lab: Vec<[f64; 3]>,
}

impl Palette {
    // `cold` for the size of what the browser downloads: one place at a time is looked at.
    #[cold]
    fn new(lightness: f32) -> Self {
        let to_srgb = ToSrgb::new(255);
        let shown = |&[a, b]: &[i16; 2]| {
            let lab = [lightness, a.into(), b.into()];
            linear_in_gamut(lab, OutOfGamut::ReduceChroma).map(|c| to_srgb.code(c) as u8)
        };
        let rgb: Vec<[u8; 3]> = CENTERS.iter().map(shown).collect();
        let lab = rgb.iter().map(|rgb| lab_from_srgb(rgb.map(|c| f64::from(c) / 255.0))).collect();
        Self { rgb, lab }
    }

    /// The likeliest colours: the likeliest bin takes with it all that look like it, and so on.
    #[cold]
    fn top(&self, shares: &[f32; COUNT]) -> Vec<LikelyColour> {
        // Picked one by one instead of sorted: code for sorting is what the browser would download.
        let mut left = *shares;
        let mut peaks: Vec<(usize, f32)> = Vec::new();
        while let Some(peak) = largest(&left).filter(|peak| left[*peak] > 0.0) {
            let mut share = 0.0;
            for (bin, left) in left.iter_mut().enumerate() {
                if difference(self.lab[peak], self.lab[bin]) < SAME_COLOR_DISTANCE {
                    share += std::mem::take(left);
                }
            }
            peaks.push((peak, share));
        }
        let mut top = Vec::new();
        while let Some(next) = largest(&peaks.iter().map(|(_, share)| *share).collect::<Vec<_>>()) {
            let (bin, p) = peaks.swap_remove(next);
            if p < LEAST_SHARE || top.len() == MOST_COLORS {
                break;
            }
            top.push(LikelyColour { ab: CENTERS[bin], p, rgb: self.rgb[bin] });
        }
        top
    }

    #[cold]
    fn plane(&self, shares: &[f32; COUNT], side: usize) -> Result<Photo> {
        let largest = shares.iter().fold(f32::MIN_POSITIVE, |largest, p| largest.max(*p));
        let mut rgba = vec![0; side * side * 4];
        for ((&[a, b], rgb), share) in CENTERS.iter().zip(&self.rgb).zip(shares) {
            let [column, row] = [a, -b].map(|v| ((v + 110) / 10) as usize);
            let edge = |i: usize| i * side / BINS;
            let (left, top) = (edge(column), edge(row));
            let (width, height) = (edge(column + 1) - left, edge(row + 1) - top);
            // The root shows a bin of a hundredth of the largest share at a tenth of its area.
            let strength = (share / largest).sqrt().sqrt();
            let inside = |position: usize, length: usize| {
                let from_centre = (2.0 * position as f32 + 1.0 - length as f32).abs();
                from_centre < strength * length as f32
            };
            for y in 0..height {
                for x in 0..width {
                    let at = ((top + y) * side + left + x) * 4;
                    let solid = inside(x, width) && inside(y, height);
                    rgba[at..at + 3].copy_from_slice(rgb);
                    rgba[at + 3] = if solid { 255 } else { IMPROBABLE_ALPHA };
                }
            }
        }
        Photo::new(side, side, Channels::Rgba, Samples::U8(rgba))
    }
}

/// Where the largest value stands.
fn largest(values: &[f32]) -> Option<usize> {
    (0..values.len()).reduce(|best, i| if values[i] > values[best] { i } else { best })
}

/// CIE94 difference for graphic arts, with the mean chroma of both, so that neither is the standard.
fn difference(p: [f64; 3], q: [f64; 3]) -> f64 {
    let [chroma_p, chroma_q] = [p, q].map(|[_, a, b]| a.hypot(b));
    let chroma = (chroma_p * chroma_q).sqrt();
    let [dl, da, db] = [0, 1, 2].map(|i| p[i] - q[i]);
    let dc = chroma_p - chroma_q;
    let dh2 = (da * da + db * db - dc * dc).max(0.0);
    (dl * dl + (dc / (1.0 + 0.045 * chroma)).powi(2) + dh2 / (1.0 + 0.015 * chroma).powi(2)).sqrt()
}

impl Colorization {
    /// Looks at the pixel (`x`, `y`) of `photo`, the photograph that was coloured, and draws a plane
    /// of `side` x `side` pixels.
    ///
    /// # Errors
    /// [`Error::Parameter`] outside the photograph, for a side below 23 or above 4096, or for a tone
    /// out of range; [`Error::Unsupported`] where the network has no distribution; and as
    /// [`Colorization::prediction`].
    #[cold]
    pub async fn inspect(
        &mut self,
        photo: &Photo,
        (x, y): (f64, f64),
        tone: Tone,
        side: usize,
    ) -> Result<Inspection> {
        if !SIDES.contains(&side) {
            return Err(Error::Parameter {
                name: "side",
                value: side.to_string(),
                range: "between 23 and 4096",
            });
        }
        let place = photo.place(x, y)?;
        let lightness = pixel_lightness(photo, x as usize, y as usize);
        let confidence = Confidence::new(self, tone)?;
        let shares = self.probabilities_at(place.0, place.1, tone).await?;
        let palette = Palette::new(lightness);
        Ok(Inspection {
            plane: palette.plane(&shares, side)?,
            top: palette.top(&shares),
            confidence: confidence.of(self.distribution().await?.at(place.0, place.1)),
            lightness,
        })
    }
}

fn pixel_lightness(photo: &Photo, x: usize, y: usize) -> f32 {
    let [count, at] = [1, y * photo.width() + x].map(|n| n * photo.channels().count());
    let rgb = [0, 1, 2].map(|c| {
        let c = at + if count < 3 { 0 } else { c };
        match photo.samples() {
            Samples::U8(v) => f64::from(v[c]) / 255.0,
            Samples::U16(v) => f64::from(v[c]) / 65535.0,
        }
    });
    lab_from_srgb(rgb)[0] as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::ab_bins::nearest;

    fn shares(parts: &[([f64; 2], f32)]) -> [f32; COUNT] {
        let mut shares = [0.0; COUNT];
        for (ab, share) in parts {
            shares[nearest(*ab)] += share;
        }
        shares
    }

    #[test]
    fn neighbours_are_one_colour_and_shares_add_up() {
        let shares = shares(&[
            ([0.0, -30.0], 0.3),
            ([0.0, -40.0], 0.2),
            ([10.0, -30.0], 0.1),
            ([40.0, 50.0], 0.35),
            ([-40.0, 30.0], 0.045),
            ([0.0, 90.0], 0.005),
        ]);
        let top = Palette::new(55.0).top(&shares);
        assert_eq!(top.iter().map(|c| c.ab).collect::<Vec<_>>(), [[0, -30], [40, 50], [-40, 30]]);
        assert!((top[0].p - 0.6).abs() < 1e-6, "{top:?}");
    }

    #[test]
    fn the_colours_of_any_distribution_differ() {
        for lightness in [0.0, 5.0, 30.0, 60.0, 90.0, 100.0] {
            let palette = Palette::new(lightness);
            for seed in 0..20u32 {
                let weight = |q: u32| ((q * 7919 + seed * 104_729) % 1009) as f32;
                let sum: f32 = (0..COUNT as u32).map(weight).sum();
                let top = palette.top(&std::array::from_fn(|q| weight(q as u32) / sum));
                assert!(!top.is_empty() && top.len() <= MOST_COLORS);
                assert!(top.iter().map(|c| c.p).sum::<f32>() <= 1.0 + 1e-5);
                for (i, p) in top.iter().enumerate() {
                    for q in &top[..i] {
                        let [p, q] = [p, q].map(|c| lab_from_srgb(c.rgb.map(|c| f64::from(c) / 255.0)));
                        assert!(difference(p, q) >= SAME_COLOR_DISTANCE, "L {lightness}: {p:?} {q:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_plane_shows_each_bin_at_its_place() {
        let (palette, side) = (Palette::new(60.0), 230);
        let shares = shares(&[([30.0, -50.0], 0.9), ([-60.0, 40.0], 0.1)]);
        let plane = palette.plane(&shares, side).unwrap();
        let Samples::U8(rgba) = plane.samples() else { panic!() };
        let at = |a: i32, b: i32, inset: i32| {
            let (x, y) = ((a + 110) + inset, (110 - b) + inset);
            &rgba[(y * 230 + x) as usize * 4..][..4]
        };
        let likely = palette.rgb[nearest([30.0, -50.0])];
        assert_eq!(at(30, -50, 5), [&likely[..], &[255]].concat());
        assert_eq!(at(30, -50, 0)[3], 255, "the likeliest fills its cell");
        assert_eq!((at(-60, 40, 5)[3], at(-60, 40, 0)[3]), (255, IMPROBABLE_ALPHA), "a lesser one does not");
        assert_eq!(at(0, 0, 5)[3], IMPROBABLE_ALPHA);
        assert_eq!(at(-110, -110, 5)[3], 0, "no bin there");
    }
}
