//! The ONNX that `convert` writes: it parses, and its graph is the network. That the numbers agree
//! with another program's is what `cargo bench-native` looks at.

use assert_cmd::Command;
use autochrome::model::network::Variant;
use autochrome::model::weights::{ModelFile, Precision};
use autochrome_testing::{seeded_eccv16, seeded_lite, seeded_siggraph17, seeded_small_unet};
use model_export::onnx::messages::{Dimension, GraphProto, ModelProto, ValueInfoProto};
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Runs `convert` on a model: exit code, what it said, and the file.
fn convert(model: &ModelFile, options: &str) -> (i32, String, Option<ModelProto>) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("model.safetensors"), model.write(Precision::F32).unwrap()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_autochrome"))
        .args("convert model.safetensors --out model.onnx".split(' '))
        .args(options.split_whitespace())
        .current_dir(folder.path())
        .output()
        .unwrap();
    let file = fs::read(folder.path().join("model.onnx")).ok();
    let parsed = file.map(|bytes| ModelProto::decode(bytes.as_slice()).expect("protobuf"));
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap(), parsed)
}

fn graph_of(model: &ModelFile) -> GraphProto {
    let (code, stderr, onnx) = convert(model, "");
    assert_eq!(code, 0, "{stderr}");
    let onnx = onnx.expect("a file");
    assert_eq!((onnx.ir_version, onnx.opset_import[0].version), (8, 17));
    onnx.graph.expect("a graph")
}

fn eccv16() -> ModelFile {
    seeded_eccv16(1)
}

fn count(graph: &GraphProto) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for node in &graph.node {
        *counts.entry(node.op_type.as_str()).or_default() += 1;
    }
    counts
}

fn shape(value: &ValueInfoProto) -> Vec<String> {
    let tensor = value.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()).expect("a tensor");
    let shape = tensor.shape.as_ref().expect("a shape");
    let axis = |dimension: &Option<Dimension>| match dimension {
        Some(Dimension::Fixed(n)) => n.to_string(),
        Some(Dimension::Named(name)) => name.clone(),
        None => panic!("an axis without a length"),
    };
    shape.dim.iter().map(|dim| axis(&dim.value)).collect()
}

/// Every operand was there before, nothing has two origins, the output is made.
fn assert_sound(graph: &GraphProto) {
    let mut known: BTreeSet<&str> = graph.input.iter().map(|value| value.name.as_str()).collect();
    for tensor in &graph.initializer {
        let elements: i64 = tensor.dims.iter().product();
        assert_eq!(tensor.raw_data.len(), 4 * elements as usize, "{}", tensor.name);
        assert!(known.insert(&tensor.name), "{} twice", tensor.name);
    }
    for node in &graph.node {
        for input in node.input.iter().filter(|name| !name.is_empty()) {
            assert!(known.contains(input.as_str()), "{} needs {input} before it is made", node.name);
        }
        for output in &node.output {
            assert!(known.insert(output), "{output} twice");
        }
    }
    assert!(known.contains(graph.output[0].name.as_str()));
    assert_eq!(graph.input[0].name, "lightness");
    assert_eq!(shape(&graph.input[0]), ["1", "1", "height", "width"]);
}

#[test]
fn eccv16_keeps_its_norms_behind_the_relus() {
    let graph = graph_of(&eccv16());
    assert_sound(&graph);
    let expected =
        [("BatchNormalization", 7), ("Conv", 22), ("ConvTranspose", 1), ("Div", 1), ("Relu", 22), ("Sub", 1)];
    assert_eq!(count(&graph), BTreeMap::from(expected));
    assert_eq!(graph.output[0].name, "logits");
    assert_eq!(shape(&graph.output[0]), ["1", "313", "height/4", "width/4"]);
    let dilated = graph.node.iter().filter(|node| {
        node.attribute.iter().any(|setting| setting.name == "dilations" && setting.ints == [2, 2])
    });
    assert_eq!(dilated.count(), 6);
    for pair in graph.node.windows(2).filter(|pair| pair[0].op_type == "Conv" && pair[0].name != "logits") {
        assert_eq!(pair[1].op_type, "Relu", "behind {}", pair[0].name);
    }
}

#[test]
fn unet_has_its_norms_inside_the_convolutions() {
    let graph = graph_of(&seeded_small_unet());
    assert_sound(&graph);
    // Stem, three stages with 1, 0 and 2 blocks, two ways up with a block each, the scene, the logits.
    let convs = 1 + 3 + 2 * 3 + 2 * (2 + 2) + 2 + 1;
    let counts = count(&graph);
    assert_eq!(counts["Conv"], convs);
    assert_eq!((counts["Resize"], counts["GlobalAveragePool"]), (2, 1));
    assert!(!counts.contains_key("BatchNormalization"));
    let halving = graph.node.iter().filter(|node| {
        node.attribute.iter().any(|setting| setting.name == "strides" && setting.ints == [2, 2])
    });
    assert_eq!(halving.count(), 4);
}

#[test]
fn the_logit_scale_is_in_the_last_layer() {
    let mut model = eccv16();
    let last = |graph: GraphProto| {
        let bias = graph.initializer.into_iter().find(|tensor| tensor.name == "model8.6.bias").unwrap();
        f32::from_le_bytes(bias.raw_data[..4].try_into().unwrap())
    };
    let plain = last(graph_of(&model));
    model.metadata.logit_scale = 2.0;
    assert_eq!(last(graph_of(&model)), plain / 2.0);
}

#[test]
fn a_lite_is_its_blocks() {
    let model = seeded_lite(Variant::Lite0, [6, 5, 4]);
    let graph = graph_of(&model);
    assert_sound(&graph);
    let counts = count(&graph);
    // 16 blocks, of which 9 add what came in; the stem, the head and all but the last convolution of each
    // block end at 6.
    assert_eq!(counts["Clip"], 1 + 15 + 16 + 1);
    let grouped = graph.node.iter().filter(|node| node.attribute.iter().any(|a| a.name == "group"));
    assert_eq!(grouped.count(), 16);
    // The decoder's three stages add twice each, the scene once, the gray once.
    assert_eq!(counts["Add"], 9 + 6 + 1 + 1);
    assert_eq!(shape(&graph.output[0]), ["1", "313", "height/4", "width/4"]);
}

#[test]
fn what_cannot_be_onnx_is_refused_in_words() {
    let (code, stderr, file) = convert(&seeded_siggraph17(1), "");
    assert_eq!((code, file.is_none()), (1, true));
    assert!(
        stderr.contains("siggraph17 cannot be written as ONNX, only eccv16, unet and lite can"),
        "{stderr}"
    );
    let (code, stderr, file) = convert(&eccv16(), "--precision int8");
    assert_eq!((code, file.is_none()), (2, true));
    assert!(stderr.contains("f32 only"), "{stderr}");
}
