//! What the tests share: keyed random numbers and networks with weights made from them.
//!
//! `uniform(key, n)` is SplitMix64 seeded with the FNV-1a-64 of the key; its top 24 bits are the
//! number, exact in f32. `goldens/generate.py` makes the same ones.

#![allow(dead_code, reason = "each test binary uses a part")]

use autochrome::color::ab_bins::{self, AnnealedMean};
use autochrome::engine::prediction::Prediction;
use autochrome::model::network::{
    Eccv16Config, Head, LiteConfig, NetworkConfig, Siggraph17Config, UnetConfig, Variant,
};
use autochrome::model::weights::{HostTensor, Metadata, ModelFile};
use serde_json::Value;
use std::collections::BTreeMap;

pub fn fnv1a64(key: &str) -> u64 {
    key.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

pub fn splitmix64(seed: u64) -> impl Iterator<Item = u64> {
    (1u64..).map(move |i| {
        let mut z = seed.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

pub fn uniform(key: &str, n: usize) -> Vec<f32> {
    splitmix64(fnv1a64(key)).take(n).map(|z| (z >> 40) as f32 / (1u32 << 24) as f32).collect()
}

/// The golden `name`, parsed.
pub fn golden(text: &str) -> Value {
    serde_json::from_str(text).expect("goldens are JSON")
}

pub fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

pub fn triple(value: &Value) -> [f64; 3] {
    numbers(value).try_into().expect("three numbers")
}

pub fn pair(value: &Value) -> [f64; 2] {
    numbers(value).try_into().expect("two numbers")
}

/// Largest difference of two lists of one length.
pub fn largest_difference(a: impl IntoIterator<Item = f64>, b: impl IntoIterator<Item = f64>) -> f64 {
    let (a, b): (Vec<f64>, Vec<f64>) = (a.into_iter().collect(), b.into_iter().collect());
    assert_eq!(a.len(), b.len());
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Compares a network's output with the samples that a golden keeps of it; `tolerance` is a share of
/// the largest value.
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
pub fn noise_lightness(width: usize, height: usize) -> Vec<f32> {
    uniform("input_l", width * height).into_iter().map(|u| u * 100.0).collect()
}

/// Tensors made of their own names.
pub struct Seeded(BTreeMap<String, HostTensor>);

impl Seeded {
    fn add(&mut self, name: String, shape: &[usize], value: impl Fn(f32, f32) -> f32) {
        let values =
            uniform(&name, shape.iter().product()).into_iter().map(|u| value(u, 2.0 * u - 1.0)).collect();
        self.0.insert(name, HostTensor { shape: shape.to_vec(), values });
    }

    fn weight(&mut self, key: &str, shape: &[usize], fan_in: usize, gain: f32) {
        let scale = (6.0 / fan_in as f64).sqrt() as f32 * gain;
        self.add(format!("{key}.weight"), shape, |_, v| v * scale);
    }

    fn bias(&mut self, key: &str, channels: usize) {
        self.add(format!("{key}.bias"), &[channels], |_, v| v * 0.0625);
    }

    fn conv(&mut self, key: &str, from: usize, to: usize, kernel: usize, gain: f32) {
        self.weight(key, &[to, from, kernel, kernel], from * kernel * kernel, gain);
        self.bias(key, to);
    }

    fn norm(&mut self, key: &str, channels: usize) {
        self.add(format!("{key}.weight"), &[channels], |_, v| 1.0 + v * 0.25);
        self.add(format!("{key}.bias"), &[channels], |_, v| v * 0.125);
        self.add(format!("{key}.running_mean"), &[channels], |_, v| 0.25 + v * 0.125);
        self.add(format!("{key}.running_var"), &[channels], |u, _| u + 0.5);
    }

    fn conv_norm(&mut self, key: &str, from: usize, to: usize) {
        self.weight(&format!("{key}.0"), &[to, from, 3, 3], from * 9, 1.0);
        self.norm(&format!("{key}.1"), to);
    }

    /// A stage of a decoder.
    fn up(&mut self, key: &str, [from, skip]: [usize; 2], to: usize) {
        self.conv(&format!("{key}.p"), from, to, 1, 1.0);
        self.conv(&format!("{key}.k"), skip, to, 1, 1.0);
        self.conv_norm(&format!("{key}.c.a"), to, to);
        self.conv_norm(&format!("{key}.c.b"), to, to);
    }
}

fn model(network: NetworkConfig, tensors: BTreeMap<String, HostTensor>) -> ModelFile {
    ModelFile { metadata: Metadata::for_network(network), tensors, class_weights: None, origin: None }
}

impl Seeded {
    /// ECCV16 of any width.
    pub fn eccv16(width: usize) -> BTreeMap<String, HostTensor> {
        let mut t = Self(BTreeMap::new());
        t.trunk(1, width);
        let w = width;
        t.weight("model8.0", &[8 * w, 4 * w, 4, 4], 8 * w * 4, 1.0);
        t.bias("model8.0", 4 * w);
        t.conv("model8.2", 4 * w, 4 * w, 3, 1.0);
        t.conv("model8.4", 4 * w, 4 * w, 3, 1.0);
        t.conv("model8.6", 4 * w, ab_bins::COUNT, 1, 4.0);
        t.0
    }

    /// Blocks 1 to 7.
    fn trunk(&mut self, input: usize, width: usize) {
        let mut from = input;
        for (block, (multiple, count)) in
            [(1, 2), (2, 2), (4, 3), (8, 3), (8, 3), (8, 3), (8, 3)].into_iter().enumerate()
        {
            let to = multiple * width;
            for i in 0..count {
                let from = if i == 0 { from } else { to };
                self.conv(&format!("model{}.{}", block + 1, 2 * i), from, to, 3, 1.0);
            }
            self.norm(&format!("model{}.{}", block + 1, 2 * count), to);
            from = to;
        }
    }
}

/// ECCV16 as released, with seeded weights (129 MB, made anew each time).
pub fn seeded_eccv16() -> ModelFile {
    model(NetworkConfig::Eccv16(Eccv16Config::default()), Seeded::eccv16(64))
}

/// The interactive successor, with seeded weights.
pub fn seeded_siggraph17(width: usize) -> ModelFile {
    let w = width;
    let mut t = Seeded(BTreeMap::new());
    t.trunk(4, w);
    for (level, from, to, skip, count) in
        [(8, 8 * w, 4 * w, 4 * w, 2), (9, 4 * w, 2 * w, 2 * w, 1), (10, 2 * w, 2 * w, w, 1)]
    {
        t.weight(&format!("model{level}up.0"), &[from, to, 4, 4], from * 4, 1.0);
        t.bias(&format!("model{level}up.0"), to);
        t.conv(&format!("model{}short{level}.0", 11 - level), skip, to, 3, 1.0);
        for i in 0..count {
            t.conv(&format!("model{level}.{}", 2 * i + 1), to, to, 3, 1.0);
        }
        if level < 10 {
            t.norm(&format!("model{level}.{}", 2 * count + 1), to);
        }
    }
    t.conv("model_class.0", 4 * w, 529, 1, 1.0);
    t.conv("model_out.0", 2 * w, 2, 1, 1.0);
    model(NetworkConfig::Siggraph17(Siggraph17Config { width }), t.0)
}

/// A lite with seeded weights and a narrow decoder.
pub fn seeded_lite(variant: Variant, decoder: [usize; 3]) -> ModelFile {
    // Blocks, kernel, expansion, channels of each stage.
    let stages = match variant {
        Variant::Lite0 => [
            (1, 3, 1, 16),
            (2, 3, 6, 24),
            (2, 5, 6, 40),
            (3, 3, 6, 80),
            (3, 5, 6, 112),
            (4, 5, 6, 192),
            (1, 3, 6, 320),
        ],
        Variant::Lite2 => [
            (1, 3, 1, 16),
            (3, 3, 6, 24),
            (3, 5, 6, 48),
            (4, 3, 6, 88),
            (4, 5, 6, 120),
            (5, 5, 6, 208),
            (1, 3, 6, 352),
        ],
    };
    let mut t = Seeded(BTreeMap::new());
    t.weight("enc.stem", &[32, 1, 3, 3], 9, 1.0);
    t.norm("enc.b", 32);
    let (mut from, mut block) = (32, 0);
    for (count, kernel, expansion, to) in stages {
        for _ in 0..count {
            let (key, wide) = (format!("enc.bl.{block}"), from * expansion);
            if expansion > 1 {
                t.weight(&format!("{key}.ex"), &[wide, from, 1, 1], from, 1.0);
                t.norm(&format!("{key}.b0"), wide);
            }
            t.weight(&format!("{key}.dw"), &[wide, 1, kernel, kernel], kernel * kernel, 1.0);
            t.norm(&format!("{key}.b1"), wide);
            t.weight(&format!("{key}.pr"), &[to, wide, 1, 1], wide, 1.0);
            t.norm(&format!("{key}.b2"), to);
            (from, block) = (to, block + 1);
        }
    }
    t.weight("enc.head", &[1280, from, 1, 1], from, 1.0);
    t.norm("enc.hb", 1280);
    t.conv("t", from, decoder[0], 1, 1.0);
    t.weight("g", &[decoder[0], 1280], 1280, 1.0);
    t.bias("g", decoder[0]);
    let skips = [stages[4].3, stages[2].3, stages[1].3];
    let mut from = decoder[0];
    for (i, (to, skip)) in decoder.into_iter().zip(skips).enumerate() {
        t.up(&format!("u{}", decoder.len() - i), [from, skip], to);
        from = to;
    }
    t.conv("out", from, ab_bins::COUNT, 1, 1.0);
    let config = LiteConfig { variant, decoder, head: Head::default() };
    let mut model = model(NetworkConfig::Lite(config), t.0);
    model.metadata.working_size = 64;
    model
}

/// A small U-Net of odd widths and uneven depths.
pub fn seeded_small_unet() -> ModelFile {
    let config = UnetConfig {
        stem: 4,
        encoder: vec![6, 8, 10],
        blocks: vec![1, 0, 2],
        decoder: vec![7, 9],
        head: Head::default(),
    };
    let mut t = Seeded(BTreeMap::new());
    t.conv_norm("stem", 1, config.stem);
    let mut from = config.stem;
    for (i, (&to, &count)) in config.encoder.iter().zip(&config.blocks).enumerate() {
        t.conv_norm(&format!("e{}.0", i + 1), from, to);
        for j in 1..=count {
            t.conv_norm(&format!("e{}.{j}.a", i + 1), to, to);
            t.conv_norm(&format!("e{}.{j}.b", i + 1), to, to);
        }
        from = to;
    }
    for key in ["g.0", "g.2"] {
        t.weight(key, &[from, from], from, 1.0);
        t.bias(key, from);
    }
    for (i, &to) in config.decoder.iter().enumerate() {
        let key = format!("u{}", config.decoder.len() - i);
        t.up(&key, [from, config.encoder[config.encoder.len() - 2 - i]], to);
        from = to;
    }
    t.conv("out", from, ab_bins::COUNT, 1, 1.0);
    let mut model = model(NetworkConfig::Unet(config), t.0);
    model.metadata.working_size = 64;
    model
}
