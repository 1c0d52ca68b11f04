//! How long each convolution of ours takes, for the benchmark: there only with the feature `profile`.

use super::Shape;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A convolution that ran.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Its shape.
    pub shape: Shape,
    /// Height and width of its input.
    pub size: [usize; 2],
    /// How long it took, with what follows it and the way in and out of Burn's tensors.
    pub time: Duration,
}

static PASSES: Mutex<Vec<Pass>> = Mutex::new(Vec::new());

static APART: AtomicBool = AtomicBool::new(false);

/// From now on convolutions run one after the other, so that each can be timed, where several would
/// run at once by rows.
pub fn run_apart() {
    APART.store(true, Ordering::Relaxed);
}

/// Whether [`run_apart`] was called.
pub(super) fn runs_apart() -> bool {
    APART.load(Ordering::Relaxed)
}

/// The convolutions that have run since the last call, in order.
pub fn take() -> Vec<Pass> {
    std::mem::take(&mut PASSES.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Runs a convolution and notes how long it took.
pub(super) fn timed<T>(shape: Shape, size: [usize; 2], run: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let output = run();
    let pass = Pass { shape, size, time: began.elapsed() };
    PASSES.lock().unwrap_or_else(PoisonError::into_inner).push(pass);
    output
}
