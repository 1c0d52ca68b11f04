//! `autochrome evaluate-upsampling`: how near every way of bringing chroma to full resolution comes to
//! the true colours.

use crate::dataset::Dataset;
use crate::isolation::isolated;
use crate::terminal::{self, Told, say};
use crate::{Usage, device, models};
use anyhow::{Context, Result, ensure};
use autochrome::color::lab::ToLab;
use autochrome::engine::{Colorizer, Mode, Unpaced};
use autochrome::image::chroma_grid::ChromaGrid;
use autochrome::image::chroma_upsample::{ChromaUpsampler, Upsampling};
use autochrome::image::photo::{Channels, Photo, Samples};
use autochrome::image::resample::area_means;
use autochrome::training::metrics::{Bootstrap, edge_band};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// Resamples of every interval.
const RESAMPLES: usize = 1000;

/// Arguments of `evaluate-upsampling`.
#[derive(Args)]
pub struct Arguments {
    /// Folders, tar or zip archives of colour photographs
    #[arg(long, required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// Model file or checkpoint, whose grid and prediction are used; the built-in model if absent
    #[arg(long)]
    model: Option<PathBuf>,
    /// Short side at which the network sees photographs [default: the model's]
    #[arg(long)]
    working_size: Option<usize>,
    /// Larger photographs are scaled down to so many million pixels
    #[arg(long, default_value_t = 4.0)]
    megapixels: f64,
    /// Photographs to take
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    limit: usize,
    /// For the bootstrap
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where the network runs
    #[arg(long, value_enum, default_value_t)]
    device: device::DeviceArgument,
    /// One JSON document instead of a table
    #[arg(long)]
    json: bool,
}

/// Mean distances in ab of one photograph.
#[derive(Clone, Copy)]
struct Distances {
    all: f64,
    /// Near edges; NaN where there are none.
    edges: f64,
}

/// L, a and b of a photograph, row by row.
struct Truth {
    width: usize,
    height: usize,
    lightness: Vec<f32>,
    a: Vec<f32>,
    b: Vec<f32>,
    /// Pixels near edges.
    near: Vec<bool>,
}

impl Truth {
    fn of(photo: &Photo, rgb: &[u8]) -> Self {
        let to_lab = ToLab::new();
        let lab: Vec<[f64; 3]> = rgb.chunks_exact(3).map(|p| to_lab.lab([p[0], p[1], p[2]])).collect();
        let [lightness, a, b] = [0, 1, 2].map(|c| lab.iter().map(|lab| lab[c] as f32).collect::<Vec<f32>>());
        let near = edge_band(&lightness, photo.width());
        Self { width: photo.width(), height: photo.height(), lightness, a, b, near }
    }

    /// The true colours, their means over each cell.
    fn reduced(&self, (width, height): (usize, usize)) -> autochrome::Result<ChromaGrid> {
        let plane = |plane: &[f32]| area_means(plane, (self.width, self.height), (width, height));
        ChromaGrid::new(width, height, plane(&self.a), plane(&self.b))
    }

    /// How far a grid brought to full resolution is from the true colours.
    fn distances(&self, grid: &ChromaGrid, upsampling: Upsampling) -> Distances {
        let line = |y: usize| y * self.width..(y + 1) * self.width;
        let size = (self.width, self.height);
        let upsampler = ChromaUpsampler::new(grid.clone(), size, upsampling, |y, columns, out| {
            let lightness = &self.lightness[line(y)];
            for (out, x) in out.iter_mut().zip(columns) {
                *out = lightness[*x];
            }
        });
        let (mut a, mut b) = (vec![0.0; self.width], vec![0.0; self.width]);
        let (mut all, mut edges, mut count) = (0.0, 0.0, 0);
        for y in 0..self.height {
            upsampler.row(y, &self.lightness[line(y)], &mut a, &mut b);
            let (true_a, true_b, near) = (&self.a[line(y)], &self.b[line(y)], &self.near[line(y)]);
            for x in 0..self.width {
                let distance = f64::from((a[x] - true_a[x]).hypot(b[x] - true_b[x]));
                all += distance;
                if near[x] {
                    edges += distance;
                    count += 1;
                }
            }
        }
        Distances { all: all / self.near.len() as f64, edges: edges / f64::from(count) }
    }

    /// For each way of upsampling, in their order.
    fn all_distances(&self, grid: &ChromaGrid) -> Vec<Distances> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = Upsampling::ALL
                .into_iter()
                .map(|upsampling| scope.spawn(move || self.distances(grid, upsampling)))
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no upsampling panics")).collect()
        })
    }
}

/// A figure, and where 95 % of its resamples lie.
#[derive(Clone, Copy, Serialize)]
struct Figure {
    value: f64,
    interval: Option<[f64; 2]>,
}

/// Figures of one way of upsampling: ab errors, and their change against bilinear in percent.
#[derive(Serialize)]
struct Figures {
    upsampling: &'static str,
    all: Figure,
    all_change: Figure,
    edges: Figure,
    edges_change: Figure,
}

