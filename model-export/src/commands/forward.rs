//! `autochrome forward`: raw L in, logits and ab out, as NumPy files.

use crate::paths::Outputs;
use crate::{Usage, arrays, device, models};
use anyhow::{Context, Result, ensure};
use autochrome::color::ab_bins::AnnealedMean;
use autochrome::engine::{Colorizer, Input, Unpaced};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `forward`.
#[derive(Args)]
pub struct Arguments {
    /// Raw L in 0…100, f32 [1, 1, H, W]; H and W multiples of 8 (eccv16, siggraph17) or 32 (unet)
    lightness: PathBuf,
    /// Model file or checkpoint; the built-in model if absent
    #[arg(long)]
    model: Option<PathBuf>,
    /// Hints, f32 [1, 3, H, W]: a and b in CIE units, and a mask that is 1 where they hold
    #[arg(long)]
    hints: Option<PathBuf>,
    /// Where the output goes: logits f32 [1, 313, H/4, W/4], or ab [1, 2, H, W] of siggraph17
    #[arg(long)]
    out: PathBuf,
    /// Where ab goes, f32 [1, 2, H/4, W/4] (siggraph17: as --out)
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
    let mut outputs = Outputs::of("--out", &arguments.out)?;
    if let Some(path) = &arguments.ab {
        outputs.add("--ab", path)?;
    }
    outputs.spare(&arguments.lightness)?;
    [&arguments.model, &arguments.hints].into_iter().flatten().try_for_each(|read| outputs.spare(read))?;
    let (lightness, height, width) = image(&arguments.lightness, 1)?;
    let hints = match &arguments.hints {
        None => None,
        Some(path) => match image(path, 3)? {
            (hints, h, w) if (h, w) == (height, width) => Some(hints),
            (_, h, w) => {
                return Err(
                    Usage(format!("{} is for {h} x {w}, L is {height} x {width}", path.display())).into()
                );
            }
        },
    };
    let model = models::read(arguments.model.as_deref())?;
    let metadata = &model.metadata;
    let decoder = AnnealedMean::new(
        arguments.temperature.unwrap_or(metadata.temperature),
        arguments.rebalance.unwrap_or(metadata.rebalance),
        model.class_weights.as_deref(),
    )
    .map_err(|error| Usage(error.to_string()))?;
    if hints.is_some() && !metadata.network.takes_hints() {
        let network = metadata.network.name();
        return Err(Usage(format!("{network} takes no hints; --hints needs a siggraph17 model")).into());
    }
    let output = metadata.network.output();
    let colorizer = Colorizer::new(model, device::open(arguments.device)?)?;
    let input = Input { lightness: &lightness, width, height, hints: hints.as_deref() };
    let prediction = pollster::block_on(colorizer.predict(input, &mut Unpaced))
        .with_context(|| arguments.lightness.display().to_string())?;
    let (width, height) = prediction.size();
    arrays::write(&arguments.out, &[1, output.channels(), height, width], &prediction.planes())?;
    if let Some(path) = &arguments.ab {
        arrays::write(path, &[1, 2, height, width], &prediction.decode(&decoder).concat())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// An array `[1, channels, H, W]` with its H and W.
fn image(path: &Path, channels: usize) -> Result<(Vec<f32>, usize, usize)> {
    let (shape, values) = arrays::read(path)?;
    match *shape.as_slice() {
        [1, found, height, width] if found == channels => {
            ensure!(
                values.iter().all(|v| v.is_finite()),
                "{} holds values that are not finite",
                path.display()
            );
            Ok((values, height, width))
        }
        _ => {
            Err(Usage(format!("{} has shape {shape:?}; [1, {channels}, H, W] is needed", path.display()))
                .into())
        }
    }
}
