//! A photograph's way to colour, and all that is made of the colours that a network predicts.

pub mod color_error;
pub mod colorize;
pub mod confidence;
pub mod finish;
pub mod frames;
pub mod hints;
pub mod inspector;
pub mod neutralize;
pub mod picture;
pub mod prediction;
pub mod preview;
pub mod render;
