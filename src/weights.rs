//! The model file: safetensors with PyTorch's names and layouts, and string metadata.
//!
//! | key | value |
//! |---|---|
//! | `autochrome.format` | version of this table, `1` |
//! | `autochrome.network` | the network and its widths, JSON |
//! | `autochrome.precision` | `f32` or `f16`: how matrices are stored; vectors are always f32 |
//! | `autochrome.logit_scale` | what the network's logits are divided by, so that T means one thing |
//! | `autochrome.working_size` | short side the photograph is resized to |
//! | `autochrome.temperature`, `autochrome.rebalance` | the model's defaults; absent: 0.38 and 1 |
//! | `autochrome.bins` | SHA-256 of the ab bins |
//! | `autochrome.trained_on`, `autochrome.license`, `autochrome.created_by` | for people |
//!
//! The tensor `autochrome.class_weights` `[313]` holds the weights of a model that was trained
//! with class rebalancing.

use crate::ab_bins;
use crate::error::{Error, Result};
use crate::network::{Network, NetworkConfig};
use burn::nn::Initializer;
use burn::prelude::*;
use burn_store::bridge;
use half::f16;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the format that this build reads and writes.
pub const FORMAT: &str = "1";

/// Prefix of every metadata key and tensor that is ours.
const PREFIX: &str = "autochrome.";

/// The tensor of class weights.
const CLASS_WEIGHTS: &str = "autochrome.class_weights";

/// How the matrices of a model are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// 16-bit floats, widened when loaded.
    F16,
}

impl Precision {
    /// The name in files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }
}

/// What a model file says of itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metadata {
    /// The network and its widths.
    #[serde(flatten)]
    pub network: NetworkConfig,
    /// How matrices are stored in the file it was read from.
    pub precision: Precision,
    /// What the network's logits are divided by.
    pub logit_scale: f32,
    /// Short side, in pixels, that photographs are resized to.
    pub working_size: usize,
    /// Default temperature of the annealed mean.
    pub temperature: f32,
    /// Default share of the class rebalancing that is kept.
    pub rebalance: f32,
    /// What it was trained on.
    pub trained_on: String,
    /// Terms of use.
    pub license: String,
    /// Program and version that wrote the file.
    pub created_by: String,
}

impl Metadata {
    /// The paper's settings for a network of which nothing more is known.
    #[must_use]
    pub fn for_network(network: NetworkConfig) -> Self {
        Self {
            network,
            precision: Precision::F32,
            logit_scale: 1.0,
            working_size: 256,
            temperature: ab_bins::PAPER_TEMPERATURE,
            rebalance: 1.0,
            trained_on: String::new(),
            license: String::new(),
            created_by: String::new(),
        }
    }
}

/// One tensor on the host: PyTorch's layout, row-major, widened to f32.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// The elements.
    pub values: Vec<f32>,
}

/// A model in host memory: read from a file, checked, not yet on a device.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFile {
    /// What the file says of itself.
    pub metadata: Metadata,
    /// Tensors of the network by name.
    pub tensors: BTreeMap<String, HostTensor>,
    /// The 313 weights it was trained with, if it was rebalanced.
    pub class_weights: Option<Vec<f32>>,
    /// Tensors of the file that are not needed: those of a checkpoint that inference does
    /// without. Named so that nothing is dropped in silence.
    pub ignored: Vec<String>,
}