/// Everything that was measured.
#[derive(Serialize)]
struct Evaluation {
    photographs: usize,
    failed: usize,
    megapixels: f64,
    working_size: usize,
    /// Of the true colours, reduced to the network's grid.
    truth: Vec<Figures>,
    /// Of the network's prediction.
    prediction: Vec<Figures>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    if !(arguments.megapixels > 0.0 && arguments.megapixels.is_finite()) {
        return Err(Usage(format!("--megapixels {}: above 0", arguments.megapixels)).into());
    }
    if arguments.limit == 0 || arguments.working_size.is_some_and(|size| !(8..=4096).contains(&size)) {
        return Err(Usage("--limit from 1 on, --working-size from 8 to 4096".to_owned()).into());
    }
    let set = Dataset::open(&arguments.data)?.limit(arguments.limit)?;
    let mut model = models::read(arguments.model.as_deref())?;
    if let Some(size) = arguments.working_size {
        model.metadata.working_size = size;
    }
    let working_size = model.metadata.working_size;
    let colorizer = Colorizer::new(model, device::open(arguments.device)?)?;
    let style = ProgressStyle::with_template("{pos}/{len} photographs {wide_bar} {eta}");
    let bar = ProgressBar::new(set.len() as u64).with_style(style.expect("a valid template"));
    let (mut truth, mut prediction) = (Vec::new(), Vec::new());
    let mut failed = 0;
    for index in 0..set.len() {
        let measured = set.read(index).and_then(|photo| {
            isolated(|| measure(&photo, arguments.megapixels, &colorizer))
                .with_context(|| set.whereabouts(index))
        });
        match measured {
            Ok([of_truth, of_prediction]) => {
                truth.push(of_truth);
                prediction.push(of_prediction);
            }
            Err(error) => {
                failed += 1;
                bar.suspend(|| say!("passed over: {}", Told(&error)));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    ensure!(!truth.is_empty(), "there are no photographs that can be read");
    let evaluation = Evaluation {
        photographs: truth.len(),
        failed,
        megapixels: arguments.megapixels,
        working_size,
        truth: figures(&truth, arguments.seed),
        prediction: figures(&prediction, arguments.seed),
    };
    let text =
        if arguments.json { serde_json::to_string_pretty(&evaluation)? + "\n" } else { table(&evaluation) };
    terminal::print(&text)?;
    Ok(if failed == 0 && set.problems() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Distances of each way of upsampling with the true chroma and with the predicted one.
fn measure(photo: &Photo, megapixels: f64, colorizer: &Colorizer) -> Result<[Vec<Distances>; 2]> {
    let pixels = (photo.width() * photo.height()) as f64;
    let scale = (megapixels * 1e6 / pixels).sqrt().min(1.0);
    let side = |side: usize| ((side as f64 * scale) as usize).max(1);
    let (width, height) = (side(photo.width()), side(photo.height()));
    let rgb = photo.resized_over_white(width, height);
    let photo = Photo::new(width, height, Channels::Rgb, Samples::U8(rgb.clone()))?;
    let truth = Truth::of(&photo, &rgb);
    let predicted = pollster::block_on(async {
        let colorization = colorizer.colorize(&photo, Mode::Photo, &[], &mut Unpaced).await?;
        colorization.chroma(colorizer.default_tone()).await
    })?;
    Ok([truth.all_distances(&truth.reduced(predicted.size())?), truth.all_distances(&predicted)])
}

/// Of distances by photograph and way of upsampling.
fn figures(distances: &[Vec<Distances>], seed: u64) -> Vec<Figures> {
    let bootstrap = Bootstrap::new(distances.len(), RESAMPLES, seed);
    let bilinear = Upsampling::ALL.iter().position(|u| *u == Upsampling::Bilinear).expect("one of all");
    let all: Vec<usize> = (0..distances.len()).collect();
    let mean = |drawn: &[usize], way: usize, of: fn(&Distances) -> f64| {
        let values = drawn.iter().map(|i| of(&distances[*i][way])).filter(|value| value.is_finite());
        let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
        sum / f64::from(count)
    };
    let figure = |figure: &dyn Fn(&[usize]) -> f64| Figure {
        value: figure(&all),
        interval: bootstrap.interval(figure).map(|interval| [interval.low, interval.high]),
    };
    let of = |way: usize, of: fn(&Distances) -> f64| {
        let change = |drawn: &[usize]| (mean(drawn, way, of) / mean(drawn, bilinear, of) - 1.0) * 100.0;
        (figure(&|drawn| mean(drawn, way, of)), figure(&change))
    };
    let figures = |(way, upsampling): (usize, Upsampling)| {
        let ((all, all_change), (edges, edges_change)) = (of(way, |d| d.all), of(way, |d| d.edges));
        Figures { upsampling: upsampling.name(), all, all_change, edges, edges_change }
    };
    Upsampling::ALL.into_iter().enumerate().map(figures).collect()
}

/// Both sets of figures as tables in Markdown.
fn table(evaluation: &Evaluation) -> String {
    let figure = |Figure { value, interval }: Figure, digits: usize| match interval {
        Some([low, high]) => format!("{value:.digits$} [{low:.digits$}, {high:.digits$}]"),
        None => format!("{value:.digits$}"),
    };
    let mut text = format!("{} photographs, {} unreadable\n", evaluation.photographs, evaluation.failed);
    for (title, figures) in [("true chroma", &evaluation.truth), ("predicted chroma", &evaluation.prediction)]
    {
        text += &format!(
            "\n| {title} | all pixels | to bilinear, % | near edges | to bilinear, % |\n|---|---|---|---|---|\n"
        );
        for of in figures {
            let [all, edges] = [of.all, of.edges].map(|f| figure(f, 3));
            let [all_change, edges_change] = [of.all_change, of.edges_change].map(|f| figure(f, 1));
            text += &format!("| {} | {all} | {all_change} | {edges} | {edges_change} |\n", of.upsampling);
        }
    }
    text
}
