//! Sums over one photograph under one method, and the measures of a set that follow from them.

use super::accuracy::MAX_ERROR;
use super::skin::{HueSums, is_skin};
use super::{AreaUnderCurve, Colorfulness, balanced_weight};
use crate::color::lab::ToLab;
use crate::engine::color_error::psnr;

/// Mean chroma, CIE units, below which a set counts as gray: a ratio to it would be noise only. Rounding to 8
/// bits alone gives a chroma of about this size.
const MAX_GRAY_CHROMA: f64 = 0.5;

/// A picture as displayed, at 8 bits, in sRGB and in Lab.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    rgb: Vec<u8>,
    ab: Vec<[f64; 2]>,
    /// Whether each pixel has the colour of skin.
    skin: Vec<bool>,
}

impl Picture {
    /// A picture of interleaved sRGB samples.
    ///
    /// # Panics
    /// Unless there are three samples to a pixel, and at least one pixel.
    #[must_use]
    pub fn new(rgb: Vec<u8>, to_lab: &ToLab) -> Self {
        assert!(!rgb.is_empty() && rgb.len().is_multiple_of(3), "three samples to a pixel");
        let lab = |p: &[u8]| {
            let [l, a, b] = to_lab.lab([p[0], p[1], p[2]]);
            ([a, b], is_skin([l, a, b]))
        };
        let (ab, skin) = rgb.chunks_exact(3).map(lab).unzip();
        Self { rgb, ab, skin }
    }

    /// Interleaved sRGB samples.
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// a and b of every pixel, CIE units.
    #[must_use]
    pub fn ab(&self) -> &[[f64; 2]] {
        &self.ab
    }
}

/// Sums over the pixels of one photograph under one method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    pixels: f64,
    /// Sum of ab errors, each at most 150.
    errors: f64,
    /// Sum of balanced weights.
    weight: f64,
    /// Sum of errors times balanced weights.
    weighted_errors: f64,
    /// Sum of squared ab errors.
    squares: f64,
    chroma: f64,
    true_chroma: f64,
    /// Sums over pixels whose true colour is that of skin.
    skin: HueSums,
    /// Sums over all other pixels.
    others: HueSums,
    /// PSNR of the photograph, dB.
    psnr: f64,
    m3: f64,
    m1: f64,
}

impl Score {
    /// Compares a method's picture with the truth; `class_weights` (lambda 0) are those of the balanced area.
    /// The pixels are added to `pooled` too: the plain and the balanced curve of a set.
    ///
    /// # Panics
    /// If the pictures differ in size.
    #[must_use]
    pub fn compare(
        truth: &Picture,
        shown: &Picture,
        class_weights: &[f64],
        pooled: &mut [AreaUnderCurve; 2],
    ) -> Self {
        assert_eq!(truth.rgb.len(), shown.rgb.len(), "pictures of one size");
        let (mut errors, mut weight, mut weighted_errors, mut squares, mut true_chroma) =
            (0.0, 0.0, 0.0, 0.0, 0.0);
        let (mut skin, mut others) = (HueSums::default(), HueSums::default());
        for ((truth, shown), is_skin) in truth.ab.iter().zip(&shown.ab).zip(&truth.skin) {
            if *is_skin { &mut skin } else { &mut others }.add(*truth, *shown);
            let balanced = balanced_weight(*truth, class_weights);
            pooled[0].add(*truth, *shown, 1.0);
            pooled[1].add(*truth, *shown, balanced);
            let square = (truth[0] - shown[0]).powi(2) + (truth[1] - shown[1]).powi(2);
            let error = square.sqrt().min(MAX_ERROR as f64);
            errors += error;
            weight += balanced;
            weighted_errors += balanced * error;
            squares += square;
            true_chroma += truth[0].hypot(truth[1]);
        }
        let mut colorfulness = Colorfulness::default();
        for (rgb, ab) in shown.rgb.chunks_exact(3).zip(&shown.ab) {
            colorfulness.add([rgb[0], rgb[1], rgb[2]], *ab);
        }
        let pixels = truth.ab.len() as f64;
        Self {
            pixels,
            errors,
            weight,
            weighted_errors,
            squares,
            chroma: colorfulness.mean_chroma() * pixels,
            true_chroma,
            skin,
            others,
            psnr: psnr(&truth.rgb, &shown.rgb),
            m3: colorfulness.m3(),
            m1: colorfulness.m1(),
        }
    }

    /// Mean ab error of the photograph, each pixel's at most 150, CIE units.
    #[must_use]
    pub fn mean_error(&self) -> f64 {
        self.errors / self.pixels
    }
}

