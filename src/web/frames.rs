//! Frames of a camera: nothing of them is kept but the colours that the next one leans on.

use super::engine::Engine;
use super::messages::{FrameOptions, ToneOptions, from_js};
use super::pace::JsPace;
use super::pictures::image_data;
use crate::engine::Mode;
use crate::image::chroma_upsample::Upsampling;
use crate::image::photo::{Channels, Photo, Samples};
use wasm_bindgen::Clamped;
use wasm_bindgen::prelude::*;
use web_sys::ImageData;

#[wasm_bindgen]
impl Engine {
    /// Colours RGBA pixels and gives them back. `options` are [`FrameOptions`].
    ///
    /// # Errors
    /// `invalid-argument`, `device-lost`, `aborted`.
    #[wasm_bindgen(js_name = colorizeFrame)]
    pub async fn colorize_frame(
        &self,
        pixels: Clamped<Vec<u8>>,
        width: usize,
        tone: JsValue,
        options: JsValue,
        tick: js_sys::Function,
    ) -> Result<ImageData, JsValue> {
        let tone = from_js::<ToneOptions>(tone)?.into();
        let FrameOptions { working_size, steady } = from_js(options)?;
        let height = pixels.0.len() / 4 / width.max(1);
        let photo = Photo::new(width, height, Channels::Rgba, Samples::U8(pixels.0))?;
        let pace = &mut JsPace::new(tick);
        let colorization =
            self.colorizer.colorize_at(working_size, tone, &photo, Mode::Photo, &[], pace).await?;
        // Its tables cost a frame more than they show.
        let colorization = colorization.with_upsampling(Upsampling::AdaptiveBilateral);
        let mut before = self.steady.take();
        let colored = colorization.render_frame(photo, tone, steady, &mut before, pace).await;
        self.steady.set(before);
        image_data(&colored?)
    }
}
