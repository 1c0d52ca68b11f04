//! The figures as a document: JSON, and a table for the terminal.

use super::curve::Point;
use super::difference::{Difference, RESAMPLES};
use super::examples::Example;
use super::measure::{Method, Survey};
use super::recognition::Recognition;
use crate::dataset::Dataset;
use autochrome::training::metrics::{AreaUnderCurve, Bootstrap, Measure, Score};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Everything that was measured.
#[derive(Serialize)]
pub struct Evaluation {
    pub photographs: usize,
    /// Photographs that could not be read.
    pub failed: usize,
    pub settings: Settings,
    /// Mean a and b of the photographs, which the baseline `mean` predicts everywhere.
    pub mean_ab: [f64; 2],
    pub methods: Vec<Figures>,
    pub sources: Vec<Source>,
    /// `null` without a classifier.
    pub recognition: Option<Recognition>,
    /// Figures that could not be measured, and why.
    pub not_available: Vec<&'static str>,
}

/// How it was measured.
#[derive(Serialize)]
pub struct Settings {
    /// Short side of the photographs; `null`: as they are.
    pub size: Option<usize>,
    pub seed: u64,
    pub resamples: usize,
    /// Whose class prior the balanced area uses.
    pub prior: &'static str,
    /// Bins that a prior of the photographs is smoothed over.
    pub neighbors: Option<usize>,
}

/// The photographs of one source.
#[derive(Serialize)]
pub struct Source {
    pub source: String,
    pub photographs: usize,
    pub methods: Vec<Figures>,
}

/// One method on some photographs.
#[derive(Serialize)]
pub struct Figures {
    pub method: String,
    pub kind: &'static str,
    /// By [`key`]; percent, CIE units, dB. What is not a number is `null`.
    #[serde(flatten)]
    pub values: BTreeMap<&'static str, f64>,
    /// 95 % of the resamples; `null` where there are too few photographs.
    pub intervals: BTreeMap<&'static str, Option<[f64; 2]>>,
    /// The method's area less that of gray on the same photographs, paired; not of gray itself.
    pub difference_to_gray: Option<BTreeMap<&'static str, Difference>>,
    #[serde(flatten)]
    pub model: Option<ModelFigures>,
}

/// Figures that only a model has.
#[derive(Serialize)]
pub struct ModelFigures {
    pub network: &'static str,
    pub working_size: usize,
    /// `null` for a network without a distribution.
    pub temperature: Option<f32>,
    pub rebalance: Option<f32>,
    pub largest_output: f32,
    pub largest_difference: Option<f32>,
    pub curve: Option<CurveFigures>,
    pub examples: Option<ExampleNames>,
}

/// A curve, and what it was scored on: not what the other figures were.
#[derive(Serialize)]
pub struct CurveFigures {
    pub scored_on: &'static str,
    pub points: Vec<Point>,
}

/// The photographs that the page shows.
#[derive(Serialize)]
pub struct ExampleNames {
    pub best: Vec<ExampleName>,
    pub worst: Vec<ExampleName>,
    pub random: Vec<ExampleName>,
}

/// One of them.
#[derive(Serialize)]
pub struct ExampleName {
    pub photograph: String,
    pub source: String,
    /// Mean ab error, CIE units.
    pub error: f64,
    pub gray_error: f64,
}

/// A measure's key in JSON.
pub fn key(measure: Measure) -> &'static str {
    match measure {
        Measure::Auc => "auc",
        Measure::BalancedAuc => "balanced_auc",
        Measure::Rmse => "rmse",
        Measure::Psnr => "psnr",
        Measure::ChromaRatio => "chroma_ratio",
        Measure::SkinChromaRatio => "skin_chroma_ratio",
        Measure::OtherChromaRatio => "other_chroma_ratio",
        Measure::SkinHueError => "skin_hue_error",
        Measure::OtherHueError => "other_hue_error",
        Measure::MeanChroma => "mean_chroma",
        Measure::ColorfulnessM3 => "colorfulness_m3",
        Measure::ColorfulnessM1 => "colorfulness_m1",
    }
}

/// The two areas, whose reported values are pooled trapezoids.
const AREAS: [Measure; 2] = [Measure::Auc, Measure::BalancedAuc];

/// Figures of a method over some of its photographs, and the curves pooled over them.
fn figures(
    method: &Method,
    gray: &Method,
    positions: &[usize],
    pooled: &[AreaUnderCurve; 2],
    gray_pooled: &[AreaUnderCurve; 2],
    seed: u64,
) -> Figures {
    let bootstrap = Bootstrap::new(positions.len(), RESAMPLES, seed);
    let of = |method: &Method, measure: Measure, drawn: &[usize]| {
        measure.of(drawn.iter().map(|i| &method.scores[positions[*i]]))
    };
    let interval = |figure: &dyn Fn(&[usize]) -> f64| {
        bootstrap.interval(figure).map(|interval| [interval.low, interval.high])
    };
    let area = |pooled: &[AreaUnderCurve; 2], i: usize| 100.0 * pooled[i].trapezoid();
    let scores: Vec<&Score> = positions.iter().map(|i| &method.scores[*i]).collect();
    let mut values: BTreeMap<&'static str, f64> =
        Measure::ALL.into_iter().map(|measure| (key(measure), measure.of(scores.iter().copied()))).collect();
    for (i, measure) in AREAS.into_iter().enumerate() {
        values.insert(key(measure), area(pooled, i));
    }
    let difference = |(i, measure): (usize, Measure)| {
        let value = area(pooled, i) - area(gray_pooled, i);
        let interval = interval(&|drawn| of(method, measure, drawn) - of(gray, measure, drawn));
        (key(measure), Difference { value, interval })
    };
    let is_gray = std::ptr::eq(method, gray);
    Figures {
        method: method.name.clone(),
        kind: if method.model.is_some() { "model" } else { "baseline" },
        values,
        intervals: Measure::ALL
            .into_iter()
            .map(|measure| (key(measure), interval(&|drawn| of(method, measure, drawn))))
            .collect(),
        difference_to_gray: (!is_gray).then(|| AREAS.into_iter().enumerate().map(difference).collect()),
        model: None,
    }
}

