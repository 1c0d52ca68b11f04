//! Large allocations that may fail: a failure reported as [`Error::OutOfMemory`] costs one photograph, a
//! failure inside a library aborts the engine with everything it holds.

use crate::error::{Error, Result};
use std::io::{self, Cursor, Seek, SeekFrom, Write};

/// An empty vector with capacity for `count` values.
///
/// # Errors
/// [`Error::OutOfMemory`] where the allocation fails.
pub(crate) fn try_with_capacity<T>(count: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    let bytes = count.saturating_mul(size_of::<T>());
    values.try_reserve_exact(count).map_err(|_| Error::OutOfMemory { bytes })?;
    Ok(values)
}

/// Checks that a library which is about to allocate `bytes` bytes will get them, by allocating and freeing
/// them.
///
/// # Errors
/// [`Error::OutOfMemory`] where the allocation fails.
pub(crate) fn check_available(bytes: u64) -> Result<()> {
    try_with_capacity::<u8>(usize::try_from(bytes).unwrap_or(usize::MAX)).map(drop)
}

/// A file in memory whose growth may fail: the write error then holds an [`Error::OutOfMemory`].
#[derive(Debug, Default)]
pub(crate) struct FallibleBuffer(Cursor<Vec<u8>>);

impl FallibleBuffer {
    /// The bytes written.
    #[must_use]
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.into_inner()
    }
}

impl Write for FallibleBuffer {
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

impl Seek for FallibleBuffer {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_is_an_error() {
        assert_eq!(try_with_capacity::<u16>(usize::MAX / 2).unwrap_err().code(), "out-of-memory");
        assert_eq!(check_available(u64::MAX).unwrap_err().code(), "out-of-memory");
        assert!(check_available(1 << 20).is_ok());
    }

    #[test]
    fn a_file_is_written_and_corrected() {
        let mut file = FallibleBuffer::default();
        file.write_all(b"....colour").unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(b"more").unwrap();
        assert_eq!(file.into_bytes(), b"morecolour");
    }
}
