//! Windows of cells along one axis: the cells whose colours a pixel depends on, and their nearness.

use std::ops::Range;

/// Cells of a window along each axis.
pub(super) const TAPS: usize = 4;

/// Consecutive pixels that have the same window.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) pixels: Range<usize>,
    /// First of the [`TAPS`] cells.
    pub(super) first: usize,
}

/// The windows of one axis.
#[derive(Debug)]
pub(super) struct Windows {
    pub(super) runs: Vec<Run>,
    /// Cells of a window: [`TAPS`], or fewer in a grid that has fewer.
    pub(super) taps: usize,
    /// First cell of each pixel's window.
    pub(super) first: Vec<usize>,
    /// Nearness of all pixels to the first cells of their windows, then to the second, and so on.
    pub(super) near: [Vec<f32>; TAPS],
}

impl Windows {
    /// Windows of `pixels` pixels over `cells` cells; nearness is a Gaussian of standard deviation `sigma`
    /// cells.
    pub(super) fn new(cells: usize, pixels: usize, sigma: f64) -> Self {
        let taps = TAPS.min(cells);
        let mut windows =
            Self { runs: Vec::new(), taps, first: Vec::new(), near: [const { Vec::new() }; TAPS] };
        for i in 0..pixels {
            let center = (i as f64 + 0.5) * cells as f64 / pixels as f64 - 0.5;
            // At the borders the window is moved into the grid, where its outer cells are farther away.
            let first = (center.floor() - 1.0).clamp(0.0, (cells - taps) as f64);
            for (k, near) in windows.near.iter_mut().enumerate() {
                let d = (first + k as f64 - center) / sigma;
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
