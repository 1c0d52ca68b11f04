//! The engine built for the browser.

use autochrome::engine::prediction::Prediction;
use autochrome::engine::preview::Preview;
use autochrome::engine::{Colorizer, Input, Mode, Tone, Unpaced};
use autochrome::image::photo::{Channels, Photo, Samples};
use autochrome::kernels::device::{ComputeDevice, DeviceChoice, DeviceKind};
use autochrome::model::weights::ModelFile;
use autochrome_testing::{
    assert_golden_eccv16, assert_samples, golden, noise_lightness, seeded_eccv16, seeded_siggraph17,
    seeded_small_unet,
};
use wasm_bindgen_test::wasm_bindgen_test;

/// The device that this build is for. A browser without it fails the test: the flags in
/// `webdriver.json` ask for the software adapter.
async fn device() -> ComputeDevice {
    let (choice, kind) = if cfg!(feature = "gpu") {
        (DeviceChoice::Gpu, DeviceKind::Gpu)
    } else {
        (DeviceChoice::Cpu, DeviceKind::Cpu)
    };
    let device = ComputeDevice::open(choice).await.expect("a device for the tests");
    assert_eq!(device.kind, kind);
    device
}

async fn predict(model: ModelFile, width: usize, height: usize) -> Prediction {
    let colorizer = Colorizer::new(model, device().await).expect("the seeded tensors fit");
    let lightness = noise_lightness(width, height);
    let input = Input { lightness: &lightness, width, height, hints: None };
    colorizer.predict(input, &mut Unpaced).await.expect("a prediction")
}

/// A tolerance for f32, and one for f16, of which the device takes the quickest that it has.
async fn tolerance(single: f64, half: f64) -> f64 {
    #[cfg(feature = "gpu")]
    {
        use autochrome::kernels::webgpu::Precision;
        let device = device().await;
        if Precision::quickest(&device.device) == Some(Precision::F16) {
            return half;
        }
    }
    let _ = half;
    single
}

#[wasm_bindgen_test]
async fn seeded_eccv16_gives_the_golden_logits() {
    let prediction = predict(seeded_eccv16(64), 64, 64).await;
    assert_golden_eccv16(&prediction, tolerance(1e-3, 5e-2).await, tolerance(1e-2, 1.0).await);
}

#[wasm_bindgen_test]
async fn seeded_unet_gives_the_golden_logits() {
    let planes = predict(seeded_small_unet(), 32, 48).await.planes();
    assert_samples(
        "logits",
        &planes,
        &golden(include_str!("../goldens/unet_small.json")),
        tolerance(1e-4, 5e-3).await,
    );
}

#[wasm_bindgen_test]
async fn seeded_siggraph17_gives_the_golden_colours() {
    let planes = predict(seeded_siggraph17(64), 48, 32).await.planes();
    let g = golden(include_str!("../goldens/siggraph17.json"));
    assert_samples("ab", &planes, &g["automatic"]["ab"], tolerance(1e-3, 2e-2).await);
}

#[wasm_bindgen_test]
async fn a_checkpoint_of_pytorch_is_read() {
    let device = device().await;
    let bytes = include_bytes!("../goldens/checkpoints/training.pth");
    let model = ModelFile::read(bytes).expect("PyTorch wrote it");
    assert_eq!(model.origin.as_ref().map(|origin| origin.prefix.as_str()), Some("state_dict.module."));
    assert_eq!(model.tensors, seeded_eccv16(1).tensors);
    let _ = model.build(&device.device).expect("the tensors fit");
}

#[wasm_bindgen_test]
async fn a_photograph_keeps_its_size_and_gets_colour() {
    let colorizer = Colorizer::new(seeded_small_unet(), device().await).unwrap();
    let (width, height) = (50, 37);
    let gray: Vec<u8> = (0..width * height).map(|i| (i * 7 % 256) as u8).collect();
    let photo = Photo::new(width, height, Channels::Gray, Samples::U8(gray)).unwrap();
    let colorization = colorizer.colorize(&photo, Mode::Photo, &[], &mut Unpaced).await.unwrap();
    let coloured = colorization.render(photo, colorizer.default_tone(), &mut Unpaced).await.unwrap();
    assert_eq!((coloured.width(), coloured.height(), coloured.channels()), (width, height, Channels::Rgb));
    let Samples::U8(rgb) = coloured.samples() else { panic!("8 bits stay 8 bits") };
    assert!(rgb.chunks(3).any(|p| p[0] != p[1] || p[1] != p[2]), "no colour at all");
}

/// The vector instructions of wasm round as those of this machine.
#[wasm_bindgen_test]
async fn a_preview_is_what_rendering_gives() {
    let colorizer = Colorizer::new(seeded_small_unet(), device().await).unwrap();
    let (width, height) = (75, 40);
    let rgba: Vec<u8> = (0..width * height * 4).map(|i| (i * 7919 % 253) as u8).collect();
    let photo = Photo::new(width, height, Channels::Rgba, Samples::U8(rgba)).unwrap();
    let colorization = colorizer.colorize(&photo, Mode::Photo, &[], &mut Unpaced).await.unwrap();
    let mut preview = Preview::new(&photo);
    for (saturation, warmth) in [(1.0, 0.0), (2.0, -0.6), (0.0, 1.0)] {
        let tone = Tone { saturation, warmth, ..colorizer.default_tone() };
        let found = preview.render(&colorization, tone, &mut Unpaced).await.unwrap();
        let expected = colorization.render(photo.clone(), tone, &mut Unpaced).await.unwrap().to_rgba8();
        assert!(found.iter().zip(expected).all(|(p, q)| p.abs_diff(q) <= 1), "{tone:?}");
    }
}
