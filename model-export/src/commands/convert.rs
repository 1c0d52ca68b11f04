//! `autochrome convert`: checkpoint in, model file out.

use crate::{Usage, models, output};
use anyhow::Result;
use autochrome::ab_bins::AnnealedMean;
use autochrome::backend::{ComputeDevice, DeviceChoice};
use autochrome::weights::{ModelFile, Precision};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `convert`.
#[derive(Args)]
pub struct Arguments {
    /// Safetensors checkpoint with PyTorch's names, or a model file
    checkpoint: PathBuf,
    /// The model file to write
    #[arg(long)]
    out: PathBuf,
    /// How matrices are stored
    #[arg(long, value_enum, default_value_t = PrecisionArgument::F16)]
    precision: PrecisionArgument,
    /// Short side that photographs are resized to [default: the checkpoint's, or 256]
    #[arg(long)]
    working_size: Option<usize>,
    /// Default temperature of the model [default: the checkpoint's, or 0.38]
    #[arg(long)]
    temperature: Option<f32>,
    /// Default share of the class rebalancing kept [default: the checkpoint's, or 1]
    #[arg(long)]
    rebalance: Option<f32>,
    /// What it was trained on, in words
    #[arg(long)]
    trained_on: Option<String>,
    /// Terms of use, in words
    #[arg(long)]
    license: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PrecisionArgument {
    /// 32-bit floats
    F32,
    /// 16-bit floats
    F16,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if output::same_file(&arguments.checkpoint, &arguments.out) {
        return Err(Usage("--out is the checkpoint itself; choose another name".to_owned()).into());
    }
    let mut model = models::read(Some(&arguments.checkpoint))?;
    let metadata = &mut model.metadata;
    metadata.working_size = arguments.working_size.unwrap_or(metadata.working_size);
    metadata.temperature = arguments.temperature.unwrap_or(metadata.temperature);
    metadata.rebalance = arguments.rebalance.unwrap_or(metadata.rebalance);
    for (field, argument) in
        [(&mut metadata.trained_on, &arguments.trained_on), (&mut metadata.license, &arguments.license)]
    {
        if let Some(text) = argument {
            field.clone_from(text);
        }
    }
    metadata.created_by = concat!("autochrome ", env!("CARGO_PKG_VERSION")).to_owned();
    AnnealedMean::new(metadata.temperature, metadata.rebalance, model.class_weights.as_deref())?;
    model.build(&pollster::block_on(ComputeDevice::open(DeviceChoice::Cpu))?.device)?;

    let precision = match arguments.precision {
        PrecisionArgument::F32 => Precision::F32,
        PrecisionArgument::F16 => Precision::F16,
    };
    let bytes = model.write(precision)?;
    // What is written must be readable; a file that is not never gets its name.
    ModelFile::read(&bytes)?;
    output::write_whole(&arguments.out, |out| Ok(out.write_all(&bytes)?))?;
    eprintln!(
        "{}: {}, {} parameters, {}, {} bytes",
        arguments.out.display(),
        model.metadata.network.name(),
        model.parameters(),
        precision.name(),
        bytes.len()
    );
    Ok(ExitCode::SUCCESS)
}
