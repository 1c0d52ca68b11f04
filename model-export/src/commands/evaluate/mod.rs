//! `autochrome evaluate`: how near a model's colours come to the true ones, beside what needs no
//! model at all.
//!
//! Photographs are read twice: for what is asked of the whole set before anything can be measured
//! (its prior, its mean colour, which of its files can be read), then for the measuring.

mod curve;
mod difference;
mod examples;
mod judge;
mod measure;
mod page;
mod recognition;
mod results;

use crate::dataset::Dataset;
use crate::paths::Outputs;
use crate::terminal::{self, say};
use crate::{Usage, arrays, device, output};
use anyhow::{Context, Result, ensure};
use autochrome::color::ab_bins;
use autochrome::training::class_rebalancing::class_weights;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Neighbours of the soft encoding that the prior is smoothed with, unless others are asked for.
const NEIGHBORS: usize = 10;

/// The files in `--report`.
const FIGURES: &str = "evaluation.json";
const PAGE: &str = "index.html";

/// Arguments of `evaluate`.
#[derive(Args)]
pub struct Arguments {
    /// Folders, tar or zip archives of colour photographs; a manifest.csv beside them says by its
    /// columns `file` and `source` which set each belongs to
    #[arg(long, required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// Model file or checkpoint, any number; the built-in model if absent. Logits are compared with
    /// the first one's
    #[arg(long)]
    model: Vec<PathBuf>,
    /// Class prior for the balanced figure, .npy [313] [default: of the photographs themselves]
    #[arg(long)]
    prior: Option<PathBuf>,
    /// Bins over which the photographs' own prior is smoothed: 10 as the authors' code, 5 as the paper
    #[arg(long, default_value_t = NEIGHBORS)]
    neighbors: usize,
    /// Only the photographs of these sources
    #[arg(long, value_delimiter = ',')]
    sources: Vec<String>,
    /// Photographs to take
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    limit: usize,
    /// Resize photographs to this short side first, smaller ones too [default: as they are]
    #[arg(long)]
    size: Option<usize>,
    /// Short side at which the network sees photographs [default: the model's]
    #[arg(long)]
    working_size: Option<usize>,
    /// Temperature of the annealed mean [default: the model's]
    #[arg(long)]
    temperature: Option<f32>,
    /// Share of the class rebalancing kept, 0 to 1 [default: the model's]
    #[arg(long)]
    rebalance: Option<f32>,
    /// Also measure every temperature with every rebalance, on the network's own grid
    #[arg(long)]
    curve: bool,
    /// Temperatures of the curve
    #[arg(long, value_delimiter = ',', default_values_t = curve::TEMPERATURES)]
    temperatures: Vec<f32>,
    /// Rebalances of the curve; 1 alone for a model without class weights
    #[arg(long, value_delimiter = ',', default_values_t = curve::REBALANCES)]
    rebalances: Vec<f32>,
    /// Also ask a classifier (made by `autochrome classifier`) what photographs show, true, gray and
    /// recoloured; those with a label that it knows and that it never saw. Labels come from the column
    /// `class` of the manifest.csv
    #[arg(long, value_name = "FILE")]
    classifier: Option<PathBuf>,
    /// Measure only photographs that the classifier never saw
    #[arg(long, requires = "classifier")]
    held_out: bool,
    /// For everything that is drawn: the bootstrap, the Random baseline, the examples
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where the network runs
    #[arg(long, value_enum, default_value_t)]
    device: device::DeviceArgument,
    /// Folder for a page to look at (index.html) and the figures (evaluation.json)
    #[arg(long)]
    report: Option<PathBuf>,
    /// One JSON document instead of a table
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Refuses what clap lets pass.
    fn check(&self) -> Result<()> {
        let within = |name: &str, value: Option<usize>, least: usize, most: usize| match value {
            Some(value) if !(least..=most).contains(&value) => {
                Err(Usage(format!("--{name} {value}: from {least} to {most}")))
            }
            _ => Ok(()),
        };
        within("size", self.size, 1, 8192)?;
        within("working-size", self.working_size, 8, 4096)?;
        within("neighbors", Some(self.neighbors), 1, ab_bins::COUNT)?;
        within("limit", Some(self.limit), 1, usize::MAX)?;
        curve::check(&self.temperatures, &self.rebalances)?;
        Ok(())
    }
}

