//! Adam in two forms: that of the paper's framework, and AdamW.
//!
//! Burn's own optimisers have neither Caffe's epsilon outside the bias correction nor a state that can be
//! saved tensor by tensor, which an exact resumption needs.

use super::tape::{Flat, Tape, Trainable, number};
use crate::error::{Error, Result};
use burn::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The form of Adam, and its constants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerConfig {
    /// The form.
    pub kind: Kind,
    /// Decay of the gradient's running mean.
    #[serde(default = "beta_1")]
    pub beta_1: f64,
    /// Decay of the squared gradient's running mean; the paper has 0.99.
    #[serde(default = "beta_2")]
    pub beta_2: f64,
    /// Added to the denominator to keep the division finite.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
    /// Weight decay; the paper has 1e-3 for gradients that are sums over pixels.
    #[serde(default)]
    pub weight_decay: f64,
    /// Largest L2 norm of the gradient over all weights; larger ones are scaled down to it.
    pub clip: Option<f64>,
}

fn beta_1() -> f64 {
    0.9
}

fn beta_2() -> f64 {
    0.99
}

fn epsilon() -> f64 {
    1e-8
}

/// The form of Adam.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Caffe's Adam: decay is part of the gradient of every weight, of biases too, and epsilon is outside the
    /// bias correction (docs/method.md#optimiser).
    Adam,
    /// Decoupled decay (Loshchilov & Hutter 2019) of matrices only; epsilon inside the correction.
    AdamW,
}

/// Running means of a weight's gradient and of its square.
#[derive(Clone, Debug)]
pub struct Moments {
    /// Mean of the gradient.
    pub first: Tensor<1>,
    /// Mean of its square.
    pub second: Tensor<1>,
}

impl Moments {
    /// The moments before the first gradient: zeros.
    #[must_use]
    pub fn none(length: usize, device: &Device) -> Self {
        Self { first: Tensor::zeros([length], device), second: Tensor::zeros([length], device) }
    }
}

impl OptimizerConfig {
    /// Whether every field is in its range.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the first that is not, as `optimizer.NAME`.
    pub fn check(&self) -> Result<()> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let refuse =
            |name, value: f64, range| Err(Error::Parameter { name, value: value.to_string(), range });
        for (name, beta) in [("optimizer.beta_1", self.beta_1), ("optimizer.beta_2", self.beta_2)] {
            if !(0.0..1.0).contains(&beta) {
                return refuse(name, beta, "from 0 to below 1");
            }
        }
        if !positive(self.epsilon) {
            return refuse("optimizer.epsilon", self.epsilon, "a number above 0");
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            return refuse("optimizer.weight_decay", self.weight_decay, "a number from 0 up");
        }
        match self.clip {
            Some(clip) if !positive(clip) => {
                refuse("optimizer.clip", clip, "a number above 0; leave it out for no clipping")
            }
            _ => Ok(()),
        }
    }

    /// A weight after step `step` (from 1), and its moments. `matrix` is whether the weight has more than one
    /// axis.
    #[must_use]
    pub fn update(
        &self,
        weight: Tensor<1>,
        gradient: Tensor<1>,
        Moments { first, second }: Moments,
        matrix: bool,
        rate: f64,
        step: u64,
    ) -> (Tensor<1>, Moments) {
        let coupled = self.kind == Kind::Adam && self.weight_decay != 0.0;
        let gradient = if coupled { gradient + weight.clone() * self.weight_decay } else { gradient };
        let first = first * self.beta_1 + gradient.clone() * (1.0 - self.beta_1);
        let second = second * self.beta_2 + gradient.clone() * gradient * (1.0 - self.beta_2);
        let exponent = i32::try_from(step).unwrap_or(i32::MAX);
        let correction_1 = 1.0 - self.beta_1.powi(exponent);
        let correction_2 = (1.0 - self.beta_2.powi(exponent)).sqrt();
        let weight = match self.kind {
            Kind::Adam => {
                let towards = first.clone() / (second.clone().sqrt() + self.epsilon);
                weight - towards * (rate * correction_2 / correction_1)
            }
            Kind::AdamW => {
                let decay = if matrix { rate * self.weight_decay } else { 0.0 };
                let towards = first.clone() / (second.clone().sqrt() / correction_2 + self.epsilon);
                weight * (1.0 - decay) - towards * (rate / correction_1)
            }
        };
        (weight, Moments { first, second })
    }
}

/// An optimiser with its state: the moments of every weight of a network.
#[derive(Debug)]
pub(crate) struct Optimizer {
    config: OptimizerConfig,
    tape: Tape,
    /// Moments by the weights' names in files.
    pub(crate) moments: BTreeMap<String, Moments>,
}

impl Optimizer {
    /// An optimiser before its first step.
    pub(crate) fn new(config: OptimizerConfig, tape: Tape) -> Self {
        Self { config, tape, moments: BTreeMap::new() }
    }

    /// Factor on `gradients`: `share`, or less where their norm would exceed the clip; and their norm before
    /// clipping, where there is a clip. The norm may be infinite or NaN.
    pub(crate) fn factor(&self, gradients: &Flat, share: f64) -> (f64, Option<f64>) {
        let Some(clip) = self.config.clip else { return (share, None) };
        let squares: f64 = self.tape.untaped(|| {
            let each = gradients.values().map(|g| (g.clone() * g.clone()).sum());
            let sum = each.reduce(|a, b| a + b);
            sum.map_or(0.0, |sum| number(&sum))
        });
        let length = squares.sqrt() * share;
        (if length > clip { share * (clip / length) } else { share }, Some(length))
    }

    /// Updates the weights that have a gradient, multiplied by `factor`; `rate` gives the learning rate of a
    /// path, `step` counts from 1.
    pub(crate) fn step<N: Trainable>(
        &mut self,
        network: N,
        mut gradients: Flat,
        factor: f64,
        rate: impl Fn(&str) -> f64,
        step: u64,
    ) -> N {
        let Self { config, tape, moments } = self;
        tape.change(network, true, |path, weight, matrix| {
            let gradient = gradients.remove(path)? * factor;
            let before =
                moments.remove(path).unwrap_or_else(|| Moments::none(weight.dims()[0], &weight.device()));
            let (weight, after) = config.update(weight, gradient, before, matrix, rate(path), step);
            moments.insert(path.to_owned(), after);
            Some(weight)
        })
    }
}
