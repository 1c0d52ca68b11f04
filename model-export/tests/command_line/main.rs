//! The tool as people run it.

mod colorize;
mod evaluation;
mod file_options;
mod folders;
mod isolation;
mod models;
mod paths;
mod settings;
mod streams;
mod upsampling;

use assert_cmd::Command;
use autochrome::model::weights::Precision;
use image::{DynamicImage, ImageBuffer, Luma};
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
        let model = autochrome_testing::seeded_small_unet().write(Precision::F32).unwrap();
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
fn wrong_usage_is_exit_code_two() {
    let bench = Bench::new();
    bench.gray("a.png");
    bench.gray("b/a.png");
    fs::write(bench.path("file"), "").unwrap();
    write_npy(&bench.path("l.npy"), &[1, 1, 8, 8], &[50.0; 64]);
    write_npy(&bench.path("h.npy"), &[1, 3, 8, 8], &[0.0; 192]);
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
        "convert model.safetensors --out other.safetensors --temperature -1",
        "convert model.safetensors --out other.safetensors --temperature 11",
        "convert model.safetensors --out other.safetensors --temperature NaN",
        "convert model.safetensors --out other.safetensors --rebalance 2",
        "convert model.safetensors --out other.safetensors --rebalance 0.5",
        "convert model.safetensors --out other.safetensors --working-size 4",
        "convert model.safetensors --out other.safetensors --working-size 5000",
        "convert model.safetensors --out other.safetensors --logit-scale inf",
        "convert model.safetensors --out other.safetensors --reference model.safetensors",
        "convert model.safetensors --out other.onnx --precision f16",
        "forward l.npy --out z.npy --ab ab.npy --temperature -1",
        "forward l.npy --out z.npy --ab ab.npy --rebalance 2",
        "forward l.npy --out z.npy --hints h.npy",
        "evaluate --data b --sources nowhere",
        "classifier --config none.toml --data b --out c.safetensors --max-minutes -1",
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
        for written in ["other.safetensors", "other.onnx", "z.npy", "ab.npy", "c.png"] {
            assert!(!bench.path(written).exists(), "{arguments} wrote {written}");
        }
    }
}

#[test]
fn a_cause_is_told_once_and_with_the_name_of_its_file() {
    let bench = Bench::new();
    bench.gray("a.png");
    fs::write(bench.path("junk.safetensors"), "junk").unwrap();
    fs::write(bench.path("junk.png"), "junk").unwrap();
    let cut = fs::read(bench.path("model.safetensors")).unwrap();
    fs::write(bench.path("cut.safetensors"), &cut[..cut.len() / 2]).unwrap();
    write_npy(&bench.path("l.npy"), &[1, 1, 9, 8], &[50.0; 72]);
    let npy = fs::read(bench.path("l.npy")).unwrap();
    fs::write(bench.path("cut.npy"), &npy[..npy.len() - 20]).unwrap();
    // A header that claims a terabyte.
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 500000, 500000), }";
    let claim = format!("{header:117}\n");
    fs::write(bench.path("claim.npy"), [b"\x93NUMPY\x01\0\x76\0", claim.as_bytes()].concat()).unwrap();
    for (arguments, name, cause) in [
        ("forward claim.npy --out z.npy", "claim.npy", "cannot be read to its end"),
        ("inspect junk.safetensors", "junk.safetensors", "its format is not known"),
        ("inspect cut.safetensors", "cut.safetensors", "safetensors header is damaged"),
        ("inspect missing.safetensors", "missing.safetensors", "os error"),
        ("convert junk.safetensors --out o.safetensors", "junk.safetensors", "its format is not known"),
        ("forward cut.npy --out z.npy", "cut.npy", "cannot be read to its end"),
        ("forward l.npy --out z.npy --device cpu", "l.npy", "working size is 8 x 9"),
        ("evaluate --data a.png", "a.png", "no folder, tar or zip archive"),
        ("prior --data missing --out p.npy", "missing", "os error"),
    ] {
        let (code, _, stderr) = bench.run(arguments);
        assert_eq!(code, 1, "{arguments}: {stderr}");
        let last = stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("error: ") && last.contains(name), "{arguments}: {stderr}");
        assert_eq!(last.matches(cause).count(), 1, "{arguments}: {stderr}");
    }
    let (code, _, stderr) = bench.run(&format!("colorize junk.png a.png --out out {CPU}"));
    assert!(code == 1 && stderr.matches("junk.png").count() == 1, "{stderr}");
}

#[test]
fn a_model_file_with_a_key_twice_is_refused() {
    let bench = Bench::new();
    let file = fs::read(bench.path("model.safetensors")).unwrap();
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header = std::str::from_utf8(&file[8..8 + length]).unwrap();
    let metadata: serde_json::Value = serde_json::from_str(header).unwrap();
    let weight = &metadata["out.weight"];
    for (name, twice) in [
        ("tensor", header.trim_end().replacen('{', &format!("{{\"out.weight\":{weight},"), 1)),
        (
            "text",
            header.trim_end().replacen(
                "\"__metadata__\":{",
                "\"__metadata__\":{\"autochrome.format\":\"1\",",
                1,
            ),
        ),
    ] {
        assert!(twice.len() > header.trim_end().len(), "{name}");
        let path = bench.path(&format!("{name}.safetensors"));
        let bytes = [&(twice.len() as u64).to_le_bytes(), twice.as_bytes(), &file[8 + length..]].concat();
        fs::write(path, bytes).unwrap();
        let (code, _, stderr) = bench.run(&format!("inspect {name}.safetensors"));
        assert_eq!(code, 1, "{name}: {stderr}");
        assert!(
            stderr.contains("occurs twice") && stderr.contains(&format!("{name}.safetensors")),
            "{stderr}"
        );
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
