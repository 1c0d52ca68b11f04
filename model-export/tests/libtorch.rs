//! Learning through libtorch against learning through Burn's own engine: the same batches must move
//! the same weights alike, whichever tape the gradients come from.

#[path = "../../tests/common/mod.rs"]
mod common;

use autochrome::kernels::libtorch;
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

#[test]
fn libtorch_learns_what_burn_learns() {
    let unet = |head| {
        NetworkConfig::Unet(UnetConfig {
            stem: 4,
            encoder: vec![6, 8],
            blocks: vec![1, 1],
            decoder: vec![8],
            head,
        })
    };
    let full = Objective::Classification { lambda: 0.5, neighbours: 5, reduction: Reduction::Cells };
    let regression = Objective::Regression { reduction: Reduction::Cells };
    for (network, objective) in [
        (unet(Head::Classification), &full),
        (unet(Head::Regression), &regression),
        (NetworkConfig::Eccv16(Eccv16Config { width: 2, head: Head::Classification }), &full),
    ] {
        let prior = vec![1.0 / 313.0; 313];
        let exact = ComputePrecision::F32;
        let start = Learner::new(
            config(objective.clone(), exact),
            &network,
            None,
            &prior,
            Labels::default(),
            5,
            &Device::flex(),
        )
        .unwrap()
        .model(Metadata::for_network(network.clone()));
        let burn = learned(&network, objective, exact, &start, &Device::flex());
        let torch = learned(&network, objective, exact, &start, &libtorch::cpu());
        let rounded = learned(&network, objective, ComputePrecision::Bf16, &start, &libtorch::cpu());
        let (mut moved, mut apart, mut rounding) = (0.0f32, 0.0f32, 0.0f32);
        // libtorch's running variance is the unbiased one, n / (n - 1) of Burn's: with the few cells of
        // these pictures that is a tenth, with a real batch nothing. Training does not read it.
        for (name, tensor) in burn.tensors.iter().filter(|(name, _)| !name.ends_with("running_var")) {
            for (i, value) in tensor.values.iter().enumerate() {
                moved = moved.max((value - start.tensors[name].values[i]).abs());
                apart = apart.max((value - torch.tensors[name].values[i]).abs());
                rounding = rounding.max((value - rounded.tensors[name].values[i]).abs());
            }
        }
        println!("{}: moved {moved:.2e}, apart {apart:.2e}, in bf16 {rounding:.2e}", network.name());
        assert!(moved > 1e-3, "nothing was learned");
        assert!(apart < 0.01 * moved, "{}: apart by {apart} where weights moved by {moved}", network.name());
        assert!(rounding < 0.5 * moved, "{}: bf16 is apart by {rounding} of {moved}", network.name());
    }
}
