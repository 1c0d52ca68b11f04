//! The classifier that says what recoloured photographs show: it learns, it looks at colours, it
//! comes back from its file as it was.

use autochrome::Error;
use autochrome::image::photo::{Channels, Photo, Samples};
use autochrome::model::weights::{ModelFile, Precision};
use autochrome::training::TrainingError;
use autochrome::training::classifier::{
    ClassifierConfig, ClassifierFile, ClassifierLearner, ClassifierLearnerConfig, Labeled, Preparation,
    Question,
};
use autochrome::training::held_out::HeldOut;
use autochrome::training::labels::Labels;
use autochrome::training::metrics::baselines::Recolor;
use autochrome::training::optimizer::{Kind, OptimizerConfig};
use autochrome::training::schedule::{Decay, Schedule};
use autochrome_testing::uniform;
use burn::prelude::*;

const SIDE: usize = 16;

/// Two sources whose colours mean opposite things: what is warm to one is cold to the other.
fn labels() -> Labels {
    let photographs = [("a", "a/cold"), ("a", "a/warm"), ("b", "b/fire"), ("b", "b/ice")];
    Labels::of(photographs, 1)
}

fn network() -> ClassifierConfig {
    ClassifierConfig { input: SIDE, widths: vec![8, 12], blocks: vec![1, 0] }
}

fn config(steps: u64) -> ClassifierLearnerConfig {
    ClassifierLearnerConfig {
        smoothing: 0.1,
        optimizer: OptimizerConfig {
            kind: Kind::AdamW,
            beta_1: 0.9,
            beta_2: 0.99,
            epsilon: 1e-8,
            weight_decay: 0.01,
            clip: Some(1.0),
        },
        schedule: Schedule { rate: 1e-2, warm_up: 2, decay: Decay::Cosine { floor: 0.0 } },
        steps,
    }
}

fn learner(steps: u64) -> ClassifierLearner {
    ClassifierLearner::new(config(steps), network(), labels(), 5, &Device::flex()).unwrap()
}

/// A texture in gray.
fn texture(seed: u64) -> Vec<u8> {
    let noise = uniform(&format!("texture/{seed}"), SIDE * SIDE);
    noise.iter().flat_map(|u| [(90.0 + 70.0 * u) as u8; 3]).collect()
}

/// The same texture as each label shows it: in the order of the labels.
fn pictures(seed: u64) -> [Vec<u8>; 4] {
    let recolor = Recolor::default();
    let cold = recolor.with(&texture(seed), std::iter::repeat_n([-4.0, -25.0], SIDE * SIDE));
    let warm = recolor.with(&texture(seed), std::iter::repeat_n([15.0, 25.0], SIDE * SIDE));
    [cold.clone(), warm.clone(), warm, cold]
}

fn learn(learner: &mut ClassifierLearner, steps: std::ops::Range<u64>) {
    for step in steps {
        let rgb: Vec<u8> = (0..4).flat_map(|i| pictures(step * 4 + i).concat()).collect();
        let labels = [0, 1, 2, 3].repeat(4);
        learner.step(Labeled { rgb: &rgb, labels: &labels }, false).unwrap();
    }
}

fn file(learner: &ClassifierLearner) -> ClassifierFile {
    let preparation = Preparation {
        network: network(),
        labels: labels(),
        held_out: HeldOut { share: 0.1, seed: 5 },
        created_by: "test".to_owned(),
    };
    ClassifierFile::new(preparation, learner.classifier())
}

fn photo(rgb: Vec<u8>) -> Photo {
    Photo::new(SIDE, SIDE, Channels::Rgb, Samples::U8(rgb)).unwrap()
}

/// Share of pictures not learned from that are recognised, as `seen`.
fn top_1(classifier: &ClassifierFile, seen: impl Fn(&[u8]) -> Vec<u8>) -> f64 {
    let mut right = 0;
    for seed in 10_000..10_025 {
        let photographs = pictures(seed).map(|rgb| photo(seen(&rgb)));
        let asked: Vec<(&Photo, usize)> = photographs.iter().zip(0..).collect();
        let found = classifier.recognize(&asked);
        right += found.iter().zip(0..).filter(|(found, label)| **found == *label).count();
    }
    right as f64 / 100.0
}

#[test]
fn it_recognises_colours_and_nothing_where_there_are_none() {
    let mut learner = learner(40);
    learn(&mut learner, 0..40);
    let classifier = file(&learner);
    let gray = |rgb: &[u8]| Recolor::default().with(rgb, std::iter::repeat_n([0.0; 2], SIDE * SIDE));
    assert!(top_1(&classifier, <[u8]>::to_vec) > 0.95);
    let chance = top_1(&classifier, gray);
    assert!((chance - 0.5).abs() < 0.1, "{chance} of gray pictures that are alike for both labels");
    // Colours of the other label are taken for the other label.
    let swapped = |rgb: &[u8]| {
        let warm = rgb[0] > rgb[2];
        let ab = if warm { [-4.0, -25.0] } else { [15.0, 25.0] };
        Recolor::default().with(rgb, std::iter::repeat_n(ab, SIDE * SIDE))
    };
    assert!(top_1(&classifier, swapped) < 0.05);
}

