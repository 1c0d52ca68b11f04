//! A photograph with its predicted colours, as somebody looks at it: rendered again and again at the
//! sizes of a screen, compared with its own colours, written into a file.

use crate::color::ab_bins;
use crate::color::tone::Tone;
use crate::engine::color_error::ColorError;
use crate::engine::inspector::Inspection;
use crate::engine::neutralize;
use crate::engine::preview::Preview;
use crate::engine::{Colorization, Pace};
use crate::error::Result;
use crate::image::buffers::FallibleBuffer;
use crate::image::files::{self, FileFormat, FileMetadata};
use crate::image::photo::Photo;
use std::borrow::Cow;

/// Longest side of the copy by which a photograph is judged to be in colour.
const JUDGED_SIDE: usize = 256;

/// Longest side at which colours are compared with the true ones.
const COMPARED_SIDE: usize = 512;

/// Pixels of the largest copy for which a [`Preview`] is kept.
const PREVIEW_PIXELS: usize = 1 << 22;

/// 8-bit RGBA for a canvas.
#[derive(Debug)]
pub struct Rgba<'a> {
    /// Row by row, without padding.
    pub samples: Cow<'a, [u8]>,
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
}

impl From<&Photo> for Rgba<'_> {
    fn from(photo: &Photo) -> Self {
        Self { samples: photo.to_rgba8().into(), width: photo.width(), height: photo.height() }
    }
}

/// A photograph, its predicted colours, and what is kept between two looks at them.
#[derive(Debug)]
pub struct Picture {
    photo: Photo,
    metadata: FileMetadata,
    colorization: Colorization,
    is_color: bool,
    /// The last reduced copy, with the longest side it was made for.
    reduced: Option<(usize, Photo)>,
    /// The renderer of the last copy, with its longest side.
    preview: Option<(usize, Preview)>,
}

impl Picture {
    /// Joins a photograph and what its file said to its colours.
    #[must_use]
    pub fn new(photo: Photo, metadata: FileMetadata, colorization: Colorization) -> Self {
        let small = photo.preview(JUDGED_SIDE);
        let small = small.as_ref().unwrap_or(&photo);
        let is_color = neutralize::has_colours(&small.resized_over_white(small.width(), small.height()));
        Self { photo, metadata, colorization, is_color, reduced: None, preview: None }
    }

    /// The photograph as it came, at its full size.
    #[must_use]
    pub fn photo(&self) -> &Photo {
        &self.photo
    }

    /// Whether the photograph came in colours of its own, neither gray nor toned.
    #[must_use]
    pub fn is_color(&self) -> bool {
        self.is_color
    }

    /// The photograph no larger than `max_side`, and its colours.
    pub fn at_most(&mut self, max_side: Option<usize>) -> (&Photo, &mut Colorization) {
        if let Some(side) = max_side.filter(|side| *side > 0) {
            if self.reduced.as_ref().is_none_or(|(made_for, _)| *made_for != side) {
                self.reduced = self.photo.preview(side).map(|photo| (side, photo));
            }
            if let Some((_, photo)) = &self.reduced {
                return (photo, &mut self.colorization);
            }
        }
        (&self.photo, &mut self.colorization)
    }

    /// The photograph in colour, no larger than `max_side` (full size where it is absent). A copy of a
    /// size that was rendered last costs only what the tone changes.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`], [`crate::Error::DeviceLost`], [`crate::Error::Aborted`].
    pub async fn render(
        &mut self,
        tone: Tone,
        max_side: Option<usize>,
        pace: &mut impl Pace,
    ) -> Result<Rgba<'_>> {
        let (photo, _) = self.at_most(max_side);
        let (width, height) = (photo.width(), photo.height());
        let side = width.max(height);
        if max_side.is_none() || width * height > PREVIEW_PIXELS {
            let photo = photo.try_clone()?;
            return Ok(Rgba::from(&self.colorization.render(photo, tone, pace).await?));
        }
        if self.preview.as_ref().is_none_or(|(made_for, _)| *made_for != side) {
            let preview = Preview::new(self.at_most(max_side).0);
            self.preview = Some((side, preview));
        }
        let (_, preview) = self.preview.as_mut().expect("made above");
        let samples = preview.render(&self.colorization, tone, pace).await?.into();
        Ok(Rgba { samples, width, height })
    }

    /// How far the colours are from the photograph's own.
    ///
    /// # Errors
    /// As [`Picture::render`], and where memory is short.
    pub async fn color_error(&self, tone: Tone, pace: &mut impl Pace) -> Result<ColorError> {
        let photo = self.photo.preview(COMPARED_SIDE).map_or_else(|| self.photo.try_clone(), Ok)?;
        let colored = self.colorization.render(photo.try_clone()?, tone, pace).await?;
        ColorError::between(&photo, &colored)
    }

    /// The photograph in colour at full size as the bytes of a file, which carries what `metadata`
    /// makes of the photograph's own.
    ///
    /// # Errors
    /// As [`Picture::render`], where the format does not take it, and where memory is short.
    pub async fn encode(
        &self,
        tone: Tone,
        format: FileFormat,
        metadata: impl FnOnce(&FileMetadata) -> FileMetadata,
        pace: &mut impl Pace,
    ) -> Result<Vec<u8>> {
        let colored = self.colorization.render(self.photo.try_clone()?, tone, pace).await?;
        let mut file = FallibleBuffer::default();
        files::encode(&colored, &metadata(&self.metadata), format, &mut file)?;
        Ok(file.into_bytes())
    }

    /// The predicted distribution at a pixel, one share for each of the 313 bins.
    ///
    /// # Errors
    /// [`crate::Error::Parameter`] outside the photograph or for a tone out of range,
    /// [`crate::Error::Unsupported`] where the network has no distribution.
    pub async fn probabilities_at(&mut self, x: f64, y: f64, tone: Tone) -> Result<[f32; ab_bins::COUNT]> {
        let (x, y) = self.photo.place(x, y)?;
        self.colorization.probabilities_at(x, y, tone).await
    }

    /// A close look at a pixel; see [`Inspection`].
    ///
    /// # Errors
    /// As [`Picture::probabilities_at`], and for a side of the plane out of range.
    pub async fn inspect(&mut self, at: (f64, f64), tone: Tone, side: usize) -> Result<Inspection> {
        self.colorization.inspect(&self.photo, at, tone, side).await
    }
}
