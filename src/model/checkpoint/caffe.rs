//! Caffe's `.caffemodel`: a protobuf of layers with blobs. Only the fields that weights need are
//! declared (names and numbers after Caffe's `caffe.proto`); prost skips the others.
//!
//! The tensors get the names and the meaning of the PyTorch release
//! (docs/method.md#checkpoints-of-other-programs):
//!
//! - The network's L was not divided by 100 in Caffe, so the first convolution's weights are 100
//!   times smaller there.
//! - Caffe's BatchNorm keeps mean and variance multiplied by a third blob, and has no scale and
//!   shift of its own.
//! - The training data was BGR, but was flipped to RGB before Lab was taken (author's answer,
//!   richzhang/colorization issue 30). The network sees L alone and its bins are (a, b): nothing
//!   here is to be swapped. `class8_ab`, the bins as weights, proves it where the file has them.

use super::{Checkpoint, CheckpointError, Element, Format, RawTensor};
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use std::collections::BTreeMap;

/// The file.
#[derive(Clone, PartialEq, Message)]
pub struct NetParameter {
    /// Name of the network.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Layers of the old form.
    #[prost(message, repeated, tag = "2")]
    pub layers: Vec<V1LayerParameter>,
    /// Layers.
    #[prost(message, repeated, tag = "100")]
    pub layer: Vec<LayerParameter>,
}

/// A layer.
#[derive(Clone, PartialEq, Message)]
pub struct LayerParameter {
    /// Its name, unique in a network.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Its kind.
    #[prost(string, optional, tag = "2")]
    pub r#type: Option<String>,
    /// Its weights.
    #[prost(message, repeated, tag = "7")]
    pub blobs: Vec<BlobProto>,
}

/// A layer of the old form; its kind is a number there.
#[derive(Clone, PartialEq, Message)]
pub struct V1LayerParameter {
    /// Its name, unique in a network.
    #[prost(string, optional, tag = "4")]
    pub name: Option<String>,
    /// Its weights.
    #[prost(message, repeated, tag = "6")]
    pub blobs: Vec<BlobProto>,
}

/// An array.
#[derive(Clone, PartialEq, Message)]
pub struct BlobProto {
    /// Its shape in the old form: number, channels, height, width.
    #[prost(int32, optional, tag = "1")]
    pub num: Option<i32>,
    /// See `num`.
    #[prost(int32, optional, tag = "2")]
    pub channels: Option<i32>,
    /// See `num`.
    #[prost(int32, optional, tag = "3")]
    pub height: Option<i32>,
    /// See `num`.
    #[prost(int32, optional, tag = "4")]
    pub width: Option<i32>,
    /// Elements, row-major.
    #[prost(float, repeated, tag = "5")]
    pub data: Vec<f32>,
    /// Its shape.
    #[prost(message, optional, tag = "7")]
    pub shape: Option<BlobShape>,
    /// Elements in double precision.
    #[prost(double, repeated, tag = "8")]
    pub double_data: Vec<f64>,
}

/// Lengths of the axes.
#[derive(Clone, PartialEq, Message)]
pub struct BlobShape {
    /// One for each axis.
    #[prost(int64, repeated, tag = "1")]
    pub dim: Vec<i64>,
}

/// Blocks of the release: how many convolutions each has.
const BLOCKS: [usize; 7] = [2, 2, 3, 3, 3, 3, 3];

/// Layers of the last block and the positions of their convolutions in PyTorch's list.
const HEAD: [(&str, &str); 4] =
    [("conv8_1", "model8.0"), ("conv8_2", "model8.2"), ("conv8_3", "model8.4"), ("conv8_313", "model8.6")];

/// PyTorch's name of a layer; `None` for those that it does not have.
fn pytorch_name(layer: &str) -> Option<String> {
    if let Some((_, name)) = HEAD.iter().find(|(caffe, _)| *caffe == layer) {
        return Some((*name).to_owned());
    }
    let (block, number) = layer.strip_prefix("bw_").unwrap_or(layer).strip_prefix("conv")?.split_once('_')?;
    let block: usize = block.parse().ok()?;
    let count = *BLOCKS.get(block.checked_sub(1)?)?;
    let (number, norm) = match number.strip_suffix("norm") {
        Some(number) => (number, true),
        None => (number, false),
    };
    let number: usize = number.parse().ok().filter(|number| (1..=count).contains(number))?;
    match norm {
        true => (number == count).then(|| format!("model{block}.{}", 2 * count)),
        false => Some(format!("model{block}.{}", 2 * (number - 1))),
    }
}

