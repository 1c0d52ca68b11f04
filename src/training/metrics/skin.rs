//! Pixels of a photograph that have the colour of skin, which are measured by themselves: people look at
//! people first, and an uncertain network leaves them ashen.

/// Lightness of colours that count as skin; outside, they are too dark or too bright to tell.
const LIGHTNESS: std::ops::RangeInclusive<f64> = 25.0..=90.0;

/// Chroma of colours that count as skin, CIE units.
const CHROMA: std::ops::RangeInclusive<f64> = 10.0..=40.0;

/// Hue angle of colours that count as skin, degrees. Skin measured under daylight lies between 40 and 75
/// (Xiao et al. 2017, "Characterising the variations in ethnic skin colours"); photographs under warm
/// light and in flushed places go lower.
const HUE: std::ops::RangeInclusive<f64> = 25.0..=75.0;

/// Smallest chroma at which a shown colour has a hue that can be compared, CIE units.
const MIN_HUE_CHROMA: f64 = 2.0;

/// Whether a colour is one that skin has. Wood, sand and bricks have it too, so that a figure means most for
/// photographs of people.
#[must_use]
pub(crate) fn is_skin([l, a, b]: [f64; 3]) -> bool {
    LIGHTNESS.contains(&l) && CHROMA.contains(&a.hypot(b)) && HUE.contains(&b.atan2(a).to_degrees())
}

/// Sums over some pixels of a photograph.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct HueSums {
    pixels: f64,
    chroma: f64,
    true_chroma: f64,
    /// Differences of hue angles, degrees, times their weights.
    hue: f64,
    /// True chroma, the weight of each difference.
    weight: f64,
}

impl HueSums {
    pub(super) fn add(&mut self, truth: [f64; 2], shown: [f64; 2]) {
        let [chroma, true_chroma] = [shown, truth].map(|[a, b]| a.hypot(b));
        self.pixels += 1.0;
        self.chroma += chroma;
        self.true_chroma += true_chroma;
        if chroma >= MIN_HUE_CHROMA {
            let [angle, true_angle] = [shown, truth].map(|[a, b]| b.atan2(a));
            let apart = (angle - true_angle).abs();
            let apart = apart.min(std::f64::consts::TAU - apart).to_degrees();
            self.hue += apart * true_chroma;
            self.weight += true_chroma;
        }
    }

    /// Numerator and denominator of mean chroma shown over mean true chroma, and the number of pixels.
    pub(super) fn chroma_ratio(&self) -> [f64; 3] {
        [self.chroma, self.true_chroma, self.pixels]
    }

    /// Numerator and denominator of the mean difference of hue angles, and the number of pixels.
    pub(super) fn hue_error(&self) -> [f64; 3] {
        [self.hue, self.weight, self.pixels]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_count_and_skies_do_not() {
        for skin in [[65.0, 12.0, 18.0], [45.0, 14.0, 17.0], [80.0, 10.0, 12.0], [35.0, 9.0, 12.0]] {
            assert!(is_skin(skin), "{skin:?}");
        }
        for other in [
            [65.0, -5.0, -25.0],
            [60.0, -30.0, 30.0],
            [50.0, 2.0, 3.0],
            [50.0, 60.0, 45.0],
            [10.0, 12.0, 18.0],
        ] {
            assert!(!is_skin(other), "{other:?}");
        }
    }

    #[test]
    fn hues_are_compared_around_the_circle_and_not_where_there_is_none() {
        let mut sums = HueSums::default();
        sums.add([10.0, -0.001], [10.0, 0.001]);
        assert!(sums.hue_error()[0] < 0.2, "{sums:?}");
        sums.add([10.0, 0.0], [0.0, 10.0]);
        sums.add([30.0, 0.0], [0.5, 0.5]);
        let [hue, weight, pixels] = sums.hue_error();
        assert!((hue / weight - 45.0).abs() < 0.1 && pixels == 3.0, "{sums:?}");
    }
}
