//! The annealed mean of whole grids of cells, vectorised over the bins.

use super::{AnnealedMean, CENTERS, COUNT};
use std::f32::consts::LOG2_E;

/// Bins computed together.
const LANES: usize = 8;

/// Number of bins, rounded up to a multiple of [`LANES`].
const PADDED: usize = COUNT.next_multiple_of(LANES);

/// Lowest temperature of the vectorised path. Below it the product of a logit and the temperature's
/// reciprocal may overflow f32, and the definition is used.
const MIN_TEMPERATURE: f32 = 1e-3;

/// [`AnnealedMean::decode`] for many cells under one setting. Results differ by the rounding of sums and the
/// error of [`exp2`].
#[derive(Debug)]
pub struct GridMean<'a> {
    definition: &'a AnnealedMean<f32>,
    /// Factor from a difference of logits to an exponent of 2.
    scale: f32,
    offsets: Box<[f32; PADDED]>,
    /// a and b of the bins.
    centers: [Box<[f32; PADDED]>; 2],
}

/// 2 to a power from -126 to 0. The integer part becomes the float's exponent; the remainder, at most 1/2
/// from 0, goes through the exponential series up to the sixth power. The relative error is below 3e-7.
#[inline(always)]
fn exp2(x: f32) -> f32 {
    // 1.5 times 2 to the 23rd: the lowest bits of its sum with x are x, rounded.
    const ROUND: f32 = 12_582_912.0;
    const LN_2: f32 = std::f32::consts::LN_2;
    const SERIES: [f32; 7] = {
        let mut series = [1.0; 7];
        let mut k = 1;
        while k < 7 {
            series[k] = series[k - 1] * LN_2 / k as f32;
            k += 1;
        }
        series
    };
    let rounded = x + ROUND;
    let rest = x - (rounded - ROUND);
    let mut power = SERIES[6];
    let mut k = 6;
    while k > 0 {
        k -= 1;
        power = power * rest + SERIES[k];
    }
    power * f32::from_bits(rounded.to_bits().wrapping_add(127) << 23)
}

impl<'a> GridMean<'a> {
    /// A decoder with the settings of `definition`.
    #[must_use]
    pub fn new(definition: &'a AnnealedMean<f32>) -> Self {
        let padded = |value: &dyn Fn(usize) -> f32| {
            let mut row = Box::new([0.0; PADDED]);
            (0..COUNT).for_each(|q| row[q] = value(q));
            row
        };
        Self {
            definition,
            scale: LOG2_E / definition.temperature,
            offsets: padded(&|q| definition.offset(q)),
            centers: [0, 1].map(|i| padded(&|q| f32::from(CENTERS[q][i]))),
        }
    }

    /// The colour (a, b) of one cell's 313 logits, all finite.
    #[must_use]
    pub fn decode(&self, logits: &[f32]) -> [f32; 2] {
        if self.definition.temperature < MIN_TEMPERATURE {
            return self.definition.decode(logits);
        }
        let mut row = [f32::MIN; PADDED];
        let mut largest = [f32::MIN; LANES];
        row[..COUNT].copy_from_slice(&logits[..COUNT]);
        let rows = row.as_chunks_mut::<LANES>().0.iter_mut().zip(self.offsets.as_chunks::<LANES>().0);
        for (logits, offsets) in rows {
            for lane in 0..LANES {
                logits[lane] -= offsets[lane];
                largest[lane] = if logits[lane] > largest[lane] { logits[lane] } else { largest[lane] };
            }
        }
        let largest = largest.into_iter().fold(f32::MIN, f32::max);
        // Two loops, because the compiler does not vectorise them as one.
        for logit in &mut row {
            let exponent = (*logit - largest) * self.scale;
            // Smaller powers vanish beside the largest, which is 1.
            let held = if exponent > -126.0 { exponent } else { -126.0 };
            *logit = if exponent > -126.0 { exp2(held) } else { 0.0 };
        }
        let mut sums = [[0.0f32; LANES]; 3];
        let [a, b] = [0, 1].map(|i| self.centers[i].as_chunks::<LANES>().0);
        for (shares, (a, b)) in row.as_chunks::<LANES>().0.iter().zip(a.iter().zip(b)) {
            for lane in 0..LANES {
                sums[0][lane] += shares[lane];
                sums[1][lane] += shares[lane] * a[lane];
                sums[2][lane] += shares[lane] * b[lane];
            }
        }
        let [sum, a, b] = sums.map(|lanes| lanes.iter().sum::<f32>());
        [a / sum, b / sum]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_as_exact_as_it_says() {
        let mut worst = 0.0f64;
        for i in 0..=1_260_000 {
            let x = -(i as f32) / 1e4;
            let exact = f64::from(x).exp2();
            worst = worst.max((f64::from(exp2(x)) / exact - 1.0).abs());
        }
        assert!(worst < 3e-7, "{worst:e}");
        assert_eq!(exp2(0.0), 1.0);
    }

    #[test]
    fn it_is_the_annealed_mean() {
        let weights: Vec<f32> = (0..COUNT).map(|q| 0.02 + (q % 13) as f32 * 0.45).collect();
        for (t, r) in [(0.0, 1.0), (1e-6, 0.3), (0.01, 1.0), (0.1, 0.4), (0.38, 0.0), (1.0, 1.0), (50.0, 0.7)]
        {
            let definition = AnnealedMean::new(t, r, Some(&weights)).unwrap();
            let fast = GridMean::new(&definition);
            for seed in 0..30 {
                let logit = |q: usize| ((q * 7919 + seed * 104_729) % 1009) as f32 / 80.0 - 5.0;
                let mut logits: Vec<f32> = (0..COUNT).map(logit).collect();
                if seed == 29 {
                    (logits[3], logits[5]) = (f32::MAX, f32::MIN);
                }
                let (found, expected) = (fast.decode(&logits), definition.decode(&logits));
                for (found, expected) in found.into_iter().zip(expected) {
                    // At T = 0.01 a rounding of the logits' difference is multiplied by a hundred.
                    let allowed = if t < 0.1 { 5e-3 } else { 2e-4 };
                    assert!((found - expected).abs() < allowed, "T {t}, rebalance {r}: {found} {expected}");
                }
            }
        }
    }
}
