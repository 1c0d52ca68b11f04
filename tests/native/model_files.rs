//! Model files: what is written is read, and what is wrong is said.

use autochrome::kernels::device::{ComputeDevice, DeviceChoice};
use autochrome::model::checkpoint::{Checkpoint, CheckpointError, Element};
use autochrome::model::network::Variant;
use autochrome::model::weights::{HostTensor, ModelFile, Precision};
use autochrome::{Error, color::ab_bins};
use autochrome_testing::{seeded_eccv16, seeded_lite, seeded_small_unet, uniform};
use burn::prelude::Device;
use proptest::prelude::*;

fn weighted() -> ModelFile {
    let mut model = seeded_small_unet();
    model.class_weights = Some(uniform("weights", ab_bins::COUNT).iter().map(|u| u + 0.1).collect());
    model.metadata.temperature = 0.5;
    model.metadata.rebalance = 0.8;
    model.metadata.license = "to be tested".to_owned();
    model
}

fn cpu() -> Device {
    pollster::block_on(ComputeDevice::open(DeviceChoice::Cpu)).unwrap().device
}

fn read(bytes: &[u8]) -> Result<ModelFile, Error> {
    ModelFile::read(bytes)
}

fn build(model: &ModelFile) -> Result<(), Error> {
    model.clone().build(&cpu()).map(|_| ())
}

/// A file whose header is edited as text.
fn edited(bytes: &[u8], edit: impl Fn(&str) -> String) -> Vec<u8> {
    let size = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = edit(std::str::from_utf8(&bytes[8..8 + size]).unwrap());
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(&bytes[8 + size..]);
    file
}

#[test]
fn f32_comes_back_as_it_was_and_twice_the_same() {
    let model = weighted();
    let bytes = model.write(Precision::F32).unwrap();
    assert_eq!(bytes, model.write(Precision::F32).unwrap());
    let mut back = read(&bytes).unwrap();
    assert!(back.origin.take().unwrap().unused.is_empty());
    assert_eq!(back, model);
    build(&back).unwrap();
}

#[test]
fn f16_rounds_matrices_and_keeps_vectors() {
    let model = weighted();
    let back = read(&model.write(Precision::F16).unwrap()).unwrap();
    assert_eq!(back.metadata.precision, Precision::F16);
    assert_eq!(back.class_weights, model.class_weights);
    for (name, tensor) in &model.tensors {
        for (a, b) in tensor.values.iter().zip(&back.tensors[name].values) {
            let allowed = if tensor.shape.len() > 1 { (a.abs() * 1e-3).max(1e-7) } else { 0.0 };
            assert!((a - b).abs() <= allowed, "{name}: {a} became {b}");
        }
    }
    let mut large = model;
    large.tensors.get_mut("out.weight").unwrap().values[0] = 1e6;
    assert_eq!(large.write(Precision::F16).unwrap_err().code(), "model-format");
}

#[test]
fn a_plain_checkpoint_is_recognised() {
    let mut model = autochrome_testing::seeded_eccv16(64);
    let decoder = (0..2 * ab_bins::COUNT)
        .map(|i| f32::from(ab_bins::CENTERS[i % ab_bins::COUNT][i / ab_bins::COUNT]) / 110.0)
        .collect();
    let shape = vec![2, ab_bins::COUNT, 1, 1];
    model.tensors.insert("model_out.weight".to_owned(), HostTensor { shape, values: decoder });
    let plain = |model: &ModelFile| {
        edited(&model.write(Precision::F32).unwrap(), |header| header.replace("autochrome.", "other."))
    };
    let back = read(&plain(&model)).unwrap();
    assert_eq!(back.metadata.network.name(), "eccv16");
    // The bins as weights are expected, and checked.
    assert!(back.origin.as_ref().unwrap().unused.is_empty());
    build(&back).unwrap();

    model.tensors.get_mut("model_out.weight").unwrap().values[5] += 0.1;
    assert!(matches!(read(&plain(&model)), Err(Error::ModelBins { .. })));
}

