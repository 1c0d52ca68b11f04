//! The tool as people run it.

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../../tests/common/checkpoints.rs"]
mod writers;

use assert_cmd::Command;
use autochrome::weights::Precision;
use image::{DynamicImage, GenericImageView, ImageBuffer, Luma, Rgba};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

struct Bench {
    folder: TempDir,
}

impl Bench {
    /// A folder with a small seeded model in it.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = common::seeded_small_unet().write(Precision::F32).unwrap();
        fs::write(folder.path().join("model.safetensors"), model).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Runs in the folder: exit code, stdout, stderr.
    fn run(&self, arguments: &str) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_autochrome"))
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn gray(&self, name: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        gray(60, 40).save(self.path(name)).unwrap();
    }
}

fn gray(width: u32, height: u32) -> ImageBuffer<Luma<u8>, Vec<u8>> {
    ImageBuffer::from_fn(width, height, |x, y| Luma([(x * 3 + y * 2) as u8]))
}

fn has_colour(image: &DynamicImage) -> bool {
    image.to_rgb8().pixels().any(|p| p.0[0].abs_diff(p.0[2]) > 2 || p.0[0].abs_diff(p.0[1]) > 2)
}

fn open(path: &Path) -> DynamicImage {
    image::open(path).unwrap()
}

const CPU: &str = "--device cpu --model model.safetensors";

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
    let decoded =
        autochrome::files::decode(fs::File::open(bench.path("up.jpg")).map(std::io::BufReader::new).unwrap())
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
fn wrong_usage_is_exit_code_two() {
    let bench = Bench::new();
    bench.gray("a.png");
    bench.gray("b/a.png");
    fs::write(bench.path("file"), "").unwrap();
    for arguments in [
        "",
        "colorize",
        "colorize a.png",
        "colorize a.png --out b.xyz",
        "colorize a.png b --out file",
        "colorize a.png b --out out",
        "colorize a.png --out c.png --temperature -1",
        "colorize a.png --out c.png --rebalance 2",
        "colorize a.png --out c.png --device abacus",
        "convert model.safetensors --out model.safetensors",
        "convert model.safetensors --out other.safetensors --logit-scale 0",
        "convert model.safetensors --out other.safetensors --logit-scale 1 --calibrate b",
        "colorize a.png --out c.png --hints a.png",
        "colorize a.png --out c.png --upsample bicubic",
        "colorize a.png --out c.png --upsample nearest --mode faithful",
        "render a.png --out c.png",
        "evaluate-upsampling --data b --megapixels 0",
        "colorize b a.png --out out --hints a.png",
    ] {
        let model =
            if arguments.contains("colorize a.png --out c") { "--model model.safetensors" } else { "" };
        let (code, _, stderr) = bench.run(&format!("{arguments} {model}"));
        assert_eq!(code, 2, "{arguments}: {stderr}");
    }
}

