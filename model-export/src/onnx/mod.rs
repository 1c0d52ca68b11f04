//! Models as ONNX, for other programs to run: raw L `[1, 1, H, W]` in, logits (or ab) at a quarter
//! of the size out, any H and W that the network takes, weights in f32.
//!
//! The graph is what an exporter of PyTorch would leave: a norm that stands right behind its
//! convolution is inside it, one behind a ReLU is a node of its own, and what an engine likes to fuse
//! (convolution, sum, ReLU) lies together. The input's normalisation is part of it. What the engine
//! does to the last layer's output (the division by `logit_scale`, the factor of a regression) is
//! inside that layer, so the output is that of `autochrome forward`.

mod graph;
mod input;
pub mod messages;

use autochrome::kernels::Activation;
use autochrome::model::network::{Addend, Layer, Operation, Output, Value};
use autochrome::model::weights::ModelFile;
use graph::Graph;
use messages::{Dimension, ModelProto, OperatorSetIdProto, StringStringEntryProto};
use prost::Message;

/// Version of the format, and of ONNX's operators, that the nodes are written for.
const IR_VERSION: i64 = 8;
const OPERATORS: i64 = 17;

/// Why a model cannot become ONNX.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// The network is none of those that are written.
    #[error(
        "{0} cannot be written as ONNX, only eccv16, unet and lite can; write --out MODEL.safetensors instead"
    )]
    Network(&'static str),
    /// The model lacks a tensor of its network.
    #[error("the model lacks {0}; read it from its file again")]
    Tensor(String),
}

/// The bytes of an ONNX file. The same model gives the same bytes.
///
/// # Errors
/// [`OnnxError::Network`] for siggraph17, [`OnnxError::Tensor`] for a model that is not complete.
pub fn write(model: &ModelFile) -> Result<Vec<u8>, OnnxError> {
    let metadata = &model.metadata;
    let network = &metadata.network;
    let (output, factor) = match network.output() {
        Output::Logits => ("logits", 1.0 / metadata.logit_scale),
        Output::Chroma => ("ab", network.architecture().output_scale),
    };
    let architecture = network.architecture();
    let mut graph = Graph::new(network.name(), &model.tensors);
    let refused = OnnxError::Network(network.name());
    let Some(input) = input::prepare(&mut graph, architecture.input, "lightness") else {
        return Err(refused);
    };
    let mut values = vec![input];
    let last = architecture.operations.len() - 1;
    for (place, operation) in architecture.operations.iter().enumerate() {
        let name = |value: Value| values[value.index()].as_str();
        let result = match *operation {
            Operation::Layer { layer, input, add: None } if place == last => {
                graph.convolution(&architecture.layers[layer], name(input), factor, output)?
            }
            Operation::Layer { layer, input, add } => {
                let add = add.map(|add| match add {
                    Addend::Map(value) | Addend::Vector(value) => name(value).to_owned(),
                    Addend::HalfMap(value) => graph.double(name(value)),
                });
                write_layer(&mut graph, &architecture.layers[layer], name(input), add.as_deref())?
            }
            Operation::Mean(x) => graph.mean(name(x)),
            Operation::AddVector { map, vector } => {
                graph.add(&format!("{}.sum", name(vector)), [map, vector].map(name))
            }
            Operation::EverySecond(_) | Operation::LeakyRelu(_) | Operation::Tanh(..) => return Err(refused),
        };
        values.push(result);
    }
    let fixed = |n: usize| Dimension::Fixed(n as i64);
    let named = |name: &str| Dimension::Named(name.to_owned());
    let graph = graph.finish(
        ("lightness", [fixed(1), fixed(1), named("height"), named("width")]),
        (output, [fixed(1), fixed(network.output().channels()), named("height/4"), named("width/4")]),
    );
    let text = [
        ("network", serde_json::to_string(network).expect("a configuration is plain data")),
        ("trained_on", metadata.trained_on.clone()),
        ("license", metadata.license.clone()),
    ];
    let text = text.into_iter().filter(|(_, value)| !value.is_empty());
    Ok(ModelProto {
        ir_version: IR_VERSION,
        producer_name: "autochrome".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPERATORS }],
        metadata_props: text
            .map(|(key, value)| StringStringEntryProto { key: format!("autochrome.{key}"), value })
            .collect(),
    }
    .encode_to_vec())
}

/// Writes a layer and all that follows it up to the next.
fn write_layer(
    graph: &mut Graph<'_>,
    layer: &Layer,
    x: &str,
    add: Option<&str>,
) -> Result<String, OnnxError> {
    let (before, after) = match &layer.norm {
        Some(norm) if norm.after_activation => (None, Some(norm)),
        norm => (norm.as_ref(), None),
    };
    let mut y = match before {
        Some(norm) => graph.normed_convolution(layer, norm, x)?,
        None => graph.convolution(layer, x, 1.0, &layer.name)?,
    };
    if let Some(add) = add {
        y = graph.add(&format!("{}.sum", layer.name), [&y, add]);
    }
    y = match layer.activation {
        Activation::Identity => y,
        Activation::Relu => graph.relu(&y),
        Activation::Relu6 => graph.relu6(&y),
    };
    match after {
        Some(norm) => graph.batch_norm(norm, &y),
        None => Ok(y),
    }
}
