//! Statistics of a photograph's L in each cell, from a few of its pixels.

/// Largest number of pixels sampled along each side of a cell. More did not lower the error.
const MAX_SAMPLES_PER_SIDE: usize = 8;

/// L on a lattice of pixels in every cell, with mean and variance. The size in memory depends on the grid and
/// not on the photograph.
#[derive(Debug)]
pub(super) struct Guide {
    /// Columns of the photograph that are sampled, an equal number in each cell.
    pub(super) columns: Vec<usize>,
    /// Rows that are sampled, an equal number in each cell.
    pub(super) rows: Vec<usize>,
    /// L at every row and column, row-major.
    lightness: Vec<f32>,
    /// Mean L of each cell.
    pub(super) mean: Vec<f32>,
    /// Variance of L in each cell.
    pub(super) variance: Vec<f32>,
}

/// Evenly spaced pixels of one axis.
fn lattice(cells: usize, pixels: usize) -> Vec<usize> {
    let count = cells * pixels.div_ceil(cells).min(MAX_SAMPLES_PER_SIDE);
    (0..count).map(|i| (2 * i + 1) * pixels / (2 * count)).collect()
}

impl Guide {
    /// Statistics of a photograph of `size` for a grid of `cells`; see [`super::ChromaUpsampler::new`] for
    /// `read`.
    pub(super) fn new(
        cells: (usize, usize),
        size: (usize, usize),
        mut read: impl FnMut(usize, &[usize], &mut [f32]),
    ) -> Self {
        let (columns, rows) = (lattice(cells.0, size.0), lattice(cells.1, size.1));
        let mut lightness = vec![0.0; columns.len() * rows.len()];
        for (y, line) in rows.iter().zip(lightness.chunks_exact_mut(columns.len())) {
            read(*y, &columns, line);
        }
        let mut guide = Self { columns, rows, lightness, mean: Vec::new(), variance: Vec::new() };
        for y in 0..cells.1 {
            for x in 0..cells.0 {
                let count = (guide.columns.len() / cells.0 * (guide.rows.len() / cells.1)) as f32;
                let lines = guide.of_cell(cells, x, y);
                let mean = lines.clone().flatten().sum::<f32>() / count;
                let variance = lines.flatten().map(|l| (l - mean).powi(2)).sum::<f32>() / count;
                guide.mean.push(mean);
                guide.variance.push(variance);
            }
        }
        guide
    }

    /// L of the samples in one cell, a slice for each of their rows.
    pub(super) fn of_cell(
        &self,
        (across, down): (usize, usize),
        x: usize,
        y: usize,
    ) -> impl Iterator<Item = &[f32]> + Clone {
        let (width, height) = (self.columns.len() / across, self.rows.len() / down);
        let lines = self.lightness.chunks_exact(self.columns.len()).skip(y * height).take(height);
        lines.map(move |line| &line[x * width..][..width])
    }
}
