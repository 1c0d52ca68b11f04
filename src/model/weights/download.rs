//! Download of a model's file: piece by piece, bounded and hashed.

use crate::error::{Error, Result};
use crate::model::checkpoint::CheckpointError;
use sha2::{Digest, Sha256};

/// Largest file that is accepted: eight times the released networks.
pub const MAX_FILE: usize = 1 << 30;

/// A model's file while it arrives in pieces, hashed on the way.
#[derive(Debug)]
pub struct ModelDownload {
    bytes: Vec<u8>,
    length: usize,
    hash: Sha256,
}

impl ModelDownload {
    /// Allocates a file of `length` bytes.
    ///
    /// # Errors
    /// [`CheckpointError::TooLarge`] above [`MAX_FILE`], [`Error::OutOfMemory`] where there is none.
    pub fn new(length: usize) -> Result<Self> {
        if length > MAX_FILE {
            let (what, size, limit) = ("its size in bytes", length as u64, MAX_FILE as u64);
            return Err(CheckpointError::TooLarge { what, size, limit }.into());
        }
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| Error::OutOfMemory { bytes: length })?;
        Ok(Self { bytes, length, hash: Sha256::new() })
    }

    /// Adds the next piece.
    ///
    /// # Errors
    /// [`CheckpointError::TooLarge`] where more comes than was announced.
    pub fn append(&mut self, piece: &[u8]) -> Result<()> {
        if piece.len() > self.length - self.bytes.len() {
            let (size, limit) = ((self.bytes.len() + piece.len()) as u64, self.length as u64);
            return Err(CheckpointError::TooLarge { what: "its size in bytes", size, limit }.into());
        }
        self.hash.update(piece);
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// The whole file; compared with the hash of the manifest where one is `expected`.
    ///
    /// # Errors
    /// [`CheckpointError::Truncated`] where pieces are missing, [`Error::ModelIntegrity`] where the
    /// hash differs.
    pub fn finish(self, expected: Option<&str>) -> Result<Vec<u8>> {
        if self.bytes.len() < self.length {
            return Err(CheckpointError::Truncated("the file").into());
        }
        let found = hex::encode(self.hash.finalize());
        match expected.filter(|expected| !found.eq_ignore_ascii_case(expected)) {
            Some(expected) => Err(Error::ModelIntegrity { found, expected: expected.to_owned() }),
            None => Ok(self.bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::weights::sha256;

    fn arrive(length: usize, pieces: &[&[u8]], expected: Option<&str>) -> Result<Vec<u8>> {
        let mut file = ModelDownload::new(length)?;
        pieces.iter().try_for_each(|piece| file.append(piece))?;
        file.finish(expected)
    }

    #[test]
    fn pieces_become_the_file_and_its_hash() {
        let hash = sha256(b"a model").to_uppercase();
        assert_eq!(arrive(7, &[b"a mo", b"", b"del"], Some(&hash)).unwrap(), b"a model");
        assert_eq!(arrive(7, &[b"a model"], None).unwrap(), b"a model");
        let other = arrive(7, &[b"a modem"], Some(&hash)).unwrap_err();
        assert!(matches!(other, Error::ModelIntegrity { found, .. } if found == sha256(b"a modem")));
    }

    #[test]
    fn neither_more_nor_less_than_was_announced() {
        let large = |result| matches!(result, Err(Error::Checkpoint(CheckpointError::TooLarge { .. })));
        assert!(large(arrive(3, &[b"ab", b"cd"], None)));
        assert!(large(arrive(MAX_FILE + 1, &[], None)));
        let short = arrive(3, &[b"ab"], None);
        assert!(matches!(short, Err(Error::Checkpoint(CheckpointError::Truncated(_)))));
    }
}
