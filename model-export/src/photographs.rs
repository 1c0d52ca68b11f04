//! Photographs from their files, one after another or many at once, and their true colours.

pub use crate::dataset::EXTENSIONS;
use crate::dataset::{Dataset, MAX_BYTES};
use crate::input::{self, Limited};
use crate::isolation::isolated;
use crate::terminal::{Told, say};
use anyhow::{Context, Result, bail, ensure};
use autochrome::color::lab;
use autochrome::image::files::{self, DecodeWarning, DecodedFile, FileFormat, FileMetadata};
use autochrome::image::photo::Photo;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{BufRead, BufReader, Seek};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A photograph's file, decoded.
pub struct Reading {
    pub photo: Photo,
    pub metadata: FileMetadata,
    /// What was amiss with the file.
    pub warnings: Vec<DecodeWarning>,
}

/// Tells the warnings of a file. Returns whether one of them is a failure.
pub fn tell(warnings: &[DecodeWarning], path: &Path) -> bool {
    for warning in warnings {
        say!("warning: {}: {warning}", path.display());
    }
    warnings.iter().any(DecodeWarning::is_failure)
}

/// Decodes a file. Every command comes by here.
///
/// # Errors
/// Those of the decoder.
pub fn decode(file: impl BufRead + Seek) -> Result<Reading> {
    let DecodedFile { photo, metadata, warnings } = files::decode(file)?;
    Ok(Reading { photo, metadata, warnings })
}

/// Decodes a file whose pixels are to be learned from or measured by.
///
/// # Errors
/// Those of the decoder, and where a part of the picture is missing or wrong.
pub fn decode_whole(file: impl BufRead + Seek) -> Result<Photo> {
    let Reading { photo, warnings, .. } = decode(file)?;
    match warnings.into_iter().find(DecodeWarning::is_failure) {
        Some(warning) => bail!("{warning}"),
        None => Ok(photo),
    }
}

/// Opens and decodes a photograph's file.
///
/// # Errors
/// Where it cannot be opened, is no regular file, or cannot be decoded; without its name, which the caller
/// adds.
pub fn open(path: &Path) -> Result<Reading> {
    let file = input::open(path).context("cannot be opened")?;
    decode(BufReader::new(Limited::new(file, MAX_BYTES)))
}

/// The format of a name's ending.
pub fn format_of(path: &Path) -> Option<FileFormat> {
    let extension = path.extension()?.to_string_lossy().to_ascii_lowercase();
    match extension.as_str() {
        // JPEG by the names that Windows and old programs give it.
        "jfif" | "jpe" => Some(FileFormat::JPEG),
        extension => FileFormat::from_extension(extension),
    }
}

/// Calls `each` with every photograph of a folder or archive, at most `limit` of them. Returns how many
/// there were. One that fails is said on stderr and passed over.
///
/// # Errors
/// Where there is none that can be read.
pub fn for_each(from: &Path, limit: usize, mut each: impl FnMut(Photo) -> Result<()>) -> Result<usize> {
    let set = Dataset::open(&[from.to_owned()])?.limit(limit)?;
    let mut count = 0;
    for index in 0..set.len() {
        let done = set
            .read(index)
            .and_then(|photo| isolated(|| each(photo)).with_context(|| set.whereabouts(index)));
        match done {
            Ok(()) => count += 1,
            Err(error) => say!("passed over: {}", Told(&error)),
        }
    }
    ensure!(count > 0, "{} holds no photographs that can be read", from.display());
    Ok(count)
}

/// Reads all photographs of a set on all processors and has a `look` at each, whose panic is an error of
/// that photograph. Each processor has a state of its own, made by `start`, which `add` adds to with a
/// photograph's number and what was seen; the states are what is returned.
pub fn on_all_processors<T: Send, S>(
    set: &Dataset,
    start: impl Fn() -> T + Sync,
    look: impl Fn(Photo) -> Result<S> + Sync,
    add: impl Fn(&mut T, usize, Result<S>) + Sync,
) -> Vec<T> {
    let style = ProgressStyle::with_template("{pos}/{len} photographs {wide_bar} {eta}");
    let bar = ProgressBar::new(set.len() as u64).with_style(style.expect("a valid template"));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut state = start();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= set.len() {
                return state;
            }
            let seen = set
                .read(index)
                .and_then(|photo| isolated(|| look(photo)).with_context(|| set.whereabouts(index)));
            add(&mut state, index, seen);
            bar.inc(1);
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(set.len());
    let states = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    });
    bar.finish_and_clear();
    states
}

/// Applies `look` to each photograph of a set, on all processors; the results in the set's order.
pub fn of_each<S: Send>(set: &Dataset, look: impl Fn(Photo) -> Result<S> + Sync) -> Vec<Result<S>> {
    let add = |seen: &mut Vec<_>, index, photo| seen.push((index, photo));
    let mut seen: Vec<(usize, Result<S>)> =
        on_all_processors(set, Vec::new, look, add).into_iter().flatten().collect();
    seen.sort_unstable_by_key(|(index, _)| *index);
    seen.into_iter().map(|(_, seen)| seen).collect()
}

/// a and b of a photograph at some size, over white, row-major, CIE units.
pub fn chroma(photo: &Photo, width: usize, height: usize) -> Vec<[f64; 2]> {
    let rgb = photo.resized_over_white(width, height);
    let pixels = rgb.chunks_exact(3);
    pixels
        .map(|p| {
            let [_, a, b] = lab::lab_from_srgb([0, 1, 2].map(|c| f64::from(p[c]) / 255.0));
            [a, b]
        })
        .collect()
}
