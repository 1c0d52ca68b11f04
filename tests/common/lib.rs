//! Helpers of the workspace's tests: keyed random numbers, networks with weights made from them,
//! comparisons with goldens, and writers of other programs' files.
//!
//! `uniform(key, n)` is SplitMix64 seeded with the FNV-1a-64 of the key; its top 24 bits are the
//! number, exact in f32. `goldens/generate.py` makes the same ones.

#[cfg(feature = "checkpoints")]
pub mod checkpoints;
pub mod definition;

use autochrome::color::ab_bins::AnnealedMean;
use autochrome::engine::prediction::Prediction;
use autochrome::model::network::{
    Eccv16Config, Head, LayerKind, LiteConfig, NetworkConfig, Siggraph17Config, UnetConfig, Variant,
};
use autochrome::model::weights::{HostTensor, Metadata, ModelFile};
use serde_json::Value;
use std::collections::BTreeMap;

/// The FNV-1a-64 hash of a text.
#[must_use]
pub fn fnv1a64(key: &str) -> u64 {
    key.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The numbers of SplitMix64 from a seed on.
pub fn splitmix64(seed: u64) -> impl Iterator<Item = u64> {
    (1u64..).map(move |i| {
        let mut z = seed.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

/// `n` numbers from 0 to 1 that belong to a key.
#[must_use]
pub fn uniform(key: &str, n: usize) -> Vec<f32> {
    splitmix64(fnv1a64(key)).take(n).map(|z| (z >> 40) as f32 / (1u32 << 24) as f32).collect()
}

/// A golden, parsed.
///
/// # Panics
/// If it is no JSON.
#[must_use]
pub fn golden(text: &str) -> Value {
    serde_json::from_str(text).expect("goldens are JSON")
}

/// A number of a golden.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// A list of numbers of a golden.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

/// Three numbers of a golden.
///
/// # Panics
/// If they are not.
#[must_use]
pub fn triple(value: &Value) -> [f64; 3] {
    numbers(value).try_into().expect("three numbers")
}

/// Two numbers of a golden.
///
/// # Panics
/// If they are not.
#[must_use]
pub fn pair(value: &Value) -> [f64; 2] {
    numbers(value).try_into().expect("two numbers")
}

/// Largest difference of two lists of one length.
///
/// # Panics
/// If their lengths differ.
pub fn largest_difference(a: impl IntoIterator<Item = f64>, b: impl IntoIterator<Item = f64>) -> f64 {
    let (a, b): (Vec<f64>, Vec<f64>) = (a.into_iter().collect(), b.into_iter().collect());
    assert_eq!(a.len(), b.len());
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Compares a network's output with the samples that a golden keeps of it; `tolerance` is a share of
/// the largest value.
///
/// # Panics
/// If they differ.
pub fn assert_samples(name: &str, values: &[f32], expected: &Value, tolerance: f64) {
    let sampled = numbers(&expected["index"]).into_iter().map(|i| f64::from(values[i as usize]));
    let allowed = tolerance * number(&expected["max_abs"]);
    let error = largest_difference(sampled, numbers(&expected["value"]));
    assert!(error <= allowed, "{name}: samples are off by {error}, allowed {allowed}");
    let sum: f64 = values.iter().map(|v| f64::from(*v).abs()).sum();
    let expected_sum = number(&expected["abs_sum"]);
    assert!(
        (sum / expected_sum - 1.0).abs() <= (tolerance / 10.0).max(1e-4),
        "{name}: sum of sizes {sum}, expected {expected_sum}"
    );
}

/// Compares seeded ECCV16 on [`noise_lightness`] of 64 x 64 with its golden logits and with the ab
/// of two temperatures.
///
/// # Panics
/// If they differ.
pub fn assert_golden_eccv16(prediction: &Prediction, logit_tolerance: f64, ab_tolerance: f64) {
    let expected = include_bytes!("../goldens/eccv16_logits_313x16x16.f32")
        .chunks_exact(4)
        .map(|bytes| f64::from(f32::from_le_bytes(bytes.try_into().expect("four bytes"))));
    let error = largest_difference(prediction.planes().into_iter().map(f64::from), expected);
    println!("logits are off by {error}");
    assert!(error < logit_tolerance, "logits are off by {error}");
    let g = golden(include_str!("../goldens/eccv16.json"));
    for (temperature, name) in [(0.38, "ab_038"), (1.0, "ab_1")] {
        let decoder = AnnealedMean::new(temperature, 1.0, None).expect("the paper's settings");
        let ab = prediction.decode(&decoder).concat();
        let error = largest_difference(ab.into_iter().map(f64::from), numbers(&g[name]));
        assert!(error < ab_tolerance, "{name} is off by {error}");
    }
}

/// Raw L of noise, the input of the network goldens.
#[must_use]
pub fn noise_lightness(width: usize, height: usize) -> Vec<f32> {
    uniform("input_l", width * height).into_iter().map(|u| u * 100.0).collect()
}

/// Tensors by their names in files.
pub type Tensors = BTreeMap<String, HostTensor>;

/// The weights of a network, each tensor made of its own name. Names and shapes are those of the
/// architecture; the goldens, whose networks name their tensors independently, tell where they are wrong.
#[must_use]
pub fn seeded_tensors(network: &NetworkConfig) -> Tensors {
    let mut tensors = Tensors::new();
    let mut add = |name: String, shape: Vec<usize>, value: &dyn Fn(f32, f32) -> f32| {
        let values = uniform(&name, shape.iter().product());
        let values = values.into_iter().map(|u| value(u, 2.0 * u - 1.0)).collect();
        tensors.insert(name, HostTensor { shape, values });
    };
    for layer in network.architecture().layers {
        let taps = layer.kernel * layer.kernel;
        let fan_in = match layer.kind {
            LayerKind::Depthwise => taps,
            // Of the 16 taps each output meets four.
            LayerKind::Transposed => layer.from * taps / 4,
            LayerKind::Convolution | LayerKind::Linear => layer.from * taps,
        };
        // Livelier logits, so that their softmax is not flat.
        let gain = if layer.name == "model8.6" { 4.0 } else { 1.0 };
        let scale = (6.0 / fan_in as f64).sqrt() as f32 * gain;
        add(format!("{}.weight", layer.name), layer.weight_shape(), &|_, v| v * scale);
        if layer.bias {
            add(format!("{}.bias", layer.name), vec![layer.to], &|_, v| v * 0.0625);
        }
        if let Some(norm) = layer.norm {
            let shape = vec![layer.to];
            add(format!("{}.weight", norm.name), shape.clone(), &|_, v| 1.0 + v * 0.25);
            add(format!("{}.bias", norm.name), shape.clone(), &|_, v| v * 0.125);
            add(format!("{}.running_mean", norm.name), shape.clone(), &|_, v| 0.25 + v * 0.125);
            add(format!("{}.running_var", norm.name), shape, &|u, _| u + 0.5);
        }
    }
    tensors
}

/// A model of a network with [`seeded_tensors`].
#[must_use]
pub fn seeded(network: NetworkConfig) -> ModelFile {
    let tensors = seeded_tensors(&network);
    ModelFile { metadata: Metadata::for_network(network), tensors, class_weights: None, origin: None }
}

/// ECCV16 of any width; 64 as released (129 MB, made anew each time).
#[must_use]
pub fn seeded_eccv16(width: usize) -> ModelFile {
    seeded(NetworkConfig::Eccv16(Eccv16Config { width, head: Head::default() }))
}

/// The interactive successor of any width; 64 as released.
#[must_use]
pub fn seeded_siggraph17(width: usize) -> ModelFile {
    seeded(NetworkConfig::Siggraph17(Siggraph17Config { width }))
}

/// A lite with a narrow decoder.
#[must_use]
pub fn seeded_lite(variant: Variant, decoder: [usize; 3]) -> ModelFile {
    let mut model = seeded(NetworkConfig::Lite(LiteConfig { variant, decoder, head: Head::default() }));
    model.metadata.working_size = 64;
    model
}

/// A small U-Net of odd widths and uneven depths.
#[must_use]
pub fn seeded_small_unet() -> ModelFile {
    let mut model = seeded(NetworkConfig::Unet(UnetConfig {
        stem: 4,
        encoder: vec![6, 8, 10],
        blocks: vec![1, 0, 2],
        decoder: vec![7, 9],
        head: Head::default(),
    }));
    model.metadata.working_size = 64;
    model
}
