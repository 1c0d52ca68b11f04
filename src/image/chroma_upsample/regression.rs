//! Local linear regression: around each pixel chroma is a linear function of L, fitted to the cells by ridge
//! regression with the weights of the joint bilateral upsampler.

use super::bilateral::Bilateral;
use crate::image::chroma_grid::ChromaGrid;

/// Regularisation: variance of L, squared units, that is added to the cells'. Slopes vanish where L is flat.
const RIDGE: f32 = 200.0;

/// Sums over the cells of a window, for each pixel of a run.
#[derive(Default)]
struct Sums {
    weight: Vec<f32>,
    guide: Vec<f32>,
    square: Vec<f32>,
    guide_a: Vec<f32>,
    guide_b: Vec<f32>,
}

impl Sums {
    fn clear(&mut self, pixels: usize) {
        for sums in
            [&mut self.weight, &mut self.guide, &mut self.square, &mut self.guide_a, &mut self.guide_b]
        {
            sums.clear();
            sums.resize(pixels, 0.0);
        }
    }
}

/// Writes a and b of row `y`; `means` is the mean L of each cell.
pub(super) fn row(
    (bilateral, means): (&Bilateral, &[f32]),
    grid: &ChromaGrid,
    y: usize,
    lightness: &[f32],
    a: &mut [f32],
    b: &mut [f32],
) {
    let mut sums = Sums::default();
    a.fill(0.0);
    b.fill(0.0);
    for run in &bilateral.across.runs {
        let pixels = run.pixels.clone();
        let lightness = &lightness[pixels.clone()];
        let (a, b) = (&mut a[pixels.clone()], &mut b[pixels.clone()]);
        sums.clear(lightness.len());
        let Sums { weight, guide, square, guide_a, guide_b } = &mut sums;
        for j in 0..bilateral.down.taps {
            let near_y = bilateral.down.near[j][y];
            for k in 0..bilateral.across.taps {
                let cell = (bilateral.down.first[y] + j) * grid.width + run.first + k;
                let (likeness, mean) = (bilateral.likeness[cell], means[cell]);
                let (cell_a, cell_b) = (grid.a[cell], grid.b[cell]);
                let near_x = &bilateral.across.near[k][pixels.clone()];
                for (i, l) in lightness.iter().enumerate() {
                    let w = near_y * near_x[i] * likeness.of(*l);
                    // Differences from the pixel's own L keep the sums of squares small, and so exact.
                    let d = mean - l;
                    weight[i] += w;
                    guide[i] += w * d;
                    square[i] += w * d * d;
                    a[i] += w * cell_a;
                    b[i] += w * cell_b;
                    guide_a[i] += w * d * cell_a;
                    guide_b[i] += w * d * cell_b;
                }
            }
        }
        for i in 0..lightness.len() {
            let mean = guide[i] / weight[i];
            let slope = -mean / ((square[i] / weight[i] - mean * mean).max(0.0) + RIDGE);
            for (chroma, product) in [(&mut a[i], guide_a[i]), (&mut b[i], guide_b[i])] {
                let middle = *chroma / weight[i];
                *chroma = middle + slope * (product / weight[i] - mean * middle);
            }
        }
    }
}
