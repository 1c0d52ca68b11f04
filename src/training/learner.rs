//! A network that learns: its weights, their moments and their average, one step at a time.

use super::encoder_learning::{EncoderLearning, EncoderPaths};
use super::initial_weights;
use super::labels::Labels;
use super::objective::{Health, Objective};
use super::optimizer::{Moments, Optimizer, OptimizerConfig};
use super::pupil::{Pupil, PupilConfig};
use super::schedule::Schedule;
use super::tape::{Flat, Tape, Trainable};
use crate::error::{Error, Result};
use crate::model::network::{Network, NetworkConfig};
use crate::model::weights::{EncoderFile, HostTensor, Metadata, ModelFile};
use burn::prelude::*;
use burn::tensor::DType;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Everything a run's arithmetic depends on, but the photographs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnerConfig {
    /// What is minimised.
    pub objective: Objective,
    /// Weight of what photographs show, taught beside their colours: this many times the mean
    /// cross-entropy of the labels (nats for each photograph) is added to the objective's loss. 0 for
    /// none; for a unet or a lite.
    #[serde(default)]
    pub auxiliary: f64,
    /// What of a pretrained encoder learns, and how fast; absent: everything, like the rest.
    #[serde(default)]
    pub encoder: Option<EncoderLearning>,
    /// How weights move.
    pub optimizer: OptimizerConfig,
    /// How fast.
    pub schedule: Schedule,
    /// Memory of the weights' running average, which is what is kept in the end; 0 for none.
    #[serde(default)]
    pub average: f64,
    /// Type of the activations.
    #[serde(default)]
    pub precision: ComputePrecision,
    /// Length of the run.
    pub steps: u64,
}

/// Type of the activations in training. Weights, moments and norms are f32 always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ComputePrecision {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits with the range of 32.
    Bf16,
}

impl ComputePrecision {
    fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::Bf16 => DType::BF16,
        }
    }
}

/// Photographs as a step takes them.
#[derive(Clone, Copy, Debug)]
pub struct Examples<'a> {
    /// How many.
    pub count: usize,
    /// Width and height of each, a multiple of [`NetworkConfig::size_multiple`].
    pub crop: usize,
    /// Raw L, `[count, 1, crop, crop]`.
    pub lightness: &'a [f32],
    /// True ab of every cell, `[count, crop/4, crop/4]`, CIE units.
    pub chroma: &'a [[f32; 2]],
    /// What each shows, as places in the learner's [`Labels`]; none where that is not known. May be
    /// empty where nothing is.
    pub labels: &'a [Option<usize>],
}

/// What a training begins with.
#[derive(Clone, Debug)]
pub enum Start {
    /// All of a model's weights.
    Model(Box<ModelFile>),
    /// An encoder that knows things already, under a decoder that does not.
    Encoder(EncoderFile),
}

/// What a step found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Weighted loss, divided as the objective says.
    pub loss: f64,
    /// Mean cross-entropy of the labels over the photographs that have one, nats; absent where none
    /// has, or nothing is taught beside.
    pub auxiliary: Option<f64>,
    /// Learning rate of the step.
    pub rate: f64,
    /// Length of the gradient before clipping; absent where it was not needed.
    pub gradient: Option<f64>,
    /// How lively the predictions are.
    pub health: Health,
}

/// A network that learns.
#[derive(Debug)]
pub struct Learner {
    config: LearnerConfig,
    class_weights: Option<Vec<f64>>,
    pupil_config: PupilConfig,
    encoder: EncoderPaths,
    labels: Labels,
    pupil: Pupil,
    optimizer: Optimizer,
    average: Option<Pupil>,
    step: u64,
    tape: Tape,
    /// Without a tape.
    device: Device,
}

