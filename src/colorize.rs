//! Photograph in, colours kept as distributions, photograph in colour out.

use crate::ab_bins::{self, AnnealedMean};
use crate::backend::ComputeDevice;
use crate::chroma_upsample::{ChromaGrid, ChromaUpsampler, Upsampling};
use crate::error::{Error, Result};
use crate::hints::{self, Hint};
use crate::lab::{OutOfGamut, ToLightness, ToSrgb, linear_in_gamut};
use crate::network::{Network, Output};
use crate::neutralise::Ageing;
use crate::photo::{Photo, Sample, Samples};
use crate::prediction::{ChromaMap, Distribution, Prediction};
use crate::weights::{Metadata, ModelFile};
use burn::prelude::*;

/// Side of the square that the reference squashes every photograph to (SPEC section 7).
const FAITHFUL_SIZE: usize = 256;

/// Longest working side, in short sides: panoramas beyond it are squashed.
const MAX_ASPECT: usize = 4;

/// Rows rendered between two reports of progress.
const STRIP: usize = 128;

/// How a photograph is prepared and joined with its colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Aspect kept, the model's working size, chroma that follows edges, colours out of gamut
    /// lose chroma and keep L and hue.
    #[default]
    Photo,
    /// SPEC section 7 to the letter: 256 x 256, two bilinear steps, channels clipped.
    Faithful,
}

/// What is done to a photograph before the network sees it, and how its colours join it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preparation {
    /// How it is prepared and joined.
    pub mode: Mode,
    /// Whether the network is shown a toned or faded photograph as it was when it was new; not in
    /// [`Mode::Faithful`], which the reference prescribes. See [`Ageing`].
    pub neutralise: bool,
}

impl Default for Preparation {
    fn default() -> Self {
        Self { mode: Mode::default(), neutralise: true }
    }
}

impl From<Mode> for Preparation {
    fn from(mode: Mode) -> Self {
        Self { mode, ..Self::default() }
    }
}

/// Where the work stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The photograph is resized for the network.
    Prepare,
    /// The network runs.
    Network,
    /// Colours join the photograph.
    Render,
}

impl Stage {
    /// Name for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Network => "network",
            Self::Render => "render",
        }
    }
}

/// A piece of work, as a profile lists them: finer than what a person waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The photograph is brought to the working size.
    Resize,
    /// Its lightness is computed.
    Lab,
    /// The network runs, and its output is brought to the host.
    Network,
    /// Distributions become colours.
    AnnealedMean,
    /// Colours are brought to the photograph's size and joined with its lightness.
    Upsampling,
}

impl Work {
    /// Name for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Resize => "resize",
            Self::Lab => "lab",
            Self::Network => "network",
            Self::AnnealedMean => "annealed_mean",
            Self::Upsampling => "upsampling",
        }
    }
}

/// Told between two pieces of work; may wait (to let a browser breathe) and may end the work.
pub trait Pace {
    /// Told when a piece of work begins; the one before it is done. Whoever measures nothing need
    /// not listen.
    fn begin(&mut self, _work: Work) {}

    /// `done` runs from 0 to 1 within each stage.
    ///
    /// # Errors
    /// [`Error::Aborted`] to stop here.
    fn tick(&mut self, stage: Stage, done: f32) -> impl Future<Output = Result<()>>;
}

/// Never waits, never stops.
#[derive(Clone, Copy, Debug)]
pub struct Unpaced;

impl Pace for Unpaced {
    async fn tick(&mut self, _: Stage, _: f32) -> Result<()> {
        Ok(())
    }
}

/// The settings that a slider moves. None of them needs the network again. A network that predicts
/// one colour for each pixel has use for the saturation only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tone {
    /// Of the annealed mean: 0 the mode, 1 the mean, 0.38 the paper's.
    pub temperature: f32,
    /// Share of the class rebalancing that is kept, 0 to 1 (SPEC section 5).
    pub rebalance: f32,
    /// Factor on chroma, 0 (gray) and up; 1 is the prediction.
    pub saturation: f32,
}

impl Tone {
    /// Whether a model can be rendered with these settings.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a setting out of range, or a `rebalance` below 1 without
    /// `class_weights`.
    pub fn check(self, class_weights: bool) -> Result<()> {
        const EQUAL: [f32; ab_bins::COUNT] = [1.0; ab_bins::COUNT];
        AnnealedMean::new(self.temperature, self.rebalance, class_weights.then_some(&EQUAL[..]))?;
        if self.saturation >= 0.0 && self.saturation.is_finite() {
            return Ok(());
        }
        let (name, value) = ("saturation", self.saturation.to_string());
        Err(Error::Parameter { name, value, range: "0 or above" })
    }
}

