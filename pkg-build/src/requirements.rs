//! Programs and packages that the steps need beside the crates: found, listed where they are missing,
//! and installed where a package manager may do it.

use crate::process::{command, find, run};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Something that a step needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Requirement {
    /// Rust's standard library for browsers.
    WasmTarget,
    /// The npm packages of a folder of the repository, as its lock file has them.
    NpmPackages(&'static str),
    /// Chromium (or Chrome) and chromedriver.
    Chromium,
    /// Firefox.
    Firefox,
}

/// A requirement that is not met, and the way to meet it.
pub struct Missing {
    /// The requirement.
    pub requirement: Requirement,
    /// Commands that install it; none where it has to be installed by hand.
    commands: Vec<String>,
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WasmTarget => f.write_str("Rust's target wasm32-unknown-unknown"),
            Self::NpmPackages(folder) => {
                write!(f, "the npm packages of {folder}/ (Node.js 20 or later with npm)")
            }
            Self::Chromium => f.write_str("Chromium (or Chrome) and chromedriver"),
            Self::Firefox => f.write_str("Firefox"),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requirement, commands } = self;
        if commands.is_empty() {
            write!(f, "{requirement}, by hand: its package manager is not on the path")
        } else {
            write!(f, "{requirement}, by: {}", commands.join(" && "))
        }
    }
}

impl Requirement {
    /// The way to meet it, where it is not met.
    pub fn missing(self, root: &Path) -> Option<Missing> {
        let met = match self {
            Self::WasmTarget => has_wasm_target(root),
            Self::NpmPackages(folder) => find(&["npm"]).is_some() && has_npm_packages(&root.join(folder)),
            Self::Chromium => found_chromium().is_some(),
            Self::Firefox => found_firefox().is_some(),
        };
        (!met).then(|| Missing { requirement: self, commands: self.installation(root) })
    }

    /// The commands that install it, where this machine has the package manager.
    fn installation(self, root: &Path) -> Vec<String> {
        let apt = |packages: &str| {
            let apt = if is_root(root) { "apt-get" } else { "sudo -n apt-get" };
            vec![
                format!("{apt} update -q"),
                format!("{apt} install -y -q --no-install-recommends {packages}"),
            ]
        };
        let (manager, commands) = match self {
            Self::WasmTarget => ("rustup", vec!["rustup target add wasm32-unknown-unknown".to_owned()]),
            Self::NpmPackages(folder) => {
                ("npm", vec![format!("npm --prefix {folder} ci --no-audit --no-fund")])
            }
            Self::Chromium => ("apt-get", apt("chromium chromium-driver")),
            Self::Firefox => ("apt-get", apt("firefox-esr")),
        };
        if find(&[manager]).is_some() { commands } else { Vec::new() }
    }

    /// Installs it if it is missing, and says so first.
    pub fn ensure(self, root: &Path) -> Result<()> {
        let Some(missing) = self.missing(root) else { return Ok(()) };
        ensure!(!missing.commands.is_empty(), "needed: {missing}");
        println!("installing {missing}");
        for line in &missing.commands {
            shell(line, root).with_context(|| format!("could not install {self}"))?;
        }
        ensure!(self.missing(root).is_none(), "installed, and still missing: {self}");
        Ok(())
    }
}