#[test]
fn what_fails_says_so_with_exit_code_one() {
    let bench = Bench::new();
    bench.gray("a.png");
    fs::write(bench.path("junk.safetensors"), "junk").unwrap();
    fs::create_dir(bench.path("empty")).unwrap();
    for (arguments, part) in [
        ("colorize a.png --out b.png --model junk.safetensors", "not a model file"),
        ("colorize a.png --out b.png --model missing.safetensors", "cannot read missing.safetensors"),
        ("colorize missing.png --out b.png --device cpu", "missing.png"),
        ("colorize empty --out out", "holds no photographs"),
        ("inspect junk.safetensors", "not a model file"),
    ] {
        let (code, stdout, stderr) = bench.run(arguments);
        assert_eq!((code, stdout.as_str()), (1, ""), "{arguments}: {stderr}");
        assert!(stderr.contains(part), "{arguments}: {stderr}");
    }
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

/// Writes an f32 array.
fn array(path: &Path, shape: &[u64], values: &[f32]) {
    use npyz::WriterBuilder;
    let file = fs::File::create(path).unwrap();
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(shape).writer(file).begin_nd().unwrap();
    writer.extend(values.iter()).unwrap();
    writer.finish().unwrap();
}

/// Names of every upsampling, the default first.
fn upsamplings() -> [&'static str; 7] {
    autochrome::chroma_upsample::Upsampling::ALL.map(|upsampling| upsampling.name())
}

#[test]
fn colours_of_any_origin_join_a_photograph() {
    let bench = Bench::new();
    let deep = ImageBuffer::from_fn(61, 43, |x, y| {
        let gray = (x * 600 + y * 500 + 4000) as u16;
        Rgba([gray, gray, gray, (y * 1500) as u16])
    });
    deep.save(bench.path("a.png")).unwrap();
    // Red above, green below, neither alike everywhere: 3 rows of 4 cells.
    let a = [44.0, 40.0, 36.0, 50.0, 9.0, -6.0, 4.0, -9.0, -40.0, -46.0, -37.0, -42.0];
    let ab = [a, [30.0; 12]].concat();
    array(&bench.path("ab.npy"), &[1, 2, 3, 4], &ab);
    let lightness =
        |p: &Rgba<u16>| autochrome::lab::lab_from_srgb([0, 1, 2].map(|c| f64::from(p.0[c]) / 65535.0));
    let mut pictures = Vec::new();
    for name in upsamplings() {
        let (code, _, stderr) =
            bench.run(&format!("render a.png --ab ab.npy --out {name}.png --upsample {name}"));
        assert_eq!((code, stderr.as_str()), (0, ""), "{name}");
        let DynamicImage::ImageRgba16(coloured) = open(&bench.path(&format!("{name}.png"))) else {
            panic!("{name} is not 16-bit RGBA")
        };
        assert_eq!(coloured.dimensions(), (61, 43));
        for (before, after) in deep.pixels().zip(coloured.pixels()) {
            assert_eq!(before.0[3], after.0[3], "{name}");
            assert!((lightness(before)[0] - lightness(after)[0]).abs() < 0.01, "{name}");
        }
        let a = [5, 40].map(|y| lightness(coloured.get_pixel(30, y))[1]);
        assert!(a[0] > 5.0 && a[1] < -5.0, "{name}: {a:?}, not red above and green below");
        pictures.push(coloured);
    }
    let different = |other: usize| pictures[0] != pictures[other];
    assert!((1..pictures.len()).all(different), "every name is a way of its own");
    assert_eq!(bench.run("render a.png --ab ab.npy --out default.png").0, 0);
    assert!(open(&bench.path("default.png")).as_rgba16() == Some(&pictures[0]));
    assert_eq!(bench.run("render a.png --ab ab.npy --out gray.png --saturation 0").0, 0);
    assert!(!has_colour(&open(&bench.path("gray.png"))));
}

#[test]
fn render_refuses_what_makes_no_sense() {
    let bench = Bench::new();
    bench.gray("a.png");
    let good = [10.0f32; 24];
    array(&bench.path("ab.npy"), &[1, 2, 3, 4], &good);
    array(&bench.path("flat.npy"), &[2, 3, 4], &good);
    array(&bench.path("rgb.npy"), &[1, 3, 2, 4], &good);
    array(&bench.path("none.npy"), &[1, 2, 0, 4], &[]);
    let mut infinite = good;
    infinite[7] = f32::INFINITY;
    array(&bench.path("infinite.npy"), &[1, 2, 3, 4], &infinite);
    fs::write(bench.path("junk.npy"), "junk").unwrap();
    for (arguments, code, part) in [
        ("a.png --ab flat.npy --out c.png", 2, "[1, 2, H, W] is needed"),
        ("a.png --ab rgb.npy --out c.png", 2, "[1, 2, H, W] is needed"),
        ("a.png --ab none.npy --out c.png", 1, "finite"),
        ("a.png --ab infinite.npy --out c.png", 1, "infinite.npy: ab is inf"),
        ("a.png --ab junk.npy --out c.png", 1, "not a .npy file"),
        ("a.png --ab missing.npy --out c.png", 1, "cannot read missing.npy"),
        ("missing.png --ab ab.npy --out c.png", 1, "missing.png"),
        ("ab.npy --ab ab.npy --out c.png", 1, "cannot be read as a photograph"),
        ("a.png --ab ab.npy --out c.xyz", 2, "must end in"),
        ("a.png --ab ab.npy --out a.png", 2, "overwritten"),
        ("a.png --ab ab.npy --out c.png --saturation=-1", 2, "--saturation"),
        ("a.png --ab ab.npy --out c.png --saturation NaN", 2, "--saturation"),
    ] {
        let (found, _, stderr) = bench.run(&format!("render {arguments}"));
        assert_eq!(found, code, "{arguments}: {stderr}");
        assert!(stderr.contains(part), "{arguments}: {stderr}");
        assert!(!bench.path("c.png").exists(), "{arguments}");
    }
    let (code, _, stderr) = bench.run("render a.png --ab ab.npy --out c.png --upsample bicubic");
    assert_eq!(code, 2);
    assert!(upsamplings().iter().all(|name| stderr.contains(name)), "{stderr}");
}

#[test]
fn colorize_upsamples_as_it_is_told() {
    let bench = Bench::new();
    bench.gray("a.png");
    // By the model inside the tool: the seeded one's colours are the same everywhere.
    let colorize = |out: &str, more: &str| {
        let (code, _, stderr) = bench.run(&format!("colorize a.png --out {out}.png --device cpu {more}"));
        assert_eq!(code, 0, "{stderr}");
        open(&bench.path(&format!("{out}.png")))
    };
    let nearest = colorize("nearest", "--upsample nearest");
    let corrected = colorize("corrected", "--upsample back-projection");
    assert!(corrected == colorize("default", ""));
    assert!(corrected != nearest);
}

#[test]
fn evaluate_upsampling_measures_every_way() {
    let bench = Bench::new();
    fs::create_dir(bench.path("photos")).unwrap();
    for i in 0..3u32 {
        // Fields of two colours, whose outline is one of lightness too.
        let colours = ImageBuffer::from_fn(150, 100, |x, y| {
            if x + y / 3 < 50 + 13 * i { image::Rgb([200u8, 60, 40]) } else { image::Rgb([30, 60, 90]) }
        });
        colours.save(bench.path(&format!("photos/{i}.png"))).unwrap();
    }
    fs::write(bench.path("photos/broken.png"), "no picture").unwrap();
    let (code, stdout, stderr) =
        bench.run(&format!("evaluate-upsampling --data photos --working-size 64 --json {CPU}"));
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("broken.png"), "{stderr}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&report["photographs"], &report["failed"]), (&3.into(), &1.into()));
    for kind in ["truth", "prediction"] {
        let names: Vec<&str> =
            report[kind].as_array().unwrap().iter().map(|f| f["upsampling"].as_str().unwrap()).collect();
        assert_eq!(names, upsamplings());
    }
    let edges = |name: &str| {
        let way = upsamplings().iter().position(|other| *other == name).unwrap();
        report["truth"][way]["edges"]["value"].as_f64().unwrap()
    };
    assert!(edges("back-projection") < 0.5 * edges("bilinear"), "{report:#}");
    assert_eq!(report["truth"][5]["edges_change"]["interval"], serde_json::json!([0.0, 0.0]));
    let (code, table, _) = bench.run(&format!("evaluate-upsampling --data photos --megapixels 0.005 {CPU}"));
    assert_eq!(code, 0);
    assert!(
        table.contains("| predicted chroma | all pixels |") && table.contains("| guided-filter |"),
        "{table}"
    );
}

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
    let lightness = common::noise_lightness(32, 48);
    write_npy(&bench.path("l.npy"), &[1, 1, 48, 32], &lightness);
    let (code, _, stderr) =
        bench.run(&format!("forward l.npy --out z.npy --ab ab.npy --temperature 1 {CPU}"));
    assert_eq!(code, 0, "{stderr}");
    let (shape, logits) = read_npy(&bench.path("z.npy"));
    assert_eq!(shape, [1, 313, 12, 8]);
    let g = common::golden(include_str!("../../tests/goldens/unet_small.json"));
    let sampled = common::numbers(&g["index"]).into_iter().map(|i| f64::from(logits[i as usize]));
    assert!(common::largest_difference(sampled, common::numbers(&g["value"])) < 1e-4);
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
    let tensors = writers::tiny_eccv16();
    for (name, bytes, found) in [
        ("a.pth", writers::pth(&tensors, "module."), "PyTorch (zip) under \"module.\""),
        ("b.pt", writers::legacy_pth(&tensors, ""), "PyTorch (legacy pickle)"),
        ("c.caffemodel", writers::caffemodel(&tensors, 2.0), "Caffe"),
        (
            "d.pth",
            include_bytes!("../../tests/goldens/checkpoints/training.pth").to_vec(),
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
    fs::write(bench.path("wrong.pth"), writers::zip([("a/data.pkl", b"\x80\x02cos\nsystem\n.".to_vec())]))
        .unwrap();
    let (code, _, stderr) = bench.run("convert wrong.pth --out old.safetensors");
    assert_eq!(code, 1);
    assert!(stderr.contains("os.system"), "{stderr}");
    assert_eq!(fs::read_to_string(bench.path("old.safetensors")).unwrap(), "an older model");
}

#[test]
fn the_logit_scale_is_found_by_both_routes() {
    let bench = Bench::new();
    let mut tensors = writers::tiny_eccv16();
    fs::write(bench.path("release.caffemodel"), writers::caffemodel(&tensors, 1.0)).unwrap();
    for (factor, expected) in [(1.0f32, 1.0), (2.606, 2.606)] {
        let mut scaled = tensors.clone();
        for name in ["model8.6.weight", "model8.6.bias"] {
            scaled.get_mut(name).unwrap().values.iter_mut().for_each(|w| *w *= factor);
        }
        fs::write(bench.path("a.pth"), writers::pth(&scaled, "")).unwrap();
        let (code, _, stderr) =
            bench.run("convert a.pth --out b.safetensors --precision f32 --reference release.caffemodel");
        assert_eq!(code, 0, "{stderr}");
        assert_eq!(inspect(&bench, "b.safetensors")["logit_scale"], expected);
    }
    tensors.get_mut("model8.6.weight").unwrap().values.reverse();
    fs::write(bench.path("a.pth"), writers::pth(&tensors, "")).unwrap();
    let (code, _, stderr) = bench.run("convert a.pth --out c.safetensors --reference release.caffemodel");
    assert_eq!((code, bench.path("c.safetensors").exists()), (1, false), "{stderr}");
    assert!(stderr.contains("another training"), "{stderr}");

    // A network that always predicts gray, photographs that are gray but for a few: it is as sure as
    // it may be, or too sure by the factor.
    let certain = |logit: f32| {
        let mut model = common::seeded_small_unet();
        model.tensors.get_mut("out.weight").unwrap().values.fill(0.0);
        let bias = &mut model.tensors.get_mut("out.bias").unwrap().values;
        for (bias, [a, b]) in bias.iter_mut().zip(autochrome::ab_bins::CENTRES) {
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

#[test]
fn hints_steer_siggraph17() {
    let bench = Bench::new();
    bench.gray("a.png");
    fs::write(bench.path("s.pth"), writers::pth(&common::seeded_siggraph17(2).tensors, "")).unwrap();
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

    write_npy(&bench.path("l.npy"), &[1, 1, 16, 24], &common::noise_lightness(24, 16));
    write_npy(&bench.path("hints.npy"), &[1, 3, 16, 24], &vec![1.0; 3 * 16 * 24]);
    let forward = "forward l.npy --model s.pth --device cpu";
    assert_eq!(bench.run(&format!("{forward} --out a.npy")).0, 0);
    assert_eq!(bench.run(&format!("{forward} --out b.npy --hints hints.npy")).0, 0);
    let (a, b) = (read_npy(&bench.path("a.npy")), read_npy(&bench.path("b.npy")));
    assert_eq!(a.0, [1, 2, 16, 24]);
    assert_ne!(a.1, b.1);
    assert_eq!(bench.run(&format!("{forward} --out b.npy --hints l.npy")).0, 2);
}

#[test]
fn evaluate_measures_models_beside_gray() {
    let bench = Bench::new();
    let colour = |i: u32| {
        ImageBuffer::from_fn(48, 32, move |x, y| image::Rgb([(x * 5) as u8, (y * 7) as u8, (i * 60) as u8]))
    };
    let mut archive = tar::Builder::new(Vec::new());
    for i in 0..3 {
        fs::create_dir_all(bench.path("photos")).unwrap();
        colour(i).save(bench.path(&format!("photos/{i}.png"))).unwrap();
        archive.append_path_with_name(bench.path(&format!("photos/{i}.png")), format!("{i}.png")).unwrap();
    }
    fs::write(bench.path("photos.tar"), archive.into_inner().unwrap()).unwrap();
    fs::write(bench.path("photos/list.csv"), "no photograph").unwrap();
    fs::write(bench.path("a.pth"), writers::pth(&writers::tiny_eccv16(), "")).unwrap();
    assert_eq!(bench.run("convert a.pth --out int8.safetensors --precision int8").0, 0);
    let evaluate = |data: &str| {
        let (code, stdout, stderr) = bench.run(&format!(
            "evaluate --data {data} --model a.pth --model int8.safetensors --device cpu --json"
        ));
        assert_eq!(code, 0, "{stderr}");
        serde_json::from_str::<serde_json::Value>(&stdout).unwrap()
    };
    let report = evaluate("photos");
    assert_eq!(report, evaluate("photos.tar"));
    assert_eq!(report["photographs"], 3);
    let figure = |row: usize, key: &str| report["methods"][row][key].as_f64();
    for row in 0..3 {
        assert!((30.0..100.0).contains(&figure(row, "auc").unwrap()));
        assert!((10.0..100.0).contains(&figure(row, "balanced_auc").unwrap()));
    }
    assert_eq!(report["methods"][0]["method"], "gray");
    assert_eq!(figure(1, "largest_difference"), Some(0.0));
    let int8 = figure(2, "largest_difference").unwrap();
    assert!(int8 > 0.0 && int8 < 0.2 * figure(1, "largest_output").unwrap(), "{int8}");
    assert_eq!(bench.run("evaluate --data b").0, 1);
}

/// Every figure of a method.
const FIGURES: [&str; 8] = [
    "auc",
    "balanced_auc",
    "rmse",
    "psnr",
    "chroma_ratio",
    "mean_chroma",
    "colorfulness_m3",
    "colorfulness_m1",
];

#[test]
fn evaluate_reports_methods_sources_curve_and_examples() {
    const HOSTILE: &str = "<img src=x onerror=alert(1)>.png";
    let bench = Bench::new();
    let mut model = common::seeded_small_unet();
    model.class_weights = Some((0..313u16).map(|q| 0.2 + f32::from(q % 11)).collect());
    fs::write(bench.path("weighted.safetensors"), model.write(Precision::F32).unwrap()).unwrap();
    let picture = |i: u32| {
        ImageBuffer::from_fn(40, 24, move |x, y| {
            image::Rgb([(x * 6) as u8, (y * 9 + i * 20) as u8, (x * y / 4 + i * 50) as u8])
        })
    };
    let mut archive = tar::Builder::new(Vec::new());
    for (i, name) in ["a.png", HOSTILE, "c.png"].into_iter().enumerate() {
        let mut png = std::io::Cursor::new(Vec::new());
        picture(i as u32).write_to(&mut png, image::ImageFormat::Png).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(png.get_ref().len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, png.get_ref().as_slice()).unwrap();
    }
    fs::create_dir(bench.path("set")).unwrap();
    fs::write(bench.path("set/a.tar"), archive.into_inner().unwrap()).unwrap();
    fs::write(
        bench.path("set/manifest.csv"),
        format!("file,class,source\na.png,x,streets\n{HOSTILE},y,streets\nc.png,z,animals\n"),
    )
    .unwrap();
    bench.gray("more/gray.png");
    let evaluate = |more: &str| {
        let (code, stdout, stderr) = bench.run(&format!(
            "evaluate --data set/a.tar more --model weighted.safetensors --device cpu --json {more}"
        ));
        assert_eq!(code, 0, "{stderr}");
        serde_json::from_str::<serde_json::Value>(&stdout).unwrap()
    };
    let arguments =
        "--size 32 --curve --temperatures 0.38,1 --rebalances 0,0.5,1 --seed 3 --report out/report";
    let report = evaluate(arguments);
    assert_eq!(report, evaluate(arguments), "the same seed gives the same figures");
    let written = fs::read_to_string(bench.path("out/report/evaluation.json")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), report);

    assert_eq!((&report["photographs"], &report["settings"]["size"]), (&4.into(), &32.into()));
    let methods = report["methods"].as_array().unwrap();
    let names: Vec<&str> = methods.iter().map(|method| method["method"].as_str().unwrap()).collect();
    assert_eq!(names, ["gray", "weighted.safetensors", "mean", "random"]);
    for method in methods {
        for figure in FIGURES {
            let value = method[figure].as_f64().unwrap_or_else(|| panic!("{figure} of {method}"));
            let interval = common::pair(&method["intervals"][figure]);
            assert!(interval[0] <= interval[1] && value.is_finite(), "{figure}: {interval:?}");
        }
        let difference = &method["difference_to_gray"]["auc"]["value"];
        assert_eq!(difference.is_null(), method["method"] == "gray");
        if let Some(difference) = difference.as_f64() {
            let areas = [method, &methods[0]].map(|method| method["auc"].as_f64().unwrap());
            assert!((difference - (areas[0] - areas[1])).abs() < 1e-9);
        }
    }
    let figure = |method: usize, key: &str| methods[method][key].as_f64().unwrap();
    assert!(figure(0, "chroma_ratio") < 0.01, "gray has no chroma");
    assert!(figure(2, "rmse") < figure(0, "rmse"), "no one colour has less squared error than the mean");
    assert!((figure(3, "chroma_ratio") - 1.0).abs() < 0.3, "others' colours are as colourful");

    let sources = report["sources"].as_array().unwrap();
    let counts: Vec<(&str, u64)> =
        sources.iter().map(|s| (s["source"].as_str().unwrap(), s["photographs"].as_u64().unwrap())).collect();
    assert_eq!(counts, [("animals", 1), ("more", 1), ("streets", 2)]);
    assert!(sources.iter().all(|source| source["methods"].as_array().unwrap().len() == 4));
    assert!(sources[0]["methods"][0]["intervals"]["auc"].is_null(), "one photograph has no interval");

    let points = methods[1]["curve"]["points"].as_array().unwrap();
    assert_eq!(points.len(), 6);
    let distinct: std::collections::BTreeSet<String> =
        points.iter().map(|point| point["auc"].to_string()).collect();
    assert_eq!(distinct.len(), 6, "every setting gives other colours");
    let examples = &methods[1]["examples"];
    let errors = |kind: &str| -> Vec<f64> {
        let kept = examples[kind].as_array().unwrap();
        kept.iter().map(|example| example["error"].as_f64().unwrap()).collect()
    };
    let (best, worst) = (errors("best"), errors("worst"));
    assert!(best.is_sorted() && best.iter().rev().eq(&worst) && best.len() == 4);

    let page = fs::read_to_string(bench.path("out/report/index.html")).unwrap();
    assert!(!page.contains("<img src=x") && page.contains("&lt;img src=x onerror=alert(1)&gt;.png"));
    for part in ["streets", "another data set", "<svg", "data:image/jpeg;base64,", "weighted.safetensors"] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("data:image/jpeg").count(), 3 * (4 + 4 + 4));

    let plain = evaluate("");
    assert!(plain["methods"][1]["curve"].is_null() && plain["methods"][1]["examples"].is_null());
    for other in ["--temperature 0.01", "--rebalance 0.25"] {
        let changed = evaluate(other);
        assert_ne!(changed["methods"][1]["rmse"], plain["methods"][1]["rmse"], "{other}");
        assert_eq!(changed["methods"][0], plain["methods"][0], "{other}: gray stays as it was");
    }
    fs::write(bench.path("e.pth"), writers::pth(&writers::tiny_eccv16(), "")).unwrap();
    let largest = [32, 64].map(|size| {
        let report = evaluate(&format!("--model e.pth --working-size {size}"));
        assert_eq!(report["methods"][2]["working_size"], size);
        report["methods"][2]["largest_output"].as_f64().unwrap()
    });
    assert_ne!(largest[0], largest[1], "the network saw the photographs at another size");
}

#[test]
fn evaluate_says_what_one_gray_photograph_cannot_tell() {
    let bench = Bench::new();
    bench.gray("one/a.png");
    fs::write(bench.path("one/broken.png"), "no picture").unwrap();
    let (code, stdout, stderr) =
        bench.run(&format!("evaluate --data one --json --curve --report report {CPU}"));
    assert_eq!(code, 1, "one could not be read, the rest is measured: {stderr}");
    assert!(stderr.contains("broken.png"), "{stderr}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let methods = report["methods"].as_array().unwrap();
    assert_eq!((&report["photographs"], &report["failed"], methods.len()), (&1.into(), &1.into(), 3));
    assert!(report["not_available"][0].as_str().unwrap().starts_with("random"));
    for method in methods {
        assert!(method["chroma_ratio"].is_null(), "nothing to compare chroma with: {method}");
        assert!(method["intervals"]["auc"].is_null());
        assert!(method["psnr"].as_f64().unwrap() < 60.0);
    }
    assert!(methods[0]["auc"].as_f64().unwrap() > 99.0, "gray is right");
    let points = methods[1]["curve"]["points"].as_array().unwrap();
    assert!(points.len() == 7 && points.iter().all(|point| point["rebalance"] == 1.0), "no weights");
    let page = fs::read_to_string(bench.path("report/index.html")).unwrap();
    assert!(page.contains("not available: random"));
    fs::remove_file(bench.path("one/broken.png")).unwrap();
    let (code, table, _) = bench.run(&format!("evaluate --data one {CPU}"));
    assert!(code == 0 && table.contains("not available: random"), "{table}");
}

#[test]
fn evaluate_refuses_settings_that_mean_nothing() {
    let bench = Bench::new();
    bench.gray("one/a.png");
    fs::write(bench.path("s.pth"), writers::pth(&common::seeded_siggraph17(2).tensors, "")).unwrap();
    for arguments in [
        "evaluate",
        "evaluate --data one --model s.pth --temperature 0.5",
        "evaluate --data one --model model.safetensors --rebalance 0.5",
        "evaluate --data one --model model.safetensors --temperature -1",
        "evaluate --data one --neighbours 0",
        "evaluate --data one --size 0",
        "evaluate --data one --limit 0",
        "evaluate --data one --curve --rebalances 0,2",
    ] {
        let (code, _, stderr) = bench.run(arguments);
        assert_eq!(code, 2, "{arguments}: {stderr}");
    }
    let (code, stdout, stderr) = bench.run("evaluate --data one --model s.pth --device cpu --curve --json");
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("no curve"), "{stderr}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert!(report["methods"][1]["temperature"].is_null());
}

fn write_npy(path: &Path, shape: &[u64], values: &[f32]) {
    use npyz::WriterBuilder;
    let file = fs::File::create(path).unwrap();
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(shape).writer(file).begin_nd().unwrap();
    writer.extend(values.iter()).unwrap();
    writer.finish().unwrap();
}

fn read_npy(path: &Path) -> (Vec<u64>, Vec<f32>) {
    let array = npyz::NpyFile::new(fs::File::open(path).unwrap()).unwrap();
    (array.shape().to_vec(), array.into_vec().unwrap())
}
