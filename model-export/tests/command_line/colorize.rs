//! `colorize`: photographs and folders into colour.

use crate::{Bench, CPU, gray, has_colour, open, read_npy, write_npy};
use autochrome_testing::checkpoints;
use image::{DynamicImage, GenericImageView, ImageBuffer, Rgba};
use std::fs;

#[test]
fn one_photograph() {
    let bench = Bench::new();
    bench.gray("a.png");
    let (code, _, stderr) = bench.run(&format!("colorize a.png --out b.jpg {CPU}"));
    assert_eq!(code, 0, "{stderr}");
    let coloured = open(&bench.path("b.jpg"));
    assert_eq!(coloured.dimensions(), (60, 40));
    assert!(has_colour(&coloured));
}

#[test]
fn the_model_inside_the_tool() {
    let bench = Bench::new();
    bench.gray("a.png");
    let (code, _, stderr) = bench.run("colorize a.png --out b.png --device cpu");
    assert_eq!(code, 0, "{stderr}");
    assert!(has_colour(&open(&bench.path("b.png"))));
}

#[test]
fn nine_of_ten() {
    let bench = Bench::new();
    for i in 0..9 {
        bench.gray(&format!("in/{i}.png"));
    }
    fs::write(bench.path("in/corrupt.png"), b"\x89PNG\r\n\x1a\nnothing more").unwrap();
    fs::write(bench.path("in/notes.txt"), "no photograph").unwrap();
    let (code, _, stderr) = bench.run(&format!("colorize in --out out {CPU}"));
    assert_eq!(code, 1);
    assert_eq!(stderr.matches("error:").count(), 1, "{stderr}");
    assert!(stderr.contains("corrupt.png"), "{stderr}");
    assert_eq!(fs::read_dir(bench.path("out")).unwrap().count(), 9);
}

#[test]
fn folders_keep_their_shape() {
    let bench = Bench::new();
    bench.gray("in/deep/er/a.png");
    bench.gray("in/b.bmp");
    bench.gray("c.png");
    let (code, _, stderr) = bench.run(&format!("colorize in c.png --out out {CPU}"));
    assert_eq!(code, 0, "{stderr}");
    for name in ["out/deep/er/a.png", "out/b.png", "out/c.png"] {
        assert!(has_colour(&open(&bench.path(name))), "{name}");
    }
}

#[test]
fn sixteen_bits_and_alpha_stay() {
    let bench = Bench::new();
    let deep = ImageBuffer::from_fn(30, 20, |x, y| {
        Rgba([(x * 2000 + 77) as u16, (x * 2000 + 77) as u16, (x * 2000 + 77) as u16, (y * 3000) as u16])
    });
    for (from, to) in [("a.png", "b.png"), ("a.tif", "b.tif"), ("a.tif", "c.png")] {
        deep.save(bench.path(from)).unwrap();
        let (code, _, stderr) = bench.run(&format!("colorize {from} --out {to} {CPU}"));
        assert_eq!(code, 0, "{stderr}");
        let DynamicImage::ImageRgba16(coloured) = open(&bench.path(to)) else {
            panic!("{to} is not 16-bit RGBA")
        };
        assert!(deep.pixels().zip(coloured.pixels()).all(|(a, b)| a.0[3] == b.0[3]));
        assert!(coloured.pixels().any(|p| p.0.iter().any(|c| c % 257 != 0)), "only 8 bits are used");
    }
}

#[test]
fn a_photograph_lying_on_its_side_is_turned_once() {
    use image::ImageEncoder;
    let bench = Bench::new();
    // TIFF block with one entry: orientation (0x0112), short, 1, value 6 (turn right).
    let exif = [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"[..]].concat();
    let mut jpeg = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 95);
    encoder.set_exif_metadata(exif).unwrap();
    encoder.write_image(&gray(60, 40), 60, 40, image::ExtendedColorType::L8).unwrap();
    fs::write(bench.path("side.jpg"), jpeg).unwrap();
    let (code, _, stderr) = bench.run(&format!("colorize side.jpg --out up.jpg {CPU}"));
    assert_eq!(code, 0, "{stderr}");
    let decoded = autochrome::image::files::decode(
        fs::File::open(bench.path("up.jpg")).map(std::io::BufReader::new).unwrap(),
    )
    .unwrap();
    assert_eq!((decoded.photo.width(), decoded.photo.height()), (40, 60));
}

