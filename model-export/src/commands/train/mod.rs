//! `autochrome train`: configuration and photographs in, a folder with a model out.

mod config;
mod labelling;
mod report;
mod run_folder;

use crate::dataset::Dataset;
use crate::dataset::batches::{Batch, Batches};
use crate::device::TrainingMachine;
use crate::isolation::isolated;
use crate::paths::Outputs;
use crate::terminal::{Told, say};
use crate::{Usage, models, output};
use anyhow::{Context, Result, ensure};
use autochrome::color::ab_bins;
use autochrome::image::photo::Photo;
use autochrome::model::network::NetworkConfig;
use autochrome::model::weights::{Metadata, Precision};
use autochrome::training::augmentation::plain;
use autochrome::training::blend::blend;
use autochrome::training::collapse::CollapseAlarm;
use autochrome::training::learner::{Examples, Learner, Start};
use autochrome::training::metrics::ColorPrior;
use autochrome::training::objective::Objective;
use clap::Args;
use config::TrainConfig;
use indicatif::{ProgressBar, ProgressStyle};
use labelling::Labelling;
use run_folder::{CHECKPOINT, Row, RunFolder};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Neighbours of the soft encoding that the prior is smoothed with, where the objective has none.
const NEIGHBOURS: usize = 10;

/// The model of a run: what `colorize`, `convert` and the page take.
const MODEL: &str = "model.safetensors";

/// The longest time limit: a year.
const MAX_MINUTES: f64 = 525_600.0;

/// Arguments of `train`.
#[derive(Args)]
pub struct Arguments {
    /// The run, TOML; model-export/configs has examples
    #[arg(long)]
    config: PathBuf,
    /// Colour photographs: folders, tar and zip archives
    #[arg(long, required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// Colour photographs that are not learned from
    #[arg(long)]
    val: Option<PathBuf>,
    /// Folder for the run
    #[arg(long)]
    out: PathBuf,
    /// Go on with the run in --out
    #[arg(long)]
    resume: bool,
    /// Stop after so many minutes, with a checkpoint
    #[arg(long, value_name = "N")]
    max_minutes: Option<f64>,
    #[command(flatten)]
    machine: TrainingMachine,
}

