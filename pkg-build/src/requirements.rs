//! What a fresh machine lacks: installed where the package manager allows it, else named.

use crate::process::{command, find, run};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Adds the wasm target to this toolchain.
pub fn wasm_target(root: &Path) -> Result<()> {
    let Some(rustup) = find(&["rustup"]) else { return Ok(()) };
    run(&mut command(rustup, "target add wasm32-unknown-unknown", root))
        .context("the wasm target is needed: rustup target add wasm32-unknown-unknown")
}

/// Chromium and its driver for the browser tests.
pub struct Chromium {
    /// The browser.
    pub browser: PathBuf,
    /// chromedriver of the same version.
    pub driver: PathBuf,
}

/// Finds Chromium, or installs it where this is Debian and we may.
pub fn chromium(root: &Path) -> Result<Chromium> {
    let found = || {
        let browser = find(&["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"])?;
        Some(Chromium { browser, driver: find(&["chromedriver"])? })
    };
    found_or_installed(root, found, "chromium chromium-driver")
        .context("the browser tests need Chromium (or Chrome) and chromedriver on the path")
}

/// Finds Firefox, or installs it where this is Debian and we may.
pub fn firefox(root: &Path) -> Result<PathBuf> {
    found_or_installed(root, || find(&["firefox-esr", "firefox"]), "firefox-esr")
        .context("the browser tests need Firefox on the path")
}

/// What `found` finds, if need be after these packages of Debian's are installed.
fn found_or_installed<T>(root: &Path, found: impl Fn() -> Option<T>, packages: &str) -> Result<T> {
    if let Some(found) = found() {
        return Ok(found);
    }
    if find(&["apt-get"]).is_some() {
        let as_root = if is_root(root) { "" } else { "sudo -n " };
        let apt = |arguments: &str| {
            let line = format!("{as_root}apt-get {arguments}");
            let (program, rest) = line.split_once(' ').expect("there are arguments");
            run(command(program, rest, root).env("DEBIAN_FRONTEND", "noninteractive"))
        };
        apt("update -q")
            .and_then(|()| apt(&format!("install -y -q --no-install-recommends {packages}")))
            .with_context(|| format!("could not install it; do it by hand: apt-get install {packages}"))?;
    }
    found().context("it is not there; install it")
}

fn is_root(root: &Path) -> bool {
    command("id", "-u", root).output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// The npm packages of a folder, as its lock file has them.
pub fn npm_packages(folder: &Path) -> Result<()> {
    let npm =
        find(&["npm"]).context("what runs in Chromium needs Node.js 20 or later with npm; install it")?;
    run(&mut command(npm, "ci --no-audit --no-fund", folder))
}

/// A Python of the benchmark's own with the pinned packages, made below `target/`.
pub fn python(root: &Path) -> Result<PathBuf> {
    let folder = root.join("target/bench/venv");
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if !python.is_file() {
        let python3 = find(&["python3", "python"])
            .context("onnxruntime needs Python 3.10 or later with the module venv; install it")?;
        run(command(python3, "-m venv", root).arg(&folder))?;
    }
    let install = "-m pip install --quiet --disable-pip-version-check --requirement bench/requirements.txt";
    run(&mut command(&python, install, root)).context("onnxruntime could not be installed from PyPI")?;
    Ok(python)
}
