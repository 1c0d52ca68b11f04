//! The learner's step: it learns, an interruption leaves no trace, and what cannot be learned from is
//! refused.

use super::{
    COUNT, CROP, Pictures, checkpoint, classification, config, differences, flat_prior, learn, learner,
    network, pictures, values,
};
use autochrome::Error;
use autochrome::model::network::{Head, NetworkConfig, Output, UnetConfig};
use autochrome::model::weights::{Metadata, ModelFile};
use autochrome::training::TrainingError;
use autochrome::training::labels::Labels;
use autochrome::training::learner::{Examples, Learner, LearnerConfig};
use autochrome::training::objective::{Objective, Reduction};
use autochrome::training::optimizer::{Kind, Moments, OptimizerConfig};
use autochrome::training::schedule::{Decay, Schedule};
use burn::prelude::*;

/// Both forms of Adam against arithmetic in f64.
#[test]
fn adam() {
    for kind in [Kind::Adam, Kind::AdamW] {
        let config =
            OptimizerConfig { kind, beta_1: 0.9, beta_2: 0.99, epsilon: 1e-4, weight_decay: 0.1, clip: None };
        let device = Device::flex();
        let mut weight = Tensor::<1>::from_data([0.5, -0.25], &device);
        let mut moments = Moments::none(2, &device);
        let (mut w, mut m, mut v) = ([0.5f64, -0.25], [0.0f64; 2], [0.0f64; 2]);
        for step in 1..=4u64 {
            let gradient = [0.01 * step as f64, -0.3];
            let tensor = Tensor::<1>::from_data(gradient.map(|g| g as f32), &device);
            (weight, moments) = config.update(weight, tensor, moments, true, 0.02, step);
            let power = i32::try_from(step).unwrap();
            let (c1, c2) = (1.0 - 0.9f64.powi(power), 1.0 - 0.99f64.powi(power));
            for i in 0..2 {
                let g = gradient[i] + if kind == Kind::Adam { 0.1 * w[i] } else { 0.0 };
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.99 * v[i] + 0.01 * g * g;
                w[i] = match kind {
                    Kind::Adam => w[i] - 0.02 * c2.sqrt() / c1 * m[i] / (v[i].sqrt() + 1e-4),
                    Kind::AdamW => {
                        w[i] * (1.0 - 0.02 * 0.1) - 0.02 * (m[i] / c1) / ((v[i] / c2).sqrt() + 1e-4)
                    }
                };
            }
        }
        for (found, expected) in values(weight).into_iter().zip(w) {
            assert!((f64::from(found) - expected).abs() < 1e-6, "{kind:?}: {found}, not {expected}");
        }
    }
}

#[test]
fn it_learns_what_lightness_tells() {
    for (objective, head) in [
        (classification(0.5, 5), Head::Classification),
        (classification(1.0, 10), Head::Classification),
        (Objective::Regression { reduction: Reduction::Cells }, Head::Regression),
    ] {
        let mut learner = learner(config(objective.clone(), 120), head, None);
        let test = pictures(1000);
        let (before, _) = learner.validate(test.examples()).unwrap();
        learn(&mut learner, 0..120);
        let (after, health) = learner.validate(test.examples()).unwrap();
        assert!(after < 0.5 * before, "{objective:?}: {before} to {after}");
        assert!(health.spread > 0.7 * health.true_spread, "{objective:?}: {health:?}");
        // The written file can be read, and holds the same.
        let model = learner.model(Metadata::for_network(network(head)));
        let output = if head == Head::Regression { Output::Chroma } else { Output::Logits };
        assert_eq!(model.metadata.network.output(), output);
        let bytes = model.write(autochrome::model::weights::Precision::F32).unwrap();
        let read = ModelFile::read(&bytes).unwrap();
        assert_eq!(read.tensors, model.tensors);
        assert_eq!(read.class_weights.is_some(), head == Head::Classification);
    }
}

