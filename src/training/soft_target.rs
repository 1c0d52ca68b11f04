//! Soft targets of the classification: the soft encoding of a colour, of which a fraction may be spread
//! over the bins around. This is label smoothing (Szegedy et al. 2016) restricted to similar colours, so
//! that a near miss costs less than a far one.

use crate::color::ab_bins::{CENTERS, COUNT, SIGMA, soft_encode_into};
use std::sync::LazyLock;

/// Distance of adjacent bins along an axis of the grid, in ab units.
const SPACING: i16 = 10;

static AROUND: LazyLock<Vec<Vec<(usize, f64)>>> = LazyLock::new(|| (0..COUNT).map(find_around).collect());

/// The bins adjacent to a bin in the grid of ab, at a side or a corner: up to 8, fewer at the edge. Their
/// weights are those of the soft encoding's Gaussian at their centres, normalised to a sum of 1.
///
/// # Panics
/// If there is no such bin.
#[must_use]
pub(crate) fn around(bin: usize) -> &'static [(usize, f64)] {
    &AROUND[bin]
}

fn find_around(bin: usize) -> Vec<(usize, f64)> {
    let away = |other: usize| [0, 1].map(|axis| CENTERS[other][axis] - CENTERS[bin][axis]);
    let touches = |other: &usize| *other != bin && away(*other).iter().all(|d| d.abs() <= SPACING);
    let weight = |other| {
        let squared: f64 = away(other).iter().map(|d| f64::from(*d).powi(2)).sum();
        (-squared / (2.0 * SIGMA * SIGMA)).exp()
    };
    let found: Vec<(usize, f64)> = (0..COUNT).filter(touches).map(|other| (other, weight(other))).collect();
    let sum: f64 = found.iter().map(|(_, weight)| weight).sum();
    found.into_iter().map(|(other, weight)| (other, weight / sum)).collect()
}

/// An encoder of colours that reuses its buffers.
#[derive(Debug)]
pub(super) struct Encoder {
    smoothing: f64,
    /// Encoding before smoothing.
    sharp: Vec<(usize, f64)>,
    /// Encoding after smoothing.
    soft: Vec<(usize, f64)>,
    /// Index of each bin in `soft`; [`COUNT`] for absent ones.
    places: [usize; COUNT],
}

impl Encoder {
    /// An encoder over `neighbors` bins, from 1 to 313, that moves the fraction `smoothing` of each bin's
    /// share to the bins [`around`] it.
    pub(super) fn new(neighbors: usize, smoothing: f64) -> Self {
        Self { smoothing, sharp: vec![(0, 0.0); neighbors], soft: Vec::new(), places: [COUNT; COUNT] }
    }

    /// Bins of a colour, each once, and their shares, which sum to 1; the bin nearest to the colour is first.
    pub(super) fn encode(&mut self, ab: [f64; 2]) -> &[(usize, f64)] {
        soft_encode_into(ab, &mut self.sharp);
        if self.smoothing == 0.0 {
            return &self.sharp;
        }
        self.soft.clear();
        for (bin, share) in &self.sharp {
            let kept = (*bin, share * (1.0 - self.smoothing));
            let spread = around(*bin).iter().map(|(other, weight)| (*other, share * self.smoothing * weight));
            for (bin, share) in std::iter::once(kept).chain(spread) {
                match self.soft.get_mut(self.places[bin]) {
                    Some((_, sum)) => *sum += share,
                    None => {
                        self.places[bin] = self.soft.len();
                        self.soft.push((bin, share));
                    }
                }
            }
        }
        for (bin, _) in &self.soft {
            self.places[*bin] = COUNT;
        }
        &self.soft
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::ab_bins::nearest;

    #[test]
    fn every_bin_has_bins_around_it() {
        for bin in 0..COUNT {
            let found = around(bin);
            assert!((1..=8).contains(&found.len()), "{bin}");
            assert!((found.iter().map(|(_, weight)| weight).sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(found.iter().all(|(other, _)| around(*other).iter().any(|(back, _)| *back == bin)));
        }
        // Gray: four sides at 10 units, four corners at 14.
        let gray = around(nearest([0.0, 0.0]));
        let (side, corner) = ((-2.0f64).exp(), (-4.0f64).exp());
        let expected = |bin: usize| {
            let own = if CENTERS[bin].contains(&0) { side } else { corner };
            own / (4.0 * (side + corner))
        };
        assert_eq!(gray.len(), 8);
        assert!(gray.iter().all(|(bin, weight)| (weight - expected(*bin)).abs() < 1e-12));
    }
}
