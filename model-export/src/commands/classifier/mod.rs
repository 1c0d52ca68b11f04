//! `autochrome classifier`: labelled colour photographs in, a classifier out that `evaluate` asks
//! what recoloured ones show.

mod config;

use super::train::check_minutes;
use crate::dataset::Dataset;
use crate::dataset::labelled::LabelledBatches;
use crate::device::TrainingMachine;
use crate::isolation::isolated;
use crate::paths::Outputs;
use crate::terminal::{self, Told, say};
use crate::{Usage, output};
use anyhow::{Context, Result, ensure};
use autochrome::training::classifier::{ClassifierFile, ClassifierLearner, Labeled, Preparation};
use autochrome::training::held_out::HeldOut;
use clap::Args;
use config::Config;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Steps between two looks at the loss.
const LOOK: u64 = 20;

/// Arguments of `classifier`.
#[derive(Args)]
pub struct Arguments {
    /// The run, TOML; model-export/configs/classifier.toml is one
    #[arg(long)]
    config: PathBuf,
    /// Colour photographs: folders, tar and zip archives; the column `class` of a manifest.csv beside
    /// them says what they show
    #[arg(long, required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// Where the classifier goes, .safetensors
    #[arg(long)]
    out: PathBuf,
    /// Stop after so many minutes, with what was learned so far
    #[arg(long, value_name = "N")]
    max_minutes: Option<f64>,
    #[command(flatten)]
    machine: TrainingMachine,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    check_minutes(arguments.max_minutes)?;
    let config = Config::read(&arguments.config).map_err(|error| {
        if arguments.config.exists() { Usage(Told(&error).to_string()).into() } else { error }
    })?;
    let outputs = Outputs::of("--out", &arguments.out)?;
    outputs.spare(&arguments.config)?;
    outputs.spare_sets(&arguments.data)?;
    let held_out = HeldOut { share: config.held_out, seed: config.seed };
    let all = Dataset::open(&arguments.data)?;
    all.check_spared(&outputs)?;
    let labels = all.common_labels(config.least_photographs);
    ensure!(
        !labels.is_empty(),
        "of {} labels no source has two of at least {} photographs each; labels come from the column \
         `class` of a manifest.csv beside the photographs",
        all.labels().len(),
        config.least_photographs
    );
    let known = |item: &crate::dataset::Item<'_>| {
        item.label.is_some_and(|label| labels.place(item.source, label).is_some())
    };
    let learned = all.only(
        |item| known(item) && !held_out.holds(item.name),
        "every labelled photograph is held out; give more, or a smaller held_out",
    )?;
    let labelled: usize = labels.sources().map(|(_, labels)| labels.len()).sum();
    say!("{} photographs of {labelled} labels to learn from", learned.len());

    let device = arguments.machine.open()?;
    let mut learner = ClassifierLearner::new(
        config.learner.clone(),
        config.network.clone(),
        labels.clone(),
        config.seed,
        &device,
    )?;
    let batches = LabelledBatches::new(
        Arc::new(learned),
        &labels,
        &config.sampling,
        config.crop.clone(),
        (config.batch, config.network.input),
        config.seed,
        arguments.machine.workers,
    )?;
    learn(arguments, config.learner.steps, batches, &mut learner)?;
    let preparation = Preparation {
        network: config.network,
        labels,
        held_out,
        created_by: concat!("autochrome ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    let classifier = ClassifierFile::new(preparation, learner.classifier());
    let bytes = classifier.write()?;
    output::write_whole(&arguments.out, |out| Ok(out.write_all(&bytes)?))?;
    say!(
        "{}: {} weights after {} of {} steps",
        arguments.out.display(),
        classifier.parameters(),
        learner.steps(),
        config.learner.steps
    );
    terminal::print(&examine(&classifier, &Dataset::open(&arguments.data)?))?;
    Ok(ExitCode::SUCCESS)
}

/// The loop.
fn learn(
    arguments: &Arguments,
    steps: u64,
    mut batches: LabelledBatches,
    learner: &mut ClassifierLearner,
) -> Result<()> {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} steps, {eta} left  {msg}")
        .context("the progress bar's template")?;
    let bar = ProgressBar::new(steps).with_style(style);
    let began = Instant::now();
    let enough = arguments.max_minutes.map(|minutes| Duration::from_secs_f64(minutes.max(0.0) * 60.0));
    while learner.steps() < steps && enough.is_none_or(|enough| began.elapsed() < enough) {
        let batch = batches.next()?;
        for warning in &batch.warnings {
            bar.suspend(|| say!("{warning}"));
        }
        let photographs = Labeled { rgb: &batch.rgb, labels: &batch.labels };
        let looks = learner.steps().is_multiple_of(LOOK);
        if let Some(lesson) = learner.step(photographs, looks)? {
            bar.set_message(format!("loss {:.3}, rate {:.1e}", lesson.loss, lesson.rate));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Right answers and questions of one source.
#[derive(Clone, Copy, Default)]
struct Tally {
    right: usize,
    asked: usize,
}

/// How often the photographs held out are recognised, by source. One that cannot be read is said on
/// stderr and passed over.
fn examine(classifier: &ClassifierFile, set: &Dataset) -> String {
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    for index in 0..set.len() {
        let item = set.item(index);
        let question = classifier.question(item.name, item.source, item.label);
        let Some(place) = question.place() else { continue };
        let recognized = set.read(index).and_then(|photo| {
            isolated(|| Ok(classifier.recognize(&[(&photo, place)]) == [place]))
                .with_context(|| set.whereabouts(index))
        });
        match recognized {
            Ok(recognized) => {
                let tally = tallies.entry(item.source).or_default();
                tally.asked += 1;
                tally.right += usize::from(recognized);
            }
            Err(error) => say!("passed over: {}", Told(&error)),
        }
    }
    let mut text = format!("{:>8}{:>8}{:>8}  held out of\n", "top-1 %", "asked", "labels");
    for (source, labels) in classifier.preparation.labels.sources() {
        let Tally { right, asked } = tallies.get(source).copied().unwrap_or_default();
        let top_1 = if asked == 0 { "-".to_owned() } else { format!("{:.1}", percent(right, asked)) };
        let _ = writeln!(text, "{top_1:>8}{asked:>8}{:>8}  {source}", labels.len());
    }
    text
}

fn percent(right: usize, asked: usize) -> f64 {
    100.0 * right as f64 / asked as f64
}
