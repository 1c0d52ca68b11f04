//! Autochrome: colour for black-and-white photographs, after Zhang, Isola & Efros, "Colorful
//! Image Colorization" (ECCV 2016).
//!
//! A photograph's way through the rooms of this crate:
//!
//! 1. bytes become a [`Photo`] (the browser's decoder, or [`image::files`]);
//! 2. a copy is resized to the model's working size ([`image::resample`]) and its L taken
//!    ([`color::lab`]);
//! 3. a [`model::network`] on a [`ComputeDevice`] gives 313 logits for every cell of 4 x 4 pixels, by
//!    convolutions of [`kernels`];
//! 4. their annealed mean ([`color::ab_bins`]) is the ab of the cell;
//! 5. ab is brought to full size along the edges of the photograph ([`image::chroma_upsample`]);
//! 6. it joins the photograph's own L and goes back to sRGB ([`engine`]).
//!
//! [`Colorizer`] does all of it; steps 4 to 6 run again for other settings, without the network.
//! Model files are read and written by [`model::weights`], other programs' files read by
//! [`model::checkpoint`]. docs/architecture.md says which room may import which.

// Unit tests run natively. A wasm test builds them for the browser too, with what the whole engine
// takes to link, and runs none.
#![cfg(not(all(test, target_arch = "wasm32")))]

pub mod color;
pub mod engine;
pub mod error;
pub mod image;
pub mod kernels;
pub mod model;
#[cfg(feature = "train")]
pub mod training;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
mod web;

pub use engine::hints::Hint;
pub use engine::{Colorization, Colorizer, Mode, Preparation, Tone};
pub use error::{Error, Result};
pub use image::photo::Photo;
pub use kernels::device::{ComputeDevice, DeviceChoice};
pub use model::weights::ModelFile;
