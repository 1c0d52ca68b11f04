//! The report to look at.

use super::measure::{Method, Survey};
use super::recognition::{MEANING, Recognition, Recognized};
use super::results::{CurveFigures, Evaluation, Figures, key};
use crate::dataset::Dataset;
use crate::report::plot::{Axis, Plot, Series};
use crate::report::sheet::{Row, Sheet};
use crate::report::{Page, Table};
use anyhow::Result;
use autochrome::training::metrics::Measure;

/// Between the ends of an interval, which stay on one line.
const TO: &str = "\u{a0}…\u{a0}";

/// Rows of the paper's Table 1: AuC, balanced AuC, top-1 of VGG.
const TABLE_1: [(&str, [f64; 3]); 9] = [
    ("Ground truth", [100.0, 100.0, 68.3]),
    ("Gray", [89.1, 58.0, 52.7]),
    ("Random", [84.2, 57.3, 41.0]),
    ("Dahl", [90.4, 58.9, 48.7]),
    ("Larsson et al.", [91.7, 65.9, 59.4]),
    ("Zhang et al. (L2)", [91.2, 64.4, 54.9]),
    ("Zhang et al. (L2, fine-tuned)", [91.5, 66.2, 56.5]),
    ("Zhang et al. (classification)", [91.6, 65.1, 56.6]),
    ("Zhang et al. (full)", [89.5, 67.3, 56.0]),
];

/// Heading, decimals and explanation of a measure.
fn describe(measure: Measure) -> (&'static str, usize, &'static str) {
    match measure {
        Measure::Auc => (
            "AuC, %",
            2,
            "area under the cumulative curve of ab errors from 0 to 150, all pixels of all photographs \
             pooled, trapezoids between whole thresholds; more is better",
        ),
        Measure::BalancedAuc => (
            "Balanced AuC, %",
            2,
            "the same, each pixel weighted by how rare its true colour is (class weights with lambda 0); \
             more is better",
        ),
        Measure::Rmse => (
            "RMSE of ab",
            2,
            "root of the mean over pixels of Δa² + Δb², CIE units, not divided by the two channels; less \
             is better",
        ),
        Measure::Psnr => (
            "PSNR, dB",
            2,
            "of 8-bit sRGB over three channels, mean over photographs; a perfect photograph counts 58.9, \
             the noise of rounding; more is better",
        ),
        Measure::ChromaRatio => (
            "Chroma ratio",
            3,
            "mean chroma shown over mean true chroma, where chroma is the root of a² + b²; 1 is as \
             colourful as the truth",
        ),
        Measure::SkinChromaRatio => (
            "Chroma ratio of skin",
            3,
            "the same over pixels whose true colour is one that skin has (L 25 to 90, chroma 10 to 40, hue \
             25° to 75°); wood and sand have it too, so it means most for photographs of people",
        ),
        Measure::OtherChromaRatio => ("Chroma ratio elsewhere", 3, "the same over all other pixels"),
        Measure::SkinHueError => (
            "Hue error of skin, °",
            1,
            "mean difference of the hue angles shown and true over pixels whose true colour is one that \
             skin has, weighed by true chroma; where next to no colour is shown it does not count",
        ),
        Measure::OtherHueError => ("Hue error elsewhere, °", 1, "the same over all other pixels"),
        Measure::MeanChroma => ("Mean chroma", 2, "mean over pixels of the root of a² + b², CIE units"),
        Measure::ColorfulnessM3 => (
            "Colourfulness M3",
            2,
            "of Hasler and Süsstrunk (2003) on sRGB: sigma_rgyb + 0.3 mu_rgyb, mean over photographs",
        ),
        Measure::ColorfulnessM1 => (
            "Colourfulness M1",
            2,
            "of the same authors on Lab: sigma_ab + 0.37 mu_ab, mean over photographs",
        ),
    }
}

