//! The predicted colours of a photograph, rendered as often as one likes.

use super::finish::Finish;
use super::prediction::{Distribution, Kept, Prediction};
use super::preparation::{FAITHFUL_SIZE, Mode};
use super::progress::{Pace, Stage, Task};
use super::render::render;
use crate::color::ab_bins::{self, AnnealedMean};
use crate::color::gamut::OutOfGamut;
use crate::color::tone::{Tone, Warmth};
use crate::error::{Error, Result};
use crate::image::chroma_grid::ChromaGrid;
use crate::image::chroma_upsample::Upsampling;
use crate::image::photo::Photo;

pub(super) fn decoder(tone: Tone, class_weights: Option<&[f32]>) -> Result<AnnealedMean<f32>> {
    AnnealedMean::new(tone.temperature, tone.rebalance, class_weights)
}

/// The predicted colours of one photograph, to be rendered as often as one likes. Where a GPU made them,
/// their distributions stay there until someone asks for them; colours alone come to the host.
#[derive(Clone, Debug)]
pub struct Colorization {
    pub(super) kept: Kept,
    pub(super) network: &'static str,
    pub(super) class_weights: Option<Vec<f32>>,
    pub(super) mode: Mode,
    pub(super) upsampling: Upsampling,
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

    /// The network's prediction, brought to the host where it is not there yet.
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
        pace.begin(Task::AnnealedMean);
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
        pace.begin(Task::Upsampling);
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

    /// The last changes to colours at full resolution.
    pub(crate) fn finish(&self, tone: Tone) -> Finish {
        let rule = match self.mode {
            Mode::Photo => OutOfGamut::ReduceChroma,
            Mode::Faithful => OutOfGamut::Clip,
        };
        Finish { rule, saturation: tone.saturation, warmth: Warmth::new(tone.warmth) }
    }
}