impl Learner {
    /// A learner at step 0. `start` are weights to begin with (a model's class weights are not used);
    /// what they do not have begins as He et al. (2015) propose, drawn from `seed`. `prior` is the
    /// data's colour distribution, `[313]`. `labels` are what photographs may show; they are not looked at
    /// where nothing is taught beside the colours.
    ///
    /// # Errors
    /// [`Error::Parameter`] for settings that make no sense or that the device has not,
    /// [`Error::ModelTensors`] for weights of
    /// another network.
    pub fn new(
        config: LearnerConfig,
        network_config: &NetworkConfig,
        start: Option<Start>,
        prior: &[f64],
        labels: Labels,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        let class_weights = config.objective.class_weights(prior)?;
        let regression = matches!(config.objective, Objective::Regression { .. });
        if regression != (network_config.output() == crate::model::network::Output::Chroma) {
            return Err(Error::Parameter {
                name: "head",
                value: network_config.name().to_owned(),
                range: "\"regression\" for a regression, \"classification\" for a classification",
            });
        }
        let dtype = config.precision.dtype();
        if dtype != DType::F32 && !device.supports_dtype(dtype) {
            return Err(Error::Parameter {
                name: "precision",
                value: "bf16".to_owned(),
                range: "f32: this device does not compute in bf16",
            });
        }
        let labels = if config.auxiliary == 0.0 { Labels::default() } else { labels };
        let pupil_config = PupilConfig { network: network_config.clone(), labels: labels.len() };
        check_auxiliary(config.auxiliary, &pupil_config)?;
        let tape = Tape::of(device);
        let encoder = EncoderPaths::new(config.encoder.as_ref(), network_config)?;
        let drawn = || initial_weights::draw(network_config.init(device), initial_weights::RELU, seed);
        let network = match start {
            Some(Start::Model(model)) => begin_with(*model, network_config, seed, device)?,
            Some(Start::Encoder(encoder)) => begin_above(encoder, network_config, &drawn(), device)?,
            None => drawn(),
        };
        let pupil = pupil_config.around(network, seed, device);
        let average = (config.average > 0.0).then(|| tape.copy(&pupil, pupil_config.init(device)));
        let pupil = tape.record(pupil, |path| encoder.stands_still(path));
        Ok(Self {
            optimizer: Optimizer::new(config.optimizer.clone(), tape),
            config,
            class_weights,
            pupil_config,
            encoder,
            labels,
            pupil,
            average,
            step: 0,
            tape,
            device: device.clone(),
        })
    }

    /// Steps made.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// The 313 weights it is trained with.
    #[must_use]
    pub fn class_weights(&self) -> Option<&[f64]> {
        self.class_weights.as_deref()
    }

