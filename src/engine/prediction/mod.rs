//! The prediction of a network for a photograph: a distribution for each cell, or a colour.

mod kept;

pub(crate) use kept::{Cells, Kept};

use crate::color::ab_bins::{self, AnnealedMean, GridMean};
use crate::error::{Error, Result};
use crate::image::chroma_grid::ChromaGrid;

/// The output of a network, on its grid of cells, on the host.
#[derive(Clone, Debug)]
pub enum Prediction {
    /// Logits over the 313 bins for every cell of 4 x 4 pixels.
    Distribution(Distribution),
    /// One colour for every pixel.
    Chroma(ChromaGrid),
}

impl Prediction {
    /// Cells across and down.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        match self {
            Self::Distribution(distribution) => distribution.size(),
            Self::Chroma(grid) => grid.size(),
        }
    }

    /// The distribution, where there is one.
    #[must_use]
    pub fn distribution(&self) -> Option<&Distribution> {
        match self {
            Self::Distribution(distribution) => Some(distribution),
            Self::Chroma(_) => None,
        }
    }

    /// a and b of every cell, row-major, CIE units. Colours that are already there are not decoded.
    #[must_use]
    pub fn decode(&self, decoder: &AnnealedMean<f32>) -> [Vec<f32>; 2] {
        match self {
            Self::Distribution(distribution) => distribution.decode(decoder),
            Self::Chroma(grid) => grid.planes().map(<[f32]>::to_vec),
        }
    }

    /// The network's output, row-major: logits `[1, 313, height, width]` or ab
    /// `[1, 2, height, width]`.
    #[must_use]
    pub fn planes(&self) -> Vec<f32> {
        match self {
            Self::Distribution(distribution) => distribution.planes(),
            Self::Chroma(grid) => grid.planes().concat(),
        }
    }
}

/// Colours of a network's output, `[height][width][2]`.
///
/// # Errors
/// [`Error::DeviceResult`] for another number of values, or values that are not finite.
pub(crate) fn chroma(values: &[f32], width: usize, height: usize) -> Result<ChromaGrid> {
    let plane = |i: usize| values.iter().skip(i).step_by(2).copied().collect();
    ChromaGrid::new(width, height, plane(0), plane(1)).map_err(|_| Error::DeviceResult)
}

/// [`chroma`] of means of bins, which lie within the bins' range.
fn chroma_of_bins(values: &[f32], width: usize, height: usize) -> Result<ChromaGrid> {
    // The outermost bins are at 110.
    if values.iter().any(|v| v.abs() > 111.0) {
        return Err(Error::DeviceResult);
    }
    chroma(values, width, height)
}

/// Logits over the 313 bins for every cell, on the host.
#[derive(Clone, Debug)]
pub struct Distribution {
    width: usize,
    height: usize,
    /// `[height][width][313]`: a cell's logits lie together.
    logits: Vec<f32>,
}

impl Distribution {
    /// From a network's output, `[height][width][313]`, divided by `scale`.
    pub(crate) fn new(mut logits: Vec<f32>, width: usize, height: usize, scale: f32) -> Result<Self> {
        let cells = width * height;
        if logits.len() != cells * ab_bins::COUNT || logits.iter().any(|z| !z.is_finite()) {
            return Err(Error::DeviceResult);
        }
        for z in &mut logits {
            *z /= scale;
        }
        Ok(Self { width, height, logits })
    }

    /// Cells across and down.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The logits as `[1, 313, height, width]`, row-major.
    #[must_use]
    pub fn planes(&self) -> Vec<f32> {
        let cells = self.width * self.height;
        (0..ab_bins::COUNT)
            .flat_map(|bin| (0..cells).map(move |cell| self.logits[cell * ab_bins::COUNT + bin]))
            .collect()
    }

    /// The 313 logits of each cell, row-major.
    pub fn cells(&self) -> impl Iterator<Item = &[f32]> {
        self.logits.chunks_exact(ab_bins::COUNT)
    }

    /// The 313 logits of the cell at a place of the photograph, `x` and `y` in 0…1.
    pub(crate) fn at(&self, x: f64, y: f64) -> &[f32] {
        let cell = |position: f64, cells: usize| ((position * cells as f64) as usize).min(cells - 1);
        let index = cell(y, self.height) * self.width + cell(x, self.width);
        &self.logits[index * ab_bins::COUNT..][..ab_bins::COUNT]
    }

    /// a and b of every cell, row-major, CIE units.
    #[must_use]
    pub fn decode(&self, decoder: &AnnealedMean<f32>) -> [Vec<f32>; 2] {
        let decoder = GridMean::new(decoder);
        let cells: Vec<[f32; 2]> = self.cells().map(|z| decoder.decode(z)).collect();
        [0, 1].map(|i| cells.iter().map(|ab| ab[i]).collect())
    }
}
