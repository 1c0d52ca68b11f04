//! Photograph in, colours kept as distributions, photograph in colour out.

use super::colorization::{Colorization, decoder};
use super::hints::{self, Hint};
use super::neutralize::Ageing;
use super::prediction::{Cells, Kept, Prediction};
use super::preparation::{FAITHFUL_SIZE, Mode, Preparation};
use super::progress::{Pace, Stage, Task};
use crate::color::lab::lightness_plane;
use crate::color::tone::Tone;
use crate::error::{Error, Result};
use crate::image::chroma_upsample::Upsampling;
use crate::image::photo::Photo;
use crate::kernels::device::ComputeDevice;
use crate::model::network::Network;
use crate::model::weights::{Metadata, ModelFile};
use burn::prelude::*;

/// Longest working side, in short sides: panoramas beyond it are squashed.
const MAX_ASPECT: usize = 4;

/// The input of a network.
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

    /// The metadata of the model's file.
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
        pace.begin(Task::Network);
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
        let Preparation { mode, neutralize } = preparation.into();
        let decoder = decoder(tone, self.class_weights())?;
        pace.tick(Stage::Prepare, 0.0).await?;
        let network = &self.metadata.network;
        hints::check(hints, photo.width(), photo.height(), network)?;
        let (width, height) = self.working_size(working_size, photo, mode);
        pace.begin(Task::Resize);
        let rgb = photo.resized_over_white(width, height);
        pace.tick(Stage::Prepare, 0.8).await?;
        pace.begin(Task::Lab);
        let lightness = lightness_plane::<3>(&rgb);
        let size = (photo.width(), photo.height());
        let planes = (!hints.is_empty()).then(|| hints::planes(hints, size, width, height));
        pace.tick(Stage::Prepare, 1.0).await?;
        let ageing =
            if neutralize && mode == Mode::Photo { Ageing::of(&rgb, &lightness, width) } else { None };
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