#[test]
fn nothing_that_exists_is_lost() {
    let bench = Bench::new();
    bench.gray("a.png");
    let original = fs::read(bench.path("a.png")).unwrap();
    for arguments in ["colorize a.png --out a.png", "colorize a.png --out .", "colorize a.png --out ./a.png"]
    {
        let (code, _, stderr) = bench.run(&format!("{arguments} {CPU}"));
        assert_eq!(code, 2, "{arguments}: {stderr}");
        assert!(stderr.contains("overwritten"), "{stderr}");
    }
    assert_eq!(fs::read(bench.path("a.png")).unwrap(), original);

    fs::write(bench.path("old.png"), "an older result").unwrap();
    fs::write(bench.path("broken.png"), "no picture").unwrap();
    let (code, _, _) = bench.run(&format!("colorize broken.png --out old.png {CPU}"));
    assert_eq!(code, 1);
    assert_eq!(fs::read_to_string(bench.path("old.png")).unwrap(), "an older result");
    let leftovers = fs::read_dir(bench.folder.path())
        .unwrap()
        .filter(|f| f.as_ref().unwrap().file_name().to_string_lossy().contains(".part"));
    assert_eq!(leftovers.count(), 0);
}

#[test]
fn colorize_writes_down_how_long_each_piece_of_work_took() {
    let bench = Bench::new();
    bench.gray("a.png");
    let (code, _, stderr) =
        bench.run("colorize a.png --out b.png --model model.safetensors --timings times.json");
    assert_eq!(code, 0, "{stderr}");
    let times: serde_json::Value =
        serde_json::from_slice(&fs::read(bench.path("times.json")).unwrap()).unwrap();
    assert_eq!((&times[0]["width"], &times[0]["height"]), (&60.into(), &40.into()));
    let parts: Vec<&String> = times[0]["milliseconds"].as_object().unwrap().keys().collect();
    assert_eq!(parts, ["annealed_mean", "decode", "encode", "lab", "network", "resize", "upsampling"]);
}

#[test]
fn hints_steer_siggraph17() {
    let bench = Bench::new();
    bench.gray("a.png");
    fs::write(bench.path("s.pth"), checkpoints::pth(&autochrome_testing::seeded_siggraph17(2).tensors, ""))
        .unwrap();
    fs::write(bench.path("h.json"), r#"[{"x": 30, "y": 20, "a": 80, "b": 60, "radius": 8}]"#).unwrap();
    let colorize = |more: &str| bench.run(&format!("colorize a.png --model s.pth --device cpu {more}"));
    for more in ["--out plain.png", "--out hinted.png --hints h.json"] {
        let (code, _, stderr) = colorize(more);
        assert_eq!(code, 0, "{stderr}");
    }
    assert_ne!(open(&bench.path("plain.png")), open(&bench.path("hinted.png")));
    let (code, _, stderr) = colorize("--out c.png --temperature 0.5");
    assert_eq!(code, 2, "{stderr}");
    for (json, part) in [
        ("[{\"x\": 1}]", "a list of"),
        ("[{\"x\": 60, \"y\": 1, \"a\": 0, \"b\": 0, \"radius\": 1}]", "inside the photograph"),
    ] {
        fs::write(bench.path("h.json"), json).unwrap();
        let (code, _, stderr) = colorize("--out c.png --hints h.json");
        assert_eq!(code, 1, "{stderr}");
        assert!(stderr.contains(part), "{stderr}");
    }

    write_npy(&bench.path("l.npy"), &[1, 1, 16, 24], &autochrome_testing::noise_lightness(24, 16));
    write_npy(&bench.path("hints.npy"), &[1, 3, 16, 24], &vec![1.0; 3 * 16 * 24]);
    let forward = "forward l.npy --model s.pth --device cpu";
    assert_eq!(bench.run(&format!("{forward} --out a.npy")).0, 0);
    assert_eq!(bench.run(&format!("{forward} --out b.npy --hints hints.npy")).0, 0);
    let (a, b) = (read_npy(&bench.path("a.npy")), read_npy(&bench.path("b.npy")));
    assert_eq!(a.0, [1, 2, 16, 24]);
    assert_ne!(a.1, b.1);
    assert_eq!(bench.run(&format!("{forward} --out b.npy --hints l.npy")).0, 2);
}
