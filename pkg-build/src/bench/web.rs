//! `cargo bench-web`: the site's engines against onnxruntime-web. The measuring is done by
//! `bench/web.js`, where Chromium can be driven.

use super::{prepare, results};
use crate::process::{command, find, run};
use crate::requirements::{self, Chromium, Requirement};
use crate::site::{self, Engines};
use crate::verify;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// Runs the cases whose name contains `only`; `bench/web.js` has their names.
pub fn web(root: &Path, runs: u16, only: Option<&str>, build: bool) -> Result<ExitCode> {
    let site = if build { site::build(root, Engines::Built)? } else { site::folder(root) };
    let prepared = prepare(root)?;
    let bench = root.join("bench");
    ["tests", "bench"].into_iter().try_for_each(|folder| Requirement::NpmPackages(folder).ensure(root))?;
    let Chromium { browser, .. } = requirements::chromium(root)?;
    let node = find(&["node"]).context("node is gone")?;
    let server = std::env::current_exe().context("this program has a path")?;
    let out = prepared.folder.join("web.json");
    let _ = fs::remove_file(&out);
    let measured = run(command(node, "web.js", &bench)
        .args(["--runs", &runs.to_string(), "--only", only.unwrap_or_default()])
        .arg("--site")
        .arg(site)
        .arg("--models")
        .arg(&prepared.folder)
        .arg("--out")
        .arg(&out)
        .env("AUTOCHROME_CHROMIUM", browser)
        .env("AUTOCHROME_CHROMIUM_FLAGS", verify::chromium_flags(root)?)
        .env("AUTOCHROME_SERVER", server));
    // A case that failed does not take away what those before it gave.
    if let Ok(text) = fs::read_to_string(out) {
        let sections: Vec<(String, String)> = serde_json::from_str(&text)?;
        results::write(root, &sections)?;
    }
    measured.map(|()| ExitCode::SUCCESS)
}
