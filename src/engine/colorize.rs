//! Photograph in, colours kept as distributions, photograph in colour out.

use crate::color::ab_bins::{self, AnnealedMean};
use crate::color::lab::{OutOfGamut, ToLightness};
pub use crate::color::tone::Tone;
use crate::color::tone::Warmth;
use crate::engine::finish::Finish;
use crate::engine::hints::{self, Hint};
use crate::engine::neutralize::Ageing;
use crate::engine::prediction::{Cells, Distribution, Kept, Prediction};
use crate::engine::render::render;
use crate::error::{Error, Result};
use crate::image::chroma_upsample::{ChromaGrid, Upsampling};
use crate::image::photo::Photo;
use crate::kernels::device::ComputeDevice;
use crate::model::network::Network;
use crate::model::weights::{Metadata, ModelFile};
use burn::prelude::*;

/// Side of the square that the reference squashes every photograph to (docs/method.md#faithful-mode).
const FAITHFUL_SIZE: usize = 256;

/// Longest working side, in short sides: panoramas beyond it are squashed.
const MAX_ASPECT: usize = 4;

/// How a photograph is prepared and joined with its colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Aspect kept, the model's working size, chroma that follows edges, colours out of gamut
    /// lose chroma and keep L and hue.
    #[default]
    Photo,
    /// The authors' pipeline to the letter (docs/method.md#faithful-mode): 256 x 256, two bilinear steps,
    /// channels clipped.
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
    /// The network runs, and its output is brought to the host: colours alone where the device makes
    /// them.
    Network,
    /// Distributions become colours, where that was not the device's work.
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
        let Metadata { temperature, rebalance, .. } = self.metadata;
        Tone { temperature, rebalance, saturation: 1.0, warmth: 0.0 }
    }

    /// Size at which the network sees a photograph: the short side near `short`,
    /// aspect kept, both sides multiples of what the network needs.
    fn working_size(&self, short: usize, photo: &Photo, mode: Mode) -> (usize, usize) {
        if mode == Mode::Faithful {
            return (FAITHFUL_SIZE, FAITHFUL_SIZE);
        }
        let multiple = self.metadata.network.size_multiple();
        let units = |side: f64| ((side / multiple as f64).round() as usize).max(1) * multiple;
        let short = units(short as f64);
        let aspect = photo.width() as f64 / photo.height() as f64;
        let long = |ratio: f64| units(short as f64 * ratio.min(MAX_ASPECT as f64));
        if aspect >= 1.0 { (long(aspect), short) } else { (short, long(1.0 / aspect)) }
    }

    /// Runs the network and brings all that it says to the host.
    ///
    /// # Errors
    /// [`Error::Parameter`] where a side is not a multiple of what the network needs,
    /// [`Error::Unsupported`] for hints to a network that takes none, [`Error::DeviceResult`] and
    /// [`Error::DeviceLost`] where the device fails, [`Error::Aborted`].
    pub async fn predict(&self, input: Input<'_>, pace: &mut impl Pace) -> Result<Prediction> {
        let prediction = self.run(input, pace).await?.read().await?;
        pace.tick(Stage::Network, 1.0).await?;
        Ok(prediction)
    }

    /// Runs the network, or on a GPU at least asks for it.
    async fn run(&self, input: Input<'_>, pace: &mut impl Pace) -> Result<Cells> {
        let Input { lightness, width, height, hints } = input;
        let config = &self.metadata.network;
        let multiple = config.size_multiple();
        let fits = |side: usize| side > 0 && side.is_multiple_of(multiple);
        let hints_fit = hints.is_none_or(|hints| hints.len() == 3 * width * height);
        if !fits(width) || !fits(height) || lightness.len() != width * height || !hints_fit {
            return Err(Error::Parameter {
                name: "working size",
                value: format!("{width} x {height}"),
                range: "sides that are multiples of what the network halves; NetworkConfig::size_multiple tells it",
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
        let values = self.network.finish(activations);
        Ok(Cells { values, output: config.output(), scale: self.metadata.logit_scale })
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
        let Metadata { working_size, .. } = self.metadata;
        self.colorize_at(working_size, self.default_tone(), photo, preparation, hints, pace).await
    }

    /// [`Colorizer::colorize`] at another working size than the model's, for whoever will first ask for
    /// the colours under `tone`.
    ///
    /// # Errors
    /// As [`Colorizer::colorize`], and [`Error::Parameter`] for a tone out of range.
    pub async fn colorize_at(
        &self,
        working_size: usize,
        tone: Tone,
        photo: &Photo,
        preparation: impl Into<Preparation>,
        hints: &[Hint],
        pace: &mut impl Pace,
    ) -> Result<Colorization> {
        let Preparation { mode, neutralise } = preparation.into();
        let decoder = decoder(tone, self.class_weights())?;
        pace.tick(Stage::Prepare, 0.0).await?;
        let network = &self.metadata.network;
        hints::check(hints, photo.width(), photo.height(), network)?;
        let (width, height) = self.working_size(working_size, photo, mode);
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
        let kept = Kept::new(self.run(input, pace).await?, decoder).await?;
        pace.tick(Stage::Network, 1.0).await?;
        Ok(Colorization {
            kept,
            network: network.name(),
            class_weights: self.class_weights.clone(),
            mode,
            upsampling: Upsampling::default(),
        })
    }
}

fn decoder(tone: Tone, class_weights: Option<&[f32]>) -> Result<AnnealedMean<f32>> {
    AnnealedMean::new(tone.temperature, tone.rebalance, class_weights)
}

/// The predicted colours of one photograph, to be rendered as often as one likes. Where a GPU made them,
/// their distributions stay there until someone asks for them; colours alone come to the host.
#[derive(Clone, Debug)]
pub struct Colorization {
    kept: Kept,
    network: &'static str,
    class_weights: Option<Vec<f32>>,
    mode: Mode,
    upsampling: Upsampling,
}

impl Colorization {
    /// Brings colours to full resolution in another way than the default; [`Mode::Faithful`] has its
    /// own.
    #[must_use]
    pub fn with_upsampling(self, upsampling: Upsampling) -> Self {
        Self { upsampling, ..self }
    }

    /// Cells across and down.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        self.kept.size()
    }

    /// What the network said, brought to the host where it is not there yet.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] and [`Error::DeviceResult`] where the device fails.
    pub async fn prediction(&mut self) -> Result<&Prediction> {
        self.kept.prediction().await
    }

    /// The distributions of the cells.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the network has none, and as [`Colorization::prediction`].
    pub(crate) async fn distribution(&mut self) -> Result<&Distribution> {
        let lacks = "predicts one colour for each pixel and has no distribution over the 313 bins; take a model whose network classifies";
        let network = self.network;
        self.prediction().await?.distribution().ok_or(Error::Unsupported { network, lacks })
    }

    /// Whether `rebalance` may be other than 1.
    pub(crate) fn rebalances(&self) -> bool {
        self.class_weights.is_some()
    }

    pub(crate) fn decoder(&self, tone: Tone) -> Result<AnnealedMean<f32>> {
        decoder(tone, self.class_weights.as_deref())
    }

    /// The 313 probabilities at a place of the photograph, `x` and `y` in 0…1, under `tone`.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a tone out of range, [`Error::Unsupported`] where the network has no
    /// distribution, and as [`Colorization::prediction`].
    pub async fn probabilities_at(&mut self, x: f64, y: f64, tone: Tone) -> Result<[f32; ab_bins::COUNT]> {
        let decoder = self.decoder(tone)?;
        let mut probabilities = [0.0; ab_bins::COUNT];
        decoder.distribution(self.distribution().await?.at(x, y), &mut probabilities);
        Ok(probabilities)
    }

    /// The colours of the cells, before saturation and warmth.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a tone out of range, and as [`Colorization::prediction`].
    pub async fn chroma(&self, tone: Tone) -> Result<ChromaGrid> {
        tone.check(self.rebalances())?;
        let [a, b] = self.kept.decode(&self.decoder(tone)?).await?;
        let (width, height) = self.size();
        ChromaGrid::new(width, height, a, b)
    }

    /// The photograph in colour: same size, depth and alpha, the photograph's own L. Works in the
    /// buffer it is given, a strip at a time.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a tone out of range, [`Error::Aborted`], and as
    /// [`Colorization::prediction`].
    pub async fn render(&self, photo: Photo, tone: Tone, pace: &mut impl Pace) -> Result<Photo> {
        tone.check(self.rebalances())?;
        pace.tick(Stage::Render, 0.0).await?;
        pace.begin(Work::AnnealedMean);
        let grid = self.chroma(tone).await?;
        self.join(grid, photo, tone, pace).await
    }

    /// Joins the colours of the cells with the photograph.
    pub(crate) async fn join(
        &self,
        grid: ChromaGrid,
        photo: Photo,
        tone: Tone,
        pace: &mut impl Pace,
    ) -> Result<Photo> {
        pace.begin(Work::Upsampling);
        let (grid, upsampling) = self.upsampling(grid);
        render(photo, grid, upsampling, self.finish(tone), pace).await
    }

    /// How a grid of colours is brought to full resolution.
    pub(crate) fn upsampling(&self, grid: ChromaGrid) -> (ChromaGrid, Upsampling) {
        match self.mode {
            Mode::Photo => (grid, self.upsampling),
            Mode::Faithful => (grid.resized(FAITHFUL_SIZE, FAITHFUL_SIZE), Upsampling::Bilinear),
        }
    }

    /// What becomes of colours at full resolution.
    pub(crate) fn finish(&self, tone: Tone) -> Finish {
        let rule = match self.mode {
            Mode::Photo => OutOfGamut::ReduceChroma,
            Mode::Faithful => OutOfGamut::Clip,
        };
        Finish { rule, saturation: tone.saturation, warmth: Warmth::new(tone.warmth) }
    }
}
