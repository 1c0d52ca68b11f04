//! One file per command.

pub mod classifier;
pub mod colorize;
pub mod convert;
pub mod evaluate;
pub mod evaluate_upsampling;
pub mod forward;
pub mod inspect;
pub mod prior;
pub mod render;
pub mod sift;
pub mod train;