/// Runs the command. Everything that can be refused is refused before the run's folder is made, so that a
/// refused start is no run in the way of the next.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    check_minutes(arguments.max_minutes)?;
    let config = TrainConfig::read(&arguments.config).map_err(|error| {
        if arguments.config.exists() { Usage(Told(&error).to_string()).into() } else { error }
    })?;
    let outputs = outputs(arguments, &config)?;
    let mut folder = if arguments.resume {
        RunFolder::open(&arguments.out, &config)?
    } else {
        RunFolder::vacant(&arguments.out)?
    };
    let device = arguments.machine.open()?;
    let dataset = Arc::new(Dataset::open(&arguments.data)?);
    dataset.check_spared(&outputs)?;
    say!("{} photographs of {}", dataset.len(), dataset.sources().join(", "));
    let kept = if arguments.resume { folder.labels()? } else { None };
    let labelling = Labelling::of(&dataset, &config, kept)?;
    let start = match (&config.start, &config.encoder) {
        (Some(path), _) => Some(Start::Model(Box::new(models::read(Some(path))?))),
        (None, Some(path)) => Some(Start::Encoder(models::read_encoder(path)?)),
        (None, None) => None,
    };
    let kept_start = match &start {
        Some(Start::Model(model)) if config.start_share > 0.0 => {
            let (theirs, ours) = (&model.metadata.network, &config.network);
            if theirs != ours {
                return Err(Usage(format!(
                    "{}: start_share is {}, but the start is another network ({}) than the run's ({})",
                    arguments.config.display(),
                    config.start_share,
                    describe(theirs),
                    describe(ours)
                ))
                .into());
            }
            Some(model.as_ref().clone())
        }
        _ => None,
    };
    let learner = |start: Option<Start>, prior: &[f64]| {
        let (learner, labels) = (config.learner.clone(), labelling.labels.clone());
        Learner::new(learner, &config.network, start, prior, labels, config.seed, &device)
            .with_context(|| arguments.config.display().to_string())
    };
    let kept = folder.prior()?;
    let counts = kept.is_none();
    let prior = match kept {
        Some(prior) => prior,
        None => {
            // What the network, its start or the device refuses is not to be learned after the counting.
            drop(learner(start.clone(), &[1.0 / ab_bins::COUNT as f64; ab_bins::COUNT])?);
            count_prior(&dataset, &config, arguments.machine.workers)?
        }
    };
    let mut learner = learner(start, &prior)?;
    let validation = validation(arguments, &config, &outputs)?;
    if !arguments.resume {
        folder.create(&config)?;
        folder.keep_labels(&labelling.labels)?;
    }
    if counts {
        folder.keep_prior(&prior)?;
    }
    if let Some(bytes) = if arguments.resume { folder.checkpoint()? } else { None } {
        learner.restore(&bytes).with_context(|| folder.file(CHECKPOINT).display().to_string())?;
        say!("resumed after step {}", learner.steps());
    }
    folder.rewind(learner.steps());

    let data = TrainingData { dataset: &dataset, labelling: &labelling, validation: &validation };
    let finished = learn(arguments, &config, data, &mut folder, &mut learner)?;
    let mut model = learner.model(Metadata {
        working_size: config.model.working_size,
        temperature: config.model.temperature,
        rebalance: config.model.rebalance,
        trained_on: config.model.trained_on.clone(),
        license: config.model.license.clone(),
        created_by: concat!("autochrome ", env!("CARGO_PKG_VERSION")).to_owned(),
        ..Metadata::for_network(config.network.clone())
    });
    if let Some(start) = &kept_start {
        model = blend(model, start, config.start_share)?;
    }
    if model.class_weights.is_none() {
        model.metadata.rebalance = 1.0;
    }
    let bytes = model.write(Precision::F32)?;
    output::write_whole(&folder.file(MODEL), |out| Ok(out.write_all(&bytes)?))?;
    report::write(&folder, &config, &dataset, model, &validation)?;
    say!(
        "{}: step {} of {}, model and report in {}",
        if finished { "done" } else { "stopped; go on with --resume" },
        learner.steps(),
        config.learner.steps,
        arguments.out.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// Refuses a time limit that is none.
pub fn check_minutes(minutes: Option<f64>) -> Result<(), Usage> {
    match minutes {
        Some(minutes) if !(0.0..=MAX_MINUTES).contains(&minutes) => {
            Err(Usage(format!("--max-minutes {minutes}: from 0 to {MAX_MINUTES}")))
        }
        _ => Ok(()),
    }
}

/// The files of the run, none of which is one that is read. A run that goes on may be told its own
/// configuration.
fn outputs(arguments: &Arguments, config: &TrainConfig) -> Result<Outputs, Usage> {
    let mut outputs = Outputs::default();
    for name in run_folder::WRITTEN.iter().chain(&[MODEL, report::PAGE]) {
        if !(arguments.resume && *name == run_folder::CONFIG) {
            outputs.add("--out", &arguments.out.join(name))?;
        }
    }
    outputs.spare(&arguments.config)?;
    [&config.start, &config.encoder].into_iter().flatten().try_for_each(|read| outputs.spare(read))?;
    outputs.spare_sets(&arguments.data)?;
    outputs.spare_sets(arguments.val.as_slice())?;
    Ok(outputs)
}

/// A network in a line.
fn describe(network: &NetworkConfig) -> String {
    serde_json::to_string(network).unwrap_or_else(|_| network.name().to_owned())
}

/// The photographs that are learned from, and those that are not.
#[derive(Clone, Copy)]
struct TrainingData<'a> {
    dataset: &'a Arc<Dataset>,
    labelling: &'a Labelling,
    validation: &'a Validation,
}

