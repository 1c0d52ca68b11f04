//! Metrics of colourisation (docs/method.md#evaluation) and their confidence intervals.
//!
//! [`ColorAccuracy`] is the paper's measure, pooled over all pixels of a set. A [`Score`] holds a few sums
//! of one photograph, from which every [`Measure`] of any subset of photographs follows, and [`Bootstrap`]
//! gives its interval. [`baselines`] makes the colourisations that a model has to beat.

mod accuracy;
pub mod baselines;
mod bootstrap;
mod colorfulness;
mod edge_band;
mod photograph;
mod prior;
mod skin;

pub use accuracy::{AreaUnderCurve, ColorAccuracy, balanced_weight};
pub use bootstrap::{Bootstrap, Interval};
pub use colorfulness::Colorfulness;
pub use edge_band::edge_band;
pub use photograph::{Measure, Picture, Score};
pub use prior::ColorPrior;
