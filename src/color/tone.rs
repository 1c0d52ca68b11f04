//! Settings of a rendering, among them the warm or cool grade.

use crate::color::ab_bins::{self, AnnealedMean};
use crate::color::lab;
use crate::error::{Error, Result};

/// Settings of a rendering. A change of them does not need the network again. With a network that predicts
/// one colour for each pixel only saturation and warmth have an effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tone {
    /// Temperature of the annealed mean: 0 gives the mode, 1 the mean, 0.38 is the paper's.
    pub temperature: f32,
    /// Fraction of the class rebalancing that is kept, 0 to 1 (docs/method.md#rebalance).
    pub rebalance: f32,
    /// Factor on chroma, from 0 (gray) up; 1 keeps the prediction.
    pub saturation: f32,
    /// From -1 (cool) to 1 (warm), 0 for none; see [`Warmth`].
    pub warmth: f32,
}

impl Tone {
    /// Checks that a model can be rendered with these settings; `class_weights` is whether it carries class
    /// weights.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a setting out of range, or a `rebalance` below 1 without
    /// `class_weights`.
    pub fn check(self, class_weights: bool) -> Result<()> {
        const EQUAL: [f32; ab_bins::COUNT] = [1.0; ab_bins::COUNT];
        AnnealedMean::new(self.temperature, self.rebalance, class_weights.then_some(&EQUAL[..]))?;
        let refuse =
            |name, value: f32, range| Err(Error::Parameter { name, value: value.to_string(), range });
        if !(self.saturation >= 0.0 && self.saturation.is_finite()) {
            return refuse("saturation", self.saturation, "0 or above");
        }
        if !(-1.0..=1.0).contains(&self.warmth) {
            return refuse("warmth", self.warmth, "between -1 and 1");
        }
        Ok(())
    }
}

/// A warm or cool grade: the colours under daylight of another correlated colour temperature, seen by an
/// eye adapted to D65.
///
/// The adaptation is CIELAB's own, which divides X, Y and Z by those of a white ("wrong von
/// Kries", CIE 15): each colour is read with the white of D65 and shown with that of the other
/// daylight, both of Y = 1, from the formula of the daylight locus (CIE 15; 4000 to 25000 K). Y
/// and so L do not change. With `k` the ratio of both whites' X, `f` = (L + 16) / 116 and the cube
/// root that CIELAB takes of X, a = 500 (fx - f) becomes 500 (∛k fx - f), which is
/// `∛k a + 500 (∛k - 1) f`; likewise b with Z. That is a gain and a shift, four operations a pixel. A
/// sharpened adaptation (Bradford's) has the same white and differs for saturated colours only, where
/// a grade has no true value to meet.
///
/// Neutral colours are tinted, as by a photographer's filter, and so is a photograph without
/// saturation. Black and white stay, since sRGB has no other colour of their L.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warmth {
    /// Factor on a and on b.
    gain: [f32; 2],
    /// Added to a and to b at `f` = 1.
    shift: [f32; 2],
}

impl Warmth {
    /// Mireds (reciprocal megakelvins) of a warmth of 1. The ends are daylights of about 4700 and 10700 K.
    const FULL_SCALE_MIREDS: f64 = 60.0;

    /// The grade of a warmth from -1 to 1; `None` for 0.
    #[must_use]
    pub fn new(warmth: f32) -> Option<Self> {
        if warmth == 0.0 {
            return None;
        }
        let neutral = lab::DAYLIGHT_KELVIN;
        let kelvin = 1e6 / (1e6 / neutral + f64::from(warmth) * Self::FULL_SCALE_MIREDS);
        let [from, to] = [neutral, kelvin].map(lab::daylight_xyz);
        let [x, z] = [0, 2].map(|i| (to[i] / from[i]).cbrt());
        Some(Self {
            gain: [x as f32, z as f32],
            shift: [(500.0 * (x - 1.0)) as f32, (200.0 * (1.0 - z)) as f32],
        })
    }

    /// A factor on chroma followed by the grade, combined; without a grade the factor alone.
    #[must_use]
    pub fn with_saturation(warmth: Option<Self>, saturation: f32) -> Self {
        let Self { gain, shift } = warmth.unwrap_or(Self { gain: [1.0; 2], shift: [0.0; 2] });
        Self { gain: [gain[0] * saturation, gain[1] * saturation], shift }
    }

    /// The graded colour (a, b) of a pixel of this lightness.
    #[inline(always)]
    #[must_use]
    pub fn apply(self, lightness: f32, [a, b]: [f32; 2]) -> [f32; 2] {
        // Below L = 8 CIELAB's root gives way to a straight line, and the shift goes to 0 with L.
        let (root, line) = ((lightness + 16.0) / 116.0, lightness * (24.0 / 116.0 / 8.0));
        let f = if root < line { root } else { line };
        [a * self.gain[0] + self.shift[0] * f, b * self.gain[1] + self.shift[1] * f]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: XYZ scaled from one white to the other.
    fn adapted([l, a, b]: [f64; 3], warmth: f64) -> [f64; 2] {
        let f = |t: f64| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
        let inverse = |t: f64| if t > 0.206_896_6 { t.powi(3) } else { (t - 16.0 / 116.0) / 7.787 };
        let kelvin = 1e6 / (1e6 / 6504.0 + 60.0 * warmth);
        let [d65, white] = [6504.0, kelvin].map(lab::daylight_xyz);
        let y = (l + 16.0) / 116.0;
        let [x, z] = [y + a / 500.0, y - b / 200.0].map(inverse);
        let [x, z] = [f(x * white[0] / d65[0]), f(z * white[2] / d65[2])];
        [500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn it_is_cielabs_adaptation_to_another_daylight() {
        for warmth in [-1.0f32, -0.3, 0.2, 1.0] {
            let grade = Warmth::new(warmth).unwrap();
            for l in [0.0f32, 4.0, 8.0, 30.0, 60.0, 100.0] {
                let colors: &[[f32; 2]] =
                    if l > 20.0 { &[[0.0, 0.0], [40.0, -35.0], [-30.0, 30.0]] } else { &[[0.0, 0.0]] };
                for &ab in colors {
                    let expected = adapted([l, ab[0], ab[1]].map(f64::from), f64::from(warmth));
                    let found = grade.apply(l, ab);
                    // The foot of the root is one line here for both axes.
                    let allowed = if l <= 8.0 { 0.6 } else { 0.01 };
                    for (found, expected) in found.into_iter().zip(expected) {
                        assert!(
                            (f64::from(found) - expected).abs() < allowed,
                            "warmth {warmth}, L {l}, {ab:?}: {found} {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn warm_is_yellow_cool_is_blue_and_black_is_black() {
        let [warm, cool] = [1.0, -1.0].map(|w| Warmth::new(w).unwrap().apply(50.0, [0.0; 2]));
        assert!(warm[1] > 8.0 && cool[1] < -8.0, "{warm:?} {cool:?}");
        assert!(warm[0].abs() < 6.0 && cool[0].abs() < 6.0, "{warm:?} {cool:?}");
        assert_eq!(Warmth::new(1.0).unwrap().apply(0.0, [0.0; 2]), [0.0; 2]);
        assert_eq!(Warmth::new(0.0), None);
    }
}