/// A figure of a set of photographs under one method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Area under the cumulative error curve in percent, every pixel of the set counting the same;
    /// the continuous form `1 - E[min(error, 150)] / 150`.
    Auc,
    /// [`Measure::Auc`] with each pixel weighted by the rarity of its true colour.
    BalancedAuc,
    /// Root of the mean over all pixels of `Δa² + Δb²`, CIE units. Not divided by the two channels:
    /// a mean over channels too is smaller by the root of 2.
    Rmse,
    /// Mean over the photographs of their PSNR (8-bit sRGB, three channels), dB.
    Psnr,
    /// Mean chroma shown over mean true chroma, over all pixels; not a number where the truth is
    /// gray (mean chroma below 0.5, what rounding makes).
    ChromaRatio,
    /// [`Measure::ChromaRatio`] over pixels whose true colour is that of skin (see [`is_skin`]).
    SkinChromaRatio,
    /// [`Measure::ChromaRatio`] over all other pixels.
    OtherChromaRatio,
    /// Mean difference of the hue angles shown and true, degrees, over pixels whose true colour is that
    /// of skin, weighted by true chroma. Pixels shown with next to no colour (chroma below 2) are left out.
    SkinHueError,
    /// [`Measure::SkinHueError`] over all other pixels.
    OtherHueError,
    /// Mean over all pixels of `sqrt(a² + b²)`, CIE units.
    MeanChroma,
    /// Mean over the photographs of [`Colorfulness::m3`].
    ColorfulnessM3,
    /// Mean over the photographs of [`Colorfulness::m1`].
    ColorfulnessM1,
}

impl Measure {
    /// All of them, in the order of a table.
    pub const ALL: [Self; 12] = [
        Self::Auc,
        Self::BalancedAuc,
        Self::Rmse,
        Self::Psnr,
        Self::ChromaRatio,
        Self::SkinChromaRatio,
        Self::OtherChromaRatio,
        Self::SkinHueError,
        Self::OtherHueError,
        Self::MeanChroma,
        Self::ColorfulnessM3,
        Self::ColorfulnessM1,
    ];

