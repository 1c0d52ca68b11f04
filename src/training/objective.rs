//! Losses of training and their gradients at the network's output (docs/method.md#losses).
//!
//! The gradient is computed in closed form, `v (softmax(z) - Z) / N` for the classification, and given to the
//! tape; automatic differentiation of the loss would take more passes over the distribution.
//! [`super::loss`] is the same in f64, pixel by pixel.

use super::class_rebalancing::class_weights;
use super::soft_target::Encoder;
use crate::color::ab_bins;
use crate::error::{Error, Result};
use burn::prelude::*;
use burn::tensor::activation::softmax;
use burn::tensor::{DType, IndexingUpdateOp};
use serde::{Deserialize, Serialize};

/// Divisor of ab in the regression's target (docs/method.md#regression-loss).
const REGRESSION_UNIT: f32 = 110.0;

/// Largest |a| and |b| of a gray picture, whose loss has weight 0 (docs/method.md#gray-photographs).
const MAX_GRAY_AB: f32 = 5.0;

/// Statistics of the predicted colours over the cells of a batch, in which a collapsed network differs from a
/// healthy one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// Mean entropy of the predicted distributions, nats; none for a regression.
    pub entropy: Option<f64>,
    /// Mean chroma of the predicted mean colours, CIE units.
    pub chroma: f64,
    /// Mean chroma of the true colours.
    pub true_chroma: f64,
    /// Standard deviation of the predicted mean colours over cells, CIE units; 0 where all cells have one
    /// colour.
    pub spread: f64,
    /// Standard deviation of the true colours.
    pub true_spread: f64,
}

/// The loss that is minimised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Objective {
    /// Paper equation 2: cross-entropy against soft-encoded colours.
    Classification {
        /// Fraction of the uniform distribution in the rebalancing prior: 1/2 is the paper's "full", 1 gives
        /// every bin the same weight ("class").
        lambda: f64,
        /// Number of bins of the soft encoding: 5 in the paper, 10 in its code
        /// (docs/method.md#soft-encoding). Configurations may spell it `neighbours`.
        #[serde(alias = "neighbours")]
        neighbors: usize,
        /// Fraction of each target bin's share that is moved to the bins around it in the grid of ab,
        /// from 0 (the paper's) to below 1.
        #[serde(default)]
        smoothing: f64,
        /// Divisor of the gradient.
        #[serde(default)]
        reduction: Reduction,
    },
    /// Paper equation 1: squared error of ab / 110.
    Regression {
        /// Divisor of the gradient.
        #[serde(default)]
        reduction: Reduction,
    },
}

/// Divisor of a batch's summed gradient. Adam's steps do not depend on it, but the effect of weight decay
/// inside the gradient and of clipping does (docs/method.md#reduction).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reduction {
    /// The number of pictures, as the paper's code does.
    Pictures,
    /// The number of cells.
    #[default]
    Cells,
}

/// True colours of a batch, encoded for the device.
#[derive(Debug)]
pub struct Targets {
    /// Batch, height and width in cells.
    cells: [usize; 3],
    encoded: Encoded,
    /// Mean chroma and spread of the true colours.
    truth: (f64, f64),
}

#[derive(Debug)]
enum Encoded {
    Classes {
        /// Largest number of bins of a cell.
        most: usize,
        /// `[cells, most]`.
        bins: Vec<i32>,
        /// `[cells, most]`; each row sums to 1, with zeros beyond the bins of its cell.
        shares: Vec<f32>,
        /// `v` of each cell over the divisor; 0 in a gray picture.
        weights: Vec<f32>,
    },
    Colors {
        /// `[batch, 2, height, width]`, CIE units.
        ab: Vec<f32>,
        /// For each picture 1 over the divisor; 0 for a gray one.
        weights: Vec<f32>,
    },
}

/// Loss of a batch and its gradient at the network's output.
#[derive(Debug)]
pub struct LossAndGradient {
    /// Weighted loss, divided as the gradient is, `[1]`.
    pub loss: Tensor<1>,
    /// Gradient in the shape of the output.
    pub gradient: Tensor<4>,
    /// Expected colours `[cells, 2]` and mean entropy `[1]`, if examined.
    health: Option<(Tensor<2>, Option<Tensor<1>>)>,
}

impl Objective {
    /// Class weights of the objective for a prior; `None` for a regression.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a `lambda`, a number of neighbours, a smoothing or a prior that are invalid.
    pub fn class_weights(&self, prior: &[f64]) -> Result<Option<Vec<f64>>> {
        match self {
            Self::Classification { lambda, neighbors, smoothing, .. } => {
                if !(0.0..1.0).contains(smoothing) {
                    let value = smoothing.to_string();
                    return Err(Error::Parameter { name: "smoothing", value, range: "from 0 up to below 1" });
                }
                if !(1..=ab_bins::COUNT).contains(neighbors) {
                    return Err(Error::Parameter {
                        name: "neighbors",
                        value: neighbors.to_string(),
                        range: "from 1 to 313; the paper has 5, its code 10",
                    });
                }
                class_weights(prior, *lambda).map(Some)
            }
            Self::Regression { .. } => Ok(None),
        }
    }