/// The loop. Returns whether the run came to its end.
fn learn(
    arguments: &Arguments,
    config: &TrainConfig,
    TrainingData { dataset, labelling, validation }: TrainingData<'_>,
    folder: &mut RunFolder,
    learner: &mut Learner,
) -> Result<bool> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    // A second Ctrl-C ends at once, by the system's own handler not being ours any more.
    ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        say!("stopping after this step; once more to stop at once");
    })
    .context("Ctrl-C cannot be watched for")?;

    let steps = config.learner.steps;
    let per_step = (config.batch * config.accumulate) as u64;
    let parts = config.accumulate as u64;
    let mut batches = Batches::new(
        Arc::clone(dataset),
        config.sampling.clone(),
        config.augmentation.clone(),
        config.batch,
        config.seed,
        arguments.machine.workers,
        learner.steps() * parts,
    )?;
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} steps, {eta} left  {msg}")
        .context("the progress bar's template")?;
    let bar = ProgressBar::new(steps).with_style(style).with_position(learner.steps());
    bar.reset_eta();
    let began = Instant::now();
    let enough = arguments.max_minutes.map(|minutes| Duration::from_secs_f64(minutes.max(0.0) * 60.0));
    let between = Duration::from_secs_f64(config.log.checkpoint_minutes.max(0.0) * 60.0);
    let (mut last_checkpoint, mut last_look) = (Instant::now(), (Instant::now(), learner.steps()));
    let mut alarm = CollapseAlarm::default();
    while learner.steps() < steps {
        if stop.load(Ordering::Relaxed) || enough.is_some_and(|enough| began.elapsed() >= enough) {
            break;
        }
        let parts = (0..config.accumulate).map(|_| batches.next()).collect::<Result<Vec<Batch>>>()?;
        for warning in parts.iter().flat_map(|part| &part.warnings) {
            bar.suspend(|| say!("{warning}"));
        }
        let labels: Vec<Vec<Option<usize>>> = parts.iter().map(|part| labelling.places(part)).collect();
        let examples: Vec<Examples<'_>> =
            parts.iter().zip(&labels).map(|(part, labels)| examples(part, labels)).collect();
        let next = learner.steps() + 1;
        let validates = next.is_multiple_of(config.log.validate_every) || next == steps;
        let looks = next.is_multiple_of(config.log.every) || validates || next == 1;
        let report = match learner.step(&examples, looks) {
            Ok(report) => report,
            Err(error) => {
                bar.abandon();
                folder.keep_metrics()?;
                return Err(error).context("the last checkpoint is kept; --resume goes on from it");
            }
        };
        bar.inc(1);
        if let Some(report) = report {
            let seconds = last_look.0.elapsed().as_secs_f64();
            let speed = ((next - last_look.1) * per_step) as f64 / seconds;
            let validation_loss = if validates { validation.loss(learner)? } else { None };
            last_look = (Instant::now(), next);
            let health = report.health;
            for kind in alarm.look(&health) {
                bar.suspend(|| say!("step {next}: {}", kind.text(&health)));
            }
            bar.set_message(format!("{speed:.1} images/s, loss {:.4}", report.loss));
            folder.add(Row {
                step: next,
                photographs: next * per_step,
                loss: Some(report.loss),
                rate: Some(report.rate),
                gradient: report.gradient,
                entropy: health.entropy,
                chroma: Some(health.chroma),
                true_chroma: Some(health.true_chroma),
                label_loss: report.auxiliary,
                validation_loss,
                photographs_per_second: Some(speed),
            });
        }
        if last_checkpoint.elapsed() >= between {
            folder.keep_checkpoint(&learner.save()?)?;
            last_checkpoint = Instant::now();
        }
    }
    folder.keep_checkpoint(&learner.save()?)?;
    bar.finish_and_clear();
    Ok(learner.steps() >= steps)
}

