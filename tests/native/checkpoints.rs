//! Other programs' checkpoints: read as their authors meant them, or refused with the reason.

use autochrome::engine::{Colorizer, Input, Unpaced};
use autochrome::kernels::device::{ComputeDevice, DeviceChoice};
use autochrome::model::checkpoint::{Checkpoint, CheckpointError, Format};
use autochrome::model::weights::{HostTensor, ModelFile, Precision};
use autochrome::{Error, color::ab_bins, color::lab};
use autochrome_testing::checkpoints::{
    caffe_net, caffemodel, legacy_pth, pth, state_dict_pickle, tiny_eccv16, zip,
};
use autochrome_testing::{Tensors, assert_golden_eccv16, noise_lightness, seeded_eccv16, seeded_siggraph17};
use prost::Message;

fn cpu() -> ComputeDevice {
    pollster::block_on(ComputeDevice::open(DeviceChoice::Cpu)).unwrap()
}

fn read(bytes: &[u8]) -> Result<ModelFile, Error> {
    ModelFile::read(bytes)
}

fn checkpoint_error(bytes: &[u8]) -> CheckpointError {
    match read(bytes) {
        Err(Error::Checkpoint(error)) => error,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was read"),
    }
}

fn unused(model: &ModelFile) -> &[String] {
    &model.origin.as_ref().unwrap().unused
}

fn assert_golden(bytes: Vec<u8>, format: Format) {
    let model = read(&bytes).unwrap();
    drop(bytes);
    assert_eq!(model.origin.as_ref().unwrap().format, format);
    let colorizer = Colorizer::new(model, cpu()).unwrap();
    let lightness = noise_lightness(64, 64);
    let input = Input { lightness: &lightness, width: 64, height: 64, hints: None };
    let prediction = pollster::block_on(colorizer.predict(input, &mut Unpaced)).unwrap();
    assert_golden_eccv16(&prediction, 1e-3, 1e-2);
}

#[test]
fn eccv16_of_full_width_in_every_format_gives_the_golden_logits() {
    let tensors = seeded_eccv16(64).tensors;
    assert_golden(pth(&tensors, ""), Format::PytorchZip);
    assert_golden(legacy_pth(&tensors, "module."), Format::PytorchLegacy);
    assert_golden(caffemodel(&tensors, 0.25), Format::Caffe);
    assert_golden(seeded_eccv16(64).write(Precision::F32).unwrap(), Format::Safetensors);
}

