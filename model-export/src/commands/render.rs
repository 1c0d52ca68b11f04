//! `autochrome render`: colours of any origin, joined with a photograph at full resolution.

use crate::{Usage, arrays, output};
use anyhow::{Context, Result};
use autochrome::color::gamut::OutOfGamut;
use autochrome::engine::Unpaced;
use autochrome::engine::render::render;
use autochrome::image::chroma_grid::ChromaGrid;
use autochrome::image::chroma_upsample::Upsampling;
use autochrome::image::files::{self, FileFormat};
use clap::Args;
use std::fs::File;
use std::io::BufReader;
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
    let extension = out.extension().unwrap_or_default().to_string_lossy();
    let format = FileFormat::from_extension(&extension)
        .ok_or_else(|| Usage(format!("--out {}: the name must end in .png, .jpg or .tif", out.display())))?;
    if !(arguments.saturation >= 0.0 && arguments.saturation.is_finite()) {
        return Err(Usage(format!("--saturation {}: 0 or above", arguments.saturation)).into());
    }
    for input in [&arguments.photo, &arguments.ab] {
        if output::same_file(input, out) {
            let problem = format!("{} would be overwritten; choose another --out", input.display());
            return Err(Usage(problem).into());
        }
    }
    let grid = read_ab(&arguments.ab, arguments.saturation)?;
    let name = || arguments.photo.display().to_string();
    let file = File::open(&arguments.photo).context("cannot be opened").with_context(name)?;
    let decoded = files::decode(BufReader::new(file)).with_context(name)?;
    let rule = OutOfGamut::ReduceChroma;
    let photo = pollster::block_on(render(decoded.photo, grid, arguments.upsample, rule, &mut Unpaced))?;
    output::write_whole(out, |file| Ok(files::encode(&photo, &decoded.metadata, format, file)?))?;
    Ok(ExitCode::SUCCESS)
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
