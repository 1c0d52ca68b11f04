//! Autochrome and onnxruntime side by side, on the same weights and input: `cargo bench-native` and
//! `cargo bench-web`. What was measured is printed and goes to `bench/RESULTS.md`.

mod layers;
mod native;
mod results;
mod web;

pub use native::native;
pub use web::web;

use crate::process::{cargo, command, run};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// A network that both sides run.
struct Model {
    /// As in `--only` and in the results.
    name: &'static str,
    /// Our model file.
    ours: PathBuf,
    /// The same weights as ONNX.
    theirs: PathBuf,
}

/// Files that both benchmarks need, made once below `target/bench`.
struct Prepared {
    /// Where it lies.
    folder: PathBuf,
    /// The tool.
    tool: PathBuf,
    /// `model-export/examples/bench.rs`.
    side: PathBuf,
    /// The paper's network and the default one.
    models: [Model; 2],
}

/// Builds the tool, makes weights and photographs, writes the models as ONNX with the tool.
fn prepare(root: &Path) -> Result<Prepared> {
    let build = "build --release --package model-export --no-default-features --features profile --bin autochrome --example bench";
    run(&mut command(cargo(), build, root))?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    let program = |name: &str| target.join(format!("release/{name}{}", std::env::consts::EXE_SUFFIX));
    let (tool, side) = (program("autochrome"), program("examples/bench"));
    let folder = target.join("bench");
    let sample = root.join("www/samples/astronaut.jpg");
    run(command(&side, "inputs", root).arg(&folder).arg(sample))?;
    let shipped = root.join("www/models");
    let manifest: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(shipped.join("manifest.json"))?)?;
    let default = manifest["models"][0]["file"].as_str().context("manifest.json lists no model")?;
    let path = |name: &str, extension: &str| folder.join(format!("{name}.{extension}"));
    // Photographs come to the network at the working size, which here is that of the comparison.
    run(command(&tool, "convert --working-size 256", root)
        .arg(shipped.join(default))
        .arg("--out")
        .arg(path("default", "safetensors")))?;
    let models = ["eccv16", "default"].map(|name| Model {
        name,
        ours: path(name, "safetensors"),
        theirs: path(name, "onnx"),
    });
    for Model { ours, theirs, .. } in &models {
        run(command(&tool, "convert", root).arg(ours).arg("--out").arg(theirs))?;
    }
    Ok(Prepared { folder, tool, side, models })
}
