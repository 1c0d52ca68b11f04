//! `autochrome forward`: raw L in, logits and ab out, as NumPy files.

use crate::{Usage, arrays, device, models};
use anyhow::{Result, ensure};
use autochrome::ab_bins::{self, AnnealedMean};
use autochrome::colorize::{CELL, Colorizer, Unpaced};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `forward`.
#[derive(Args)]
pub struct Arguments {
    /// Raw L in 0…100, f32 [1, 1, H, W]; H and W multiples of 8 (ECCV16) or 32 (U-Net)
    lightness: PathBuf,
    /// Model file or safetensors checkpoint; the built-in model if absent
    #[arg(long)]
    model: Option<PathBuf>,
    /// Where the logits go, f32 [1, 313, H/4, W/4]
    #[arg(long)]
    out: PathBuf,
    /// Where ab goes, f32 [1, 2, H/4, W/4]
    #[arg(long)]
    ab: Option<PathBuf>,
    /// Temperature of the annealed mean for --ab; 0 is the mode [default: the model's]
    #[arg(long, requires = "ab")]
    temperature: Option<f32>,
    /// Share of the class rebalancing kept for --ab, 0 to 1 [default: the model's]
    #[arg(long, requires = "ab")]
    rebalance: Option<f32>,
    /// Where the network runs
    #[arg(long, value_enum, default_value_t)]
    device: device::DeviceArgument,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (shape, lightness) = arrays::read(&arguments.lightness)?;
    let &[1, 1, height, width] = shape.as_slice() else {
        return Err(Usage(format!(
            "{} has shape {shape:?}; [1, 1, H, W] is needed",
            arguments.lightness.display()
        ))
        .into());
    };
    ensure!(
        lightness.iter().all(|l| l.is_finite()),
        "{} holds values that are not finite",
        arguments.lightness.display()
    );
    let model = models::read(arguments.model.as_deref())?;
    let metadata = &model.metadata;
    let decoder = AnnealedMean::new(
        arguments.temperature.unwrap_or(metadata.temperature),
        arguments.rebalance.unwrap_or(metadata.rebalance),
        model.class_weights.as_deref(),
    )?;
    let colorizer = Colorizer::new(&model, device::open(arguments.device)?)?;
    let distribution = pollster::block_on(colorizer.logits(&lightness, width, height, &mut Unpaced))?;
    let (height, width) = (height / CELL, width / CELL);
    arrays::write(&arguments.out, &[1, ab_bins::COUNT, height, width], &distribution.planes())?;
    if let Some(path) = &arguments.ab {
        arrays::write(path, &[1, 2, height, width], &distribution.decode(&decoder).concat())?;
    }
    Ok(ExitCode::SUCCESS)
}
