//! The engine in Chromium, in a worker, as the site runs it.
#![cfg(target_arch = "wasm32")]

#[path = "common/browser_suite.rs"]
mod browser_suite;
mod common;
#[cfg(feature = "gpu")]
#[path = "common/definition.rs"]
mod definition;
#[cfg(feature = "gpu")]
#[path = "common/gpu_kernels.rs"]
mod gpu_kernels;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);
