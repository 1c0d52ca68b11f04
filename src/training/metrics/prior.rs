//! The class prior of photographs (docs/method.md#class-prior).

use crate::color::ab_bins;
use std::collections::BTreeSet;

/// Largest a and b of the grid on which colours are counted, in ab units; no sRGB colour is outside.
const MAX_AB: f64 = 128.0;

/// Points along each axis of that grid, one for each whole ab unit.
const SIDE: usize = 2 * MAX_AB as usize + 1;

/// The class prior of photographs, gathered from their true colours: the mean soft encoding
/// (docs/method.md#class-prior), on a grid of whole ab units so that each colour is encoded once.
#[derive(Clone, Debug)]
pub struct ColorPrior {
    /// Number of pixels of each colour, a-major.
    pixels: Vec<u64>,
}

impl Default for ColorPrior {
    fn default() -> Self {
        Self { pixels: vec![0; SIDE * SIDE] }
    }
}

impl ColorPrior {
    /// Adds a pixel.
    pub fn add(&mut self, ab: [f64; 2]) {
        let [a, b] = ab.map(|v| (v.clamp(-MAX_AB, MAX_AB) + MAX_AB).round() as usize);
        self.pixels[a * SIDE + b] += 1;
    }

    /// Adds all pixels of another.
    pub fn merge(&mut self, other: &Self) {
        for (sum, more) in self.pixels.iter_mut().zip(&other.pixels) {
            *sum += more;
        }
    }

    /// Number of pixels added.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        self.pixels.iter().sum()
    }

    /// Number of the 313 bins that are the nearest one of some pixel.
    #[must_use]
    pub fn occurring(&self) -> usize {
        let bins: BTreeSet<usize> = self.colors().map(|(ab, _)| ab_bins::nearest(ab)).collect();
        bins.len()
    }

    /// The colours that occur, with their numbers of pixels.
    fn colors(&self) -> impl Iterator<Item = ([f64; 2], u64)> {
        let occurring = self.pixels.iter().copied().enumerate().filter(|(_, count)| *count > 0);
        occurring.map(|(i, count)| ([i / SIDE, i % SIDE].map(|v| v as f64 - MAX_AB), count))
    }

    /// The 313 probabilities. Bins that never occur get 1e-12, which has no effect: no pixel has their
    /// weight.
    ///
    /// # Panics
    /// If no pixel was added.
    #[must_use]
    pub fn probabilities(&self, neighbors: usize) -> Vec<f64> {
        let mut prior = vec![0.0; ab_bins::COUNT];
        for (ab, count) in self.colors() {
            for (bin, share) in ab_bins::soft_encode(ab, neighbors) {
                prior[bin] += share * count as f64;
            }
        }
        let pixels: f64 = prior.iter().sum();
        assert!(pixels > 0.0, "a prior of no pixels");
        let floored: Vec<f64> = prior.iter().map(|p| (p / pixels).max(1e-12)).collect();
        let sum: f64 = floored.iter().sum();
        floored.into_iter().map(|p| p / sum).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prior_of_one_color() {
        let mut prior = ColorPrior::default();
        prior.add([0.2, -0.3]);
        let p = prior.probabilities(1);
        assert!(p[120] > 0.999_999 && p.iter().all(|p| *p > 0.0));
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn parts_of_a_set_join_to_the_whole() {
        let colors = [[0.2, -0.3], [-86.2, 83.1], [98.2, -60.8], [0.4, 0.1]];
        let gathered = |colors: &[[f64; 2]]| {
            let mut prior = ColorPrior::default();
            colors.iter().for_each(|ab| prior.add(*ab));
            prior
        };
        let mut joined = gathered(&colors[..1]);
        joined.merge(&gathered(&colors[1..]));
        assert_eq!(joined.probabilities(10), gathered(&colors).probabilities(10));
        assert_eq!((joined.pixels(), joined.occurring()), (4, 3));

        // The definition: the mean of the encodings, here of colours on the grid.
        let exact = joined.probabilities(5);
        let mut mean = vec![0.0; ab_bins::COUNT];
        for color in [[0.0, 0.0], [-86.0, 83.0], [98.0, -61.0], [0.0, 0.0]] {
            ab_bins::soft_encode(color, 5).into_iter().for_each(|(bin, share)| mean[bin] += share / 4.0);
        }
        assert!(exact.iter().zip(&mean).all(|(p, q)| (p - q).abs() < 1e-9));
    }
}
