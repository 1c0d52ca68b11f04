//! Networks on the CPU against an independent implementation in numpy.

use autochrome::engine::hints::Hint;
use autochrome::engine::prediction::Prediction;
use autochrome::engine::{Colorizer, Input, Mode, Unpaced};
use autochrome::image::photo::{Channels, Photo, Samples};
use autochrome::kernels::device::{ComputeDevice, DeviceChoice};
use autochrome::model::network::Variant;
use autochrome::model::weights::{ModelFile, Precision};
use autochrome_testing::{
    assert_golden_eccv16, assert_samples, golden, noise_lightness, numbers, seeded_eccv16, seeded_lite,
    seeded_siggraph17, seeded_small_unet,
};
use burn::prelude::*;

fn cpu() -> ComputeDevice {
    pollster::block_on(ComputeDevice::open(DeviceChoice::Cpu)).expect("there is always a CPU")
}

fn predict(model: ModelFile, width: usize, height: usize) -> Prediction {
    let colorizer = Colorizer::new(model, cpu()).unwrap();
    let lightness = noise_lightness(width, height);
    let input = Input { lightness: &lightness, width, height, hints: None };
    pollster::block_on(colorizer.predict(input, &mut Unpaced)).unwrap()
}

#[test]
fn eccv16_at_every_step() {
    let g = golden(include_str!("../goldens/eccv16.json"));
    let device = cpu().device;
    let network = seeded_eccv16(64).build(&device).unwrap();
    let input = TensorData::new(noise_lightness(64, 64), [1, 1, 64, 64]);
    let steps = g["steps"].as_array().unwrap();
    assert_eq!(steps.len(), network.steps());
    for (count, expected) in steps.iter().enumerate() {
        let mut activations = network.start(Tensor::from_data(input.clone(), &device), None);
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
    assert_golden_eccv16(&predict(seeded_eccv16(64), 64, 64), 1e-4, 1e-3);
}

/// Two squares, as in `goldens/generate_torch.py`.
fn square_hints(width: usize, height: usize) -> Vec<f32> {
    let mut planes = vec![0.0; 3 * width * height];
    for (top, left, size, a, b) in [(8, 4, 5, 60.0, 40.0), (20, 30, 7, -35.0, -70.0)] {
        for (y, x) in (top..top + size).flat_map(|y| (left..left + size).map(move |x| (y, x))) {
            for (plane, value) in [a, b, 1.0].into_iter().enumerate() {
                planes[(plane * height + y) * width + x] = value;
            }
        }
    }
    planes
}

#[test]
fn siggraph17_agrees_with_pytorch_with_and_without_hints() {
    let g = golden(include_str!("../goldens/siggraph17.json"));
    let (width, height) = (48, 32);
    let (lightness, hints) = (noise_lightness(width, height), square_hints(width, height));
    let device = cpu().device;
    let network = seeded_siggraph17(64).build(&device).unwrap();
    let tensor = |values: &[f32], channels| -> Tensor<4> {
        Tensor::from_data(TensorData::new(values.to_vec(), [1, channels, height, width]), &device)
    };
    for (name, hints) in [("automatic", None), ("hints", Some(&hints))] {
        let mut activations = network.start(tensor(&lightness, 1), hints.map(|hints| tensor(hints, 3)));
        for step in 0..network.steps() {
            activations = network.step(step, activations);
            // The other blocks' outputs are halved, or not kept in the golden.
            if let Some(tap) =
                [(6, 3), (7, 4), (8, 5)].iter().find(|(after, _)| *after == step).map(|(_, i)| i)
            {
                let values = activations.output().into_data().try_to_vec::<f32>().unwrap();
                assert_samples(&format!("{name}, step {step}"), &values, &g[name]["taps"][tap], 1e-4);
            }
        }
        let ab = network.finish(activations).into_data().try_to_vec::<f32>().unwrap();
        assert_samples(name, &ab, &g[name]["ab"], 1e-4);
    }
}

#[test]
fn siggraph17_follows_a_hint_and_has_no_distribution() {
    let colorizer = Colorizer::new(seeded_siggraph17(4), cpu()).unwrap();
    let gray = (0..60 * 40).map(|i| (i * 7 % 256) as u8).collect();
    let photo = Photo::new(60, 40, Channels::Gray, Samples::U8(gray)).unwrap();
    let colorize =
        |hints: &[Hint]| pollster::block_on(colorizer.colorize(&photo, Mode::Photo, hints, &mut Unpaced));
    let mut automatic = colorize(&[]).unwrap();
    let hint = Hint { x: 30.0, y: 20.0, a: 80.0, b: 60.0, radius: 10.0 };
    let mut hinted = colorize(&[hint]).unwrap();
    let [without, with] =
        [&mut automatic, &mut hinted].map(|c| pollster::block_on(c.prediction()).unwrap().planes());
    assert_ne!(without, with);
    let tone = colorizer.default_tone();
    for mut colorization in [automatic, hinted] {
        let refused = pollster::block_on(colorization.probabilities_at(0.5, 0.5, tone));
        assert_eq!(refused.unwrap_err().code(), "unsupported");
        let coloured = pollster::block_on(colorization.render(photo.clone(), tone, &mut Unpaced)).unwrap();
        assert_eq!((coloured.width(), coloured.height()), (60, 40));
    }
    assert_eq!(colorize(&[Hint { x: 60.0, ..hint }]).unwrap_err().code(), "invalid-argument");

    let unet = Colorizer::new(seeded_small_unet(), cpu()).unwrap();
    let refused = pollster::block_on(unet.colorize(&photo, Mode::Photo, &[hint], &mut Unpaced));
    assert_eq!(refused.unwrap_err().code(), "unsupported");
    let (lightness, planes) = (noise_lightness(16, 16), vec![0.0; 3 * 256]);
    let input = Input { lightness: &lightness, width: 16, height: 16, hints: Some(&planes) };
    assert_eq!(pollster::block_on(unet.predict(input, &mut Unpaced)).unwrap_err().code(), "unsupported");
}

#[test]
fn the_logit_scale_is_divided_out() {
    let mut scaled = seeded_small_unet();
    for name in ["out.weight", "out.bias"] {
        scaled.tensors.get_mut(name).unwrap().values.iter_mut().for_each(|w| *w *= 2.606);
    }
    scaled.metadata.logit_scale = 2.606;
    let (plain, scaled) = (predict(seeded_small_unet(), 32, 48).planes(), predict(scaled, 32, 48).planes());
    let worst = plain.iter().zip(&scaled).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-5, "{worst}");
}

