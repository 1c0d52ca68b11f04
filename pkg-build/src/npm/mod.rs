//! The npm package `autochrome`: `dist/npm/`, and in it what `npm publish` would send.
//!
//! Its modules are those of the site, bundled: the API and the element with what they share beside
//! them, the worker as one file, since bundlers whose workers are no modules cannot split it. What is
//! no module keeps its place, and `pkg-build/npm/parts.js` names each by a literal address, which
//! bundlers follow.

mod sizes;

use crate::bundle::{bundle, copy_code};
use crate::process::{command, find, of_npm, run};
use crate::{engine, site};
use anyhow::{Context, Result, ensure};
use sizes::Sizes;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use walkdir::{DirEntry, WalkDir};

/// Modules that are imported by name; the worker is the third.
const ENTRIES: [&str; 2] = ["autochrome.js", "element.js"];

/// Placeholder for the first model's file in `parts.js`.
const MODEL: &str = "models/MODEL";

/// Placeholder for the table of sizes in the README.
const SIZES: &str = "<!-- sizes -->";

/// Where the package is built.
pub fn folder(root: &Path) -> PathBuf {
    root.join("dist/npm")
}

/// Builds and packs the package of the site in `from`, and returns the packed file. The old package
/// stays until the new one is whole.
pub fn build(root: &Path, from: &Path) -> Result<PathBuf> {
    let own = root.join("pkg-build");
    let www = from.join("www");
    ensure!(www.join("worker.js").exists(), "there is no site; run `cargo site`");
    site::NPM_PACKAGES.ensure(root)?;
    let folder = folder(root);
    let fresh = tempfile::Builder::new().prefix(".npm-").tempdir_in(root.join("dist"))?;
    let package = fresh.path();

    let models = site::models(&www)?;
    let code = package.join("src");
    stage(&own, &www, &code, &models)?;
    bundle_code(&own, package)?;
    declare(&own, &code, package)?;
    fs::remove_dir_all(&code)?;

    let engines = engine::ENGINES.map(|engine| format!("engine/{}/autochrome_bg.wasm", engine.device));
    let models = models.iter().map(|model| format!("models/{model}"));
    for part in engines.into_iter().chain(models).chain(["models/manifest.json".to_owned()]) {
        let to = package.join(&part);
        fs::create_dir_all(to.parent().expect("a part lies in a folder"))?;
        fs::copy(www.join(&part), to).with_context(|| format!("the site has no {part}"))?;
    }
    fs::copy(root.join("LICENSE"), package.join("LICENSE"))?;
    fs::write(package.join("package.json"), manifest(&own)?)?;
    let sizes = Sizes::of(package)?;
    print!("{sizes}");
    sizes.check()?;
    let readme = fs::read_to_string(own.join("npm/README.md"))?;
    fs::write(package.join("README.md"), replaced(&readme, SIZES, &sizes.table())?)?;

    let npm = find(&["npm"]).context("npm is gone")?;
    run(command(npm, "pack --silent --ignore-scripts", package).stdout(Stdio::null()))?;
    let packed = format!("autochrome-{}.tgz", env!("CARGO_PKG_VERSION"));
    let bytes = fs::metadata(package.join(&packed)).with_context(|| format!("npm wrote no {packed}"))?.len();
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::rename(fresh.keep(), &folder)
        .with_context(|| format!("cannot put the package at {}", folder.display()))?;
    let packed = folder.join(packed);
    println!("npm package: {:.2} MB, {}", bytes as f64 / 1e6, packed.display());
    Ok(packed)
}

/// The site's code as the package has it.
fn stage(own: &Path, www: &Path, code: &Path, models: &[String]) -> Result<()> {
    copy_code(www, code)?;
    let parts = fs::read_to_string(own.join("npm/parts.js"))?;
    let first = models.first().context("manifest.json lists no model")?;
    fs::write(code.join("parts.js"), replaced(&parts, MODEL, &format!("models/{first}"))?)?;
    Ok(())
}

/// Bundles `package/src` into `package`.
fn bundle_code(own: &Path, package: &Path) -> Result<()> {
    let options = "--format=esm --sourcemap --outdir=.";
    let from = |entry: &str| format!("src/{entry}");
    let entries = ENTRIES.map(from).join(" ");
    bundle(own, package, &format!("{entries} {options} --splitting --chunk-names=shared"))?;
    bundle(own, package, &format!("{} {options}", from("worker.js")))?;
    Ok(())
}

/// Writes the types of the entries, which the code's comments have. Types that comments cannot say lie
/// in `.d.ts` files beside the modules.
fn declare(own: &Path, code: &Path, package: &Path) -> Result<()> {
    fs::copy(own.join("npm/tsconfig.json"), code.join("tsconfig.json"))?;
    run(&mut command(of_npm(own, "tsc"), "--project tsconfig.json", code))
        .context("the types of the package could not be written")?;
    // Nothing that the entries export speaks of these.
    let inside = ["engine", "parts.d.ts"];
    let spoken_of = |entry: &DirEntry| !inside.iter().any(|name| entry.file_name() == *name);
    for entry in WalkDir::new(code).into_iter().filter_entry(spoken_of) {
        let path = entry?.into_path();
        if path.to_string_lossy().ends_with(".d.ts") {
            let to = package.join(path.strip_prefix(code)?);
            fs::create_dir_all(to.parent().expect("a file lies in a folder"))?;
            fs::copy(&path, to)?;
        }
    }
    fs::copy(own.join("npm/worker.d.ts"), package.join("worker.d.ts"))?;
    Ok(())
}

/// `package.json`, with what the Cargo workspace says of all of Autochrome. It stays text: the order of
/// the conditions in `exports` has a meaning.
fn manifest(own: &Path) -> Result<String> {
    let stated = [
        ("VERSION", env!("CARGO_PKG_VERSION")),
        ("LICENCE", env!("CARGO_PKG_LICENSE")),
        ("REPOSITORY", env!("CARGO_PKG_REPOSITORY")),
    ];
    let template = fs::read_to_string(own.join("npm/package.json"))?;
    stated.iter().try_fold(template, |text, (word, by)| replaced(&text, word, by))
}

/// `text` with another word in the place of `word`, which it must have.
fn replaced(text: &str, word: &str, by: &str) -> Result<String> {
    ensure!(text.contains(word), "there is no {word} to be replaced");
    Ok(text.replace(word, by))
}
