//! The step that a network learns by.

mod auxiliary;
mod encoder;
mod learner;
mod objective;

use autochrome::color::ab_bins;
use autochrome::model::network::{Head, NetworkConfig, UnetConfig};
use autochrome::model::weights::ModelFile;
use autochrome::training::labels::Labels;
use autochrome::training::learner::{ComputePrecision, Examples, Learner, LearnerConfig, Start};
use autochrome::training::objective::{Objective, Reduction};
use autochrome::training::optimizer::{Kind, OptimizerConfig};
use autochrome::training::schedule::{Decay, Schedule};
use autochrome_testing::uniform;
use burn::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn classification(lambda: f64, neighbors: usize) -> Objective {
    Objective::Classification { lambda, neighbors, smoothing: 0.0, reduction: Reduction::Pictures }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

fn network(head: Head) -> NetworkConfig {
    NetworkConfig::Unet(UnetConfig {
        stem: 4,
        encoder: vec![6, 8],
        blocks: vec![1, 1],
        decoder: vec![8],
        head,
    })
}

fn config(objective: Objective, steps: u64) -> LearnerConfig {
    LearnerConfig {
        objective,
        auxiliary: 0.0,
        encoder: None,
        optimizer: OptimizerConfig {
            kind: Kind::AdamW,
            beta_1: 0.9,
            beta_2: 0.99,
            epsilon: 1e-8,
            weight_decay: 0.01,
            clip: Some(1.0),
        },
        schedule: Schedule { rate: 2e-2, warm_up: 2, decay: Decay::Cosine { floor: 0.0 } },
        average: 0.9,
        precision: ComputePrecision::F32,
        steps,
    }
}

fn flat_prior() -> Vec<f64> {
    vec![1.0 / ab_bins::COUNT as f64; ab_bins::COUNT]
}

fn learner(config: LearnerConfig, head: Head, start: Option<ModelFile>) -> Learner {
    labelled(config, head, start, Labels::default())
}

fn labelled(config: LearnerConfig, head: Head, start: Option<ModelFile>, labels: Labels) -> Learner {
    Learner::new(
        config,
        &network(head),
        start.map(Box::new).map(Start::Model),
        &flat_prior(),
        labels,
        7,
        &Device::flex(),
    )
    .unwrap()
}

/// Photographs whose colour is told by their lightness: dark ones are blue, bright ones yellow.
struct Pictures {
    lightness: Vec<f32>,
    chroma: Vec<[f32; 2]>,
}

const CROP: usize = 16;
const COUNT: usize = 4;

fn pictures(step: u64) -> Pictures {
    let noise = uniform(&format!("pictures/{step}"), COUNT * CROP * CROP);
    let bright = |picture: usize| picture.is_multiple_of(2);
    let lightness = noise
        .iter()
        .enumerate()
        .map(|(i, u)| if bright(i / (CROP * CROP)) { 75.0 + 10.0 * u } else { 15.0 + 10.0 * u })
        .collect();
    let cells = (CROP / 4) * (CROP / 4);
    let chroma =
        (0..COUNT * cells).map(|i| if bright(i / cells) { [-3.0, 42.0] } else { [12.0, -38.0] }).collect();
    Pictures { lightness, chroma }
}

impl Pictures {
    fn examples(&self) -> Examples<'_> {
        Examples { count: COUNT, crop: CROP, lightness: &self.lightness, chroma: &self.chroma, labels: &[] }
    }
}

fn learn(learner: &mut Learner, steps: std::ops::Range<u64>) {
    for step in steps {
        learner.step(&[pictures(step).examples()], false).unwrap();
    }
}

/// Everything a checkpoint holds, by name.
type Held = BTreeMap<String, Vec<u8>>;

fn checkpoint(learner: &Learner) -> Held {
    let bytes = learner.save().unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    file.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect()
}

/// Names of what two checkpoints have not alike.
fn differences<'a>(one: &'a Held, other: &'a Held) -> Vec<&'a String> {
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    names.into_iter().filter(|name| one.get(*name) != other.get(*name)).collect()
}