/// Builds the page.
///
/// # Errors
/// Where a plot cannot be drawn.
pub fn page(evaluation: &Evaluation, methods: &[Method], set: &Dataset, survey: &Survey) -> Result<Page> {
    let mut page = Page::new("How near the colours come");
    let size = evaluation.settings.size;
    page.paragraph(&format!(
        "{} photographs of {} {}, {}. Each was made gray, coloured, and compared with what it was. Ranges \
         are 95 % intervals: {} times as many photographs were drawn anew from these, seed {}.",
        evaluation.photographs,
        evaluation.sources.len(),
        if evaluation.sources.len() == 1 { "source" } else { "sources" },
        size.map_or_else(|| "at their own size".to_owned(), |size| format!("at short side {size}")),
        evaluation.settings.resamples,
        evaluation.settings.seed,
    ));
    if evaluation.failed > 0 {
        page.warning(&format!("{} more could not be read and are left out.", evaluation.failed));
    }
    for missing in &evaluation.not_available {
        page.warning(&format!("not available: {missing}"));
    }

    page.section("All photographs");
    page.table(&overview(evaluation));
    page.table(&differences(evaluation));
    page.section("By source");
    for measure in [Measure::Auc, Measure::BalancedAuc] {
        page.table(&by_source(evaluation, measure));
    }
    if let Some(recognition) = &evaluation.recognition {
        recognized(&mut page, recognition);
    }
    curves(&mut page, evaluation)?;
    examples(&mut page, methods, set, survey);

    page.section("The paper's figures");
    page.warning(
        "another data set. These are the published figures for 10,000 photographs of ImageNet; they say \
         where gray and good models lie there, and cannot be compared digit by digit with those above.",
    );
    page.table(&Table {
        caption: "Zhang, Isola & Efros, Colorful Image Colorization (ECCV 2016), Table 1; ImageNet, not the \
                  photographs of this page"
            .to_owned(),
        columns: ["Method", "AuC, %", "Balanced AuC, %", "VGG top-1, %"].map(str::to_owned).to_vec(),
        rows: TABLE_1
            .iter()
            .map(|(name, figures)| {
                let figures = figures.iter().map(|figure| format!("{figure:.1}"));
                [(*name).to_owned()].into_iter().chain(figures).collect()
            })
            .collect(),
    });

    page.section("What was measured");
    page.paragraph(
        "Everything is measured on the pictures as a person gets them, 8-bit sRGB at full size, baselines \
         too; only the curve over temperatures is not.",
    );
    page.definitions(Measure::ALL.iter().map(|measure| {
        let (heading, _, meaning) = describe(*measure);
        (heading, meaning)
    }));
    page.paragraph(&format!(
        "Gray predicts no colour; mean the photographs' mean colour, a {:.2} and b {:.2}; random gives each \
         photograph the colours of another one, stretched to its shape. The class prior of the balanced \
         area is {}. Intervals of both areas are those of the continuous area 1 - E[min(error, 150)] / 150 \
         with the class weights held fixed.",
        evaluation.mean_ab[0],
        evaluation.mean_ab[1],
        match evaluation.settings.neighbors {
            Some(neighbors) =>
                format!("that of these photographs, each pixel spread over its {neighbors} nearest bins"),
            None => "a given one".to_owned(),
        },
    ));
    Ok(page)
}

/// Baselines first, then models.
fn ordered(methods: &[Figures]) -> impl Iterator<Item = &Figures> {
    let of = |kind: &'static str| methods.iter().filter(move |figures| figures.kind == kind);
    of("baseline").chain(of("model"))
}

fn name(figures: &Figures) -> String {
    let Some(model) = &figures.model else { return figures.method.clone() };
    match (model.temperature, model.rebalance) {
        (Some(temperature), Some(rebalance)) => format!(
            "{} ({} at {}, T {temperature}, rebalance {rebalance})",
            figures.method, model.network, model.working_size
        ),
        _ => format!("{} ({} at {})", figures.method, model.network, model.working_size),
    }
}

fn number(value: f64, decimals: usize) -> String {
    if value.is_finite() { format!("{value:.decimals$}") } else { "–".to_owned() }
}

