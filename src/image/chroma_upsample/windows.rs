//! Which cells the pixels of one axis look at, and how near they are.

use std::ops::Range;

/// Cells that a pixel looks at along each axis.
pub(super) const TAPS: usize = 4;

/// Pixels in a row that look at the same cells.
#[derive(Debug)]
pub(super) struct Run {
    pub pixels: Range<usize>,
    /// First of the [`TAPS`] cells.
    pub first: usize,
}

/// The windows of one axis.
#[derive(Debug)]
pub(super) struct Windows {
    pub runs: Vec<Run>,
    /// Cells that are looked at: fewer than [`TAPS`] only in a tiny grid.
    pub taps: usize,
    /// First cell of each pixel.
    pub first: Vec<usize>,
    /// Nearness of each pixel to its first cell, then of each to its second, and so on.
    pub near: [Vec<f32>; TAPS],
}

impl Windows {
    /// Windows of `pixels` pixels over `cells` cells; nearness is a Gaussian of `sigma` cells.
    pub fn new(cells: usize, pixels: usize, sigma: f64) -> Self {
        let taps = TAPS.min(cells);
        let mut windows =
            Self { runs: Vec::new(), taps, first: Vec::new(), near: [const { Vec::new() }; TAPS] };
        for i in 0..pixels {
            let centre = (i as f64 + 0.5) * cells as f64 / pixels as f64 - 0.5;
            // The window slides inside the grid; at the borders its outer cells are farther.
            let first = (centre.floor() - 1.0).clamp(0.0, (cells - taps) as f64);
            for (k, near) in windows.near.iter_mut().enumerate() {
                let d = (first + k as f64 - centre) / sigma;
                near.push((-0.5 * d * d).exp() as f32);
            }
            let first = first as usize;
            windows.first.push(first);
            match windows.runs.last_mut() {
                Some(run) if run.first == first => run.pixels.end = i + 1,
                _ => windows.runs.push(Run { pixels: i..i + 1, first }),
            }
        }
        windows
    }
}
