//! `Engine`: a model on this build's device, which makes pictures of photographs.

use super::input::{PhotoFile, Pixels, copied};
use super::messages::{ColorizeOptions, EngineDescription, from_js, to_js};
use super::pace::JsPace;
use super::pictures::Picture;
use crate::engine::frames::FrameSmoother;
use crate::engine::picture;
use crate::engine::{Colorizer, Preparation};
use crate::error::Result;
use crate::image::files::{self, FileMetadata};
use crate::image::photo::{Photo, Samples};
use crate::kernels::device::{ComputeDevice, DeviceChoice};
use crate::model::weights::{ModelDownload, ModelFile, Origin};
use js_sys::Uint8Array;
use std::cell::Cell;
use wasm_bindgen::prelude::*;

/// What this build's engines run on.
const DEVICE: DeviceChoice = if cfg!(feature = "gpu") { DeviceChoice::Gpu } else { DeviceChoice::Cpu };

/// Opens the device and readies it for any network, which can be done while a model downloads.
///
/// # Errors
/// `no-device`, `device-lost`.
#[wasm_bindgen(js_name = warmUp)]
pub async fn warm_up() -> Result<(), JsValue> {
    let opened = ComputeDevice::open(DEVICE).await?;
    #[cfg(feature = "gpu")]
    crate::kernels::operators::warm_up(&opened.device).await?;
    drop(opened);
    Ok(())
}

/// A model's file on its way into wasm memory, piece by piece.
#[wasm_bindgen]
pub struct ModelBytes(ModelDownload);

#[wasm_bindgen]
impl ModelBytes {
    /// Makes room for `length` bytes.
    ///
    /// # Errors
    /// `model-format` for a file of a size that no model has, `out-of-memory`.
    #[wasm_bindgen(constructor)]
    pub fn new(length: f64) -> Result<ModelBytes, JsValue> {
        // What f64 holds beyond usize saturates, and is refused for its size.
        Ok(Self(ModelDownload::new(length as usize)?))
    }

    /// Adds the next piece.
    ///
    /// # Errors
    /// `model-format` where more comes than was announced.
    pub fn append(&mut self, piece: &[u8]) -> Result<(), JsValue> {
        Ok(self.0.append(piece)?)
    }
}

/// A model on this build's device.
#[wasm_bindgen]
pub struct Engine {
    pub(super) colorizer: Colorizer,
    origin: Option<Origin>,
    /// Smoothing state from the frames before.
    pub(super) steady: Cell<FrameSmoother>,
}

#[wasm_bindgen]
impl Engine {
    /// Opens the device and puts the model on it: a model file, or a checkpoint of PyTorch. Where
    /// `sha256` is given, the bytes must have it.
    ///
    /// # Errors
    /// `model-integrity`, `model-format`, `no-device`.
    pub async fn load(model: ModelBytes, sha256: Option<String>) -> Result<Engine, JsValue> {
        let bytes = model.0.finish(sha256.as_deref())?;
        let device = ComputeDevice::open(DEVICE).await?;
        let mut model = ModelFile::read(&bytes)?;
        // Wasm memory never shrinks: the file's room is taken by the network.
        drop(bytes);
        let origin = model.origin.take();
        Ok(Self { colorizer: Colorizer::new(model, device)?, origin, steady: Cell::default() })
    }

    /// Device, model and default settings, as [`EngineDescription`].
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn describe(&self) -> Result<JsValue, JsValue> {
        to_js(&EngineDescription::of(&self.colorizer, self.origin.as_ref()))
    }

    /// Colours pixels that the browser decoded, upright, from `file` or, where that is absent,
    /// from no file. `options` are [`ColorizeOptions`]. `tick(stage, done)` is told of progress and
    /// answers whether to stop.
    ///
    /// # Errors
    /// `image-too-large`, `image-decode`, `out-of-memory`, `invalid-argument`, `unsupported`,
    /// `device-lost`, `aborted`.
    #[wasm_bindgen(js_name = colorizePixels)]
    pub async fn colorize_pixels(
        &self,
        pixels: Pixels,
        file: Option<PhotoFile>,
        options: JsValue,
        tick: js_sys::Function,
    ) -> Result<Picture, JsValue> {
        let Pixels { width, height, channels, samples } = pixels;
        let photo = Photo::new(width, height, channels, Samples::U8(samples))?;
        let metadata = file.map(|file| file.metadata.upright(width, height)).unwrap_or_default();
        self.colorize(photo, metadata, options, tick).await
    }

    /// Decodes a file here (TIFF, and PNG of 16 bits or with alpha: what a canvas would coarsen)
    /// and colours it. `options` are [`ColorizeOptions`].
    ///
    /// # Errors
    /// As [`Engine::colorize_pixels`].
    #[wasm_bindgen(js_name = colorizeFile)]
    pub async fn colorize_file(
        &self,
        bytes: &Uint8Array,
        options: JsValue,
        tick: js_sys::Function,
    ) -> Result<Picture, JsValue> {
        let decoded = files::decode(std::io::Cursor::new(copied(bytes)?))?;
        self.colorize(decoded.photo, decoded.metadata, options, tick).await
    }
}

impl Engine {
    async fn colorize(
        &self,
        photo: Photo,
        metadata: FileMetadata,
        options: JsValue,
        tick: js_sys::Function,
    ) -> Result<Picture, JsValue> {
        let ColorizeOptions { hints, neutralize } = from_js(options)?;
        let preparation = Preparation { neutralize, ..Preparation::default() };
        let pace = &mut JsPace::new(tick);
        let colorization = self.colorizer.colorize(&photo, preparation, &hints, pace).await?;
        Ok(Picture::from(picture::Picture::new(photo, metadata, colorization)))
    }
}