/// What a network is run on.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Raw L (0…100), `[1, 1, height, width]` row-major.
    pub lightness: &'a [f32],
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// a, b and mask, `[1, 3, height, width]`; see [`hints::planes`].
    pub hints: Option<&'a [f32]>,
}

/// A model on a device.
#[derive(Debug)]
pub struct Colorizer {
    network: Network,
    metadata: Metadata,
    class_weights: Option<Vec<f32>>,
    device: ComputeDevice,
}

impl Colorizer {
    /// Puts a model on a device.
    ///
    /// # Errors
    /// [`Error::ModelTensors`] if the tensors do not fit their network.
    pub fn new(mut model: ModelFile, device: ComputeDevice) -> Result<Self> {
        let metadata = model.metadata.clone();
        let class_weights = model.class_weights.take();
        Ok(Self { network: model.build(&device.device)?, metadata, class_weights, device })
    }

    /// What the model's file says of it.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Where it runs.
    #[must_use]
    pub fn device(&self) -> &ComputeDevice {
        &self.device
    }

    /// Whether `rebalance` may be other than 1.
    #[must_use]
    pub fn has_class_weights(&self) -> bool {
        self.class_weights.is_some()
    }

    /// The 313 weights the model was trained with, if it carries them.
    #[must_use]
    pub fn class_weights(&self) -> Option<&[f32]> {
        self.class_weights.as_deref()
    }

    /// The model's own settings.
    #[must_use]
    pub fn default_tone(&self) -> Tone {
        Tone { temperature: self.metadata.temperature, rebalance: self.metadata.rebalance, saturation: 1.0 }
    }

    /// Size at which the network sees a photograph: the short side near the model's working size,
    /// aspect kept, both sides multiples of what the network needs.
    fn working_size(&self, photo: &Photo, mode: Mode) -> (usize, usize) {
        if mode == Mode::Faithful {
            return (FAITHFUL_SIZE, FAITHFUL_SIZE);
        }
        let multiple = self.metadata.network.size_multiple();
        let units = |side: f64| ((side / multiple as f64).round() as usize).max(1) * multiple;
        let short = units(self.metadata.working_size as f64);
        let aspect = photo.width() as f64 / photo.height() as f64;
        let long = |ratio: f64| units(short as f64 * ratio.min(MAX_ASPECT as f64));
        if aspect >= 1.0 { (long(aspect), short) } else { (short, long(1.0 / aspect)) }
    }

    /// Runs the network.
    ///
    /// # Errors
    /// [`Error::Parameter`] where a side is not a multiple of what the network needs,
    /// [`Error::Unsupported`] for hints to a network that takes none, [`Error::DeviceResult`] and
    /// [`Error::DeviceLost`] where the device fails, [`Error::Aborted`].
    pub async fn predict(&self, input: Input<'_>, pace: &mut impl Pace) -> Result<Prediction> {
        let Input { lightness, width, height, hints } = input;
        let config = &self.metadata.network;
        let multiple = config.size_multiple();
        let fits = |side: usize| side > 0 && side.is_multiple_of(multiple);
        let hints_fit = hints.is_none_or(|hints| hints.len() == 3 * width * height);
        if !fits(width) || !fits(height) || lightness.len() != width * height || !hints_fit {
            return Err(Error::Parameter {
                name: "working size",
                value: format!("{width} x {height}"),
                range: "multiples of what the network halves: 8 for eccv16 and siggraph17, 32 for the shipped unet",
            });
        }
        if hints.is_some() && !config.takes_hints() {
            return Err(Error::Unsupported { network: config.name(), lacks: hints::NOT_TAKEN });
        }
        pace.begin(Work::Network);
        let tensor = |values: &[f32], channels| {
            let data = TensorData::new(values.to_vec(), [1, channels, height, width]);
            Tensor::from_data(data, &self.device.device)
        };
        let mut activations = self.network.start(tensor(lightness, 1), hints.map(|hints| tensor(hints, 3)));
        let steps = self.network.steps();
        for step in 0..steps {
            pace.tick(Stage::Network, step as f32 / steps as f32).await?;
            activations = self.network.step(step, activations);
        }
        let output = self.network.finish(activations);
        let data = output.into_data_async().await.map_err(lost)?;
        let values = data.try_to_vec::<f32>().map_err(lost)?;
        pace.tick(Stage::Network, 1.0).await?;
        let cell = config.cell();
        let (width, height) = (width / cell, height / cell);
        match config.output() {
            Output::Logits => Distribution::new(&values, width, height, self.metadata.logit_scale)
                .map(Prediction::Distribution),
            Output::Chroma => ChromaMap::new(values, width, height).map(Prediction::Chroma),
        }
    }