impl ModelFile {
    /// Reads a model file, or a plain safetensors checkpoint whose tensors are those of a known
    /// network (it gets the paper's settings).
    ///
    /// # Errors
    /// Every `model-format` error of [`Error`]: bytes that are no safetensors file, an unknown
    /// network or version, other bins, values that are not finite. Each single tensor's name and
    /// shape is checked by [`ModelFile::build`].
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| Error::ModelFormat(e.to_string()))?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| Error::ModelFormat(e.to_string()))?;
        let strings = header.metadata().clone().unwrap_or_default();

        let mut tensors = BTreeMap::new();
        let mut ignored = Vec::new();
        for (name, view) in file.tensors() {
            if name.ends_with(".num_batches_tracked") {
                ignored.push(name);
                continue;
            }
            let values = widen(&name, view.dtype(), view.data())?;
            if values.iter().any(|v| !v.is_finite()) {
                return Err(Error::ModelNotFinite { tensor: name });
            }
            tensors.insert(name, HostTensor { shape: view.shape().to_vec(), values });
        }
        let class_weights = tensors.remove(CLASS_WEIGHTS).map(check_class_weights).transpose()?;

        let metadata = if strings.contains_key(&format!("{PREFIX}format")) {
            parse_metadata(&strings)?
        } else {
            import(&strings, &mut tensors, &mut ignored)?
        };
        check_recognised(&metadata.network, &tensors)?;
        if class_weights.is_none() && metadata.rebalance != 1.0 {
            return Err(Error::ModelFormat(format!(
                "it asks for rebalance {} but has no tensor {CLASS_WEIGHTS}",
                metadata.rebalance
            )));
        }
        ignored.sort();
        Ok(Self { metadata, tensors, class_weights, ignored })
    }

    /// The bytes of a model file. The same model gives the same bytes.
    ///
    /// # Errors
    /// [`Error::ModelFormat`] where a value does not fit `precision`.
    pub fn write(&self, precision: Precision) -> Result<Vec<u8>> {
        let m = &self.metadata;
        let mut strings = BTreeMap::from([
            ("format", FORMAT.to_owned()),
            ("network", serde_json::to_string(&m.network).expect("a configuration is plain data")),
            ("precision", precision.name().to_owned()),
            ("logit_scale", m.logit_scale.to_string()),
            ("working_size", m.working_size.to_string()),
            ("temperature", m.temperature.to_string()),
            ("rebalance", m.rebalance.to_string()),
            ("bins", ab_bins::HASH.to_owned()),
        ]);
        for (key, text) in
            [("trained_on", &m.trained_on), ("license", &m.license), ("created_by", &m.created_by)]
        {
            if !text.is_empty() {
                strings.insert(key, text.clone());
            }
        }

        // The `safetensors` crate writes metadata in the order of a hash map, which differs from
        // run to run; a file that is named by its SHA-256 needs one order. Wide types come first
        // so that every tensor is aligned.
        let class_weights = self.class_weights.as_ref().map(|values| {
            (CLASS_WEIGHTS.to_owned(), HostTensor { shape: vec![ab_bins::COUNT], values: values.clone() })
        });
        let mut stored: Vec<(&String, &HostTensor, bool)> = self
            .tensors
            .iter()
            .chain(class_weights.as_ref().map(|(name, tensor)| (name, tensor)))
            .map(|(name, tensor)| (name, tensor, precision == Precision::F16 && tensor.shape.len() > 1))
            .collect();
        stored.sort_by_key(|(_, _, half)| *half);

        let mut header = BTreeMap::new();
        let strings: BTreeMap<String, String> =
            strings.into_iter().map(|(key, value)| (format!("{PREFIX}{key}"), value)).collect();
        header.insert("__metadata__".to_owned(), serde_json::json!(strings));
        let mut data = Vec::new();
        for (name, tensor, half) in stored {
            let start = data.len();
            for value in &tensor.values {
                if half {
                    let narrow = f16::from_f32(*value);
                    if !narrow.is_finite() {
                        return Err(Error::ModelFormat(format!(
                            "{value} in {name} does not fit 16 bits; use f32"
                        )));
                    }
                    data.extend(narrow.to_le_bytes());
                } else {
                    data.extend(value.to_le_bytes());
                }
            }
            let dtype = if half { "F16" } else { "F32" };
            let entry = serde_json::json!({"dtype": dtype, "shape": tensor.shape, "data_offsets": [start, data.len()]});
            header.insert(name.clone(), entry);
        }
        let mut json = serde_json::to_vec(&header).expect("a map of plain data");
        json.resize(json.len().next_multiple_of(8), b' ');
        let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
        bytes.extend(json);
        bytes.extend(data);
        Ok(bytes)
    }

    /// Builds the network on a device, ready for inference.
    ///
    /// # Errors
    /// [`Error::ModelTensors`] where tensors are missing, misshaped or unknown.
    pub fn build(&self, device: &Device) -> Result<Network> {
        let mut network = self.metadata.network.init(&Initializer::Zeros, device);
        check_tensors(&network, &self.metadata.network, &self.tensors)?;
        let tensors = self
            .tensors
            .iter()
            .map(|(name, tensor)| {
                let data = TensorData::new(tensor.values.clone(), tensor.shape.clone());
                bridge::from_data(data, name.clone(), None)
            })
            .collect();
        network.load(tensors).map_err(|differences| Error::ModelTensors {
            network: self.metadata.network.name().to_owned(),
            differences,
        })?;
        Ok(network.into_inference())
    }

    /// Number of weights.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.tensors.values().map(|tensor| tensor.values.len()).sum()
    }
}

