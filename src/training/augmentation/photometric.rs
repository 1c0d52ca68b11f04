//! Changes of an example's lightness that make it like that of an old photograph.

use super::Augmentation;
use super::random::between;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// Changes of one example's lightness, applied in the order of a photograph's life: the lens blurs, the film
/// has grain, the print fades.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Photometric {
    /// Standard deviation in pixels.
    blur: Option<f64>,
    /// Standard deviation in units of L.
    grain: Option<f64>,
    /// New values of L 0 and L 100.
    tones: Option<[f64; 2]>,
}

impl Photometric {
    /// Draws the changes of an example.
    pub(super) fn draw(augmentation: &Augmentation, rng: &mut impl Rng) -> Self {
        let mut shared = |share: f64, interval: [f64; 2]| {
            let (chosen, value) = (rng.random::<f64>() < share, between(rng, interval));
            chosen.then_some(value)
        };
        let blur = shared(augmentation.blur, augmentation.blur_width);
        let grain = shared(augmentation.grain, augmentation.grain_strength);
        let black = shared(augmentation.lightness, augmentation.black);
        let white = between(rng, augmentation.white);
        Self { blur, grain, tones: black.map(|black| [black, white]) }
    }

    /// Changes the L of a square picture, `side` pixels wide, within 0…100.
    pub(super) fn apply(self, lightness: &mut [f32], side: usize, rng: &mut impl Rng) {
        if let Some(deviation) = self.blur {
            gaussian_blur(lightness, side, deviation);
        }
        if let Some(deviation) = self.grain {
            for l in lightness.iter_mut() {
                let noise: f32 = rng.sample(StandardNormal);
                *l += deviation as f32 * noise;
            }
        }
        if let Some([black, white]) = self.tones {
            let (black, slope) = (black as f32, ((white - black) / 100.0) as f32);
            for l in lightness.iter_mut() {
                *l = black + slope * *l;
            }
        }
        if self.grain.is_some() || self.tones.is_some() {
            lightness.iter_mut().for_each(|l| *l = l.clamp(0.0, 100.0));
        }
    }
}

/// Blurs a square plane of L, row-major. Pixels of the border are repeated beyond it. Means stay within the
/// range of L but for rounding, which is clipped.
fn gaussian_blur(plane: &mut [f32], side: usize, deviation: f64) {
    let reach = (3.0 * deviation).ceil() as usize;
    if reach == 0 {
        return;
    }
    let bell: Vec<f64> =
        (0..=2 * reach).map(|i| (-0.5 * ((i as f64 - reach as f64) / deviation).powi(2)).exp()).collect();
    let sum: f64 = bell.iter().sum();
    let weights: Vec<f32> = bell.into_iter().map(|w| (w / sum) as f32).collect();
    let mut line = vec![0.0; side + 2 * reach];
    for row in plane.chunks_exact_mut(side) {
        line[..reach].fill(row[0]);
        line[reach..reach + side].copy_from_slice(row);
        line[reach + side..].fill(row[side - 1]);
        row.fill(0.0);
        for (i, weight) in weights.iter().enumerate() {
            for (out, l) in row.iter_mut().zip(&line[i..]) {
                *out += weight * l;
            }
        }
    }
    let across = plane.to_vec();
    for (y, row) in plane.chunks_exact_mut(side).enumerate() {
        row.fill(0.0);
        for (i, weight) in weights.iter().enumerate() {
            let from = (y + i).saturating_sub(reach).min(side - 1);
            for (out, l) in row.iter_mut().zip(&across[from * side..][..side]) {
                *out += weight * l;
            }
        }
    }
    plane.iter_mut().for_each(|l| *l = l.clamp(0.0, 100.0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::augmentation::generator;

    #[test]
    fn tones_are_faded_as_drawn() {
        let mut lightness = vec![0.0, 50.0, 100.0, 100.0];
        let fade = |tones| Photometric { blur: None, grain: None, tones: Some(tones) };
        fade([20.0, 80.0]).apply(&mut lightness, 2, &mut generator(0, 0, 0));
        assert_eq!(lightness, [20.0, 50.0, 80.0, 80.0]);
        fade([-40.0, 160.0]).apply(&mut lightness, 2, &mut generator(0, 0, 0));
        assert_eq!(lightness, [0.0, 60.0, 100.0, 100.0]);
    }

    #[test]
    fn grain_and_blur_have_the_strength_that_was_drawn() {
        let mut flat = vec![50.0f32; 128 * 128];
        let grain = Photometric { blur: None, grain: Some(4.0), tones: None };
        grain.apply(&mut flat, 128, &mut generator(1, 0, 0));
        let mean = flat.iter().map(|l| f64::from(*l)).sum::<f64>() / flat.len() as f64;
        let variance = flat.iter().map(|l| (f64::from(*l) - mean).powi(2)).sum::<f64>() / flat.len() as f64;
        assert!((mean - 50.0).abs() < 0.2 && (variance.sqrt() - 4.0).abs() < 0.2, "{mean} {variance}");

        // A point spreads to a bell whose variance along each axis is the square of the deviation.
        let mut point = vec![0.0f32; 64 * 64];
        point[32 * 64 + 32] = 100.0;
        gaussian_blur(&mut point, 64, 1.5);
        let sum: f32 = point.iter().sum();
        let moment = |of: fn(usize) -> usize| {
            let share = |(i, l): (usize, &f32)| *l * (of(i) as f32 - 32.0).powi(2);
            point.iter().enumerate().map(share).sum::<f32>() / sum
        };
        assert!((sum - 100.0).abs() < 1e-3);
        for variance in [moment(|i| i % 64), moment(|i| i / 64)] {
            assert!((variance - 2.25).abs() < 0.1, "{variance}");
        }
    }
}
