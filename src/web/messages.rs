//! Plain objects that cross the boundary. `www/protocol.js` has the same shapes in JSDoc.

use crate::engine::color_error::ColorError;
use crate::engine::hints::Hint;
use crate::engine::inspector::{Inspection, LikelyColour};
use crate::engine::{Colorizer, Tone};
use crate::error::{Error, Result};
use crate::image::files::{FileFormat, FileMetadata};
use crate::kernels::device::DeviceKind;
use crate::model::network::Output;
use crate::model::weights::Origin;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;

pub(super) fn to_js(value: &impl Serialize) -> Result<JsValue, JsValue> {
    serde_wasm_bindgen::to_value(value).map_err(Into::into)
}

pub(super) fn from_js<T: DeserializeOwned>(value: JsValue) -> Result<T, JsValue> {
    serde_wasm_bindgen::from_value(value).map_err(|error| {
        let value = error.to_string();
        Error::Parameter { name: "options", value, range: "an object of the documented shape" }.into()
    })
}

/// See [`Tone`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToneOptions {
    temperature: f32,
    rebalance: f32,
    saturation: f32,
    #[serde(default)]
    warmth: f32,
}

impl From<ToneOptions> for Tone {
    fn from(options: ToneOptions) -> Self {
        let ToneOptions { temperature, rebalance, saturation, warmth } = options;
        Self { temperature, rebalance, saturation, warmth }
    }
}

/// `workingSize`: the short side of what the network sees; `steady`: see
/// [`crate::engine::frames::Steady`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct FrameOptions {
    pub(super) working_size: usize,
    pub(super) steady: f32,
}

/// How a photograph is prepared for the network.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct ColorizeOptions {
    pub(super) hints: Vec<Hint>,
    pub(super) neutralize: bool,
}

impl Default for ColorizeOptions {
    fn default() -> Self {
        Self { hints: Vec::new(), neutralize: true }
    }
}

/// File type and, for JPEG, quality in 0…1, as in `canvas.toBlob`; what becomes of the metadata.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct EncodeOptions {
    #[serde(rename = "type")]
    media_type: String,
    quality: Option<f32>,
    #[serde(default)]
    remove_location: bool,
    #[serde(default = "yes")]
    ai_mark: bool,
}

fn yes() -> bool {
    true
}

impl EncodeOptions {
    /// What the coloured file says of itself.
    pub(super) fn metadata(&self, photograph: &FileMetadata) -> FileMetadata {
        let mut metadata = photograph.clone();
        if self.remove_location {
            metadata.remove_location();
        }
        if self.ai_mark {
            metadata.mark_as_colored();
        }
        metadata
    }

    pub(super) fn format(&self) -> Result<FileFormat> {
        match self.media_type.as_str() {
            "image/png" => Ok(FileFormat::Png),
            "image/tiff" => Ok(FileFormat::Tiff),
            "image/jpeg" => Ok(match self.quality {
                None => FileFormat::JPEG,
                Some(quality) => FileFormat::Jpeg { quality: (quality * 100.0).clamp(1.0, 100.0) as u8 },
            }),
            other => {
                let range = "image/png, image/jpeg or image/tiff";
                Err(Error::Parameter { name: "type", value: other.to_owned(), range })
            }
        }
    }
}

/// One bin's share of a distribution.
#[derive(Serialize)]
pub(super) struct BinShare {
    pub(super) a: i16,
    pub(super) b: i16,
    pub(super) p: f32,
}

/// One of the likeliest colours at a place; see [`crate::engine::inspector::LikelyColour`].
#[derive(Serialize)]
pub(super) struct LikelyShare {
    css: String,
    a: i16,
    b: i16,
    p: f32,
}

/// What is said of a place, beside its plane.
#[derive(Serialize)]
pub(super) struct PlaceDescription {
    top: Vec<LikelyShare>,
    confidence: f32,
    lightness: f32,
}

impl From<&Inspection> for PlaceDescription {
    fn from(inspection: &Inspection) -> Self {
        let share = |&LikelyColour { ab: [a, b], p, rgb: [red, green, blue] }: &LikelyColour| LikelyShare {
            css: format!("#{red:02x}{green:02x}{blue:02x}"),
            a,
            b,
            p,
        };
        let top = inspection.top.iter().map(share).collect();
        Self { top, confidence: inspection.confidence, lightness: inspection.lightness }
    }
}

/// See [`ColorError`].
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ColorErrorDescription {
    mean_ab: f64,
    psnr: f64,
}

impl From<ColorError> for ColorErrorDescription {
    fn from(ColorError { mean_ab, psnr }: ColorError) -> Self {
        Self { mean_ab, psnr }
    }
}

/// What an engine is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EngineDescription {
    device: DeviceDescription,
    network: String,
    /// The format of the file it was read from.
    format: &'static str,
    license: String,
    defaults: ToneDescription,
    /// Whether `rebalance` may be other than 1.
    rebalances: bool,
    /// Whether it predicts a distribution over the 313 bins, so that there is a temperature.
    distribution: bool,
    /// Whether it takes hints.
    hints: bool,
    /// Tensors of the file that the network has no use for.
    unused: Vec<String>,
    version: &'static str,
}

#[derive(Serialize)]
struct DeviceDescription {
    kind: &'static str,
    name: String,
}

#[derive(Serialize)]
struct ToneDescription {
    temperature: f64,
    rebalance: f64,
    saturation: f64,
    warmth: f64,
}

impl EngineDescription {
    pub(super) fn of(colorizer: &Colorizer, origin: Option<&Origin>) -> Self {
        let network = &colorizer.metadata().network;
        let Tone { temperature, rebalance, saturation, warmth } = colorizer.default_tone();
        // JavaScript has only f64; 0.8 must not become 0.800000011920929 on a slider.
        let round = |value: f32| (f64::from(value) * 1e6).round() / 1e6;
        Self {
            device: DeviceDescription {
                kind: if colorizer.device().kind == DeviceKind::Gpu { "webgpu" } else { "cpu" },
                name: colorizer.device().name.clone(),
            },
            network: network.name().to_owned(),
            format: origin.map_or("", |origin| origin.format.name()),
            license: colorizer.metadata().license.clone(),
            defaults: ToneDescription {
                temperature: round(temperature),
                rebalance: round(rebalance),
                saturation: round(saturation),
                warmth: round(warmth),
            },
            rebalances: colorizer.has_class_weights(),
            distribution: network.output() == Output::Logits,
            hints: network.takes_hints(),
            unused: origin.map(|origin| origin.unused.clone()).unwrap_or_default(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}