    /// Predicts the colours of a photograph; `hints` are in its pixels, none for the network's own
    /// idea.
    ///
    /// # Errors
    /// As [`Colorizer::predict`], and [`Error::Parameter`] for hints that make no sense.
    pub async fn colorize(
        &self,
        photo: &Photo,
        preparation: impl Into<Preparation>,
        hints: &[Hint],
        pace: &mut impl Pace,
    ) -> Result<Colorization> {
        let Preparation { mode, neutralise } = preparation.into();
        pace.tick(Stage::Prepare, 0.0).await?;
        let network = &self.metadata.network;
        hints::check(hints, photo.width(), photo.height(), network)?;
        let (width, height) = self.working_size(photo, mode);
        pace.begin(Work::Resize);
        let rgb = photo.resized_over_white(width, height);
        pace.tick(Stage::Prepare, 0.8).await?;
        pace.begin(Work::Lab);
        let to_lightness = ToLightness::new(255);
        let lightness: Vec<f32> = rgb
            .chunks_exact(3)
            .map(|p| to_lightness.lightness(p[0].into(), p[1].into(), p[2].into()))
            .collect();
        let size = (photo.width(), photo.height());
        let planes = (!hints.is_empty()).then(|| hints::planes(hints, size, width, height));
        pace.tick(Stage::Prepare, 1.0).await?;
        let ageing =
            if neutralise && mode == Mode::Photo { Ageing::of(&rgb, &lightness, width) } else { None };
        let renewed = ageing.map(|ageing| ageing.undone(&lightness));
        // The colours follow the edges of the photograph as it is: only the network sees the other.
        let seen = renewed.as_deref().unwrap_or(&lightness);
        let input = Input { lightness: seen, width, height, hints: planes.as_deref() };
        Ok(Colorization {
            prediction: self.predict(input, pace).await?,
            guide: cell_means(&lightness, width, height, network.cell()),
            network: network.name(),
            class_weights: self.class_weights.clone(),
            mode,
        })
    }
}

/// The first line of what the device says; the rest is a backtrace.
fn lost(error: impl std::fmt::Display) -> Error {
    Error::DeviceLost(error.to_string().lines().next().unwrap_or_default().to_owned())
}

/// Mean of the `cell` x `cell` values that each cell covers.
fn cell_means(values: &[f32], width: usize, height: usize, cell: usize) -> Vec<f32> {
    let columns = width / cell;
    let mut means = vec![0.0; columns * (height / cell)];
    for (y, row) in values.chunks_exact(width).enumerate() {
        for (x, value) in row.iter().enumerate() {
            means[y / cell * columns + x / cell] += value / (cell * cell) as f32;
        }
    }
    means
}

/// The predicted colours of one photograph, to be rendered as often as one likes.
#[derive(Clone, Debug)]
pub struct Colorization {
    prediction: Prediction,
    /// Mean L of each cell at working size.
    guide: Vec<f32>,
    network: &'static str,
    class_weights: Option<Vec<f32>>,
    mode: Mode,
}

impl Colorization {
    /// What the network said.
    #[must_use]
    pub fn prediction(&self) -> &Prediction {
        &self.prediction
    }

    fn decoder(&self, tone: Tone) -> Result<AnnealedMean<f32>> {
        AnnealedMean::new(tone.temperature, tone.rebalance, self.class_weights.as_deref())
    }

    /// The 313 probabilities at a place of the photograph, `x` and `y` in 0…1, under `tone`.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a tone out of range, [`Error::Unsupported`] where the network has no
    /// distribution.
    pub fn probabilities_at(&self, x: f64, y: f64, tone: Tone) -> Result<[f32; ab_bins::COUNT]> {
        let Some(distribution) = self.prediction.distribution() else {
            let lacks = "predicts one colour for each pixel and has no distribution over the 313 bins; use eccv16 or unet";
            return Err(Error::Unsupported { network: self.network, lacks });
        };
        let (width, height) = distribution.size();
        let cell = |position: f64, cells: usize| ((position * cells as f64) as usize).min(cells - 1);
        let mut probabilities = [0.0; ab_bins::COUNT];
        let logits = distribution.cell(cell(x, width), cell(y, height));
        self.decoder(tone)?.distribution(logits, &mut probabilities);
        Ok(probabilities)
    }

