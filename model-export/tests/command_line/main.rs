//! The tool as people run it.

mod colorize;
mod evaluation;
mod file_options;
mod models;
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