    /// Learns from photographs: gradients of all of `parts` (which may be one) are averaged into one
    /// step. `examine`: whether to look at loss and health, which costs a little.
    ///
    /// # Errors
    /// [`Error::Diverged`] where the loss or the gradient is no finite number; the weights are then
    /// those before the step. The loss is only looked at with `examine`.
    pub fn step(&mut self, parts: &[Examples<'_>], examine: bool) -> Result<Option<StepReport>> {
        for part in parts {
            self.check(*part)?;
        }
        let share = 1.0 / parts.len() as f64;
        let mut gradients = Flat::new();
        let mut report = None;
        // Sum of the labels' cross-entropies, and how many there were.
        let mut auxiliary = (0.0, 0);
        for part in parts {
            let Seen { outputs, loss, auxiliary: beside, health } = self.compare(*part, examine);
            if let Some(health) = health {
                let loss = number(&loss);
                if !loss.is_finite() {
                    return Err(self.diverged("loss", loss));
                }
                if let Some(beside) = &beside {
                    let mean = number(beside);
                    if !mean.is_finite() {
                        return Err(self.diverged("labels' loss", mean));
                    }
                    auxiliary.0 += mean * part.count as f64;
                    auxiliary.1 += part.labels.iter().flatten().count();
                }
                let report: &mut StepReport = report.get_or_insert(StepReport {
                    loss: 0.0,
                    auxiliary: None,
                    rate: self.config.schedule.rate(self.step, self.config.steps),
                    gradient: None,
                    health,
                });
                report.loss += loss * share;
            }
            let found = self.tape.gradients(&self.pupil, outputs);
            // libtorch adds to what an earlier part left; Burn gives each part's own.
            match self.tape {
                Tape::Burn => {
                    for (path, gradient) in found {
                        let sum = match gradients.remove(&path) {
                            None => gradient,
                            Some(sum) => sum + gradient,
                        };
                        gradients.insert(path, sum);
                    }
                }
                #[cfg(feature = "libtorch")]
                Tape::Libtorch => gradients = found,
            }
        }
        let length = self.update(gradients, share)?;
        if let Some(report) = &mut report {
            report.gradient = length;
            report.auxiliary = (auxiliary.1 > 0).then(|| auxiliary.0 / auxiliary.1 as f64);
        }
        self.follow();
        self.step += 1;
        Ok(report)
    }

    /// Whether photographs, colours and labels are as many as they must be.
    fn check(&self, part: Examples<'_>) -> Result<()> {
        let Examples { count, crop, lightness, chroma, labels } = part;
        let multiple = self.pupil_config.network.size_multiple();
        if count == 0 || crop == 0 || crop % multiple != 0 {
            return Err(Error::Parameter {
                name: "crop",
                value: crop.to_string(),
                range: "a multiple of what the network halves: 32 for a unet of four stages, 8 for eccv16",
            });
        }
        let cells = crop / self.pupil_config.network.cell();
        let found = [lightness.len(), chroma.len()];
        if found != [count * crop * crop, count * cells * cells] {
            return Err(Error::Parameter {
                name: "examples",
                value: format!("{} pixels and {} colours", found[0], found[1]),
                range: "a lightness for each pixel and a colour for each cell of 4 x 4",
            });
        }
        let largest = labels.iter().flatten().max();
        let known = self.labels.is_empty() || largest.is_none_or(|largest| *largest < self.labels.len());
        if !(labels.is_empty() || labels.len() == count) || !known {
            return Err(Error::Parameter {
                name: "labels",
                value: match largest {
                    Some(largest) if !known => format!("label {largest} of {}", self.labels.len()),
                    _ => format!("{} for {count} photographs", labels.len()),
                },
                range: "one known label or none for each photograph, or nothing for all of them",
            });
        }
        Ok(())
    }

    /// Photographs seen, on the tape, and compared with the truth.
    fn compare(&self, part: Examples<'_>, examine: bool) -> Seen {
        let targets = self.targets(part);
        let lightness = self.tape.input(lightness(part, &self.device));
        let asked = part.labels.iter().any(Option::is_some);
        let (output, logits) = self.pupil.forward(lightness, self.config.precision.dtype(), asked);
        let lesson = targets.compare(&self.tape.plain(output.clone()), examine);
        let health = targets.health(&lesson);
        let mut outputs = vec![(output, lesson.gradient)];
        let auxiliary = logits.map(|logits| {
            let shown = part.labels.iter().copied();
            let (loss, gradient) = self.labels.compare(&self.tape.plain(logits.clone()), shown, 0.0);
            outputs.push((logits, gradient * self.config.auxiliary));
            loss
        });
        Seen { outputs, loss: lesson.loss, auxiliary, health }
    }

    fn targets(&self, part: Examples<'_>) -> super::objective::Targets {
        let cells = part.crop / self.pupil_config.network.cell();
        self.config.objective.targets([part.count, cells, cells], part.chroma, self.class_weights.as_deref())
    }

    /// Moves the weights; returns the gradient's length where it is clipped.
    fn update(&mut self, gradients: Flat, share: f64) -> Result<Option<f64>> {
        let (factor, length) = self.optimizer.factor(&gradients, share);
        if let Some(length) = length.filter(|length| !length.is_finite()) {
            return Err(self.diverged("gradient", length));
        }
        let rate = self.config.schedule.rate(self.step, self.config.steps);
        let fresh = self.blank();
        let pupil = std::mem::replace(&mut self.pupil, fresh);
        let rate = |path: &str| rate * self.encoder.rate(path);
        self.pupil = self.optimizer.step(pupil, gradients, factor, rate, self.step + 1);
        Ok(length)
    }

    /// Lets the average follow the weights; early on it forgets faster, so that it does not drag the
    /// first weights along.
    fn follow(&mut self) {
        let Some(average) = self.average.take() else { return };
        let memory = self.config.average.min((1.0 + self.step as f64) / (10.0 + self.step as f64));
        let mut now = self.tape.untaped(|| self.tape.flat(&self.pupil.valid()));
        let still = |path: &str| self.encoder.stands_still(path);
        self.average = Some(self.tape.change(average, false, |path, mean, _| {
            now.remove(path).filter(|_| !still(path)).map(|now| mean * memory + now * (1.0 - memory))
        }));
    }

    /// Mean loss and health of the averaged weights (of the weights themselves without an average)
    /// on photographs that are not learned from.
    ///
    /// # Errors
    /// [`Error::Diverged`] where the loss is no finite number.
    pub fn validate(&self, part: Examples<'_>) -> Result<(f64, Health)> {
        self.check(part)?;
        self.tape.untaped(|| {
            let off;
            let pupil = match &self.average {
                Some(average) => average,
                None => {
                    off = self.tape.copy(&self.pupil, self.blank());
                    &off
                }
            };
            let targets = self.targets(part);
            let output = pupil.network.forward(lightness(part, &self.device));
            let lesson = targets.compare(&output, true);
            let loss = number(&lesson.loss);
            let health = targets.health(&lesson).unwrap_or_default();
            if loss.is_finite() { Ok((loss, health)) } else { Err(self.diverged("loss", loss)) }
        })
    }

    fn blank(&self) -> Pupil {
        self.pupil_config.init(&self.device)
    }

    fn diverged(&self, what: &'static str, value: f64) -> Error {
        Error::Diverged { what, value, step: self.step }
    }

    /// The model as it stands: the average where there is one. `metadata` says the rest.
    #[must_use]
    pub fn model(&self, metadata: Metadata) -> ModelFile {
        let pupil = self.average.as_ref().unwrap_or(&self.pupil);
        let tensors = self.tape.untaped(|| pupil.network.valid().export());
        let tensors =
            tensors.into_iter().map(|(name, shape, values)| (name, HostTensor { shape, values })).collect();
        let class_weights =
            self.class_weights.as_ref().map(|weights| weights.iter().map(|w| *w as f32).collect());
        ModelFile { metadata, tensors, class_weights, origin: None }
    }

    /// Everything that the next step depends on, as a safetensors file.
    ///
    /// # Errors
    /// [`Error::ModelFormat`] where the file cannot be written.
    pub fn save(&self) -> Result<Vec<u8>> {
        let mut tensors: BTreeMap<String, Vec<f32>> = BTreeMap::new();
        let mut add = |group: &str, flat: Flat| {
            for (path, tensor) in flat {
                let values = tensor.into_data().try_into_vec().expect("training is in f32");
                tensors.insert(format!("{group}/{path}"), values);
            }
        };
        self.tape.untaped(|| {
            // `valid` brings running statistics up to date, which changes no number.
            add("network", self.tape.flat(&self.pupil.valid()));
            if let Some(average) = &self.average {
                add("average", self.tape.flat(average));
            }
            for (path, Moments { first, second }) in &self.optimizer.moments {
                add("first", Flat::from([(path.clone(), first.clone())]));
                add("second", Flat::from([(path.clone(), second.clone())]));
            }
        });
        let views = tensors.iter().map(|(name, values)| {
            let view = TensorView::new(Dtype::F32, vec![values.len()], bytemuck::cast_slice(values));
            view.map(|view| (name.as_str(), view))
        });
        let views = views.collect::<std::result::Result<Vec<_>, _>>().map_err(unwritable)?;
        let strings = HashMap::from([("step".to_owned(), self.step.to_string())]);
        safetensors::serialize(views, Some(strings)).map_err(unwritable)
    }

    /// Goes on from what [`Learner::save`] wrote, to the last bit on the CPU.
    ///
    /// # Errors
    /// [`Error::ModelFormat`] for a file of another network or objective, or a damaged one.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        let damaged = |error: &dyn std::fmt::Display| Error::ModelFormat(format!("checkpoint: {error}"));
        let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(&error))?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| damaged(&error))?;
        let step = header.metadata().as_ref().and_then(|strings| strings.get("step"));
        let step =
            step.and_then(|step| step.parse().ok()).ok_or_else(|| damaged(&"it does not say its step"))?;
        let mut groups: BTreeMap<String, BTreeMap<String, Vec<f32>>> = BTreeMap::new();
        for (name, view) in file.iter() {
            let (group, path) = name.split_once('/').ok_or_else(|| damaged(&name))?;
            let values = bytemuck::pod_collect_to_vec::<u8, f32>(view.data());
            groups.entry(group.to_owned()).or_default().insert(path.to_owned(), values);
        }
        let mut group = |name: &str| groups.remove(name).unwrap_or_default();
        let (network, average) = (group("network"), group("average"));
        let (first, mut second) = (group("first"), group("second"));
        let fits = |values: &BTreeMap<String, Vec<f32>>| {
            let own = self.tape.flat(&self.pupil);
            own.len() == values.len()
                && own.iter().all(|(path, t)| values.get(path).is_some_and(|v| v.len() == t.dims()[0]))
        };
        if !fits(&network) || (self.average.is_some() && !fits(&average)) {
            return Err(damaged(&"it is of another network; start afresh or use its own configuration"));
        }
        let device = self.device.clone();
        let tensor = |values: Vec<f32>| {
            let length = values.len();
            Tensor::<1>::from_data(TensorData::new(values, [length]), &device)
        };
        self.optimizer.moments = first
            .into_iter()
            .filter_map(|(path, first)| {
                let second = second.remove(&path)?;
                Some((path, Moments { first: tensor(first), second: tensor(second) }))
            })
            .collect();
        let put = |onto: Pupil, mut values: BTreeMap<String, Vec<f32>>| {
            self.tape.change(onto, false, |path, _, _| values.remove(path).map(&tensor))
        };
        self.pupil = self.tape.record(put(self.blank(), network), |path| self.encoder.stands_still(path));
        if self.average.is_some() {
            self.average = Some(put(self.blank(), average));
        }
        self.step = step;
        Ok(())
    }
}

