//! Learning on an NVIDIA card through CUDA.

mod alike;

use burn::prelude::Device;

#[test]
fn cuda_learns_what_the_cpu_learns() {
    alike::learns_what_the_cpu_learns(&Device::cuda(0), &[], 0.01, Some(0.25));
}