impl Arguments {
    /// The files of `--report`; none of them is one that is read.
    fn outputs(&self) -> Result<Outputs, Usage> {
        let mut outputs = Outputs::default();
        if let Some(folder) = &self.report {
            outputs.add("--report", &folder.join(FIGURES))?;
            outputs.add("--report", &folder.join(PAGE))?;
        }
        outputs.spare_sets(&self.data)?;
        let files = self.model.iter().chain(&self.prior).chain(&self.classifier);
        files.into_iter().try_for_each(|read| outputs.spare(read))?;
        Ok(outputs)
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    arguments.check()?;
    let outputs = arguments.outputs()?;
    let judge = arguments.classifier.as_deref().map(judge::Judge::open).transpose()?;
    let mut set = Dataset::open(&arguments.data)?;
    set.check_spared(&outputs)?;
    if !arguments.sources.is_empty() {
        set = set.only_sources(&arguments.sources).map_err(|error| Usage(format!("--sources: {error}")))?;
    }
    if let Some(judge) = judge.as_ref().filter(|_| arguments.held_out) {
        set = judge.held_out(set)?;
    }
    let set = set.limit(arguments.limit)?;
    if let Some(judge) = &judge {
        judge.check(&set)?;
    }
    let models = open_models(arguments)?;
    let bar = |length: usize, what: &'static str| {
        let style = ProgressStyle::with_template("{msg} {pos}/{len} {wide_bar} {eta}");
        ProgressBar::new(length as u64).with_style(style.expect("a valid template")).with_message(what)
    };

    let given = arguments.prior.as_deref().map(read_prior).transpose()?;
    let reading = bar(set.len(), "reading");
    let mut survey = measure::survey(&set, arguments.size, &reading)?;
    reading.finish_and_clear();
    let prior = given.unwrap_or_else(|| survey.prior.probabilities(arguments.neighbors));
    let weights = class_weights(&prior, 0.0)?;

    let measuring = bar(survey.readable.len(), "measuring");
    let plan = measure::Plan {
        set: &set,
        survey: &survey,
        size: arguments.size,
        class_weights: &weights,
        seed: arguments.seed,
        examples: arguments.report.is_some(),
        judge: judge.as_ref(),
    };
    let measure::Measured { methods, truth, readable } = measure::measure(&plan, models, &measuring)?;
    measuring.finish_and_clear();
    survey.readable = readable;
    let settings = results::Settings {
        size: arguments.size,
        seed: arguments.seed,
        resamples: difference::RESAMPLES,
        prior: if arguments.prior.is_some() { "given" } else { "photographs" },
        neighbors: arguments.prior.is_none().then_some(arguments.neighbors),
    };
    let recognition = judge
        .as_ref()
        .map(|judge| recognition::Recognition::new(judge, &set, &survey, &truth, &methods, arguments.seed));
    let evaluation =
        results::Evaluation { recognition, ..results::Evaluation::new(&set, &survey, settings, &methods) };

    if let Some(folder) = &arguments.report {
        let json = serde_json::to_string_pretty(&evaluation)?;
        output::write_whole(&folder.join(FIGURES), |out| Ok(out.write_all(json.as_bytes())?))?;
        let path = folder.join(PAGE);
        page::page(&evaluation, &methods, &set, &survey)?.write(&path)?;
        say!("{}", path.display());
    }
    let text =
        if arguments.json { serde_json::to_string_pretty(&evaluation)? + "\n" } else { evaluation.text() };
    terminal::print(&text)?;
    let whole = evaluation.failed == 0 && set.problems() == 0;
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The models with the settings that were asked for.
fn open_models(arguments: &Arguments) -> Result<Vec<measure::Model>> {
    let paths: Vec<Option<&Path>> = match arguments.model.as_slice() {
        [] => vec![None],
        paths => paths.iter().map(|path| Some(path.as_path())).collect(),
    };
    paths.into_iter().map(|path| measure::Model::open(path, arguments)).collect()
}

fn read_prior(path: &Path) -> Result<Vec<f64>> {
    let (shape, values) = arrays::read_f64(path)?;
    ensure!(shape == [ab_bins::COUNT], "{} has shape {shape:?}; [313] is needed", path.display());
    let sum: f64 = values.iter().sum();
    let prior: Vec<f64> = values.iter().map(|p| p / sum).collect();
    class_weights(&prior, 0.0).with_context(|| path.display().to_string())?;
    Ok(prior)
}