/// What a part of a step gave.
struct Seen {
    /// On the tape, each beside its gradient.
    outputs: Vec<(Tensor<4>, Tensor<4>)>,
    /// The objective's, `[1]`.
    loss: Tensor<1>,
    /// Cross-entropy of the labels over the number of photographs, `[1]`.
    auxiliary: Option<Tensor<1>>,
    health: Option<Health>,
}

/// Whether anything can be taught beside the colours with this weight.
fn check_auxiliary(weight: f64, pupil: &PupilConfig) -> Result<()> {
    let refuse = |value: String, range| Err(Error::Parameter { name: "auxiliary", value, range });
    if !(weight.is_finite() && weight >= 0.0) {
        return refuse(weight.to_string(), "a number from 0 up");
    }
    if weight > 0.0 && pupil.labels == 0 {
        return refuse(weight.to_string(), "0 for photographs without labels, at least two of one source");
    }
    if !pupil.is_consistent() {
        return refuse(
            pupil.network.name().to_owned(),
            "0, or a unet or a lite: other networks have no deepest features",
        );
    }
    Ok(())
}

fn unwritable(error: safetensors::SafeTensorError) -> Error {
    Error::ModelFormat(format!("checkpoint: {error}"))
}

/// A network of drawn weights whose encoder has those of a file.
fn begin_above(
    encoder: EncoderFile,
    config: &NetworkConfig,
    drawn: &Network,
    device: &Device,
) -> Result<Network> {
    let tensors = drawn.export().into_iter();
    let mut tensors: BTreeMap<String, HostTensor> =
        tensors.map(|(name, shape, values)| (name, HostTensor { shape, values })).collect();
    let fits = matches!(config, NetworkConfig::Lite(config) if config.variant == encoder.variant);
    if !fits {
        return Err(Error::Parameter {
            name: "encoder",
            value: encoder.variant.name().to_owned(),
            range: "the encoder of the network: one of the same variant for a lite, none for others",
        });
    }
    tensors.extend(encoder.tensors);
    let metadata = Metadata::for_network(config.clone());
    ModelFile { metadata, tensors, class_weights: None, origin: None }.assemble(device)
}

