//! Back projection (Irani and Peleg 1991): the colours of the cells are corrected until the mean of the
//! upsampled chroma over each cell is the colour that was given.
//!
//! A cell on an outline has the mean of two colours and neither of them; its neighbours are pushed apart
//! until they yield that mean. The dependence of a cell's mean on its neighbours follows from L alone, and
//! the pixels of a [`Guide`] are enough to compute it, without a second pass over the photograph.
//!
//! No colour leaves the range of those given around it. Without this bound the true chroma of photographs
//! is met more closely still, but a predicted red that does not end at the photograph's outline leaves a
//! cyan rim.

use super::bilateral::Bilateral;
use super::guide::Guide;
use crate::image::chroma_grid::ChromaGrid;

/// Number of corrections. More of them meet the given means more closely and amplify the noise of a
/// prediction.
const ROUNDS: usize = 3;

/// Side, in cells, of the square whose colours the pixels of one cell depend on.
const REACH: usize = 5;

/// First cell and number of cells, along one axis, that the pixels of a cell depend on.
fn reach(cell: usize, cells: usize) -> (usize, usize) {
    let count = REACH.min(cells);
    (cell.saturating_sub(REACH / 2).min(cells - count), count)
}

/// For each cell, the weights of the cells within [`reach`] in the mean of its pixels, row-major.
fn shares((across, down): (usize, usize), bilateral: &Bilateral, guide: &Guide) -> Vec<Vec<f32>> {
    let (width, height) = (guide.columns.len() / across, guide.rows.len() / down);
    let near_x: Vec<Vec<Vec<f32>>> = (0..across)
        .map(|x| {
            let (start, cells) = reach(x, across);
            Bilateral::near(&bilateral.across, &guide.columns[x * width..][..width], start, cells)
        })
        .collect();
    let mut all = Vec::with_capacity(across * down);
    let mut sums = vec![0.0f32; width * height];
    let mut weights = vec![0.0f32; width * height * REACH * REACH];
    for y in 0..down {
        let (top, rows) = reach(y, down);
        let near_y = Bilateral::near(&bilateral.down, &guide.rows[y * height..][..height], top, rows);
        for (x, near_x) in near_x.iter().enumerate() {
            let (left, columns) = reach(x, across);
            sums.fill(0.0);
            let mut by_cell = weights.chunks_exact_mut(width * height);
            for (j, near_y) in near_y.iter().enumerate() {
                for (k, near_x) in near_x.iter().enumerate() {
                    let likeness = bilateral.likeness[(top + j) * across + left + k];
                    let weights = by_cell.next().expect("one for each cell").chunks_exact_mut(width);
                    let lines = guide.of_cell((across, down), x, y).zip(near_y);
                    for ((weights, (line, near_y)), sums) in
                        weights.zip(lines).zip(sums.chunks_exact_mut(width))
                    {
                        for i in 0..width {
                            weights[i] = near_y * near_x[i] * likeness.of(line[i]);
                            sums[i] += weights[i];
                        }
                    }
                }
            }
            let count = sums.len() as f32;
            let share =
                |weights: &[f32]| weights.iter().zip(&sums).map(|(w, sum)| w / sum).sum::<f32>() / count;
            all.push(weights.chunks_exact(width * height).take(rows * columns).map(share).collect());
        }
    }
    all
}

/// The smallest and largest value within [`reach`] of each cell.
fn bounds(plane: &[f32], (across, down): (usize, usize)) -> Vec<(f32, f32)> {
    let around = |cell: usize| {
        let ((left, columns), (top, rows)) = (reach(cell % across, across), reach(cell / across, down));
        plane.chunks_exact(across).skip(top).take(rows).flat_map(move |line| &line[left..left + columns])
    };
    let widen = |(least, most): (f32, f32), value: &f32| (least.min(*value), most.max(*value));
    (0..plane.len()).map(|cell| around(cell).fold((f32::INFINITY, f32::NEG_INFINITY), widen)).collect()
}

/// Weights by which the mean colour of each cell's pixels depends on the cells around it.
#[derive(Debug)]
pub(super) struct Shares(Vec<Vec<f32>>);

impl Shares {
    /// Weights for a grid of `cells` (across, down).
    pub(super) fn new(cells: (usize, usize), bilateral: &Bilateral, guide: &Guide) -> Self {
        Self(shares(cells, bilateral, guide))
    }

    /// Colours whose bilateral upsampling has nearly the means of `grid`.
    pub(super) fn corrected(&self, grid: &ChromaGrid) -> ChromaGrid {
        corrected(grid, &self.0)
    }
}

fn corrected(grid: &ChromaGrid, shares: &[Vec<f32>]) -> ChromaGrid {
    let (across, down) = (grid.width, grid.height);
    let solve = |given: &[f32]| {
        let bounds = bounds(given, (across, down));
        let mut colors = given.to_vec();
        for _ in 0..ROUNDS {
            let errors: Vec<f32> = given
                .iter()
                .zip(shares)
                .enumerate()
                .map(|(cell, (given, shares))| {
                    let ((left, columns), (top, _)) =
                        (reach(cell % across, across), reach(cell / across, down));
                    let lines = shares.chunks_exact(columns).zip(colors.chunks_exact(across).skip(top));
                    let mean: f32 = lines
                        .flat_map(|(shares, line)| shares.iter().zip(&line[left..]))
                        .map(|(share, color)| share * color)
                        .sum();
                    given - mean
                })
                .collect();
            for ((color, error), (least, most)) in colors.iter_mut().zip(errors).zip(&bounds) {
                *color = (*color + error).clamp(*least, *most);
            }
        }
        colors
    };
    ChromaGrid { a: solve(&grid.a), b: solve(&grid.b), ..*grid }
}
