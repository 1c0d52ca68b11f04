//! A photograph's way to colour, and all that is made of the colours that a network predicts.

pub mod color_error;
mod colorization;
mod colorize;
pub mod confidence;
pub mod finish;
pub mod frames;
pub mod hints;
pub mod inspector;
pub mod neutralize;
pub mod picture;
pub mod prediction;
mod preparation;
pub mod preview;
mod progress;
pub mod render;

pub use crate::color::tone::Tone;
pub use colorization::Colorization;
pub use colorize::{Colorizer, Input};
pub use preparation::{Mode, Preparation};
pub use progress::{Pace, Stage, Task, Unpaced};