/// SHA-256 of a file, as manifests name it.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    crate::hex(&Sha256::digest(bytes))
}

/// Checks downloaded bytes against the hash of the manifest.
///
/// # Errors
/// [`Error::ModelIntegrity`] where they differ.
pub fn check_sha256(bytes: &[u8], expected: &str) -> Result<()> {
    let found = sha256(bytes);
    if found.eq_ignore_ascii_case(expected) {
        Ok(())
    } else {
        Err(Error::ModelIntegrity { found, expected: expected.to_owned() })
    }
}

fn widen(name: &str, dtype: Dtype, data: &[u8]) -> Result<Vec<f32>> {
    fn each<const N: usize>(data: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        data.chunks_exact(N).map(|bytes| value(bytes.try_into().expect("chunks of N"))).collect()
    }
    match dtype {
        Dtype::F32 => Ok(each(data, f32::from_le_bytes)),
        Dtype::F16 => Ok(each(data, |b| f16::from_le_bytes(b).to_f32())),
        Dtype::BF16 => Ok(each(data, |b| half::bf16::from_le_bytes(b).to_f32())),
        Dtype::F64 => Ok(each(data, |b| f64::from_le_bytes(b) as f32)),
        other => Err(Error::ModelFormat(format!(
            "tensor {name} holds {other:?}; weights are F32, F16, BF16 or F64"
        ))),
    }
}

fn check_class_weights(tensor: HostTensor) -> Result<Vec<f32>> {
    if tensor.shape != [ab_bins::COUNT] || tensor.values.iter().any(|w| *w <= 0.0) {
        return Err(Error::ModelFormat(format!(
            "{CLASS_WEIGHTS} must be {} positive numbers, it is {:?}",
            ab_bins::COUNT,
            tensor.shape
        )));
    }
    Ok(tensor.values)
}

fn parse_metadata(strings: &std::collections::HashMap<String, String>) -> Result<Metadata> {
    let get = |key: &str| strings.get(&format!("{PREFIX}{key}")).map(String::as_str);
    let need = |key: &str| get(key).ok_or_else(|| Error::ModelFormat(format!("it has no {PREFIX}{key}")));
    let format = need("format")?;
    if format != FORMAT {
        return Err(Error::ModelVersion { found: format.to_owned(), known: FORMAT });
    }
    let bins = need("bins")?;
    if bins != ab_bins::HASH {
        return Err(Error::ModelBins { found: bins.to_owned(), expected: ab_bins::HASH });
    }
    let number = |key: &str, default: f32, low: f32, high: f32| -> Result<f32> {
        let Some(text) = get(key) else { return Ok(default) };
        let in_range = |v: &f32| (low..=high).contains(v);
        text.parse().ok().filter(in_range).ok_or_else(|| {
            Error::ModelFormat(format!("{PREFIX}{key} is {text:?}, expected a number from {low} to {high}"))
        })
    };
    let network: NetworkConfig = serde_json::from_str(need("network")?)
        .map_err(|e| Error::ModelFormat(format!("{PREFIX}network is not understood: {e}")))?;
    if let NetworkConfig::Unet(unet) = &network
        && !unet.is_consistent()
    {
        return Err(Error::ModelFormat(format!(
            "{PREFIX}network has widths and depths that do not fit each other"
        )));
    }
    let precision = match need("precision")? {
        "f32" => Precision::F32,
        "f16" => Precision::F16,
        other => return Err(Error::ModelFormat(format!("{PREFIX}precision {other:?} is unknown"))),
    };
    let text = |key| get(key).unwrap_or_default().to_owned();
    Ok(Metadata {
        network,
        precision,
        logit_scale: number("logit_scale", 1.0, 1e-3, 1e3)?,
        working_size: number("working_size", 256.0, 8.0, 4096.0)? as usize,
        temperature: number("temperature", ab_bins::PAPER_TEMPERATURE, 0.0, 10.0)?,
        rebalance: number("rebalance", 1.0, 0.0, 1.0)?,
        trained_on: text("trained_on"),
        license: text("license"),
        created_by: text("created_by"),
    })
}

