//! The crate as JavaScript sees it, inside the worker: `Engine` (a model on a device) makes
//! `Picture`s (a photograph with its predicted colours). The only room that knows wasm-bindgen.

mod messages;
mod pace;
#[cfg(feature = "gpu")]
pub(crate) mod subgroups;

use crate::ab_bins;
use crate::backend::{ComputeDevice, DeviceChoice};
use crate::colorize::{Colorization, Colorizer, Preparation};
use crate::colour_error::ColourError;
use crate::error::{Error, Result};
use crate::files::{self, FileMetadata};
use crate::memory::{self, Growing};
use crate::neutralise;
use crate::photo::{Channels, Photo, Samples};
use crate::weights::{Arriving, ModelFile, Origin};
use js_sys::{Uint8Array, Uint8ClampedArray};
use messages::{
    BinShare, ColorizeOptions, ColourErrorDescription, EncodeOptions, EngineDescription, ToneOptions,
    from_js, to_js,
};
use pace::JsPace;
use wasm_bindgen::prelude::*;
use web_sys::ImageData;

/// Longest side of the copy by which a photograph is judged to be in colour.
const ENOUGH_TO_JUDGE: usize = 256;

#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// A model's file on its way into wasm memory, piece by piece.
#[wasm_bindgen]
pub struct ModelBytes(Arriving);

#[wasm_bindgen]
impl ModelBytes {
    /// Makes room for `length` bytes.
    ///
    /// # Errors
    /// `model-format` for a file of a size that no model has, `out-of-memory`.
    #[wasm_bindgen(constructor)]
    pub fn new(length: f64) -> Result<ModelBytes, JsValue> {
        // What f64 holds beyond usize saturates, and is refused for its size.
        Ok(Self(Arriving::new(length as usize)?))
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
    colorizer: Colorizer,
    origin: Option<Origin>,
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
        let choice = if cfg!(feature = "gpu") { DeviceChoice::Gpu } else { DeviceChoice::Cpu };
        let device = ComputeDevice::open(choice).await?;
        let mut model = ModelFile::read(&bytes, &device.device)?;
        // Wasm memory never shrinks: the file's room is taken by the network.
        drop(bytes);
        let origin = model.origin.take();
        Ok(Self { colorizer: Colorizer::new(model, device)?, origin })
    }

    /// Device, model and default settings, as [`EngineDescription`].
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn describe(&self) -> Result<JsValue, JsValue> {
        to_js(&EngineDescription::of(&self.colorizer, self.origin.as_ref()))
    }

    /// Colours RGBA pixels that the browser decoded, upright, from `file` or, where that is absent,
    /// from no file. `options` are [`ColorizeOptions`]. `tick(stage, done)` is told of progress and
    /// answers whether to stop.
    ///
    /// # Errors
    /// `image-too-large`, `image-decode`, `out-of-memory`, `invalid-argument`, `unsupported`,
    /// `device-lost`, `aborted`.
    #[wasm_bindgen(js_name = colorizePixels)]
    pub async fn colorize_pixels(
        &self,
        pixels: &Uint8ClampedArray,
        width: usize,
        height: usize,
        file: Option<PhotoFile>,
        options: JsValue,
        tick: js_sys::Function,
    ) -> Result<Picture, JsValue> {
        let mut samples = memory::room(pixels.length() as usize)?;
        samples.resize(pixels.length() as usize, 0);
        pixels.copy_to(&mut samples);
        let photo = Photo::new(width, height, Channels::Rgba, Samples::U8(samples))?;
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
        let ColorizeOptions { hints, neutralise } = from_js(options)?;
        let preparation = Preparation { neutralise, ..Preparation::default() };
        let pace = &mut JsPace::new(tick);
        let colorization = self.colorizer.colorize(&photo, preparation, &hints, pace).await?;
        let small = photo.preview(ENOUGH_TO_JUDGE);
        let small = small.as_ref().unwrap_or(&photo);
        let is_colour = neutralise::has_colours(&small.resized_over_white(small.width(), small.height()));
        Ok(Picture { photo, metadata, colorization, is_colour, preview: None })
    }
}

/// Whether a file is better decoded by [`Engine::colorize_file`] than by the browser. Needs its
/// first 26 bytes.
#[wasm_bindgen(js_name = decodesHere)]
#[must_use]
pub fn decodes_here(head: &[u8]) -> bool {
    files::loses_in_canvas(head)
}

/// Bytes of JavaScript, copied to where Rust can read them.
fn copied(bytes: &Uint8Array) -> Result<Vec<u8>> {
    let mut copy = memory::room(bytes.length() as usize)?;
    copy.resize(bytes.length() as usize, 0);
    bytes.copy_to(&mut copy);
    Ok(copy)
}

/// What a file says of its photograph, known before the browser decodes it.
#[wasm_bindgen]
pub struct PhotoFile {
    metadata: FileMetadata,
}

#[wasm_bindgen]
impl PhotoFile {
    /// Reads a whole file, all but its pixels.
    ///
    /// # Errors
    /// `image-too-large` for a photograph that must not be decoded, `out-of-memory`.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: &Uint8Array) -> Result<PhotoFile, JsValue> {
        Ok(Self { metadata: FileMetadata::read(&copied(bytes)?)? })
    }

    /// Whether the coloured file will carry this one's colour profile. The pixels must then be
    /// decoded as they stand in the file, not converted to sRGB.
    #[wasm_bindgen(getter, js_name = keepsProfile)]
    #[must_use]
    pub fn keeps_profile(&self) -> bool {
        self.metadata.icc.is_some()
    }
}

