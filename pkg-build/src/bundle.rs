//! esbuild, and the code that it is given.

use crate::process::{self, command};
use anyhow::{Result, ensure};
use std::fs;
use std::path::Path;
use walkdir::WalkDir;

/// Copies what is bundled: modules, their types, styles and what styles show.
pub fn copy_code(site: &Path, to: &Path) -> Result<()> {
    for entry in WalkDir::new(site) {
        let entry = entry?;
        let target = to.join(entry.path().strip_prefix(site)?);
        let heavy = entry.path().extension().is_some_and(|end| end == "wasm" || end == "safetensors");
        if entry.file_type().is_dir() {
            fs::create_dir_all(target)?;
        } else if !heavy {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Bundles modules or styles of `folder` with all that they import. Returns the code, unless
/// `arguments` name files for it. `own` is `pkg-build/`, which has esbuild.
pub fn bundle(own: &Path, folder: &Path, arguments: &str) -> Result<String> {
    let fixed =
        "--bundle --minify --target=es2022 --log-level=warning --log-override:empty-import-meta=error";
    let esbuild = process::of_npm(own, "esbuild");
    let output = command(esbuild, &format!("{arguments} {fixed}"), folder).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "esbuild {arguments} failed: {said}");
    eprint!("{said}");
    Ok(String::from_utf8(output.stdout)?)
}
