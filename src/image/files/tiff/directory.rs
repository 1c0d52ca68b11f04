//! The structure of a TIFF file, classic or big: directories, and the values of their fields. The `tiff`
//! crate reads them too, but opens no file whose first directory is not to its taste, and scanners leave
//! tags out that it wants.

use super::super::exif::{number_bytes, value_bytes};
use super::super::io::Source;
use crate::image::buffers::try_with_capacity;
use std::collections::BTreeSet;
use std::io::{Read, SeekFrom};

/// Largest value that is read, bytes. ICC profiles of printers have some megabytes.
const MAX_VALUE_BYTES: u64 = 16 << 20;

/// The most directories that are followed.
const MAX_DIRECTORIES: usize = 1 << 14;

/// A file whose directories can be read.
pub(super) struct TiffFile<'a> {
    source: &'a mut dyn Source,
    little_endian: bool,
    big: bool,
    length: u64,
    first: u64,
}

/// One field of a directory.
#[derive(Clone, Copy)]
pub(super) struct Field {
    pub(super) tag: u16,
    pub(super) kind: u16,
    count: u64,
    /// The value itself, or where it lies.
    place: [u8; 8],
}

/// The fields of a directory.
#[derive(Clone, Default)]
pub(super) struct Directory {
    pub(super) fields: Vec<Field>,
}

impl Directory {
    fn find(&self, tag: u16) -> Option<&Field> {
        self.fields.iter().find(|field| field.tag == tag)
    }

    pub(super) fn has(&self, tag: u16) -> bool {
        self.find(tag).is_some()
    }
}

impl<'a> TiffFile<'a> {
    /// Reads the header; `None` where it is not one of a TIFF.
    pub(super) fn open(source: &'a mut dyn Source) -> Option<Self> {
        let length = source.seek(SeekFrom::End(0)).ok()?;
        source.rewind().ok()?;
        let mut head = [0; 4];
        source.read_exact(&mut head).ok()?;
        let (little_endian, big) = match &head {
            b"II*\0" => (true, false),
            b"MM\0*" => (false, false),
            b"II+\0" => (true, true),
            b"MM\0+" => (false, true),
            _ => return None,
        };
        let mut file = Self { source, little_endian, big, length, first: 0 };
        file.first = if big {
            // Bytes of an offset, always 8.
            file.next(4)?;
            file.next(8)?
        } else {
            file.next(4)?
        };
        Some(file)
    }

    /// Whether numbers are stored little-endian.
    pub(super) fn little_endian(&self) -> bool {
        self.little_endian
    }

