//! The static site: page, engines, models, samples.

use crate::engine::ENGINES;
use crate::process::find;
use crate::requirements::Requirement;
use crate::{offline, preload};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Packages that the build runs: esbuild and TypeScript.
pub const NPM_PACKAGES: Requirement = Requirement::NpmPackages("pkg-build");

/// Where the site is built.
pub fn folder(root: &Path) -> PathBuf {
    root.join("dist/site")
}

/// Where the engines of a site come from.
#[derive(Clone, Copy, PartialEq)]
pub enum Engines {
    /// They are built, which takes minutes.
    Built,
    /// Those of the site that is there already: for work on the page alone.
    Kept,
}

/// Builds the site and returns its folder. The old one stays until the new one is whole.
pub fn build(root: &Path, engines: Engines) -> Result<PathBuf> {
    let site = folder(root);
    let dist = site.parent().expect("dist/site has a parent");
    fs::create_dir_all(dist)?;
    let fresh = tempfile::Builder::new().prefix(".site-").tempdir_in(dist)?;
    let folder = fresh.path().join("www/engine");
    match engines {
        Engines::Built => {
            Requirement::WasmTarget.ensure(root)?;
            ENGINES.iter().try_for_each(|engine| engine.build(root, &folder.join(engine.device)))?;
        }
        Engines::Kept => copy(&site.join("www/engine"), &folder)
            .context("there are no engines to keep; build them once with `cargo site`")?,
    }
    ENGINES.iter().try_for_each(|engine| engine.check_size(&folder.join(engine.device)))?;
    check_models(&root.join("www/models"))?;
    fs::copy(root.join("index.html"), fresh.path().join("index.html"))?;
    copy(&root.join("www"), &fresh.path().join("www"))?;
    if find(&["npm"]).is_some() {
        NPM_PACKAGES.ensure(root)?;
        preload::write(&root.join("pkg-build"), fresh.path())?;
    } else {
        println!("site: its modules load one after the other; with Node.js they would be named beforehand");
    }
    offline::write(fresh.path())?;
    if site.exists() {
        fs::remove_dir_all(&site)?;
    }
    fs::rename(fresh.keep(), &site).with_context(|| format!("cannot put the site at {}", site.display()))?;
    println!("site: {}", site.display());
    Ok(site)
}

/// Every shipped model is what its manifest says.
fn check_models(models: &Path) -> Result<()> {
    let manifest: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(models.join("manifest.json"))?)?;
    let listed = manifest["models"].as_array().context("manifest.json has no list of models")?;
    ensure!(!listed.is_empty(), "manifest.json lists no model");
    for model in listed {
        let file = model["file"].as_str().context("a model has no file")?;
        let bytes = fs::read(models.join(file)).with_context(|| format!("cannot read {file}"))?;
        let sha256 = offline::sha256(&bytes);
        ensure!(
            model["sha256"] == sha256,
            "{file} has SHA-256 {sha256}, the manifest says {}",
            model["sha256"]
        );
        ensure!(
            model["bytes"] == bytes.len(),
            "{file} has {} bytes, the manifest says {}",
            bytes.len(),
            model["bytes"]
        );
    }
    Ok(())
}

/// Files of the models of a site's `www`, the one that it starts with first.
pub fn models(www: &Path) -> Result<Vec<String>> {
    let manifest: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(www.join("models/manifest.json"))?)?;
    let listed = manifest["models"].as_array().context("manifest.json has no list of models")?;
    ensure!(!listed.is_empty(), "manifest.json lists no model");
    let file = |model: &serde_json::Value| model["file"].as_str().map(str::to_owned);
    listed.iter().map(|model| file(model).context("a model has no file")).collect()
}

/// Copies what the browser needs; the notes for people stay behind, save those on the samples'
/// origin.
fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in WalkDir::new(from) {
        let entry = entry?;
        let target = to.join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            fs::create_dir_all(target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
