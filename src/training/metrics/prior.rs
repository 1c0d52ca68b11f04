//! The class prior of photographs (SPEC section 3).

use crate::ab_bins;

/// Gathers the true colours of photographs into a class prior: their mean soft encoding (SPEC
/// section 3), on a grid of whole ab units so that each is encoded once.
#[derive(Clone, Debug, Default)]
pub struct ColourPrior {
    pixels: std::collections::BTreeMap<(i16, i16), u64>,
}

impl ColourPrior {
    /// Adds a pixel.
    pub fn add(&mut self, [a, b]: [f64; 2]) {
        *self.pixels.entry((a.round() as i16, b.round() as i16)).or_default() += 1;
    }

    /// The 313 probabilities. Bins that never occur get 1e-12: no pixel will ask for their weight.
    ///
    /// # Panics
    /// If no pixel was added.
    #[must_use]
    pub fn probabilities(&self, neighbours: usize) -> Vec<f64> {
        let mut prior = vec![0.0; ab_bins::COUNT];
        for (&(a, b), &count) in &self.pixels {
            for (bin, share) in ab_bins::soft_encode([f64::from(a), f64::from(b)], neighbours) {
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
    fn a_prior_of_one_colour() {
        let mut prior = ColourPrior::default();
        prior.add([0.2, -0.3]);
        let p = prior.probabilities(1);
        assert!(p[120] > 0.999_999 && p.iter().all(|p| *p > 0.0));
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