    /// The photograph in colour: same size, depth and alpha, the photograph's own L. Works in the
    /// buffer it is given, a strip at a time.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a tone out of range, [`Error::Aborted`].
    pub async fn render(&self, photo: Photo, tone: Tone, pace: &mut impl Pace) -> Result<Photo> {
        tone.check(self.class_weights.is_some())?;
        pace.tick(Stage::Render, 0.0).await?;
        pace.begin(Work::AnnealedMean);
        let [mut a, mut b] = self.prediction.decode(&self.decoder(tone)?);
        for value in a.iter_mut().chain(&mut b) {
            *value *= tone.saturation;
        }
        pace.begin(Work::Upsampling);
        let (width, height) = self.prediction.size();
        let grid = ChromaGrid { width, height, a, b, lightness: self.guide.clone() };
        let (upsampling, rule) = match self.mode {
            Mode::Photo => (Upsampling::JointBilateral, OutOfGamut::ReduceChroma),
            Mode::Faithful => (Upsampling::BilinearThrough { side: FAITHFUL_SIZE }, OutOfGamut::Clip),
        };
        let mut photo = photo.into_rgb();
        let chroma = ChromaUpsampler::new(grid, photo.width(), photo.height(), upsampling);
        let (row, pixel) = (photo.width() * photo.channels().count(), photo.channels().count());
        match photo.samples_mut() {
            Samples::U8(v) => Renderer::new::<u8>(&chroma, rule).run(v, row, pixel, pace).await?,
            Samples::U16(v) => Renderer::new::<u16>(&chroma, rule).run(v, row, pixel, pace).await?,
        }
        Ok(photo)
    }
}

/// Joins chroma with the L of a buffer, row by row.
struct Renderer<'a> {
    chroma: &'a ChromaUpsampler,
    rule: OutOfGamut,
    to_lightness: ToLightness,
    to_srgb: ToSrgb,
}

impl<'a> Renderer<'a> {
    fn new<T: Sample>(chroma: &'a ChromaUpsampler, rule: OutOfGamut) -> Self {
        Self { chroma, rule, to_lightness: ToLightness::new(T::MAX), to_srgb: ToSrgb::new(T::MAX) }
    }

    async fn run<T: Sample>(
        &self,
        samples: &mut [T],
        row: usize,
        pixel: usize,
        pace: &mut impl Pace,
    ) -> Result<()> {
        let height = samples.len() / row;
        for (strip, rows) in samples.chunks_mut(row * STRIP).enumerate() {
            let first = strip * STRIP;
            pace.tick(Stage::Render, first as f32 / height as f32).await?;
            #[cfg(feature = "parallel")]
            {
                use rayon::prelude::*;
                rows.par_chunks_mut(row)
                    .enumerate()
                    .for_each(|(y, samples)| self.row(first + y, samples, pixel));
            }
            #[cfg(not(feature = "parallel"))]
            for (y, samples) in rows.chunks_mut(row).enumerate() {
                self.row(first + y, samples, pixel);
            }
        }
        pace.tick(Stage::Render, 1.0).await
    }

    /// Replaces the colours of one row and leaves its L and alpha.
    fn row<T: Sample>(&self, y: usize, samples: &mut [T], pixel: usize) {
        let width = samples.len() / pixel;
        let lightness: Vec<f32> = samples
            .chunks_exact(pixel)
            .map(|p| {
                let [r, g, b] = [0, 1, 2].map(|c| usize::from(p[c].to_code()));
                self.to_lightness.lightness(r, g, b)
            })
            .collect();
        let (mut a, mut b) = (vec![0.0; width], vec![0.0; width]);
        self.chroma.row(y, &lightness, &mut a, &mut b);
        for (x, p) in samples.chunks_exact_mut(pixel).enumerate() {
            let linear = linear_in_gamut([lightness[x], a[x], b[x]], self.rule);
            for (sample, value) in p.iter_mut().zip(linear) {
                *sample = T::from_code(self.to_srgb.code(value));
            }
        }
    }
}
