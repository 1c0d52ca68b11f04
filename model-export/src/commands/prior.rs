//! `autochrome prior`: how often each colour bin occurs in photographs.

use crate::dataset::{Dataset, with_short_side};
use crate::paths::Outputs;
use crate::photographs::on_all_processors;
use crate::terminal::{self, Told, say};
use crate::{Usage, arrays};
use anyhow::{Result, ensure};
use autochrome::color::ab_bins;
use autochrome::color::lab::ToLab;
use autochrome::image::photo::Photo;
use autochrome::training::metrics::ColorPrior;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `prior`.
#[derive(Args)]
pub struct Arguments {
    /// Folders, tar and zip archives of colour photographs
    #[arg(long, required = true, num_args = 1.., value_name = "DIR|TAR|ZIP")]
    data: Vec<PathBuf>,
    /// Where the 313 probabilities go, .npy f64 [313]
    #[arg(long)]
    out: PathBuf,
    /// Bins that each colour is spread over; the paper says 5, the authors' code 10
    #[arg(long, default_value_t = 10)]
    neighbors: usize,
    /// Bring the short side of each photograph to this many pixels first [default: as they are]
    #[arg(long)]
    size: Option<usize>,
    /// Photographs to take
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    limit: usize,
    /// One JSON document on stdout that says what was counted
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    for (name, value, most) in [
        ("neighbors", Some(arguments.neighbors), ab_bins::COUNT),
        ("size", arguments.size, 8192),
        ("limit", Some(arguments.limit), usize::MAX),
    ] {
        if value.is_some_and(|value| value == 0 || value > most) {
            return Err(Usage(format!("--{name}: from 1 to {most}")).into());
        }
    }
    let outputs = Outputs::of("--out", &arguments.out)?;
    outputs.spare_sets(&arguments.data)?;
    let set = Dataset::open(&arguments.data)?;
    set.check_spared(&outputs)?;
    let set = set.limit(arguments.limit)?;
    let counted = count(&set, arguments.size)?;
    let prior = counted.prior.probabilities(arguments.neighbors);
    arrays::write(&arguments.out, &[ab_bins::COUNT], &prior)?;

    let (photographs, bins) = (set.len() - counted.failed, counted.prior.occurring());
    say!("{}: {photographs} photographs, {bins} of {} bins occur", arguments.out.display(), ab_bins::COUNT);
    if arguments.json {
        let report = serde_json::json!({
            "photographs": photographs,
            "failed": counted.failed,
            "pixels": counted.prior.pixels(),
            "neighbors": arguments.neighbors,
            "bins": bins,
        });
        terminal::print(&(serde_json::to_string_pretty(&report)? + "\n"))?;
    }
    Ok(if counted.failed == 0 && set.problems() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The colours of a set.
pub struct Counted {
    /// Every pixel of every photograph.
    pub prior: ColorPrior,
    /// Photographs that could not be read.
    pub failed: usize,
}

/// Counts the colours of all photographs on all processors, with their short sides brought to
/// `size` where one is given. Those that cannot be read are said on stderr and passed over.
///
/// # Errors
/// If none can be read.
pub fn count(set: &Dataset, size: Option<usize>) -> Result<Counted> {
    let to_lab = ToLab::new();
    let start = || (ColorPrior::default(), Vec::<anyhow::Error>::new());
    let look = |photo: Photo| {
        let photo = match size {
            Some(short) => with_short_side(&photo, short)?,
            None => photo,
        };
        Ok(photo.resized_over_white(photo.width(), photo.height()))
    };
    let counted = on_all_processors(set, start, look, |(prior, errors), _, rgb| match rgb {
        Ok(rgb) => {
            for pixel in rgb.as_chunks::<3>().0 {
                let [_, a, b] = to_lab.lab(*pixel);
                prior.add([a, b]);
            }
        }
        Err(error) => errors.push(error),
    });
    let mut whole = Counted { prior: ColorPrior::default(), failed: 0 };
    for (prior, errors) in counted {
        whole.prior.merge(&prior);
        whole.failed += errors.len();
        for error in errors {
            say!("passed over: {}", Told(&error));
        }
    }
    ensure!(whole.failed < set.len(), "none of the {} photographs can be read", set.len());
    Ok(whole)
}
