//! Frames of a camera or a film, one after the other: colours that do not flicker.

use super::colorization::Colorization;
use super::progress::{Pace, Stage};
use crate::color::lab::lightness_plane;
use crate::color::tone::Tone;
use crate::error::{Error, Result};
use crate::image::chroma_grid::ChromaGrid;
use crate::image::photo::Photo;

/// Change of a cell's L at which the frame before has lost most of its say, as the width of a
/// Gaussian: what moves takes its own colour at once, and so does a whole frame after a cut.
const SAME_LIGHTNESS_SIGMA: f32 = 6.0;

/// The colours of the frame before. Another size of frame begins anew.
#[derive(Debug, Default)]
pub struct FrameSmoother {
    last: Option<SmoothedFrame>,
}

#[derive(Debug)]
struct SmoothedFrame {
    lightness: Vec<f32>,
    colours: ChromaGrid,
}

impl FrameSmoother {
    /// Takes `steady` (0 none, 1 all) of each cell's colour from the frame before where its L has
    /// stayed, so that over frames at rest colours are an exponential mean, and keeps the result for
    /// the next frame.
    fn settle(&mut self, steady: f32, colours: &mut ChromaGrid, lightness: Vec<f32>) {
        if let Some(last) = self.last.as_ref().filter(|last| last.colours.size() == colours.size()) {
            let shares: Vec<f32> = lightness
                .iter()
                .zip(&last.lightness)
                .map(|(now, before)| {
                    let change = (now - before) / SAME_LIGHTNESS_SIGMA;
                    steady * (-0.5 * change * change).exp()
                })
                .collect();
            colours.mix(&last.colours, &shares);
        }
        self.last = Some(SmoothedFrame { lightness, colours: colours.clone() });
    }
}

impl Colorization {
    /// [`Colorization::render`] of a frame that follows another: `steady`, 0 to 1, of its colours
    /// stay where the picture stays.
    ///
    /// # Errors
    /// As [`Colorization::render`], and [`Error::Parameter`] for `steady` out of range.
    pub async fn render_frame(
        &self,
        photo: Photo,
        tone: Tone,
        steady: f32,
        before: &mut FrameSmoother,
        pace: &mut impl Pace,
    ) -> Result<Photo> {
        if !(0.0..=1.0).contains(&steady) {
            let value = steady.to_string();
            return Err(Error::Parameter { name: "steady", value, range: "between 0 and 1" });
        }
        pace.tick(Stage::Render, 0.0).await?;
        let mut grid = self.chroma(tone).await?;
        let (width, height) = grid.size();
        let rgb = photo.resized_over_white(width, height);
        before.settle(steady, &mut grid, lightness_plane::<3>(&rgb));
        self.join(grid, photo, tone, pace).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(
        smoother: &mut FrameSmoother,
        share: f32,
        size: (usize, usize),
        l: f32,
        ab: [f32; 2],
    ) -> [f32; 2] {
        let cells = size.0 * size.1;
        let mut grid = ChromaGrid::new(size.0, size.1, vec![ab[0]; cells], vec![ab[1]; cells]).unwrap();
        smoother.settle(share, &mut grid, vec![l; cells]);
        grid.color(size.0 - 1, size.1 - 1)
    }

    #[test]
    fn at_rest_colours_are_an_exponential_mean() {
        let mut smoother = FrameSmoother::default();
        assert_eq!(settled(&mut smoother, 0.75, (3, 2), 50.0, [40.0, -8.0]), [40.0, -8.0]);
        let mut left = 1.0;
        for _ in 0..10 {
            left *= 0.75;
            let [a, b] = settled(&mut smoother, 0.75, (3, 2), 50.0, [0.0, 0.0]);
            assert!((a - 40.0 * left).abs() < 1e-4 && (b + 8.0 * left).abs() < 1e-4, "{a} {b}");
        }
    }

    #[test]
    fn a_cut_another_size_and_no_steadiness_begin_anew() {
        for (share, size, l) in [(0.9, (3, 2), 90.0), (0.9, (2, 3), 50.0), (0.0, (3, 2), 50.0)] {
            let mut smoother = FrameSmoother::default();
            settled(&mut smoother, 0.9, (3, 2), 50.0, [40.0, -8.0]);
            let [a, b] = settled(&mut smoother, share, size, l, [1.0, 2.0]);
            assert!((a - 1.0).abs() < 1e-3 && (b - 2.0).abs() < 1e-3, "{share} {size:?} {l}: {a} {b}");
        }
    }
}
