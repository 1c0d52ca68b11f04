//! A photograph that had colour, beside what became of it: its colours are never shown to the network,
//! so they tell how near the guess came.

use crate::lab::lab_from_srgb;
use crate::photo::Photo;

/// Longest side at which photographs are compared and looked at.
const SIDE: usize = 512;

/// Mean chroma from which a photograph counts as one in colour: below it lie scanners' casts.
const COLOUR: f64 = 3.0;

/// What an error of rounding to 8 bits squares to, in the mean.
const ROUNDING: f64 = 1.0 / 12.0;

/// How far colours are from the true ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColourError {
    /// Mean distance of a and b, CIE units.
    pub mean_ab: f64,
    /// Peak signal-to-noise ratio of 8-bit sRGB, dB.
    pub psnr: f64,
}

impl ColourError {
    /// Compares two photographs of one size, scaled down where they are large.
    #[must_use]
    pub fn between(truth: &Photo, shown: &Photo) -> Self {
        let [truth, shown] = [truth, shown].map(small);
        let [truth_ab, shown_ab] = [&truth, &shown].map(|rgb| chroma(rgb));
        let distances = truth_ab.zip(shown_ab).map(|(t, s)| (t[0] - s[0]).hypot(t[1] - s[1]));
        let count = (truth.len() / 3) as f64;
        Self { mean_ab: distances.sum::<f64>() / count, psnr: psnr(&truth, &shown) }
    }
}

/// Whether a photograph is one in colour.
#[must_use]
pub fn has_colour(photo: &Photo) -> bool {
    let rgb = small(photo);
    let sum: f64 = chroma(&rgb).map(|[a, b]| a.hypot(b)).sum();
    sum / (rgb.len() / 3) as f64 >= COLOUR
}

/// Interleaved RGB, no larger than [`SIDE`].
fn small(photo: &Photo) -> Vec<u8> {
    let (width, height) = (photo.width(), photo.height());
    let long = width.max(height).max(SIDE);
    let scaled = |side: usize| (side * SIDE / long).max(1);
    photo.resized_over_white(scaled(width), scaled(height))
}

fn chroma(rgb: &[u8]) -> impl Iterator<Item = [f64; 2]> {
    rgb.chunks_exact(3).map(|p| {
        let [_, a, b] = lab_from_srgb([p[0], p[1], p[2]].map(|code| f64::from(code) / 255.0));
        [a, b]
    })
}

/// Peak signal-to-noise ratio of 8-bit sRGB samples in dB, over all three channels together:
/// `10 log10(255² / mean squared error)`. The mean squared error is taken as at least 1/12, what
/// rounding makes, so that a perfect picture has 58.9 dB and not infinitely many.
pub(crate) fn psnr(truth: &[u8], shown: &[u8]) -> f64 {
    let squares: u64 = truth.iter().zip(shown).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    let mean = (squares as f64 / truth.len() as f64).max(ROUNDING);
    10.0 * (255.0 * 255.0 / mean).log10()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photo::{Channels, Samples};

    fn flat(rgb: [u8; 3]) -> Photo {
        Photo::new(600, 20, Channels::Rgb, Samples::U8(rgb.repeat(600 * 20))).unwrap()
    }

    #[test]
    fn a_photograph_is_as_far_from_another_as_their_colours_are() {
        let (truth, shown) = (flat([200, 80, 60]), flat([90, 90, 90]));
        let same = ColourError::between(&truth, &truth);
        assert!(same.mean_ab == 0.0 && (same.psnr - 58.9).abs() < 0.05, "{same:?}");
        let error = ColourError::between(&truth, &shown);
        let [_, a, b] = lab_from_srgb([200.0 / 255.0, 80.0 / 255.0, 60.0 / 255.0]);
        assert!((error.mean_ab - f64::hypot(a, b)).abs() < 1e-3, "{error:?}");
        let mean = (110.0_f64.powi(2) + 10.0_f64.powi(2) + 30.0_f64.powi(2)) / 3.0;
        assert!((error.psnr - 10.0 * (255.0 * 255.0 / mean).log10()).abs() < 1e-9);
    }

    #[test]
    fn gray_has_no_colour() {
        assert!(!has_colour(&flat([120, 120, 120])) && !has_colour(&flat([120, 121, 119])));
        assert!(has_colour(&flat([130, 120, 110])));
    }
}
