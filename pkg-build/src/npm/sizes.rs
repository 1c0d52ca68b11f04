//! How large the package is, and how large it may be.

use anyhow::{Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt;
use std::fs;
use std::io::Write;
use std::path::Path;
use walkdir::WalkDir;

/// Bytes that all JavaScript may have, compressed.
const MOST_CODE: usize = 30_000;

/// Bytes that the package may have without its models, each file compressed on its own.
const MOST_WITHOUT_MODELS: usize = 4_000_000;

/// Of every file of the package, by path.
pub struct Sizes(Vec<Size>);

struct Size {
    path: String,
    raw: usize,
    gzip: usize,
}

impl Size {
    fn is_code(&self) -> bool {
        self.path.ends_with(".js")
    }

    fn is_model(&self) -> bool {
        self.path.ends_with(".safetensors")
    }

    /// Whether a browser may download it; the rest is for people and their tools.
    fn is_served(&self) -> bool {
        self.is_code() || self.is_model() || self.path.ends_with(".wasm")
    }
}

impl Sizes {
    /// Compresses every file of `package` with gzip at its best.
    pub fn of(package: &Path) -> Result<Self> {
        let mut sizes = Vec::new();
        for entry in WalkDir::new(package).sort_by_file_name() {
            let entry = entry?;
            if entry.file_type().is_file() {
                let path = entry.path().strip_prefix(package)?.to_string_lossy().replace('\\', "/");
                let bytes = fs::read(entry.path())?;
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(&bytes)?;
                sizes.push(Size { path, raw: bytes.len(), gzip: encoder.finish()?.len() });
            }
        }
        Ok(Self(sizes))
    }

    /// Whether the package is as small as it must be.
    pub fn check(&self) -> Result<()> {
        let code = self.gzip(Size::is_code);
        ensure!(code <= MOST_CODE, "the JavaScript has {code} bytes compressed; {MOST_CODE} are allowed");
        let rest = self.gzip(|size| !size.is_model());
        ensure!(
            rest <= MOST_WITHOUT_MODELS,
            "the package has {rest} bytes without its models; {MOST_WITHOUT_MODELS} are allowed"
        );
        Ok(())
    }

    /// The files that a browser may download, as a table of Markdown.
    pub fn table(&self) -> String {
        let row = |name: &str, raw: usize, gzip: usize| {
            format!("| {name} | {:.1} | {:.1} |\n", raw as f64 / 1e3, gzip as f64 / 1e3)
        };
        let mut table = "| file | kB | kB, gzip |\n|---|---:|---:|\n".to_owned();
        for Size { path, raw, gzip } in self.0.iter().filter(|size| size.is_served()) {
            table += &row(&format!("`{path}`"), *raw, *gzip);
        }
        table += &row("all JavaScript", self.raw(Size::is_code), self.gzip(Size::is_code));
        table.trim_end().to_owned()
    }

    fn gzip(&self, counts: impl Fn(&Size) -> bool) -> usize {
        self.0.iter().filter(|size| counts(size)).map(|size| size.gzip).sum()
    }

    fn raw(&self, counts: impl Fn(&Size) -> bool) -> usize {
        self.0.iter().filter(|size| counts(size)).map(|size| size.raw).sum()
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Size { path, raw, gzip } in self.0.iter().filter(|size| size.is_served()) {
            writeln!(f, "{path}: {raw} bytes, {gzip} compressed")?;
        }
        writeln!(f, "JavaScript: {} of {MOST_CODE} bytes compressed", self.gzip(Size::is_code))?;
        let rest = self.gzip(|size| !size.is_model());
        writeln!(f, "without models: {rest} of {MOST_WITHOUT_MODELS} bytes compressed")
    }
}
