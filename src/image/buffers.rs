//! Memory that is asked for before it is needed: an allocation that fails inside a library would
//! end the engine, and with it the photograph's colours.

use crate::error::{Error, Result};
use std::io::{self, Cursor, Seek, SeekFrom, Write};

/// An empty vector with room for `count` values.
///
/// # Errors
/// [`Error::OutOfMemory`] where there is none.
pub fn room<T>(count: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    let bytes = count.saturating_mul(size_of::<T>());
    values.try_reserve_exact(count).map_err(|_| Error::OutOfMemory { bytes })?;
    Ok(values)
}

/// Asks whether a library will find `bytes` bytes when it allocates them.
///
/// # Errors
/// [`Error::OutOfMemory`] where it will not.
pub fn expect_room(bytes: u64) -> Result<()> {
    room::<u8>(usize::try_from(bytes).unwrap_or(usize::MAX)).map(drop)
}

/// A file in memory whose growth may fail: a write error that holds [`Error::OutOfMemory`].
#[derive(Debug, Default)]
pub struct Growing(Cursor<Vec<u8>>);

impl Growing {
    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_inner()
    }
}

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = self.0.position() as usize + bytes.len();
        let file = self.0.get_mut();
        let more = end.saturating_sub(file.len());
        let full = |_| io::Error::new(io::ErrorKind::OutOfMemory, Error::OutOfMemory { bytes: end });
        file.try_reserve(more).map_err(full)?;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Growing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_is_an_error() {
        assert_eq!(room::<u16>(usize::MAX / 2).unwrap_err().code(), "out-of-memory");
        assert_eq!(expect_room(u64::MAX).unwrap_err().code(), "out-of-memory");
        assert!(expect_room(1 << 20).is_ok());
    }

    #[test]
    fn a_file_is_written_and_corrected() {
        let mut file = Growing::default();
        file.write_all(b"....colour").unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(b"more").unwrap();
        assert_eq!(file.into_bytes(), b"morecolour");
    }
}
