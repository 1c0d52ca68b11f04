//! Colourfulness of a picture, whether its colours are true or not: two measures of Hasler & Süsstrunk,
//! "Measuring colourfulness in natural images" (Human Vision and Electronic Imaging VIII, 2003), and
//! mean chroma.

/// Sums over the pixels of one picture.
#[derive(Clone, Copy, Debug, Default)]
pub struct Colorfulness {
    pixels: f64,
    /// Sums over `R - G` and of `(R + G) / 2 - B`.
    opponent: [Sums; 2],
    /// Sums over a and over b.
    ab: [Sums; 2],
    chroma: f64,
}

/// Sum of values and of their squares.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    sum: f64,
    squares: f64,
}

impl Sums {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.squares += value * value;
    }
}

/// `sqrt(variance of the first + variance of the second)` and the distance of the mean from zero.
fn spread_and_center(pair: [Sums; 2], pixels: f64) -> [f64; 2] {
    let [mut variance, mut center] = [0.0, 0.0];
    for moments in pair {
        let mean = moments.sum / pixels;
        // For a picture of one colour rounding can give a negative variance.
        variance += (moments.squares / pixels - mean * mean).max(0.0);
        center += mean * mean;
    }
    [variance.sqrt(), center.sqrt()]
}

impl Colorfulness {
    /// Adds a pixel: its sRGB samples, and its a and b in CIE units.
    pub fn add(&mut self, rgb: [u8; 3], [a, b]: [f64; 2]) {
        let [red, green, blue] = rgb.map(f64::from);
        self.pixels += 1.0;
        self.opponent[0].add(red - green);
        self.opponent[1].add(0.5 * (red + green) - blue);
        self.ab[0].add(a);
        self.ab[1].add(b);
        self.chroma += a.hypot(b);
    }

    /// M3, on sRGB samples from 0 to 255: `sigma_rgyb + 0.3 mu_rgyb`. The authors call 15 slightly,
    /// 33 moderately, 59 quite and 109 extremely colourful.
    #[must_use]
    pub fn m3(&self) -> f64 {
        let [spread, center] = spread_and_center(self.opponent, self.pixels);
        spread + 0.3 * center
    }

    /// M1, on CIE Lab: `sigma_ab + 0.37 mu_ab`.
    #[must_use]
    pub fn m1(&self) -> f64 {
        let [spread, center] = spread_and_center(self.ab, self.pixels);
        spread + 0.37 * center
    }

    /// Mean of `sqrt(a² + b²)`, CIE units.
    #[must_use]
    pub fn mean_chroma(&self) -> f64 {
        self.chroma / self.pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pixels: &[([u8; 3], [f64; 2])]) -> Colorfulness {
        let mut sums = Colorfulness::default();
        pixels.iter().for_each(|(rgb, ab)| sums.add(*rgb, *ab));
        sums
    }

    #[test]
    fn values_computed_by_hand() {
        // rg is 100 and -100, yb 50 - 20 = 30 and 50 - 40 = 10: deviations 100 and 10, means 0, 20.
        let two = of(&[([100, 0, 20], [30.0, 40.0]), ([0, 100, 40], [-30.0, 40.0])]);
        assert!((two.m3() - (10_100f64.sqrt() + 0.3 * 20.0)).abs() < 1e-9);
        // a is 30 and -30, b 40: deviation 30, mean (0, 40), chroma 50.
        assert!((two.m1() - (30.0 + 0.37 * 40.0)).abs() < 1e-9);
        assert!((two.mean_chroma() - 50.0).abs() < 1e-9);
    }

    #[test]
    fn gray_is_not_colorful() {
        let gray = of(&[([0; 3], [0.0; 2]), ([77; 3], [0.0; 2]), ([255; 3], [0.0; 2])]);
        assert_eq!((gray.m3(), gray.m1(), gray.mean_chroma()), (0.0, 0.0, 0.0));
    }
}
