//! Model files and checkpoints: `convert`, `inspect` and `forward`.

use crate::{Bench, CPU, read_npy, write_npy};
use autochrome::model::weights::Precision;
use autochrome_testing::checkpoints;
use image::ImageBuffer;
use std::fs;

#[test]
fn convert_and_inspect() {
    let bench = Bench::new();
    let (code, _, stderr) = bench.run("convert model.safetensors --out half.safetensors --precision f16 --temperature 0.5 --working-size 96 --license CC0");
    assert_eq!(code, 0, "{stderr}");
    let (code, stdout, _) = bench.run("inspect half.safetensors --json");
    assert_eq!(code, 0);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["network"], "unet");
    assert_eq!(report["precision"], "f16");
    assert_eq!(report["temperature"], 0.5);
    assert_eq!(report["working_size"], 96);
    assert_eq!(report["license"], "CC0");
    assert_eq!(report["tensors"]["out.weight"], serde_json::json!([313, 9, 1, 1]));
}

#[test]
fn forward_gives_the_golden_logits() {
    let bench = Bench::new();
    let lightness = autochrome_testing::noise_lightness(32, 48);
    write_npy(&bench.path("l.npy"), &[1, 1, 48, 32], &lightness);
    let (code, _, stderr) =
        bench.run(&format!("forward l.npy --out z.npy --ab ab.npy --temperature 1 {CPU}"));
    assert_eq!(code, 0, "{stderr}");
    let (shape, logits) = read_npy(&bench.path("z.npy"));
    assert_eq!(shape, [1, 313, 12, 8]);
    let g = autochrome_testing::golden(include_str!("../../../tests/goldens/unet_small.json"));
    let sampled = autochrome_testing::numbers(&g["index"]).into_iter().map(|i| f64::from(logits[i as usize]));
    assert!(autochrome_testing::largest_difference(sampled, autochrome_testing::numbers(&g["value"])) < 1e-4);
    assert_eq!(read_npy(&bench.path("ab.npy")).0, [1, 2, 12, 8]);

    write_npy(&bench.path("flat.npy"), &[48, 32], &lightness);
    assert_eq!(bench.run(&format!("forward flat.npy --out z.npy {CPU}")).0, 2);
    fs::write(bench.path("junk.npy"), "junk").unwrap();
    assert_eq!(bench.run(&format!("forward junk.npy --out z.npy {CPU}")).0, 1);
}

