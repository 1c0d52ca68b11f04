//! `autochrome sift`: the photographs worth learning from, without copies and apart from those that
//! a model is judged by, in one archive.

use crate::dataset::Dataset;
use crate::paths::Outputs;
use crate::terminal::{self, Told, say};
use crate::{Usage, output, photographs};
use anyhow::{Context, Result, ensure};
use autochrome::engine::neutralize::has_colours;
use autochrome::image::photo::Photo;
use autochrome::training::likeness::{Gallery, Thumbnail};
use clap::Args;
use serde::Serialize;
use std::collections::HashSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Side at which the colours of a photograph are looked at.
const COLOUR_SIDE: usize = 64;

/// The files in `--out`.
const PHOTOGRAPHS: &str = "photographs.zip";
const MANIFEST: &str = "manifest.csv";
const LEFT_OUT: &str = "left-out.csv";

/// Arguments of `sift`.
#[derive(Args)]
pub struct Arguments {
    /// Folders, tar and zip archives of photographs; of two copies the first is kept
    #[arg(long, required = true, num_args = 1.., value_name = "DIR|TAR|ZIP")]
    data: Vec<PathBuf>,
    /// Photographs that none may resemble, such as those that models are judged by
    #[arg(long, num_args = 1.., value_name = "DIR|TAR|ZIP")]
    apart_from: Vec<PathBuf>,
    /// Folder for photographs.zip, its manifest.csv, and left-out.csv with what is not in it and why
    #[arg(long)]
    out: PathBuf,
    /// Correlation of thumbnails of 16 x 16 cells from which one resembles one of --apart-from
    #[arg(long, default_value_t = 0.965)]
    resembles: f32,
    /// Correlation of thumbnails from which two are copies
    #[arg(long, default_value_t = 0.985)]
    copies: f32,
    /// One JSON document on stdout that says how many were kept, and left out for what
    #[arg(long)]
    json: bool,
}

/// A first look at a photograph by itself.
enum Look {
    Kept(Thumbnail),
    LeftOut(Reason),
}

/// Why a photograph is left out.
enum Reason {
    Unreadable(String),
    /// Gray, or toned in one hue.
    Colorless,
    /// Of one lightness all over.
    Flat,
    /// Like a photograph of `--apart-from`, by its number, and how like.
    Resembles(usize, f32),
    /// Like one of `--data`, by its number, and how like.
    Copy(usize, f32),
}

impl Reason {
    /// As left-out.csv says it.
    fn text(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::Colorless => "no colours",
            Self::Flat => "flat",
            Self::Resembles(..) => "resembles",
            Self::Copy(..) => "copy",
        }
    }
}

