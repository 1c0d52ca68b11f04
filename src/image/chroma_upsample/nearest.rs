//! Nearest-neighbour upsampling: the colour of the cell that a pixel lies in.

use crate::image::chroma_grid::ChromaGrid;

/// Writes a and b of row `y` of a photograph of `height` rows.
pub(super) fn row(grid: &ChromaGrid, height: usize, y: usize, a: &mut [f32], b: &mut [f32]) {
    let cell = |i: usize, pixels: usize, cells: usize| (2 * i + 1) * cells / (2 * pixels);
    let start = cell(y, height, grid.height) * grid.width;
    for (plane, out) in [(&grid.a, a), (&grid.b, b)] {
        let (line, width) = (&plane[start..][..grid.width], out.len());
        for (x, out) in out.iter_mut().enumerate() {
            *out = line[cell(x, width, grid.width)];
        }
    }
}
