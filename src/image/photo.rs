//! A photograph in memory: checked samples, size, channels, 8 or 16 bits deep.

use crate::error::{Error, Result};
use crate::image::buffers::try_with_capacity;
use crate::image::resample::{Region, bicubic, bicubic_region};

/// The most pixels a photograph may have: 128 binary megapixels, so that every "100-megapixel"
/// camera fits.
pub const MAX_PIXELS: u64 = 1 << 27;

/// The meaning of a pixel's samples, in their order. Alpha is straight, not premultiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// One sample.
    Gray,
    /// Gray and alpha.
    GrayAlpha,
    /// Red, green and blue.
    Rgb,
    /// Red, green, blue and alpha.
    Rgba,
}

impl Channels {
    /// Samples per pixel.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    /// Whether the last sample is alpha.
    #[must_use]
    pub const fn has_alpha(self) -> bool {
        matches!(self, Self::GrayAlpha | Self::Rgba)
    }

    /// Indices of red, green and blue within a pixel.
    const fn rgb(self) -> [usize; 3] {
        match self {
            Self::Gray | Self::GrayAlpha => [0, 0, 0],
            Self::Rgb | Self::Rgba => [0, 1, 2],
        }
    }
}

/// The samples of a photograph, row by row, channels interleaved, sRGB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Samples {
    /// 0…255.
    U8(Vec<u8>),
    /// 0…65535.
    U16(Vec<u16>),
}

impl Samples {
    fn len(&self) -> usize {
        match self {
            Self::U8(v) => v.len(),
            Self::U16(v) => v.len(),
        }
    }
}

/// One sample of either depth.
pub(crate) trait Sample: Copy + Send + Sync {
    const MAX: u16;
    fn to_code(self) -> u16;
    fn from_code(code: u16) -> Self;
    /// The value at 8 bits, rounded to nearest.
    fn to_u8(self) -> u8;
}

impl Sample for u8 {
    const MAX: u16 = 255;
    fn to_code(self) -> u16 {
        u16::from(self)
    }
    fn from_code(code: u16) -> Self {
        code as Self
    }
    fn to_u8(self) -> u8 {
        self
    }
}

impl Sample for u16 {
    const MAX: u16 = u16::MAX;
    fn to_code(self) -> u16 {
        self
    }
    fn from_code(code: u16) -> Self {
        code
    }
    fn to_u8(self) -> u8 {
        ((u32::from(self) + 128) / 257) as u8
    }
}

/// A photograph whose buffer is known to match its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    width: usize,
    height: usize,
    channels: Channels,
    samples: Samples,
}

impl Photo {
    /// A photograph of these samples.
    ///
    /// # Errors
    /// [`Error::PhotoSize`] where the buffer does not hold `width` x `height` pixels or a side is
    /// zero, [`Error::ImageTooLarge`] above [`MAX_PIXELS`].
    pub fn new(width: usize, height: usize, channels: Channels, samples: Samples) -> Result<Self> {
        Self::check_size(width as u64, height as u64)?;
        let expected = width * height * channels.count();
        if samples.len() != expected || expected == 0 {
            let (channels, got) = (channels.count(), samples.len());
            return Err(Error::PhotoSize { width, height, channels, expected, got });
        }
        Ok(Self { width, height, channels, samples })
    }

    /// Checks that a photograph of this size is accepted, before it is decoded.
    ///
    /// # Errors
    /// [`Error::ImageTooLarge`] above [`MAX_PIXELS`].
    pub fn check_size(width: u64, height: u64) -> Result<()> {
        if width.saturating_mul(height) > MAX_PIXELS {
            return Err(Error::ImageTooLarge { width, height, limit: MAX_PIXELS });
        }
        Ok(())
    }

    /// A copy, made without aborting where memory is short.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] where the allocation fails.
    pub fn try_clone(&self) -> Result<Self> {
        fn copy<T: Copy>(samples: &[T]) -> Result<Vec<T>> {
            let mut copy = try_with_capacity(samples.len())?;
            copy.extend_from_slice(samples);
            Ok(copy)
        }
        let samples = match &self.samples {
            Samples::U8(v) => Samples::U8(copy(v)?),
            Samples::U16(v) => Samples::U16(copy(v)?),
        };
        Ok(Self { samples, ..*self })
    }

