//! The page of a run: curves, settings and a contact sheet.

use super::Validation;
use super::config::TrainConfig;
use super::run_folder::{Row as Look, RunFolder};
use crate::dataset::Dataset;
use crate::isolation::isolated;
use crate::report::plot::{Axis, Plot, Series};
use crate::report::sheet::{Row, Sheet, Thumbnail};
use crate::report::{Page, Table};
use crate::terminal::{Told, say};
use anyhow::Result;
use autochrome::engine::{Colorizer, Mode, Tone, Unpaced};
use autochrome::image::photo::Photo;
use autochrome::kernels::device::{ComputeDevice, DeviceChoice};
use autochrome::model::weights::ModelFile;

/// The page in the folder of a run.
pub const PAGE: &str = "report.html";

/// Writes it.
pub fn write(
    folder: &RunFolder,
    config: &TrainConfig,
    dataset: &Dataset,
    model: ModelFile,
    validation: &Validation,
) -> Result<()> {
    let mut page = Page::new("Training run");
    let rows = folder.rows();
    page.table(&summary(config, dataset, rows, &model));
    page.section("Curves");
    let curve = |name: &str, value: fn(&Look) -> Option<f64>| Series {
        name: name.to_owned(),
        points: rows.iter().filter_map(|row| Some([row.step as f64, value(row)?])).collect(),
        markers: false,
    };
    let steps = || Axis { label: "steps".to_owned(), logarithmic: false };
    let axis = |label: &str| Axis { label: label.to_owned(), logarithmic: false };
    page.plot(&Plot {
        caption: "Loss of the batches, and of the averaged weights on photographs that are not learned from"
            .to_owned(),
        x: steps(),
        y: axis("weighted loss"),
        series: vec![curve("training", |r| r.loss), curve("validation", |r| r.validation_loss)],
    })?;
    page.plot(&Plot {
        caption: "Mean chroma of the predicted mean colours and of the truth, in each batch".to_owned(),
        x: steps(),
        y: axis("chroma, ab units"),
        series: vec![curve("predicted", |r| r.chroma), curve("truth", |r| r.true_chroma)],
    })?;
    if rows.iter().any(|row| row.entropy.is_some()) {
        page.plot(&Plot {
            caption: "Mean entropy of the predicted distributions".to_owned(),
            x: steps(),
            y: axis("nats"),
            series: vec![curve("entropy", |r| r.entropy)],
        })?;
    }
    if rows.iter().any(|row| row.label_loss.is_some()) {
        page.plot(&Plot {
            caption: "Mean cross-entropy of the labels, of the photographs of each batch that have one"
                .to_owned(),
            x: steps(),
            y: axis("nats"),
            series: vec![curve("labels", |r| r.label_loss)],
        })?;
    }
    page.plot(&Plot {
        caption: "Learning rate".to_owned(),
        x: steps(),
        y: axis("rate"),
        series: vec![curve("rate", |r| r.rate)],
    })?;
    if !validation.photographs.is_empty() {
        page.section("Photographs that were not learned from");
        page.sheet(&sheet(model, validation)?);
    }
    page.write(&folder.file(PAGE))
}

fn summary(config: &TrainConfig, dataset: &Dataset, rows: &[Look], model: &ModelFile) -> Table {
    let last = rows.last();
    let validation = rows.iter().rev().find_map(|row| row.validation_loss);
    // The middle one: the first rows pay for warming up, and other programs take their turn.
    let mut speeds: Vec<f64> = rows.iter().filter_map(|row| row.photographs_per_second).collect();
    speeds.sort_by(f64::total_cmp);
    let figure = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |v| format!("{v:.4}"));
    let cells = [
        ("Network", format!("{}, {} weights", config.network.name(), model.parameters())),
        ("Photographs", format!("{} of {}", dataset.len(), dataset.sources().join(", "))),
        (
            "Steps",
            format!(
                "{} of {}, {} photographs each",
                last.map_or(0, |row| row.step),
                config.learner.steps,
                config.batch * config.accumulate
            ),
        ),
        ("Last loss", figure(last.and_then(|row| row.loss))),
        ("Last validation loss", figure(validation)),
        (
            "Photographs a second, median",
            speeds.get(speeds.len() / 2).map_or_else(|| "–".to_owned(), |speed| format!("{speed:.1}")),
        ),
        ("Seed", config.seed.to_string()),
    ];
    Table {
        caption: "The run; config.toml beside this page has every setting".to_owned(),
        columns: vec!["What".to_owned(), "Value".to_owned()],
        rows: cells.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect(),
    }
}

/// Gray, ours and truth.
fn sheet(model: ModelFile, validation: &Validation) -> Result<Sheet> {
    let device = pollster::block_on(ComputeDevice::open(DeviceChoice::Cpu))?;
    let colorizer = Colorizer::new(model, device)?;
    let render = |photo: &Photo, tone: Tone| {
        pollster::block_on(async {
            let colorization = colorizer.colorize(photo, Mode::Photo, &[], &mut Unpaced).await?;
            colorization.render(photo.clone(), tone, &mut Unpaced).await
        })
    };
    let mut rows = Vec::new();
    for (name, photo) in &validation.photographs {
        let tone = colorizer.default_tone();
        let thumbnails = isolated(|| {
            let gray = render(photo, Tone { saturation: 0.0, ..tone })?;
            let ours = render(photo, tone)?;
            [&gray, &ours, photo].map(Thumbnail::new).into_iter().collect::<Result<_>>()
        });
        match thumbnails {
            Ok(thumbnails) => rows.push(Row { name: name.clone(), note: String::new(), thumbnails }),
            Err(error) => say!("left out of the page: {name}: {}", Told(&error)),
        }
    }
    Ok(Sheet { columns: ["Gray", "Ours", "Truth"].map(str::to_owned).into(), rows })
}
