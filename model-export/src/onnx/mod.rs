//! Models as ONNX, for other programs to run: raw L `[1, 1, H, W]` in, logits (or ab) at a quarter
//! of the size out, any H and W that the network takes, weights in f32.
//!
//! The graph is what an exporter of PyTorch would leave: a norm that stands right behind its
//! convolution is inside it, one behind a ReLU is a node of its own, and what an engine likes to fuse
//! (convolution, sum, ReLU) lies together. The input's normalisation is part of it. What the engine
//! does to the last layer's output (the division by `logit_scale`, the factor of a regression) is
//! inside that layer, so the output is that of `autochrome forward`.

mod graph;
mod lite;
mod messages;

use autochrome::model::network::{NetworkConfig, Output, UnetConfig};
use autochrome::model::weights::ModelFile;
use graph::{Conv, Graph};
use lite::lite;
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
/// [`OnnxError::Network`] for siggraph17.
pub fn write(model: &ModelFile) -> Result<Vec<u8>, OnnxError> {
    let metadata = &model.metadata;
    let network = &metadata.network;
    let (output, factor) = match network.output() {
        Output::Logits => ("logits", 1.0 / metadata.logit_scale),
        Output::Chroma => ("ab", 110.0),
    };
    let mut graph = Graph::new(network.name(), &model.tensors);
    let x = match network {
        NetworkConfig::Lite(_) => lite::gray(&mut graph, "lightness"),
        _ => graph.normalise("lightness", 50.0, 100.0),
    };
    match network {
        NetworkConfig::Eccv16(_) => eccv16(&mut graph, x, output, factor)?,
        NetworkConfig::Unet(config) => unet(&mut graph, config, x, output, factor)?,
        NetworkConfig::Lite(config) => lite(&mut graph, config, x, output, factor)?,
        NetworkConfig::Siggraph17(_) => return Err(OnnxError::Network(network.name())),
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

/// Convolutions of each block, stride of the last one, dilation of all.
const BLOCKS: [(usize, usize, usize); 7] =
    [(2, 2, 1), (2, 2, 1), (3, 2, 1), (3, 1, 1), (3, 1, 2), (3, 1, 2), (3, 1, 1)];

fn eccv16(graph: &mut Graph<'_>, mut x: String, output: &str, factor: f32) -> Result<(), OnnxError> {
    for (block, (count, stride, dilation)) in BLOCKS.into_iter().enumerate().map(|(i, shape)| (i + 1, shape))
    {
        for i in 0..count {
            let stride = if i + 1 == count { stride } else { 1 };
            let conv = Conv { stride, dilation, ..Conv::SQUARE };
            x = graph.conv(&format!("model{block}.{}", 2 * i), &x, conv)?;
            x = graph.relu(&x);
        }
        x = graph.batch_norm(&format!("model{block}.{}", 2 * count), &x)?;
    }
    x = graph.conv_transpose("model8.0", &x)?;
    x = graph.relu(&x);
    for key in ["model8.2", "model8.4"] {
        x = graph.conv(key, &x, Conv::SQUARE)?;
        x = graph.relu(&x);
    }
    graph.scaled_conv("model8.6", &x, Conv::POINTWISE, factor, output).map(|_| ())
}

fn unet(
    graph: &mut Graph<'_>,
    config: &UnetConfig,
    mut x: String,
    output: &str,
    factor: f32,
) -> Result<(), OnnxError> {
    x = graph.conv_norm("stem", &x, Conv::HALVING)?;
    x = graph.relu(&x);
    let mut skips = Vec::new();
    for (stage, blocks) in config.blocks.iter().enumerate().map(|(i, blocks)| (i + 1, *blocks)) {
        x = graph.conv_norm(&format!("e{stage}.0"), &x, Conv::HALVING)?;
        x = graph.relu(&x);
        for block in 1..=blocks {
            x = residual(graph, &format!("e{stage}.{block}"), x)?;
        }
        skips.push(x.clone());
    }
    // The deepest stage is where the way up begins, not a skip.
    skips.pop();

    let scene = graph.mean(&x);
    let scene = graph.linear("g.0", &scene)?;
    let scene = graph.relu(&scene);
    let scene = graph.linear("g.2", &scene)?;
    x = graph.add("g", &x, &scene);

    x = decoder(graph, &skips, x)?;
    graph.scaled_conv("out", &x, Conv::POINTWISE, factor, output).map(|_| ())
}

/// Stages that double the size and look at a skip each, the last of `skips` first.
fn decoder(graph: &mut Graph<'_>, skips: &[String], mut x: String) -> Result<String, OnnxError> {
    for (stage, skip) in skips.iter().enumerate().rev().map(|(i, skip)| (i + 1, skip)) {
        x = graph.conv(&format!("u{stage}.p"), &x, Conv::POINTWISE)?;
        x = graph.double(&x);
        let skip = graph.conv(&format!("u{stage}.k"), skip, Conv::POINTWISE)?;
        x = graph.add(&format!("u{stage}"), &skip, &x);
        x = graph.relu(&x);
        x = residual(graph, &format!("u{stage}.c"), x)?;
    }
    Ok(x)
}

/// `relu(x + conv(relu(conv(x))))`.
fn residual(graph: &mut Graph<'_>, key: &str, x: String) -> Result<String, OnnxError> {
    let y = graph.conv_norm(&format!("{key}.a"), &x, Conv::SQUARE)?;
    let y = graph.relu(&y);
    let y = graph.conv_norm(&format!("{key}.b"), &y, Conv::SQUARE)?;
    let y = graph.add(key, &y, &x);
    Ok(graph.relu(&y))
}