/// Whether the bytes may be such a file; it has no mark of its own. The first field is the network's
/// name or a layer.
pub(super) fn is(bytes: &[u8]) -> bool {
    matches!(bytes, [0x0a | 0x12, ..] | [0xa2, 0x06, ..])
}

/// Layers of a network, and blobs of a layer, that are read. A message of no content takes two bytes
/// in the file and a hundred in memory, so they are counted before they are decoded.
const MAX_LAYERS: u64 = 4096;
const MAX_BLOBS: u64 = 16;

/// Goes over the fields of a message; `each` gets the number and content of those that have a length.
fn fields(
    mut message: &[u8],
    mut each: impl FnMut(u32, &[u8]) -> Result<(), CheckpointError>,
) -> Result<(), CheckpointError> {
    let damaged = |error: prost::DecodeError| CheckpointError::Protobuf(error.to_string());
    while !message.is_empty() {
        let (number, wire) = decode_key(&mut message).map_err(damaged)?;
        if wire != WireType::LengthDelimited {
            skip_field(wire, number, &mut message, DecodeContext::default()).map_err(damaged)?;
            continue;
        }
        let length = usize::try_from(decode_varint(&mut message).map_err(damaged)?).unwrap_or(usize::MAX);
        let (content, rest) =
            message.split_at_checked(length).ok_or(CheckpointError::Truncated("its protobuf"))?;
        each(number, content)?;
        message = rest;
    }
    Ok(())
}

fn count(what: &'static str, found: &mut u64, limit: u64) -> Result<(), CheckpointError> {
    *found += 1;
    if *found > limit { Err(CheckpointError::TooLarge { what, size: *found, limit }) } else { Ok(()) }
}

fn check_counts(bytes: &[u8]) -> Result<(), CheckpointError> {
    let mut layers = 0;
    fields(bytes, |number, layer| {
        let blob = match number {
            2 => 6,
            100 => 7,
            _ => return Ok(()),
        };
        count("the number of its layers", &mut layers, MAX_LAYERS)?;
        let mut blobs = 0;
        fields(layer, |number, _| match number {
            _ if number == blob => count("the number of blobs of a layer", &mut blobs, MAX_BLOBS),
            _ => Ok(()),
        })
    })
}

pub(super) fn read(bytes: &[u8]) -> Result<Checkpoint<'static>, CheckpointError> {
    check_counts(bytes)?;
    let net = NetParameter::decode(bytes).map_err(|error| CheckpointError::Protobuf(error.to_string()))?;
    let layers = net.layer.into_iter().map(|layer| (layer.name, layer.blobs));
    let old = net.layers.into_iter().map(|layer| (layer.name, layer.blobs));
    let mut tensors = Tensors::default();
    let mut strings = BTreeMap::new();
    if let Some(name) = net.name {
        strings.insert("caffe.name".to_owned(), name);
    }
    for (name, blobs) in layers.chain(old) {
        // Layers without weights: data, ReLU, loss.
        if blobs.is_empty() {
            continue;
        }
        let name = name.unwrap_or_default();
        match pytorch_name(&name) {
            Some(to) if name.ends_with("norm") => tensors.norm(&name, &to, blobs)?,
            Some(to) => tensors.convolution(&name, &to, blobs)?,
            None if name == "class8_ab" => tensors.bin_decoder(&name, blobs)?,
            // Named, so that whoever reads on can say that it is not used.
            None => {
                for (i, blob) in blobs.into_iter().enumerate() {
                    let (shape, values) = array(&name, blob)?;
                    tensors.add(&format!("{name}.{i}"), shape, values)?;
                }
            }
        }
    }
    Ok(Checkpoint { format: Format::Caffe, tensors: tensors.0, strings })
}