/// Runs a line of [`Requirement::installation`], whose words have no spaces in them.
fn shell(line: &str, root: &Path) -> Result<()> {
    let (name, arguments) = line.split_once(' ').context("a command has arguments")?;
    run(command(name, arguments, root).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Those of `requirements` that are missing, each once.
pub fn missing(root: &Path, requirements: impl IntoIterator<Item = Requirement>) -> Vec<Missing> {
    let mut known = Vec::new();
    for requirement in requirements {
        if !known.contains(&requirement) {
            known.push(requirement);
        }
    }
    known.into_iter().filter_map(|requirement| requirement.missing(root)).collect()
}

/// Chromium and its driver for the browser tests.
pub struct Chromium {
    /// The browser.
    pub browser: PathBuf,
    /// chromedriver of the same version.
    pub driver: PathBuf,
}

/// Chromium, installed if need be.
pub fn chromium(root: &Path) -> Result<Chromium> {
    Requirement::Chromium.ensure(root)?;
    found_chromium().context("Chromium is gone")
}

/// Firefox, installed if need be.
pub fn firefox(root: &Path) -> Result<PathBuf> {
    Requirement::Firefox.ensure(root)?;
    found_firefox().context("Firefox is gone")
}

fn found_chromium() -> Option<Chromium> {
    let browser = find(&["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"])?;
    Some(Chromium { browser, driver: find(&["chromedriver"])? })
}

fn found_firefox() -> Option<PathBuf> {
    find(&["firefox-esr", "firefox"])
}

/// Whether this toolchain has the target. Where nobody can tell, the compiler will.
fn has_wasm_target(root: &Path) -> bool {
    let asked = command("rustc", "--print target-libdir --target wasm32-unknown-unknown", root).output();
    asked.map_or(true, |output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

fn is_root(root: &Path) -> bool {
    command("id", "-u", root).output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn has_npm_packages(folder: &Path) -> bool {
    let read = |path: &str| -> Option<Value> {
        serde_json::from_str(&fs::read_to_string(folder.join(path)).ok()?).ok()
    };
    // npm's own account of what it installed.
    let installed = read("node_modules/.package-lock.json");
    let locked = read("package-lock.json");
    locked.zip(installed).is_some_and(|(locked, installed)| is_installed(&locked, &installed))
}

/// Whether `installed` has every package of `locked` and no other. Those for other systems are optional.
fn is_installed(locked: &Value, installed: &Value) -> bool {
    let (Some(locked), Some(installed)) = (locked["packages"].as_object(), installed["packages"].as_object())
    else {
        return false;
    };
    let same = |path: &String, package: &Value| {
        installed.get(path).map_or(package["optional"] == true, |found| {
            found["version"] == package["version"] && found["integrity"] == package["integrity"]
        })
    };
    // The empty path is the folder itself.
    locked.iter().filter(|(path, _)| !path.is_empty()).all(|(path, package)| same(path, package))
        && installed.keys().all(|path| locked.contains_key(path))
}

/// A Python of the benchmark's own with the pinned packages, made below `target/`.
pub fn python(root: &Path) -> Result<PathBuf> {
    let folder = root.join("target/bench/venv");
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if !python.is_file() {
        let python3 = find(&["python3", "python"])
            .context("onnxruntime needs Python 3.10 or later with the module venv; install it")?;
        println!("making {}, by: python3 -m venv", folder.display());
        run(command(python3, "-m venv", root).arg(&folder))?;
    }
    let install = "-m pip install --quiet --disable-pip-version-check --requirement bench/requirements.txt";
    println!("installing onnxruntime there, by: python {install}");
    run(&mut command(&python, install, root)).context("onnxruntime could not be installed from PyPI")?;
    Ok(python)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn npm_packages_are_installed_when_the_versions_are_those_of_the_lock_file() {
        let package = |version: &str| json!({ "version": version, "integrity": version });
        let locked = json!({ "packages": {
            "": {},
            "node_modules/a": package("1.0.0"),
            "node_modules/only-elsewhere": { "version": "1.0.0", "optional": true },
        } });
        let installed = |packages: Value| is_installed(&locked, &json!({ "packages": packages }));
        assert!(installed(json!({ "node_modules/a": package("1.0.0") })));
        assert!(!installed(json!({})), "one is missing");
        assert!(!installed(json!({ "node_modules/a": package("1.0.1") })), "one is of another version");
        let more = json!({ "node_modules/a": package("1.0.0"), "node_modules/b": package("1.0.0") });
        assert!(!installed(more), "one is too many");
        assert!(!is_installed(&locked, &json!({})));
    }

    #[test]
    fn each_missing_requirement_is_listed_once_with_its_command() {
        let empty = tempfile::tempdir().unwrap();
        let twice = [Requirement::NpmPackages("tests"); 2];
        let missing = missing(empty.path(), twice);
        assert_eq!(missing.len(), 1);
        let line = missing[0].to_string();
        assert!(line.starts_with("the npm packages of tests/"), "{line}");
        assert!(line.contains(", by: npm --prefix tests ci") || line.contains(", by hand"), "{line}");
    }
}
