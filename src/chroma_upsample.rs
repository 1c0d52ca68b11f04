//! ab at the network's resolution to ab at full resolution, row by row.
//!
//! Both upsamplers keep only the low-resolution planes and a few lines, whatever the size of the
//! photograph.

use crate::resample::{BilinearAxis, bilinear};

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

/// One axis of the bilateral filter: which cells a pixel looks at, and how near they are.
#[derive(Debug)]
struct Window {
    first: usize,
    weights: [f32; Bilateral::TAPS],
}

/// Tables of the joint bilateral upsampler.
#[derive(Debug)]
struct Bilateral {
    across: Vec<Window>,
    down: Vec<Window>,
    /// Weight by difference of L, at [`Bilateral::RANGE_STEPS`] steps a unit.
    range: Vec<f32>,
}

impl Bilateral {
    /// Cells that a pixel looks at along each axis.
    const TAPS: usize = 4;
    /// Spatial width in cells, and width in units of L: the best of the settings tried on true
    /// chroma reduced to the network's grid.
    const SPATIAL_SIGMA: f64 = 0.7;
    const RANGE_SIGMA: f64 = 8.0;
    const RANGE_STEPS: usize = 8;
    /// Least range weight: where no cell is alike, place alone decides.
    const RANGE_FLOOR: f64 = 1e-4;

    fn new(grid: &ChromaGrid, width: usize, height: usize) -> Self {
        let range = (0..=100 * Self::RANGE_STEPS + 1)
            .map(|i| {
                let d = i as f64 / Self::RANGE_STEPS as f64 / Self::RANGE_SIGMA;
                (-0.5 * d * d).exp().max(Self::RANGE_FLOOR) as f32
            })
            .collect();
        Self { across: Self::windows(grid.width, width), down: Self::windows(grid.height, height), range }
    }

    fn windows(cells: usize, pixels: usize) -> Vec<Window> {
        (0..pixels)
            .map(|i| {
                let centre = (i as f64 + 0.5) * cells as f64 / pixels as f64 - 0.5;
                // The window slides inside the grid; at the borders its outer cells are farther.
                let first = (centre.floor() - 1.0).clamp(0.0, cells.saturating_sub(Self::TAPS) as f64);
                let mut weights = [0.0; Self::TAPS];
                for (k, weight) in weights.iter_mut().enumerate().take(cells) {
                    let d = (first + k as f64 - centre) / Self::SPATIAL_SIGMA;
                    *weight = (-0.5 * d * d).exp() as f32;
                }
                Window { first: first as usize, weights }
            })
            .collect()
    }

    #[inline]
    fn pixel(&self, grid: &ChromaGrid, across: &Window, down: &Window, lightness: f32) -> (f32, f32) {
        let (mut a, mut b, mut sum) = (0.0, 0.0, 0.0);
        let columns = Self::TAPS.min(grid.width);
        for (j, near_y) in down.weights.iter().enumerate().take(grid.height) {
            let start = (down.first + j) * grid.width + across.first;
            let guide = &grid.lightness[start..][..columns];
            let (row_a, row_b) = (&grid.a[start..][..columns], &grid.b[start..][..columns]);
            for k in 0..columns {
                let step = (lightness - guide[k]).abs() * Self::RANGE_STEPS as f32;
                let alike = self.range[(step as usize).min(self.range.len() - 1)];
                let weight = near_y * across.weights[k] * alike;
                a += weight * row_a[k];
                b += weight * row_b[k];
                sum += weight;
            }
        }
        (a / sum, b / sum)
    }
}

#[derive(Debug)]
enum Method {
    Bilinear { across: BilinearAxis<f32>, down: BilinearAxis<f32> },
    Bilateral(Bilateral),
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
            Upsampling::JointBilateral => Method::Bilateral(Bilateral::new(&grid, width, height)),
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
                let down = &tables.down[y];
                for (x, across) in tables.across.iter().enumerate() {
                    (a[x], b[x]) = tables.pixel(&self.grid, across, down, lightness[x]);
                }
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
