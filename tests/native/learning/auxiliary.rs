//! Labels of photographs, taught beside their colours: it reaches the encoder, photographs without a
//! label are as they were, and nothing of it is left in the model.

use super::{
    COUNT, CROP, Pictures, checkpoint, classification, config, differences, flat_prior, labelled, learn,
    learner, network, pictures,
};
use autochrome::Error;
use autochrome::model::network::{Eccv16Config, Head, NetworkConfig};
use autochrome::model::weights::{Metadata, ModelFile, Precision};
use autochrome::training::TrainingError;
use autochrome::training::labels::Labels;
use autochrome::training::learner::{Examples, Learner, LearnerConfig};
use autochrome::training::optimizer::{Kind, OptimizerConfig};
use autochrome::training::schedule::{Decay, Schedule};
use burn::prelude::*;

/// Dark and bright pictures, and a source that none of them is from.
fn labels() -> Labels {
    Labels::of([("a", "a/bright"), ("a", "a/dark"), ("b", "b/cat"), ("b", "b/dog")], 1)
}

/// Labels of [`pictures`]; that of the third is not known.
const SHOWN: [Option<usize>; COUNT] = [Some(0), Some(1), None, Some(1)];

fn with_labels(steps: u64) -> LearnerConfig {
    LearnerConfig { auxiliary: 0.5, ..config(classification(0.5, 5), steps) }
}

fn shown<'a>(pictures: &'a Pictures, labels: &'a [Option<usize>]) -> Examples<'a> {
    Examples { labels, ..pictures.examples() }
}

fn model(learner: &Learner) -> ModelFile {
    learner.model(Metadata::for_network(network(Head::Classification)))
}

#[test]
fn it_learns_what_photographs_show_and_keeps_their_colours() {
    let mut learner = labelled(with_labels(60), Head::Classification, None, labels());
    let mut told = Vec::new();
    for step in 0..60 {
        let report = learner.step(&[shown(&pictures(step), &SHOWN)], true).unwrap().unwrap();
        told.push(report.auxiliary.unwrap());
    }
    assert!(told[59] < 0.2 * told[0], "{} to {} nats", told[0], told[59]);
    let (_, health) = learner.validate(pictures(1000).examples()).unwrap();
    assert!(health.spread > 0.7 * health.true_spread, "{health:?}");
    let model = model(&learner);
    assert!(model.tensors.keys().all(|name| !name.contains("labels")), "{:?}", model.tensors.keys());
    ModelFile::read(&model.write(Precision::F32).unwrap()).unwrap();
    assert!(checkpoint(&learner).contains_key("network/labels.weight"));
}

/// Gray pictures teach no colour, so only labels move weights: in the encoder, and by the slope of
/// their loss.
#[test]
fn the_gradient_of_the_labels_reaches_the_encoder() {
    let weight = 0.5;
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
        auxiliary: weight,
        ..config(classification(0.5, 5), 1)
    };
    let gray = Pictures { chroma: vec![[0.0; 2]; COUNT * CROP * CROP / 16], ..pictures(3) };
    let begin = |start| labelled(exact.clone(), Head::Classification, start, labels());
    let before = model(&begin(None));
    let told = |model: &ModelFile| {
        let mut learner = begin(Some(model.clone()));
        learner.step(&[shown(&gray, &SHOWN)], true).unwrap().unwrap().auxiliary.unwrap()
    };
    let mut moved = begin(Some(before.clone()));
    moved.step(&[shown(&gray, &SHOWN)], true).unwrap();
    let after = model(&moved);
    let mut seen = 0;
    for (name, tensor) in before.tensors.iter().filter(|(name, _)| !name.contains("running")) {
        let gradients: Vec<f32> =
            tensor.values.iter().zip(&after.tensors[name].values).map(|(b, a)| b - a).collect();
        let encoder = ["stem.", "e1.", "e2."].iter().any(|stage| name.starts_with(stage));
        if !encoder {
            assert!(gradients.iter().all(|g| *g == 0.0), "{name} is no part of the encoder");
            continue;
        }
        let (index, gradient) =
            gradients.iter().enumerate().max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs())).unwrap();
        let reach = 1e-3f32;
        let at = |by: f32| {
            let mut model = before.clone();
            model.tensors.get_mut(name).unwrap().values[index] += by;
            told(&model)
        };
        // `told` is the mean over three labels, the gradient that over four pictures.
        let slope = weight * 0.75 * (at(reach) - at(-reach)) / (2.0 * f64::from(reach));
        let gradient = f64::from(*gradient);
        assert!(
            (slope - gradient).abs() < 0.05 * gradient.abs().max(0.02),
            "{name}: {slope}, not {gradient}"
        );
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn photographs_without_labels_teach_what_they_did() {
    let mut plain = learner(config(classification(0.5, 5), 6), Head::Classification, None);
    learn(&mut plain, 0..6);
    let bytes = model(&plain).write(Precision::F32).unwrap();
    for none in [&[][..], &[None; COUNT]] {
        let mut beside = labelled(with_labels(6), Head::Classification, None, labels());
        for step in 0..6 {
            let report = beside.step(&[shown(&pictures(step), none)], true).unwrap().unwrap();
            assert_eq!(report.auxiliary, None);
        }
        assert!(model(&beside).write(Precision::F32).unwrap() == bytes);
    }
    // Labels that are not taught are not looked at.
    let mut unasked = labelled(config(classification(0.5, 5), 6), Head::Classification, None, labels());
    for step in 0..6 {
        unasked.step(&[shown(&pictures(step), &SHOWN)], false).unwrap();
    }
    assert!(unasked.save().unwrap() == plain.save().unwrap());
    let mut taught = labelled(with_labels(6), Head::Classification, None, labels());
    for step in 0..6 {
        taught.step(&[shown(&pictures(step), &SHOWN)], false).unwrap();
    }
    assert!(model(&taught).write(Precision::F32).unwrap() != bytes, "labels teach something");
}

