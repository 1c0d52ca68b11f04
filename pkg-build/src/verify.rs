//! `cargo verify`: every check there is, each with its time, all counted at the end.

use crate::engine::{ENGINES, Engine};
use crate::npm;
use crate::process::{cargo, command, find, run};
use crate::requirements::{self, Chromium};
use crate::site;
use crate::standalone;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::time::Instant;

/// Chromium's flags, from the file that wasm-bindgen's test runner reads: headless, allowed to start
/// as root in a container, WebGPU on the software adapter where there is no GPU.
pub fn chromium_flags(root: &Path) -> Result<String> {
    let file: serde_json::Value = serde_json::from_str(&fs::read_to_string(root.join("webdriver.json"))?)?;
    let flags = file["goog:chromeOptions"]["args"].as_array().context("webdriver.json has no arguments")?;
    Ok(flags.iter().filter_map(|flag| flag.as_str()).collect::<Vec<_>>().join(" "))
}

type Step = (&'static str, fn(&Path) -> Result<()>);

const SITE: &str = "site";

/// In an order that finds cheap faults first.
const STEPS: [Step; 10] = [
    ("format", format),
    ("lints", lints),
    ("native-tests", native_tests),
    (SITE, |root| Ahead::start(root)?.finish()),
    ("standalone", |root| standalone::build(root, &site::folder(root)).map(|_| ())),
    ("types", types),
    ("page-tests", |root| browser_tests(root, "page")),
    ("firefox", firefox),
    ("package", package),
    ("wasm-tests", wasm_tests),
];

/// Runs the steps whose name contains `only`. A failed one does not keep the rest from running, so
/// that one run shows all.
pub fn verify(root: &Path, only: Option<&str>) -> ExitCode {
    let mut passed = 0;
    let mut failed = Vec::new();
    let steps: Vec<_> =
        STEPS.iter().filter(|(name, _)| only.is_none_or(|part| name.contains(part))).collect();
    let wants_site = steps.len() > 1 && steps.iter().any(|(name, _)| *name == SITE);
    let mut ahead = wants_site.then(|| Ahead::start(root));
    for (name, step) in steps {
        println!("\n== {name}");
        let began = Instant::now();
        let result = match ahead.take_if(|_| *name == SITE) {
            Some(site) => site.and_then(Ahead::finish),
            None => step(root),
        };
        let seconds = began.elapsed().as_secs_f64();
        match result {
            Ok(()) => {
                passed += 1;
                println!("== {name}: passed in {seconds:.0} s");
            }
            Err(error) => {
                failed.push(*name);
                println!("== {name}: FAILED after {seconds:.0} s: {error:#}");
            }
        }
    }
    if !failed.is_empty() {
        println!("\nfailed: {}", failed.join(", "));
    }
    println!("\nverify: {passed} passed, {} failed", failed.len());
    if failed.is_empty() && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The site, built while the steps before it run: its links take minutes of one core.
struct Ahead {
    process: Child,
    log: PathBuf,
}

impl Ahead {
    fn start(root: &Path) -> Result<Self> {
        requirements::wasm_target(root)?;
        let log = root.join("dist/site.log");
        fs::create_dir_all(root.join("dist"))?;
        let file = fs::File::create(&log)?;
        let program = std::env::current_exe().context("this program has a path")?;
        let process =
            linting(command(program, "site", root)).stdout(file.try_clone()?).stderr(file).spawn()?;
        Ok(Self { process, log })
    }

    /// Waits for it, and shows what it said.
    fn finish(mut self) -> Result<()> {
        let status = self.process.wait()?;
        print!("{}", fs::read_to_string(&self.log)?);
        ensure!(status.success(), "the site could not be built ({status})");
        Ok(())
    }
}

fn format(root: &Path) -> Result<()> {
    run(&mut command(cargo(), "fmt --all --check", root))
}

/// Cargo with clippy in rustc's place for the workspace's own crates, where any warning is an error. What
/// they depend on is then compiled once, for lints and tests.
fn linting(mut cargo: Command) -> Command {
    cargo.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver").env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__");
    cargo
}

/// That [`linting`] finds something, for the variable it goes by is cargo-clippy's own.
fn linting_fails_where_it_must(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("Cargo.toml"), "[package]\nname = \"faulty\"\nedition = \"2024\"\n[workspace]\n")?;
    fs::write(folder.join("src/lib.rs"), "pub fn three() -> i32 {\n    return 3;\n}\n")?;
    let output = linting(command(cargo(), "check --quiet", folder)).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success() && said.contains("needless_return"), "clippy let a fault pass:\n{said}");
    Ok(())
}

