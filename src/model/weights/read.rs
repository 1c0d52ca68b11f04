//! Reading models: our own files, and checkpoints recognised by their tensors.

use super::{
    CLASS_WEIGHTS, CLASSIFIER, ENCODER, FORMAT, HostTensor, Metadata, ModelFile, Origin, PREFIX, Precision,
    int8,
};
use crate::color::ab_bins;
use crate::error::{Error, Result};
use crate::model::checkpoint::{Checkpoint, Element, RawTensor};
use crate::model::network::{NetworkConfig, lite};
use std::collections::BTreeMap;

type Shapes = BTreeMap<String, Vec<usize>>;
type Strings = BTreeMap<String, String>;

/// Tensors that tell where a network begins among a checkpoint's dictionaries.
const ANCHORS: [&str; 5] =
    ["model1.0.weight", "stem.0.weight", "model8up.0.weight", "model8.6.weight", "out.weight"];

impl ModelFile {
    /// Reads a model file of ours, or a checkpoint of any format of [`Checkpoint`] whose tensors are
    /// those of a known network (it gets the paper's settings). Names and shapes are compared with
    /// the network before any tensor is read.
    ///
    /// # Errors
    /// Every `model-format` error of [`Error`]: bytes of no known format, tensors that are missing
    /// or misshaped (all are named), an unknown version, other bins, values that are not finite.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let Checkpoint { format, mut tensors, strings } = Checkpoint::read(bytes)?;
        if strings.contains_key(CLASSIFIER) {
            let what = "it is a classifier, which measures colours and makes none";
            return Err(Error::ModelFormat(what.to_owned()));
        }
        if strings.contains_key(ENCODER) {
            let what = "it is an encoder that a training begins with, and colours nothing by itself";
            return Err(Error::ModelFormat(what.to_owned()));
        }
        let own = strings.contains_key(&format!("{PREFIX}format"));
        let mut unused = Vec::new();
        let prefix = if own { String::new() } else { strip_prefix(&mut tensors, &mut unused) };
        let metadata = if own { parse_metadata(&strings)? } else { recognize(&strings, &tensors)? };

        let class_weights = match tensors.remove(CLASS_WEIGHTS) {
            Some(raw) => Some(check_class_weights(&raw)?),
            None if metadata.rebalance == 1.0 => None,
            None => {
                let problem =
                    format!("it asks for rebalance {} but has no tensor {CLASS_WEIGHTS}", metadata.rebalance);
                return Err(Error::ModelFormat(problem));
            }
        };
        let expected = metadata.network.architecture().tensors();
        let mut found: Shapes =
            tensors.iter().map(|(name, raw)| (name.clone(), raw.shape().to_vec())).collect();
        if sees_colors(&metadata.network, &tensors) {
            found.extend(
                expected.get_key_value(lite::STEM_WEIGHT).map(|(name, shape)| (name.clone(), shape.clone())),
            );
        }
        check_shapes(&metadata.network, &expected, &found)?;
        let mut values = BTreeMap::new();
        for (name, shape) in expected {
            values.insert(name.clone(), read_tensor(&name, shape, &tensors)?);
        }
        for (name, raw) in &tensors {
            if values.contains_key(name) || is_scale(name, &tensors) || name.ends_with(".num_batches_tracked")
            {
                continue;
            }
            if name == "model_out.weight" {
                check_bin_decoder(raw)?;
            } else {
                unused.push(format!("{prefix}{name}"));
            }
        }
        unused.sort();
        let origin = Some(Origin { format, prefix, unused });
        Ok(Self { metadata, tensors: values, class_weights, origin })
    }
}

/// Finds the dictionary that holds the network, takes its keys off the names, and sets the tensors
/// beside it aside. An average of the weights is taken only where nothing else is.
fn strip_prefix(tensors: &mut BTreeMap<String, RawTensor<'_>>, unused: &mut Vec<String>) -> String {
    let prefixes = tensors.keys().flat_map(|name| {
        ANCHORS.iter().filter_map(move |anchor| {
            name.strip_suffix(anchor).filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
        })
    });
    let plainest = prefixes.min_by_key(|prefix| (prefix.contains("ema"), prefix.len(), *prefix));
    let Some(prefix) = plainest.filter(|prefix| !prefix.is_empty()).map(str::to_owned) else {
        return String::new();
    };
    for (name, raw) in std::mem::take(tensors) {
        match name.strip_prefix(&prefix) {
            Some(rest) => drop(tensors.insert(rest.to_owned(), raw)),
            None => unused.push(name),
        }
    }
    prefix
}

/// Whether a lite's stem is that of the released encoder, which sees red, green and blue: gray in all
/// three, so that its kernels act as their sum.
fn sees_colors(network: &NetworkConfig, tensors: &BTreeMap<String, RawTensor<'_>>) -> bool {
    let stem = tensors.get(lite::STEM_WEIGHT).map(RawTensor::shape);
    matches!(network, NetworkConfig::Lite(_)) && matches!(stem, Some([_, 3, 3, 3]))
}

