//! Builds the site, the standalone file and the npm package, serves, runs every check and measures:
//! `cargo site`, `cargo standalone`, `cargo npm`, `cargo serve`, `cargo verify`, `cargo bench-native`,
//! `cargo bench-web`.

mod bench;
mod bundle;
mod engine;
mod npm;
mod offline;
mod policy;
mod preload;
mod process;
mod requirements;
mod server;
mod site;
mod snip;
mod spelling;
mod standalone;
mod verify;

use anyhow::Result;
use clap::{Parser, Subcommand};
use site::Engines;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use wasm_bindgen_cli::wasm_bindgen_test_runner;

/// Builds, serves and checks Autochrome.
#[derive(Parser)]
#[command(name = "pkg-build", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the static site into dist/site
    Site {
        /// Keep the engines that dist/site has
        #[arg(long)]
        keep_engines: bool,
    },
    /// Build the page as one file that needs no server: dist/standalone/autochrome.html
    Standalone {
        /// Take what dist/site holds already
        #[arg(long)]
        no_build: bool,
    },
    /// Build the npm package: dist/npm/ and the .tgz in it
    Npm {
        /// Take what dist/site holds already
        #[arg(long)]
        no_build: bool,
    },
    /// Build the site and serve it on this machine
    Serve {
        /// Port of localhost; 0 takes a free one
        #[arg(long, default_value_t = 8080)]
        port: u16,
        /// Serve what dist/site holds already
        #[arg(long)]
        no_build: bool,
    },
    /// List what is missing, install it, then check: format, lints, native tests, wasm tests in Chromium, page tests
    Verify {
        /// Only the steps whose name contains this
        #[arg(long)]
        only: Option<String>,
        /// Install nothing: list what is missing and fail
        #[arg(long)]
        no_install: bool,
    },
    /// Measure the tool against onnxruntime, and where its time goes
    BenchNative(Measurement),
    /// Measure the page's engines against onnxruntime-web in Chromium
    BenchWeb {
        #[command(flatten)]
        measurement: Measurement,
        /// Measure what dist/site holds already
        #[arg(long)]
        no_build: bool,
    },
    /// The program that cargo starts a wasm test with: wasm-bindgen's test runner
    #[command(hide = true, disable_help_flag = true)]
    WasmTest {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

#[derive(clap::Args)]
struct Measurement {
    /// Passes of each side that are counted
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Only the cases whose name contains this
    #[arg(long)]
    only: Option<String>,
}

/// The repository, wherever cargo was called from.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("pkg-build lies in the repository").to_owned()
}

fn main() -> Result<ExitCode> {
    let root = root();
    match Cli::parse().command {
        Command::Site { keep_engines } => {
            let engines = if keep_engines { Engines::Kept } else { Engines::Built };
            site::build(&root, engines).map(|_| ExitCode::SUCCESS)
        }
        Command::Serve { port, no_build } => {
            let folder = if no_build { site::folder(&root) } else { site::build(&root, Engines::Built)? };
            server::serve(&folder, port)
        }
        Command::Standalone { no_build } => {
            let site = if no_build { site::folder(&root) } else { site::build(&root, Engines::Built)? };
            standalone::build(&root, &site).map(|_| ExitCode::SUCCESS)
        }
        Command::Npm { no_build } => {
            let site = if no_build { site::folder(&root) } else { site::build(&root, Engines::Built)? };
            npm::build(&root, &site).map(|_| ExitCode::SUCCESS)
        }
        Command::BenchNative(m) => bench::native(&root, m.runs.into(), m.only.as_deref()),
        Command::BenchWeb { measurement: m, no_build } => {
            bench::web(&root, m.runs, m.only.as_deref(), !no_build)
        }
        Command::Verify { only, no_install } => Ok(verify::verify(&root, only.as_deref(), !no_install)),
        Command::WasmTest { arguments } => {
            let name = OsString::from("wasm-bindgen-test-runner");
            wasm_bindgen_test_runner::run_cli_with_args(std::iter::once(name).chain(arguments))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
