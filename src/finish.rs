//! From Lab at full resolution to light, row by row: saturation, warmth and the gamut.
//!
//! The same numbers as [`linear_in_gamut`] gives pixel by pixel, computed several pixels at a time:
//! those that sRGB can show in one pass without a branch, the others gathered and searched together.

use crate::lab::{GAMUT_STEPS, OutOfGamut, in_gamut, linear_from_lab};
use crate::tone::Warmth;

/// Pixels that are computed together: the compiler makes vector instructions of it.
const LANES: usize = 8;

/// What becomes of the colours of a photograph before they are light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finish {
    /// What becomes of colours that sRGB cannot show.
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

/// A few pixels, component by component.
type Lanes = [f32; LANES];

impl Finish {
    /// Turns the a and b of a row, the first two of `planes`, and its L into red, green and blue:
    /// linear light, 0…1.
    ///
    /// # Panics
    /// If the planes are not as long as the row.
    // One copy, whatever it is called for: it is large.
    #[inline(never)]
    pub fn light(&self, lightness: &[f32], planes: [&mut [f32]; 3]) {
        let width = lightness.len();
        assert!(planes.iter().all(|plane| plane.len() == width), "the planes of a row are alike");
        let mut outside = Outside { planes, count: 0, places: [0; LANES], lab: [[0.0; LANES]; 3] };
        let mut first = 0;
        while first < width {
            let count = LANES.min(width - first);
            let lanes = |plane: &[f32]| match plane[first..].first_chunk() {
                Some(lanes) => *lanes,
                None => std::array::from_fn(|i| if i < count { plane[first + i] } else { 0.0 }),
            };
            let (l, [mut a, mut b]) = (lanes(lightness), [0, 1].map(|i| lanes(outside.planes[i])));
            for i in 0..LANES {
                [a[i], b[i]] = [a[i] * self.saturation, b[i] * self.saturation];
                if let Some(warmth) = self.warmth {
                    [a[i], b[i]] = warmth.apply(l[i], [a[i], b[i]]);
                }
            }
            let light = linear(&l, &a, &b);
            for (plane, light) in outside.planes.iter_mut().zip(&light) {
                let light = light.map(|c| c.clamp(0.0, 1.0));
                plane[first..first + count].copy_from_slice(&light[..count]);
            }
            if self.rule == OutOfGamut::ReduceChroma && !all_in_gamut(&light) {
                for i in 0..count {
                    if !in_gamut([light[0][i], light[1][i], light[2][i]]) {
                        outside.push(first + i, [l[i], a[i], b[i]]);
                    }
                }
            }
            first += LANES;
        }
        outside.flush();
    }
}

/// [`linear_from_lab`] of some pixels: red, green and blue of each.
#[inline(always)]
fn linear(l: &Lanes, a: &Lanes, b: &Lanes) -> [Lanes; 3] {
    let mut light = [[0.0; LANES]; 3];
    for i in 0..LANES {
        let rgb = linear_from_lab([l[i], a[i], b[i]]);
        for c in 0..3 {
            light[c][i] = rgb[c];
        }
    }
    light
}

/// Whether sRGB shows all of them.
#[inline(always)]
fn all_in_gamut(light: &[Lanes; 3]) -> bool {
    let mut all = true;
    for i in 0..LANES {
        all &= in_gamut([light[0][i], light[1][i], light[2][i]]);
    }
    all
}

/// Pixels of a row whose chroma must be reduced, searched together.
struct Outside<'a> {
    planes: [&'a mut [f32]; 3],
    count: usize,
    places: [usize; LANES],
    lab: [Lanes; 3],
}

impl Outside<'_> {
    fn push(&mut self, place: usize, lab: [f32; 3]) {
        self.places[self.count] = place;
        for (lanes, value) in self.lab.iter_mut().zip(lab) {
            lanes[self.count] = value;
        }
        self.count += 1;
        if self.count == LANES {
            self.flush();
        }
    }

    /// The search of [`crate::lab::linear_in_gamut`]: the gray of the pixel's L fits, the interval
    /// between it and the colour is halved.
    #[inline(never)]
    fn flush(&mut self) {
        let [l, a, b] = &self.lab;
        let (mut fits, mut too_much) = ([0.0f32; LANES], [1.0f32; LANES]);
        let mut light = linear(l, &[0.0; LANES], &[0.0; LANES]);
        for _ in 0..GAMUT_STEPS {
            let (mut nearer_a, mut nearer_b) = ([0.0; LANES], [0.0; LANES]);
            let mut middle = [0.0; LANES];
            for i in 0..LANES {
                middle[i] = 0.5 * (fits[i] + too_much[i]);
                nearer_a[i] = a[i] * middle[i];
                nearer_b[i] = b[i] * middle[i];
            }
            let candidate = linear(l, &nearer_a, &nearer_b);
            for i in 0..LANES {
                let inside = in_gamut([candidate[0][i], candidate[1][i], candidate[2][i]]);
                fits[i] = if inside { middle[i] } else { fits[i] };
                too_much[i] = if inside { too_much[i] } else { middle[i] };
                for c in 0..3 {
                    light[c][i] = if inside { candidate[c][i] } else { light[c][i] };
                }
            }
        }
        for (plane, light) in self.planes.iter_mut().zip(&light) {
            for (i, place) in self.places[..self.count].iter().enumerate() {
                plane[*place] = light[i].clamp(0.0, 1.0);
            }
        }
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::linear_in_gamut;

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
                    let mut ab = [a[x] * 0.8, b[x] * 0.8];
                    if let Some(warmth) = finish.warmth {
                        ab = warmth.apply(lightness[x], ab);
                    }
                    let expected = linear_in_gamut([lightness[x], ab[0], ab[1]], rule);
                    let found = [red[x], green[x], blue[x]];
                    assert_eq!(found, expected, "{rule:?}, {x} of {width}, warmth {warmth}");
                }
            }
        }
    }
}
