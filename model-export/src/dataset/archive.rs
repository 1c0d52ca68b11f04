//! Containers of photographs: folders, tar and zip archives, read at any place from many threads.

use super::is_photograph;
use crate::input;
use crate::walk::walk;
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zip::ZipArchive;

/// More bytes than any photograph's file has: the largest that is decoded, at 32 bits with alpha, and what a
/// file holds beside its pixels.
pub const MAX_BYTES: u64 = (1 << 31) + (64 << 20);

/// A folder or archive, opened.
pub struct Archive {
    /// As it was given, for messages.
    pub path: PathBuf,
    content: Content,
}

enum Content {
    Folder,
    Tar(SharedFile),
    Zip(ZipArchive<SharedFile>),
}

/// A photograph's file in a folder or archive.
pub struct Entry {
    /// Its path within, with `/`.
    pub name: String,
    pub place: Place,
}

/// Where a photograph's bytes lie.
pub enum Place {
    File(PathBuf),
    Range { start: u64, length: u64 },
    Index(usize),
}

/// Whether a file's name is that of an archive that is read here.
pub fn is_archive(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("tar") || e.eq_ignore_ascii_case("zip"))
}

impl Archive {
    /// A folder with the photographs in it and its folders, sorted, the archives found there, and how
    /// much of it could not be read, which is told.
    pub fn folder(path: &Path) -> (Self, Vec<Entry>, Vec<PathBuf>, usize) {
        let found = walk(path, true, |_| false);
        let problems = found.tell(path);
        let entry = |file: PathBuf| {
            let within = file.strip_prefix(path).unwrap_or(&file);
            let parts: Vec<_> = within.iter().map(|part| part.to_string_lossy()).collect();
            Entry { name: parts.join("/"), place: Place::File(file) }
        };
        let entries = found.photographs.into_iter().map(entry).collect();
        (Self { path: path.to_owned(), content: Content::Folder }, entries, found.archives, problems)
    }

    /// A tar or zip archive with its photographs, in the archive's order.
    pub fn file(path: &Path) -> Result<(Self, Vec<Entry>)> {
        let name = path.display();
        let mut file = SharedFile::open(path).with_context(|| format!("cannot read {name}"))?;
        let mut head = [0; 4];
        let zipped = file.length >= 4 && {
            file.read_exact(&mut head).with_context(|| format!("cannot read {name}"))?;
            file.rewind()?;
            matches!(head, [b'P', b'K', 3 | 5, _])
        };
        ensure!(
            zipped || is_archive(path),
            "{name} is no folder, tar or zip archive; a compressed tar archive must be unpacked first"
        );
        let (content, entries) = if zipped || path.extension().is_some_and(|e| e.eq_ignore_ascii_case("zip"))
        {
            let archive = ZipArchive::new(file)
                .with_context(|| format!("{name} cannot be read as a zip archive; it may be cut short"))?;
            let entries = zip_entries(&archive).with_context(|| name.to_string())?;
            (Content::Zip(archive), entries)
        } else {
            let entries = tar_entries(&file)
                .with_context(|| format!("{name} cannot be read as a tar archive; it may be damaged"))?;
            (Content::Tar(file), entries)
        };
        Ok((Self { path: path.to_owned(), content }, entries))
    }

    /// The bytes of one of its entries.
    pub fn read(&self, place: &Place) -> Result<Vec<u8>> {
        match (&self.content, place) {
            (Content::Folder, Place::File(path)) => {
                let mut bytes = Vec::new();
                input::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
                ensure!(
                    bytes.len() as u64 <= MAX_BYTES,
                    "more than {MAX_BYTES} bytes: no photograph has as many"
                );
                Ok(bytes)
            }
            (Content::Tar(file), Place::Range { start, length }) => {
                let file = SharedFile { position: *start, ..file.clone() };
                whole(file.take(*length), *length)
            }
            (Content::Zip(archive), Place::Index(index)) => {
                // The list of entries is shared, so a copy costs no more than its position.
                let mut archive = archive.clone();
                let file = archive.by_index(*index)?;
                let length = file.size();
                whole(file, length)
            }
            _ => bail!("an entry of another archive"),
        }
    }
}

/// Reads to the end, which must come after `length` bytes.
fn whole(reader: impl Read, length: u64) -> Result<Vec<u8>> {
    ensure!(length <= MAX_BYTES, "{length} bytes are more than any photograph has");
    let mut bytes = Vec::with_capacity(length.min(1 << 24) as usize);
    // To the end and not just `length`: zip archives have their sum checked there. One that
    // unpacks to more than it says stops soon after.
    reader.take(length + 1).read_to_end(&mut bytes)?;
    ensure!(bytes.len() as u64 == length, "{} of {length} bytes are there", bytes.len());
    Ok(bytes)
}

fn zip_entries(archive: &ZipArchive<SharedFile>) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index)?;
        let name = entry.name()?.into_owned();
        if entry.is_file() && is_photograph(Path::new(&name)) {
            entries.push(Entry { name, place: Place::Index(index) });
        }
    }
    Ok(entries)
}

fn tar_entries(file: &SharedFile) -> Result<Vec<Entry>> {
    const BLOCK: u64 = 512;
    let (length, mut end) = (file.length, 0u64);
    let mut archive = tar::Archive::new(file.clone());
    let mut entries = Vec::new();
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path()?.to_string_lossy().into_owned();
        let (start, size) = (entry.raw_file_position(), entry.size());
        end = start.saturating_add(size);
        ensure!(end <= length, "it ends within {name}");
        if is_photograph(Path::new(&name)) {
            let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
            entries.push(Entry { name, place: Place::Range { start, length: size } });
        }
    }
    // Cut short between two entries it would pass for a smaller archive.
    let marked = end.next_multiple_of(BLOCK) + BLOCK <= length;
    ensure!(marked, "the mark at its end is missing");
    Ok(entries)
}

/// A file that many threads read at once, each copy from its own position.
#[derive(Clone)]
struct SharedFile {
    file: Arc<File>,
    length: u64,
    position: u64,
}

impl SharedFile {
    fn open(path: &Path) -> Result<Self> {
        let file = input::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), length, position: 0 })
    }
}

impl Read for SharedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let count = std::os::unix::fs::FileExt::read_at(&*self.file, buffer, self.position)?;
        #[cfg(windows)]
        let count = std::os::windows::fs::FileExt::seek_read(&*self.file, buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for SharedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