    /// Encodes the true colours of `batch` pictures of `height` x `width` cells, row-major, CIE units.
    /// `class_weights` are the 313 of [`Objective::class_weights`].
    ///
    /// # Panics
    /// If the number of colours does not match, or a classification gets no weights.
    #[must_use]
    pub fn targets(
        &self,
        [batch, height, width]: [usize; 3],
        colors: &[[f32; 2]],
        class_weights: Option<&[f64]>,
    ) -> Targets {
        let plane = height * width;
        assert_eq!(colors.len(), batch * plane, "one colour for each cell");
        let colored: Vec<bool> =
            colors.chunks(plane).map(|p| p.iter().flatten().any(|c| c.abs() > MAX_GRAY_AB)).collect();
        let divisor = |reduction| match reduction {
            Reduction::Pictures => batch as f32,
            Reduction::Cells => (batch * plane) as f32,
        };
        let encoded = match *self {
            Self::Classification { neighbors, smoothing, reduction, .. } => {
                let class_weights = class_weights.expect("a classification has class weights");
                let divisor = divisor(reduction);
                let encode = |(picture, colored): (&[[f32; 2]], &bool)| {
                    let weight = f32::from(u8::from(*colored));
                    Rows::of(picture, Encoder::new(neighbors, smoothing), |nearest| {
                        weight * class_weights[nearest] as f32 / divisor
                    })
                };
                // On a fast device a step would wait for this encoding.
                #[cfg(feature = "parallel")]
                let rows: Vec<Rows> = {
                    use rayon::prelude::*;
                    colors.par_chunks(plane).zip(&colored).map(encode).collect()
                };
                #[cfg(not(feature = "parallel"))]
                let rows: Vec<Rows> = colors.chunks(plane).zip(&colored).map(encode).collect();
                let most = rows.iter().map(|rows| rows.most).max().unwrap_or(neighbors);
                let bins = rows.iter().flat_map(|rows| widened(&rows.bins, rows.most, most)).collect();
                let shares = rows.iter().flat_map(|rows| widened(&rows.shares, rows.most, most)).collect();
                let weights = rows.iter().flat_map(|rows| rows.weights.iter().copied()).collect();
                Encoded::Classes { most, bins, shares, weights }
            }
            Self::Regression { reduction } => {
                let divisor = divisor(reduction);
                let ab = colors
                    .chunks(plane)
                    .flat_map(|p| (0..2).flat_map(move |channel| p.iter().map(move |ab| ab[channel])))
                    .collect();
                let weights = colored.iter().map(|c| f32::from(u8::from(*c)) / divisor).collect();
                Encoded::Colors { ab, weights }
            }
        };
        Targets { cells: [batch, height, width], encoded, truth: chroma_and_spread(colors) }
    }
}

impl Targets {
    /// Loss and gradient of a network's output, which is off any tape: logits `[batch, 313, H/4, W/4]`, or ab
    /// `[batch, 2, H/4, W/4]` in CIE units. `examine` also gathers the statistics of [`Targets::health`].
    #[must_use]
    pub fn compare(&self, output: &Tensor<4>, examine: bool) -> LossAndGradient {
        let device = output.device();
        let [batch, height, width] = self.cells;
        let count = batch * height * width;
        let output = output.clone().cast(DType::F32);
        match &self.encoded {
            Encoded::Classes { most, bins, shares, weights } => {
                let tensor = |values: &[f32], columns| {
                    Tensor::<2>::from_data(TensorData::new(values.to_vec(), [count, columns]), &device)
                };
                let bins =
                    Tensor::<2, Int>::from_data(TensorData::new(bins.clone(), [count, *most]), &device);
                let (shares, weights) = (tensor(shares, *most), tensor(weights, 1));
                let rows = output.permute([0, 2, 3, 1]).reshape([count, ab_bins::COUNT]);
                let p = softmax(rows, 1);
                let log_p = p.clone().gather(1, bins.clone()).clamp_min(1e-30).log();
                let loss = (log_p * shares.clone() * weights.clone()).sum().neg();
                let health = examine.then(|| {
                    let entropy = (p.clone() * p.clone().clamp_min(1e-30).log()).sum_dim(1).neg().mean();
                    (p.clone().matmul(centers(&device)), Some(entropy))
                });
                let gradient =
                    (p * weights.clone()).scatter(1, bins, (shares * weights).neg(), IndexingUpdateOp::Add);
                let gradient = gradient.reshape([batch, height, width, ab_bins::COUNT]).permute([0, 3, 1, 2]);
                LossAndGradient { loss, gradient, health }
            }
            Encoded::Colors { ab, weights } => {
                let truth =
                    Tensor::<4>::from_data(TensorData::new(ab.clone(), [batch, 2, height, width]), &device);
                let weights =
                    Tensor::<4>::from_data(TensorData::new(weights.clone(), [batch, 1, 1, 1]), &device);
                let health =
                    examine.then(|| (output.clone().permute([0, 2, 3, 1]).reshape([count, 2]), None));
                let error = (output - truth) / REGRESSION_UNIT;
                let loss = (error.clone() * error.clone() * weights.clone()).sum() * 0.5;
                LossAndGradient { loss, gradient: error * weights / REGRESSION_UNIT, health }
            }
        }
    }

