//! What a classifier of colour photographs recognises of recoloured ones: the paper's semantic
//! interpretability (paper section 3.1), with a small classifier of ours in the place of VGG; see
//! docs/method.md#classifier.

use super::measure::{Method, Survey};
use super::results::{Difference, RESAMPLES};
use crate::dataset::Dataset;
use anyhow::{Context, Result, ensure};
use autochrome::image::photo::Photo;
use autochrome::kernels::device::{ComputeDevice, DeviceChoice};
use autochrome::training::classifier::{ClassifierFile, Question};
use autochrome::training::held_out::HeldOut;
use autochrome::training::metrics::Bootstrap;
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// What the figures are, and what they are not.
pub const MEANING: &str = "Top-1 of a classifier that was trained on colour photographs, within the labels \
     of each photograph's own source. Only photographs that it never saw are asked; the models may have been \
     trained on them.";

/// A classifier, and where it was read from.
pub struct Judge {
    name: String,
    classifier: ClassifierFile,
}

impl Judge {
    /// Reads a classifier. It is small and runs on the processor, so that its answers are the same
    /// whatever the models run on.
    ///
    /// # Errors
    /// For a file that is no classifier.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
        let cpu = pollster::block_on(ComputeDevice::open(DeviceChoice::Cpu))?;
        let classifier = ClassifierFile::read(&bytes, &cpu.device).with_context(|| name.clone())?;
        Ok(Self { name, classifier })
    }

    /// Only the photographs that it never saw.
    ///
    /// # Errors
    /// If that is none.
    pub fn held_out(&self, set: Dataset) -> Result<Dataset> {
        let held_out = self.classifier.preparation.held_out;
        set.only(|item| held_out.holds(item.name), "the classifier holds none of the photographs out")
    }

    /// Whether it can be asked about any of the photographs.
    ///
    /// # Errors
    /// If not, saying why.
    pub fn check(&self, set: &Dataset) -> Result<()> {
        let questions = || (0..set.len()).map(|index| self.question(set, index));
        let unknown = questions().filter(|question| *question == Question::UnknownLabel).count();
        ensure!(
            questions().any(|question| matches!(question, Question::Asked(_))),
            "{}: there is no photograph to ask about: {unknown} have no label that it knows (the column \
             `class` of a manifest.csv beside them says it), {} are not held out from its training",
            self.name,
            set.len() - unknown
        );
        Ok(())
    }

    /// What it is asked about a photograph.
    pub fn question(&self, set: &Dataset, index: usize) -> Question {
        let item = set.item(index);
        self.classifier.question(item.name, item.source, item.label)
    }

    /// Whether it finds that label.
    pub fn recognises(&self, photo: &Photo, place: usize) -> bool {
        self.classifier.recognise(&[(photo, place)]) == [place]
    }
}

/// What was recognised.
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
    pub methods: Vec<Recognised>,
    pub sources: Vec<RecognisedSource>,
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
pub struct Recognised {
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
pub struct RecognisedSource {
    pub source: String,
    pub photographs: usize,
    /// Labels to choose from.
    pub labels: usize,
    pub methods: Vec<Recognised>,
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
            .chain(methods.iter().map(|method| (method.name.as_str(), method.recognised.as_slice())))
            .collect();
        let asked: Vec<usize> = (0..truth.len()).filter(|position| truth[*position].is_some()).collect();
        let preparation = &judge.classifier.preparation;
        let sources = preparation.labels.sources().filter_map(|(source, labels)| {
            let of = |position: &usize| set.item(survey.readable[*position]).source == source;
            let positions: Vec<usize> = asked.iter().copied().filter(of).collect();
            (!positions.is_empty()).then(|| RecognisedSource {
                source: source.to_owned(),
                photographs: positions.len(),
                labels: labels.len(),
                methods: recognised(&answers, &positions, seed),
            })
        });
        Self {
            classifier: judge.name.clone(),
            input: preparation.network.input,
            labels: preparation.labels.len(),
            held_out: preparation.held_out,
            photographs: asked.len(),
            left_out,
            methods: recognised(&answers, &asked, seed),
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
        for Recognised { method, top_1, interval, difference_to_gray } in &self.methods {
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
fn recognised(answers: &[(&str, &[Option<bool>])], positions: &[usize], seed: u64) -> Vec<Recognised> {
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
    let of = |(i, (method, answers)): (usize, &(&str, &[Option<bool>]))| Recognised {
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
