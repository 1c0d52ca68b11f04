//! Fast guided filter (He and Sun 2015): in every window of cells chroma is a linear function of L.
//! Slopes and offsets are upsampled, and chroma follows from them and the photograph's own L.

use crate::image::chroma_grid::ChromaGrid;
use crate::image::resample::BilinearAxis;

/// Radius of a window, in cells.
const RADIUS: usize = 1;

/// Regularisation: variance of L, squared units, that is added to a window's. Windows of less variance have
/// nearly no slope.
const RIDGE: f32 = 400.0;

/// Slopes and offsets of the linear functions, and the tables by which they are upsampled.
#[derive(Debug)]
pub(super) struct GuidedFilter {
    across: BilinearAxis<f32>,
    down: BilinearAxis<f32>,
    width: usize,
    slope_a: Vec<f32>,
    offset_a: Vec<f32>,
    slope_b: Vec<f32>,
    offset_b: Vec<f32>,
}

impl GuidedFilter {
    /// Fits the colours of `grid`; `lightness` is the mean L of each cell, `size` the photograph's.
    pub(super) fn new(grid: &ChromaGrid, lightness: &[f32], size: (usize, usize)) -> Self {
        let cells = (grid.width, grid.height);
        let mean_of = |plane: &[f32]| window_means(plane, cells);
        let product = |p: &[f32], q: &[f32]| p.iter().zip(q).map(|(p, q)| p * q).collect::<Vec<f32>>();
        let mean = mean_of(lightness);
        let square = mean_of(&product(lightness, lightness));
        let line = |chroma: &[f32]| {
            let chroma_mean = mean_of(chroma);
            let both = mean_of(&product(lightness, chroma));
            let slope: Vec<f32> = (0..mean.len())
                .map(|i| {
                    let variance = (square[i] - mean[i] * mean[i]).max(0.0);
                    (both[i] - mean[i] * chroma_mean[i]) / (variance + RIDGE)
                })
                .collect();
            let offset: Vec<f32> = (0..mean.len()).map(|i| chroma_mean[i] - slope[i] * mean[i]).collect();
            (mean_of(&slope), mean_of(&offset))
        };
        let ((slope_a, offset_a), (slope_b, offset_b)) = (line(&grid.a), line(&grid.b));
        Self {
            across: BilinearAxis::new(cells.0, size.0),
            down: BilinearAxis::new(cells.1, size.1),
            width: cells.0,
            slope_a,
            offset_a,
            slope_b,
            offset_b,
        }
    }

    /// Writes a and b of row `y`, given its L.
    pub(super) fn row(&self, y: usize, lightness: &[f32], a: &mut [f32], b: &mut [f32]) {
        let mut line = vec![0.0; self.width];
        let mut slope = vec![0.0; lightness.len()];
        for (slopes, offsets, out) in [(&self.slope_a, &self.offset_a, a), (&self.slope_b, &self.offset_b, b)]
        {
            self.down.blend_rows(slopes, self.width, y, &mut line);
            self.across.stretch(&line, &mut slope);
            self.down.blend_rows(offsets, self.width, y, &mut line);
            self.across.stretch(&line, out);
            for ((out, slope), l) in out.iter_mut().zip(&slope).zip(lightness) {
                *out += slope * l;
            }
        }
    }
}

/// Mean of the window around each cell, of as much of it as lies in the grid.
fn window_means(plane: &[f32], (width, height): (usize, usize)) -> Vec<f32> {
    let window = |i: usize, count: usize| i.saturating_sub(RADIUS)..(i + RADIUS + 1).min(count);
    (0..width * height)
        .map(|i| {
            let (columns, rows) = (window(i % width, width), window(i / width, height));
            let count = (columns.len() * rows.len()) as f32;
            rows.flat_map(|y| &plane[y * width..][columns.clone()]).sum::<f32>() / count
        })
        .collect()
}