#[test]
fn what_pytorch_saves_is_read() {
    fn state(
        name: &'static str,
        bytes: &'static [u8],
    ) -> (&'static str, &'static [u8], Format, &'static str) {
        (name, bytes, Format::PytorchZip, "")
    }
    let fixtures: [(&str, &[u8], Format, &str); 7] = [
        state("zip", include_bytes!("../goldens/checkpoints/zip.pth")),
        ("legacy", include_bytes!("../goldens/checkpoints/legacy.pth"), Format::PytorchLegacy, ""),
        ("parallel", include_bytes!("../goldens/checkpoints/parallel.pth"), Format::PytorchZip, "module."),
        state("parameters", include_bytes!("../goldens/checkpoints/parameters.pth")),
        state("protocol 4", include_bytes!("../goldens/checkpoints/protocol4.pth")),
        state("half", include_bytes!("../goldens/checkpoints/channels_last_half.pth")),
        (
            "training",
            include_bytes!("../goldens/checkpoints/training.pth"),
            Format::PytorchZip,
            "state_dict.module.",
        ),
    ];
    let expected = tiny_eccv16();
    for (name, bytes, format, prefix) in fixtures {
        let model = read(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let origin = model.origin.as_ref().unwrap();
        assert_eq!((origin.format, origin.prefix.as_str()), (format, prefix), "{name}");
        let moment = "optimizer.state.0.exp_avg".to_owned();
        assert_eq!(origin.unused.contains(&moment), name == "training", "{name}: {:?}", origin.unused);
        assert_eq!(origin.unused.is_empty(), name != "training", "{name}: {:?}", origin.unused);
        if name == "half" {
            assert_eq!(model.metadata.precision, Precision::F16);
            for (tensor, half) in expected.values().zip(model.tensors.values()) {
                assert_eq!(tensor.shape, half.shape);
                assert!(
                    tensor
                        .values
                        .iter()
                        .zip(&half.values)
                        .all(|(a, b)| (a - b).abs() <= 1e-3 * a.abs().max(0.01))
                );
            }
        } else {
            assert_eq!(model.tensors, expected, "{name}");
        }
        model.build(&cpu().device).unwrap();
    }
    let whole = checkpoint_error(include_bytes!("../goldens/checkpoints/whole_module.pth"));
    assert!(matches!(&whole, CheckpointError::Global(name) if name.starts_with("torch.nn")), "{whole}");
}

#[test]
fn every_protocol_of_the_legacy_form_is_known() {
    let files: [&[u8]; 4] = [
        include_bytes!("../fuzz/corpus/legacy-protocol2"),
        include_bytes!("../fuzz/corpus/legacy-protocol3"),
        include_bytes!("../fuzz/corpus/legacy-protocol4"),
        include_bytes!("../fuzz/corpus/legacy-protocol5"),
    ];
    for bytes in files {
        let checkpoint = Checkpoint::read(bytes).unwrap();
        assert_eq!(checkpoint.format, Format::PytorchLegacy);
        assert_eq!(checkpoint.tensors["model1.0.weight"].shape(), [2, 1, 3, 3]);
    }
}

#[test]
fn siggraph17_is_recognised_and_comes_back() {
    let tensors = seeded_siggraph17(2).tensors;
    for bytes in [pth(&tensors, "model."), legacy_pth(&tensors, "")] {
        let model = read(&bytes).unwrap();
        assert_eq!(model.metadata.network.name(), "siggraph17");
        assert_eq!(model.tensors, tensors, "the classification head too");
        let back = read(&model.write(Precision::F32).unwrap()).unwrap();
        assert_eq!(back.tensors, tensors);
    }
}

#[test]
fn a_wrong_network_is_refused_with_what_differs() {
    let mut tensors = tiny_eccv16();
    tensors.remove("model3.2.bias");
    let weight = tensors.get_mut("model8.6.weight").unwrap();
    weight.shape = vec![313, 2, 2, 1];
    tensors.insert("fc.weight".into(), HostTensor { shape: vec![1], values: vec![0.0] });
    let Err(Error::ModelTensors { network, differences }) = read(&pth(&tensors, "")) else {
        panic!("it was read")
    };
    assert_eq!(network, "eccv16");
    for part in [
        "model3.2.bias [4] is missing",
        "model8.6.weight is [313, 2, 2, 1], expected [313, 4, 1, 1]",
        "fc.weight is unknown",
    ] {
        assert!(differences.contains(part), "{differences}");
    }
    // Without its first layer it is still compared with what it is nearest to.
    let mut headless = tiny_eccv16();
    headless.remove("model1.0.weight");
    let error = read(&pth(&headless, "")).unwrap_err().to_string();
    assert!(error.contains("model1.0.weight [64, 1, 3, 3] is missing"), "{error}");

    let other =
        Tensors::from([("conv.weight".to_owned(), HostTensor { shape: vec![2], values: vec![0.0; 2] })]);
    let error = read(&pth(&other, "")).unwrap_err();
    assert!(
        matches!(&error, Error::ModelFormat(_)) && error.to_string().contains("conv.weight [2]"),
        "{error}"
    );
    assert!(read(&pth(&Tensors::new(), "")).unwrap_err().to_string().contains("its 0 tensors"));
}

#[test]
fn strangers_are_named_and_averages_come_last() {
    let mut tensors = tiny_eccv16();
    tensors.insert("extra.bias".into(), HostTensor { shape: vec![2], values: vec![0.0; 2] });
    tensors.insert("model1.4.num_batches_tracked".into(), HostTensor { shape: vec![], values: vec![7.0] });
    assert_eq!(unused(&read(&pth(&tensors, "net.")).unwrap()), ["net.extra.bias"]);

    let mut two = Tensors::new();
    for (name, tensor) in tiny_eccv16() {
        let mut average = tensor.clone();
        average.values.iter_mut().for_each(|w| *w *= 0.5);
        two.insert(format!("ema.{name}"), average);
        two.insert(format!("network.{name}"), tensor);
    }
    let model = read(&pth(&two, "")).unwrap();
    assert_eq!(model.tensors, tiny_eccv16());
    assert_eq!(model.origin.unwrap().unused.len(), tiny_eccv16().len());
}

#[test]
fn nan_and_infinity_are_refused_by_name() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut tensors = tiny_eccv16();
        tensors.get_mut("model2.0.bias").unwrap().values[1] = bad;
        for bytes in [pth(&tensors, ""), legacy_pth(&tensors, ""), caffemodel(&tensors, 1.0)] {
            let error = read(&bytes).unwrap_err();
            assert!(
                matches!(&error, Error::ModelNotFinite { tensor } if tensor == "model2.0.bias"),
                "{error}"
            );
        }
    }
}

