//! Colour photographs one after another, and their true colours.

use crate::dataset::Dataset;
pub use crate::dataset::{EXTENSIONS, is_photograph};
use anyhow::{Result, ensure};
use autochrome::lab;
use autochrome::photo::Photo;
use std::path::Path;

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
