//! Colour spaces, the gamut of sRGB and the 313 ab bins: arithmetic on colours, and on distributions over
//! them.

pub mod ab_bins;
pub mod gamut;
pub mod lab;
pub(crate) mod tone;
