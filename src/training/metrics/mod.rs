//! How good a colourisation is, in numbers (docs/method.md#evaluation), and how sure they are.
//!
//! [`accuracy`] is the paper's measure, pooled over all pixels of a set. [`photograph`] keeps a few
//! sums of each photograph, from which every [`Measure`] of any choice of photographs follows, and
//! [`bootstrap`] its interval. [`baselines`] makes what a model has to be better than.

pub mod accuracy;
pub mod baselines;
pub mod bootstrap;
pub mod colourfulness;
pub mod edge_band;
pub mod photograph;
mod prior;
pub mod skin;

pub use accuracy::{AreaUnderCurve, ColourAccuracy, balanced_weight};
pub use bootstrap::{Bootstrap, Interval};
pub use colourfulness::Colourfulness;
pub use edge_band::edge_band;
pub use photograph::{Measure, Picture, Score};
pub use prior::ColourPrior;
