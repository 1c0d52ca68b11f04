//! Joint bilateral upsampling (Kopf et al. 2007): cells near in place and in L count more, so that
//! colour stops at edges of the photograph.

use super::ChromaGrid;
use super::guide::Guide;
use super::windows::{TAPS, Windows};

/// How a pixel and a cell are compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Width of the Gaussian in place, in cells.
    pub spatial_sigma: f64,
    /// Width of the Gaussian in L, for a cell of one L.
    pub lightness_sigma: f32,
    /// Share of the variance of L within a cell that widens its Gaussian. A wider one is lower too,
    /// as that of a likelihood: a cell that has a bit of everything says little of any pixel.
    pub spread: f32,
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
    /// Least weight of a cell unlike the pixel: where none is alike, place alone decides.
    const UNLIKE: f32 = 1e-4;

    /// The Gaussian `exp(-d² / 2σ²)` as `(1 - d² / 16σ²)⁸`, which differs by less than 0.04 and needs
    /// neither a table nor a call, so that rows are computed several pixels at a time.
    #[inline(always)]
    pub fn of(self, lightness: f32) -> f32 {
        let d = lightness - self.mean;
        let base = (1.0 - d * d * self.scale).max(0.0);
        let square = base * base;
        let fourth = square * square;
        self.gain * fourth * fourth + Self::UNLIKE
    }
}

/// Tables of the joint bilateral upsampler.
#[derive(Debug)]
pub(super) struct Bilateral {
    pub across: Windows,
    pub down: Windows,
    /// Of each cell.
    pub likeness: Vec<Likeness>,
}

impl Bilateral {
    pub fn new(cells: (usize, usize), size: (usize, usize), guide: &Guide, settings: Settings) -> Self {
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

    pub fn row(&self, grid: &ChromaGrid, y: usize, lightness: &[f32], a: &mut [f32], b: &mut [f32]) {
        let mut weights = vec![0.0; lightness.len()];
        a.fill(0.0);
        b.fill(0.0);
        for run in &self.across.runs {
            let pixels = run.pixels.clone();
            let lightness = &lightness[pixels.clone()];
            let (a, b) = (&mut a[pixels.clone()], &mut b[pixels.clone()]);
            let weights = &mut weights[pixels.clone()];
            for j in 0..self.down.taps {
                let near_y = self.down.near[j][y];
                for k in 0..self.across.taps {
                    let cell = (self.down.first[y] + j) * grid.width + run.first + k;
                    let (likeness, cell_a, cell_b) = (self.likeness[cell], grid.a[cell], grid.b[cell]);
                    let near_x = &self.across.near[k][pixels.clone()];
                    for (i, l) in lightness.iter().enumerate() {
                        let weight = near_y * near_x[i] * likeness.of(*l);
                        a[i] += weight * cell_a;
                        b[i] += weight * cell_b;
                        weights[i] += weight;
                    }
                }
            }
        }
        for ((a, b), weight) in a.iter_mut().zip(b).zip(weights) {
            *a /= weight;
            *b /= weight;
        }
    }

    /// Nearness of the pixels `lattice` to each of the `cells` from `start` on: 0 outside their windows.
    pub fn near(windows: &Windows, lattice: &[usize], start: usize, cells: usize) -> Vec<Vec<f32>> {
        let near = |cell: usize, pixel: usize| {
            let tap = cell.wrapping_sub(windows.first[pixel]);
            if tap < TAPS { windows.near[tap][pixel] } else { 0.0 }
        };
        (start..start + cells).map(|cell| lattice.iter().map(|pixel| near(cell, *pixel)).collect()).collect()
    }
}
