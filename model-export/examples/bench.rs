//! Our side of `cargo bench-native`, and what both benchmarks are fed with.
//!
//! `bench inputs FOLDER SAMPLE` writes `eccv16.safetensors` (as released, weights made from their own
//! names), `lightness.npy` (256 x 256) and photographs of 1, 12 and 48 megapixels, scaled up from
//! `SAMPLE` and given grain. `bench network MODEL LIGHTNESS.npy` answers every line on stdin with the milliseconds
//! of one forward pass. Built with the feature `profile`, `bench layers MODEL LIGHTNESS.npy RUNS` writes what
//! its convolutions take, as JSON.

use anyhow::{Context, Result, bail};
use autochrome::engine::{Colorizer, Input, Pace, Stage};
use autochrome::kernels::device::{ComputeDevice, DeviceChoice};
use autochrome::model::weights::{ModelFile, Precision};
use image::imageops::FilterType;
use npyz::WriterBuilder;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::path::Path;
use std::time::Instant;

/// Width and height of the photographs, with their names.
const PHOTOGRAPHS: [(&str, u32, u32); 3] =
    [("1mp.jpg", 1152, 864), ("12mp.jpg", 4000, 3000), ("48mp.jpg", 8000, 6000)];

/// Side of the network's input.
const SIDE: usize = 256;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["inputs", folder, sample] => inputs(Path::new(folder), Path::new(sample)),
        ["network", model, lightness] => network(Path::new(model), Path::new(lightness)),
        #[cfg(feature = "profile")]
        ["layers", model, lightness, runs] => layers(Path::new(model), Path::new(lightness), runs.parse()?),
        _ => bail!(
            "usage: bench inputs FOLDER SAMPLE | bench network MODEL LIGHTNESS.npy | bench layers MODEL LIGHTNESS.npy RUNS"
        ),
    }
}

/// A file that is there already is kept: it is always the same.
fn inputs(folder: &Path, sample: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let model = folder.join("eccv16.safetensors");
    if !model.exists() {
        fs::write(model, autochrome_testing::seeded_eccv16(64).write(Precision::F32)?)?;
    }
    let lightness = folder.join("lightness.npy");
    if !lightness.exists() {
        let file = BufWriter::new(File::create(lightness)?);
        let shape = [1, 1, SIDE as u64, SIDE as u64];
        let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(file).begin_nd()?;
        writer.extend(autochrome_testing::noise_lightness(SIDE, SIDE))?;
        writer.finish()?;
    }
    let photograph = image::open(sample).with_context(|| format!("cannot read {}", sample.display()))?;
    for (name, width, height) in PHOTOGRAPHS {
        let path = folder.join(name);
        if !path.exists() {
            let mut large = photograph.resize_to_fill(width, height, FilterType::CatmullRom).to_rgb8();
            // Grain, as large photographs have it: smooth ones are decoded and encoded too quickly.
            for (pixel, random) in
                large.pixels_mut().zip(autochrome_testing::splitmix64(autochrome_testing::fnv1a64(name)))
            {
                let grain = (random >> 60) as u8;
                pixel.0 = pixel.0.map(|value| value.saturating_add(grain).saturating_sub(8));
            }
            large.save(path)?;
        }
    }
    Ok(())
}

/// From the network's first step to its output on the host.
struct Watch {
    began: Instant,
    milliseconds: f64,
}

impl Pace for Watch {
    async fn tick(&mut self, stage: Stage, done: f32) -> autochrome::Result<()> {
        if stage == Stage::Network && done == 0.0 {
            self.began = Instant::now();
        } else if stage == Stage::Network && done == 1.0 {
            self.milliseconds = self.began.elapsed().as_secs_f64() * 1e3;
        }
        Ok(())
    }
}

fn open(model: &Path, lightness: &Path) -> Result<(Colorizer, Vec<f32>)> {
    let device = pollster::block_on(ComputeDevice::open(DeviceChoice::Cpu))?;
    let model = ModelFile::read(&fs::read(model)?)?;
    let lightness = npyz::NpyFile::new(BufReader::new(File::open(lightness)?))?.into_vec()?;
    Ok((Colorizer::new(model, device)?, lightness))
}

/// For each pass the time of the whole, and of each convolution in order; the first pass does not count.
#[cfg(feature = "profile")]
fn layers(model: &Path, lightness: &Path, runs: usize) -> Result<()> {
    autochrome::kernels::profile::run_apart();
    let (colorizer, lightness) = open(model, lightness)?;
    let input = Input { lightness: &lightness, width: SIDE, height: SIDE, hints: None };
    let mut passes = Vec::new();
    for run in 0..=runs {
        let mut watch = Watch { began: Instant::now(), milliseconds: 0.0 };
        pollster::block_on(colorizer.predict(input, &mut watch))?;
        let convolutions: Vec<_> = autochrome::kernels::profile::take()
            .iter()
            .map(|pass| {
                let [high, wide] = pass.shape.output(pass.size);
                let kernel = if pass.shape.doubling { 2 } else { pass.shape.kernel };
                let products = high * wide * pass.shape.to * pass.shape.seen() * kernel * kernel;
                serde_json::json!({
                    "from": pass.shape.from, "to": pass.shape.to, "kernel": pass.shape.kernel,
                    "stride": pass.shape.stride, "dilation": pass.shape.dilation,
                    "doubling": pass.shape.doubling, "depthwise": pass.shape.depthwise, "height": high, "width": wide,
                    "products": products, "milliseconds": pass.time.as_secs_f64() * 1e3,
                })
            })
            .collect();
        if run > 0 {
            passes.push(
                serde_json::json!({ "milliseconds": watch.milliseconds, "convolutions": convolutions }),
            );
        }
    }
    println!("{}", serde_json::Value::from(passes));
    Ok(())
}

fn network(model: &Path, lightness: &Path) -> Result<()> {
    let (colorizer, lightness) = open(model, lightness)?;
    let input = Input { lightness: &lightness, width: SIDE, height: SIDE, hints: None };
    println!("ready");
    for line in std::io::stdin().lines() {
        line?;
        let mut watch = Watch { began: Instant::now(), milliseconds: 0.0 };
        pollster::block_on(colorizer.predict(input, &mut watch))?;
        println!("{}", watch.milliseconds);
    }
    Ok(())
}
