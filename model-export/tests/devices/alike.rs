//! Learning on a device against learning on the CPU with Burn's own engine: the same batches must move
//! the same weights alike, whoever records the gradients, and a checkpoint of one goes on at the other.

use autochrome::model::network::{Eccv16Config, Head, NetworkConfig, UnetConfig};
use autochrome::model::weights::{Metadata, ModelFile};
use autochrome::training::labels::Labels;
use autochrome::training::learner::{ComputePrecision, Examples, Learner, LearnerConfig, Start};
use autochrome::training::objective::{Objective, Reduction};
use autochrome::training::optimizer::{Kind, OptimizerConfig};
use autochrome::training::schedule::{Decay, Schedule};
use autochrome_testing::uniform;
use burn::prelude::*;

const COUNT: usize = 3;

fn config(objective: Objective, precision: ComputePrecision) -> LearnerConfig {
    LearnerConfig {
        objective,
        auxiliary: 0.0,
        encoder: None,
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

/// The model after three steps of two parts each, on pictures of `crop` x `crop`.
fn learned(
    network: &NetworkConfig,
    objective: &Objective,
    precision: ComputePrecision,
    start: &ModelFile,
    crop: usize,
    device: &Device,
) -> ModelFile {
    let prior = vec![1.0 / 313.0; 313];
    let config = config(objective.clone(), precision);
    let mut learner = Learner::new(
        config,
        network,
        Some(Start::Model(Box::new(start.clone()))),
        &prior,
        Labels::default(),
        1,
        device,
    )
    .unwrap();
    for step in 0..3 {
        let parts: Vec<(Vec<f32>, Vec<[f32; 2]>)> = (0..2)
            .map(|part| {
                let lightness = uniform(&format!("lightness/{step}/{part}"), COUNT * crop * crop);
                let chroma = uniform(&format!("chroma/{step}/{part}"), 2 * COUNT * crop * crop / 16);
                (
                    lightness.into_iter().map(|u| 100.0 * u).collect(),
                    chroma.chunks(2).map(|u| [160.0 * u[0] - 80.0, 160.0 * u[1] - 80.0]).collect(),
                )
            })
            .collect();
        let parts: Vec<Examples<'_>> = parts
            .iter()
            .map(|(lightness, chroma)| Examples { count: COUNT, crop, lightness, chroma, labels: &[] })
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

/// A unet for classes, one for ab, and the paper's network, all very narrow, and the size of their pictures.
///
/// The paper's network has nothing that leads past its 22 layers, and carries the last bit of a weight far:
/// at a width of 8 and pictures of 64 x 64, on one and the same processor, first weights half of which are the
/// next f32 lead to others by a seventh of what they moved. Small as it is here, it does not.
fn subjects() -> [(NetworkConfig, Objective, usize); 3] {
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
        Objective::Classification { lambda: 0.5, neighbors: 5, smoothing: 0.0, reduction: Reduction::Cells };
    let regression = Objective::Regression { reduction: Reduction::Cells };
    [
        (unet(Head::Classification), full.clone(), 64),
        (unet(Head::Regression), regression, 64),
        (NetworkConfig::Eccv16(Eccv16Config { width: 2, head: Head::Classification }), full, 16),
    ]
}

/// A norm's running statistics of the photographs; they are not learned, and move farther.
const STATISTICS: &str = "running_";

fn largest(values: &[f32]) -> f32 {
    values.iter().map(|value| value.abs()).fold(0.0, f32::max)
}

fn root_mean_square(values: &[f32]) -> f32 {
    (values.iter().map(|value| value * value).sum::<f32>() / values.len() as f32).sqrt()
}

/// Holds a device to the CPU. In f32 nothing may be farther off than `exact` of the largest step that a
/// weight made, but what has one of `left_out` in its name. In bf16 (where it is asked for) weights whose
/// gradient is near nothing go the other way, so that all of a unet's are held together: to `rounded` of how
/// far they went.
pub fn learns_what_the_cpu_learns(
    device: &Device,
    left_out: &'static [&'static str],
    exact: f32,
    rounded: Option<f32>,
) {
    for (network, objective, crop) in subjects() {
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
        let learned =
            |precision, device: &Device| learned(&network, &objective, precision, &start, crop, device);
        let cpu = learned(ComputePrecision::F32, &Device::flex());
        let differences = |other: &ModelFile, left_out: &[&str]| -> Vec<f32> {
            let compared =
                cpu.tensors.iter().filter(|(name, _)| !left_out.iter().any(|part| name.contains(part)));
            let each =
                compared.flat_map(|(name, tensor)| tensor.values.iter().zip(&other.tensors[name].values));
            each.map(|(value, other)| value - other).collect()
        };
        let moves = differences(&start, &[STATISTICS]);
        let off = differences(&learned(ComputePrecision::F32, device), left_out);
        let (moved, apart) = (largest(&moves), largest(&off));
        println!("{}: weights moved by up to {moved:.2e}, off by {apart:.2e}", network.name());
        assert!(moved > 1e-3, "nothing was learned");
        assert!(apart < exact * moved, "{}: off by {apart} of {moved}", network.name());
        if let (Some(rounded), NetworkConfig::Unet(_)) = (rounded, &network) {
            let off = differences(&learned(ComputePrecision::Bf16, device), &[STATISTICS]);
            let (moved, apart) = (root_mean_square(&moves), root_mean_square(&off));
            println!("{} in bf16: weights moved by {moved:.2e}, off by {apart:.2e}", network.name());
            assert!(apart < rounded * moved, "{} in bf16: off by {apart} of {moved}", network.name());
        }
    }
}