/// A photograph and its predicted colours.
#[wasm_bindgen]
pub struct Picture {
    photo: Photo,
    metadata: FileMetadata,
    colorization: Colorization,
    is_colour: bool,
    /// The last reduced copy, with the longest side it was made for.
    preview: Option<(usize, Photo)>,
}

/// Pixels for a canvas, copied out of wasm memory: a view of it could not be transferred, and would
/// change under the reader's eyes.
fn image_data(photo: &Photo) -> Result<ImageData, JsValue> {
    let pixels = Uint8ClampedArray::from(photo.to_rgba8().as_slice());
    ImageData::new_with_js_u8_clamped_array_and_sh(&pixels, photo.width() as u32, photo.height() as u32)
}

#[wasm_bindgen]
impl Picture {
    /// Pixels across.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn width(&self) -> usize {
        self.photo.width()
    }

    /// Pixels down.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn height(&self) -> usize {
        self.photo.height()
    }

    /// Whether the photograph came in colours of its own, neither gray nor toned.
    #[wasm_bindgen(getter, js_name = isColour)]
    #[must_use]
    pub fn is_colour(&self) -> bool {
        self.is_colour
    }

    /// How near the colours come to the photograph's own, compared no larger than `max_side`: a
    /// [`ColourErrorDescription`].
    ///
    /// # Errors
    /// `invalid-argument`, `out-of-memory`, `aborted`.
    #[wasm_bindgen(js_name = colourError)]
    pub async fn colour_error(
        &mut self,
        tone: JsValue,
        max_side: Option<usize>,
        tick: js_sys::Function,
    ) -> Result<JsValue, JsValue> {
        let tone = from_js::<ToneOptions>(tone)?.into();
        let photo = self.at_most(max_side).try_clone()?;
        let coloured = self.colorization.render(photo, tone, &mut JsPace::new(tick)).await?;
        to_js(&ColourErrorDescription::from(ColourError::between(self.at_most(max_side), &coloured)?))
    }

    fn at_most(&mut self, max_side: Option<usize>) -> &Photo {
        let Some(side) = max_side.filter(|side| *side > 0) else { return &self.photo };
        if self.preview.as_ref().is_none_or(|(made_for, _)| *made_for != side) {
            self.preview = self.photo.preview(side).map(|photo| (side, photo));
        }
        self.preview.as_ref().map_or(&self.photo, |(_, photo)| photo)
    }

    /// The photograph as it came, no larger than `max_side`.
    ///
    /// # Errors
    /// The browser's own, where it has no memory left.
    pub fn original(&mut self, max_side: Option<usize>) -> Result<ImageData, JsValue> {
        image_data(self.at_most(max_side))
    }

    /// The photograph in colour, no larger than `max_side` (full size where it is absent).
    ///
    /// # Errors
    /// `invalid-argument`, `aborted`.
    pub async fn render(
        &mut self,
        tone: JsValue,
        max_side: Option<usize>,
        tick: js_sys::Function,
    ) -> Result<ImageData, JsValue> {
        let tone = from_js::<ToneOptions>(tone)?.into();
        let photo = self.at_most(max_side).try_clone()?;
        let coloured = self.colorization.render(photo, tone, &mut JsPace::new(tick)).await?;
        image_data(&coloured)
    }

    /// The photograph in colour at full size, as the bytes of a file. `options` are
    /// [`EncodeOptions`].
    ///
    /// # Errors
    /// `invalid-argument`, `image-encode`, `out-of-memory`, `aborted`.
    pub async fn encode(
        &self,
        tone: JsValue,
        options: JsValue,
        tick: js_sys::Function,
    ) -> Result<Vec<u8>, JsValue> {
        let tone = from_js::<ToneOptions>(tone)?.into();
        let options = from_js::<EncodeOptions>(options)?;
        let format = options.format()?;
        let photo = self.photo.try_clone()?;
        let coloured = self.colorization.render(photo, tone, &mut JsPace::new(tick)).await?;
        let mut file = Growing::default();
        files::encode(&coloured, &options.metadata(&self.metadata), format, &mut file)?;
        Ok(file.into_bytes())
    }

    /// The predicted distribution at a pixel: [`BinShare`]s of all 313 bins.
    ///
    /// # Errors
    /// `invalid-argument` outside the photograph or for a tone out of range, `unsupported` where the
    /// network has no distribution.
    #[wasm_bindgen(js_name = distributionAt)]
    pub fn distribution_at(&self, x: f64, y: f64, tone: JsValue) -> Result<JsValue, JsValue> {
        let (width, height) = (self.photo.width() as f64, self.photo.height() as f64);
        if !((0.0..width).contains(&x) && (0.0..height).contains(&y)) {
            let value = format!("({x}, {y})");
            return Err(Error::Parameter { name: "point", value, range: "inside the photograph" }.into());
        }
        let tone = from_js::<ToneOptions>(tone)?.into();
        let shares = self.colorization.probabilities_at(x / width, y / height, tone)?;
        let bins: Vec<BinShare> =
            ab_bins::CENTRES.iter().zip(shares).map(|(&[a, b], p)| BinShare { a, b, p }).collect();
        to_js(&bins)
    }
}

impl From<Error> for JsValue {
    fn from(error: Error) -> Self {
        let value = js_sys::Error::new(&error.to_string());
        // Setting a property of a fresh object cannot fail.
        let _ = js_sys::Reflect::set(&value, &"code".into(), &error.code().into());
        value.into()
    }
}