/// Whether a tensor is the scales of another, quantised one.
fn is_scale(name: &str, tensors: &BTreeMap<String, RawTensor<'_>>) -> bool {
    name.strip_suffix(".scale")
        .and_then(|name| tensors.get(name))
        .is_some_and(|raw| *raw.element() == Element::I8)
}

fn read_tensor(
    name: &str,
    shape: Vec<usize>,
    tensors: &BTreeMap<String, RawTensor<'_>>,
) -> Result<HostTensor> {
    let raw = &tensors[name];
    let mut values = raw.values(name)?;
    if *raw.element() == Element::I8 {
        let scale = format!("{name}.scale");
        let Some(raw) = tensors.get(&scale) else {
            return Err(Error::ModelFormat(format!("{name} is int8 but has no {scale}")));
        };
        let scales = HostTensor { shape: raw.shape().to_vec(), values: raw.values(&scale)? };
        values = int8::dequantize(&shape, values, &scales).ok_or_else(|| {
            Error::ModelFormat(format!("{scale} {:?} does not fit {name} {shape:?}", raw.shape()))
        })?;
    }
    if name == lite::STEM_WEIGHT && raw.shape() != shape {
        values = lite::gray_stem(&values);
    }
    Ok(HostTensor { shape, values })
}

fn check_class_weights(raw: &RawTensor<'_>) -> Result<Vec<f32>> {
    let values = raw.values(CLASS_WEIGHTS)?;
    if raw.shape() != [ab_bins::COUNT] || values.iter().any(|w| *w <= 0.0) {
        return Err(Error::ModelFormat(format!(
            "{CLASS_WEIGHTS} must be {} positive numbers, it is {:?}",
            ab_bins::COUNT,
            raw.shape()
        )));
    }
    Ok(values)
}

fn parse_metadata(strings: &Strings) -> Result<Metadata> {
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
    if !network.is_consistent() {
        return Err(Error::ModelFormat(format!(
            "{PREFIX}network has widths or depths that do not fit each other"
        )));
    }
    let precision = need("precision")?;
    let precision = Precision::ALL
        .into_iter()
        .find(|known| known.name() == precision)
        .ok_or_else(|| Error::ModelFormat(format!("{PREFIX}precision {precision:?} is unknown")))?;
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

/// Recognises a checkpoint by its tensors.
fn recognize(strings: &Strings, tensors: &BTreeMap<String, RawTensor<'_>>) -> Result<Metadata> {
    let shapes = tensors.iter().map(|(name, raw)| (name.clone(), raw.shape().to_vec())).collect();
    let network = NetworkConfig::recognize(&shapes).ok_or_else(|| {
        let first: Vec<String> =
            shapes.iter().take(3).map(|(name, shape)| format!("{name} {shape:?}")).collect();
        let listed = if first.is_empty() { String::new() } else { format!(" ({}, …)", first.join(", ")) };
        Error::ModelFormat(format!(
            "its {} tensors{listed} are those of no known network; eccv16 and siggraph17 begin with \
             model1.0.weight [64, 1 or 4, 3, 3], a unet with stem.0.weight [width, 1, 3, 3], a lite with \
             enc.stem.weight [32, 1, 3, 3]",
            tensors.len(),
        ))
    })?;
    let mut metadata = Metadata::for_network(network);
    metadata.precision = match tensors.values().find(|raw| raw.shape().len() > 1).map(RawTensor::element) {
        Some(Element::F16 | Element::Bf16) => Precision::F16,
        _ => Precision::F32,
    };
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
/// (docs/method.md#eccv16). It is not needed, but tells whether the bins are ours.
fn check_bin_decoder(raw: &RawTensor<'_>) -> Result<()> {
    let fits = raw.shape() == [2, ab_bins::COUNT, 1, 1]
        && raw.values("model_out.weight")?.iter().enumerate().all(|(i, w)| {
            let centre = ab_bins::CENTERS[i % ab_bins::COUNT][i / ab_bins::COUNT];
            (w * 110.0 - f32::from(centre)).abs() < 1e-3
        });
    if fits {
        Ok(())
    } else {
        Err(Error::ModelBins { found: "model_out.weight, another table".to_owned(), expected: ab_bins::HASH })
    }
}

/// Compares names and shapes with those of the network; additional tensors are no difference.
pub(super) fn check_shapes(network: &NetworkConfig, expected: &Shapes, found: &Shapes) -> Result<()> {
    let mut differences: Vec<String> = expected
        .iter()
        .filter_map(|(name, shape)| match found.get(name) {
            None => Some(format!("{name} {shape:?} is missing")),
            Some(other) if other != shape => Some(format!("{name} is {other:?}, expected {shape:?}")),
            Some(_) => None,
        })
        .collect();
    if differences.is_empty() {
        return Ok(());
    }
    let extra =
        found.keys().filter(|name| !expected.contains_key(*name) && !name.ends_with(".num_batches_tracked"));
    differences.extend(extra.map(|name| format!("{name} is unknown")));
    let more = differences.len().saturating_sub(12);
    differences.truncate(12);
    if more > 0 {
        differences.push(format!("and {more} more"));
    }
    Err(Error::ModelTensors { network: network.name().to_owned(), differences: differences.join("; ") })
}
