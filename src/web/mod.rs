//! The crate as JavaScript sees it, inside the worker: `Engine` (a model on a device) makes
//! `Picture`s (a photograph with its predicted colours). The only room that knows wasm-bindgen.

mod archive;
mod frames;
mod looks;
mod messages;
mod pace;
use crate::color::ab_bins;
use crate::engine::color_error::ColourError;
use crate::engine::frames::FrameSmoother;
use crate::engine::neutralize;
use crate::engine::preview::Preview;
use crate::engine::{Colorization, Colorizer, Preparation};
use crate::error::{Error, Result};
use crate::image::buffers::{self, FallibleBuffer};
use crate::image::files::{self, FileMetadata};
use crate::image::photo::{Channels, Photo, Samples};
use crate::kernels::device::{ComputeDevice, DeviceChoice};
use crate::model::weights::{ModelDownload, ModelFile, Origin};
use js_sys::{Uint8Array, Uint8ClampedArray};
use messages::{
    BinShare, ColorizeOptions, ColourErrorDescription, EncodeOptions, EngineDescription, ToneOptions,
    from_js, to_js,
};
use pace::JsPace;
use std::cell::Cell;
use wasm_bindgen::prelude::*;
use web_sys::ImageData;

/// Longest side of the copy by which a photograph is judged to be in colour.
const ENOUGH_TO_JUDGE: usize = 256;

#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// Longest side at which colours are compared with the true ones.
const COMPARED: usize = 512;

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

/// A photograph's pixels on their way into wasm memory, some rows at a time, so that they never lie
/// whole on both sides.
#[wasm_bindgen]
pub struct Pixels {
    width: usize,
    height: usize,
    /// RGB until the first pixel that is not opaque.
    channels: Channels,
    samples: Vec<u8>,
}

#[wasm_bindgen]
impl Pixels {
    /// Makes room.
    ///
    /// # Errors
    /// `image-too-large`, `image-decode`, `out-of-memory`.
    #[wasm_bindgen(constructor)]
    pub fn new(width: usize, height: usize) -> Result<Pixels, JsValue> {
        Photo::check_size(width as u64, height as u64)?;
        let channels = Channels::Rgb;
        Ok(Self {
            width,
            height,
            channels,
            samples: buffers::try_with_capacity(channels.count() * width * height)?,
        })
    }

    /// Adds the next rows, RGBA. What is more than was announced is refused later, with the photograph.
    ///
    /// # Errors
    /// `out-of-memory`.
    pub fn append(&mut self, rows: &Uint8ClampedArray) -> Result<(), JsValue> {
        let rows = rows.to_vec();
        let (pixels, _) = rows.as_chunks::<4>();
        if self.channels == Channels::Rgb && pixels.iter().any(|[.., alpha]| *alpha != u8::MAX) {
            let mut samples = buffers::try_with_capacity(4 * self.width * self.height)?;
            let (opaque, _) = self.samples.as_chunks::<3>();
            samples.extend(opaque.iter().flat_map(|&[r, g, b]| [r, g, b, u8::MAX]));
            (self.channels, self.samples) = (Channels::Rgba, samples);
        }
        if self.channels == Channels::Rgb {
            self.samples.extend(pixels.iter().flat_map(|&[r, g, b, _]| [r, g, b]));
        } else {
            self.samples.extend_from_slice(&rows);
        }
        Ok(())
    }
}

/// A model on this build's device.
#[wasm_bindgen]
pub struct Engine {
    colorizer: Colorizer,
    origin: Option<Origin>,
    /// Of the frames so far.
    steady: Cell<FrameSmoother>,
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
        let ColorizeOptions { hints, neutralise } = from_js(options)?;
        let preparation = Preparation { neutralize: neutralise, ..Preparation::default() };
        let pace = &mut JsPace::new(tick);
        let colorization = self.colorizer.colorize(&photo, preparation, &hints, pace).await?;
        let small = photo.preview(ENOUGH_TO_JUDGE);
        let small = small.as_ref().unwrap_or(&photo);
        let is_colour = neutralize::has_colours(&small.resized_over_white(small.width(), small.height()));
        Ok(Picture { photo, metadata, colorization, is_colour, reduced: None, preview: None })
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
    let mut copy = buffers::try_with_capacity(bytes.length() as usize)?;
    copy.resize(bytes.length() as usize, 0);
    bytes.copy_to(&mut copy);
    Ok(copy)
}

/// What a file says of its photograph, known before the browser decodes it.
#[wasm_bindgen]
pub struct PhotoFile {
    metadata: FileMetadata,
    of_some_browsers: Option<&'static str>,
}

