//! `autochrome render`: colours of any origin, joined with a photograph at full resolution.

use crate::isolation::isolated;
use crate::paths::Outputs;
use crate::photographs::{self, Reading};
use crate::{Usage, arrays, output};
use anyhow::{Context, Result};
use autochrome::color::gamut::OutOfGamut;
use autochrome::engine::Unpaced;
use autochrome::engine::render::render;
use autochrome::image::chroma_grid::ChromaGrid;
use autochrome::image::chroma_upsample::Upsampling;
use autochrome::image::files;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `render`.
#[derive(Args)]
pub struct Arguments {
    /// The photograph; its L, size, depth, alpha and metadata are kept
    photo: PathBuf,
    /// Its colours at any resolution: f32 .npy [1, 2, H, W], a and b in CIE units
    #[arg(long)]
    ab: PathBuf,
    /// The file to write: .png, .jpg or .tif
    #[arg(long)]
    out: PathBuf,
    /// How colours come to full resolution: back-projection, adaptive-bilateral, joint-bilateral,
    /// local-regression, guided-filter, bilinear or nearest
    #[arg(long, value_name = "NAME", default_value = Upsampling::default().name())]
    upsample: Upsampling,
    /// Factor on chroma
    #[arg(long, default_value_t = 1.0)]
    saturation: f32,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let out = &arguments.out;
    let format = photographs::format_of(out)
        .ok_or_else(|| Usage(format!("--out {}: the name must end in .png, .jpg or .tif", out.display())))?;
    if !(arguments.saturation >= 0.0 && arguments.saturation.is_finite()) {
        return Err(Usage(format!("--saturation {}: 0 or above", arguments.saturation)).into());
    }
    let outputs = Outputs::of("--out", out)?;
    outputs.spare(&arguments.photo)?;
    outputs.spare(&arguments.ab)?;
    let grid = read_ab(&arguments.ab, arguments.saturation)?;
    let render = || {
        let Reading { photo, metadata, warnings } = photographs::open(&arguments.photo)?;
        let rule = OutOfGamut::ReduceChroma;
        let photo = pollster::block_on(render(photo, grid, arguments.upsample, rule, &mut Unpaced))?;
        output::write_whole(out, |file| Ok(files::encode(&photo, &metadata, format, file)?))?;
        Ok(warnings)
    };
    let warnings = isolated(render).with_context(|| arguments.photo.display().to_string())?;
    let damaged = photographs::tell(&warnings, &arguments.photo);
    Ok(if damaged { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Colours `[1, 2, H, W]`, times a factor.
fn read_ab(path: &Path, saturation: f32) -> Result<ChromaGrid> {
    let (shape, mut a) = arrays::read(path)?;
    let [1, 2, height, width] = *shape.as_slice() else {
        let problem = format!("{} has shape {shape:?}; [1, 2, H, W] is needed", path.display());
        return Err(Usage(problem).into());
    };
    for value in &mut a {
        *value *= saturation;
    }
    let b = a.split_off(a.len() / 2);
    ChromaGrid::new(width, height, a, b).with_context(|| path.display().to_string())
}
