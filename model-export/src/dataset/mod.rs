//! Sets of colour photographs to train with and to measure by: folders and archives, with what is
//! known of each photograph.

mod ahead;
mod archive;
pub mod batches;
pub mod labelled;
mod manifest;

use crate::Usage;
use crate::isolation::isolated;
use crate::paths::Outputs;
use crate::photographs;
use crate::terminal::{Told, say};
use anyhow::{Context, Result, bail, ensure};
use archive::{Archive, Entry, Place};
pub use archive::{MAX_BYTES, is_archive};
use autochrome::image::photo::{Channels, Photo, Samples};
use autochrome::training::labels::Labels;
use manifest::Manifest;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// Endings of files that are read; others (lists, notes) are passed over.
pub const EXTENSIONS: [&str; 10] = ["png", "jpg", "jpeg", "jfif", "jpe", "tif", "tiff", "bmp", "gif", "webp"];

/// Whether a name is a photograph's: by its ending, and not one of a hidden file, which macOS puts
/// beside photographs under the same ending.
pub fn is_photograph(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    EXTENSIONS.contains(&extension.as_str()) && !hidden
}

/// Whether a name is that of a list of photographs.
pub fn is_list(path: &Path) -> bool {
    path.file_name().is_some_and(|name| manifest::NAMES.iter().any(|list| name == *list))
}

/// Whether a file of this name in a folder of photographs is read with it.
pub fn is_part_of_a_set(path: &Path) -> bool {
    is_photograph(path) || is_archive(path) || is_list(path)
}

/// Photographs by number, read from any thread. Their order is that of the paths given; within a
/// folder by name, within an archive the archive's own.
pub struct Dataset {
    archives: Vec<Archive>,
    records: Vec<Record>,
    sources: Vec<String>,
    labels: Vec<String>,
    problems: usize,
}

/// An entry for each photograph; text that many share is kept once.
struct Record {
    archive: usize,
    entry: Entry,
    source: usize,
    label: Option<u32>,
}

/// A photograph's description, known before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// Its path within its folder or archive, with `/`.
    pub name: &'a str,
    /// The collection it comes from: as its list says; otherwise its folder's or archive's name.
    pub source: &'a str,
    /// `source/class` as its list says, one of [`Dataset::labels`].
    pub label: Option<&'a str>,
    /// Where the label stands in [`Dataset::labels`].
    pub label_index: Option<u32>,
}

impl<'a> Item<'a> {
    /// Its label in its list, without its source.
    pub fn class(&self) -> Option<&'a str> {
        self.label.map(|label| &label[self.source.len() + 1..])
    }
}