/// How many there were.
#[derive(Default, Serialize)]
struct Report {
    photographs: usize,
    kept: usize,
    unreadable: usize,
    colorless: usize,
    flat: usize,
    resembling: usize,
    copies: usize,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    for (name, value) in [("resembles", arguments.resembles), ("copies", arguments.copies)] {
        if !(0.0 < value && value < 1.0) {
            return Err(Usage(format!("--{name}: between 0 and 1")).into());
        }
    }
    let mut outputs = Outputs::default();
    for name in [PHOTOGRAPHS, MANIFEST, LEFT_OUT] {
        outputs.add("--out", &arguments.out.join(name))?;
    }
    outputs.spare_sets(&arguments.data)?;
    outputs.spare_sets(&arguments.apart_from)?;
    let set = Dataset::open(&arguments.data)?;
    set.check_spared(&outputs)?;
    let apart = match arguments.apart_from.as_slice() {
        [] => None,
        paths => Some(Dataset::open(paths)?),
    };
    if let Some(apart) = &apart {
        apart.check_spared(&outputs)?;
        // What cannot be told from is no reason to go on.
        ensure!(apart.problems() == 0, "--apart-from could not be read as a whole");
    }
    let verdicts = sift(&set, apart.as_ref(), arguments)?;
    let report = count(&verdicts);
    ensure!(
        report.kept > 0,
        "none of the {} photographs is worth learning from; nothing was written",
        set.len()
    );
    write(arguments, &set, apart.as_ref(), &verdicts)?;
    say!(
        "{}: {} of {} photographs; left out: {} unreadable, {} without colours, {} flat, {} like those to be \
         apart from, {} copies",
        arguments.out.display(),
        report.kept,
        report.photographs,
        report.unreadable,
        report.colorless,
        report.flat,
        report.resembling,
        report.copies
    );
    if arguments.json {
        terminal::print(&(serde_json::to_string_pretty(&report)? + "\n"))?;
    }
    Ok(if report.unreadable == 0 && set.problems() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// For each photograph `None`, or why it is left out.
fn sift(set: &Dataset, apart: Option<&Dataset>, arguments: &Arguments) -> Result<Vec<Option<Reason>>> {
    let mut to_avoid = Gallery::new(arguments.resembles);
    // The photograph behind each picture of the gallery.
    let mut numbers = Vec::new();
    if let Some(apart) = apart {
        for (number, views) in
            photographs::of_each(apart, |photo| Ok(thumbnails(&photo))).into_iter().enumerate()
        {
            for view in views?.into_iter().flatten() {
                to_avoid.add(view);
                numbers.push(number);
            }
        }
    }
    let looks = photographs::of_each(set, |photo| {
        let [Some(whole), middle] = thumbnails(&photo) else { return Ok(Look::LeftOut(Reason::Flat)) };
        if !has_colours(&photo.resized_over_white(COLOUR_SIDE, COLOUR_SIDE)) {
            return Ok(Look::LeftOut(Reason::Colorless));
        }
        let alike = [Some(&whole), middle.as_ref()].into_iter().flatten();
        let alike = alike.filter_map(|view| to_avoid.most_like(view));
        Ok(match alike.max_by(|(_, a), (_, b)| a.total_cmp(b)) {
            Some((picture, likeness)) => Look::LeftOut(Reason::Resembles(numbers[picture], likeness)),
            None => Look::Kept(whole),
        })
    });
    let looks = looks.into_iter().map(|look| match look {
        Ok(look) => look,
        Err(error) => Look::LeftOut(Reason::Unreadable(Told(&error).to_string())),
    });
    // One after another, so that it is always the first of some copies that is kept.
    let mut seen = Gallery::new(arguments.copies);
    let mut kept = Vec::new();
    let verdict = |(index, look)| match look {
        Look::LeftOut(reason) => {
            if let Reason::Unreadable(error) = &reason {
                say!("left out: {error}");
            }
            Some(reason)
        }
        Look::Kept(whole) => {
            if let Some((picture, likeness)) = seen.most_like(&whole) {
                return Some(Reason::Copy(kept[picture], likeness));
            }
            seen.add(whole);
            kept.push(index);
            None
        }
    };
    Ok(looks.enumerate().map(verdict).collect())
}

/// A photograph as a whole and its middle, as others may have cropped it.
fn thumbnails(photo: &Photo) -> [Option<Thumbnail>; 2] {
    [Thumbnail::of(photo), Thumbnail::of_middle(photo)]
}

fn count(verdicts: &[Option<Reason>]) -> Report {
    let mut report = Report { photographs: verdicts.len(), ..Report::default() };
    for verdict in verdicts {
        *match verdict {
            None => &mut report.kept,
            Some(Reason::Unreadable(_)) => &mut report.unreadable,
            Some(Reason::Colorless) => &mut report.colorless,
            Some(Reason::Flat) => &mut report.flat,
            Some(Reason::Resembles(..)) => &mut report.resembling,
            Some(Reason::Copy(..)) => &mut report.copies,
        } += 1;
    }
    report
}

/// A row of manifest.csv.
#[derive(Serialize)]
struct Kept<'a> {
    file: &'a str,
    source: &'a str,
    class: &'a str,
}

/// A row of left-out.csv.
#[derive(Serialize)]
struct LeftOut<'a> {
    file: &'a str,
    source: &'a str,
    why: &'a str,
    like: &'a str,
    likeness: Option<f32>,
}

fn write(
    arguments: &Arguments,
    set: &Dataset,
    apart: Option<&Dataset>,
    verdicts: &[Option<Reason>],
) -> Result<()> {
    let (mut names, mut taken) = (Vec::new(), HashSet::new());
    output::write_whole(&arguments.out.join(PHOTOGRAPHS), |file| {
        let mut archive = ZipWriter::new(file);
        // Photographs are compressed as they are.
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for index in (0..verdicts.len()).filter(|index| verdicts[*index].is_none()) {
            let mut name = set.item(index).name.to_owned();
            if !taken.insert(name.clone()) {
                name = format!("{index}/{name}");
            }
            archive.start_file(&name, stored).with_context(|| name.clone())?;
            archive.write_all(&set.bytes(index)?)?;
            names.push((index, name));
        }
        archive.finish()?;
        Ok(())
    })?;
    output::write_whole(&arguments.out.join(MANIFEST), |file| {
        let mut rows = csv::Writer::from_writer(file);
        for (index, file) in &names {
            let item = set.item(*index);
            rows.serialize(Kept { file, source: item.source, class: item.class().unwrap_or_default() })?;
        }
        Ok(rows.flush()?)
    })?;
    output::write_whole(&arguments.out.join(LEFT_OUT), |file| {
        let mut rows = csv::Writer::from_writer(file);
        for (index, verdict) in verdicts.iter().enumerate() {
            let Some(reason) = verdict else { continue };
            let item = set.item(index);
            let (like, likeness) = match reason {
                Reason::Resembles(number, likeness) => {
                    (apart.map_or("", |apart| apart.item(*number).name), Some(*likeness))
                }
                Reason::Copy(number, likeness) => (set.item(*number).name, Some(*likeness)),
                _ => ("", None),
            };
            rows.serialize(LeftOut {
                file: item.name,
                source: item.source,
                why: reason.text(),
                like,
                likeness,
            })?;
        }
        Ok(rows.flush()?)
    })
}
