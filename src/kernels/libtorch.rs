//! Training on libtorch with its own tape.
//!
//! Burn records a tape above its backends. Above libtorch that means a generic backward convolution
//! and a batch norm composed of many operators, slower than libtorch's own. So here Burn's tensors stay plain, libtorch records what happens to the weights that [`watch`] has
//! marked, and [`backward`] asks it for the gradients. What Burn calls (convolutions, activations,
//! sums) is recorded like anything else; batch norm and the memory layout are asked for by name.

#![expect(deprecated, reason = "Burn 0.22 is the last with libtorch; docs/training.md says why it is used")]

use crate::error::{Error, Result};
use burn::backend::LibTorch;
use burn::nn::BatchNorm;
use burn::prelude::*;
use burn_tch::TchTensor;

fn torch<const D: usize>(tensor: Tensor<D>) -> Option<TchTensor> {
    tensor.try_into_primitive::<LibTorch>().ok()
}

fn burn<const D: usize>(tensor: tch::Tensor) -> Tensor<D> {
    Tensor::from_primitive::<LibTorch>(TchTensor::new(tensor))
}

/// The same memory seen another way: Burn must know of every owner before it works in place.
fn alias<const D: usize>(of: TchTensor, tensor: tch::Tensor) -> Tensor<D> {
    Tensor::from_primitive::<LibTorch>(TchTensor::from_existing(tensor, of.storage))
}

/// libtorch on the processor.
#[must_use]
pub fn cpu() -> Device {
    Device::libtorch()
}

/// libtorch on the first NVIDIA card.
///
/// # Errors
/// [`Error::NoDevice`] where it sees none.
pub fn cuda() -> Result<Device> {
    if tch::Cuda::is_available() {
        Ok(Device::libtorch_cuda(0))
    } else {
        let reason = "libtorch sees no NVIDIA card, or was built without CUDA";
        Err(Error::NoDevice(reason.to_owned()))
    }
}

/// Whether a tensor is one of libtorch's.
#[must_use]
pub fn holds<const D: usize>(tensor: &Tensor<D>) -> bool {
    torch(tensor.clone()).is_some()
}

/// A leaf of the tape with these values: what is computed from it is recorded. `None` for a tensor of
/// another backend.
#[must_use]
pub fn watch<const D: usize>(tensor: Tensor<D>) -> Option<Tensor<D>> {
    torch(tensor).map(|of| {
        let leaf = of.tensor.detach().set_requires_grad(true);
        alias(of, leaf)
    })
}

/// The same values, off the tape.
#[must_use]
pub fn detach<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    match torch(tensor.clone()) {
        Some(of) => {
            let plain = of.tensor.detach();
            alias(of, plain)
        }
        None => tensor,
    }
}

/// Walks the tape back from a number.
///
/// # Panics
/// If the tensor is not libtorch's, or nothing it comes from is watched.
pub fn backward(loss: Tensor<1>) {
    torch(loss).expect("a tensor of libtorch").tensor.sum(None::<tch::Kind>).backward();
}

/// The gradient that [`backward`] left at a watched tensor.
#[must_use]
pub fn gradient<const D: usize>(tensor: &Tensor<D>) -> Option<Tensor<D>> {
    torch(tensor.clone()).map(|of| of.tensor.grad()).filter(tch::Tensor::defined).map(burn)
}

/// Runs `f` with nothing recorded.
pub fn untaped<T>(f: impl FnOnce() -> T) -> T {
    tch::no_grad(f)
}

/// The number of threads that libtorch works with.
pub fn set_threads(threads: usize) {
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
}

/// Lays the channels of each position side by side, which is how its convolutions are fastest. Later
/// operators keep it. Tensors of other backends are left as they are.
#[must_use]
pub fn channels_last(x: Tensor<4>) -> Tensor<4> {
    match torch(x.clone()) {
        Some(of) => {
            let laid_out = of.tensor.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
            alias(of, laid_out)
        }
        None => x,
    }
}

/// A depthwise convolution of stride 2 that something is to be learned through, in two steps: every
/// second place of one of stride 1. The gradient of its input is then one of stride 1 too, which libtorch
/// computes up to fifty times faster. `None` where its own way is the quicker one.
#[must_use]
pub fn depthwise(x: &Tensor<4>, weight: &Tensor<4>, stride: [usize; 2]) -> Option<Tensor<4>> {
    let [channels, seen, kernel, _] = weight.dims();
    let x = torch(x.clone())?.tensor;
    if seen != 1 || stride != [2, 2] || !x.requires_grad() {
        return None;
    }
    let weight = torch(weight.clone())?.tensor;
    let padding = [kernel as i64 / 2; 2];
    let all = x.conv2d(&weight, None::<tch::Tensor>, [1, 1], padding, [1, 1], channels as i64);
    Some(burn(all.slice(2, None, None, 2).slice(3, None, None, 2)))
}

/// A `ReLU` that ends at 6. The gradient of a clamp takes three passes over comparisons, this one's takes
/// one. `None` for tensors of other backends.
#[must_use]
pub fn relu6(x: &Tensor<4>) -> Option<Tensor<4>> {
    Some(burn(torch(x.clone())?.tensor.relu6()))
}

/// Batch norm over a batch's own statistics, which also move the running ones; where its weights are not
/// watched, over the running ones, which stay. The norm's weights are f32 whatever `x` is. `None` for
/// tensors of other backends.
#[must_use]
pub fn batch_norm(norm: &BatchNorm, x: &Tensor<4>) -> Option<Tensor<4>> {
    let gamma = torch(norm.gamma.val())?.tensor;
    let learns = gamma.requires_grad();
    let [beta, mean, variance] = [norm.beta.val(), norm.running_mean.value(), norm.running_var.value()]
        .map(|tensor| torch(tensor).map(|of| of.tensor));
    let normalised = torch(x.clone())?.tensor.batch_norm(
        Some(gamma),
        beta,
        mean,
        variance,
        learns,
        norm.momentum,
        norm.epsilon,
        true,
    );
    Some(burn(normalised))
}