#[test]
fn caffe_is_brought_to_pytorchs_meaning() {
    let tensors = tiny_eccv16();
    for factor in [1.0, 999.98] {
        let model = read(&caffemodel(&tensors, factor)).unwrap();
        assert_eq!(unused(&model), [""; 0]);
        let close = |name: &str, expected: &[f32]| {
            let found = &model.tensors[name].values;
            let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-5 * b.abs().max(1.0));
            assert!(near && found.len() == expected.len(), "{name}: {found:?}, expected {expected:?}");
        };
        // 100 times Caffe's (docs/method.md#network-input), the bias unchanged.
        close("model1.0.weight", &tensors["model1.0.weight"].values);
        close("model1.0.bias", &tensors["model1.0.bias"].values);
        close("model8.0.weight", &tensors["model8.0.weight"].values);
        // Mean and variance divided by their factor; no scale and no shift.
        let part = |name: &str| tensors[&format!("model1.4.{name}")].values[0];
        let deviation = (part("running_var") + 1e-5).sqrt();
        close("model1.4.running_mean", &[part("running_mean") - part("bias") * deviation / part("weight")]);
        close("model1.4.running_var", &[(deviation / part("weight")).powi(2) - 1e-5]);
        close("model1.4.weight", &[1.0]);
        close("model1.4.bias", &[0.0]);
    }
    // Caffe's own rule where no batch was seen.
    let model = read(&caffe_net_with(&tensors, |net| norm(net).blobs[2].data = vec![0.0])).unwrap();
    assert_eq!(model.tensors["model1.4.running_var"].values, [0.0]);
}

fn norm(
    net: &mut autochrome::model::checkpoint::caffe::NetParameter,
) -> &mut autochrome::model::checkpoint::caffe::LayerParameter {
    net.layer.iter_mut().find(|layer| layer.name() == "conv1_2norm").unwrap()
}

fn caffe_net_with(
    tensors: &Tensors,
    edit: impl Fn(&mut autochrome::model::checkpoint::caffe::NetParameter),
) -> Vec<u8> {
    let mut net = caffe_net(tensors, 1.0);
    edit(&mut net);
    net.encode_to_vec()
}

/// The old forms of a layer and of a shape, and double precision.
#[test]
fn caffe_of_the_first_version() {
    use autochrome::model::checkpoint::caffe::V1LayerParameter;
    let tensors = tiny_eccv16();
    let old = caffe_net_with(&tensors, |net| {
        for layer in std::mem::take(&mut net.layer) {
            let mut blobs = layer.blobs;
            for blob in &mut blobs {
                let mut shape = [1; 4];
                let dim = blob.shape.take().unwrap().dim;
                shape[4 - dim.len()..].copy_from_slice(&dim);
                let [num, channels, height, width] = shape.map(|n| Some(n as i32));
                (blob.num, blob.channels, blob.height, blob.width) = (num, channels, height, width);
                blob.double_data = std::mem::take(&mut blob.data).into_iter().map(f64::from).collect();
            }
            net.layers.push(V1LayerParameter { name: layer.name, blobs });
        }
    });
    let (old, new) = (read(&old).unwrap(), read(&caffemodel(&tensors, 1.0)).unwrap());
    assert_eq!(old.tensors, new.tensors);
}

