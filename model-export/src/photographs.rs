//! Colour photographs one after another or many at once, and their true colours.

use crate::dataset::Dataset;
pub use crate::dataset::{EXTENSIONS, is_photograph};
use anyhow::{Result, ensure};
use autochrome::color::lab;
use autochrome::image::photo::Photo;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Calls `each` with every photograph of a folder or archive, at most `limit` of them. Returns how
/// many there were. One that cannot be read is said on stderr and passed over.
pub fn for_each(from: &Path, limit: usize, mut each: impl FnMut(Photo) -> Result<()>) -> Result<usize> {
    let set = Dataset::open(&[from.to_owned()])?.limit(limit)?;
    let mut count = 0;
    for index in 0..set.len() {
        match set.read(index) {
            Ok(photo) => {
                count += 1;
                each(photo)?;
            }
            Err(error) => eprintln!("passed over: {error:#}"),
        }
    }
    ensure!(count > 0, "{} holds no photographs that can be read", from.display());
    Ok(count)
}

/// Reads all photographs of a set on all processors. Each has a state of its own, made by `start`, which
/// `look` adds to with a photograph's number and the photograph; the states are what is returned.
pub fn on_all_processors<T: Send>(
    set: &Dataset,
    start: impl Fn() -> T + Sync,
    look: impl Fn(&mut T, usize, Result<Photo>) + Sync,
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
            look(&mut state, index, set.read(index));
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
pub fn of_each<T: Send>(set: &Dataset, look: impl Fn(Result<Photo>) -> T + Sync) -> Vec<T> {
    let add = |seen: &mut Vec<(usize, T)>, index, photo| seen.push((index, look(photo)));
    let mut seen: Vec<(usize, T)> = on_all_processors(set, Vec::new, add).into_iter().flatten().collect();
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