/// Recognises a checkpoint by its tensors and takes away those that inference does without.
fn import(
    strings: &std::collections::HashMap<String, String>,
    tensors: &mut BTreeMap<String, HostTensor>,
    ignored: &mut Vec<String>,
) -> Result<Metadata> {
    let shapes = tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone())).collect();
    let network = NetworkConfig::recognise(&shapes).ok_or_else(|| {
        let first: Vec<&str> = tensors.keys().take(3).map(String::as_str).collect();
        Error::ModelFormat(format!(
            "its {} tensors ({}, …) are those of no known network (eccv16, unet)",
            tensors.len(),
            first.join(", ")
        ))
    })?;
    if let Some(decoder) = tensors.remove("model_out.weight") {
        check_bin_decoder(&decoder)?;
        ignored.push("model_out.weight".to_owned());
    }
    let mut metadata = Metadata::for_network(network);
    // A trainer may leave its settings beside the weights under their plain names.
    let number = |key: &str| strings.get(key).and_then(|text| text.parse::<f32>().ok()).filter(|v| *v >= 0.0);
    if let Some(size) = number("working_size").filter(|v| (8.0..=4096.0).contains(v)) {
        metadata.working_size = size as usize;
    }
    metadata.temperature = number("temperature").unwrap_or(metadata.temperature);
    metadata.rebalance = number("rebalance").filter(|v| *v <= 1.0).unwrap_or(metadata.rebalance);
    metadata.trained_on = strings.get("trained_on").cloned().unwrap_or_default();
    metadata.license = strings.get("license").cloned().unwrap_or_default();
    Ok(metadata)
}

/// The released network ends in a fixed 1 x 1 convolution whose weights are the bins / 110
/// (SPEC section 6). It is not needed, but tells whether the bins are ours.
fn check_bin_decoder(tensor: &HostTensor) -> Result<()> {
    let fits = tensor.shape == [2, ab_bins::COUNT, 1, 1]
        && tensor.values.iter().enumerate().all(|(i, w)| {
            let centre = ab_bins::CENTRES[i % ab_bins::COUNT][i / ab_bins::COUNT];
            (w * 110.0 - f32::from(centre)).abs() < 1e-3
        });
    if fits {
        Ok(())
    } else {
        Err(Error::ModelBins { found: "model_out.weight, another table".to_owned(), expected: ab_bins::HASH })
    }
}

/// What the metadata claims must be what the tensors show, before anything of that size is built.
fn check_recognised(network: &NetworkConfig, tensors: &BTreeMap<String, HostTensor>) -> Result<()> {
    let shapes = tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone())).collect();
    let differences = match NetworkConfig::recognise(&shapes) {
        Some(found) if found == *network => return Ok(()),
        Some(found) => format!("the tensors are those of {found:?}, the metadata says {network:?}"),
        None => "the tensors are those of no known network".to_owned(),
    };
    Err(Error::ModelTensors { network: network.name().to_owned(), differences })
}

/// Compares names and shapes with those of the network.
fn check_tensors(
    network: &Network,
    config: &NetworkConfig,
    tensors: &BTreeMap<String, HostTensor>,
) -> Result<()> {
    let expected: BTreeMap<String, Vec<usize>> =
        network.tensors().into_iter().map(|tensor| (tensor.name.clone(), tensor.shape.to_vec())).collect();
    let mut differences = Vec::new();
    for (name, shape) in &expected {
        match tensors.get(name) {
            None => differences.push(format!("{name} {shape:?} is missing")),
            Some(found) if found.shape != *shape => {
                differences.push(format!("{name} is {:?}, expected {shape:?}", found.shape));
            }
            Some(_) => {}
        }
    }
    differences.extend(
        tensors.keys().filter(|name| !expected.contains_key(*name)).map(|name| format!("{name} is unknown")),
    );
    if differences.is_empty() {
        return Ok(());
    }
    let more = differences.len().saturating_sub(8);
    differences.truncate(8);
    if more > 0 {
        differences.push(format!("and {more} more"));
    }
    Err(Error::ModelTensors { network: config.name().to_owned(), differences: differences.join("; ") })
}