#[test]
fn what_is_wrong_is_said() {
    let good = weighted().write(Precision::F32).unwrap();
    let error = |bytes: &[u8]| read(bytes).unwrap_err();

    assert!(matches!(error(b"not a model"), Error::Checkpoint(CheckpointError::Format(_))));
    assert!(matches!(error(&good[..good.len() - 1]), Error::Checkpoint(CheckpointError::Safetensors(_))));
    let later = edited(&good, |h| h.replace("\"autochrome.format\":\"1\"", "\"autochrome.format\":\"2\""));
    assert!(matches!(error(&later), Error::ModelVersion { .. }));
    let other_bins = edited(&good, |h| h.replace(ab_bins::HASH, "0000"));
    assert!(matches!(error(&other_bins), Error::ModelBins { .. }));
    let no_network = edited(&good, |h| h.replace("autochrome.network", "autochrome.nothing"));
    assert!(error(&no_network).to_string().contains("autochrome.network"));
    let wild = edited(&good, |h| {
        h.replace("\"autochrome.temperature\":\"0.5\"", "\"autochrome.temperature\":\"-1\"")
    });
    assert!(error(&wild).to_string().contains("temperature"));
    let wide = edited(&good, |h| h.replace("\\\"stem\\\":4,", "\\\"stem\\\":4000,"));
    assert!(matches!(error(&wide), Error::ModelTensors { .. }), "no network of that size is built");

    let mut model = weighted();
    model.tensors.get_mut("g.0.bias").unwrap().values[3] = f32::NAN;
    let nan = error(&model.write(Precision::F32).unwrap());
    assert!(matches!(&nan, Error::ModelNotFinite { tensor } if tensor == "g.0.bias"));

    let mut model = weighted();
    model.class_weights = None;
    assert!(error(&model.write(Precision::F32).unwrap()).to_string().contains("class_weights"));
}

#[test]
fn tensors_that_do_not_fit_are_named() {
    let mut model = weighted();
    let bias = model.tensors.remove("u1.p.bias").unwrap();
    model
        .tensors
        .insert("u1.k.bias".to_owned(), HostTensor { shape: vec![3, 3], values: bias.values.clone() });
    model.tensors.insert("extra".to_owned(), bias.clone());
    for error in [build(&model).unwrap_err(), read(&model.write(Precision::F32).unwrap()).unwrap_err()] {
        let text = error.to_string();
        for part in ["u1.p.bias [9] is missing", "u1.k.bias is [3, 3], expected [9]", "extra is unknown"] {
            assert!(text.contains(part), "{text}");
        }
    }
    // A tensor too many is reported and left out.
    let mut model = weighted();
    model.tensors.insert("extra".to_owned(), bias);
    let back = read(&model.write(Precision::F32).unwrap()).unwrap();
    assert_eq!(back.origin.unwrap().unused, ["extra"]);
    assert!(!back.tensors.contains_key("extra"));
}

#[test]
fn int8_rounds_each_channel_by_its_own_scale() {
    for model in [weighted(), autochrome_testing::seeded_siggraph17(4)] {
        let bytes = model.write(Precision::Int8).unwrap();
        let back = read(&bytes).unwrap();
        assert_eq!(back.metadata.precision, Precision::Int8);
        assert_eq!(back.class_weights, model.class_weights);
        assert!(back.origin.as_ref().unwrap().unused.is_empty(), "scales are no strangers");
        assert_eq!(back.tensors.len(), model.tensors.len());
        for (name, tensor) in &model.tensors {
            let axis = model.metadata.network.architecture().output_axis(name);
            let inner: usize = tensor.shape[axis + 1..].iter().product();
            let channel = |i: usize| i / inner % tensor.shape[axis];
            let mut largest = vec![0.0f32; tensor.shape[axis]];
            for (i, value) in tensor.values.iter().enumerate() {
                largest[channel(i)] = largest[channel(i)].max(value.abs());
            }
            for (i, (a, b)) in tensor.values.iter().zip(&back.tensors[name].values).enumerate() {
                let allowed = if tensor.shape.len() > 1 { largest[channel(i)] / 253.0 } else { 0.0 };
                assert!((a - b).abs() <= allowed, "{name}: {a} became {b}");
            }
        }
        assert_eq!(back.write(Precision::Int8).unwrap(), bytes, "rounding twice changes nothing");
        build(&back).unwrap();
    }
}

