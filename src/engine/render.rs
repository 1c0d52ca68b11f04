//! A photograph joined with colours of any origin: its own L at full resolution, the chroma of a grid
//! of cells.

use super::progress::{Pace, Stage};
use crate::color::lab::{ToLightness, ToSrgb};
use crate::engine::finish::Finish;
use crate::error::Result;
use crate::image::chroma_grid::ChromaGrid;
use crate::image::chroma_upsample::{ChromaUpsampler, Upsampling};
use crate::image::photo::{Photo, Sample, Samples};

/// Rows rendered between two reports of progress.
const STRIP: usize = 128;

/// The photograph in the colours of `grid`, which covers it: same size, depth and alpha, the
/// photograph's own L. Works in the buffer it is given, a strip at a time. `finish` may be the rule for
/// colours out of gamut alone.
///
/// # Errors
/// [`crate::Error::Aborted`].
pub async fn render(
    photo: Photo,
    grid: ChromaGrid,
    upsampling: Upsampling,
    finish: impl Into<Finish>,
    pace: &mut impl Pace,
) -> Result<Photo> {
    let mut photo = photo.into_rgb();
    let size = (photo.width(), photo.height());
    let (pixel, chroma) = (photo.channels().count(), ChromaJoin { grid, upsampling, finish: finish.into() });
    match photo.samples_mut() {
        Samples::U8(samples) => chroma.join(samples, size, pixel, pace).await?,
        Samples::U16(samples) => chroma.join(samples, size, pixel, pace).await?,
    }
    Ok(photo)
}

/// Colours, and the way they join a photograph.
struct ChromaJoin {
    grid: ChromaGrid,
    upsampling: Upsampling,
    finish: Finish,
}

impl ChromaJoin {
    async fn join<T: Sample>(
        self,
        samples: &mut [T],
        size: (usize, usize),
        pixel: usize,
        pace: &mut impl Pace,
    ) -> Result<()> {
        let to_lightness = ToLightness::new(T::MAX);
        let row = size.0 * pixel;
        let chroma = ChromaUpsampler::new(self.grid, size, self.upsampling, |y, columns, out| {
            let samples = &samples[y * row..];
            for (out, x) in out.iter_mut().zip(columns) {
                *out = lightness(&to_lightness, &samples[x * pixel..]);
            }
        });
        let renderer = Renderer { chroma, finish: self.finish, to_lightness, to_srgb: ToSrgb::new(T::MAX) };
        renderer.run(samples, row, pixel, pace).await
    }
}

fn lightness<T: Sample>(to_lightness: &ToLightness, pixel: &[T]) -> f32 {
    to_lightness.lightness([0, 1, 2].map(|c| pixel[c].to_code().into()))
}

/// Joins chroma with the L of a buffer, row by row.
struct Renderer {
    chroma: ChromaUpsampler,
    finish: Finish,
    to_lightness: ToLightness,
    to_srgb: ToSrgb,
}

impl Renderer {
    async fn run<T: Sample>(
        &self,
        samples: &mut [T],
        row: usize,
        pixel: usize,
        pace: &mut impl Pace,
    ) -> Result<()> {
        let height = samples.len() / row;
        for (strip, rows) in samples.chunks_mut(row * STRIP).enumerate() {
            let first = strip * STRIP;
            pace.tick(Stage::Render, first as f32 / height as f32).await?;
            #[cfg(feature = "parallel")]
            {
                use rayon::prelude::*;
                rows.par_chunks_mut(row)
                    .enumerate()
                    .for_each(|(y, samples)| self.row(first + y, samples, pixel));
            }
            #[cfg(not(feature = "parallel"))]
            for (y, samples) in rows.chunks_mut(row).enumerate() {
                self.row(first + y, samples, pixel);
            }
        }
        pace.tick(Stage::Render, 1.0).await
    }

    /// Replaces the colours of one row and leaves its L and alpha.
    fn row<T: Sample>(&self, y: usize, samples: &mut [T], pixel: usize) {
        let width = samples.len() / pixel;
        let lightness: Vec<f32> =
            samples.chunks_exact(pixel).map(|p| lightness(&self.to_lightness, p)).collect();
        let (mut a, mut b) = (vec![0.0; width], vec![0.0; width]);
        self.chroma.row(y, &lightness, &mut a, &mut b);
        let mut blue = vec![0.0; width];
        self.finish.light(&lightness, [&mut a, &mut b, &mut blue]);
        for (x, p) in samples.chunks_exact_mut(pixel).enumerate() {
            for (sample, value) in p.iter_mut().zip([a[x], b[x], blue[x]]) {
                *sample = T::from_code(self.to_srgb.code(value));
            }
        }
    }
}