#[test]
fn an_interruption_leaves_no_trace_with_labels() {
    let begin = || labelled(with_labels(8), Head::Classification, None, labels());
    let learn = |learner: &mut Learner, steps: std::ops::Range<u64>| {
        for step in steps {
            // One batch in three has no label.
            let known = if step % 3 == 2 { [None; COUNT] } else { SHOWN };
            learner.step(&[shown(&pictures(step), &known)], false).unwrap();
        }
    };
    let (mut whole, mut first, mut second) = (begin(), begin(), begin());
    learn(&mut whole, 0..8);
    learn(&mut first, 0..3);
    second.restore(&first.save().unwrap()).unwrap();
    learn(&mut second, 3..8);
    assert_eq!(differences(&checkpoint(&whole), &checkpoint(&second)), [""; 0]);
    // Another number of labels is another head.
    let fewer = Labels::of([("a", "a/bright"), ("a", "a/dark")], 1);
    let mut other = labelled(with_labels(8), Head::Classification, None, fewer);
    assert!(matches!(other.restore(&first.save().unwrap()), Err(Error::ModelFormat(_))));
}

#[test]
fn labels_that_cannot_be_taught_are_refused() {
    let mut learner = labelled(with_labels(3), Head::Classification, None, labels());
    let test = pictures(0);
    for wrong in [&SHOWN[1..], &[Some(0); COUNT + 1], &[Some(4), None, None, None]] {
        let error = learner.step(&[shown(&test, wrong)], false).unwrap_err();
        assert!(matches!(error, TrainingError::Engine(Error::Parameter { name: "labels", .. })), "{error}");
    }
    assert_eq!(learner.steps(), 0);
    let make = |auxiliary: f64, labels: Labels, network: &NetworkConfig| {
        let config = LearnerConfig { auxiliary, ..config(classification(0.5, 5), 3) };
        Learner::new(config, network, None, &flat_prior(), labels, 1, &Device::flex())
    };
    let unet = network(Head::Classification);
    let eccv16 = NetworkConfig::Eccv16(Eccv16Config { width: 2, head: Head::Classification });
    for (auxiliary, labels, network) in [
        (0.5, Labels::default(), &unet),
        (-0.5, labels(), &unet),
        (f64::NAN, labels(), &unet),
        (f64::INFINITY, labels(), &unet),
        (0.5, labels(), &eccv16),
    ] {
        let error = make(auxiliary, labels, network).unwrap_err();
        assert!(
            matches!(error, TrainingError::Engine(Error::Parameter { name: "auxiliary", .. })),
            "{error}"
        );
    }
    make(0.0, Labels::default(), &eccv16).unwrap();
}