/// The slope of the loss along one weight of every layer, against two evaluations of the loss.
#[test]
fn the_tape_gives_the_slope_of_the_loss() {
    let objective = classification(0.5, 5);
    let exact = LearnerConfig {
        optimizer: OptimizerConfig {
            kind: Kind::Adam,
            beta_1: 0.0,
            beta_2: 0.0,
            epsilon: 1e12,
            weight_decay: 0.0,
            clip: None,
        },
        // So large an epsilon makes a step of Adam the plain gradient times rate / epsilon.
        schedule: Schedule { rate: 1e12, warm_up: 0, decay: Decay::Constant },
        average: 0.0,
        ..config(objective, 1)
    };
    let begin = learner(exact.clone(), Head::Classification, None);
    let before = begin.model(Metadata::for_network(network(Head::Classification)));
    let mut moved = learner(exact.clone(), Head::Classification, Some(before.clone()));
    let test = pictures(3);
    let loss = |model: &ModelFile| {
        let mut learner = learner(exact.clone(), Head::Classification, Some(model.clone()));
        learner.step(&[test.examples()], true).unwrap().unwrap().loss
    };
    moved.step(&[test.examples()], true).unwrap();
    let after = moved.model(Metadata::for_network(network(Head::Classification)));
    let mut seen = 0;
    for (name, tensor) in &before.tensors {
        if name.contains("running") {
            continue;
        }
        // The weight that the loss depends on most.
        let gradients: Vec<f32> =
            tensor.values.iter().zip(&after.tensors[name].values).map(|(b, a)| b - a).collect();
        let (index, gradient) =
            gradients.iter().enumerate().max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs())).unwrap();
        let reach = 1e-3f32;
        let slope = {
            let at = |by: f32| {
                let mut model = before.clone();
                model.tensors.get_mut(name).unwrap().values[index] += by;
                loss(&model)
            };
            (at(reach) - at(-reach)) / (2.0 * f64::from(reach))
        };
        let gradient = f64::from(*gradient);
        assert!((slope - gradient).abs() < 0.05 * gradient.abs().max(1.0), "{name}: {slope}, not {gradient}");
        seen += 1;
    }
    assert!(seen > 20);
}

#[test]
fn an_interruption_leaves_no_trace() {
    let config = config(classification(0.5, 5), 9);
    let mut whole = learner(config.clone(), Head::Classification, None);
    learn(&mut whole, 0..9);
    let mut first = learner(config.clone(), Head::Classification, None);
    learn(&mut first, 0..4);
    let saved = first.save().unwrap();
    drop(first);
    let mut second = learner(config.clone(), Head::Classification, None);
    second.restore(&saved).unwrap();
    assert_eq!(second.steps(), 4);
    assert!(second.save().unwrap() == saved, "what is restored is what was saved");
    learn(&mut second, 4..9);
    let [whole, second] = [whole, second].map(|learner| checkpoint(&learner));
    assert!(whole.keys().any(|name| name.starts_with("average/")));
    assert!(whole.keys().any(|name| name.starts_with("second/")));
    assert!(whole.keys().any(|name| name.ends_with("running_var")));
    assert_eq!(differences(&whole, &second), [""; 0]);
}

/// A device's random numbers belong to the whole process: they must not decide where a run begins.
#[test]
fn the_seed_alone_decides_the_first_weights() {
    let first = || {
        let learner = learner(config(classification(0.5, 5), 1), Head::Classification, None);
        learner.model(Metadata::for_network(network(Head::Classification))).tensors
    };
    let (alone, together): (_, Vec<_>) = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| [(); 8].map(|()| first()))).collect();
        (first(), threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect())
    });
    assert!(together.iter().all(|tensors| *tensors == alone));
    // Deviation sqrt(2 / fan-in), biases 0, norms 1.
    let weights = &alone["e1.1.a.0.weight"];
    let fan_in: usize = weights.shape[1..].iter().product();
    let squares: f64 = weights.values.iter().map(|v| f64::from(*v).powi(2)).sum();
    let ratio = squares / weights.values.len() as f64 * fan_in as f64 / 2.0;
    assert!((ratio - 1.0).abs() < 0.3, "{ratio}: {:?}", weights.shape);
}

