//! What a person may see of the prediction beside the picture: confidence, and one place under the
//! glass.

use super::messages::{PlaceDescription, ToneOptions, from_js, to_js};
use super::{Picture, image_data};
use wasm_bindgen::prelude::*;
use web_sys::ImageData;

#[wasm_bindgen]
impl Picture {
    /// How sure the model is of the colours, to be laid over the photograph, no larger than
    /// `max_side`.
    ///
    /// # Errors
    /// `invalid-argument`, `unsupported` where the network has no distribution, `device-lost`.
    pub async fn confidence(&mut self, tone: JsValue, max_side: Option<usize>) -> Result<ImageData, JsValue> {
        let tone = from_js::<ToneOptions>(tone)?.into();
        let (photo, colorization) = self.at_most(max_side);
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
        let inspection = self.colorization.inspect(&self.photo, (x, y), tone, side).await?;
        let place = to_js(&PlaceDescription::from(&inspection))?;
        js_sys::Reflect::set(&place, &"plane".into(), &image_data(&inspection.plane)?.into())?;
        Ok(place)
    }
}
