//! In-place editing of EXIF blocks. Nothing in a block may move: makers' notes point into it.

use std::ops::Range;

/// Tag of the first directory that points to the camera's directory.
pub(super) const EXIF_DIRECTORY: u16 = 0x8769;
/// Tag that points to the directory of positions.
pub(super) const GPS_DIRECTORY: u16 = 0x8825;
const ORIENTATION: u16 = 0x0112;
/// Tags of dots per unit, across and down, and of the unit: 1 for none, 2 for inches, 3 for centimetres.
pub(super) const X_RESOLUTION: u16 = 0x011A;
pub(super) const Y_RESOLUTION: u16 = 0x011B;
pub(super) const RESOLUTION_UNIT: u16 = 0x0128;
/// Tags of width and height: the file's in the first directory, the photograph's in the camera's.
const SIZE_TAGS: [[u16; 2]; 2] = [[0x0100, 0x0101], [0xA002, 0xA003]];
/// Tags of the thumbnail's offset and length.
const THUMBNAIL_TAGS: [u16; 2] = [0x0201, 0x0202];

/// One field of a directory.
pub(super) struct Entry {
    /// Offset of its 12 bytes.
    at: usize,
    pub(super) tag: u16,
    pub(super) kind: u16,
    count: u32,
}

/// An EXIF block, which has the structure of a TIFF file.
pub(super) struct Block<'a> {
    bytes: &'a mut Vec<u8>,
    little_endian: bool,
}

/// Bytes of a value of this type; 0 for a type that neither TIFF 6.0 nor BigTIFF defines.
pub(super) const fn value_bytes(kind: u16) -> usize {
    match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16..=18 => 8,
        _ => 0,
    }
}

/// Bytes of one number within a value of this type, the unit that the byte order reverses: half a rational.
pub(super) const fn number_bytes(kind: u16) -> usize {
    match kind {
        5 | 10 => 4,
        other if value_bytes(other) > 1 => value_bytes(other),
        _ => 1,
    }
}

impl<'a> Block<'a> {
    /// A block over these bytes; `None` where they do not begin with a byte order and TIFF's number.
    pub(super) fn new(bytes: &'a mut Vec<u8>) -> Option<Self> {
        let little_endian = match bytes.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        Some(Self { bytes, little_endian })
    }