    /// Pixels across.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pixels down.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The meaning of the samples.
    #[must_use]
    pub fn channels(&self) -> Channels {
        self.channels
    }

    /// The position of a pixel as fractions of width and height.
    ///
    /// # Errors
    /// [`Error::Parameter`] outside the photograph.
    pub fn place(&self, x: f64, y: f64) -> Result<(f64, f64)> {
        let (width, height) = (self.width as f64, self.height as f64);
        if (0.0..width).contains(&x) && (0.0..height).contains(&y) {
            return Ok((x / width, y / height));
        }
        Err(Error::Parameter { name: "point", value: format!("({x}, {y})"), range: "inside the photograph" })
    }

    /// The samples, row by row.
    #[must_use]
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Takes the photograph apart and returns its samples.
    #[must_use]
    pub fn into_samples(self) -> Samples {
        self.samples
    }

    pub(crate) fn samples_mut(&mut self) -> &mut Samples {
        &mut self.samples
    }

    /// The same picture with red, green and blue channels. Coloured photographs pass unchanged.
    #[must_use]
    pub fn into_rgb(self) -> Self {
        fn spread<T: Sample>(gray: &[T], alpha: bool) -> Vec<T> {
            let mut rgb = Vec::with_capacity(if alpha { gray.len() * 2 } else { gray.len() * 3 });
            for pixel in gray.chunks_exact(if alpha { 2 } else { 1 }) {
                rgb.extend([pixel[0]; 3]);
                rgb.extend(&pixel[1..]);
            }
            rgb
        }
        let channels = match self.channels {
            Channels::Rgb | Channels::Rgba => return self,
            Channels::Gray => Channels::Rgb,
            Channels::GrayAlpha => Channels::Rgba,
        };
        let alpha = channels.has_alpha();
        let samples = match &self.samples {
            Samples::U8(v) => Samples::U8(spread(v, alpha)),
            Samples::U16(v) => Samples::U16(spread(v, alpha)),
        };
        Self { channels, samples, ..self }
    }

    /// The photograph as 8-bit RGBA, for a canvas.
    #[must_use]
    pub fn to_rgba8(&self) -> Vec<u8> {
        fn convert<T: Sample>(samples: &[T], channels: Channels) -> Vec<u8> {
            let mut rgba = Vec::with_capacity(samples.len() / channels.count() * 4);
            for pixel in samples.chunks_exact(channels.count()) {
                rgba.extend(channels.rgb().map(|c| pixel[c].to_u8()));
                rgba.push(if channels.has_alpha() { pixel[channels.count() - 1].to_u8() } else { 255 });
            }
            rgba
        }
        match &self.samples {
            Samples::U8(v) => convert(v, self.channels),
            Samples::U16(v) => convert(v, self.channels),
        }
    }

