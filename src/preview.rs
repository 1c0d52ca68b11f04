//! A small copy of a photograph, coloured again whenever a slider moves.
//!
//! What a change does not touch stays: L and what upsampling makes of it, whatever changes; colours
//! at the copy's own size too, where temperature and rebalance stay.

use crate::chroma_upsample::ChromaUpsampler;
use crate::colorize::{Colorization, Pace, Stage};
use crate::error::Result;
use crate::lab::{ToLightness, ToSrgb};
use crate::photo::Photo;
use crate::tone::Tone;

/// Rows coloured between two reports of progress.
const STRIP: usize = 128;

/// A photograph to be rendered often, 8 bits deep. It keeps about 30 bytes for each pixel.
#[derive(Debug)]
pub struct Preview {
    width: usize,
    /// RGBA; the colours are those of the last rendering.
    rgba: Vec<u8>,
    lightness: Vec<f32>,
    to_srgb: ToSrgb,
    upsampler: Option<ChromaUpsampler>,
    chroma: Chroma,
}

/// Colours at the copy's size, before saturation and warmth.
#[derive(Debug)]
struct Chroma {
    /// Temperature and rebalance.
    of: Option<[f32; 2]>,
    /// Rows that are done.
    rows: usize,
    a: Vec<f32>,
    b: Vec<f32>,
}

impl Preview {
    /// For a photograph as it came.
    #[must_use]
    pub fn new(photo: &Photo) -> Self {
        let rgba = photo.to_rgba8();
        let to_lightness = ToLightness::new(255);
        let lightness: Vec<f32> = rgba
            .chunks_exact(4)
            .map(|p| to_lightness.lightness(p[0].into(), p[1].into(), p[2].into()))
            .collect();
        let plane = || vec![0.0; lightness.len()];
        let chroma = Chroma { of: None, rows: 0, a: plane(), b: plane() };
        let to_srgb = ToSrgb::new(255);
        Self { width: photo.width(), rgba, lightness, to_srgb, upsampler: None, chroma }
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
        let height = self.lightness.len() / self.width;
        let decoded = [tone.temperature, tone.rebalance];
        if self.chroma.of != Some(decoded) {
            let grid = colorization.chroma(tone).await?;
            let (grid, upsampling) = colorization.upsampling(grid);
            match &mut self.upsampler {
                Some(upsampler) => upsampler.recolour(grid),
                None => {
                    let read = |y: usize, columns: &[usize], out: &mut [f32]| {
                        let line = &self.lightness[y * self.width..];
                        out.iter_mut().zip(columns).for_each(|(out, x)| *out = line[*x]);
                    };
                    let upsampler = ChromaUpsampler::new(grid, (self.width, height), upsampling, read);
                    self.upsampler = Some(upsampler);
                }
            }
            (self.chroma.of, self.chroma.rows) = (Some(decoded), 0);
        }
        let finish = colorization.finish(tone);
        let line = || vec![0.0; self.width];
        let (mut a, mut b, mut blue) = (line(), line(), line());
        for y in 0..height {
            if y % STRIP == 0 {
                pace.tick(Stage::Render, y as f32 / height as f32).await?;
            }
            let row = y * self.width..(y + 1) * self.width;
            let lightness = &self.lightness[row.clone()];
            let chroma = &mut self.chroma;
            let (kept_a, kept_b) = (&mut chroma.a[row.clone()], &mut chroma.b[row.clone()]);
            // An interrupted rendering has left rows undone.
            if let Some(upsampler) = self.upsampler.as_ref().filter(|_| y >= chroma.rows) {
                upsampler.row(y, lightness, kept_a, kept_b);
                chroma.rows = y + 1;
            }
            a.copy_from_slice(kept_a);
            b.copy_from_slice(kept_b);
            let (pixels, _) = self.rgba[row.start * 4..row.end * 4].as_chunks_mut::<4>();
            finish.light(lightness, [&mut a, &mut b, &mut blue]);
            self.to_srgb.write_rgba8([&a, &b, &blue], pixels);
        }
        pace.tick(Stage::Render, 1.0).await?;
        Ok(&self.rgba)
    }
}
