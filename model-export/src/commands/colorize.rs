//! `autochrome colorize`: files and folders into colour.

use crate::isolation::isolated;
use crate::paths::Outputs;
use crate::photographs::{self, EXTENSIONS, Reading};
use crate::terminal::{Told, say};
use crate::walk::walk;
use crate::{Usage, device, input, models, output};
use anyhow::{Context, Result, bail, ensure};
use autochrome::engine::hints::Hint;
use autochrome::engine::{Colorizer, Mode, Pace, Preparation, Stage, Task, Tone};
use autochrome::image::chroma_upsample::Upsampling;
use autochrome::image::files::{self, DecodeWarning, FileFormat, FileMetadata};
use autochrome::model::network::{NetworkConfig, Output};
use clap::{Args, ValueEnum};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Arguments of `colorize`.
#[derive(Args)]
pub struct Arguments {
    /// Photographs, or folders of them; links in folders are followed, each file is taken once
    #[arg(required = true)]
    photos: Vec<PathBuf>,
    /// A file for one photograph, a folder for several
    #[arg(long)]
    out: PathBuf,
    /// Model file or checkpoint; the built-in model if absent
    #[arg(long)]
    model: Option<PathBuf>,
    /// Temperature of the annealed mean: 0 the mode, 1 the mean, 0.38 the paper's [default: the model's]
    #[arg(long)]
    temperature: Option<f32>,
    /// Colour boldness: share of the class rebalancing kept, 0 to 1 [default: the model's]
    #[arg(long)]
    rebalance: Option<f32>,
    /// Factor on chroma
    #[arg(long, default_value_t = 1.0)]
    saturation: f32,
    /// Light of the day: -1 (cool) to 1 (warm)
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    warmth: f32,
    /// Colours for places of the one photograph (siggraph17): a JSON list of
    /// {"x", "y", "a", "b", "radius"}, pixels and CIE units
    #[arg(long)]
    hints: Option<PathBuf>,
    /// How a photograph is prepared and joined with its colours
    #[arg(long, value_enum, default_value_t)]
    mode: ModeArgument,
    /// How colours come to full resolution: back-projection, adaptive-bilateral, joint-bilateral,
    /// local-regression, guided-filter, bilinear or nearest [default: back-projection]
    #[arg(long, value_name = "NAME")]
    upsample: Option<Upsampling>,
    /// Show the network a toned or faded photograph as it is, not as it was when it was new
    #[arg(long)]
    no_neutralize: bool,
    /// Leave out of the coloured file where the photograph was taken: GPS in EXIF and XMP
    #[arg(long)]
    remove_location: bool,
    /// Leave out the XMP mark that says for programs that a model made the colours
    #[arg(long)]
    no_ai_mark: bool,
    /// Where the network runs
    #[arg(long, value_enum, default_value_t)]
    device: device::DeviceArgument,
    /// Write down how long each piece of work took: JSON, milliseconds for each photograph
    #[arg(long, value_name = "FILE")]
    timings: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ModeArgument {
    /// Aspect kept, colour follows edges, lightness kept
    #[default]
    Photo,
    /// The reference pipeline to the letter: 256 x 256, bilinear
    Faithful,
}

struct Job {
    from: PathBuf,
    to: PathBuf,
    format: FileFormat,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let Plan { jobs, mut failed } = plan(arguments)?;
    let model = models::read(arguments.model.as_deref())?;
    if model.metadata.network.output() == Output::Chroma
        && (arguments.temperature.is_some() || arguments.rebalance.is_some())
    {
        let network = model.metadata.network.name();
        let problem = format!(
            "{network} predicts one colour for each pixel: --temperature and --rebalance mean nothing to it"
        );
        return Err(Usage(problem).into());
    }
    let hints = read_hints(arguments.hints.as_deref(), jobs.len(), &model.metadata.network)?;
    let colorizer = Colorizer::new(model, device::open(arguments.device)?)?;
    let default = colorizer.default_tone();
    let tone = Tone {
        temperature: arguments.temperature.unwrap_or(default.temperature),
        rebalance: arguments.rebalance.unwrap_or(default.rebalance),
        saturation: arguments.saturation,
        warmth: arguments.warmth,
    };
    tone.check(colorizer.has_class_weights()).map_err(|error| Usage(error.to_string()))?;
    let mode = match arguments.mode {
        ModeArgument::Photo => Mode::Photo,
        ModeArgument::Faithful if arguments.upsample.is_some() => {
            let problem = "--mode faithful has two bilinear steps of its own; leave --upsample out";
            return Err(Usage(problem.to_owned()).into());
        }
        ModeArgument::Faithful => Mode::Faithful,
    };
    let upsampling = arguments.upsample.unwrap_or_default();
    let preparation = Preparation { mode, neutralize: !arguments.no_neutralize };
    let describe = |metadata: &mut FileMetadata| {
        if arguments.remove_location {
            metadata.remove_location();
        }
        if !arguments.no_ai_mark {
            metadata.mark_as_colored();
        }
    };