    /// Bytes of the whole file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    fn number_of(&self, bytes: &[u8]) -> u64 {
        let join = |value, byte: &u8| value << 8 | u64::from(*byte);
        if self.little_endian { bytes.iter().rev().fold(0, join) } else { bytes.iter().fold(0, join) }
    }

    /// The next number, at most 8 bytes long.
    fn next(&mut self, bytes: usize) -> Option<u64> {
        let mut buffer = [0; 8];
        self.source.read_exact(&mut buffer[..bytes]).ok()?;
        Some(self.number_of(&buffer[..bytes]))
    }

    /// As many of the bytes in a place as the file has.
    pub(super) fn bytes_at(&mut self, at: u64, count: u64) -> Option<Vec<u8>> {
        let count = count.min(self.length.saturating_sub(at));
        self.source.seek(SeekFrom::Start(at)).ok()?;
        let mut bytes = try_with_capacity(usize::try_from(count).ok()?).ok()?;
        (&mut *self.source).take(count).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// The directory in a place, and where the next one lies; `None` where it leaves the file.
    pub(super) fn directory(&mut self, at: u64) -> Option<(Directory, u64)> {
        self.source.seek(SeekFrom::Start(at)).ok()?;
        let (count_bytes, place_bytes) = if self.big { (8, 8) } else { (2, 4) };
        let count = self.next(count_bytes)?;
        let entry_bytes = 4 + 2 * place_bytes as u64;
        if count.checked_mul(entry_bytes)? > self.length {
            return None;
        }
        let mut directory = Directory::default();
        for _ in 0..count {
            let (tag, kind, count) = (self.next(2)?, self.next(2)?, self.next(place_bytes)?);
            let mut place = [0; 8];
            self.source.read_exact(&mut place[..place_bytes]).ok()?;
            directory.fields.push(Field { tag: tag as u16, kind: kind as u16, count, place });
        }
        // The last link is missing in some files that are complete otherwise.
        let next = self.next(place_bytes).unwrap_or(0);
        Some((directory, next))
    }

    /// The directories of the file's chain, up to the first that is damaged, and whether there is one.
    pub(super) fn chain(&mut self) -> (Vec<Directory>, bool) {
        let (mut found, mut seen, mut at) = (Vec::new(), BTreeSet::new(), self.first);
        while at != 0 && found.len() < MAX_DIRECTORIES {
            if !seen.insert(at) {
                return (found, true);
            }
            let Some((directory, next)) = self.directory(at) else { return (found, true) };
            found.push(directory);
            at = next;
        }
        (found, false)
    }

    /// The bytes of a field's value, numbers in the byte order of this machine.
    pub(super) fn value(&mut self, field: &Field) -> Option<Vec<u8>> {
        let length = field.count.checked_mul(value_bytes(field.kind) as u64)?;
        let inline = if self.big { 8 } else { 4 };
        let mut value = if length <= inline {
            field.place[..length as usize].to_vec()
        } else {
            let at = self.number_of(&field.place[..inline as usize]);
            if length > MAX_VALUE_BYTES || at.checked_add(length)? > self.length {
                return None;
            }
            self.bytes_at(at, length)?
        };
        if self.little_endian != cfg!(target_endian = "little") {
            value.chunks_exact_mut(number_bytes(field.kind)).for_each(<[u8]>::reverse);
        }
        Some(value)
    }

    /// The bytes of a tag's value; `None` where there are none.
    pub(super) fn bytes(&mut self, directory: &Directory, tag: u16) -> Option<Vec<u8>> {
        self.value(directory.find(tag)?).filter(|value| !value.is_empty())
    }

    /// The numbers of a tag's value, of any type.
    pub(super) fn reals(&mut self, directory: &Directory, tag: u16) -> Option<Vec<f64>> {
        let field = *directory.find(tag)?;
        let value = self.value(&field)?;
        let pair = |bytes: &[u8], number: fn([u8; 4]) -> f64| {
            let [above, below] =
                [&bytes[..4], &bytes[4..]].map(|part| number(part.try_into().unwrap_or_default()));
            above / below
        };
        let numbers = value.chunks_exact(value_bytes(field.kind).max(1)).filter_map(|bytes| {
            Some(match field.kind {
                1 | 7 => f64::from(bytes[0]),
                6 => f64::from(bytes[0] as i8),
                3 => f64::from(u16::from_ne_bytes(bytes.try_into().ok()?)),
                8 => f64::from(i16::from_ne_bytes(bytes.try_into().ok()?)),
                4 | 13 => f64::from(u32::from_ne_bytes(bytes.try_into().ok()?)),
                9 => f64::from(i32::from_ne_bytes(bytes.try_into().ok()?)),
                5 => pair(bytes, |number| f64::from(u32::from_ne_bytes(number))),
                10 => pair(bytes, |number| f64::from(i32::from_ne_bytes(number))),
                11 => f64::from(f32::from_ne_bytes(bytes.try_into().ok()?)),
                12 => f64::from_ne_bytes(bytes.try_into().ok()?),
                16 | 18 => u64::from_ne_bytes(bytes.try_into().ok()?) as f64,
                17 => i64::from_ne_bytes(bytes.try_into().ok()?) as f64,
                _ => return None,
            })
        });
        Some(numbers.collect::<Vec<_>>()).filter(|numbers| !numbers.is_empty())
    }

    /// The whole numbers of a tag's value, of any type. Every offset below 2^53 is exact.
    pub(super) fn numbers(&mut self, directory: &Directory, tag: u16) -> Option<Vec<u64>> {
        Some(self.reals(directory, tag)?.into_iter().map(|number| number as u64).collect())
    }

    /// The first whole number of a tag's value.
    pub(super) fn number(&mut self, directory: &Directory, tag: u16) -> Option<u64> {
        self.numbers(directory, tag)?.first().copied()
    }
}