/// The training data was BGR but was flipped before Lab was taken: red is red, and the bins' rows
/// are a, then b. A file whose bins say otherwise is refused.
#[test]
fn caffes_bgr_history_swaps_nothing() {
    use autochrome::model::checkpoint::caffe::{BlobProto, BlobShape, LayerParameter};
    let red = lab::lab_from_srgb([1.0f64, 0.0, 0.0]);
    assert!(red.iter().zip([53.24, 80.09, 67.20]).all(|(a, b)| (a - b).abs() < 0.01), "{red:?}");

    let with_bins = |rows: [usize; 2]| {
        caffe_net_with(&tiny_eccv16(), |net| {
            let row = |axis: usize| ab_bins::CENTERS.iter().map(move |bin| f32::from(bin[axis]));
            let blob = BlobProto {
                data: rows.into_iter().flat_map(row).collect(),
                shape: Some(BlobShape { dim: vec![2, 313, 1, 1] }),
                ..BlobProto::default()
            };
            let name = Some("class8_ab".to_owned());
            net.layer.push(LayerParameter { name, r#type: None, blobs: vec![blob] });
        })
    };
    assert!(read(&with_bins([0, 1])).is_ok());
    assert!(matches!(read(&with_bins([1, 0])), Err(Error::ModelBins { .. })));
}

#[test]
fn caffe_files_that_make_no_sense() {
    let tensors = tiny_eccv16();
    let good = caffemodel(&tensors, 1.0);
    assert!(matches!(checkpoint_error(&good[..good.len() - 3]), CheckpointError::Truncated(_)));
    // Messages of no content, which take far more memory than file.
    for bomb in [[0xa2, 0x06, 0x00].repeat(5000), [&[0xa2, 0x06, 40][..], &[0x3a, 0x00].repeat(20)].concat()]
    {
        assert!(matches!(checkpoint_error(&bomb), CheckpointError::TooLarge { .. }));
    }
    let lost = caffe_net_with(&tensors, |net| drop(norm(net).blobs.pop()));
    assert!(checkpoint_error(&lost).to_string().contains("conv1_2norm has 2 blobs, expected 3"));
    for dim in [vec![7], vec![-1], vec![i64::MAX, i64::MAX]] {
        let bent =
            caffe_net_with(&tensors, |net| norm(net).blobs[0].shape.as_mut().unwrap().dim = dim.clone());
        assert!(checkpoint_error(&bent).to_string().contains("conv1_2norm"), "{dim:?}");
    }
    let twice = caffe_net_with(&tensors, |net| {
        let again = norm(net).clone();
        net.layer.push(again);
    });
    assert!(checkpoint_error(&twice).to_string().contains("two tensors"));
    let extra = caffe_net_with(&tensors, |net| {
        let mut again = norm(net).clone();
        again.name = Some("fc9".into());
        net.layer.push(again);
    });
    assert_eq!(unused(&read(&extra).unwrap()), ["fc9.0", "fc9.1", "fc9.2"]);
}

/// A state_dict of one tensor, with parts of its pickle replaced.
fn bent(edits: &[(&[u8], &[u8])], entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let one = Tensors::from([(
        "model1.0.weight".to_owned(),
        HostTensor { shape: vec![2, 2], values: vec![0.0; 4] },
    )]);
    let mut pickle = state_dict_pickle(&one, "");
    for (from, to) in edits {
        let at = pickle.windows(from.len()).position(|w| w == *from).expect("it is there");
        pickle.splice(at..at + from.len(), to.iter().copied());
    }
    zip(std::iter::once(("a/data.pkl", pickle))
        .chain(entries.iter().map(|(name, bytes)| (*name, bytes.clone()))))
}

const SHAPE: &[u8] = b"(J\x02\0\0\0J\x02\0\0\0t";

#[test]
fn hostile_archives() {
    let storage = || ("a/data/0", vec![0; 16]);
    assert!(
        matches!(read(&bent(&[], &[storage()])), Err(Error::ModelTensors { .. })),
        "the plain one is read"
    );

    // Sizes that lie.
    let huge: &[u8] = b"(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ft";
    for shape in [huge, b"(J\xff\xff\xff\x7ft", b"(J\0\0\0\x40J\0\0\0\x40J\0\0\0\x40t", b"(J\x05\0\0\0t"] {
        let error = checkpoint_error(&bent(&[(SHAPE, shape)], &[storage()]));
        assert!(matches!(error, CheckpointError::Storage { .. }), "{error}");
    }
    let negative = checkpoint_error(&bent(&[(SHAPE, b"(J\xff\xff\xff\xfft")], &[storage()]));
    assert!(matches!(negative, CheckpointError::Structure(_)), "{negative}");
    // A tensor that repeats one element a billion times.
    let strides: &[u8] = b"(J\x02\0\0\0J\x01\0\0\0t";
    let repeated = bent(&[(SHAPE, b"(J\0\0\0\x40t"), (strides, b"(J\0\0\0\0t")], &[storage()]);
    assert!(matches!(checkpoint_error(&repeated), CheckpointError::Storage { .. }));

    // Names that lead elsewhere.
    let key: &[u8] = b"X\x01\0\0\x000";
    for bad in ["../../etc/passwd", "/etc/passwd", "..\\x", ""] {
        let mut to = b"X".to_vec();
        to.extend((bad.len() as u32).to_le_bytes());
        to.extend(bad.as_bytes());
        let error = checkpoint_error(&bent(&[(key, &to)], &[storage()]));
        assert_eq!(error, CheckpointError::EntryName(bad.to_owned()));
    }
    for bad in ["../data/0", "a/../../0", "/a/data/0", "a//0", "a/C:/x", "loose"] {
        let error = checkpoint_error(&bent(&[], &[(bad, vec![0; 16])]));
        assert!(matches!(error, CheckpointError::EntryName(_)), "{bad}: {error}");
    }
    assert!(
        checkpoint_error(&bent(&[], &[storage(), ("b/data/1", vec![])]))
            .to_string()
            .contains("more than one folder")
    );
    assert!(checkpoint_error(&bent(&[], &[])).to_string().contains("storage \"0\" is missing"));
    assert!(
        checkpoint_error(&bent(&[], &[storage(), ("a/byteorder", b"big".to_vec())]))
            .to_string()
            .contains("big-endian")
    );
    assert!(checkpoint_error(&zip([("a/readme", vec![])])).to_string().contains("no data.pkl"));

    // Another element type, which no weights have.
    let tensors = tiny_eccv16();
    let mut pickle = state_dict_pickle(&tensors, "");
    let at = pickle.windows(12).position(|w| w == b"FloatStorage").unwrap();
    pickle[at..at + 12].copy_from_slice(b"ShortStorage");
    let names: Vec<String> = (0..tensors.len()).map(|i| format!("a/data/{i}")).collect();
    let storages =
        names.iter().map(String::as_str).zip(tensors.values().map(|t| vec![0; 4 * t.values.len()]));
    let error = checkpoint_error(&zip(std::iter::once(("a/data.pkl", pickle)).chain(storages)));
    assert!(matches!(&error, CheckpointError::ElementType { found, .. } if found == "int16"), "{error}");

    // Damage.
    let good = pth(&tiny_eccv16(), "");
    let mut flipped = good.clone();
    let at =
        flipped.windows(4).position(|w| w == tiny_eccv16()["model1.0.bias"].values[0].to_le_bytes()).unwrap();
    flipped[at] ^= 1;
    assert!(checkpoint_error(&flipped).to_string().contains("checksum"));
    for length in [30, good.len() / 2, good.len() - 1] {
        assert!(matches!(checkpoint_error(&good[..length]), CheckpointError::Archive(_)));
    }
    let legacy = legacy_pth(&tiny_eccv16(), "");
    for length in [2, 20, 200, legacy.len() / 2, legacy.len() - 1] {
        let error = checkpoint_error(&legacy[..length]);
        assert!(
            matches!(error, CheckpointError::Truncated(_) | CheckpointError::Format(_)),
            "{length}: {error}"
        );
    }
}

/// Nested so that each level doubles what the one above would unfold to.
#[test]
fn what_unfolds_without_end_is_refused() {
    let mut bomb = b"\x80\x02}q\0".to_vec();
    for level in 1..=40u8 {
        bomb.extend(b"}q");
        bomb.push(level);
        for key in [b'a', b'b'] {
            bomb.extend([b'X', 1, 0, 0, 0, key, b'h', level - 1, b's']);
        }
    }
    bomb.push(b'.');
    let error = checkpoint_error(&zip([("a/data.pkl", bomb)]));
    assert!(matches!(error, CheckpointError::TooLarge { .. }), "{error}");
    let attack = b"\x80\x02cposix\nsystem\nX\x04\0\0\0true\x85R.".to_vec();
    assert_eq!(
        checkpoint_error(&zip([("a/data.pkl", attack)])),
        CheckpointError::Global("posix.system".into())
    );
}

#[test]
fn files_of_other_kinds_are_said_to_be_so() {
    let message = |bytes: &[u8]| checkpoint_error(bytes).to_string();
    assert!(message(b"").contains("the file is empty"));
    assert!(message(b"\x89HDF\r\n\x1a\n....").contains("HDF5"));
    assert!(message(b"<!doctype html><title>404</title>").contains("web page"));
    assert!(message(b"version https://git-lfs.github.com/spec/v1\n").contains("Git LFS"));
    assert!(message(b"\x80\x04K\x01.").contains("not PyTorch's"));
    assert!(
        message(&[b"x".repeat(257), b"ustar\0".to_vec(), b"x".repeat(300)].concat()).contains("tar archive")
    );
    assert!(message(b"\xff\xd8\xff\xe0 a photograph").contains("format is not known"));
    assert!(Checkpoint::read(b"{").is_err());
}