#[test]
fn two_equal_parts_teach_what_one_does() {
    let config = config(classification(0.5, 5), 3);
    let test = pictures(0);
    let weights = |parts: &[Examples<'_>]| {
        let mut learner = learner(config.clone(), Head::Classification, None);
        learner.step(parts, false).unwrap();
        learner.model(Metadata::for_network(network(Head::Classification))).tensors
    };
    let (one, two) = (weights(&[test.examples()]), weights(&[test.examples(), test.examples()]));
    for (name, tensor) in one.iter().filter(|(name, _)| !name.contains("running")) {
        for (a, b) in tensor.values.iter().zip(&two[name].values) {
            assert!((a - b).abs() < 1e-5, "{name}: {a} {b}");
        }
    }
}

#[test]
fn what_cannot_be_learned_from_is_refused() {
    let mut learner = learner(config(classification(0.5, 5), 3), Head::Classification, None);
    let test = pictures(0);
    let before = learner.save().unwrap();
    let mut fewer = test.examples();
    fewer.chroma = &fewer.chroma[1..];
    assert!(matches!(
        learner.step(&[fewer], false),
        Err(TrainingError::Engine(Error::Parameter { name: "examples", .. }))
    ));
    let mut odd = test.examples();
    odd.crop = 12;
    assert!(matches!(
        learner.step(&[odd], false),
        Err(TrainingError::Engine(Error::Parameter { name: "crop", .. }))
    ));
    let broken = Pictures { lightness: vec![f32::NAN; COUNT * CROP * CROP], chroma: test.chroma.clone() };
    assert!(matches!(learner.step(&[broken.examples()], true), Err(TrainingError::Diverged { step: 0, .. })));
    assert_eq!(learner.steps(), 0);
    let weights = |bytes: &[u8]| {
        let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
        file.tensor("network/out.weight").unwrap().data().to_vec()
    };
    assert_eq!(weights(&before), weights(&learner.save().unwrap()), "a refused step moves nothing");

    let regression = Objective::Regression { reduction: Reduction::Cells };
    let make = |objective, head, prior: &[f64]| {
        Learner::new(config(objective, 3), &network(head), None, prior, Labels::default(), 1, &Device::flex())
    };
    assert!(matches!(
        make(regression, Head::Classification, &flat_prior()),
        Err(TrainingError::Engine(Error::Parameter { name: "head", .. }))
    ));
    assert!(matches!(
        make(classification(0.5, 0), Head::Classification, &flat_prior()),
        Err(TrainingError::Engine(Error::Parameter { name: "neighbors", .. }))
    ));
    for smoothing in [-0.1, 1.0, f64::NAN] {
        let objective =
            Objective::Classification { lambda: 0.5, neighbors: 5, smoothing, reduction: Reduction::Cells };
        assert!(matches!(
            make(objective, Head::Classification, &flat_prior()),
            Err(TrainingError::Engine(Error::Parameter { name: "smoothing", .. }))
        ));
    }
    assert!(matches!(
        make(classification(0.5, 5), Head::Classification, &flat_prior()[1..]),
        Err(TrainingError::Engine(Error::Parameter { name: "prior", .. }))
    ));
    assert!(learner.restore(b"not a checkpoint").is_err());
    let wider = NetworkConfig::Unet(UnetConfig {
        stem: 8,
        encoder: vec![6, 8],
        blocks: vec![1, 1],
        decoder: vec![8],
        head: Head::Classification,
    });
    let mut other = Learner::new(
        config(classification(0.5, 5), 3),
        &wider,
        None,
        &flat_prior(),
        Labels::default(),
        1,
        &Device::flex(),
    )
    .unwrap();
    assert!(matches!(other.restore(&before), Err(Error::ModelFormat(_))));
}

/// L2-ft: a regression that begins with a classifier's weights keeps all but the head.
#[test]
fn a_regression_may_begin_with_a_classifier() {
    let classifier = learner(config(classification(0.5, 5), 3), Head::Classification, None)
        .model(Metadata::for_network(network(Head::Classification)));
    let objective = Objective::Regression { reduction: Reduction::Cells };
    let regression = learner(config(objective, 3), Head::Regression, Some(classifier.clone()))
        .model(Metadata::for_network(network(Head::Regression)));
    for (name, tensor) in &regression.tensors {
        if name.starts_with("out.") {
            assert_eq!(tensor.shape[0], 2);
        } else {
            assert_eq!(tensor, &classifier.tensors[name], "{name}");
        }
    }
}