/// A figure, and below it its interval.
fn cell(value: f64, interval: Option<[f64; 2]>, decimals: usize) -> String {
    match interval {
        Some([low, high]) => {
            format!("{}\n{low:.decimals$}{TO}{high:.decimals$}", number(value, decimals))
        }
        None => number(value, decimals),
    }
}

fn overview(evaluation: &Evaluation) -> Table {
    let row = |figures: &Figures| {
        let cells = Measure::ALL.iter().map(|measure| {
            let (key, (_, decimals, _)) = (key(*measure), describe(*measure));
            cell(figures.values[key], figures.intervals[key], decimals)
        });
        [name(figures)].into_iter().chain(cells).collect()
    };
    let headings = Measure::ALL.iter().map(|measure| describe(*measure).0.to_owned());
    Table {
        caption: "Every method on every photograph, with 95 % intervals; what each column is stands at the \
                  end of the page."
            .to_owned(),
        columns: ["Method".to_owned()].into_iter().chain(headings).collect(),
        rows: ordered(&evaluation.methods).map(row).collect(),
    }
}

fn differences(evaluation: &Evaluation) -> Table {
    let row = |figures: &Figures| {
        let differences = figures.difference_to_gray.as_ref()?;
        let cells = [Measure::Auc, Measure::BalancedAuc].map(|measure| {
            let difference = differences[key(measure)];
            let interval = difference.interval;
            let interval =
                interval.map_or_else(String::new, |[low, high]| format!("\n{low:+.2}{TO}{high:+.2}"));
            format!("{:+.2}{interval}", difference.value)
        });
        Some([name(figures)].into_iter().chain(cells).collect())
    };
    Table {
        caption: "Differences to predicting gray, paired: the same photographs on both sides. An interval \
                  without 0 is a difference that these photographs show."
            .to_owned(),
        columns: ["Method", "AuC", "Balanced AuC"].map(str::to_owned).to_vec(),
        rows: ordered(&evaluation.methods).filter_map(row).collect(),
    }
}

fn by_source(evaluation: &Evaluation, measure: Measure) -> Table {
    let (heading, decimals, _) = describe(measure);
    let names = ordered(&evaluation.methods).map(|figures| figures.method.clone());
    Table {
        caption: format!("{heading} by source, with 95 % intervals"),
        columns: ["Source".to_owned(), "Photographs".to_owned()].into_iter().chain(names).collect(),
        rows: evaluation
            .sources
            .iter()
            .map(|source| {
                let cells = ordered(&source.methods).map(|figures| {
                    cell(figures.values[key(measure)], figures.intervals[key(measure)], decimals)
                });
                [source.source.clone(), source.photographs.to_string()].into_iter().chain(cells).collect()
            })
            .collect(),
    }
}

fn recognized(page: &mut Page, recognition: &Recognition) {
    page.section("What a classifier recognises");
    page.paragraph(&format!(
        "{MEANING} {}: {} labels, the middle square of each photograph at {} pixels. {} photographs were \
         asked about; left out are {} without a label that it knows and {} that it may have learned from.",
        recognition.classifier,
        recognition.labels,
        recognition.input,
        recognition.photographs,
        recognition.left_out.unknown_label,
        recognition.left_out.not_held_out,
    ));
    let top_1 = |figures: &Recognized| cell(figures.top_1, figures.interval, 1);
    page.table(&Table {
        caption: "Photographs whose label is found, and the paired difference to gray, with 95 % intervals"
            .to_owned(),
        columns: ["Method", "Top-1, %", "Difference to gray"].map(str::to_owned).to_vec(),
        rows: recognition
            .methods
            .iter()
            .map(|figures| {
                let difference = figures.difference_to_gray.map(|d| cell(d.value, d.interval, 1));
                vec![figures.method.clone(), top_1(figures), difference.unwrap_or_else(|| "–".to_owned())]
            })
            .collect(),
    });
    let names = recognition.methods.iter().map(|figures| figures.method.clone());
    let columns = ["Source", "Photographs", "Labels"].map(str::to_owned);
    page.table(&Table {
        caption: "Top-1 by source, %, with 95 % intervals; labels are those to choose from".to_owned(),
        columns: columns.into_iter().chain(names).collect(),
        rows: recognition
            .sources
            .iter()
            .map(|source| {
                let known =
                    [source.source.clone(), source.photographs.to_string(), source.labels.to_string()];
                known.into_iter().chain(source.methods.iter().map(top_1)).collect()
            })
            .collect(),
    });
}