impl Evaluation {
    /// From what was gathered; the first method is gray.
    pub fn new(set: &Dataset, survey: &Survey, settings: Settings, methods: &[Method]) -> Self {
        let gray = &methods[0];
        let all: Vec<usize> = (0..survey.readable.len()).collect();
        let total = |method: &Method| {
            let mut sum: [AreaUnderCurve; 2] = Default::default();
            for pooled in &method.pooled {
                sum.iter_mut().zip(pooled).for_each(|(sum, more)| sum.merge(more, 1.0));
            }
            sum
        };
        let gray_total = total(gray);
        let name = |example: &Example| {
            let item = set.item(survey.readable[example.position]);
            let (photograph, source) = (item.name.to_owned(), item.source.to_owned());
            ExampleName { photograph, source, error: example.error, gray_error: example.gray_error }
        };
        let whole = methods.iter().map(|method| {
            let model = method.model.as_ref().map(|model| ModelFigures {
                network: model.colorizer.metadata().network.name(),
                working_size: model.colorizer.metadata().working_size,
                temperature: model.has_distribution.then_some(model.tone.temperature),
                rebalance: model.has_distribution.then_some(model.tone.rebalance),
                largest_output: model.largest,
                largest_difference: model.difference,
                curve: model.curve.as_ref().map(|curve| CurveFigures {
                    scored_on: "the network's own grid, a cell of 4 x 4 pixels at working size",
                    points: curve.points(),
                }),
                examples: model.examples.as_ref().map(|examples| ExampleNames {
                    best: examples.best.iter().map(name).collect(),
                    worst: examples.worst.iter().map(name).collect(),
                    random: examples.random.iter().map(name).collect(),
                }),
            });
            let figures = figures(method, gray, &all, &total(method), &gray_total, settings.seed);
            Figures { model, ..figures }
        });
        let methods_whole = whole.collect();
        let mut sources = Vec::new();
        for (i, source) in set.sources().iter().enumerate() {
            let from = |position: &usize| set.item(survey.readable[*position]).source == source;
            let positions: Vec<usize> = all.iter().copied().filter(from).collect();
            if positions.is_empty() {
                continue;
            }
            let of = |m: &Method| figures(m, gray, &positions, &m.pooled[i], &gray.pooled[i], settings.seed);
            sources.push(Source {
                source: source.clone(),
                photographs: positions.len(),
                methods: methods.iter().map(of).collect(),
            });
        }
        let random = "random: one photograph has no other whose colours it could take";
        Self {
            photographs: all.len(),
            failed: set.len() - all.len(),
            settings,
            mean_ab: survey.mean,
            methods: methods_whole,
            sources,
            recognition: None,
            not_available: if all.len() < 2 { vec![random] } else { Vec::new() },
        }
    }

    /// A table for the terminal.
    pub fn text(&self) -> String {
        let mut text = format!("{} photographs\n\n", self.photographs);
        let columns =
            ["AuC", "balanced", "RMSE", "PSNR", "chroma", "of skin", "skin hue", "M3", "difference"];
        for column in columns {
            let _ = write!(text, "{column:>11}");
        }
        text.push_str("  method\n");
        let measures = [
            Measure::Auc,
            Measure::BalancedAuc,
            Measure::Rmse,
            Measure::Psnr,
            Measure::ChromaRatio,
            Measure::SkinChromaRatio,
            Measure::SkinHueError,
            Measure::ColorfulnessM3,
        ];
        for figures in &self.methods {
            for measure in measures {
                let value = figures.values[key(measure)];
                let cell = if value.is_finite() { format!("{value:.3}") } else { "-".to_owned() };
                let _ = write!(text, "{cell:>11}");
            }
            let difference = figures.model.as_ref().and_then(|model| model.largest_difference);
            let cell = difference.map_or_else(|| "-".to_owned(), |d| format!("{d:.4}"));
            let _ = writeln!(text, "{cell:>11}  {}", figures.method);
        }
        if let Some(recognition) = &self.recognition {
            text.push_str(&recognition.text());
        }
        for missing in &self.not_available {
            let _ = writeln!(text, "\nnot available: {missing}");
        }
        for figures in &self.methods {
            let Some(curve) = figures.model.as_ref().and_then(|model| model.curve.as_ref()) else { continue };
            let _ = writeln!(text, "\n{}, scored on {}:", figures.method, curve.scored_on);
            let _ = writeln!(text, "{:>9}{:>11}{:>9}{:>9}", "T", "rebalance", "AuC", "balanced");
            for point in &curve.points {
                let Point { temperature, rebalance, auc, balanced_auc } = point;
                let _ = writeln!(text, "{temperature:>9}{rebalance:>11}{auc:>9.3}{balanced_auc:>9.3}");
            }
        }
        text
    }
}