    let bars = MultiProgress::new();
    let total = bars.add(
        ProgressBar::new(jobs.len() as u64).with_style(style("{pos}/{len} photographs {wide_bar} {eta}")),
    );
    total.tick();
    let mut coloured = 0;
    let mut timings = Vec::new();
    for job in &jobs {
        let bar = bars.add(ProgressBar::new(100).with_style(style("  {prefix} {wide_bar} {msg}")));
        bar.set_prefix(job.from.file_name().unwrap_or_default().to_string_lossy().into_owned());
        let how = (preparation, upsampling);
        let result = isolated(|| colorize(job, &colorizer, how, tone, &hints, describe, &bar));
        bar.finish_and_clear();
        match result {
            Ok(Done { timings: measured, warnings }) => {
                coloured += 1;
                let told = bars.suspend(|| photographs::tell(&warnings, &job.from));
                failed += usize::from(told);
                timings.push(measured);
            }
            Err(error) => {
                failed += 1;
                bars.suspend(|| say!("error: {}: {}", job.from.display(), Told(&error)));
            }
        }
        total.inc(1);
    }
    total.finish_and_clear();
    if let Some(path) = &arguments.timings {
        output::write_whole(path, |out| Ok(serde_json::to_writer_pretty(out, &timings)?))?;
    }
    say!("{coloured} of {} photographs coloured", jobs.len());
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a valid template")
}

/// A photograph that was coloured.
struct Done {
    timings: Timings,
    /// What was amiss with its file.
    warnings: Vec<DecodeWarning>,
}

/// How long one photograph took.
#[derive(Serialize)]
struct Timings {
    photo: PathBuf,
    width: usize,
    height: usize,
    /// Names of [`Task`], and `decode` and `encode` around them.
    milliseconds: BTreeMap<&'static str, f64>,
}

/// Shows the stages of one photograph on a bar and times its pieces of work.
struct Bar<'a> {
    bar: &'a ProgressBar,
    work: &'static str,
    since: Instant,
    milliseconds: BTreeMap<&'static str, f64>,
}

impl<'a> Bar<'a> {
    fn new(bar: &'a ProgressBar, work: &'static str) -> Self {
        Self { bar, work, since: Instant::now(), milliseconds: BTreeMap::new() }
    }

    /// Ends what is being timed and goes on with `work`.
    fn turn_to(&mut self, work: &'static str) {
        let now = Instant::now();
        *self.milliseconds.entry(self.work).or_default() += (now - self.since).as_secs_f64() * 1e3;
        (self.work, self.since) = (work, now);
    }
}

impl Pace for Bar<'_> {
    fn begin(&mut self, task: Task) {
        self.turn_to(task.name());
    }

    async fn tick(&mut self, stage: Stage, done: f32) -> autochrome::Result<()> {
        let (start, share) = match stage {
            Stage::Prepare => (10.0, 10.0),
            Stage::Network => (20.0, 40.0),
            Stage::Render => (60.0, 30.0),
        };
        self.bar.set_message(stage.name());
        self.bar.set_position((start + share * done) as u64);
        Ok(())
    }
}

/// The hints of `--hints`. They belong to one photograph: pixels of another are other places.
fn read_hints(path: Option<&Path>, photos: usize, network: &NetworkConfig) -> Result<Vec<Hint>> {
    let Some(path) = path else { return Ok(Vec::new()) };
    if photos > 1 {
        return Err(Usage(format!("--hints is for one photograph, there are {photos}")).into());
    }
    if !network.takes_hints() {
        return Err(
            Usage(format!("{} takes no hints; --hints needs a siggraph17 model", network.name())).into()
        );
    }
    serde_json::from_str(&input::text(path)?).with_context(|| {
        format!(
            r#"{}: a list of {{"x": 10, "y": 20, "a": 40, "b": 30, "radius": 5}} is needed"#,
            path.display()
        )
    })
}

