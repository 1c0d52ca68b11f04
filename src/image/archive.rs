//! A ZIP archive written without its contents: the writer takes checksums of the files' bytes and returns
//! only the headers, which the caller joins with the files.
//!
//! Entries are stored, since photographs are compressed already. An entry takes about a hundred bytes of
//! memory. Nothing here is called often: `cold` makes the compiler optimise it for size, which keeps the
//! browser's download small.

use crate::error::{Error, Result};
use std::cell::RefCell;
use std::io::{self, Seek, SeekFrom, Write};
use std::rc::Rc;
use zip::result::ZipResult;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Time of an entry's last change, local time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Date {
    /// 1980 to 2107.
    pub(crate) year: u16,
    /// 1 to 12.
    pub(crate) month: u8,
    /// 1 to 31.
    pub(crate) day: u8,
    /// 0 to 23.
    pub(crate) hour: u8,
    /// 0 to 59.
    pub(crate) minute: u8,
    /// 0 to 59.
    pub(crate) second: u8,
}

/// A ZIP archive being written. The archive is the first part that [`Archive::finish`] returns, the bytes of
/// the first entry, the second part, the bytes of the second entry, and so on.
#[derive(Debug)]
pub(crate) struct Archive {
    writer: ZipWriter<Gaps>,
    gaps: Gaps,
    names: Vec<String>,
}

impl Default for Archive {
    fn default() -> Self {
        Self::new()
    }
}

impl Archive {
    /// An empty archive.
    #[must_use]
    pub(crate) fn new() -> Self {
        let gaps = Gaps::default();
        Self { writer: ZipWriter::new(gaps.clone()), gaps, names: Vec::new() }
    }

    /// Begins an entry of `length` bytes. A name that is taken gets a number: "a (2).png".
    ///
    /// # Errors
    /// [`Error::Parameter`] for an empty name or one of more than 65 000 bytes.
    #[cold]
    pub(crate) fn begin(&mut self, name: &str, length: u64, date: Date) -> Result<()> {
        let name = self.free_name(name);
        let Date { year, month, day, hour, minute, second } = date;
        let mut options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(length >= u64::from(u32::MAX));
        // An entry whose date is outside ZIP's range has none.
        if let Ok(date) = zip::DateTime::from_date_and_time(year, month, day, hour, minute, second) {
            options = options.last_modified_time(date);
        }
        if name.is_empty() {
            return Err(refused(name));
        }
        self.gaps.open();
        let started = self.writer.start_file(name.as_str(), options);
        if started.is_err() {
            return Err(refused(name));
        }
        self.gaps.skip();
        self.names.push(name);
        Ok(())
    }

    /// Adds the next bytes of the entry.
    ///
    /// # Errors
    /// [`Error::Parameter`] for more bytes than were announced, where they would need a larger header.
    #[cold]
    pub(crate) fn append(&mut self, piece: &[u8]) -> Result<()> {
        self.writer.write_all(piece).map_err(|error| refused(error.to_string()))
    }

    /// Removes the entry that was begun last, whose bytes could not be read.
    #[cold]
    pub(crate) fn abandon(&mut self) {
        // The call fails where no entry was begun, and then there is nothing to remove.
        if self.writer.abort_file().is_ok() {
            self.gaps.cut();
            self.names.pop();
        }
    }

    /// Ends the archive and returns its parts: the headers before the first entry's bytes, before the
    /// second's, …, and the directory after the last's.
    ///
    /// # Errors
    /// None that a caller can cause.
    #[cold]
    pub(crate) fn finish(self) -> Result<Vec<Vec<u8>>> {
        let Self { writer, gaps, .. } = self;
        gaps.open();
        let finished: ZipResult<_> = writer.finish();
        finished.map_err(|error| refused(error.to_string()))?;
        Ok(gaps.0.take().parts.into_iter().map(|part| part.bytes).collect())
    }

    fn is_taken(&self, name: &str) -> bool {
        self.names.iter().any(|taken| taken == name)
    }

    fn free_name(&self, name: &str) -> String {
        if !self.is_taken(name) {
            return name.to_owned();
        }
        let file = name.rfind('/').map_or(0, |slash| slash + 1);
        let dot = name[file..].rfind('.').filter(|dot| *dot > 0).map_or(name.len(), |dot| file + dot);
        let (stem, ending) = name.split_at(dot);
        let numbered = (2..).map(|number: usize| format!("{stem} ({number}){ending}"));
        numbered.into_iter().find(|name| !self.is_taken(name)).expect("numbers do not end")
    }
}

fn refused(value: String) -> Error {
    Error::Parameter {
        name: "archive entry",
        value,
        range: "a name of 1 to 65000 bytes, and the bytes announced",
    }
}

/// The output of the ZIP writer: keeps the bytes between the entries' contents and counts the contents.
#[derive(Clone, Debug, Default)]
struct Gaps(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    position: u64,
    end: u64,
    /// Whether an entry's bytes are being written.
    skipping: bool,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    start: u64,
    bytes: Vec<u8>,
}

impl Gaps {
    /// Begins a part: bytes written from here on are kept in it.
    fn open(&self) {
        let mut state = self.0.borrow_mut();
        let start = state.end;
        state.skipping = false;
        state.parts.retain(|part| part.start < start || !part.bytes.is_empty());
        state.parts.push(Part { start, bytes: Vec::new() });
    }

