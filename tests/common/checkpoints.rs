//! Writers of other programs' files, for the tests of their readers: PyTorch's two forms and Caffe's.

use crate::{Tensors, seeded_eccv16};
use autochrome::model::checkpoint::caffe::{BlobProto, BlobShape, LayerParameter, NetParameter};
use prost::Message;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;

fn text(value: &str) -> Vec<u8> {
    let mut bytes = b"X".to_vec();
    bytes.extend((value.len() as u32).to_le_bytes());
    bytes.extend(value.as_bytes());
    bytes
}

fn integer(value: usize) -> Vec<u8> {
    let mut bytes = b"J".to_vec();
    bytes.extend((value as u32).to_le_bytes());
    bytes
}

fn tuple(items: &[usize]) -> Vec<u8> {
    let mut bytes = b"(".to_vec();
    items.iter().for_each(|item| bytes.extend(integer(*item)));
    bytes.push(b't');
    bytes
}

/// A state_dict as a pickle of protocol 2, one float storage a tensor, keyed by its number.
#[must_use]
pub fn state_dict_pickle(tensors: &Tensors, prefix: &str) -> Vec<u8> {
    let mut pickle = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (key, (name, tensor)) in tensors.iter().enumerate() {
        pickle.extend(text(&format!("{prefix}{name}")));
        pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n(");
        pickle.push(b'(');
        pickle.extend(text("storage"));
        pickle.extend(b"ctorch\nFloatStorage\n");
        pickle.extend(text(&key.to_string()));
        pickle.extend(text("cpu"));
        pickle.extend(integer(tensor.values.len()));
        pickle.extend(b"tQ");
        pickle.extend(integer(0));
        pickle.extend(tuple(&tensor.shape));
        let strides: Vec<usize> =
            (0..tensor.shape.len()).map(|axis| tensor.shape[axis + 1..].iter().product()).collect();
        pickle.extend(tuple(&strides));
        pickle.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    }
    pickle.extend(b"u.");
    pickle
}

fn little_endian(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// A zip archive of stored entries.
///
/// # Panics
/// If two have one name.
#[must_use]
pub fn zip<'a>(entries: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in entries {
        writer.start_file(name, stored).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// As `torch.save` writes since 1.6.
#[must_use]
pub fn pth(tensors: &Tensors, prefix: &str) -> Vec<u8> {
    let names: Vec<String> = (0..tensors.len()).map(|key| format!("archive/data/{key}")).collect();
    let storages = names.iter().map(String::as_str).zip(tensors.values().map(|t| little_endian(&t.values)));
    let first = ("archive/data.pkl", state_dict_pickle(tensors, prefix));
    zip(std::iter::once(first).chain(storages).chain([("archive/version", b"3\n".to_vec())]))
}

/// As `torch.save` wrote before.
#[must_use]
pub fn legacy_pth(tensors: &Tensors, prefix: &str) -> Vec<u8> {
    let mut file =
        b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.".to_vec();
    file.extend(state_dict_pickle(tensors, prefix));
    file.extend(b"\x80\x02](");
    (0..tensors.len()).for_each(|key| file.extend(text(&key.to_string())));
    file.extend(b"e.");
    for tensor in tensors.values() {
        file.extend((tensor.values.len() as u64).to_le_bytes());
        file.extend(little_endian(&tensor.values));
    }
    file
}

fn blob(shape: &[usize], data: Vec<f32>) -> BlobProto {
    let shape = Some(BlobShape { dim: shape.iter().map(|n| *n as i64).collect() });
    BlobProto { data, shape, ..BlobProto::default() }
}

/// eccv16 as Caffe keeps it: the first convolution is 100 times smaller, and a norm is mean and
/// variance times a factor. Caffe's norm has no scale and shift; ours are moved into the mean and
/// the variance, where `w (x - m) / sqrt(v + e) + b` is the same function.
///
/// # Panics
/// If a tensor is missing.
#[must_use]
pub fn caffe_net(tensors: &Tensors, factor: f32) -> NetParameter {
    let get = |name: String| tensors[&name].clone();
    let mut layer = vec![LayerParameter { name: Some("img".into()), ..LayerParameter::default() }];
    let mut add = |name: String, blobs| layer.push(LayerParameter { name: Some(name), r#type: None, blobs });
    let convolution = |key: &str, scale: f32| {
        let (weight, bias) = (get(format!("{key}.weight")), get(format!("{key}.bias")));
        let scaled = weight.values.iter().map(|w| w * scale).collect();
        vec![blob(&weight.shape, scaled), blob(&bias.shape, bias.values)]
    };
    for (block, count) in [2, 2, 3, 3, 3, 3, 3].into_iter().enumerate().map(|(i, count)| (i + 1, count)) {
        for i in 0..count {
            let first = (block, i) == (1, 0);
            let name = format!("{}conv{block}_{}", if first { "bw_" } else { "" }, i + 1);
            add(name, convolution(&format!("model{block}.{}", 2 * i), if first { 0.01 } else { 1.0 }));
        }
        let part = |name: &str| get(format!("model{block}.{}.{name}", 2 * count)).values;
        let (w, b, m, v) = (part("weight"), part("bias"), part("running_mean"), part("running_var"));
        let epsilon = 1e-5f64;
        let (mut mean, mut variance) = (Vec::new(), Vec::new());
        for i in 0..w.len() {
            let [w, b, m, v] = [w[i], b[i], m[i], v[i]].map(f64::from);
            mean.push((m - b * (v + epsilon).sqrt() / w) as f32 * factor);
            variance.push(((v + epsilon) / (w * w) - epsilon) as f32 * factor);
        }
        let channels = [mean.len()];
        add(
            format!("conv{block}_{count}norm"),
            vec![blob(&channels, mean), blob(&channels, variance), blob(&[1], vec![factor])],
        );
    }
    for (name, key) in [("conv8_1", "0"), ("conv8_2", "2"), ("conv8_3", "4"), ("conv8_313", "6")] {
        add(name.to_owned(), convolution(&format!("model8.{key}"), 1.0));
    }
    NetParameter { name: Some("LtoAB".into()), layers: Vec::new(), layer }
}

/// The bytes of [`caffe_net`].
#[must_use]
pub fn caffemodel(tensors: &Tensors, factor: f32) -> Vec<u8> {
    caffe_net(tensors, factor).encode_to_vec()
}

/// eccv16 of width 1, as in `goldens/checkpoints`.
#[must_use]
pub fn tiny_eccv16() -> Tensors {
    seeded_eccv16(1).tensors
}
