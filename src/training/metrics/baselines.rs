//! Baselines that a model has to beat: gray, one colour for all, and the colours of another photograph (paper
//! section 3.1).

use crate::color::gamut::{OutOfGamut, linear_in_gamut};
use crate::color::lab::{ToSrgb, lightness_plane};
use crate::image::resample::bilinear;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// For each of `count` photographs the index of another one to take the colours of, each index once: one
/// random cycle through all (Sattolo's shuffle), so that none keeps its own. `None` for fewer than two.
#[must_use]
pub fn derangement(count: usize, seed: u64) -> Option<Vec<usize>> {
    if count < 2 {
        return None;
    }
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..count).collect();
    for i in (1..count).rev() {
        order.swap(i, random.random_range(0..i));
    }
    Some(order)
}

/// Joins a photograph's L with other colours by the rule of rendered photographs: chroma is reduced where a
/// colour is out of gamut.
#[derive(Debug)]
pub struct Recolor {
    to_srgb: ToSrgb,
}

impl Default for Recolor {
    fn default() -> Self {
        Self { to_srgb: ToSrgb::new(255) }
    }
}

impl Recolor {
    /// 8-bit sRGB with the L of `rgb` and the a and b that `ab` gives for each pixel.
    #[must_use]
    pub fn with(&self, rgb: &[u8], ab: impl IntoIterator<Item = [f64; 2]>) -> Vec<u8> {
        let mut colored = Vec::with_capacity(rgb.len());
        for (lightness, [a, b]) in lightness_plane::<3>(rgb).into_iter().zip(ab) {
            let linear = linear_in_gamut([lightness, a as f32, b as f32], OutOfGamut::ReduceChroma);
            colored.extend(linear.map(|c| self.to_srgb.code(c) as u8));
        }
        colored
    }
}

/// The colours of one photograph at the size of another, bilinear, whatever their shapes.
#[must_use]
pub fn stretched(ab: &[[f64; 2]], from: (usize, usize), to: (usize, usize)) -> Vec<[f64; 2]> {
    let [a, b] = [0, 1].map(|i| {
        let plane: Vec<f64> = ab.iter().map(|ab| ab[i]).collect();
        bilinear(&plane, from, to)
    });
    a.into_iter().zip(b).map(|(a, b)| [a, b]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::lab::lab_from_srgb;

    #[test]
    fn nobody_keeps_his_own_colors() {
        for count in 2..60 {
            for seed in 0..5 {
                let order = derangement(count, seed).unwrap();
                assert!(order.iter().enumerate().all(|(i, donor)| i != *donor), "{order:?}");
                let mut sorted = order;
                sorted.sort_unstable();
                assert!(sorted.into_iter().eq(0..count), "each gives its colours once");
            }
        }
        assert_ne!(derangement(40, 1), derangement(40, 2));
        assert_eq!(derangement(1, 0), None);
        assert_eq!(derangement(0, 0), None);
    }

    #[test]
    fn a_recolored_picture_keeps_its_lightness_and_gets_the_colors() {
        let rgb = [120, 100, 90, 40, 60, 50, 200, 200, 200];
        let colored = Recolor::default().with(&rgb, [[10.0, -20.0], [0.0, 0.0], [-15.0, 5.0]]);
        for (before, after) in rgb.chunks(3).zip(colored.chunks(3)) {
            let [before, after] =
                [before, after].map(|p| lab_from_srgb([0, 1, 2].map(|c| f64::from(p[c]) / 255.0)));
            assert!((before[0] - after[0]).abs() < 0.5, "{before:?} {after:?}");
        }
        let [_, a, b] = lab_from_srgb([0, 1, 2].map(|c| f64::from(colored[c]) / 255.0));
        assert!((a - 10.0).abs() < 0.7 && (b + 20.0).abs() < 0.7, "{a} {b}");
        assert!(colored[3] == colored[4] && colored[4] == colored[5], "no chroma is gray");
    }

    #[test]
    fn colors_are_stretched_to_the_other_shape() {
        let ab = [[0.0, 8.0], [4.0, 8.0]];
        let wide = stretched(&ab, (2, 1), (4, 2));
        assert_eq!(wide[..4], [[0.0, 8.0], [1.0, 8.0], [3.0, 8.0], [4.0, 8.0]]);
        assert_eq!(wide[..4], wide[4..]);
    }
}
