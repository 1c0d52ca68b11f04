//! Joint bilateral upsampling (Kopf et al. 2007): means weighted by nearness in place and in L, so that
//! colour stops at the edges of the photograph.

use super::guide::Guide;
use super::windows::{TAPS, Windows};
use crate::image::chroma_grid::ChromaGrid;

/// Parameters of the comparison of a pixel and a cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Standard deviation of the Gaussian in place, in cells.
    pub(super) spatial_sigma: f64,
    /// Standard deviation of the Gaussian in L, for a cell of constant L.
    pub(super) lightness_sigma: f32,
    /// Fraction of the variance of L within a cell that is added to its Gaussian's. A wider Gaussian is lower
    /// too, as a likelihood is: a cell of mixed lightness tells little about any pixel.
    pub(super) spread: f32,
}

/// The Gaussian in L of one cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Likeness {
    mean: f32,
    /// `1 / 16σ²`
    scale: f32,
    gain: f32,
}

impl Likeness {
    /// A placeholder for a cell outside the grid, whose nearness is 0.
    const NONE: Self = Self { mean: 0.0, scale: 0.0, gain: 0.0 };

    /// Smallest weight of a cell: where none is like the pixel, nearness in place alone decides.
    const MIN_WEIGHT: f32 = 1e-4;

    /// Likeness of a pixel of this lightness. The Gaussian `exp(-d² / 2σ²)` is taken as `(1 - d² / 16σ²)⁸`,
    /// which differs by less than 0.04 and needs neither a table nor a call, so that the compiler computes
    /// several pixels at a time.
    #[inline(always)]
    pub(super) fn of(self, lightness: f32) -> f32 {
        let d = lightness - self.mean;
        let base = 1.0 - d * d * self.scale;
        // `max` treats NaN in a way that has no vector instruction in wasm.
        let base = if base > 0.0 { base } else { 0.0 };
        let square = base * base;
        let fourth = square * square;
        self.gain * fourth * fourth + Self::MIN_WEIGHT
    }
}

/// Pixels computed together, few enough for the compiler to keep them in vector registers.
const LANES: usize = 8;

type Lanes = [f32; LANES];

/// The next [`LANES`] pixels of a row, of which only `count` are used.
#[inline(always)]
fn lanes(row: &[f32], count: usize) -> Lanes {
    match row.first_chunk() {
        Some(lanes) => *lanes,
        None => std::array::from_fn(|i| if i < count { row[i] } else { 1.0 }),
    }
}

/// A cell of the window that some pixels share.
#[derive(Clone, Copy)]
struct Cell {
    near_y: f32,
    likeness: Likeness,
    ab: [f32; 2],
}

/// a and b of pixels that share a window; `near` is their nearness to each of its columns.
#[inline(always)]
fn means(cells: &[Cell; TAPS * TAPS], near: &[Lanes; TAPS], lightness: &Lanes) -> [Lanes; 2] {
    let (mut a, mut b, mut weights) = ([0.0f32; LANES], [0.0f32; LANES], [0.0f32; LANES]);
    for (tap, cell) in cells.iter().enumerate() {
        let (near_x, [cell_a, cell_b]) = (&near[tap % TAPS], cell.ab);
        for i in 0..LANES {
            let weight = cell.near_y * near_x[i] * cell.likeness.of(lightness[i]);
            a[i] += weight * cell_a;
            b[i] += weight * cell_b;
            weights[i] += weight;
        }
    }
    for i in 0..LANES {
        a[i] /= weights[i];
        b[i] /= weights[i];
    }
    [a, b]
}

/// Tables of the joint bilateral upsampler.
#[derive(Debug)]
pub(super) struct Bilateral {
    pub(super) across: Windows,
    pub(super) down: Windows,
    /// The Gaussian of each cell.
    pub(super) likeness: Vec<Likeness>,
}

impl Bilateral {
    /// Tables for a grid of `cells` (across, down) and a photograph of `size` (width, height).
    pub(super) fn new(
        cells: (usize, usize),
        size: (usize, usize),
        guide: &Guide,
        settings: Settings,
    ) -> Self {
        let least = settings.lightness_sigma * settings.lightness_sigma;
        let likeness = |(&mean, &variance): (&f32, &f32)| {
            let variance = least + settings.spread * variance;
            Likeness { mean, scale: 1.0 / (16.0 * variance), gain: least / variance }
        };
        Self {
            across: Windows::new(cells.0, size.0, settings.spatial_sigma),
            down: Windows::new(cells.1, size.1, settings.spatial_sigma),
            likeness: guide.mean.iter().zip(&guide.variance).map(likeness).collect(),
        }
    }

    /// Writes a and b of row `y`, given its L.
    pub(super) fn row(&self, grid: &ChromaGrid, y: usize, lightness: &[f32], a: &mut [f32], b: &mut [f32]) {
        for run in &self.across.runs {
            let mut cells =
                [const { Cell { near_y: 0.0, likeness: Likeness::NONE, ab: [0.0; 2] } }; TAPS * TAPS];
            for j in 0..self.down.taps {
                for k in 0..self.across.taps {
                    let cell = (self.down.first[y] + j) * grid.width + run.first + k;
                    cells[j * TAPS + k] = Cell {
                        near_y: self.down.near[j][y],
                        likeness: self.likeness[cell],
                        ab: [grid.a[cell], grid.b[cell]],
                    };
                }
            }
            let mut first = run.pixels.start;
            while first < run.pixels.end {
                let count = LANES.min(run.pixels.end - first);
                let lightness = lanes(&lightness[first..], count);
                let near: [Lanes; TAPS] =
                    std::array::from_fn(|k| lanes(&self.across.near[k][first..], count));
                let [sum_a, sum_b] = means(&cells, &near, &lightness);
                a[first..first + count].copy_from_slice(&sum_a[..count]);
                b[first..first + count].copy_from_slice(&sum_b[..count]);
                first += LANES;
            }
        }
    }

    /// Nearness of the pixels `lattice` to each of the `cells` from `start` on; 0 outside their windows.
    pub(super) fn near(windows: &Windows, lattice: &[usize], start: usize, cells: usize) -> Vec<Vec<f32>> {
        let near = |cell: usize, pixel: usize| {
            let tap = cell.wrapping_sub(windows.first[pixel]);
            if tap < TAPS { windows.near[tap][pixel] } else { 0.0 }
        };
        (start..start + cells).map(|cell| lattice.iter().map(|pixel| near(cell, *pixel)).collect()).collect()
    }
}