/// The GPU engine is tested in Chromium, where a software adapter is always to be had. This program is
/// tested as it was built: together with the others its crates would get more features and be built again.
const NATIVE: [&str; 2] = [
    "test --package pkg-build --no-default-features",
    "test --workspace --exclude pkg-build --no-default-features --features autochrome/caffe,autochrome/cpu,autochrome/parallel,autochrome/train",
];

/// Everything native; what is built for browsers is linted as it is built.
fn lints(root: &Path) -> Result<()> {
    linting_fails_where_it_must(&root.join("dist/faulty"))?;
    NATIVE
        .iter()
        .try_for_each(|tests| run(&mut linting(command(cargo(), &format!("{tests} --no-run"), root))))
}

fn native_tests(root: &Path) -> Result<()> {
    NATIVE.iter().try_for_each(|tests| run(&mut linting(command(cargo(), tests, root))))
}

fn types(root: &Path) -> Result<()> {
    let tests = root.join("tests");
    requirements::npm_packages(&tests)?;
    let npm = find(&["npm"]).context("npm is gone")?;
    run(&mut command(npm, "run --silent types", &tests))
}

/// The site and the standalone file that are there, in Firefox.
fn firefox(root: &Path) -> Result<()> {
    let tests = root.join("tests");
    requirements::npm_packages(&tests)?;
    let npm = find(&["npm"]).context("npm is gone")?;
    run(command(npm, "run --silent firefox", &tests)
        .env("AUTOCHROME_FIREFOX", requirements::firefox(root)?)
        .env("AUTOCHROME_SERVER", std::env::current_exe().context("this program has a path")?))
}

/// The npm package of the site that is there, and its tests.
fn package(root: &Path) -> Result<()> {
    npm::build(root, &site::folder(root))?;
    browser_tests(root, "package")
}

/// A script of `tests/package.json` that drives Chromium.
fn browser_tests(root: &Path, script: &str) -> Result<()> {
    let tests = root.join("tests");
    requirements::npm_packages(&tests)?;
    let Chromium { browser, .. } = requirements::chromium(root)?;
    let npm = find(&["npm"]).context("npm is gone")?;
    let server = std::env::current_exe().context("this program has a path")?;
    run(command(npm, &format!("run --silent {script}"), &tests)
        .env("AUTOCHROME_CHROMIUM", browser)
        .env("AUTOCHROME_CHROMIUM_FLAGS", chromium_flags(root)?)
        .env("AUTOCHROME_SERVER", server))
}

/// Once for each engine, in a worker, where the site has it.
fn wasm_tests(root: &Path) -> Result<()> {
    requirements::wasm_target(root)?;
    let Chromium { driver, .. } = requirements::chromium(root)?;
    // An array, because the path of this program may have spaces.
    let runner = [
        std::env::current_exe().context("this program has a path")?.display().to_string(),
        "wasm-test".into(),
    ];
    let runner = format!("target.wasm32-unknown-unknown.runner={}", serde_json::to_string(&runner)?);
    for Engine { device, .. } in ENGINES {
        let arguments = format!(
            "test --package autochrome --target wasm32-unknown-unknown --profile wasm --no-default-features --features {device} --test browser_worker --config"
        );
        run(linting(command(cargo(), &arguments, root))
            .arg(&runner)
            .env("CHROMEDRIVER", &driver)
            .env("WASM_BINDGEN_TEST_TIMEOUT", "600"))?;
    }
    Ok(())
}
