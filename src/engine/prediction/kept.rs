//! A prediction where it is: on the device that made it, until someone asks for more than colours.

use super::{Distribution, Prediction, chroma, chroma_of_bins};
use crate::color::ab_bins::AnnealedMean;
use crate::error::Result;
use crate::image::chroma_grid::ChromaGrid;
use crate::kernels::operators;
use crate::model::network::Output;
use burn::prelude::*;

/// What a network left on its device.
#[derive(Clone, Debug)]
pub(crate) struct Cells {
    /// `[1, channels, height, width]`.
    pub(crate) values: Tensor<4>,
    /// What they are.
    pub(crate) output: Output,
    /// What logits are divided by.
    pub(crate) scale: f32,
}

impl Cells {
    /// All of it, on the host.
    ///
    /// # Errors
    /// [`Error::DeviceLost`](crate::Error::DeviceLost) and
    /// [`Error::DeviceResult`](crate::Error::DeviceResult) where the device fails.
    pub(crate) async fn read(self) -> Result<Prediction> {
        let [_, _, height, width] = self.values.dims();
        let values = operators::read(self.values).await?;
        match self.output {
            Output::Logits => {
                Distribution::new(values, width, height, self.scale).map(Prediction::Distribution)
            }
            Output::Chroma => chroma(&values, width, height).map(Prediction::Chroma),
        }
    }

    /// The colours of distributions, alone; `None` where the device does not make them.
    async fn colours(&self, decoder: &AnnealedMean<f32>) -> Result<Option<ChromaGrid>> {
        if self.output != Output::Logits {
            return Ok(None);
        }
        let Some(colours) = operators::annealed_mean(self.values.clone(), self.scale, decoder) else {
            return Ok(None);
        };
        let [_, _, height, width] = colours.dims();
        chroma_of_bins(&operators::read(colours).await?, width, height).map(Some)
    }
}

/// A prediction, on the host as far as it was asked for.
#[derive(Clone, Debug)]
pub(crate) enum Kept {
    /// All of it is on the host.
    Host(Prediction),
    /// Distributions are on the device; on the host are the colours under one setting.
    Device { cells: Box<Cells>, decoder: AnnealedMean<f32>, colours: ChromaGrid },
}

impl Kept {
    /// Waits for the network and takes the colours under `decoder`: from the device that makes them, else
    /// the whole prediction comes to the host.
    ///
    /// # Errors
    /// As [`Cells::read`].
    pub(crate) async fn new(cells: Cells, decoder: AnnealedMean<f32>) -> Result<Self> {
        Ok(match cells.colours(&decoder).await? {
            Some(colours) => Self::Device { cells: Box::new(cells), decoder, colours },
            None => Self::Host(cells.read().await?),
        })
    }

    /// Cells across and down.
    pub(crate) fn size(&self) -> (usize, usize) {
        match self {
            Self::Host(prediction) => prediction.size(),
            Self::Device { colours, .. } => colours.size(),
        }
    }

    /// a and b of every cell, row-major, CIE units.
    ///
    /// # Errors
    /// As [`Cells::read`].
    pub(crate) async fn decode(&self, decoder: &AnnealedMean<f32>) -> Result<[Vec<f32>; 2]> {
        match self {
            Self::Host(prediction) => Ok(prediction.decode(decoder)),
            Self::Device { decoder: last, colours, .. } if last == decoder => {
                Ok(colours.planes().map(<[f32]>::to_vec))
            }
            Self::Device { cells, .. } => {
                let colours = cells.colours(decoder).await?.expect("made by this device before");
                Ok(colours.planes().map(<[f32]>::to_vec))
            }
        }
    }

    /// All of it, on the host, where it then stays.
    ///
    /// # Errors
    /// As [`Cells::read`].
    pub(crate) async fn prediction(&mut self) -> Result<&Prediction> {
        if let Self::Device { cells, .. } = self {
            *self = Self::Host(Cells::clone(cells).read().await?);
        }
        match self {
            Self::Host(prediction) => Ok(prediction),
            Self::Device { .. } => unreachable!("brought to the host above"),
        }
    }
}