impl Dataset {
    /// Opens folders (with their folders, and the archives in them), `.tar` and `.zip` archives.
    ///
    /// A `manifest.csv` or `manifest.csv.gz` in the folder, or beside the archive, says by its
    /// columns `file`, `source` and `class` where photographs come from and what they show.
    ///
    /// A folder that is empty or holds what cannot be read is told on stderr and counted
    /// ([`Dataset::problems`]); the rest is opened.
    ///
    /// # Errors
    /// For a path that is not there, an archive among them that is none or damaged, a list that cannot be
    /// read, and where there is no photograph at all.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        ensure!(!paths.is_empty(), "no folder or archive of photographs was given");
        let mut set = Builder::default();
        let mut empty = Vec::new();
        for path in paths {
            let before = (set.found.len(), set.problems);
            if path.is_dir() {
                let (folder, entries, archives, problems) = Archive::folder(path);
                set.problems += problems;
                set.add(folder, entries, path)?;
                for path in archives {
                    if let Err(error) = set.add_file(&path) {
                        say!("error: {}", Told(&error));
                        set.problems += 1;
                    }
                }
            } else {
                set.add_file(path)?;
            }
            if (set.found.len(), set.problems) == before {
                empty.push(format!(
                    "{} holds no photographs (looked for {})",
                    path.display(),
                    EXTENSIONS.join(", ")
                ));
            }
        }
        if set.found.is_empty() {
            ensure!(!empty.is_empty(), "there are no photographs that can be read");
            bail!("{}", empty.join("; "));
        }
        for problem in &empty {
            say!("error: {problem}");
        }
        set.problems += empty.len();
        Ok(set.finish())
    }

    /// What could not be opened and was told: folders within, archives within, empty folders.
    pub fn problems(&self) -> usize {
        self.problems
    }

    /// Makes sure that none of its files is going to be overwritten.
    ///
    /// # Errors
    /// Where one would be.
    pub fn check_spared(&self, outputs: &Outputs) -> Result<(), Usage> {
        let files = self.records.iter().filter_map(|record| match &record.entry.place {
            Place::File(path) => Some(path.as_path()),
            _ => None,
        });
        let archives = self.archives.iter().map(|archive| archive.path.as_path());
        outputs.spare_all(files.chain(archives))
    }

    /// How many photographs there are; at least one.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// A photograph's description.
    ///
    /// # Panics
    /// If there is none with this number.
    pub fn item(&self, index: usize) -> Item<'_> {
        let record = &self.records[index];
        Item {
            name: &record.entry.name,
            source: &self.sources[record.source],
            label: record.label.map(|label| self.labels[label as usize].as_str()),
            label_index: record.label,
        }
    }

    /// Reads and decodes a photograph.
    ///
    /// # Errors
    /// With its archive and name, where its bytes cannot be read or decoded whole, or the decoder panics.
    ///
    /// # Panics
    /// If there is none with this number.
    pub fn read(&self, index: usize) -> Result<Photo> {
        let bytes = self.bytes(index)?;
        isolated(|| photographs::decode_whole(Cursor::new(bytes))).with_context(|| self.whereabouts(index))
    }

    /// The bytes of a photograph's file.
    ///
    /// # Errors
    /// With its archive and name, where they cannot be read.
    ///
    /// # Panics
    /// If there is none with this number.
    pub fn bytes(&self, index: usize) -> Result<Vec<u8>> {
        let Record { archive, entry, .. } = &self.records[index];
        self.archives[*archive].read(&entry.place).with_context(|| self.whereabouts(index))
    }

    /// Archive and name of a photograph, for messages.
    pub fn whereabouts(&self, index: usize) -> String {
        let Record { archive, entry: Entry { name, place }, .. } = &self.records[index];
        match place {
            Place::File(path) => path.display().to_string(),
            _ => format!("{}: {name}", self.archives[*archive].path.display()),
        }
    }

    /// The collections that photographs come from, sorted.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// Every `source/class` that occurs, sorted.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The labels of at least `least` photographs each.
    pub fn common_labels(&self, least: usize) -> Labels {
        let items = (0..self.len()).map(|index| self.item(index));
        Labels::of(items.filter_map(|item| Some((item.source, item.label?))), least)
    }

    /// The numbers of the photographs of each source, in the order of [`Dataset::sources`].
    pub fn by_source(&self) -> Vec<Vec<usize>> {
        let mut numbers = vec![Vec::new(); self.sources.len()];
        for (index, record) in self.records.iter().enumerate() {
            numbers[record.source].push(index);
        }
        numbers
    }

    /// Only the photographs of these sources.
    ///
    /// # Errors
    /// For a name that no source has, or none at all.
    pub fn only_sources(self, names: &[String]) -> Result<Self> {
        for name in names {
            self.check_source(name)?;
        }
        ensure!(!names.is_empty(), "no source was named; there are {}", self.sources.join(", "));
        Ok(self.keep(|set, record| names.contains(&set.sources[record.source]), usize::MAX))
    }

    /// The first `most` photographs.
    ///
    /// # Errors
    /// If that is none.
    pub fn limit(self, most: usize) -> Result<Self> {
        ensure!(most > 0, "a limit of 0 leaves no photographs");
        Ok(self.keep(|_, _| true, most))
    }

    /// Only the photographs that are wanted.
    ///
    /// # Errors
    /// With `otherwise`, if that is none.
    pub fn only(self, wanted: impl Fn(&Item<'_>) -> bool, otherwise: &str) -> Result<Self> {
        let wanted: Vec<bool> = (0..self.len()).map(|index| wanted(&self.item(index))).collect();
        ensure!(wanted.contains(&true), "{otherwise}");
        let mut wanted = wanted.into_iter();
        Ok(self.keep(|_, _| wanted.next().unwrap_or_default(), usize::MAX))
    }

    fn check_source(&self, name: &str) -> Result<()> {
        let known = self.sources.iter().any(|source| source == name);
        ensure!(known, "no photograph comes from {name:?}; the sources are {}", self.sources.join(", "));
        Ok(())
    }

    fn keep(mut self, mut wanted: impl FnMut(&Self, &Record) -> bool, most: usize) -> Self {
        let records = std::mem::take(&mut self.records);
        let mut set = Builder::default();
        for record in records.into_iter().filter(|record| wanted(&self, record)).take(most) {
            let source = self.sources[record.source].clone();
            let label = record.label.map(|label| self.labels[label as usize].clone());
            set.found.push(Found { archive: record.archive, entry: record.entry, source, label });
        }
        set.archives = self.archives;
        set.problems = self.problems;
        set.finish()
    }
}

