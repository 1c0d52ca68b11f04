//! ab at the network's resolution to ab at full resolution, row by row.
//!
//! Both upsamplers keep only the low-resolution planes and a few lines, whatever the size of the
//! photograph.

use crate::resample::{BilinearAxis, bilinear};
use std::ops::Range;

/// ab and L at the network's output resolution, row-major; `a[y * width + x]`.
#[derive(Clone, Debug)]
pub struct ChromaGrid {
    /// Cells across.
    pub width: usize,
    /// Cells down.
    pub height: usize,
    /// a of each cell, CIE units.
    pub a: Vec<f32>,
    /// b of each cell, CIE units.
    pub b: Vec<f32>,
    /// Mean L of the pixels that each cell covers.
    pub lightness: Vec<f32>,
}

/// How chroma is brought to full resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upsampling {
    /// To `side` x `side` and from there to the photograph's size, both bilinear: the reference's
    /// two steps (SPEC section 7), for parity with it.
    BilinearThrough {
        /// Side of the square in between.
        side: usize,
    },
    /// Joint bilateral (Kopf et al. 2007): cells near in place and in L count more, so colour
    /// stops at edges of the photograph.
    JointBilateral,
}

/// Pixels in a row that look at the same cells.
#[derive(Debug)]
struct Run {
    pixels: Range<usize>,
    /// First of the [`Bilateral::TAPS`] cells.
    first: usize,
}

/// Which cells the pixels of one axis look at, and how near they are.
#[derive(Debug)]
struct Windows {
    runs: Vec<Run>,
    /// Cells that are looked at: fewer than [`Bilateral::TAPS`] only in a tiny grid.
    taps: usize,
    /// Nearness of each pixel to its first cell, then of each to its second, and so on.
    near: [Vec<f32>; Bilateral::TAPS],
}

impl Windows {
    fn new(cells: usize, pixels: usize) -> Self {
        let taps = Bilateral::TAPS.min(cells);
        let mut runs: Vec<Run> = Vec::new();
        let mut near = [const { Vec::new() }; Bilateral::TAPS];
        for i in 0..pixels {
            let centre = (i as f64 + 0.5) * cells as f64 / pixels as f64 - 0.5;
            // The window slides inside the grid; at the borders its outer cells are farther.
            let first = (centre.floor() - 1.0).clamp(0.0, (cells - taps) as f64);
            for (k, near) in near.iter_mut().enumerate() {
                let d = (first + k as f64 - centre) / Bilateral::SPATIAL_SIGMA;
                near.push((-0.5 * d * d).exp() as f32);
            }
            let first = first as usize;
            match runs.last_mut() {
                Some(run) if run.first == first => run.pixels.end = i + 1,
                _ => runs.push(Run { pixels: i..i + 1, first }),
            }
        }
        Self { runs, taps, near }
    }
}

/// Tables of the joint bilateral upsampler.
#[derive(Debug)]
struct Bilateral {
    across: Windows,
    down: Windows,
    /// First cell of each pixel downwards.
    rows: Vec<usize>,
}

impl Bilateral {
    /// Cells that a pixel looks at along each axis.
    const TAPS: usize = 4;
    /// Width of the Gaussian in place, in cells, and in L.
    const SPATIAL_SIGMA: f64 = 0.7;
    const LIGHTNESS_SIGMA: f32 = 8.0;
    /// Least weight of a cell unlike the pixel: where none is alike, place alone decides.
    const UNLIKE: f32 = 1e-4;

    fn new(grid: &ChromaGrid, width: usize, height: usize) -> Self {
        let (across, down) = (Windows::new(grid.width, width), Windows::new(grid.height, height));
        let rows = down.runs.iter().flat_map(|run| run.pixels.clone().map(|_| run.first)).collect();
        Self { across, down, rows }
    }

    /// How alike two lightnesses are, 0…1: the Gaussian `exp(-d² / 2σ²)` as `(1 - d² / 16σ²)⁸`,
    /// which differs by less than 0.04 and needs neither a table nor a call, so that rows are
    /// computed several pixels at a time.
    #[inline(always)]
    fn alike(d: f32) -> f32 {
        const SCALE: f32 = 1.0 / (16.0 * Bilateral::LIGHTNESS_SIGMA * Bilateral::LIGHTNESS_SIGMA);
        let base = (1.0 - d * d * SCALE).max(0.0);
        let square = base * base;
        let fourth = square * square;
        fourth * fourth + Self::UNLIKE
    }

