//! A photograph on its way from JavaScript to the network: pixels that the browser decoded, and what
//! the file says beside them.

use crate::error::Result;
use crate::image::buffers;
use crate::image::files::{self, FileMetadata};
use crate::image::photo::{Channels, Photo};
use js_sys::{Uint8Array, Uint8ClampedArray};
use wasm_bindgen::prelude::*;

/// A photograph's pixels on their way into wasm memory, some rows at a time, so that they never lie
/// whole on both sides.
#[wasm_bindgen]
pub struct Pixels {
    pub(super) width: usize,
    pub(super) height: usize,
    /// RGB until the first pixel that is not opaque.
    pub(super) channels: Channels,
    pub(super) samples: Vec<u8>,
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

/// Whether a file is better decoded by [`Engine::colorize_file`] than by the browser. Needs its
/// first 26 bytes.
#[wasm_bindgen(js_name = decodesHere)]
#[must_use]
pub fn decodes_here(head: &[u8]) -> bool {
    files::loses_in_canvas(head)
}

/// Bytes of JavaScript, copied to where Rust can read them.
pub(super) fn copied(bytes: &Uint8Array) -> Result<Vec<u8>> {
    let mut copy = buffers::try_with_capacity(bytes.length() as usize)?;
    copy.resize(bytes.length() as usize, 0);
    bytes.copy_to(&mut copy);
    Ok(copy)
}

/// What a file says of its photograph, known before the browser decodes it.
#[wasm_bindgen]
pub struct PhotoFile {
    pub(super) metadata: FileMetadata,
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
}
