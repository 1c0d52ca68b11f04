//! Files that are read: regular ones only, and no more of them than their kind has. A device such as
//! `/dev/zero` never ends, a FIFO may never begin, and neither tells its length beforehand.

use anyhow::{Context, Result, bail, ensure};
use std::fs::{File, FileType, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// More bytes than a configuration or a list of hints has.
const MAX_TEXT: u64 = 16 << 20;

/// Opens a regular file.
///
/// # Errors
/// Where it cannot be opened, or is of another kind; without its name, which the caller adds.
pub fn open(path: &Path) -> Result<File> {
    // Before it is opened: the opening of a FIFO waits for somebody to write.
    let refuse = |metadata: Metadata| match special(metadata.file_type()) {
        Some(kind) => bail!("it is {kind}; a file is needed"),
        None => Ok(()),
    };
    refuse(std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    refuse(file.metadata()?)?;
    Ok(file)
}

/// The kind of what is no regular file.
pub fn special(kind: FileType) -> Option<&'static str> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return Some("a FIFO");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
        if kind.is_block_device() || kind.is_char_device() {
            return Some("a device");
        }
    }
    if kind.is_dir() {
        Some("a folder")
    } else if kind.is_file() {
        None
    } else {
        Some("no regular file")
    }
}

/// The bytes of a file, at most so many.
///
/// # Errors
/// With its name, where it cannot be read or is longer.
pub fn bytes(path: &Path, most: u64) -> Result<Vec<u8>> {
    let read = || -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        open(path)?.take(most + 1).read_to_end(&mut bytes)?;
        ensure!(bytes.len() as u64 <= most, "it has more than {most} bytes");
        Ok(bytes)
    };
    read().with_context(|| format!("cannot read {}", path.display()))
}

/// The text of a configuration or the like.
///
/// # Errors
/// With its name, where it cannot be read, is longer than any such file, or no UTF-8.
pub fn text(path: &Path) -> Result<String> {
    String::from_utf8(bytes(path, MAX_TEXT)?)
        .ok()
        .with_context(|| format!("cannot read {}: it is no text in UTF-8", path.display()))
}

/// A reader that fails where more is asked of it than there may be.
pub struct Limited<R> {
    inner: R,
    position: u64,
    most: u64,
}

impl<R> Limited<R> {
    /// Of a reader at its beginning.
    pub fn new(inner: R, most: u64) -> Self {
        Self { inner, position: 0, most }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.position += count as u64;
        if self.position > self.most {
            return Err(io::Error::other(format!("the file has more than {} bytes", self.most)));
        }
        Ok(count)
    }
}

impl<R: Seek> Seek for Limited<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = self.inner.seek(to)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn the_limit_is_on_what_is_read() {
        let mut reader = Limited::new(Cursor::new([7; 100]), 40);
        let mut buffer = [0; 30];
        assert_eq!(reader.read(&mut buffer).unwrap(), 30);
        assert!(reader.read(&mut buffer).unwrap_err().to_string().contains("more than 40 bytes"));
        reader.rewind().unwrap();
        assert_eq!(reader.read(&mut buffer).unwrap(), 30);

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        std::fs::write(&path, [1; 9]).unwrap();
        assert_eq!(bytes(&path, 9).unwrap(), [1; 9]);
        let error = format!("{:#}", bytes(&path, 8).unwrap_err());
        assert!(error.contains("a.bin") && error.contains("more than 8"), "{error}");
    }

    /// Its metadata says 0 bytes.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_length_that_metadata_does_not_know_is_read() {
        assert!(!bytes(Path::new("/proc/self/status"), 1 << 20).unwrap().is_empty());
        assert!(bytes(Path::new("/proc/self/status"), 10).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn devices_folders_and_sockets_are_refused_by_their_kind() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, kind) in
            [(Path::new("/dev/zero"), "a device"), (folder.path(), "a folder"), (&socket, "a socket")]
        {
            let error = open(path).unwrap_err().to_string();
            assert!(error.contains(kind), "{error}");
        }
    }
}
