//! From Lab at full resolution to light, row by row: saturation, warmth and the gamut.
//!
//! The same numbers as [`linear_in_gamut`](crate::color::gamut::linear_in_gamut) gives pixel by pixel, computed several pixels at a time:
//! those that sRGB can show in one pass without a branch, the others gathered and searched together.

use crate::color::gamut::{GAMUT_SLACK, GrayToColor, OutOfGamut, clipped, gamut_excess};
use crate::color::tone::Warmth;

/// The last changes to the colours of a photograph, before they are light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finish {
    /// The rule for colours that sRGB cannot show.
    pub rule: OutOfGamut,
    /// Factor on chroma.
    pub saturation: f32,
    /// The grade, where there is one.
    pub warmth: Option<Warmth>,
}

impl From<OutOfGamut> for Finish {
    fn from(rule: OutOfGamut) -> Self {
        Self { rule, saturation: 1.0, warmth: None }
    }
}

/// Pixels of a row that are computed together, so that what is kept of them stays near.
const BLOCK: usize = 64;

impl Finish {
    /// Turns the a and b of a row, the first two of `planes`, and its L into red, green and blue:
    /// linear light, 0…1.
    ///
    /// # Panics
    /// If the planes are not as long as the row.
    // One copy, whatever it is called for: it is large.
    #[inline(never)]
    pub fn light(&self, lightness: &[f32], planes: [&mut [f32]; 3]) {
        let [a, b, c] = planes;
        let blocks = a.chunks_mut(BLOCK).zip(b.chunks_mut(BLOCK)).zip(c.chunks_mut(BLOCK));
        assert_eq!(blocks.len(), lightness.len().div_ceil(BLOCK), "the planes of a row are alike");
        for (l, ((a, b), c)) in lightness.chunks(BLOCK).zip(blocks) {
            self.block(l, a, b, c);
        }
    }

    #[inline(always)]
    fn block(&self, l: &[f32], a: &mut [f32], b: &mut [f32], c: &mut [f32]) {
        let count = l.len();
        let (l, a, b, c) = (&l[..count], &mut a[..count], &mut b[..count], &mut c[..count]);
        let grade = Warmth::with_saturation(self.warmth, self.saturation);
        let mut graded = [[0.0; BLOCK]; 3];
        let [graded_a, graded_b, excess] = graded.each_mut().map(|plane| &mut plane[..count]);
        for i in 0..count {
            let ab = grade.apply(l[i], [a[i], b[i]]);
            let light = GrayToColor::new([l[i], ab[0], ab[1]]).at(1.0);
            [graded_a[i], graded_b[i]] = ab;
            excess[i] = gamut_excess(light);
            [a[i], b[i], c[i]] = clipped(light);
        }
        let outside = excess.iter().fold(false, |any, excess| any | (*excess > GAMUT_SLACK));
        if self.rule == OutOfGamut::Clip || !outside {
            return;
        }
        // Those that do not fit, moved together.
        let (mut places, mut found) = ([0usize; BLOCK], 0);
        for (i, excess) in excess.iter().enumerate() {
            places[found] = i;
            found += usize::from(*excess > GAMUT_SLACK);
        }
        let mut light = [[0.0; BLOCK]; 3];
        let [red, green, blue] = light.each_mut().map(|plane| &mut plane[..found]);
        for (i, place) in places[..found].iter().enumerate() {
            (red[i], green[i], blue[i]) = (l[*place], graded_a[*place], graded_b[*place]);
        }
        for i in 0..found {
            [red[i], green[i], blue[i]] = clipped(GrayToColor::new([red[i], green[i], blue[i]]).reduced());
        }
        for (i, place) in places[..found].iter().enumerate() {
            (a[*place], b[*place], c[*place]) = (red[i], green[i], blue[i]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::gamut::linear_in_gamut;

    #[test]
    fn rows_are_what_pixels_are() {
        for rule in [OutOfGamut::Clip, OutOfGamut::ReduceChroma] {
            for (width, warmth) in [(1, 0.0), (7, 0.0), (8, 0.7), (1001, 0.0), (1001, -1.0)] {
                let value =
                    |x: usize, seed: usize, range: f32| ((x * 7919 + seed) % 1009) as f32 / 1008.0 * range;
                let lightness: Vec<f32> = (0..width).map(|x| value(x, 1, 100.0)).collect();
                let a: Vec<f32> = (0..width).map(|x| value(x * x, 5, 180.0) - 90.0).collect();
                let b: Vec<f32> = (0..width).map(|x| value(x * 31, 9, 180.0) - 90.0).collect();
                let finish = Finish { rule, saturation: 0.8, warmth: Warmth::new(warmth) };
                let (mut red, mut green, mut blue) = (a.clone(), b.clone(), vec![0.0; width]);
                finish.light(&lightness, [&mut red, &mut green, &mut blue]);
                for x in 0..width {
                    let ab = Warmth::with_saturation(finish.warmth, 0.8).apply(lightness[x], [a[x], b[x]]);
                    let expected = linear_in_gamut([lightness[x], ab[0], ab[1]], rule);
                    let found = [red[x], green[x], blue[x]];
                    assert_eq!(found, expected, "{rule:?}, {x} of {width}, warmth {warmth}");
                }
            }
        }
    }
}
