//! A lite that begins with an encoder which knows things already.

use super::{checkpoint, classification, config, differences, flat_prior};
use autochrome::model::network::{Head, LiteConfig, NetworkConfig, Variant};
use autochrome::model::weights::{EncoderFile, Metadata};
use autochrome::training::encoder_learning::EncoderLearning;
use autochrome::training::labels::Labels;
use autochrome::training::learner::{Examples, Learner, LearnerConfig, Start};
use autochrome_testing::{seeded_lite, uniform};
use burn::prelude::*;
use std::collections::BTreeMap;

const DECODER: [usize; 3] = [6, 5, 4];

/// One stage fewer than by default, so that a block of 5 x 5 at stride 2 is among the first
/// that learn.
const STILL: usize = 2;

/// Blocks of the stages that stand still.
const STILL_BLOCKS: usize = 3;

fn network() -> NetworkConfig {
    NetworkConfig::Lite(LiteConfig { variant: Variant::Lite0, decoder: DECODER, head: Head::default() })
}

/// The published names, made of ours.
fn published(name: &str) -> String {
    let within = name.strip_prefix("enc.").unwrap();
    let parts: Vec<&str> = within.split('.').collect();
    match parts.as_slice() {
        ["stem", tensor] => format!("_conv_stem.{tensor}"),
        ["b", tensor] => format!("_bn0.{tensor}"),
        ["head", tensor] => format!("_conv_head.{tensor}"),
        ["hb", tensor] => format!("_bn1.{tensor}"),
        ["bl", block, part, tensor] => {
            let part = match *part {
                "ex" => "_expand_conv",
                "b0" => "_bn0",
                "dw" => "_depthwise_conv",
                "b1" => "_bn1",
                "pr" => "_project_conv",
                "b2" => "_bn2",
                _ => panic!("{name}"),
            };
            format!("_blocks.{block}.{part}.{tensor}")
        }
        _ => panic!("{name}"),
    }
}

/// The encoder of a seeded network as it is published: a safetensors file of PyTorch's names, with a stem
/// for red, green and blue, counters of batches and a classifier.
fn published_file() -> Vec<u8> {
    let model = seeded_lite(Variant::Lite0, DECODER);
    let mut tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)> = BTreeMap::new();
    for (name, tensor) in model.tensors {
        if !name.starts_with("enc.") {
            continue;
        }
        let (mut shape, mut values) = (tensor.shape, tensor.values);
        if name == "enc.stem.weight" {
            shape[1] = 3;
            values = values
                .chunks(9)
                .flat_map(|k| [0.25, 0.25, 0.5].map(|f| k.iter().map(move |v| v * f)))
                .flatten()
                .collect();
        }
        tensors.insert(published(&name), (shape, values));
    }
    tensors.insert("_bn0.num_batches_tracked".to_owned(), (vec![1], vec![7.0]));
    tensors.insert("_fc.weight".to_owned(), (vec![2, 1280], vec![0.0; 2560]));
    tensors.insert("_fc.bias".to_owned(), (vec![2], vec![0.0; 2]));
    let bytes: BTreeMap<&String, (Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, (shape, values))| {
            (name, (shape.clone(), values.iter().flat_map(|v| v.to_le_bytes()).collect()))
        })
        .collect();
    let views = bytes.iter().map(|(name, (shape, bytes))| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
        (name.as_str(), view.unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

#[test]
fn a_published_encoder_becomes_a_file_of_ours() {
    let read = EncoderFile::read(&published_file()).unwrap().expect("an encoder");
    assert_eq!(read.variant, Variant::Lite0);
    assert!(read.license.contains("Apache-2.0"), "{}", read.license);
    let expected = seeded_lite(Variant::Lite0, DECODER).tensors;
    for (name, tensor) in &read.tensors {
        let expected = &expected[name];
        assert_eq!(tensor.shape, expected.shape, "{name}");
        let apart =
            tensor.values.iter().zip(&expected.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 1e-6, "{name}: {apart}");
    }
    assert_eq!(read.tensors.len(), expected.keys().filter(|name| name.starts_with("enc.")).count());
    assert_eq!(EncoderFile::read(&read.write()).unwrap().as_ref(), Some(&read), "written and read again");
    // Such a file is no model, and a model no encoder; a damaged encoder says what is wrong.
    let refused = autochrome::model::weights::ModelFile::read(&read.write()).unwrap_err();
    assert!(refused.to_string().contains("encoder"), "{refused}");
    let model =
        seeded_lite(Variant::Lite0, DECODER).write(autochrome::model::weights::Precision::F16).unwrap();
    assert!(EncoderFile::read(&model).unwrap().is_none());
    let mut damaged = read;
    damaged.tensors.remove("enc.bl.3.dw.weight");
    let error = EncoderFile::read(&damaged.write()).unwrap_err();
    assert!(error.to_string().contains("enc.bl.3.dw.weight [144, 1, 5, 5] is missing"), "{error}");
}

fn learner(encoder: EncoderLearning) -> Learner {
    let config = LearnerConfig { encoder: Some(encoder), ..config(classification(0.5, 5), 4) };
    let start = Start::Encoder(EncoderFile::read(&published_file()).unwrap().unwrap());
    Learner::new(config, &network(), Some(start), &flat_prior(), Labels::default(), 3, &Device::flex())
        .unwrap()
}

#[test]
fn what_stands_still_keeps_every_number_and_the_rest_learns() {
    let mut learner = learner(EncoderLearning { rate: 0.25, still: STILL, depthwise: false });
    let metadata = || Metadata::for_network(network());
    let begun = learner.model(metadata());
    let expected = seeded_lite(Variant::Lite0, DECODER).tensors;
    for (name, tensor) in begun.tensors.iter().filter(|(name, _)| name.starts_with("enc.")) {
        let apart = tensor.values.iter().zip(&expected[name].values).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f32::max) < 1e-6, "it begins with {name}");
    }
    let lightness: Vec<f32> = uniform("still", 2 * 32 * 32).into_iter().map(|u| 100.0 * u).collect();
    let chroma = vec![[20.0, 30.0]; 2 * 8 * 8];
    let examples = Examples { count: 2, crop: 32, lightness: &lightness, chroma: &chroma, labels: &[] };
    for _ in 0..2 {
        learner.step(&[examples], false).unwrap();
    }
    let learned = learner.model(metadata());
    for (name, before) in &begun.tensors {
        let parts: Vec<&str> = name.split('.').collect();
        let still = match parts.as_slice() {
            ["enc", "stem" | "b", _] => true,
            ["enc", "bl", block, part, _] => block.parse::<usize>().unwrap() < STILL_BLOCKS || *part == "dw",
            _ => false,
        };
        let same = learned.tensors[name] == *before;
        assert_eq!(same, still, "{name}");
    }
    // A run that was interrupted goes on alike.
    let kept = learner.save().unwrap();
    let mut resumed = self::learner(EncoderLearning { rate: 0.25, still: STILL, depthwise: false });
    resumed.restore(&kept).unwrap();
    for learner in [&mut learner, &mut resumed] {
        learner.step(&[examples], false).unwrap();
    }
    let (one, other) = (checkpoint(&learner), checkpoint(&resumed));
    assert!(differences(&one, &other).is_empty(), "{:?}", differences(&one, &other));
}
