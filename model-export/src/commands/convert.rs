//! `autochrome convert`: checkpoint in, model file or ONNX out.

use crate::paths::Outputs;
use crate::terminal::say;
use crate::{Usage, device, models, onnx, output, photographs};
use anyhow::{Context, Result, bail, ensure};
use autochrome::color::ab_bins::{self, AnnealedMean};
use autochrome::engine::{Colorizer, Mode, Unpaced};
use autochrome::model::network::Output;
use autochrome::model::weights::{EncoderFile, ModelFile, Precision};
use autochrome::training::logit_scale::{self, Calibration, Evidence};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Photographs that a fit of the logit scale needs (docs/method.md#logit-scale).
const CALIBRATION_PHOTOGRAPHS: usize = 100;

/// Photographs that are taken at the most: their logits are kept until all have been seen.
const CALIBRATION_MOST: usize = 2000;

/// Cells that are taken of each of them.
const CALIBRATION_CELLS: usize = 64;

/// Last layer of eccv16.
const LAST_LAYER: &str = "model8.6.weight";

/// Arguments of `convert`.
#[derive(Args)]
pub struct Arguments {
    /// PyTorch .pth or .pt, safetensors, Caffe .caffemodel, or a model file
    checkpoint: PathBuf,
    /// The model file to write; a name that ends in .onnx gets ONNX (eccv16 and unet, f32)
    #[arg(long)]
    out: PathBuf,
    /// How matrices are stored [default: f16, in ONNX f32]
    #[arg(long, value_enum)]
    precision: Option<PrecisionArgument>,
    /// Short side that photographs are resized to [default: the checkpoint's, or 256]
    #[arg(long)]
    working_size: Option<usize>,
    /// Default temperature of the model [default: the checkpoint's, or 0.38]
    #[arg(long)]
    temperature: Option<f32>,
    /// Default share of the class rebalancing kept [default: the checkpoint's, or 1]
    #[arg(long)]
    rebalance: Option<f32>,
    /// Divisor of the logits [default: the checkpoint's, or 1]
    #[arg(long, group = "scale")]
    logit_scale: Option<f32>,
    /// Find the logit scale: the .caffemodel of the same release, to compare the last layer with
    #[arg(long, group = "scale", value_name = "CAFFEMODEL")]
    reference: Option<PathBuf>,
    /// Find the logit scale: a folder or tar archive of at least 100 colour photographs, to see how
    /// sure the network is
    #[arg(long, group = "scale", value_name = "DIR|TAR")]
    calibrate: Option<PathBuf>,
    /// The photographs it was trained on, in words
    #[arg(long)]
    trained_on: Option<String>,
    /// Terms of use, in words
    #[arg(long)]
    license: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum PrecisionArgument {
    /// 32-bit floats
    F32,
    /// 16-bit floats
    F16,
    /// Signed bytes with a scale for each output channel
    Int8,
}

impl Arguments {
    /// Refuses what no model file may say.
    fn check(&self) -> Result<(), Usage> {
        let within = |name: &str, value: Option<f32>, least: f32, most: f32| match value {
            Some(value) if !(least..=most).contains(&value) => {
                Err(Usage(format!("--{name} {value}: from {least} to {most}")))
            }
            _ => Ok(()),
        };
        within("temperature", self.temperature, 0.0, 10.0)?;
        within("rebalance", self.rebalance, 0.0, 1.0)?;
        within("logit-scale", self.logit_scale, 0.001, 1000.0)?;
        match self.working_size {
            Some(size) if !(8..=4096).contains(&size) => {
                Err(Usage(format!("--working-size {size}: from 8 to 4096")))
            }
            _ => Ok(()),
        }
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    arguments.check()?;
    let outputs = Outputs::of("--out", &arguments.out)?;
    outputs.spare(&arguments.checkpoint)?;
    if let Some(path) = &arguments.reference {
        outputs.spare(path)?;
    }
    outputs.spare_sets(arguments.calibrate.as_slice())?;
    let to_onnx = arguments.out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"));
    if to_onnx && arguments.precision.is_some_and(|precision| precision != PrecisionArgument::F32) {
        return Err(Usage("ONNX is written in f32 only; leave --precision away".to_owned()).into());
    }
    let checkpoint = models::bytes(Some(&arguments.checkpoint))?;
    let encoder = EncoderFile::read(&checkpoint);
    if let Some(encoder) = encoder.with_context(|| arguments.checkpoint.display().to_string())? {
        return write_encoder(arguments, &encoder);
    }
    drop(checkpoint);
    let mut model = models::read(Some(&arguments.checkpoint))?;
    if let Some(origin) = &model.origin {
        let prefix = match origin.prefix.as_str() {
            "" => String::new(),
            prefix => format!(" under {prefix:?}"),
        };
        say!(
            "found {} in a file of {}{prefix}: {} tensors, {} parameters",
            model.metadata.network.name(),
            origin.format.name(),
            model.tensors.len(),
            model.parameters(),
        );
    }
    if let Some(scale) = logit_scale(arguments, &model)? {
        model.metadata.logit_scale = scale;
    }
    let metadata = &mut model.metadata;
    metadata.working_size = arguments.working_size.unwrap_or(metadata.working_size);
    metadata.temperature = arguments.temperature.unwrap_or(metadata.temperature);
    metadata.rebalance = arguments.rebalance.unwrap_or(metadata.rebalance);
    for (field, argument) in
        [(&mut metadata.trained_on, &arguments.trained_on), (&mut metadata.license, &arguments.license)]
    {
        if let Some(text) = argument {
            field.clone_from(text);
        }
    }
    metadata.created_by = concat!("autochrome ", env!("CARGO_PKG_VERSION")).to_owned();
    AnnealedMean::new(metadata.temperature, metadata.rebalance, model.class_weights.as_deref())
        .map_err(|error| Usage(format!("{}: {error}", arguments.checkpoint.display())))?;

    let name = || arguments.checkpoint.display().to_string();
    let precision = match arguments.precision {
        _ if to_onnx => Precision::F32,
        Some(PrecisionArgument::F32) => Precision::F32,
        Some(PrecisionArgument::F16) | None => Precision::F16,
        Some(PrecisionArgument::Int8) => Precision::Int8,
    };
    let bytes = if to_onnx {
        onnx::write(&model).with_context(name)?
    } else {
        let bytes = model.write(precision).with_context(name)?;
        // The file must be readable; one that is not never gets its name.
        ModelFile::read(&bytes).with_context(name)?;
        bytes
    };
    output::write_whole(&arguments.out, |out| Ok(out.write_all(&bytes)?))?;
    say!("{}: {}, {} bytes", arguments.out.display(), precision.name(), bytes.len());
    Ok(ExitCode::SUCCESS)
}

/// An encoder, for `train` to begin with: nothing of a model's settings means anything to it.
fn write_encoder(arguments: &Arguments, encoder: &EncoderFile) -> Result<ExitCode> {
    let Arguments { precision, working_size, temperature, rebalance, logit_scale, reference, .. } = arguments;
    let settings = [
        precision.is_some_and(|precision| precision != PrecisionArgument::F32),
        working_size.is_some(),
        temperature.is_some(),
        rebalance.is_some(),
        logit_scale.is_some(),
        reference.is_some(),
        arguments.calibrate.is_some(),
        arguments.trained_on.is_some(),
    ];
    if settings.contains(&true) || arguments.out.extension().is_some_and(|extension| extension == "onnx") {
        let name = arguments.checkpoint.display();
        return Err(Usage(format!(
            "{name} holds an encoder alone, which becomes an f32 safetensors file; leave all options but \
             --license away"
        ))
        .into());
    }
    let mut encoder = encoder.clone();
    if let Some(license) = &arguments.license {
        encoder.license.clone_from(license);
    }
    let bytes = encoder.write();
    output::write_whole(&arguments.out, |out| Ok(out.write_all(&bytes)?))?;
    let (out, name) = (arguments.out.display(), encoder.variant.name());
    say!("{out}: the encoder of EfficientNet-{name}, {} bytes; {}", bytes.len(), encoder.license);
    Ok(ExitCode::SUCCESS)
}

/// The scale that was asked for or found; `None` leaves the file's own.
fn logit_scale(arguments: &Arguments, model: &ModelFile) -> Result<Option<f32>> {
    if let Some(scale) = arguments.logit_scale {
        return Ok(Some(scale));
    }
    let evidence = match (&arguments.reference, &arguments.calibrate) {
        (None, None) => return Ok(None),
        _ if model.metadata.network.output() != Output::Logits => {
            let network = model.metadata.network.name();
            return Err(Usage(format!("{network} has no logits, so no logit scale can be found")).into());
        }
        (Some(path), _) => by_reference(model, path)?,
        (_, Some(path)) => by_photographs(model, path)?,
    };
    match evidence.logit_scale {
        Some(scale) => {
            say!("logit scale {scale} (measured {:.4})", evidence.measured);
            Ok(Some(scale))
        }
        None => bail!(
            "{}: the logit scale cannot be told: measured {:.4}, neither 1 nor {}. Give it with --logit-scale",
            arguments.checkpoint.display(),
            evidence.measured,
            logit_scale::CAFFE_V2
        ),
    }
}

fn by_reference(model: &ModelFile, path: &Path) -> Result<Evidence> {
    let reference = models::read(Some(path))?;
    let last = |model: &ModelFile| model.tensors.get(LAST_LAYER).map(|tensor| tensor.values.clone());
    let (Some(weights), Some(reference)) = (last(model), last(&reference)) else {
        let network = model.metadata.network.name();
        return Err(Usage(format!(
            "--reference is for eccv16, the only one released for Caffe, not for {network}"
        ))
        .into());
    };
    logit_scale::by_ratio(&weights, &reference).with_context(|| {
        format!("{LAST_LAYER} is not that of {} times a factor: another training", path.display())
    })
}

fn by_photographs(model: &ModelFile, path: &Path) -> Result<Evidence> {
    // The scale in question must not be divided out already.
    let mut model = model.clone();
    model.metadata.logit_scale = 1.0;
    let colorizer = Colorizer::new(model, device::open(device::DeviceArgument::Cpu)?)?;
    let mut calibration = Calibration::default();
    let seen = photographs::for_each(path, CALIBRATION_MOST, |photo| {
        let mut colorization =
            pollster::block_on(colorizer.colorize(&photo, Mode::Photo, &[], &mut Unpaced))?;
        let (width, height) = colorization.size();
        let truth = photographs::chroma(&photo, width, height);
        let logits = pollster::block_on(colorization.prediction())?.planes();
        let count = width * height;
        for i in 0..CALIBRATION_CELLS.min(count) {
            // Spread over the picture, the same ones each time.
            let cell = i * 7919 % count;
            let one: Vec<f32> = (0..ab_bins::COUNT).map(|bin| logits[bin * count + cell]).collect();
            calibration.add(&one, truth[cell]);
        }
        Ok(())
    })?;
    ensure!(
        seen >= CALIBRATION_PHOTOGRAPHS,
        "{} holds {seen} photographs; a fit needs at least {CALIBRATION_PHOTOGRAPHS}",
        path.display()
    );
    calibration.fit().with_context(|| format!("{}: no cell was seen", path.display()))
}
