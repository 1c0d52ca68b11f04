//! `Picture`: a photograph with its predicted colours, rendered at will.

use super::messages::{
    BinShare, ColorErrorDescription, EncodeOptions, PlaceDescription, ToneOptions, from_js, to_js,
};
use super::pace::JsPace;
use crate::color::ab_bins;
use crate::engine::picture::{self, Rgba};
use crate::error::Result;
use js_sys::Uint8ClampedArray;
use wasm_bindgen::prelude::*;
use web_sys::ImageData;

/// Pixels for a canvas, copied out of wasm memory: a view of it could not be transferred, and would
/// change under the reader's eyes.
pub(super) fn image_data<'a>(pixels: impl Into<Rgba<'a>>) -> Result<ImageData, JsValue> {
    let Rgba { samples, width, height } = pixels.into();
    let samples = Uint8ClampedArray::from(&*samples);
    ImageData::new_with_js_u8_clamped_array_and_sh(&samples, width as u32, height as u32)
}

/// See [`picture::Picture`].
#[wasm_bindgen]
pub struct Picture(picture::Picture);

impl From<picture::Picture> for Picture {
    fn from(picture: picture::Picture) -> Self {
        Self(picture)
    }
}

#[wasm_bindgen]
impl Picture {
    /// Pixels across.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.photo().width()
    }

    /// Pixels down.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn height(&self) -> usize {
        self.0.photo().height()
    }

    /// Whether the photograph came in colours of its own, neither gray nor toned.
    #[wasm_bindgen(getter, js_name = isColor)]
    #[must_use]
    pub fn is_color(&self) -> bool {
        self.0.is_color()
    }

    /// How far the colours are from the photograph's own: a [`ColorErrorDescription`].
    ///
    /// # Errors
    /// `invalid-argument`, `out-of-memory`, `device-lost`, `aborted`.
    #[wasm_bindgen(js_name = colorError)]
    pub async fn color_error(&self, tone: JsValue, tick: js_sys::Function) -> Result<JsValue, JsValue> {
        let tone = from_js::<ToneOptions>(tone)?.into();
        let error = self.0.color_error(tone, &mut JsPace::new(tick)).await?;
        to_js(&ColorErrorDescription::from(error))
    }

    /// The photograph as it came, no larger than `max_side`.
    ///
    /// # Errors
    /// The browser's own, where it has no memory left.
    pub fn original(&mut self, max_side: Option<usize>) -> Result<ImageData, JsValue> {
        image_data(self.0.at_most(max_side).0)
    }

    /// The photograph in colour, no larger than `max_side` (full size where it is absent).
    ///
    /// # Errors
    /// `invalid-argument`, `device-lost`, `aborted`.
    pub async fn render(
        &mut self,
        tone: JsValue,
        max_side: Option<usize>,
        tick: js_sys::Function,
    ) -> Result<ImageData, JsValue> {
        let tone = from_js::<ToneOptions>(tone)?.into();
        image_data(self.0.render(tone, max_side, &mut JsPace::new(tick)).await?)
    }

    /// The photograph in colour at full size, as the bytes of a file. `options` are
    /// [`EncodeOptions`].
    ///
    /// # Errors
    /// `invalid-argument`, `image-encode`, `out-of-memory`, `device-lost`, `aborted`.
    pub async fn encode(
        &self,
        tone: JsValue,
        options: JsValue,
        tick: js_sys::Function,
    ) -> Result<Vec<u8>, JsValue> {
        let tone = from_js::<ToneOptions>(tone)?.into();
        let options = from_js::<EncodeOptions>(options)?;
        let (format, pace) = (options.format()?, &mut JsPace::new(tick));
        Ok(self.0.encode(tone, format, |photograph| options.metadata(photograph), pace).await?)
    }

    /// The predicted distribution at a pixel: [`BinShare`]s of all 313 bins.
    ///
    /// # Errors
    /// `invalid-argument` outside the photograph or for a tone out of range, `unsupported` where the
    /// network has no distribution, `device-lost`.
    #[wasm_bindgen(js_name = distributionAt)]
    pub async fn distribution_at(&mut self, x: f64, y: f64, tone: JsValue) -> Result<JsValue, JsValue> {
        let tone = from_js::<ToneOptions>(tone)?.into();
        let shares = self.0.probabilities_at(x, y, tone).await?;
        let bins: Vec<BinShare> =
            ab_bins::CENTERS.iter().zip(shares).map(|(&[a, b], p)| BinShare { a, b, p }).collect();
        to_js(&bins)
    }

    /// How sure the model is of the colours, to be laid over the photograph, no larger than
    /// `max_side`.
    ///
    /// # Errors
    /// `invalid-argument`, `unsupported` where the network has no distribution, `device-lost`.
    pub async fn confidence(&mut self, tone: JsValue, max_side: Option<usize>) -> Result<ImageData, JsValue> {
        let tone = from_js::<ToneOptions>(tone)?.into();
        let (photo, colorization) = self.0.at_most(max_side);
        image_data(&colorization.confidence_overlay(photo, tone).await?)
    }

    /// What the model says of a pixel: a [`PlaceDescription`], with the ab plane as `plane`.
    ///
    /// # Errors
    /// `invalid-argument` outside the photograph, for a side of the plane or a tone out of range,
    /// `unsupported` where the network has no distribution, `device-lost`.
    #[wasm_bindgen(js_name = inspectAt)]
    pub async fn inspect_at(
        &mut self,
        x: f64,
        y: f64,
        tone: JsValue,
        side: usize,
    ) -> Result<JsValue, JsValue> {
        let tone = from_js::<ToneOptions>(tone)?.into();
        let inspection = self.0.inspect((x, y), tone, side).await?;
        let place = to_js(&PlaceDescription::from(&inspection))?;
        js_sys::Reflect::set(&place, &"plane".into(), &image_data(&inspection.plane)?.into())?;
        Ok(place)
    }
}
