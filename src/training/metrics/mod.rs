//! Metrics of colourisation (docs/method.md#evaluation) and their confidence intervals.
//!
//! [`accuracy`] is the paper's measure, pooled over all pixels of a set. [`photograph`] keeps a few
//! sums of each photograph, from which every [`Measure`] of any subset of photographs follows, and
//! [`bootstrap`] its interval. [`baselines`] makes the colourisations that a model has to beat.

pub mod accuracy;
pub mod baselines;
pub mod bootstrap;
pub mod colorfulness;
pub mod edge_band;
pub mod photograph;
mod prior;
pub mod skin;

pub use accuracy::{AreaUnderCurve, ColorAccuracy, balanced_weight};
pub use bootstrap::{Bootstrap, Interval};
pub use colorfulness::Colorfulness;
pub use edge_band::edge_band;
pub use photograph::{Measure, Picture, Score};
pub use prior::ColorPrior;
