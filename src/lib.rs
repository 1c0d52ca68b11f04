//! Autochrome: colour for black-and-white photographs, after Zhang, Isola & Efros, "Colorful
//! Image Colorization" (ECCV 2016).
//!
//! One photo's way through this crate:
//!
//! 1. bytes become a [`photo::Photo`] (the browser's decoder, or [`files`]);
//! 2. a copy is resized to the model's working size ([`resample`]) and its L taken ([`lab`]);
//! 3. a [`network::Network`] on a [`backend::ComputeDevice`] gives 313 logits for every cell of
//!    4 x 4 pixels;
//! 4. their annealed mean ([`ab_bins`]) is the ab of the cell;
//! 5. ab is brought to full size along the edges of the photograph ([`chroma_upsample`]);
//! 6. it joins the photograph's own L and goes back to sRGB ([`render`], [`lab`]).
//!
//! [`colorize::Colorizer`] does all of it; steps 4 to 6 run again for other settings, without the
//! network. Model files are read and written by [`weights`], other programs' files read by
//! [`checkpoint`].

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

pub use error::{Error, Result};

/// Lower-case hexadecimal digits of a hash.
#[must_use]
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
