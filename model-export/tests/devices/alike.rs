//! Learning on a device against learning on the CPU with Burn's own engine: the same batches must move
//! the same weights alike, whoever records the gradients, and a checkpoint of one goes on at the other.

#[path = "../../../tests/common/mod.rs"]
mod common;

use autochrome::network::{Eccv16Config, Head, NetworkConfig, UnetConfig};
use autochrome::training::labels::Labels;
use autochrome::training::learner::{ComputePrecision, Examples, Learner, LearnerConfig};
use autochrome::training::objective::{Objective, Reduction};
use autochrome::training::optimizer::{Kind, OptimizerConfig};
use autochrome::training::schedule::{Decay, Schedule};
use autochrome::weights::{Metadata, ModelFile};
use burn::prelude::*;
use common::uniform;

const CROP: usize = 16;
const COUNT: usize = 3;

fn config(objective: Objective, precision: ComputePrecision) -> LearnerConfig {
    LearnerConfig {
        objective,
        auxiliary: 0.0,
        optimizer: OptimizerConfig {
            kind: Kind::Adam,
            beta_1: 0.9,
            beta_2: 0.99,
            // Large, so that a weight whose gradient is rounding noise does not move by the noise's sign.
            epsilon: 1e-3,
            weight_decay: 1e-3,
            clip: Some(5.0),
        },
        schedule: Schedule { rate: 1e-3, warm_up: 0, decay: Decay::Constant },
        average: 0.5,
        precision,
        steps: 10,
    }
}

/// The model after three steps of two parts each.
fn learned(
    network: &NetworkConfig,
    objective: &Objective,
    precision: ComputePrecision,
    start: &ModelFile,
    device: &Device,
) -> ModelFile {
    let prior = vec![1.0 / 313.0; 313];
    let config = config(objective.clone(), precision);
    let mut learner =
        Learner::new(config, network, Some(start.clone()), &prior, Labels::default(), 1, device).unwrap();
    for step in 0..3 {
        let parts: Vec<(Vec<f32>, Vec<[f32; 2]>)> = (0..2)
            .map(|part| {
                let lightness = uniform(&format!("lightness/{step}/{part}"), COUNT * CROP * CROP);
                let chroma = uniform(&format!("chroma/{step}/{part}"), 2 * COUNT * CROP * CROP / 16);
                (
                    lightness.into_iter().map(|u| 100.0 * u).collect(),
                    chroma.chunks(2).map(|u| [160.0 * u[0] - 80.0, 160.0 * u[1] - 80.0]).collect(),
                )
            })
            .collect();
        let parts: Vec<Examples<'_>> = parts
            .iter()
            .map(|(lightness, chroma)| Examples { count: COUNT, crop: CROP, lightness, chroma, labels: &[] })
            .collect();
        let report = learner.step(&parts, true).unwrap().unwrap();
        assert!(report.loss.is_finite());
    }
    // A checkpoint of one device goes on at the other.
    let mut other = Learner::new(
        self::config(objective.clone(), ComputePrecision::F32),
        network,
        None,
        &prior,
        Labels::default(),
        1,
        &Device::flex(),
    )
    .unwrap();
    other.restore(&learner.save().unwrap()).unwrap();
    let metadata = Metadata::for_network(network.clone());
    let model = learner.model(metadata.clone());
    assert_eq!(model.tensors, other.model(metadata).tensors);
    model
}

/// A unet for classes, one for ab, and the paper's network, all very narrow.
fn subjects() -> [(NetworkConfig, Objective); 3] {
    let unet = |head| {
        NetworkConfig::Unet(UnetConfig {
            stem: 4,
            encoder: vec![6, 8],
            blocks: vec![1, 1],
            decoder: vec![8],
            head,
        })
    };
    let full =
        Objective::Classification { lambda: 0.5, neighbours: 5, smoothing: 0.0, reduction: Reduction::Cells };
    let regression = Objective::Regression { reduction: Reduction::Cells };
    [
        (unet(Head::Classification), full.clone()),
        (unet(Head::Regression), regression),
        (NetworkConfig::Eccv16(Eccv16Config { width: 2, head: Head::Classification }), full),
    ]
}

/// What a norm has gathered of the photographs; it is not learned, and moves farther.
const STATISTICS: &str = "running_";

/// Holds a device to the CPU. In f32 nothing may be farther off than `exact` of the largest step that a
/// weight made, but what has one of `left_out` in its name; in bf16 (where it is asked for) no weight than
/// `rounded`.
pub fn learns_what_the_cpu_learns(
    device: &Device,
    left_out: &'static [&'static str],
    exact: f32,
    rounded: Option<f32>,
) {
    for (network, objective) in subjects() {
        let prior = vec![1.0 / 313.0; 313];
        let start = Learner::new(
            config(objective.clone(), ComputePrecision::F32),
            &network,
            None,
            &prior,
            Labels::default(),
            5,
            &Device::flex(),
        )
        .unwrap()
        .model(Metadata::for_network(network.clone()));
        let learned = |precision, device: &Device| learned(&network, &objective, precision, &start, device);
        let cpu = learned(ComputePrecision::F32, &Device::flex());
        let apart = |other: &ModelFile, left_out: &[&str]| {
            let compared =
                cpu.tensors.iter().filter(|(name, _)| !left_out.iter().any(|part| name.contains(part)));
            let each =
                compared.flat_map(|(name, tensor)| tensor.values.iter().zip(&other.tensors[name].values));
            each.map(|(value, other)| (value - other).abs()).fold(0.0, f32::max)
        };
        let moved = apart(&start, &[STATISTICS]);
        assert!(moved > 1e-3, "nothing was learned");
        let bounds = [
            (ComputePrecision::F32, Some(exact), left_out),
            (ComputePrecision::Bf16, rounded, &[STATISTICS]),
        ];
        for (precision, bound, left_out) in bounds {
            let Some(bound) = bound else { continue };
            let off = apart(&learned(precision, device), left_out);
            println!(
                "{} in {precision:?}: weights moved by up to {moved:.2e}, off by {off:.2e}",
                network.name()
            );
            assert!(off < bound * moved, "{} in {precision:?}: off by {off} of {moved}", network.name());
        }
    }
}
