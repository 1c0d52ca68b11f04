//! `autochrome inspect`: what a model file or checkpoint holds.

use crate::{models, terminal};
use anyhow::Result;
use autochrome::model::weights::{ModelFile, sha256};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `inspect`.
#[derive(Args)]
pub struct Arguments {
    /// Model file or checkpoint: safetensors, .pth, .caffemodel
    model: PathBuf,
    /// One JSON document instead of a table
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let bytes = models::bytes(Some(&arguments.model))?;
    let model = models::read(Some(&arguments.model))?;
    let report = report(&model, &bytes);
    let text =
        if arguments.json { serde_json::to_string_pretty(&report)? + "\n" } else { table(&model, &report) };
    terminal::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn table(model: &ModelFile, report: &serde_json::Value) -> String {
    let mut lines = Vec::new();
    for (key, value) in report.as_object().into_iter().flatten().filter(|(key, _)| *key != "tensors") {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        lines.push(format!("{key:16}{text}"));
    }
    lines.push(format!("\n{:40}{:>20}", "tensor", "shape"));
    for (name, tensor) in &model.tensors {
        lines.push(format!("{name:40}{:>20}", format!("{:?}", tensor.shape)));
    }
    lines.join("\n") + "\n"
}

fn report(model: &ModelFile, bytes: &[u8]) -> serde_json::Value {
    // By way of text, which writes an f32 as it was meant: 0.8, not 0.800000011920929.
    let text = serde_json::to_string(&model.metadata).expect("metadata is plain data");
    let mut report: serde_json::Value = serde_json::from_str(&text).expect("written just now");
    let tensors: serde_json::Map<_, _> =
        model.tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone().into())).collect();
    let fields = report.as_object_mut().expect("metadata is a struct");
    fields.insert("bytes".into(), bytes.len().into());
    fields.insert("sha256".into(), sha256(bytes).into());
    fields.insert("parameters".into(), model.parameters().into());
    fields.insert("class_weights".into(), model.class_weights.is_some().into());
    if let Some(origin) = &model.origin {
        fields.insert("file".into(), origin.format.name().into());
        fields.insert("prefix".into(), origin.prefix.clone().into());
        fields.insert("unused".into(), origin.unused.clone().into());
    }
    fields.insert("tensors".into(), tensors.into());
    report
}
