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
    /// Tells `put` the linear light, 0…1, of every pixel of a row, each once; `a` and `b` are used up.
    #[inline(always)]
    pub fn light(
        &self,
        lightness: &[f32],
        a: &mut [f32],
        b: &mut [f32],
        mut put: impl FnMut(usize, [f32; 3]),
    ) {
        if self.saturation != 1.0 {
            for value in a.iter_mut().chain(b.iter_mut()) {
                *value *= self.saturation;
            }
        }
        if let Some(warmth) = self.warmth {
            for (l, (a, b)) in lightness.iter().zip(a.iter_mut().zip(b.iter_mut())) {
                [*a, *b] = warmth.apply(*l, [*a, *b]);
            }
        }
        let reduces = self.rule == OutOfGamut::ReduceChroma;
        let mut outside = Outside::default();
        let mut first = 0;
        while first < lightness.len() {
            let count = LANES.min(lightness.len() - first);
            let lanes = |plane: &[f32]| -> Lanes {
                match plane[first..].first_chunk() {
                    Some(lanes) => *lanes,
                    None => std::array::from_fn(|i| if i < count { plane[first + i] } else { 0.0 }),
                }
            };
            let (l, a, b) = (lanes(lightness), lanes(a), lanes(b));
            let light = linear(&l, &a, &b);
            let inside = all_in_gamut(&light);
            for i in 0..count {
                if !reduces || inside || in_gamut([light[0][i], light[1][i], light[2][i]]) {
                    put(first + i, std::array::from_fn(|c| light[c][i].clamp(0.0, 1.0)));
                } else if outside.push(first + i, [l[i], a[i], b[i]]) {
                    outside.flush(&mut put);
                }
            }
            first += LANES;
        }
        outside.flush(&mut put);
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

/// Pixels whose chroma must be reduced, searched together.
#[derive(Default)]
struct Outside {
    count: usize,
    places: [usize; LANES],
    lab: [Lanes; 3],
}

impl Outside {
    /// Takes a pixel; answers whether there is no room for another.
    fn push(&mut self, place: usize, lab: [f32; 3]) -> bool {
        self.places[self.count] = place;
        for (lanes, value) in self.lab.iter_mut().zip(lab) {
            lanes[self.count] = value;
        }
        self.count += 1;
        self.count == LANES
    }

    /// The search of [`crate::lab::linear_in_gamut`]: the gray of the pixel's L fits, the interval
    /// between it and the colour is halved.
    fn flush(&mut self, put: &mut impl FnMut(usize, [f32; 3])) {
        if self.count == 0 {
            return;
        }
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
        for (i, place) in self.places[..self.count].iter().enumerate() {
            put(*place, std::array::from_fn(|c| light[c][i].clamp(0.0, 1.0)));
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
                let mut found = vec![None; width];
                finish.light(&lightness, &mut a.clone(), &mut b.clone(), |x, light| {
                    assert_eq!(found[x].replace(light), None, "once");
                });
                for x in 0..width {
                    let mut ab = [a[x] * 0.8, b[x] * 0.8];
                    if let Some(warmth) = finish.warmth {
                        ab = warmth.apply(lightness[x], ab);
                    }
                    let expected = linear_in_gamut([lightness[x], ab[0], ab[1]], rule);
                    assert_eq!(found[x], Some(expected), "{rule:?}, {x} of {width}, warmth {warmth}");
                }
            }
        }
    }
}