/// The slope of the loss along the way that a tiny step goes, against the loss before and after it.
#[test]
fn a_step_lowers_the_loss_by_what_its_gradient_says() {
    let rate = 1e-4;
    let plain = ClassifierLearnerConfig {
        // So large an epsilon makes a step of Adam the plain gradient times rate.
        optimizer: OptimizerConfig {
            kind: Kind::Adam,
            beta_1: 0.0,
            beta_2: 0.0,
            epsilon: 1e12,
            weight_decay: 0.0,
            clip: Some(1e9),
        },
        schedule: Schedule { rate: rate * 1e12, warm_up: 0, decay: Decay::Constant },
        ..config(10)
    };
    let mut learner = ClassifierLearner::new(plain, network(), labels(), 5, &Device::flex()).unwrap();
    let rgb = pictures(1).concat();
    let photographs = Labeled { rgb: &rgb, labels: &[0, 1, 2, 3] };
    let tensors = |learner: &ClassifierLearner| {
        let bytes = file(learner).write().unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let weights = file.iter().filter(|(name, _)| !name.contains("running"));
        let mut weights: Vec<(String, Vec<f32>)> =
            weights.map(|(name, view)| (name.to_owned(), bytemuck_f32(view.data()))).collect();
        weights.sort_by(|a, b| a.0.cmp(&b.0));
        weights.into_iter().flat_map(|(_, values)| values).collect::<Vec<f32>>()
    };
    let before = tensors(&learner);
    let first = learner.step(photographs, true).unwrap().unwrap().loss;
    let moved: f64 = before.iter().zip(tensors(&learner)).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    let second = learner.step(photographs, true).unwrap().unwrap().loss;
    // A step of -rate g lowers the loss by rate |g|^2, which is |step|^2 / rate.
    let expected = moved / rate;
    assert!((first - second - expected).abs() < 0.1 * expected, "{first} to {second}, not by {expected}");
}

fn bytemuck_f32(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

#[test]
fn a_file_holds_all_of_it() {
    let mut learner = learner(6);
    learn(&mut learner, 0..6);
    let classifier = file(&learner);
    let bytes = classifier.write().unwrap();
    assert!(bytes == file(&learner).write().unwrap(), "the same classifier, the same bytes");
    let read = ClassifierFile::read(&bytes, &Device::flex()).unwrap();
    assert_eq!(read.preparation, classifier.preparation);
    assert_eq!(read.parameters(), classifier.parameters());
    assert!(read.write().unwrap() == bytes);
    for seed in 0..20 {
        let photographs = pictures(seed).map(photo);
        let asked: Vec<(&Photo, usize)> = photographs.iter().zip(0..).collect();
        assert_eq!(read.recognize(&asked), classifier.recognize(&asked));
    }

    let held = (0..).map(|i| format!("{i}.png")).find(|name| read.preparation.held_out.holds(name)).unwrap();
    let learned =
        (0..).map(|i| format!("{i}.png")).find(|name| !read.preparation.held_out.holds(name)).unwrap();
    assert_eq!(read.question(&held, "b", Some("b/ice")), Question::Asked(3));
    assert_eq!(read.question(&learned, "b", Some("b/ice")), Question::Learned);
    for label in [None, Some("b/warm"), Some("a/warm")] {
        assert_eq!(read.question(&held, "b", label), Question::UnknownLabel);
    }
}

#[test]
fn files_of_something_else_are_refused() {
    let read = |bytes: &[u8]| ClassifierFile::read(bytes, &Device::flex()).unwrap_err();
    let colorizer = autochrome_testing::seeded_small_unet().write(Precision::F32).unwrap();
    let error = read(&colorizer);
    assert_eq!(error.code(), "model-format");
    let text = error.to_string();
    assert!(text.contains("colours photographs") && text.contains("`autochrome classifier`"), "{text}");
    let classifier = file(&learner(1)).write().unwrap();
    let text = ModelFile::read(&classifier).unwrap_err().to_string();
    assert!(text.contains("it is a classifier"), "{text}");

    assert!(matches!(read(b"nothing"), TrainingError::Engine(Error::Checkpoint(_))));
    let json = |from: &str, to: &str| {
        let at = classifier.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
        let mut bytes = classifier.clone();
        assert_eq!(from.len(), to.len(), "the header keeps its length");
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    for (from, to) in [
        (r#"\"input\":16"#, r#"\"input\":15"#),
        (r#"\"widths\":[8,12]"#, r#"\"widths\":[8,14]"#),
        (r#"\"share\":0.1"#, r#"\"share\":9.1"#),
        (r#"\"labels\":"#, r#"\"lapels\":"#),
        ("head.weight", "tail.weight"),
    ] {
        let error = read(&json(from, to));
        assert!(
            matches!(error, TrainingError::Classifier(_) | TrainingError::Engine(Error::Parameter { .. })),
            "{to}: {error}"
        );
    }
}

#[test]
fn what_cannot_be_learned_is_refused() {
    let mut learner = learner(3);
    let rgb = pictures(0).concat();
    for (rgb, labels) in [(&rgb[3..], &[0, 1, 2, 3][..]), (&rgb[..], &[0, 1, 2, 4]), (&rgb[..0], &[])] {
        let error = learner.step(Labeled { rgb, labels }, false).unwrap_err();
        assert!(
            matches!(error, TrainingError::Engine(Error::Parameter { name: "photographs", .. })),
            "{error}"
        );
    }
    assert_eq!(learner.steps(), 0);
    let make = |network, labels, smoothing| {
        let config = ClassifierLearnerConfig { smoothing, ..config(1) };
        ClassifierLearner::new(config, network, labels, 1, &Device::flex()).unwrap_err().to_string()
    };
    assert!(make(network(), Labels::of([], 1), 0.0).contains("labels"));
    assert!(make(network(), labels(), 1.0).contains("smoothing"));
    assert!(make(ClassifierConfig { input: 18, ..network() }, labels(), 0.0).contains("input"));
    assert!(make(ClassifierConfig { blocks: vec![1], ..network() }, labels(), 0.0).contains("blocks"));
}
