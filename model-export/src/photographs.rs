//! Sets of colour photographs: a folder, or a tar archive.

use anyhow::{Context, Result, ensure};
use autochrome::files;
use autochrome::lab;
use autochrome::photo::Photo;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;
use walkdir::WalkDir;

/// Endings of files that are read; others (lists, notes) are passed over.
pub const EXTENSIONS: [&str; 8] = ["png", "jpg", "jpeg", "tif", "tiff", "bmp", "gif", "webp"];

/// Whether a name ends as a photograph's does.
pub fn is_photograph(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    EXTENSIONS.contains(&extension.as_str())
}

/// Calls `each` with every photograph of a folder (and its folders, in order) or a tar archive, at
/// most `limit` of them. Returns how many there were. One that cannot be read is said on stderr and
/// passed over.
pub fn for_each(from: &Path, limit: usize, mut each: impl FnMut(Photo) -> Result<()>) -> Result<usize> {
    let mut count = 0;
    let mut take = |name: &Path, bytes: Vec<u8>| -> Result<()> {
        match files::decode(Cursor::new(bytes)) {
            Ok(decoded) => {
                count += 1;
                each(decoded.photo)
            }
            Err(error) => {
                eprintln!("{}: passed over: {error}", name.display());
                Ok(())
            }
        }
    };
    let cannot = || format!("cannot read {}", from.display());
    let mut left = limit;
    if from.is_dir() {
        for entry in WalkDir::new(from).sort_by_file_name() {
            let entry = entry.with_context(cannot)?;
            if left > 0 && entry.file_type().is_file() && is_photograph(entry.path()) {
                left -= 1;
                take(entry.path(), std::fs::read(entry.path()).with_context(cannot)?)?;
            }
        }
    } else {
        let mut archive = tar::Archive::new(BufReader::new(File::open(from).with_context(cannot)?));
        for entry in archive.entries().with_context(cannot)? {
            let mut entry = entry.with_context(cannot)?;
            let path = entry.path().with_context(cannot)?.into_owned();
            if left > 0 && entry.header().entry_type().is_file() && is_photograph(&path) {
                left -= 1;
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).with_context(cannot)?;
                take(&path, bytes)?;
            }
        }
    }
    ensure!(count > 0, "{} holds no photographs (looked for {})", from.display(), EXTENSIONS.join(", "));
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