fn examples<'a>(batch: &'a Batch, labels: &'a [Option<usize>]) -> Examples<'a> {
    let Batch { count, crop, lightness, chroma, .. } = batch;
    Examples { count: *count, crop: *crop, lightness, chroma, labels }
}

/// Photographs that are not learned from.
struct Validation {
    batches: Vec<Batch>,
    /// The first of them, for the contact sheet.
    photographs: Vec<(String, Photo)>,
}

impl Validation {
    /// Mean loss over them; `None` without any.
    fn loss(&self, learner: &Learner) -> Result<Option<f64>> {
        let mut sum = 0.0;
        for batch in &self.batches {
            sum += learner.validate(examples(batch, &[]))?.0;
        }
        Ok((!self.batches.is_empty()).then(|| sum / self.batches.len() as f64))
    }
}

/// Photographs on the contact sheet.
const SHOWN: usize = 12;

fn validation(arguments: &Arguments, config: &TrainConfig, outputs: &Outputs) -> Result<Validation> {
    let mut validation = Validation { batches: Vec::new(), photographs: Vec::new() };
    let Some(path) = &arguments.val else { return Ok(validation) };
    let set = Dataset::open(std::slice::from_ref(path))?;
    set.check_spared(outputs)?;
    let crop = config.augmentation.crop;
    // Spread over the set, the same ones each time; whole batches only, so that each weighs the same.
    let count = config.log.validation_photographs.min(set.len()) / config.batch * config.batch;
    let stride = set.len() / count.max(1);
    let mut batch: Option<Batch> = None;
    for i in 0..count {
        // Where one cannot be read, the next one takes its place.
        let read = |index: usize| {
            let made = set.read(index).and_then(|photo| {
                isolated(|| Ok((plain(&photo, crop), photo))).with_context(|| set.whereabouts(index))
            });
            made.map(|made| (index, made)).inspect_err(|error| say!("passed over: {}", Told(error))).ok()
        };
        let Some((index, (example, photo))) = (i * stride..(i + 1) * stride).find_map(read) else { continue };
        let whole = batch.get_or_insert_with(|| Batch {
            step: 0,
            count: 0,
            crop,
            lightness: Vec::new(),
            chroma: Vec::new(),
            labels: Vec::new(),
            warnings: Vec::new(),
        });
        whole.count += 1;
        whole.lightness.extend(example.lightness);
        whole.chroma.extend(example.chroma);
        if whole.count == config.batch {
            validation.batches.extend(batch.take());
        }
        if i % count.div_ceil(SHOWN) == 0 {
            validation.photographs.push((set.item(index).name.to_owned(), photo));
        }
    }
    ensure!(
        !validation.batches.is_empty(),
        "{} holds {} photographs; a validation needs at least one batch of {}",
        path.display(),
        set.len(),
        config.batch
    );
    Ok(validation)
}

/// How often each bin is the colour of what will be learned from, sampling and all.
fn count_prior(dataset: &Arc<Dataset>, config: &TrainConfig, workers: usize) -> Result<Vec<f64>> {
    let neighbors = match config.learner.objective {
        Objective::Classification { neighbors, .. } => neighbors.clamp(1, ab_bins::COUNT),
        Objective::Regression { .. } => NEIGHBOURS,
    };
    let batch = 64;
    // Steps that the run itself never comes to, so that it is not the first batches that are counted.
    let first = 1 << 40;
    let mut batches = Batches::new(
        Arc::clone(dataset),
        config.sampling.clone(),
        config.augmentation.clone(),
        batch,
        config.seed,
        workers,
        first,
    )?;
    let mut prior = ColorPrior::default();
    let rounds = config.prior_examples.div_ceil(batch);
    let style = ProgressStyle::with_template("counting colours {wide_bar} {pos}/{len}")
        .context("the progress bar's template")?;
    let bar = ProgressBar::new(rounds as u64).with_style(style);
    for _ in 0..rounds {
        for ab in batches.next()?.chroma {
            prior.add(ab.map(f64::from));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(prior.probabilities(neighbors))
}