    /// Begins an entry's contents: bytes written from here on are counted only.
    fn skip(&self) {
        self.0.borrow_mut().skipping = true;
    }

    /// Drops everything from the present position on.
    fn cut(&self) {
        let mut state = self.0.borrow_mut();
        state.end = state.position;
        let end = state.end;
        state.parts.retain(|part| part.start < end);
    }
}

impl Write for Gaps {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        let (position, length) = (state.position, bytes.len());
        let appends = position == state.end;
        if !appends || !state.skipping {
            let part = state.parts.iter_mut().rev().find(|part| part.start <= position);
            let part = part.ok_or_else(|| io::Error::other("nothing is open"))?;
            let at = (position - part.start) as usize;
            if appends {
                part.bytes.truncate(at);
                part.bytes.extend_from_slice(bytes);
            } else {
                let kept = part.bytes.get_mut(at..at + length);
                kept.ok_or_else(|| io::Error::other("an entry's bytes are gone"))?.copy_from_slice(bytes);
            }
        }
        state.position += length as u64;
        state.end = state.end.max(state.position);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Gaps {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let mut state = self.0.borrow_mut();
        let from = |origin: u64, offset: i64| {
            origin.checked_add_signed(offset).ok_or_else(|| io::Error::other("before the beginning"))
        };
        state.position = match to {
            SeekFrom::Start(position) => position,
            SeekFrom::End(offset) => from(state.end, offset)?,
            SeekFrom::Current(offset) => from(state.position, offset)?,
        };
        Ok(state.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    const DATE: Date = Date { year: 2026, month: 3, day: 4, hour: 5, minute: 6, second: 8 };

    /// The archive of some entries, put together as a caller does it.
    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = Archive::new();
        for (name, bytes) in entries {
            archive.begin(name, bytes.len() as u64, DATE).unwrap();
            bytes.chunks(7).for_each(|piece| archive.append(piece).unwrap());
        }
        assemble(archive, entries)
    }

    fn assemble(archive: Archive, entries: &[(&str, &[u8])]) -> Vec<u8> {
        let parts = archive.finish().unwrap();
        assert_eq!(parts.len(), entries.len() + 1);
        let mut bytes = Vec::new();
        for (part, (_, entry)) in parts.iter().zip(entries.iter().chain([&("", &[][..])])) {
            bytes.extend_from_slice(part);
            bytes.extend_from_slice(entry);
        }
        bytes
    }

    fn read(bytes: Vec<u8>) -> Vec<(String, Vec<u8>)> {
        let mut zip = zip::ZipArchive::new(io::Cursor::new(bytes)).unwrap();
        let mut entries = Vec::new();
        for index in 0..zip.len() {
            let mut file = zip.by_index(index).unwrap();
            let date = file.last_modified().unwrap();
            assert_eq!((date.year(), date.month(), date.day(), date.second()), (2026, 3, 4, 8));
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            entries.push((file.name().unwrap().into_owned(), bytes));
        }
        entries
    }

    #[test]
    fn what_was_put_in_comes_out() {
        let long: Vec<u8> = (0..70_000u32).map(|i| ((i * 7919) >> 3) as u8).collect();
        let entries: [(&str, &[u8]); 4] =
            [("Großmutter.png", &long), ("empty.txt", b""), ("写真.jpg", b"colour"), ("empty too", b"")];
        let bytes = archive(&entries);
        let expected: Vec<_> = entries.iter().map(|(n, b)| ((*n).to_owned(), b.to_vec())).collect();
        assert_eq!(read(bytes), expected);
        assert!(read(archive(&[])).is_empty());
    }

    #[test]
    fn names_that_are_taken_are_numbered() {
        let same: [(&str, &[u8]); 6] = [
            ("a.png", b"1"),
            ("a.png", b"2"),
            ("a (2).png", b"3"),
            ("a.png", b"4"),
            ("x.y/.env", b"5"),
            ("x.y/.env", b"6"),
        ];
        let names: Vec<String> = read(archive(&same)).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a.png", "a (2).png", "a (2) (2).png", "a (3).png", "x.y/.env", "x.y/.env (2)"]);
    }

    #[test]
    fn an_entry_that_is_abandoned_leaves_no_trace() {
        let mut archive = Archive::new();
        archive.begin("first", 3, DATE).unwrap();
        archive.append(b"one").unwrap();
        archive.begin("third", 100, DATE).unwrap();
        archive.append(b"tw").unwrap();
        archive.abandon();
        archive.begin("third", 5, DATE).unwrap();
        archive.append(b"three").unwrap();
        assert!(archive.begin("", 1, DATE).is_err());
        assert!(archive.begin(&"n".repeat(70_000), 1, DATE).is_err());
        let entries: [(&str, &[u8]); 2] = [("first", b"one"), ("third", b"three")];
        let found = read(assemble(archive, &entries));
        assert_eq!(found, entries.map(|(n, b)| (n.to_owned(), b.to_vec())));
    }

    /// An entry beyond 4 GB is announced, not written: its header has room for the length.
    #[test]
    fn large_entries_get_the_larger_header() {
        let mut archive = Archive::new();
        archive.begin("large.tif", 5 << 30, DATE).unwrap();
        let parts = archive.finish().unwrap();
        assert_eq!(u16::from_le_bytes([parts[0][4], parts[0][5]]), 45, "version needed: zip64");
    }
}
