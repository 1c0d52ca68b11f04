//! Plain against balanced accuracy over temperatures and rebalances, without running the network
//! again.
//!
//! Scored on the network's own grid (a cell is 4 x 4 pixels at working size): rendering every
//! setting at full size would take longer than the network. The truth of a cell is the colour of
//! the photograph resized to the grid (Pillow's bicubic, which averages when it shrinks).

use crate::Usage;
use crate::photographs;
use autochrome::color::ab_bins::{AnnealedMean, ToneGrid};
use autochrome::engine::prediction::Distribution;
use autochrome::image::photo::Photo;
use autochrome::training::metrics::{AreaUnderCurve, balanced_weight};
use serde::Serialize;

/// From the mode to the mean; 0.38 is the paper's.
pub const TEMPERATURES: [f32; 7] = [0.01, 0.1, 0.25, 0.38, 0.5, 0.77, 1.0];

/// From the data's own colours to the paper's.
pub const REBALANCES: [f32; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];

/// Whether the settings can be decoded at all.
pub fn check(temperatures: &[f32], rebalances: &[f32]) -> Result<(), Usage> {
    let weights = [1.0; autochrome::color::ab_bins::COUNT];
    for (temperature, rebalance) in settings(temperatures, rebalances) {
        AnnealedMean::new(temperature, rebalance, Some(&weights)).map_err(|e| Usage(e.to_string()))?;
    }
    Ok(())
}

fn settings(temperatures: &[f32], rebalances: &[f32]) -> impl Iterator<Item = (f32, f32)> {
    temperatures.iter().flat_map(|t| rebalances.iter().map(|r| (*t, *r)))
}

/// Gathers the curve of one model.
pub struct Curve {
    grid: ToneGrid,
    settings: Vec<(f32, f32)>,
    /// Plain and balanced, of each setting.
    areas: Vec<[AreaUnderCurve; 2]>,
}

/// One setting of a curve.
#[derive(Debug, Serialize)]
pub struct Point {
    pub temperature: f32,
    pub rebalance: f32,
    /// Percent, as everywhere.
    pub auc: f64,
    pub balanced_auc: f64,
}

impl Curve {
    /// Nothing gathered yet.
    ///
    /// # Errors
    /// For settings that the model cannot be decoded with.
    pub fn new(
        temperatures: &[f32],
        rebalances: &[f32],
        class_weights: Option<&[f32]>,
    ) -> autochrome::Result<Self> {
        let settings: Vec<(f32, f32)> = settings(temperatures, rebalances).collect();
        Ok(Self {
            grid: ToneGrid::new(temperatures, rebalances, class_weights)?,
            areas: vec![Default::default(); settings.len()],
            settings,
        })
    }

    /// The areas so far, to go back to.
    pub fn mark(&self) -> Vec<[AreaUnderCurve; 2]> {
        self.areas.clone()
    }

    /// Back to earlier areas.
    pub fn go_back(&mut self, areas: Vec<[AreaUnderCurve; 2]>) {
        self.areas = areas;
    }

    /// Adds a photograph; `balanced` are the class weights (lambda 0) of the balanced area.
    pub fn add(&mut self, photo: &Photo, distribution: &Distribution, balanced: &[f64]) {
        let (width, height) = distribution.size();
        let truth = photographs::chroma(photo, width, height);
        let mut colours = Vec::with_capacity(self.settings.len());
        for (logits, truth) in distribution.cells().zip(truth) {
            self.grid.decode(logits, &mut colours);
            let weight = balanced_weight(truth, balanced);
            for ([plain, balanced], colour) in self.areas.iter_mut().zip(&colours) {
                let colour = colour.map(f64::from);
                plain.add(truth, colour, 1.0);
                balanced.add(truth, colour, weight);
            }
        }
    }

    /// The figures of every setting, temperature by temperature.
    pub fn points(&self) -> Vec<Point> {
        let point = |(&(temperature, rebalance), [plain, balanced]): (&(f32, f32), &[AreaUnderCurve; 2])| {
            let (auc, balanced_auc) = (100.0 * plain.trapezoid(), 100.0 * balanced.trapezoid());
            Point { temperature, rebalance, auc, balanced_auc }
        };
        self.settings.iter().zip(&self.areas).map(point).collect()
    }
}
