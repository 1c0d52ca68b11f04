//! Networks on the CPU against an independent implementation in numpy.
#![cfg(all(not(target_arch = "wasm32"), feature = "cpu"))]

mod common;

use autochrome::ab_bins::AnnealedMean;
use autochrome::backend::{ComputeDevice, DeviceChoice};
use autochrome::colorize::{Colorizer, Unpaced};
use autochrome::weights::ModelFile;
use burn::prelude::*;
use common::{
    golden, largest_difference, noise_lightness, number, numbers, seeded_eccv16, seeded_small_unet,
};

fn cpu() -> ComputeDevice {
    pollster::block_on(ComputeDevice::open(DeviceChoice::Cpu)).expect("there is always a CPU")
}

fn check_samples(name: &str, values: &[f32], expected: &serde_json::Value, tolerance: f64) {
    let sampled = numbers(&expected["index"]).into_iter().map(|i| f64::from(values[i as usize]));
    let allowed = tolerance * number(&expected["max_abs"]);
    let error = largest_difference(sampled, numbers(&expected["value"]));
    assert!(error <= allowed, "{name}: samples are off by {error}, allowed {allowed}");
    let sum: f64 = values.iter().map(|v| f64::from(*v).abs()).sum();
    let expected_sum = number(&expected["abs_sum"]);
    assert!((sum / expected_sum - 1.0).abs() < 1e-4, "{name}: sum of sizes {sum}, expected {expected_sum}");
}

#[test]
fn eccv16_at_every_step() {
    let g = golden(include_str!("goldens/eccv16.json"));
    let device = cpu().device;
    let network = seeded_eccv16().build(&device).unwrap();
    let input = TensorData::new(noise_lightness(64, 64), [1, 1, 64, 64]);
    let steps = g["steps"].as_array().unwrap();
    assert_eq!(steps.len(), network.steps());
    for (count, expected) in steps.iter().enumerate() {
        let mut activations = network.start(Tensor::from_data(input.clone(), &device));
        for step in 0..=count {
            activations = network.step(step, activations);
        }
        let x = network.finish(activations);
        assert_eq!(x.dims()[1..].iter().map(|n| *n as f64).collect::<Vec<_>>(), numbers(&expected["shape"]));
        let values = x.into_data().try_to_vec::<f32>().unwrap();
        check_samples(&format!("step {count}"), &values, expected, 1e-4);
    }
}

#[test]
fn eccv16_logits_and_colours() {
    let colorizer = Colorizer::new(&seeded_eccv16(), cpu()).unwrap();
    let distribution =
        pollster::block_on(colorizer.logits(&noise_lightness(64, 64), 64, 64, &mut Unpaced)).unwrap();
    let expected = include_bytes!("goldens/eccv16_logits_313x16x16.f32")
        .chunks_exact(4)
        .map(|bytes| f64::from(f32::from_le_bytes(bytes.try_into().unwrap())));
    let error = largest_difference(distribution.planes().into_iter().map(f64::from), expected);
    assert!(error < 1e-4, "logits are off by {error}");

    let g = golden(include_str!("goldens/eccv16.json"));
    for (temperature, name) in [(0.38, "ab_038"), (1.0, "ab_1")] {
        let ab = distribution.decode(&AnnealedMean::new(temperature, 1.0, None).unwrap()).concat();
        let error = largest_difference(ab.into_iter().map(f64::from), numbers(&g[name]));
        assert!(error < 1e-3, "{name} is off by {error}");
    }
}

#[test]
fn unet_with_folded_norms() {
    let colorizer = Colorizer::new(&seeded_small_unet(), cpu()).unwrap();
    let distribution =
        pollster::block_on(colorizer.logits(&noise_lightness(32, 48), 32, 48, &mut Unpaced)).unwrap();
    let g = golden(include_str!("goldens/unet_small.json"));
    check_samples("logits", &distribution.planes(), &g, 1e-5);
}

#[test]
fn the_shipped_model() {
    let model = ModelFile::read(include_bytes!("../www/models/unet-pilot-f16.safetensors")).unwrap();
    let colorizer = Colorizer::new(&model, cpu()).unwrap();
    let distribution =
        pollster::block_on(colorizer.logits(&noise_lightness(96, 64), 96, 64, &mut Unpaced)).unwrap();
    let g = golden(include_str!("goldens/default_model.json"));
    check_samples("logits", &distribution.planes(), &g["logits"], 1e-5);
}

#[test]
fn sizes_that_do_not_halve_are_refused() {
    let colorizer = Colorizer::new(&seeded_small_unet(), cpu()).unwrap();
    for (width, height) in [(33, 32), (0, 32), (16, 8)] {
        let lightness = vec![50.0; width * height];
        let result = pollster::block_on(colorizer.logits(&lightness, width, height, &mut Unpaced));
        assert_eq!(result.unwrap_err().code(), "invalid-argument", "{width} x {height}");
    }
}
