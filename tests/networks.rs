//! Networks on the CPU against an independent implementation in numpy.

mod common;

use autochrome::backend::{ComputeDevice, DeviceChoice};
use autochrome::colorize::{Colorizer, Unpaced};
use autochrome::weights::ModelFile;
use burn::prelude::*;
use common::{
    assert_golden_eccv16, assert_samples, golden, noise_lightness, numbers, seeded_eccv16, seeded_small_unet,
};

fn cpu() -> ComputeDevice {
    pollster::block_on(ComputeDevice::open(DeviceChoice::Cpu)).expect("there is always a CPU")
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
        assert_samples(&format!("step {count}"), &values, expected, 1e-4);
    }
}

#[test]
fn eccv16_logits_and_colours() {
    let colorizer = Colorizer::new(&seeded_eccv16(), cpu()).unwrap();
    let distribution =
        pollster::block_on(colorizer.logits(&noise_lightness(64, 64), 64, 64, &mut Unpaced)).unwrap();
    assert_golden_eccv16(&distribution, 1e-4, 1e-3);
}

#[test]
fn unet_with_folded_norms() {
    let colorizer = Colorizer::new(&seeded_small_unet(), cpu()).unwrap();
    let distribution =
        pollster::block_on(colorizer.logits(&noise_lightness(32, 48), 32, 48, &mut Unpaced)).unwrap();
    let g = golden(include_str!("goldens/unet_small.json"));
    assert_samples("logits", &distribution.planes(), &g, 1e-5);
}

#[test]
fn the_shipped_model() {
    let model = ModelFile::read(include_bytes!("../www/models/unet-pilot-f16.safetensors")).unwrap();
    let colorizer = Colorizer::new(&model, cpu()).unwrap();
    let distribution =
        pollster::block_on(colorizer.logits(&noise_lightness(96, 64), 96, 64, &mut Unpaced)).unwrap();
    let g = golden(include_str!("goldens/default_model.json"));
    assert_samples("logits", &distribution.planes(), &g["logits"], 1e-5);
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