#[derive(Default)]
struct Tensors(BTreeMap<String, RawTensor<'static>>);

impl Tensors {
    fn add(&mut self, name: &str, shape: Vec<usize>, values: Vec<f32>) -> Result<(), CheckpointError> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let tensor = RawTensor::contiguous(name, shape, Element::F32, bytes)?;
        match self.0.insert(name.to_owned(), tensor) {
            None => Ok(()),
            Some(_) => Err(CheckpointError::Structure(format!("it holds two tensors {name}"))),
        }
    }

    /// Weight `[out, in, k, k]` (`[in, out, k, k]` of a deconvolution: PyTorch's layouts too) and
    /// bias.
    fn convolution(&mut self, layer: &str, to: &str, blobs: Vec<BlobProto>) -> Result<(), CheckpointError> {
        let [weight, bias] = exactly(layer, blobs)?;
        let (shape, mut values) = array(layer, weight)?;
        if to == "model1.0" {
            for value in &mut values {
                *value *= 100.0;
            }
        }
        self.add(&format!("{to}.weight"), shape, values)?;
        let (_, values) = array(layer, bias)?;
        self.add(&format!("{to}.bias"), vec![values.len()], values)
    }

    fn norm(&mut self, layer: &str, to: &str, blobs: Vec<BlobProto>) -> Result<(), CheckpointError> {
        let [mean, variance, factor] = exactly(layer, blobs)?;
        let (_, factor) = array(layer, factor)?;
        let &[factor] = factor.as_slice() else {
            return Err(CheckpointError::Structure(format!("the factor of {layer} is no single number")));
        };
        // As Caffe does it: a factor of zero means that no batch was seen.
        let scale = if factor == 0.0 { 0.0 } else { 1.0 / factor };
        for (blob, name) in [(mean, "running_mean"), (variance, "running_var")] {
            let (_, mut values) = array(layer, blob)?;
            values.iter_mut().for_each(|value| *value *= scale);
            self.add(&format!("{to}.{name}"), vec![values.len()], values)?;
        }
        let channels = self.0[&format!("{to}.running_mean")].shape()[0];
        self.add(&format!("{to}.weight"), vec![channels], vec![1.0; channels])?;
        self.add(&format!("{to}.bias"), vec![channels], vec![0.0; channels])
    }

    /// The bins as weights of a 1 x 1 convolution; PyTorch's are divided by 110.
    fn bin_decoder(&mut self, layer: &str, mut blobs: Vec<BlobProto>) -> Result<(), CheckpointError> {
        let (shape, mut values) = array(layer, blobs.swap_remove(0))?;
        values.iter_mut().for_each(|value| *value /= 110.0);
        self.add("model_out.weight", shape, values)
    }
}

fn exactly<const N: usize>(layer: &str, blobs: Vec<BlobProto>) -> Result<[BlobProto; N], CheckpointError> {
    let count = blobs.len();
    blobs
        .try_into()
        .map_err(|_| CheckpointError::Structure(format!("layer {layer} has {count} blobs, expected {N}")))
}

/// Shape and elements of a blob.
fn array(layer: &str, blob: BlobProto) -> Result<(Vec<usize>, Vec<f32>), CheckpointError> {
    let lengths: Vec<i64> = match &blob.shape {
        Some(shape) => shape.dim.clone(),
        None => [blob.num, blob.channels, blob.height, blob.width]
            .iter()
            .map(|length| i64::from(length.unwrap_or(1)))
            .collect(),
    };
    let values = if blob.data.is_empty() {
        blob.double_data.iter().map(|value| *value as f32).collect()
    } else {
        blob.data
    };
    let shape: Option<Vec<usize>> = lengths.iter().map(|length| usize::try_from(*length).ok()).collect();
    let count =
        shape.as_ref().and_then(|shape| shape.iter().try_fold(1usize, |n, length| n.checked_mul(*length)));
    match shape {
        Some(shape) if count == Some(values.len()) => Ok((shape, values)),
        _ => Err(CheckpointError::Structure(format!(
            "a blob of layer {layer} has shape {lengths:?} but {} elements",
            values.len()
        ))),
    }
}