fn curves(page: &mut Page, evaluation: &Evaluation) -> Result<()> {
    let models = evaluation.methods.iter().filter_map(|figures| {
        Some((figures, figures.model.as_ref().and_then(|model| model.curve.as_ref())?))
    });
    for (i, (figures, curve)) in models.enumerate() {
        if i == 0 {
            page.section("Temperature and rebalance");
            page.paragraph(&format!(
                "Both are settings of the decoder and need no training. They are scored on {}, where the \
                 truth is the photograph resized to it; figures differ from those of full size above.",
                curve.scored_on
            ));
        }
        page.subsection(&figures.method);
        let mut series: Vec<Series> = Vec::new();
        for point in &curve.points {
            let name = format!("T {}", point.temperature);
            if series.last().is_none_or(|last| last.name != name) {
                series.push(Series { name, points: Vec::new(), markers: true });
            }
            if let Some(line) = series.last_mut() {
                line.points.push([point.auc, point.balanced_auc]);
            }
        }
        let axis = |label: &str| Axis { label: label.to_owned(), logarithmic: false };
        page.plot(&Plot {
            caption: "Plain against balanced AuC: one line for each temperature, along it one point for \
                      each rebalance. Up and to the right is better."
                .to_owned(),
            x: axis("AuC, %"),
            y: axis("balanced AuC, %"),
            series,
        })?;
        page.table(&curve_table(curve));
    }
    Ok(())
}

/// Temperatures down, rebalances across, both areas in a cell.
fn curve_table(curve: &CurveFigures) -> Table {
    let (mut columns, mut rows): (Vec<String>, Vec<Vec<String>>) = (Vec::new(), Vec::new());
    for point in &curve.points {
        let (name, column) = (format!("T {}", point.temperature), format!("Rebalance {}", point.rebalance));
        if rows.last().is_none_or(|row| row[0] != name) {
            rows.push(vec![name]);
        }
        if let Some(row) = rows.last_mut() {
            row.push(format!("{}\n{}", number(point.auc, 2), number(point.balanced_auc, 2)));
        }
        if rows.len() == 1 {
            columns.push(column);
        }
    }
    let columns = ["Temperature".to_owned()].into_iter().chain(columns).collect();
    let caption =
        format!("The same in figures, AuC above balanced AuC, in percent; scored on {}", curve.scored_on);
    Table { caption, columns, rows }
}

fn examples(page: &mut Page, methods: &[Method], set: &Dataset, survey: &Survey) {
    for method in methods {
        let Some(examples) = method.model.as_ref().and_then(|model| model.examples.as_ref()) else {
            continue;
        };
        page.section(&format!("Photographs: {}", method.name));
        for (title, kept) in [
            ("Nearest to the truth", &examples.best),
            ("Farthest from the truth", &examples.worst),
            ("Drawn at random", &examples.random),
        ] {
            page.subsection(title);
            let rows = kept.iter().map(|example| {
                let item = set.item(survey.readable[example.position]);
                Row {
                    name: item.name.to_owned(),
                    note: format!(
                        "{}: mean error {:.1}, gray {:.1}",
                        item.source, example.error, example.gray_error
                    ),
                    thumbnails: example.thumbnails.clone(),
                }
            });
            let columns = ["gray", "ours", "truth"].map(str::to_owned).to_vec();
            page.sheet(&Sheet { columns, rows: rows.collect() });
        }
    }
}
