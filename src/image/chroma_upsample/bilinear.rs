//! Bilinear upsampling, independent of the photograph's content.

use crate::image::chroma_grid::ChromaGrid;
use crate::image::resample::BilinearAxis;

/// Interpolation tables of both axes.
#[derive(Debug)]
pub(super) struct Bilinear {
    across: BilinearAxis<f32>,
    down: BilinearAxis<f32>,
}

impl Bilinear {
    /// Tables for a grid of `cells` (across, down) and a photograph of `size` (width, height).
    pub(super) fn new(cells: (usize, usize), size: (usize, usize)) -> Self {
        Self { across: BilinearAxis::new(cells.0, size.0), down: BilinearAxis::new(cells.1, size.1) }
    }

    /// Writes a and b of row `y`.
    pub(super) fn row(&self, grid: &ChromaGrid, y: usize, a: &mut [f32], b: &mut [f32]) {
        let mut line = vec![0.0; grid.width];
        for (plane, out) in [(&grid.a, a), (&grid.b, b)] {
            self.down.blend_rows(plane, grid.width, y, &mut line);
            self.across.stretch(&line, out);
        }
    }
}
