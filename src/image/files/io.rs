//! Input and output that all formats share: the source files are read from, the check of a header, and
//! the errors of readers and writers.

use crate::error::{Error, Result};
use crate::image::photo::Photo;
use std::io::{self, BufRead, Seek};

/// The source of a file's bytes. A trait object of it keeps decoders from being compiled once for each
/// kind of reader.
pub(super) trait Source: BufRead + Seek {}

impl<T: BufRead + Seek> Source for T {}

/// The refusal of PNG files as Apple's programs write them for their own devices.
const APPLES_PNG: &str = "it is a PNG in Apple's own form (CgBI), which only Apple's programs read";

/// The size that a BMP's header claims: of 16 bits in OS/2's, else of 32, with the height negative where rows
/// come from the top.
fn bmp_size(head: &[u8]) -> Option<(u64, u64)> {
    let number = |at: usize| Some(i32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
    if number(14)? == 12 {
        let number = |at: usize| Some(u64::from(u16::from_le_bytes(head.get(at..at + 2)?.try_into().ok()?)));
        return Some((number(18)?, number(20)?));
    }
    Some((number(18)?.unsigned_abs().into(), number(22)?.unsigned_abs().into()))
}

/// Refuses a file whose header claims more pixels than the engine accepts, and rewinds it. Headers that
/// are not understood pass: the decoder judges them.
pub(super) fn check_header(mut file: &mut dyn Source) -> Result<()> {
    let mut head = [0; 26];
    let known = read_up_to(file, &mut head).map_err(read_error)?;
    file.rewind().map_err(read_error)?;
    let head = &head[..known];
    if head.starts_with(b"\x89PNG") && head.get(12..16) == Some(b"CgBI") {
        return Err(Error::ImageDecode(APPLES_PNG.to_owned()));
    }
    if head.starts_with(b"BM") {
        return bmp_size(head).map_or(Ok(()), |(width, height)| Photo::check_size(width, height));
    }
    if let Ok(size) = imagesize::reader_size(&mut file) {
        Photo::check_size(size.width as u64, size.height as u64)?;
    }
    file.rewind().map_err(read_error)
}

/// Reads until the buffer is full or the file ends; returns how much was read.
pub(super) fn read_up_to(file: &mut dyn Source, buffer: &mut [u8]) -> io::Result<usize> {
    let mut known = 0;
    while known < buffer.len() {
        match file.read(&mut buffer[known..])? {
            0 => break,
            more => known += more,
        }
    }
    Ok(known)
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