#[test]
fn unet_with_folded_norms() {
    let g = golden(include_str!("../goldens/unet_small.json"));
    assert_samples("logits", &predict(seeded_small_unet(), 32, 48).planes(), &g, 1e-5);
}

#[test]
fn lite_agrees_with_pytorch_at_its_skips_and_in_the_end() {
    let g = golden(include_str!("../goldens/lite.json"));
    let (width, height) = (64, 32);
    let device = cpu().device;
    for (variant, decoder) in [(Variant::Lite0, [12, 10, 6]), (Variant::Lite2, [9, 7, 5])] {
        let expected = &g[variant.name()];
        let network = seeded_lite(variant, decoder).build(&device).unwrap();
        let lightness = TensorData::new(noise_lightness(width, height), [1, 1, height, width]);
        let mut activations = network.start(Tensor::from_data(lightness, &device), None);
        let mut compared = 0;
        for step in 0..network.steps() {
            activations = network.step(step, activations);
            // After the stages that are skips, the last stage, and at the decoder's beginning.
            let Some(tap) = [2, 3, 5, 7, 8].iter().position(|after| *after == step) else { continue };
            let values = activations.output().into_data().try_to_vec::<f32>().unwrap();
            assert_samples(&format!("{variant:?}, step {step}"), &values, &expected["taps"][tap], 1e-5);
            compared += 1;
        }
        assert_eq!(compared, 5);
        let logits = network.finish(activations).into_data().try_to_vec::<f32>().unwrap();
        assert_samples(variant.name(), &logits, &expected["logits"], 1e-5);
    }
}

#[test]
fn a_stem_that_sees_colours_acts_as_the_sum_of_its_kernels() {
    let gray = seeded_lite(Variant::Lite0, [4, 4, 4]);
    let mut colours = gray.clone();
    let stem = colours.tensors.get_mut("enc.stem.weight").unwrap();
    stem.shape[1] = 3;
    stem.values = stem
        .values
        .chunks(9)
        .flat_map(|k| [[0.5; 9], [-2.0; 9], [2.5; 9]].map(|f| (k, f)))
        .flat_map(|(k, f)| std::array::from_fn::<f32, 9, _>(|i| k[i] * f[i]))
        .collect();
    let written = colours.write(Precision::F32).unwrap();
    let read = ModelFile::read(&written).unwrap();
    assert_eq!(read.tensors["enc.stem.weight"].shape, [32, 1, 3, 3]);
    let [ours, theirs] = [gray, read].map(|model| model.tensors["enc.stem.weight"].values.clone());
    assert!(ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() < 1e-6));
}

#[test]
fn the_shipped_model() {
    let bytes = include_bytes!("../../www/models/lite2-int8.safetensors");
    let model = ModelFile::read(bytes).unwrap();
    let g = golden(include_str!("../goldens/default_model.json"));
    assert_samples("logits", &predict(model, 96, 64).planes(), &g["logits"], 1e-5);
}

#[test]
fn sizes_that_do_not_halve_are_refused() {
    let colorizer = Colorizer::new(seeded_small_unet(), cpu()).unwrap();
    for (width, height) in [(33, 32), (0, 32), (16, 8)] {
        let lightness = vec![50.0; width * height];
        let input = Input { lightness: &lightness, width, height, hints: None };
        let result = pollster::block_on(colorizer.predict(input, &mut Unpaced));
        assert_eq!(result.unwrap_err().code(), "invalid-argument", "{width} x {height}");
    }
}