/// Weights of a model that are to be trained on.
fn begin_with(model: ModelFile, config: &NetworkConfig, seed: u64, device: &Device) -> Result<Network> {
    let mut network = config.init(device);
    let mut fresh = None;
    let own = network.shapes();
    let mut tensors = model.tensors;
    // A head for another objective begins afresh; everything else is taken over.
    for (name, shape) in &own {
        let fits = tensors.get(name).is_some_and(|tensor| tensor.shape == *shape);
        if !fits && model.metadata.network.output() != config.output() {
            let fresh = fresh.get_or_insert_with(|| {
                let blank = config.init(device);
                let exported = initial_weights::draw(blank, initial_weights::LINEAR, seed).export();
                let host = |(name, shape, values)| (name, HostTensor { shape, values });
                exported.into_iter().map(host).collect::<BTreeMap<_, _>>()
            });
            if let Some(tensor) = fresh.remove(name) {
                tensors.insert(name.clone(), tensor);
            }
        }
    }
    let metadata = Metadata { network: config.clone(), ..model.metadata };
    network = ModelFile { metadata, tensors, ..model }.assemble(device)?;
    Ok(network)
}

fn lightness(part: Examples<'_>, device: &Device) -> Tensor<4> {
    let Examples { count, crop, lightness, .. } = part;
    Tensor::from_data(TensorData::new(lightness.to_vec(), [count, 1, crop, crop]), device)
}

pub(super) fn number(tensor: &Tensor<1>) -> f64 {
    let values: Vec<f32> = tensor.to_data().convert::<f32>().try_into_vec().expect("converted to f32");
    values.first().copied().map_or(f64::NAN, f64::from)
}