    /// Whether numbers are stored little-endian.
    pub(super) fn is_little_endian(&self) -> bool {
        self.little_endian
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn set_u16(&mut self, at: usize, value: u16) {
        let bytes = if self.little_endian { value.to_le_bytes() } else { value.to_be_bytes() };
        self.bytes[at..at + 2].copy_from_slice(&bytes);
    }

    fn set_u32(&mut self, at: usize, value: u32) {
        let bytes = if self.little_endian { value.to_le_bytes() } else { value.to_be_bytes() };
        self.bytes[at..at + 4].copy_from_slice(&bytes);
    }

    /// Offset of the first directory.
    pub(super) fn first(&self) -> Option<usize> {
        self.u32(4).map(|at| at as usize)
    }

    /// The fields of a directory; `None` where it leaves the block.
    pub(super) fn entries(&self, directory: usize) -> Option<Vec<Entry>> {
        let count = usize::from(self.u16(directory)?);
        self.u32(directory + 2 + 12 * count)?;
        Some(self.readable_entries(directory))
    }

    /// The fields of a directory, those that are left of it where the block was cut off.
    fn readable_entries(&self, directory: usize) -> Vec<Entry> {
        let count = self.u16(directory).unwrap_or(0);
        (0..usize::from(count))
            .map_while(|i| {
                let at = directory.checked_add(2 + 12 * i)?;
                let (tag, kind, count) = (self.u16(at)?, self.u16(at + 2)?, self.u32(at + 4)?);
                self.u32(at + 8)?;
                Some(Entry { at, tag, kind, count })
            })
            .collect()
    }

    /// The first number of a field of any integer type.
    fn integer(&self, entry: &Entry) -> Option<i64> {
        let value = self.value(entry)?;
        let value = value.get(..value_bytes(entry.kind))?;
        let join = |number: u32, byte: &u8| number << 8 | u32::from(*byte);
        let number =
            if self.little_endian { value.iter().rev().fold(0, join) } else { value.iter().fold(0, join) };
        match entry.kind {
            1 | 3 | 4 | 7 => Some(number.into()),
            6 => Some((number as u8 as i8).into()),
            8 => Some((number as u16 as i16).into()),
            9 => Some((number as i32).into()),
            _ => None,
        }
    }

    /// Offset of the directory that a field of another one points to.
    pub(super) fn pointed(&self, directory: usize, tag: u16) -> Option<usize> {
        let entry = self.entries(directory)?.into_iter().find(|entry| entry.tag == tag)?;
        Some(self.u32(entry.at + 8)? as usize)
    }

    /// The range of a field's value; `None` where it leaves the block.
    fn place(&self, entry: &Entry) -> Option<Range<usize>> {
        let length = value_bytes(entry.kind).checked_mul(entry.count as usize)?;
        let start = if length <= 4 { entry.at + 8 } else { self.u32(entry.at + 8)? as usize };
        let place = start..start.checked_add(length)?;
        (place.end <= self.bytes.len()).then_some(place)
    }

    /// The bytes of a field's value, in the byte order of the block.
    pub(super) fn value(&self, entry: &Entry) -> Option<&[u8]> {
        self.bytes.get(self.place(entry)?)
    }

    /// Overwrites a directory and all its values with zeros.
    fn wipe(&mut self, directory: usize) {
        let Some(entries) = self.entries(directory) else { return };
        for place in entries.iter().filter_map(|entry| self.place(entry)).collect::<Vec<_>>() {
            self.bytes[place].fill(0);
        }
        self.bytes[directory..directory + 2 + 12 * entries.len() + 4].fill(0);
    }

    /// Removes a field from its directory; its value stays where it is.
    fn remove(&mut self, directory: usize, entry: &Entry) -> Option<()> {
        let count = self.u16(directory)?;
        let end = directory + 2 + 12 * usize::from(count) + 4;
        // In a damaged block the directory may have lain within the bytes that were wiped.
        if entry.at + 12 > end - 4 {
            return None;
        }
        self.bytes.copy_within(entry.at + 12..end, entry.at);
        self.bytes[end - 12..end].fill(0);
        self.set_u16(directory, count - 1);
        Some(())
    }

    /// Makes every field of this tag a single SHORT.
    fn set_short(&mut self, directory: usize, tag: u16, value: u16) {
        for entry in self.readable_entries(directory).iter().filter(|entry| entry.tag == tag) {
            self.set_u16(entry.at + 2, 3);
            self.set_u32(entry.at + 4, 1);
            self.set_u32(entry.at + 8, 0);
            self.set_u16(entry.at + 8, value);
        }
    }

    fn set_number(&mut self, directory: usize, tag: u16, value: u32) {
        for entry in
            self.readable_entries(directory).iter().filter(|entry| entry.tag == tag && entry.count == 1)
        {
            match (entry.kind, u16::try_from(value)) {
                (3 | 8, Ok(value)) => self.set_u16(entry.at + 8, value),
                (4 | 9, _) => self.set_u32(entry.at + 8, value),
                _ => {}
            }
        }
    }

    /// Removes the thumbnail and its directory, the second one.
    fn remove_thumbnail(&mut self, first: usize) -> Option<()> {
        let link = first + 2 + 12 * usize::from(self.u16(first)?);
        let second = self.u32(link)? as usize;
        self.set_u32(link, 0);
        if second == 0 || second == first {
            return None;
        }
        let pixels = THUMBNAIL_TAGS.map(|tag| {
            let entry = self.entries(second)?.into_iter().find(|entry| entry.tag == tag)?;
            Some(self.u32(entry.at + 8)? as usize)
        });
        self.wipe(second);
        if let [Some(start), Some(length)] = pixels {
            let end = start.checked_add(length)?;
            if end == self.bytes.len() {
                self.bytes.truncate(start);
            } else {
                self.bytes.get_mut(start..end)?.fill(0);
            }
        }
        Some(())
    }
}

/// The number of the orientation, 1 to 8; `None` where a block has none that is readable.
pub(super) fn orientation(bytes: &[u8]) -> Option<u8> {
    let mut bytes = bytes.to_vec();
    let block = Block::new(&mut bytes)?;
    let entries = block.readable_entries(block.first()?);
    let found =
        entries.iter().filter(|entry| entry.tag == ORIENTATION).find_map(|entry| block.integer(entry))?;
    u8::try_from(found).ok().filter(|number| (1..=8).contains(number))
}

/// Whether the first directory of a block has a field of a tag.
pub(super) fn has(block: Option<&Block>, tag: u16) -> bool {
    let first = block.and_then(|block| Some((block, block.first()?)));
    first.is_some_and(|(block, first)| block.readable_entries(first).iter().any(|entry| entry.tag == tag))
}

/// Sets orientation and size to those of the upright photograph and removes the thumbnail, which shows the
/// photograph as it was: gray and perhaps rotated.
pub(super) fn make_upright(bytes: &mut Vec<u8>, (width, height): (usize, usize)) {
    let Some(mut block) = Block::new(bytes) else { return };
    let Some(first) = block.first() else { return };
    block.set_short(first, ORIENTATION, 1);
    let directories = [Some(first), block.pointed(first, EXIF_DIRECTORY)];
    for (directory, tags) in directories.into_iter().zip(SIZE_TAGS) {
        for (tag, side) in tags.into_iter().zip([width, height]) {
            if let (Some(directory), Ok(side)) = (directory, u32::try_from(side)) {
                block.set_number(directory, tag, side);
            }
        }
    }
    let _ = block.remove_thumbnail(first);
}

/// Removes the position at which the photograph was taken. False where the block is too damaged to search.
pub(super) fn remove_location(bytes: &mut Vec<u8>) -> bool {
    let Some(mut block) = Block::new(bytes) else { return false };
    let Some(first) = block.first() else { return false };
    let directories = [Some(first), block.pointed(first, EXIF_DIRECTORY)];
    for directory in directories.into_iter().flatten() {
        let Some(entries) = block.entries(directory) else { return false };
        for entry in entries.iter().rev().filter(|entry| entry.tag == GPS_DIRECTORY) {
            match block.u32(entry.at + 8) {
                // A damaged pointer to a directory that stays must not wipe it.
                Some(gps) if !directories.contains(&Some(gps as usize)) => block.wipe(gps as usize),
                _ => {}
            }
            if block.remove(directory, entry).is_none() {
                return false;
            }
        }
    }
    true
}