    fn row(&self, grid: &ChromaGrid, y: usize, lightness: &[f32], a: &mut [f32], b: &mut [f32]) {
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
                    let cell = (self.rows[y] + j) * grid.width + run.first + k;
                    let (guide, cell_a, cell_b) = (grid.lightness[cell], grid.a[cell], grid.b[cell]);
                    let near_x = &self.across.near[k][pixels.clone()];
                    for (i, l) in lightness.iter().enumerate() {
                        let weight = near_y * near_x[i] * Self::alike(l - guide);
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
}

#[derive(Debug)]
enum Method {
    Bilinear { across: BilinearAxis<f32>, down: BilinearAxis<f32> },
    Bilateral(Box<Bilateral>),
}

/// Brings a [`ChromaGrid`] to a photograph's size, one row at a time, in any order.
#[derive(Debug)]
pub struct ChromaUpsampler {
    grid: ChromaGrid,
    method: Method,
}

impl ChromaUpsampler {
    /// For a photograph of `width` x `height`.
    #[must_use]
    pub fn new(mut grid: ChromaGrid, width: usize, height: usize, upsampling: Upsampling) -> Self {
        let method = match upsampling {
            Upsampling::BilinearThrough { side } => {
                let from = (grid.width, grid.height);
                grid.a = bilinear(&grid.a, from, (side, side));
                grid.b = bilinear(&grid.b, from, (side, side));
                (grid.width, grid.height) = (side, side);
                Method::Bilinear {
                    across: BilinearAxis::new(side, width),
                    down: BilinearAxis::new(side, height),
                }
            }
            Upsampling::JointBilateral => Method::Bilateral(Box::new(Bilateral::new(&grid, width, height))),
        };
        Self { grid, method }
    }

    /// ab of row `y`, given the photograph's own L there.
    pub fn row(&self, y: usize, lightness: &[f32], a: &mut [f32], b: &mut [f32]) {
        match &self.method {
            Method::Bilinear { across, down } => {
                let mut line = vec![0.0; self.grid.width];
                for (plane, out) in [(&self.grid.a, a), (&self.grid.b, b)] {
                    down.blend_rows(plane, self.grid.width, y, &mut line);
                    across.stretch(&line, out);
                }
            }
            Method::Bilateral(tables) => {
                tables.row(&self.grid, y, lightness, a, b);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_halves() -> ChromaGrid {
        let half = |left: f32, right: f32| (0..64).map(|i| if i % 8 < 4 { left } else { right }).collect();
        ChromaGrid {
            width: 8,
            height: 8,
            a: half(40.0, -30.0),
            b: half(-20.0, 50.0),
            lightness: half(20.0, 80.0),
        }
    }

    #[test]
    fn colour_stops_at_an_edge_of_the_photograph() {
        // The photograph's edge lies half a cell to the right of where the grid sees it.
        let (width, height, edge) = (64, 64, 36);
        let lightness: Vec<f32> = (0..width).map(|x| if x < edge { 20.0 } else { 80.0 }).collect();
        let worst = |upsampling| {
            let upsampler = ChromaUpsampler::new(two_halves(), width, height, upsampling);
            let (mut a, mut b) = (vec![0.0; width], vec![0.0; width]);
            upsampler.row(30, &lightness, &mut a, &mut b);
            (0..width).map(|x| (a[x] - if x < edge { 40.0 } else { -30.0 }).abs()).fold(0.0, f32::max)
        };
        assert!(worst(Upsampling::JointBilateral) < 3.0);
        assert!(worst(Upsampling::BilinearThrough { side: 32 }) > 20.0);
    }

    #[test]
    fn every_size_keeps_a_flat_colour() {
        for (w, h) in [(1, 1), (2, 1), (1, 3), (5, 4), (8, 9)] {
            let n = w * h;
            let grid = ChromaGrid {
                width: w,
                height: h,
                a: vec![12.0; n],
                b: vec![-7.0; n],
                lightness: vec![50.0; n],
            };
            for (width, height) in [(1, 1), (3, 7), (40, 2)] {
                for upsampling in [Upsampling::JointBilateral, Upsampling::BilinearThrough { side: 8 }] {
                    let upsampler = ChromaUpsampler::new(grid.clone(), width, height, upsampling);
                    let (mut a, mut b) = (vec![0.0; width], vec![0.0; width]);
                    for y in 0..height {
                        upsampler.row(y, &vec![3.0; width], &mut a, &mut b);
                        assert!(a.iter().all(|v| (v - 12.0).abs() < 1e-4));
                        assert!(b.iter().all(|v| (v + 7.0).abs() < 1e-4));
                    }
                }
            }
        }
    }
}