    /// Statistics of the predicted colours; `None` where they were not examined.
    #[must_use]
    pub fn health(&self, compared: &LossAndGradient) -> Option<Health> {
        let (colors, entropy) = compared.health.as_ref()?;
        let colors: Vec<f32> = colors.to_data().try_into_vec().ok()?;
        let entropy = match entropy {
            None => None,
            Some(entropy) => entropy.to_data().try_into_vec::<f32>().ok()?.first().copied().map(f64::from),
        };
        let (chroma, spread) = chroma_and_spread(bytemuck::cast_slice(&colors));
        let (true_chroma, true_spread) = self.truth;
        Some(Health { entropy, chroma, true_chroma, spread, true_spread })
    }
}

/// The part of [`Encoded::Classes`] that belongs to one picture.
struct Rows {
    most: usize,
    bins: Vec<i32>,
    shares: Vec<f32>,
    weights: Vec<f32>,
}

impl Rows {
    /// Encodes the colours of a picture; `weight` is a function of the bin nearest to a colour.
    fn of(colors: &[[f32; 2]], mut encoder: Encoder, weight: impl Fn(usize) -> f32) -> Self {
        let (mut entries, mut counts, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for color in colors {
            let code = encoder.encode(color.map(f64::from));
            weights.push(weight(code[0].0));
            counts.push(code.len());
            entries.extend_from_slice(code);
        }
        let most = counts.iter().copied().max().unwrap_or(1);
        let mut bins = Vec::with_capacity(counts.len() * most);
        let mut shares = Vec::with_capacity(counts.len() * most);
        let mut rest = entries.as_slice();
        for (i, count) in counts.into_iter().enumerate() {
            let (code, after) = rest.split_at(count);
            rest = after;
            bins.extend(code.iter().map(|(bin, _)| *bin as i32));
            shares.extend(code.iter().map(|(_, share)| *share as f32));
            bins.resize((i + 1) * most, 0);
            shares.resize((i + 1) * most, 0.0);
        }
        Self { most, bins, shares, weights }
    }
}

/// Rows of `from` values, padded to `to` values by the default.
fn widened<T: Copy + Default>(values: &[T], from: usize, to: usize) -> impl Iterator<Item = T> {
    let rest = move || std::iter::repeat_n(T::default(), to - from);
    values.chunks_exact(from).flat_map(move |row| row.iter().copied().chain(rest()))
}

/// Mean chroma, and the root mean square distance from the mean colour.
fn chroma_and_spread(colors: &[[f32; 2]]) -> (f64, f64) {
    let count = colors.len() as f64;
    let (mut chroma, mut sum, mut squares) = (0.0, [0.0; 2], 0.0);
    for ab in colors {
        let [a, b] = ab.map(f64::from);
        chroma += a.hypot(b);
        sum = [sum[0] + a, sum[1] + b];
        squares += a * a + b * b;
    }
    let mean = sum.map(|s| s / count);
    let variance = squares / count - mean[0].powi(2) - mean[1].powi(2);
    (chroma / count, variance.max(0.0).sqrt())
}

/// The bins' centres, `[313, 2]`.
fn centers(device: &Device) -> Tensor<2> {
    let values: Vec<f32> = ab_bins::CENTERS.iter().flatten().map(|c| f32::from(*c)).collect();
    Tensor::from_data(TensorData::new(values, [ab_bins::COUNT, 2]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_may_spell_neighbors_either_way() {
        let read = |key: &str| {
            let text = format!(r#"{{"kind": "classification", "lambda": 0.5, "{key}": 5}}"#);
            serde_json::from_str::<Objective>(&text).map_err(|error| error.to_string())
        };
        let found = read("neighbors").unwrap();
        assert!(matches!(found, Objective::Classification { neighbors: 5, .. }), "{found:?}");
        assert_eq!(read("neighbours").unwrap(), found);
        assert!(read("neighbor").is_err());
        assert!(serde_json::to_string(&found).unwrap().contains("\"neighbors\":5"));
    }
}
