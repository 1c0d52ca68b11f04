//! Colour spaces and the 313 ab bins: arithmetic on single colours, and on distributions over them.

pub mod ab_bins;
pub mod lab;
pub mod tone;
