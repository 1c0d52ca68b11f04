//! The engine in Chromium, in a worker, as the site runs it.
#![cfg(target_arch = "wasm32")]

mod engine;
#[cfg(feature = "gpu")]
mod gpu_kernels;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);
