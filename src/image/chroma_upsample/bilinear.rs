//! Bilinear upsampling, blind to the photograph.

use super::ChromaGrid;
use crate::image::resample::BilinearAxis;

/// Tables of both axes.
#[derive(Debug)]
pub(super) struct Bilinear {
    across: BilinearAxis<f32>,
    down: BilinearAxis<f32>,
}

impl Bilinear {
    pub fn new(cells: (usize, usize), size: (usize, usize)) -> Self {
        Self { across: BilinearAxis::new(cells.0, size.0), down: BilinearAxis::new(cells.1, size.1) }
    }

    pub fn row(&self, grid: &ChromaGrid, y: usize, a: &mut [f32], b: &mut [f32]) {
        let mut line = vec![0.0; grid.width];
        for (plane, out) in [(&grid.a, a), (&grid.b, b)] {
            self.down.blend_rows(plane, grid.width, y, &mut line);
            self.across.stretch(&line, out);
        }
    }
}
