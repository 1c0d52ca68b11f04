//! Input and output that all formats share: the source files are read from, the check of a header, and
//! the errors of readers and writers.

use crate::error::{Error, Result};
use crate::image::photo::Photo;
use std::io::{self, BufRead, Seek};

/// The source of a file's bytes. A trait object of it keeps decoders from being compiled once for each
/// kind of reader.
pub(super) trait Source: BufRead + Seek {}

impl<T: BufRead + Seek> Source for T {}

/// Refuses a file whose header claims more pixels than the engine accepts, and rewinds it. Headers that
/// are not understood pass: the decoder judges them.
pub(super) fn check_header(mut file: &mut dyn Source) -> Result<()> {
    if let Ok(size) = imagesize::reader_size(&mut file) {
        Photo::check_size(size.width as u64, size.height as u64)?;
    }
    file.rewind().map_err(read_error)
}

/// The error of a file that could not be read.
pub(super) fn read_error(error: io::Error) -> Error {
    Error::ImageDecode(error.to_string())
}

/// The error of a file that could not be written; [`Error::OutOfMemory`] where a
/// [`FallibleBuffer`](crate::image::buffers::FallibleBuffer) could not grow.
pub(super) fn write_error(error: io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(Error::OutOfMemory { bytes }) => Error::OutOfMemory { bytes: *bytes },
        _ => Error::ImageEncode(error.to_string()),
    }
}