    /// Writes row `y` as 8-bit RGB over white, the form in which the network sees it
    /// (docs/method.md#colouring-a-photograph).
    fn row_over_white(&self, y: usize, out: &mut [u8]) {
        fn convert<T: Sample>(row: &[T], channels: Channels, out: &mut [u8]) {
            for (pixel, rgb) in row.chunks_exact(channels.count()).zip(out.chunks_exact_mut(3)) {
                let values = channels.rgb().map(|c| pixel[c].to_u8());
                rgb.copy_from_slice(&values);
                if channels.has_alpha() {
                    let alpha = u32::from(pixel[channels.count() - 1].to_u8());
                    for (c, value) in rgb.iter_mut().zip(values) {
                        *c = ((u32::from(value) * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
                    }
                }
            }
        }
        let row = y * self.width * self.channels.count()..(y + 1) * self.width * self.channels.count();
        match &self.samples {
            Samples::U8(v) => convert(&v[row], self.channels, out),
            Samples::U16(v) => convert(&v[row], self.channels, out),
        }
    }

    /// 8-bit RGB at another size, over white, by Pillow's bicubic filter (docs/method.md#resampling).
    #[must_use]
    pub fn resized_over_white(&self, width: usize, height: usize) -> Vec<u8> {
        bicubic((self.width, self.height), 3, (width, height), |y, row| self.row_over_white(y, row))
    }

    /// 8-bit RGB of a part of the photograph at another size, over white, cropped and resized at once by the
    /// same filter.
    ///
    /// # Panics
    /// If the region is empty or leaves the photograph.
    #[must_use]
    pub fn region_over_white(&self, region: Region, (width, height): (usize, usize)) -> Vec<u8> {
        bicubic_region((self.width, self.height), 3, region, (width, height), |y, row| {
            self.row_over_white(y, row);
        })
    }

    /// A copy that is at most `max_side` pixels wide and high, 8 bits deep, alpha kept; `None`
    /// where the photograph is no larger.
    #[must_use]
    pub fn preview(&self, max_side: usize) -> Option<Self> {
        let long = self.width.max(self.height);
        if long <= max_side {
            return None;
        }
        let scaled = |side: usize| ((side * max_side + long / 2) / long).max(1);
        let (width, height) = (scaled(self.width), scaled(self.height));
        if !self.channels.has_alpha() {
            let samples = Samples::U8(self.resized_over_white(width, height));
            return Some(Self { width, height, channels: Channels::Rgb, samples });
        }
        // Colours are weighted by their alpha while they are averaged: otherwise the hidden colour of
        // transparent pixels would bleed into their neighbours.
        let source = self.to_rgba8();
        let mut rgba = bicubic((self.width, self.height), 4, (width, height), |y, row| {
            row.copy_from_slice(&source[y * self.width * 4..(y + 1) * self.width * 4]);
            for pixel in row.chunks_exact_mut(4) {
                let alpha = u32::from(pixel[3]);
                for c in &mut pixel[..3] {
                    *c = ((u32::from(*c) * alpha + 127) / 255) as u8;
                }
            }
        });
        for pixel in rgba.chunks_exact_mut(4) {
            let alpha = u32::from(pixel[3]).max(1);
            for c in &mut pixel[..3] {
                *c = ((u32::from(*c) * 255 + alpha / 2) / alpha).min(255) as u8;
            }
        }
        Some(Self { width, height, channels: Channels::Rgba, samples: Samples::U8(rgba) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_of_another_size_is_refused() {
        let too_short = Photo::new(2, 2, Channels::Rgb, Samples::U8(vec![0; 11]));
        assert!(matches!(too_short, Err(Error::PhotoSize { expected: 12, got: 11, .. })));
        assert!(Photo::new(0, 2, Channels::Rgb, Samples::U8(vec![])).is_err());
        let huge = Photo::new(1 << 20, 1 << 20, Channels::Gray, Samples::U8(vec![]));
        assert_eq!(huge.unwrap_err().code(), "image-too-large");
    }

    #[test]
    fn alpha_is_shown_to_the_network_over_white() {
        let pixels = vec![10, 20, 30, 255, 10, 20, 30, 0];
        let photo = Photo::new(2, 1, Channels::Rgba, Samples::U8(pixels)).unwrap();
        assert_eq!(photo.resized_over_white(2, 1), [10, 20, 30, 255, 255, 255]);
    }

    #[test]
    fn hidden_color_does_not_bleed_into_the_preview() {
        let pixels: Vec<u8> =
            (0..64).flat_map(|i| if i % 8 < 4 { [200, 10, 10, 255] } else { [0, 255, 0, 0] }).collect();
        let photo = Photo::new(8, 8, Channels::Rgba, Samples::U8(pixels)).unwrap();
        let Samples::U8(small) = photo.preview(4).unwrap().into_samples() else { panic!() };
        for pixel in small.chunks(4).filter(|p| p[3] > 8) {
            assert!(pixel[0] > 190 && pixel[1] < 20, "{pixel:?}");
        }
    }
}