fn colorize(
    job: &Job,
    colorizer: &Colorizer,
    (preparation, upsampling): (Preparation, Upsampling),
    tone: Tone,
    hints: &[Hint],
    describe: impl Fn(&mut FileMetadata),
    bar: &ProgressBar,
) -> Result<Done> {
    bar.set_message("read");
    let mut pace = Bar::new(bar, "decode");
    let Reading { photo, mut metadata, warnings } = photographs::open(&job.from)?;
    describe(&mut metadata);
    let photo = pollster::block_on(async {
        let colorization = colorizer.colorize(&photo, preparation, hints, &mut pace).await?;
        colorization.with_upsampling(upsampling).render(photo, tone, &mut pace).await
    })?;
    bar.set_message("write");
    pace.turn_to("encode");
    output::write_whole(&job.to, |out| Ok(files::encode(&photo, &metadata, job.format, out)?))?;
    pace.turn_to("done");
    let timings = Timings {
        photo: job.from.clone(),
        width: photo.width(),
        height: photo.height(),
        milliseconds: pace.milliseconds,
    };
    Ok(Done { timings, warnings })
}

/// Which file becomes which.
struct Plan {
    jobs: Vec<Job>,
    /// Folders without photographs, and what could not be read in the others; told already.
    failed: usize,
}

/// Makes the plan. All that can be refused is refused here, before any work.
fn plan(arguments: &Arguments) -> Result<Plan> {
    let Arguments { photos, out, .. } = arguments;
    let into_folder = photos.len() > 1
        || photos[0].is_dir()
        || out.is_dir()
        || out.as_os_str().to_string_lossy().ends_with(std::path::MAIN_SEPARATOR);
    if into_folder && out.is_file() {
        return Err(
            Usage(format!("--out {} is a file; several photographs need a folder", out.display())).into()
        );
    }
    let (mut jobs, mut failed) = (Vec::new(), 0);
    let mut empty = Vec::new();
    for photo in photos {
        if photo.is_dir() {
            // What was coloured before lies there.
            let canonical = out.canonicalize().ok();
            let is_out = |path: &Path| canonical.is_some() && path.canonicalize().ok() == canonical;
            let found = walk(photo, false, is_out);
            failed += found.tell(photo);
            if found.photographs.is_empty() && found.problems.is_empty() {
                empty.push(format!(
                    "{} holds no photographs (looked for {})",
                    photo.display(),
                    EXTENSIONS.join(", ")
                ));
            }
            for file in found.photographs {
                let relative = file.strip_prefix(photo).expect("found below it").to_owned();
                jobs.push(job(file, out.join(relative)));
            }
        } else if into_folder {
            let name =
                photo.file_name().ok_or_else(|| Usage(format!("{} names no file", photo.display())))?;
            jobs.push(job(photo.clone(), out.join(name)));
        } else {
            let format = photographs::format_of(out).ok_or_else(|| {
                Usage(format!("--out {}: the name must end in .png, .jpg or .tif", out.display()))
            })?;
            jobs.push(Job { from: photo.clone(), to: out.to_owned(), format });
        }
    }
    if jobs.is_empty() {
        ensure!(!empty.is_empty(), "there are no photographs that can be read");
        bail!("{}", empty.join("; "));
    }
    for problem in &empty {
        say!("error: {problem}");
    }
    check(&jobs, arguments)?;
    Ok(Plan { failed: failed + empty.len(), jobs })
}

/// Makes sure that no photograph is lost, neither one that was given nor one that is made.
fn check(jobs: &[Job], arguments: &Arguments) -> Result<(), Usage> {
    let mut taken: HashMap<&Path, &Path> = HashMap::new();
    let mut outputs = Outputs::default();
    for job in jobs {
        if let Some(other) = taken.insert(&job.to, &job.from) {
            let (a, b, to) = (other.display(), job.from.display(), job.to.display());
            return Err(Usage(format!("{a} and {b} would both become {to}; colour them one by one")));
        }
        outputs.add("--out", &job.to)?;
    }
    if let Some(path) = &arguments.timings {
        outputs.add("--timings", path)?;
    }
    jobs.iter().try_for_each(|job| outputs.spare(&job.from))?;
    [&arguments.model, &arguments.hints].into_iter().flatten().try_for_each(|read| outputs.spare(read))
}

/// A job whose output keeps the input's format, or becomes PNG where that cannot be written.
fn job(from: PathBuf, mut to: PathBuf) -> Job {
    let format = photographs::format_of(&to).unwrap_or_else(|| {
        to.set_extension("png");
        FileFormat::Png
    });
    Job { from, to, format }
}
