//! A small copy of a photograph, coloured again whenever a slider moves.
//!
//! A change leaves what it does not touch: L and what upsampling makes of it, whatever changes; colours
//! too, where temperature and rebalance stay.
//!
//! Of a larger copy, colours are found for every square of two by two pixels and are bilinear in
//! between, while L is each pixel's own, as in most photographs' files: the eye sees colour no finer.
//! A file that is saved has none of this.

use super::colorization::Colorization;
use super::progress::{Pace, Stage};
use crate::color::lab::{ToScreen, lightness_plane};
use crate::color::tone::Tone;
use crate::error::Result;
use crate::image::chroma_upsample::ChromaUpsampler;
use crate::image::photo::Photo;
use crate::image::resample::{double, halved};

/// Rows coloured between two reports of progress.
const STRIP: usize = 128;

/// The most pixels whose colours are each found.
const MOST_EXACT_PIXELS: usize = 1 << 19;

/// A photograph to be rendered often, 8 bits deep. It keeps 13 bytes for each pixel of a larger
/// one, 16 of a smaller.
#[derive(Debug)]
pub struct Preview {
    width: usize,
    /// RGBA; the colours are those of the last rendering.
    rgba: Vec<u8>,
    lightness: Vec<f32>,
    to_screen: ToScreen,
    upsampler: Option<ChromaUpsampler>,
    chroma: PreviewChroma,
}

/// Colours before saturation and warmth, in lines as long as the copy's.
#[derive(Debug)]
struct PreviewChroma {
    /// Temperature and rebalance.
    of: Option<[f32; 2]>,
    /// Lines that are done.
    done: usize,
    /// Rows and columns of the size that colours are found at.
    size: (usize, usize),
    /// L at that size, where it is half the copy's.
    half: Option<Vec<f32>>,
    a: Vec<f32>,
    b: Vec<f32>,
}

impl PreviewChroma {
    fn new(lightness: &[f32], width: usize) -> Self {
        let size = (width, lightness.len() / width);
        let half = (lightness.len() > MOST_EXACT_PIXELS).then(|| halved(lightness, size));
        let size = if half.is_some() { (size.0.div_ceil(2), size.1.div_ceil(2)) } else { size };
        let plane = || vec![0.0; width * size.1];
        Self { of: None, done: 0, size, half, a: plane(), b: plane() }
    }

    /// The line nearest to a row of the copy, and the next nearest: the row is one quarter of the way
    /// there.
    fn lines(&self, y: usize) -> [usize; 2] {
        if self.half.is_none() {
            return [y; 2];
        }
        let near = y / 2;
        let next = if y.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(self.size.1 - 1) };
        [near, next]
    }

    /// Finds the lines that a row of the copy needs. An interrupted rendering has left lines undone.
    fn find(&mut self, y: usize, upsampler: &ChromaUpsampler, lightness: &[f32], width: usize) {
        let [near, next] = self.lines(y);
        for line in self.done..=near.max(next) {
            let kept = line * width..(line + 1) * width;
            let (a, b) = (&mut self.a[kept.clone()], &mut self.b[kept.clone()]);
            match &self.half {
                None => upsampler.row(line, &lightness[kept], a, b),
                Some(half) => {
                    let count = self.size.0;
                    let (mut half_a, mut half_b) = (vec![0.0; count], vec![0.0; count]);
                    upsampler.row(line, &half[line * count..][..count], &mut half_a, &mut half_b);
                    double(&half_a, a);
                    double(&half_b, b);
                }
            }
            self.done = line + 1;
        }
    }

    /// a and b of a row of the copy.
    fn row(&self, y: usize, a: &mut [f32], b: &mut [f32]) {
        let [near, next] = self.lines(y).map(|line| line * a.len());
        for (plane, out) in [(&self.a, a), (&self.b, b)] {
            let (near, next) = (&plane[near..][..out.len()], &plane[next..][..out.len()]);
            for (out, (near, next)) in out.iter_mut().zip(near.iter().zip(next)) {
                *out = near + 0.25 * (next - near);
            }
        }
    }
}

impl Preview {
    /// For a photograph as it came.
    #[must_use]
    pub fn new(photo: &Photo) -> Self {
        let rgba = photo.to_rgba8();
        let lightness = lightness_plane::<4>(&rgba);
        let chroma = PreviewChroma::new(&lightness, photo.width());
        Self { width: photo.width(), rgba, lightness, to_screen: ToScreen::new(), upsampler: None, chroma }
    }

    /// The copy in colour, RGBA. `colorization` is of its photograph, the same each time.
    ///
    /// # Errors
    /// As [`Colorization::render`].
    pub async fn render(
        &mut self,
        colorization: &Colorization,
        tone: Tone,
        pace: &mut impl Pace,
    ) -> Result<&[u8]> {
        tone.check(colorization.rebalances())?;
        pace.tick(Stage::Render, 0.0).await?;
        let decoded = [tone.temperature, tone.rebalance];
        if self.chroma.of != Some(decoded) {
            let grid = colorization.chroma(tone).await?;
            let (grid, upsampling) = colorization.upsampling(grid);
            match &mut self.upsampler {
                Some(upsampler) => upsampler.recolor(grid),
                None => {
                    let size = self.chroma.size;
                    let lightness = self.chroma.half.as_ref().unwrap_or(&self.lightness);
                    let read = |y: usize, columns: &[usize], out: &mut [f32]| {
                        let line = &lightness[y * size.0..];
                        out.iter_mut().zip(columns).for_each(|(out, x)| *out = line[*x]);
                    };
                    self.upsampler = Some(ChromaUpsampler::new(grid, size, upsampling, read));
                }
            }
            (self.chroma.of, self.chroma.done) = (Some(decoded), 0);
        }
        let finish = colorization.finish(tone);
        let line = || vec![0.0; self.width];
        let (mut a, mut b, mut blue) = (line(), line(), line());
        let height = self.lightness.len() / self.width;
        for y in 0..height {
            if y % STRIP == 0 {
                pace.tick(Stage::Render, y as f32 / height as f32).await?;
            }
            if let Some(upsampler) = &self.upsampler {
                self.chroma.find(y, upsampler, &self.lightness, self.width);
            }
            self.chroma.row(y, &mut a, &mut b);
            let row = y * self.width..(y + 1) * self.width;
            let (pixels, _) = self.rgba[row.start * 4..row.end * 4].as_chunks_mut::<4>();
            finish.light(&self.lightness[row], [&mut a, &mut b, &mut blue]);
            self.to_screen.write_rgba8([&a, &b, &blue], pixels);
        }
        pace.tick(Stage::Render, 1.0).await?;
        Ok(&self.rgba)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_lie_where_their_pixels_do() {
        for (width, height) in [(1000, 601), (1000, 600), (700, 600)] {
            let lightness = vec![50.0; width * height];
            let mut chroma = PreviewChroma::new(&lightness, width);
            // A colour for each pixel is in its middle, one for four where they meet.
            let (step, middle) = if chroma.half.is_some() { (2.0, 0.5) } else { (1.0, 0.0) };
            for (line, a) in chroma.a.chunks_exact_mut(width).enumerate() {
                a.fill(line as f32 * step + middle);
            }
            let (mut a, mut b) = (vec![0.0; width], vec![0.0; width]);
            for y in 1..height - 1 {
                chroma.row(y, &mut a, &mut b);
                assert!(a.iter().all(|a| (a - y as f32).abs() < 1e-3), "{y} of {height}: {}", a[0]);
            }
        }
    }
}
