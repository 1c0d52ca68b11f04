//! Convolutions in WGSL, for what Burn's wgpu backend runs on.
//!
//! Activations are NHWC in memory (to Burn: permuted views), so that a position's channels are read
//! as vectors. 3 x 3 convolutions of stride 1 are Winograd's, four times fewer multiplications; those
//! that see each channel by itself have a kernel of their own; all others are one matrix product over
//! gathered rows. Bias, addend, ReLU and the affine map after it are
//! applied on the way out. After the last one, [`annealed_mean`] makes colours of logits.

mod annealed_mean;
mod convolution;
mod depthwise;
mod gemm;
mod kernel;
pub(crate) mod operators;
mod parameters;
mod precision;
mod template;
mod tensors;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
mod warm_up;
mod winograd;

pub use annealed_mean::annealed_mean;
pub use convolution::Convolution;
pub use precision::Precision;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub(crate) use warm_up::warm_up;