/// A transposed convolution counts its output channels along the second axis.
#[test]
fn int8_has_a_scale_for_each_output_channel() {
    let shapes = |model: ModelFile| {
        let bytes = model.write(Precision::Int8).unwrap();
        let checkpoint = Checkpoint::read(&bytes).unwrap();
        let shape = |name: &str| checkpoint.tensors[&format!("{name}.weight.scale")].shape().to_vec();
        [
            shape("model1.0"),
            shape("model8up.0"),
            shape("model9up.0"),
            shape("model10up.0"),
            shape("model_out.0"),
        ]
    };
    let expected = [[4, 1, 1, 1], [1, 16, 1, 1], [1, 8, 1, 1], [1, 8, 1, 1], [2, 1, 1, 1]];
    assert_eq!(shapes(autochrome_testing::seeded_siggraph17(4)), expected.map(Vec::from));

    let tensors = seeded_eccv16(2).tensors;
    let eccv16 = ModelFile { tensors, ..autochrome_testing::seeded_eccv16(64) };
    let bytes = eccv16.write(Precision::Int8).unwrap();
    let checkpoint = Checkpoint::read(&bytes).unwrap();
    assert_eq!(checkpoint.tensors["model8.0.weight.scale"].shape(), [1, 8, 1, 1]);
}

#[test]
fn a_lite_in_int8_keeps_what_eight_bits_would_harm_in_sixteen() {
    let model = seeded_lite(Variant::Lite0, [6, 5, 4]);
    let bytes = model.write(Precision::Int8).unwrap();
    let checkpoint = Checkpoint::read(&bytes).unwrap();
    for (name, element) in [
        ("enc.stem.weight", Element::F16),
        ("enc.bl.9.dw.weight", Element::F16),
        ("enc.bl.1.ex.weight", Element::F16),
        ("enc.bl.9.ex.weight", Element::I8),
        ("u2.p.weight", Element::I8),
        ("out.weight", Element::I8),
    ] {
        assert_eq!(*checkpoint.tensors[name].element(), element, "{name}");
        let scaled = checkpoint.tensors.contains_key(&format!("{name}.scale"));
        assert_eq!(scaled, element == Element::I8, "{name}");
    }
    let read = read(&bytes).unwrap();
    for (name, tensor) in &model.tensors {
        let largest = tensor.values.iter().fold(0.0f32, |most, v| most.max(v.abs()));
        let apart = tensor.values.iter().zip(&read.tensors[name].values).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f32::max) <= largest / 250.0, "{name}");
    }
}

#[test]
fn int8_without_its_scales_is_refused() {
    let good = weighted().write(Precision::Int8).unwrap();
    let lost = edited(&good, |h| h.replace("u1.p.weight.scale", "u1.p.weight.other"));
    assert!(read(&lost).unwrap_err().to_string().contains("u1.p.weight.scale"));
    let turned = edited(&good, |h| h.replacen("\"shape\":[9,1,1,1]", "\"shape\":[1,1,1,9]", 1));
    assert!(read(&turned).unwrap_err().to_string().contains("does not fit"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A damaged file is an error or a model, never a panic.
    #[test]
    fn damaged_files_are_survived(position in 0usize..4000, byte in any::<u8>(), cut in 0usize..5000) {
        let mut bytes = weighted().write(if cut % 2 == 0 { Precision::F16 } else { Precision::Int8 }).unwrap();
        bytes[position] = byte;
        let _ = read(&bytes);
        bytes.truncate(cut);
        prop_assert!(read(&bytes).is_err());
    }
}
