//! The crate as a browser module: cargo for wasm32, then wasm-bindgen as a library of the very
//! version the crate uses.

use crate::process::{cargo, command, run};
use anyhow::{Context, Result};
use std::path::Path;

/// The builds a page chooses from at run time; each is named after its cargo feature.
pub const DEVICES: [&str; 2] = ["cpu", "gpu"];

/// Builds the engine for one device into `out` (`autochrome.js`, `.d.ts`, `_bg.wasm`).
pub fn build(root: &Path, device: &str, out: &Path) -> Result<()> {
    let arguments = format!(
        "build --package autochrome --lib --target wasm32-unknown-unknown --profile wasm --no-default-features --features {device}"
    );
    run(&mut command(cargo(), &arguments, root))?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    let wasm = target.join("wasm32-unknown-unknown/wasm/autochrome.wasm");
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(wasm)
        .web(true)?
        .typescript(true)
        // Bundlers would look for the file it names; the worker knows where its own lies.
        .omit_default_module_path(true)
        .out_name("autochrome")
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(out)
        .with_context(|| format!("wasm-bindgen failed on the {device} engine"))
}