/// A data set while its paths are opened.
#[derive(Default)]
struct Builder {
    archives: Vec<Archive>,
    found: Vec<Found>,
    /// Lists by folder: shards share one.
    manifests: BTreeMap<PathBuf, Manifest>,
    problems: usize,
}

struct Found {
    archive: usize,
    entry: Entry,
    source: String,
    label: Option<String>,
}

impl Builder {
    fn add_file(&mut self, path: &Path) -> Result<()> {
        let (archive, entries) = Archive::file(path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        self.add(archive, entries, folder)
    }

    /// Adds an archive whose list lies in `folder`.
    fn add(&mut self, archive: Archive, entries: Vec<Entry>, folder: &Path) -> Result<()> {
        if !self.manifests.contains_key(folder) {
            self.manifests.insert(folder.to_owned(), Manifest::of_folder(folder)?);
        }
        let manifest = &self.manifests[folder];
        let own_name = own_name(&archive.path);
        for entry in entries {
            let (source, class) = manifest.get(&entry.name);
            let parent = entry.name.rsplit('/').nth(1);
            let source = source.or(parent).unwrap_or(&own_name).to_owned();
            let label = class.map(|class| format!("{source}/{class}"));
            self.found.push(Found { archive: self.archives.len(), entry, source, label });
        }
        self.archives.push(archive);
        Ok(())
    }

    fn finish(self) -> Dataset {
        let sources: BTreeSet<&String> = self.found.iter().map(|found| &found.source).collect();
        let labels: BTreeSet<&String> = self.found.iter().filter_map(|found| found.label.as_ref()).collect();
        let sources: Vec<String> = sources.into_iter().cloned().collect();
        let labels: Vec<String> = labels.into_iter().cloned().collect();
        let place = |list: &[String], text: &String| list.binary_search(text).expect("it was collected");
        let record = |Found { archive, entry, source, label }: Found| Record {
            archive,
            entry,
            source: place(&sources, &source),
            label: label.map(|label| place(&labels, &label) as u32),
        };
        Dataset {
            records: self.found.into_iter().map(record).collect(),
            archives: self.archives,
            sources,
            labels,
            problems: self.problems,
        }
    }
}

/// A photograph with its short side brought to `short` pixels, 8-bit RGB over white.
///
/// # Errors
/// Where that is larger than a photograph may be.
pub fn with_short_side(photo: &Photo, short: usize) -> Result<Photo> {
    let least = photo.width().min(photo.height());
    let scaled = |side: usize| ((side * short + least / 2) / least).max(1);
    let (width, height) = (scaled(photo.width()), scaled(photo.height()));
    Photo::check_size(width as u64, height as u64)?;
    let rgb = photo.resized_over_white(width, height);
    Ok(Photo::new(width, height, Channels::Rgb, Samples::U8(rgb))?)
}

/// The name of a folder, or of an archive without its ending.
fn own_name(path: &Path) -> String {
    // "." and the like have a name only when they are followed.
    let followed = path.canonicalize();
    let path = followed.as_deref().unwrap_or(path);
    let name = if path.is_dir() { path.file_name() } else { path.file_stem() };
    name.map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests;
