//! Learning through libtorch, whose tape lies beneath Burn's tensors.

mod alike;

use autochrome::kernels::libtorch;

#[test]
fn libtorch_learns_what_the_cpu_learns() {
    // libtorch's running variance is the unbiased one, n / (n - 1) of Burn's: with the few cells of
    // these pictures that is a tenth, with a real batch nothing. Training does not read it.
    alike::learns_what_the_cpu_learns(&libtorch::cpu(), &["running_var"], 0.01, Some(0.25));
}
