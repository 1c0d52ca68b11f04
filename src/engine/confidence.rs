//! How sure a model is of the colour that is shown.
//!
//! The measure is the accuracy that the model itself expects: the probability, by its own
//! distribution, that the photograph's true colour lies within about 20 CIE units of the colour
//! shown. That is the "raw accuracy" of Zhang et al. (section 3.1), expected instead of measured.
//! Entropy, the usual measure, does not know that neighbouring bins are nearly the same colour: a
//! sky between two blues would count as unsure as one between blue and orange.
//!
//! The distribution is that of temperature 1, which the network was trained to be (a temperature
//! below 1 sharpens what is shown, not what is known), under the `rebalance` of the tone. The
//! temperature counts through the colour shown. Saturation and warmth are taste and do not count.

use super::colorization::Colorization;
use crate::color::ab_bins::{self, AnnealedMean, CENTERS};
use crate::color::gamut::{OutOfGamut, linear_in_gamut};
use crate::color::lab::ToSrgb;
use crate::color::tone::Tone;
use crate::error::Result;
use crate::image::photo::{Channels, Photo, Samples};
use crate::image::resample::bilinear;

/// Thresholds that the accuracy is averaged over, CIE units: a colour nearer than the first is
/// right, one beyond the second wrong.
const ACCURACY_RANGE_AB: [f32; 2] = [10.0, 30.0];

/// Lab of no confidence and of full confidence. L rises steadily, and blue and yellow differ for
/// people without red or green cones too.
const SCALE: [[f32; 3]; 2] = [[22.0, 18.0, -48.0], [92.0, -8.0, 72.0]];

/// How opaque the overlay is, 0…255.
const OPACITY: u32 = 166;

/// A measure of what the model knows, and the colour that shows it.
pub(crate) struct Confidence {
    belief: AnnealedMean<f32>,
    shown: AnnealedMean<f32>,
}

impl Confidence {
    pub(crate) fn new(colorization: &Colorization, tone: Tone) -> Result<Self> {
        let belief = colorization.decoder(Tone { temperature: 1.0, ..tone })?;
        Ok(Self { belief, shown: colorization.decoder(tone)? })
    }

    /// Confidence, 0…1, in the colour of a cell's 313 logits.
    pub(crate) fn of(&self, logits: &[f32]) -> f32 {
        let [a, b] = self.shown.decode(logits);
        let mut belief = [0.0; ab_bins::COUNT];
        self.belief.distribution(logits, &mut belief);
        let [right, wrong] = ACCURACY_RANGE_AB;
        let expected: f32 = CENTERS
            .iter()
            .zip(belief)
            .map(|(centre, p)| {
                let distance = (f32::from(centre[0]) - a).hypot(f32::from(centre[1]) - b);
                p * ((wrong - distance) / (wrong - right)).clamp(0.0, 1.0)
            })
            .sum();
        expected.min(1.0)
    }
}

/// The colour, sRGB, that stands for a confidence on the overlay.
fn colour(confidence: f32, to_srgb: &ToSrgb) -> [u8; 3] {
    let lab = [0, 1, 2].map(|i| SCALE[0][i] + (SCALE[1][i] - SCALE[0][i]) * confidence);
    linear_in_gamut(lab, OutOfGamut::ReduceChroma).map(|c| to_srgb.code(c) as u8)
}

impl Colorization {
    /// Confidence in the colour of every cell, 0…1, row-major.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) for a tone out of range,
    /// [`Error::Unsupported`](crate::Error::Unsupported) where the network has no distribution, and as
    /// [`Colorization::prediction`].
    pub async fn confidence(&mut self, tone: Tone) -> Result<Vec<f32>> {
        let confidence = Confidence::new(self, tone)?;
        let distribution = self.distribution().await?;
        Ok(distribution.cells().map(|logits| confidence.of(logits)).collect())
    }

    /// Confidence as colours to be laid over `photo`, RGBA of its size: from dark blue (none) to
    /// light yellow (full), nothing where the photograph is transparent.
    ///
    /// # Errors
    /// As [`Colorization::confidence`].
    pub async fn confidence_overlay(&mut self, photo: &Photo, tone: Tone) -> Result<Photo> {
        const STEPS: usize = 256;
        let to_srgb = ToSrgb::new(255);
        let scale: Vec<[u8; 3]> =
            (0..STEPS).map(|i| colour(i as f32 / (STEPS - 1) as f32, &to_srgb)).collect();
        let (width, height) = (photo.width(), photo.height());
        let confidence = bilinear(&self.confidence(tone).await?, self.size(), (width, height));
        let mut rgba = photo.to_rgba8();
        for (pixel, confidence) in rgba.chunks_exact_mut(4).zip(confidence) {
            let step = (confidence * (STEPS - 1) as f32 + 0.5) as usize;
            pixel[..3].copy_from_slice(&scale[step.min(STEPS - 1)]);
            pixel[3] = ((u32::from(pixel[3]) * OPACITY + 127) / 255) as u8;
        }
        Photo::new(width, height, Channels::Rgba, Samples::U8(rgba))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::ab_bins::{COUNT, nearest, soft_encode};
    use crate::color::lab::lab_from_srgb;

    fn confidence(shares: &[(usize, f64)]) -> f32 {
        let mut logits = [-60.0; COUNT];
        for (bin, share) in shares {
            logits[*bin] = share.ln() as f32;
        }
        let decoder = |temperature| AnnealedMean::new(temperature, 1.0, None).unwrap();
        Confidence { belief: decoder(1.0), shown: decoder(0.38) }.of(&logits)
    }

    #[test]
    fn near_colours_are_agreement_and_far_ones_are_not() {
        let [blue, bluer, orange] = [[0.0, -30.0], [0.0, -40.0], [30.0, 50.0]].map(nearest);
        let one = confidence(&soft_encode([0.0, -30.0], 5));
        let neighbours = confidence(&[(blue, 0.5), (bluer, 0.5)]);
        let apart = confidence(&[(blue, 0.5), (orange, 0.5)]);
        let unequal = confidence(&[(blue, 0.8), (orange, 0.2)]);
        assert!(one > 0.97, "{one}");
        assert!(neighbours > 0.97, "{neighbours}");
        assert!(apart < 0.05, "{apart}");
        assert!((0.5..0.9).contains(&unequal), "{unequal}");
        let all: Vec<(usize, f64)> = (0..COUNT).map(|bin| (bin, 1.0 / COUNT as f64)).collect();
        assert!(confidence(&all) < 0.1);
    }

    /// The scale read without colour, or with two kinds of cones, still rises.
    #[test]
    fn the_scale_rises_in_lightness() {
        let to_srgb = ToSrgb::new(255);
        let mut last = 0.0;
        for step in 0..=20 {
            let rgb = colour(step as f32 / 20.0, &to_srgb).map(|c| f64::from(c) / 255.0);
            let [l, ..] = lab_from_srgb(rgb);
            assert!(l > last + 2.0, "step {step}: {last} to {l}");
            last = l;
        }
    }
}
