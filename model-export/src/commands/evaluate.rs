//! `autochrome evaluate`: how near a model's colours come to the true ones.

use crate::{device, models, photographs};
use anyhow::{Context, Result, ensure};
use autochrome::ab_bins;
use autochrome::colorize::{Colorizer, Mode, Unpaced};
use autochrome::photo::Photo;
use autochrome::training::class_rebalancing::class_weights;
use autochrome::training::metrics::{ColourAccuracy, ColourPrior};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Neighbours of the soft encoding that the prior is smoothed with.
const NEIGHBOURS: usize = 10;

/// Arguments of `evaluate`.
#[derive(Args)]
pub struct Arguments {
    /// Folder or tar archive of colour photographs
    #[arg(long)]
    data: PathBuf,
    /// Model file or checkpoint, any number; the built-in model if absent. Logits are compared with
    /// the first one's
    #[arg(long)]
    model: Vec<PathBuf>,
    /// Class prior for the balanced figure, .npy [313] [default: of the photographs themselves]
    #[arg(long)]
    prior: Option<PathBuf>,
    /// Photographs to take
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    limit: usize,
    /// Where the network runs
    #[arg(long, value_enum, default_value_t)]
    device: device::DeviceArgument,
    /// One JSON document instead of a table
    #[arg(long)]
    json: bool,
}

/// One method, and what was gathered of it.
#[derive(Default)]
struct Method {
    name: String,
    accuracy: ColourAccuracy,
    /// Largest difference of a logit (or of ab) from the first model's.
    difference: Option<f32>,
    /// Largest size of a logit (or of ab).
    largest: f32,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let paths: Vec<Option<&Path>> = match arguments.model.as_slice() {
        [] => vec![None],
        paths => paths.iter().map(|path| Some(path.as_path())).collect(),
    };
    let mut colorizers = Vec::new();
    let mut methods = vec![Method { name: "gray".to_owned(), ..Method::default() }];
    for path in paths {
        colorizers.push(Colorizer::new(models::read(path)?, device::open(arguments.device)?)?);
        let name = path.map_or_else(|| "the default model".to_owned(), |path| path.display().to_string());
        methods.push(Method { name, ..Method::default() });
    }
    let style =
        ProgressStyle::with_template("{pos} photographs {spinner} {elapsed}").expect("a valid template");
    let bar = ProgressBar::new_spinner().with_style(style);
    let mut prior = ColourPrior::default();
    let count = photographs::for_each(&arguments.data, arguments.limit, |photo| {
        let truth = chroma(&photo);
        truth.iter().for_each(|ab| prior.add(*ab));
        let (gray, models) = methods.split_first_mut().expect("gray is always there");
        truth.iter().for_each(|ab| gray.accuracy.add(*ab, [0.0; 2]));
        let mut first = None;
        for (colorizer, method) in colorizers.iter().zip(models) {
            let (ab, output) = predict(colorizer, &photo)?;
            truth.iter().zip(ab).for_each(|(truth, ab)| method.accuracy.add(*truth, ab));
            method.largest = output.iter().fold(method.largest, |largest, z| largest.max(z.abs()));
            let first = first.get_or_insert_with(|| output.clone());
            if first.len() == output.len() {
                let differences = first.iter().zip(&output).map(|(a, b)| (a - b).abs());
                method.difference = Some(differences.fold(method.difference.unwrap_or(0.0), f32::max));
            }
        }
        bar.inc(1);
        Ok(())
    })?;
    bar.finish_and_clear();

    let prior = match &arguments.prior {
        Some(path) => read_prior(path)?,
        None => prior.probabilities(NEIGHBOURS),
    };
    let weights = class_weights(&prior, 0.0)?;
    let rows: Vec<serde_json::Value> = methods
        .iter()
        .map(|method| {
            serde_json::json!({
                "method": method.name,
                "auc": method.accuracy.plain().trapezoid() * 100.0,
                "balanced_auc": method.accuracy.balanced(&weights).trapezoid() * 100.0,
                "largest_output": method.largest,
                "largest_difference": method.difference,
            })
        })
        .collect();
    if arguments.json {
        println!(
            "{}",
            serde_json::to_string_pretty(&serde_json::json!({ "photographs": count, "methods": rows }))?
        );
    } else {
        println!("{count} photographs\n\n{:>8} {:>8} {:>12}  method", "AuC", "balanced", "difference");
        for (row, method) in rows.iter().zip(&methods) {
            let figure = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
            let difference = method.difference.map_or_else(|| "-".to_owned(), |d| format!("{d:.4}"));
            println!(
                "{:8.3} {:8.3} {difference:>12}  {}",
                figure("auc"),
                figure("balanced_auc"),
                method.name
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The colours that a person would get, and what the network gave.
fn predict(colorizer: &Colorizer, photo: &Photo) -> Result<(Vec<[f64; 2]>, Vec<f32>)> {
    let (coloured, output) = pollster::block_on(async {
        let colorization = colorizer.colorize(photo, Mode::Photo, &[], &mut Unpaced).await?;
        let output = colorization.prediction().planes();
        let coloured = colorization.render(photo.clone(), colorizer.default_tone(), &mut Unpaced).await?;
        Ok::<_, autochrome::Error>((coloured, output))
    })?;
    Ok((chroma(&coloured), output))
}

/// a and b of every pixel.
fn chroma(photo: &Photo) -> Vec<[f64; 2]> {
    photographs::chroma(photo, photo.width(), photo.height())
}

fn read_prior(path: &Path) -> Result<Vec<f64>> {
    let (shape, values) = crate::arrays::read(path)?;
    ensure!(shape == [ab_bins::COUNT], "{} has shape {shape:?}; [313] is needed", path.display());
    let sum: f64 = values.iter().map(|p| f64::from(*p)).sum();
    let prior: Vec<f64> = values.iter().map(|p| f64::from(*p) / sum).collect();
    class_weights(&prior, 0.0).with_context(|| path.display().to_string())?;
    Ok(prior)
}
