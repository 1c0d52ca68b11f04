//! How near a coloured photograph comes to its true colours.

use crate::color::lab::ToLab;
use crate::error::{Error, Result};
use crate::image::photo::Photo;

/// Squared error of a sample that rounding to 8 bits alone makes: uniform over one step.
const ROUNDING: f64 = 1.0 / 12.0;

/// The difference of two photographs' colours, at 8 bits over white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColorError {
    /// Mean over the pixels of the distance in a and b, CIE units.
    pub mean_ab: f64,
    /// Of sRGB, dB; see [`psnr`].
    pub psnr: f64,
}

impl ColorError {
    /// Compares a photograph in its true colours with the same one coloured.
    ///
    /// # Errors
    /// [`Error::Parameter`] for photographs of different sizes.
    pub fn between(original: &Photo, coloured: &Photo) -> Result<Self> {
        let (width, height) = (original.width(), original.height());
        if (coloured.width(), coloured.height()) != (width, height) {
            let value = format!("{} x {}", coloured.width(), coloured.height());
            return Err(Error::Parameter {
                name: "size",
                value,
                range: "that of the photograph compared with",
            });
        }
        let [truth, shown] = [original, coloured].map(|photo| photo.resized_over_white(width, height));
        let to_lab = ToLab::new();
        let ab = |p: &[u8]| to_lab.lab([p[0], p[1], p[2]]);
        let pairs = truth.chunks_exact(3).zip(shown.chunks_exact(3));
        let sum: f64 = pairs
            .map(|(truth, shown)| {
                let ([_, a, b], [_, c, d]) = (ab(truth), ab(shown));
                (a - c).hypot(b - d)
            })
            .sum();
        Ok(Self { mean_ab: sum / (width * height) as f64, psnr: psnr(&truth, &shown) })
    }
}

/// Peak signal-to-noise ratio of 8-bit sRGB samples in dB, over all three channels together:
/// `10 log10(255² / mean squared error)`. The mean squared error is taken as at least 1/12, what
/// rounding makes, so that a perfect picture has 58.9 dB and not infinitely many.
#[must_use]
pub fn psnr(truth: &[u8], shown: &[u8]) -> f64 {
    let squares: u64 = truth.iter().zip(shown).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum();
    let mean = (squares as f64 / truth.len() as f64).max(ROUNDING);
    10.0 * (255.0 * 255.0 / mean).log10()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::photo::{Channels, Samples};

    fn photo(rgb: [u8; 3]) -> Photo {
        Photo::new(4, 3, Channels::Rgb, Samples::U8(rgb.repeat(12))).unwrap()
    }

    #[test]
    fn a_known_difference() {
        let same = ColorError::between(&photo([200, 30, 90]), &photo([200, 30, 90])).unwrap();
        assert!(same.mean_ab == 0.0 && (same.psnr - 58.92).abs() < 0.01, "{same:?}");
        // Red (80.09, 67.20) and its lack; a mean squared error of 255² / 3.
        let far = ColorError::between(&photo([255, 0, 0]), &photo([0, 0, 0])).unwrap();
        assert!((far.mean_ab - 104.55).abs() < 0.01 && (far.psnr - 4.771).abs() < 1e-3, "{far:?}");
        let other = Photo::new(3, 4, Channels::Rgb, Samples::U8(vec![0; 36])).unwrap();
        assert_eq!(ColorError::between(&photo([0; 3]), &other).unwrap_err().code(), "invalid-argument");
    }
}