    /// The figure of a set of photographs, in which one may occur several times; NaN for an empty set.
    #[must_use]
    pub fn of<'a>(self, scores: impl IntoIterator<Item = &'a Score>) -> f64 {
        let parts = |score: &Score| match self {
            Self::SkinChromaRatio => score.skin.chroma_ratio(),
            Self::OtherChromaRatio => score.others.chroma_ratio(),
            Self::SkinHueError => score.skin.hue_error(),
            Self::OtherHueError => score.others.hue_error(),
            Self::Auc => [score.errors, score.pixels, score.pixels],
            Self::BalancedAuc => [score.weighted_errors, score.weight, score.pixels],
            Self::Rmse => [score.squares, score.pixels, score.pixels],
            Self::Psnr => [score.psnr, 1.0, score.pixels],
            Self::ChromaRatio => [score.chroma, score.true_chroma, score.pixels],
            Self::MeanChroma => [score.chroma, score.pixels, score.pixels],
            Self::ColorfulnessM3 => [score.m3, 1.0, score.pixels],
            Self::ColorfulnessM1 => [score.m1, 1.0, score.pixels],
        };
        let (mut above, mut below, mut pixels) = (0.0, 0.0, 0.0);
        for score in scores {
            let [numerator, denominator, counted] = parts(score);
            above += numerator;
            below += denominator;
            pixels += counted;
        }
        let mean = above / below;
        match self {
            Self::Auc | Self::BalancedAuc => 100.0 * (1.0 - mean / MAX_ERROR as f64),
            Self::Rmse => mean.sqrt(),
            Self::ChromaRatio | Self::SkinChromaRatio | Self::OtherChromaRatio
                if below / pixels < MAX_GRAY_CHROMA =>
            {
                f64::NAN
            }
            _ => mean,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::ab_bins;

    /// A picture of given colours; its samples are given too, since no sRGB colour need have them.
    fn picture(rgb: &[[u8; 3]], ab: &[[f64; 2]]) -> Picture {
        let skin = ab.iter().map(|[a, b]| is_skin([50.0, *a, *b])).collect();
        Picture { rgb: rgb.concat(), ab: ab.to_vec(), skin }
    }

    fn compare(truth: &Picture, shown: &Picture) -> Score {
        let mut weights = vec![1.0; ab_bins::COUNT];
        weights[ab_bins::nearest([30.0, 40.0])] = 3.0;
        Score::compare(truth, shown, &weights, &mut Default::default())
    }

    #[test]
    fn values_computed_by_hand() {
        // Errors 50 (weight 3) and 10 (weight 1); chroma 0 and 10 of 50 and 0.
        let truth = picture(&[[10, 10, 10], [90, 90, 90]], &[[30.0, 40.0], [0.0, 0.0]]);
        let shown = picture(&[[10, 14, 7], [90, 90, 85]], &[[0.0, 0.0], [6.0, 8.0]]);
        let score = compare(&truth, &shown);
        let near = |measure: Measure, expected: f64| {
            let found = measure.of([&score]);
            assert!((found - expected).abs() < 1e-9, "{measure:?}: {found}, expected {expected}");
        };
        near(Measure::Auc, 100.0 * (1.0 - 30.0 / 150.0));
        near(Measure::BalancedAuc, 100.0 * (1.0 - 40.0 / 150.0));
        near(Measure::Rmse, 1300f64.sqrt());
        // Squared errors of samples: 16, 9 and 25, of six.
        near(Measure::Psnr, 10.0 * (255.0f64.powi(2) / (50.0 / 6.0)).log10());
        near(Measure::ChromaRatio, 0.2);
        near(Measure::MeanChroma, 5.0);
        assert_eq!(score.mean_error(), 30.0);
    }

    #[test]
    fn skin_is_judged_by_itself() {
        // Skin of chroma 20 at 45 degrees, shown with half of it and straight up; a blue, shown as it is.
        let tan = 20.0 / 2f64.sqrt();
        let truth = picture(&[[9; 3], [9; 3]], &[[tan, tan], [0.0, -30.0]]);
        let shown = picture(&[[9; 3], [9; 3]], &[[0.0, 10.0], [0.0, -30.0]]);
        let score = compare(&truth, &shown);
        for (measure, expected) in [
            (Measure::SkinChromaRatio, 0.5),
            (Measure::OtherChromaRatio, 1.0),
            (Measure::SkinHueError, 45.0),
            (Measure::OtherHueError, 0.0),
        ] {
            assert!((measure.of([&score]) - expected).abs() < 1e-9, "{measure:?}: {}", measure.of([&score]));
        }
        let sky = picture(&[[9; 3]], &[[0.0, -30.0]]);
        assert!(Measure::SkinChromaRatio.of([&compare(&sky, &sky)]).is_nan(), "no skin");
    }

    #[test]
    fn sets_are_pooled_by_pixels_but_means_of_pictures_are_not() {
        let (small, large) = (picture(&[[0; 3]], &[[0.0; 2]]), picture(&[[0; 3]; 3], &[[0.0; 2]; 3]));
        let (wrong, right) = (picture(&[[51; 3]], &[[40.0, 0.0]]), large.clone());
        let scores = [compare(&small, &wrong), compare(&large, &right)];
        assert!((Measure::Auc.of(&scores) - 100.0 * (1.0 - 10.0 / 150.0)).abs() < 1e-9);
        let [noisy, perfect] = [10.0 * 25f64.log10(), 10.0 * (255.0f64.powi(2) * 12.0).log10()];
        assert!((Measure::Psnr.of(&scores) - (noisy + perfect) / 2.0).abs() < 1e-9);
    }

    #[test]
    fn of_a_gray_truth_there_is_no_chroma_ratio() {
        let gray = picture(&[[9; 3]], &[[0.002, -0.004]]);
        let shown = picture(&[[9; 3]], &[[5.0, 0.0]]);
        assert!(Measure::ChromaRatio.of([&compare(&gray, &shown)]).is_nan());
        assert!(Measure::Auc.of([&compare(&gray, &shown)]) > 96.0);
        assert!(Measure::ALL.iter().all(|measure| measure.of([]).is_nan()), "nothing has no figure");
    }

    #[test]
    fn the_area_is_the_exact_one_of_the_pooled_curves() {
        let mut pooled: [AreaUnderCurve; 2] = Default::default();
        let weights: Vec<f64> = (0..ab_bins::COUNT).map(|q| 1.0 + (q % 5) as f64).collect();
        let to_lab = ToLab::new();
        let scores: Vec<Score> = (0..4u8)
            .map(|i| {
                let rgb = |k: u8| (0..60u8).map(|j| j.wrapping_mul(37 + i).wrapping_mul(k)).collect();
                let [truth, shown] = [3, 5].map(|k| Picture::new(rgb(k), &to_lab));
                Score::compare(&truth, &shown, &weights, &mut pooled)
            })
            .collect();
        for (measure, area) in [Measure::Auc, Measure::BalancedAuc].into_iter().zip(&pooled) {
            assert!((measure.of(&scores) - 100.0 * area.exact()).abs() < 1e-9, "{measure:?}");
            assert!((measure.of(&scores) - 100.0 * area.trapezoid()).abs() < 0.5, "{measure:?}");
        }
    }
}
