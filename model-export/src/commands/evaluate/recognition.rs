//! The share of photographs that a classifier recognises, true and recoloured: the paper's semantic
//! interpretability (paper section 3.1), with a small classifier of ours in the place of VGG; see
//! docs/method.md#classifier.

use super::difference::{Difference, RESAMPLES};
use super::judge::Judge;
use super::measure::{Method, Survey};
use crate::dataset::Dataset;
use autochrome::training::classifier::Question;
use autochrome::training::held_out::HeldOut;
use autochrome::training::metrics::Bootstrap;
use serde::Serialize;
use std::fmt::Write;

/// The meaning and the limits of the figures, for the report.
pub const MEANING: &str = "Top-1 of a classifier that was trained on colour photographs, within the labels \
     of each photograph's own source. Only photographs that it never saw are asked; the models may have been \
     trained on them.";

/// The figures of recognition.
#[derive(Serialize)]
pub struct Recognition {
    /// The classifier's file.
    pub classifier: String,
    /// Side of the square that it sees, pixels.
    pub input: usize,
    pub labels: usize,
    pub held_out: HeldOut,
    /// Photographs that it was asked about.
    pub photographs: usize,
    pub left_out: LeftOut,
    /// The truth first.
    pub methods: Vec<Recognized>,
    pub sources: Vec<RecognizedSource>,
}

/// Photographs that it was not asked about.
#[derive(Default, Serialize)]
pub struct LeftOut {
    /// They have no label, or one that it does not know.
    pub unknown_label: usize,
    /// It may have learned from them.
    pub not_held_out: usize,
}

/// One method, or the truth.
#[derive(Serialize)]
pub struct Recognized {
    pub method: String,
    /// Percent.
    pub top_1: f64,
    /// 95 % of the resamples; `null` where there are too few photographs.
    pub interval: Option<[f64; 2]>,
    /// Less that of gray, paired; not of gray itself.
    pub difference_to_gray: Option<Difference>,
}

/// The photographs of one source.
#[derive(Serialize)]
pub struct RecognizedSource {
    pub source: String,
    pub photographs: usize,
    /// Labels to choose from.
    pub labels: usize,
    pub methods: Vec<Recognized>,
}

impl Recognition {
    /// From what was gathered; `truth` and the answers of every method have one place for each
    /// readable photograph, and the first method is gray.
    pub fn new(
        judge: &Judge,
        set: &Dataset,
        survey: &Survey,
        truth: &[Option<bool>],
        methods: &[Method],
        seed: u64,
    ) -> Self {
        let mut left_out = LeftOut::default();
        for index in &survey.readable {
            match judge.question(set, *index) {
                Question::Asked(_) => {}
                Question::UnknownLabel => left_out.unknown_label += 1,
                Question::Learned => left_out.not_held_out += 1,
            }
        }
        let answers: Vec<(&str, &[Option<bool>])> = [("truth", truth)]
            .into_iter()
            .chain(methods.iter().map(|method| (method.name.as_str(), method.recognized.as_slice())))
            .collect();
        let asked: Vec<usize> = (0..truth.len()).filter(|position| truth[*position].is_some()).collect();
        let preparation = &judge.classifier.preparation;
        let sources = preparation.labels.sources().filter_map(|(source, labels)| {
            let of = |position: &usize| set.item(survey.readable[*position]).source == source;
            let positions: Vec<usize> = asked.iter().copied().filter(of).collect();
            (!positions.is_empty()).then(|| RecognizedSource {
                source: source.to_owned(),
                photographs: positions.len(),
                labels: labels.len(),
                methods: recognized(&answers, &positions, seed),
            })
        });
        Self {
            classifier: judge.name.clone(),
            input: preparation.network.input,
            labels: preparation.labels.len(),
            held_out: preparation.held_out,
            photographs: asked.len(),
            left_out,
            methods: recognized(&answers, &asked, seed),
            sources: sources.collect(),
        }
    }

    /// A table for the terminal.
    pub fn text(&self) -> String {
        let mut text = format!(
            "\nrecognised by {}, {} photographs ({} without a label that it knows, {} that it may have \
             learned from are left out):\n",
            self.classifier, self.photographs, self.left_out.unknown_label, self.left_out.not_held_out
        );
        let _ = writeln!(text, "{:>11}{:>19}{:>11}  method", "top-1 %", "95 %", "to gray");
        for Recognized { method, top_1, interval, difference_to_gray } in &self.methods {
            let interval =
                interval.map_or_else(|| "-".to_owned(), |[low, high]| format!("{low:.1} … {high:.1}"));
            let difference =
                difference_to_gray.map_or_else(|| "-".to_owned(), |d| format!("{:+.1}", d.value));
            let _ = writeln!(text, "{top_1:>11.1}{interval:>19}{difference:>11}  {method}");
        }
        text
    }
}

/// The figures of the truth and of every method, gray the second of them, over some photographs.
fn recognized(answers: &[(&str, &[Option<bool>])], positions: &[usize], seed: u64) -> Vec<Recognized> {
    let bootstrap = Bootstrap::new(positions.len(), RESAMPLES, seed);
    let all: Vec<usize> = (0..positions.len()).collect();
    let share = |answers: &[Option<bool>], drawn: &[usize]| {
        let right = drawn.iter().filter(|i| answers[positions[**i]] == Some(true)).count();
        100.0 * right as f64 / drawn.len() as f64
    };
    let interval = |figure: &dyn Fn(&[usize]) -> f64| {
        bootstrap.interval(figure).map(|interval| [interval.low, interval.high])
    };
    let gray = answers[1].1;
    let of = |(i, (method, answers)): (usize, &(&str, &[Option<bool>]))| Recognized {
        method: (*method).to_owned(),
        top_1: share(answers, &all),
        interval: interval(&|drawn| share(answers, drawn)),
        difference_to_gray: (i != 1).then(|| Difference {
            value: share(answers, &all) - share(gray, &all),
            interval: interval(&|drawn| share(answers, drawn) - share(gray, drawn)),
        }),
    };
    answers.iter().enumerate().map(of).collect()
}
