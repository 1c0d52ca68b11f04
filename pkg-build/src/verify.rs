//! `cargo verify`: every check there is, each with its time, all counted at the end.

use crate::engine::{self, Engine};
use crate::process::{self, cargo, command, find, run};
use crate::requirements::{self, Chromium, Requirement};
use crate::{npm, site, spelling, standalone};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode};
use std::time::Instant;

/// Chromium's flags, from the file that wasm-bindgen's test runner reads: headless, allowed to start
/// as root in a container, WebGPU on the software adapter where there is no GPU.
pub fn chromium_flags(root: &Path) -> Result<String> {
    let file: serde_json::Value = serde_json::from_str(&fs::read_to_string(root.join("webdriver.json"))?)?;
    let flags = file["goog:chromeOptions"]["args"].as_array().context("webdriver.json has no arguments")?;
    Ok(flags.iter().filter_map(|flag| flag.as_str()).collect::<Vec<_>>().join(" "))
}

/// A check of its own time and outcome.
struct Step {
    name: &'static str,
    needs: &'static [Requirement],
    run: fn(&Path) -> Result<()>,
}

const SITE: &str = "site";

const BUILD: Requirement = site::NPM_PACKAGES;
/// Packages that the checks run.
const TESTS: Requirement = Requirement::NpmPackages("tests");

/// In an order that finds cheap faults first.
const STEPS: [Step; 10] = [
    Step { name: "format", needs: &[TESTS], run: format },
    Step { name: "lints", needs: &[Requirement::WasmTarget], run: lints },
    Step { name: "native-tests", needs: &[], run: native_tests },
    Step { name: SITE, needs: &[Requirement::WasmTarget, BUILD], run: |root| Ahead::start(root)?.finish() },
    Step {
        name: "standalone",
        needs: &[BUILD],
        run: |root| standalone::build(root, &site::folder(root)).map(|_| ()),
    },
    Step { name: "types", needs: &[TESTS], run: types },
    Step {
        name: "page-tests",
        needs: &[TESTS, Requirement::Chromium],
        run: |root| browser_tests(root, "page"),
    },
    Step { name: "firefox", needs: &[TESTS, Requirement::Firefox], run: firefox },
    Step { name: "package", needs: &[BUILD, TESTS, Requirement::Chromium], run: package },
    Step { name: "wasm-tests", needs: &[Requirement::WasmTarget, Requirement::Chromium], run: wasm_tests },
];

/// Runs the steps whose name contains `only`. A failed one does not keep the rest from running, so
/// that one run shows all. Requirements that are missing are listed before they are installed, or
/// before all of it is refused where `install` is false.
pub fn verify(root: &Path, only: Option<&str>, install: bool) -> ExitCode {
    let steps: Vec<_> =
        STEPS.iter().filter(|step| only.is_none_or(|part| step.name.contains(part))).collect();
    let needs = steps.iter().flat_map(|step| step.needs.iter().copied());
    let missing = requirements::missing(root, needs);
    if !missing.is_empty() {
        println!("{}", if install { "installed first:" } else { "missing:" });
        missing.iter().for_each(|missing| println!("  {missing}"));
        if !install {
            println!("verify: nothing was installed and no step ran (--no-install)");
            return ExitCode::FAILURE;
        }
        // The steps that need it say so again, and fail.
        for error in missing.iter().filter_map(|missing| missing.requirement.ensure(root).err()) {
            println!("{error:#}");
        }
    }
    let mut passed = 0;
    let mut failed = Vec::new();
    let wants_site = steps.len() > 1 && steps.iter().any(|step| step.name == SITE);
    let mut ahead = wants_site.then(|| Ahead::start(root));
    for Step { name, run, .. } in steps {
        println!("\n== {name}");
        let began = Instant::now();
        let result = match ahead.take_if(|_| *name == SITE) {
            Some(site) => site.and_then(Ahead::finish),
            None => run(root),
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
        let log = root.join("dist/site.log");
        fs::create_dir_all(root.join("dist"))?;
        let file = fs::File::create(&log)?;
        let program = std::env::current_exe().context("this program has a path")?;
        let process = command(program, "site", root).stdout(file.try_clone()?).stderr(file).spawn()?;
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

/// Rust, JavaScript and the spelling of both and of the documents.
fn format(root: &Path) -> Result<()> {
    run(&mut command(cargo(), "fmt --all --check", root))?;
    spelling::check(root)?;
    TESTS.ensure(root)?;
    let biome = process::of_npm(&root.join("tests"), "biome");
    run(command(biome, "ci --error-on-warnings --config-path", root).arg(root))
}

/// The GPU engine is tested in Chromium, where a software adapter is always to be had. This program is
/// tested as it was built: together with the others its crates would get more features and be built again.
const NATIVE: [&str; 2] = [
    "--package pkg-build --no-default-features",
    "--workspace --exclude pkg-build --no-default-features --features autochrome/caffe,autochrome/cpu,autochrome/parallel,autochrome/train",
];

/// Clippy for all native code, and for each engine as the browser has it. Any warning is an error.
fn lints(root: &Path) -> Result<()> {
    Requirement::WasmTarget.ensure(root)?;
    let native = NATIVE.map(|packages| format!("{packages} --all-targets"));
    let engines = engine::ENGINES.map(|engine| {
        format!(
            "--package autochrome --target wasm32-unknown-unknown --no-default-features --features {} --lib --test browser_worker",
            engine.device
        )
    });
    native.iter().chain(&engines).try_for_each(|arguments| {
        run(&mut command(cargo(), &format!("clippy {arguments} -- --deny warnings"), root))
    })
}

fn native_tests(root: &Path) -> Result<()> {
    NATIVE.iter().try_for_each(|packages| run(&mut command(cargo(), &format!("test {packages}"), root)))
}

fn types(root: &Path) -> Result<()> {
    let tests = root.join("tests");
    TESTS.ensure(root)?;
    let npm = find(&["npm"]).context("npm is gone")?;
    run(&mut command(npm, "run --silent types", &tests))
}

/// The site and the standalone file that are there, in Firefox.
fn firefox(root: &Path) -> Result<()> {
    let tests = root.join("tests");
    TESTS.ensure(root)?;
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
    TESTS.ensure(root)?;
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
    Requirement::WasmTarget.ensure(root)?;
    let Chromium { driver, .. } = requirements::chromium(root)?;
    // An array, because the path of this program may have spaces.
    let runner = [
        std::env::current_exe().context("this program has a path")?.display().to_string(),
        "wasm-test".into(),
    ];
    let runner = format!("target.wasm32-unknown-unknown.runner={}", serde_json::to_string(&runner)?);
    for Engine { device, .. } in engine::ENGINES {
        let arguments = format!(
            "test --package autochrome --target wasm32-unknown-unknown --profile wasm --no-default-features --features {device} --test browser_worker --config"
        );
        run(command(cargo(), &arguments, root)
            .arg(&runner)
            .env("CHROMEDRIVER", &driver)
            .env("WASM_BINDGEN_TEST_TIMEOUT", "600"))?;
    }
    Ok(())
}
