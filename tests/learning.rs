//! The step that a network learns by: its gradient is the paper's, interruption leaves no trace, and
//! what cannot be learned from is refused.

mod common;

use autochrome::ab_bins;
use autochrome::network::{Head, NetworkConfig, Output, UnetConfig};
use autochrome::training::class_rebalancing::class_weights;
use autochrome::training::learner::{ComputePrecision, Examples, Learner, LearnerConfig};
use autochrome::training::loss;
use autochrome::training::objective::{Objective, Reduction};
use autochrome::training::optimizer::{Kind, Moments, OptimizerConfig};
use autochrome::training::schedule::{Decay, Schedule};
use autochrome::weights::Metadata;
use autochrome::{Error, weights::ModelFile};
use burn::prelude::*;
use common::{golden, number, numbers, pair, uniform};
use proptest::prelude::*;

fn classification(lambda: f64, neighbours: usize) -> Objective {
    Objective::Classification { lambda, neighbours, reduction: Reduction::Pictures }
}

fn tensor(values: Vec<f32>, shape: [usize; 4]) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

/// Against the reference's own figures (`goldens/loss.json`): six cells in a row, one picture.
#[test]
fn the_gradient_is_the_papers() {
    let g = golden(include_str!("goldens/loss.json"));
    let prior = numbers(&golden(include_str!("goldens/class_weights.json"))["prior"]);
    let colours: Vec<[f64; 2]> = g["ab"].as_array().unwrap().iter().map(pair).collect();
    let cells = colours.len();
    let logits: Vec<Vec<f32>> = (0..cells)
        .map(|i| {
            uniform(&format!("loss/{i}"), ab_bins::COUNT).into_iter().map(|u| (2.0 * u - 1.0) * 3.0).collect()
        })
        .collect();
    let planes = (0..ab_bins::COUNT).flat_map(|bin| logits.iter().map(move |z| z[bin])).collect();
    let output = tensor(planes, [1, ab_bins::COUNT, 1, cells]);
    let truth: Vec<[f32; 2]> = colours.iter().map(|ab| ab.map(|c| c as f32)).collect();
    for case in g["cases"].as_array().unwrap() {
        let objective = classification(number(&case["lambda"]), number(&case["neighbours"]) as usize);
        let weights = objective.class_weights(&prior).unwrap();
        let lesson = objective.targets([1, 1, cells], &truth, weights.as_deref()).compare(&output, false);
        let expected: f64 = numbers(&case["weight"])
            .iter()
            .zip(numbers(&case["cross_entropy"]))
            .map(|(weight, cross_entropy)| weight * cross_entropy)
            .sum();
        let found = f64::from(values(lesson.loss)[0]);
        assert!((found / expected - 1.0).abs() < 1e-5, "loss {found}, not {expected}");
        let gradient = values(lesson.gradient);
        for cell in 0..cells {
            let at = |bin: usize| f64::from(gradient[bin * cells + cell]);
            let sum: f64 = (0..ab_bins::COUNT).map(|bin| at(bin).abs()).sum();
            let nearest = at(ab_bins::nearest(colours[cell]));
            for (found, name) in [(sum, "gradient_abs_sum"), (nearest, "gradient_at_nearest")] {
                let expected = numbers(&case[name])[cell];
                assert!((found - expected).abs() < 2e-5 * expected.abs().max(1.0), "{name} of {cell}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Against the f64 definition, every bin of every cell, two pictures of which one may be gray.
    #[test]
    fn the_gradient_is_that_of_the_definition(
        seed in 0u64..1000, lambda in 0.0..=1.0f64, neighbours in 1usize..=10, gray in any::<bool>(),
    ) {
        let shape = [2, 2, 3];
        let plane = 6;
        let colours: Vec<[f32; 2]> = uniform(&format!("colours/{seed}"), 24)
            .chunks(2)
            .enumerate()
            .map(|(i, u)| {
                let reach = if gray && i < plane { 4.9 } else { 90.0 };
                [(u[0] - 0.5) * 2.0 * reach, (u[1] - 0.5) * 2.0 * reach]
            })
            .collect();
        let logits: Vec<f32> = uniform(&format!("logits/{seed}"), 2 * ab_bins::COUNT * plane)
            .into_iter().map(|u| 12.0 * u - 6.0).collect();
        let prior = vec![1.0 / ab_bins::COUNT as f64; ab_bins::COUNT];
        let mut uneven = prior.clone();
        uneven[120] += 0.5;
        uneven.iter_mut().for_each(|p| *p /= 1.5);
        let objective = classification(lambda, neighbours);
        let weights = class_weights(&uneven, lambda).unwrap();
        let targets = objective.targets(shape, &colours, Some(&weights));
        let gradient = values(targets.compare(&tensor(logits.clone(), [2, ab_bins::COUNT, 2, 3]), false).gradient);
        for picture in 0..2 {
            let masked = colours[picture * plane..][..plane].iter().flatten().all(|c| c.abs() <= 5.0);
            for cell in 0..plane {
                let index = |bin: usize| (picture * ab_bins::COUNT + bin) * plane + cell;
                let z: Vec<f64> = (0..ab_bins::COUNT).map(|bin| f64::from(logits[index(bin)])).collect();
                let ab = colours[picture * plane + cell].map(f64::from);
                let expected = loss::classification(&z, ab, neighbours, &weights);
                for bin in 0..ab_bins::COUNT {
                    // Two pictures share the gradient.
                    let expected = if masked { 0.0 } else { expected.gradient[bin] / 2.0 };
                    let found = f64::from(gradient[index(bin)]);
                    prop_assert!((found - expected).abs() < 2e-6 * (1.0 + expected.abs()), "{found} {expected}");
                }
            }
        }
    }
}

#[test]
fn the_regressions_gradient_is_that_of_its_loss() {
    let objective = Objective::Regression { reduction: Reduction::Cells };
    let truth = [[10.0, -20.0], [30.0, 5.0]];
    let targets = objective.targets([1, 1, 2], &truth, None);
    let output = |a: f32| tensor(vec![a, 20.0, -10.0, 8.0], [1, 2, 1, 2]);
    let lesson = targets.compare(&output(12.0), false);
    let squares = [2.0f32, -10.0, 10.0, 3.0].iter().map(|e| (e / 110.0).powi(2)).sum::<f32>();
    assert!((values(lesson.loss)[0] - 0.5 * squares / 2.0).abs() < 1e-7);
    let slope = {
        let [high, low] = [12.5, 11.5].map(|a| values(targets.compare(&output(a), false).loss)[0]);
        high - low
    };
    assert!((values(lesson.gradient)[0] - slope).abs() < 1e-7);
    let gray = objective.targets([1, 1, 2], &[[4.0, -5.0], [0.0, 5.0]], None);
    assert!(values(gray.compare(&output(12.0), false).gradient).iter().all(|g| *g == 0.0));
}

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
    Learner::new(config, &network(head), start, &flat_prior(), 7, &Device::flex()).unwrap()
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
        Examples { count: COUNT, crop: CROP, lightness: &self.lightness, chroma: &self.chroma }
    }
}

fn learn(learner: &mut Learner, steps: std::ops::Range<u64>) {
    for step in steps {
        learner.step(&[pictures(step).examples()], false).unwrap();
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
        // What is written can be read, and holds the same.
        let model = learner.model(Metadata::for_network(network(head)));
        let output = if head == Head::Regression { Output::Chroma } else { Output::Logits };
        assert_eq!(model.metadata.network.output(), output);
        let bytes = model.write(autochrome::weights::Precision::F32).unwrap();
        let read = ModelFile::read(&bytes, &Device::flex()).unwrap();
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
    let checkpoint = first.save().unwrap();
    drop(first);
    let mut second = learner(config.clone(), Head::Classification, None);
    second.restore(&checkpoint).unwrap();
    assert_eq!(second.steps(), 4);
    assert!(second.save().unwrap() == checkpoint, "what is restored is what was saved");
    learn(&mut second, 4..9);
    let [whole, second] = [whole, second].map(|learner| learner.save().unwrap());
    let read = |bytes: &[u8]| {
        let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
        let mut tensors: Vec<(String, Vec<u8>)> =
            file.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect();
        tensors.sort();
        tensors
    };
    let (whole, second) = (read(&whole), read(&second));
    assert!(whole.iter().any(|(name, _)| name.starts_with("average/")));
    assert!(whole.iter().any(|(name, _)| name.starts_with("second/")));
    assert!(whole.iter().any(|(name, _)| name.ends_with("running_var")));
    let different: Vec<&str> =
        whole.iter().zip(&second).filter(|(a, b)| a != b).map(|((name, _), _)| name.as_str()).collect();
    assert!(different.is_empty() && whole.len() == second.len(), "{different:?}");
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
    assert!(matches!(learner.step(&[fewer], false), Err(Error::Parameter { name: "examples", .. })));
    let mut odd = test.examples();
    odd.crop = 12;
    assert!(matches!(learner.step(&[odd], false), Err(Error::Parameter { name: "crop", .. })));
    let broken = Pictures { lightness: vec![f32::NAN; COUNT * CROP * CROP], chroma: test.chroma.clone() };
    assert!(matches!(learner.step(&[broken.examples()], true), Err(Error::Diverged { step: 0, .. })));
    assert_eq!(learner.steps(), 0);
    let weights = |bytes: &[u8]| {
        let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
        file.tensor("network/logits.weight").unwrap().data().to_vec()
    };
    assert_eq!(weights(&before), weights(&learner.save().unwrap()), "a refused step moves nothing");

    let regression = Objective::Regression { reduction: Reduction::Cells };
    let make = |objective, head, prior: &[f64]| {
        Learner::new(config(objective, 3), &network(head), None, prior, 1, &Device::flex())
    };
    assert!(matches!(
        make(regression, Head::Classification, &flat_prior()),
        Err(Error::Parameter { name: "head", .. })
    ));
    assert!(matches!(
        make(classification(0.5, 0), Head::Classification, &flat_prior()),
        Err(Error::Parameter { name: "neighbours", .. })
    ));
    assert!(matches!(
        make(classification(0.5, 5), Head::Classification, &flat_prior()[1..]),
        Err(Error::Parameter { name: "prior", .. })
    ));
    assert!(learner.restore(b"not a checkpoint").is_err());
    let wider = NetworkConfig::Unet(UnetConfig {
        stem: 8,
        encoder: vec![6, 8],
        blocks: vec![1, 1],
        decoder: vec![8],
        head: Head::Classification,
    });
    let mut other =
        Learner::new(config(classification(0.5, 5), 3), &wider, None, &flat_prior(), 1, &Device::flex())
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