#[wasm_bindgen]
impl PhotoFile {
    /// Reads a whole file, all but its pixels.
    ///
    /// # Errors
    /// `image-too-large` for a photograph that must not be decoded, `out-of-memory`.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: &Uint8Array) -> Result<PhotoFile, JsValue> {
        let bytes = copied(bytes)?;
        let of_some_browsers = files::of_some_browsers(&bytes);
        Ok(Self { metadata: FileMetadata::read(&bytes)?, of_some_browsers })
    }

    /// The name of its format, where not every browser decodes it.
    #[wasm_bindgen(getter, js_name = ofSomeBrowsers)]
    #[must_use]
    pub fn of_some_browsers(&self) -> Option<String> {
        self.of_some_browsers.map(str::to_owned)
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
    reduced: Option<(usize, Photo)>,
    /// What is rendered of it again and again.
    preview: Option<(usize, Preview)>,
}

/// Larger copies than this are rendered without keeping anything for the next time.
const PREVIEW_PIXELS: usize = 1 << 22;

/// Pixels for a canvas, copied out of wasm memory: a view of it could not be transferred, and would
/// change under the reader's eyes.
fn image_data(photo: &Photo) -> Result<ImageData, JsValue> {
    rgba_image(&photo.to_rgba8(), photo.width(), photo.height())
}

fn rgba_image(rgba: &[u8], width: usize, height: usize) -> Result<ImageData, JsValue> {
    let pixels = Uint8ClampedArray::from(rgba);
    ImageData::new_with_js_u8_clamped_array_and_sh(&pixels, width as u32, height as u32)
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

    /// The photograph no larger than `max_side`, and its colours.
    fn at_most(&mut self, max_side: Option<usize>) -> (&Photo, &mut Colorization) {
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

    /// How far the colours are from the photograph's own: a [`ColourErrorDescription`].
    ///
    /// # Errors
    /// `invalid-argument`, `out-of-memory`, `device-lost`, `aborted`.
    #[wasm_bindgen(js_name = colourError)]
    pub async fn colour_error(&self, tone: JsValue, tick: js_sys::Function) -> Result<JsValue, JsValue> {
        let tone = from_js::<ToneOptions>(tone)?.into();
        let photo = self.photo.preview(COMPARED).map_or_else(|| self.photo.try_clone(), Ok)?;
        let coloured = self.colorization.render(photo.try_clone()?, tone, &mut JsPace::new(tick)).await?;
        to_js(&ColourErrorDescription::from(ColourError::between(&photo, &coloured)?))
    }

    /// The photograph as it came, no larger than `max_side`.
    ///
    /// # Errors
    /// The browser's own, where it has no memory left.
    pub fn original(&mut self, max_side: Option<usize>) -> Result<ImageData, JsValue> {
        image_data(self.at_most(max_side).0)
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
        let pace = &mut JsPace::new(tick);
        let (photo, _) = self.at_most(max_side);
        let (width, height) = (photo.width(), photo.height());
        let side = width.max(height);
        if max_side.is_none() || width * height > PREVIEW_PIXELS {
            let photo = photo.try_clone()?;
            return image_data(&self.colorization.render(photo, tone, pace).await?);
        }
        if self.preview.as_ref().is_none_or(|(made_for, _)| *made_for != side) {
            let preview = Preview::new(self.at_most(max_side).0);
            self.preview = Some((side, preview));
        }
        let (_, preview) = self.preview.as_mut().expect("made above");
        rgba_image(preview.render(&self.colorization, tone, pace).await?, width, height)
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
        let format = options.format()?;
        let photo = self.photo.try_clone()?;
        let coloured = self.colorization.render(photo, tone, &mut JsPace::new(tick)).await?;
        let mut file = FallibleBuffer::default();
        files::encode(&coloured, &options.metadata(&self.metadata), format, &mut file)?;
        Ok(file.into_bytes())
    }

    /// The predicted distribution at a pixel: [`BinShare`]s of all 313 bins.
    ///
    /// # Errors
    /// `invalid-argument` outside the photograph or for a tone out of range, `unsupported` where the
    /// network has no distribution, `device-lost`.
    #[wasm_bindgen(js_name = distributionAt)]
    pub async fn distribution_at(&mut self, x: f64, y: f64, tone: JsValue) -> Result<JsValue, JsValue> {
        let (x, y) = self.photo.place(x, y)?;
        let tone = from_js::<ToneOptions>(tone)?.into();
        let shares = self.colorization.probabilities_at(x, y, tone).await?;
        let bins: Vec<BinShare> =
            ab_bins::CENTERS.iter().zip(shares).map(|(&[a, b], p)| BinShare { a, b, p }).collect();
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