fn inspect(bench: &Bench, file: &str) -> serde_json::Value {
    let (code, stdout, stderr) = bench.run(&format!("inspect {file} --json"));
    assert_eq!(code, 0, "{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn checkpoints_of_other_programs_are_converted_and_named() {
    let bench = Bench::new();
    let tensors = checkpoints::tiny_eccv16();
    for (name, bytes, found) in [
        ("a.pth", checkpoints::pth(&tensors, "module."), "PyTorch (zip) under \"module.\""),
        ("b.pt", checkpoints::legacy_pth(&tensors, ""), "PyTorch (legacy pickle)"),
        ("c.caffemodel", checkpoints::caffemodel(&tensors, 2.0), "Caffe"),
        (
            "d.pth",
            include_bytes!("../../../tests/goldens/checkpoints/training.pth").to_vec(),
            "under \"state_dict.module.\"",
        ),
    ] {
        fs::write(bench.path(name), bytes).unwrap();
        for precision in ["f32", "f16", "int8"] {
            let (code, _, stderr) =
                bench.run(&format!("convert {name} --out out.safetensors --precision {precision}"));
            assert_eq!(code, 0, "{name}: {stderr}");
            assert!(stderr.contains("found eccv16") && stderr.contains(found), "{stderr}");
            assert_eq!(stderr.contains("optimizer.state.0.exp_avg"), name == "d.pth", "{stderr}");
            let report = inspect(&bench, "out.safetensors");
            assert_eq!((&report["network"], &report["precision"]), (&"eccv16".into(), &precision.into()));
        }
        assert_eq!(inspect(&bench, name)["network"], "eccv16");
    }
    fs::write(bench.path("old.safetensors"), "an older model").unwrap();
    fs::write(
        bench.path("wrong.pth"),
        checkpoints::zip([("a/data.pkl", b"\x80\x02cos\nsystem\n.".to_vec())]),
    )
    .unwrap();
    let (code, _, stderr) = bench.run("convert wrong.pth --out old.safetensors");
    assert_eq!(code, 1);
    assert!(stderr.contains("os.system"), "{stderr}");
    assert_eq!(fs::read_to_string(bench.path("old.safetensors")).unwrap(), "an older model");
}

#[test]
fn the_logit_scale_is_found_by_both_routes() {
    let bench = Bench::new();
    let mut tensors = checkpoints::tiny_eccv16();
    fs::write(bench.path("release.caffemodel"), checkpoints::caffemodel(&tensors, 1.0)).unwrap();
    for (factor, expected) in [(1.0f32, 1.0), (2.606, 2.606)] {
        let mut scaled = tensors.clone();
        for name in ["model8.6.weight", "model8.6.bias"] {
            scaled.get_mut(name).unwrap().values.iter_mut().for_each(|w| *w *= factor);
        }
        fs::write(bench.path("a.pth"), checkpoints::pth(&scaled, "")).unwrap();
        let (code, _, stderr) =
            bench.run("convert a.pth --out b.safetensors --precision f32 --reference release.caffemodel");
        assert_eq!(code, 0, "{stderr}");
        assert_eq!(inspect(&bench, "b.safetensors")["logit_scale"], expected);
    }
    tensors.get_mut("model8.6.weight").unwrap().values.reverse();
    fs::write(bench.path("a.pth"), checkpoints::pth(&tensors, "")).unwrap();
    let (code, _, stderr) = bench.run("convert a.pth --out c.safetensors --reference release.caffemodel");
    assert_eq!((code, bench.path("c.safetensors").exists()), (1, false), "{stderr}");
    assert!(stderr.contains("another training"), "{stderr}");

    // A network that always predicts gray, photographs that are gray but for a few: it is as sure as
    // it may be, or too sure by the factor.
    let certain = |logit: f32| {
        let mut model = autochrome_testing::seeded_small_unet();
        model.tensors.get_mut("out.weight").unwrap().values.fill(0.0);
        let bias = &mut model.tensors.get_mut("out.bias").unwrap().values;
        for (bias, [a, b]) in bias.iter_mut().zip(autochrome::color::ab_bins::CENTERS) {
            *bias = logit * -f32::hypot(a.into(), b.into()) / 10.0;
        }
        model.write(Precision::F32).unwrap()
    };
    fs::create_dir(bench.path("photos")).unwrap();
    for i in 0..101u32 {
        let picture = ImageBuffer::from_fn(16, 16, |x, y| {
            let spread = ((x / 4 * 31 + y / 4 * 17 + i * 7) % 16) as u8 * 3;
            image::Rgb([120, 120 + spread / 2, 120 + spread])
        });
        picture.save(bench.path(&format!("photos/{i}.png"))).unwrap();
    }
    let measured = |logit: f32, scale: &str| {
        fs::write(bench.path("gray.safetensors"), certain(logit)).unwrap();
        let (_, _, stderr) = bench.run(&format!("convert gray.safetensors --out d.safetensors {scale}"));
        let text = stderr.split("measured ").nth(1).unwrap_or_else(|| panic!("{stderr}"));
        text.split([')', ',']).next().unwrap().parse::<f32>().unwrap()
    };
    let (once, twice) = (measured(1.0, "--calibrate photos"), measured(2.0, "--calibrate photos"));
    assert!((once / twice - 2.0).abs() < 0.02, "tau is {once}, of doubled logits {twice}");
    fs::remove_file(bench.path("photos/0.png")).unwrap();
    fs::remove_file(bench.path("photos/1.png")).unwrap();
    let (code, _, stderr) = bench.run("convert gray.safetensors --out e.safetensors --calibrate photos");
    assert_eq!(code, 1);
    assert!(stderr.contains("99 photographs; a fit needs at least 100"), "{stderr}");
}
