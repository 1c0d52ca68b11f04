//! Metadata of WebP, AVIF and HEIC files: EXIF, ICC and XMP. Only the tables of contents are read; crates
//! that do it bring decoders or several times the code.

use super::metadata::FileMetadata;

/// A cursor over bytes; `None` where they end too early.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// The next big-endian number, `bytes` long, at most 8.
    fn number(&mut self, bytes: usize) -> Option<usize> {
        let value = self.take(bytes)?.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        usize::try_from(value).ok()
    }

    /// The text before the next zero byte.
    fn text(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = self.take(end)?;
        self.take(1)?;
        Some(text)
    }

    /// The next box of ISO 14496-12: its type and its contents.
    fn next_box(&mut self) -> Option<(&'a [u8], Bytes<'a>)> {
        let size = self.number(4)?;
        let kind = self.take(4)?;
        let inside = match size {
            0 => self.0.len(),
            1 => self.number(8)?.checked_sub(16)?,
            size => size.checked_sub(8)?,
        };
        Some((kind, Bytes(self.take(inside)?)))
    }

    /// The contents of the first box of a type.
    fn find(mut self, wanted: &[u8; 4]) -> Option<Bytes<'a>> {
        loop {
            let (kind, inside) = self.next_box()?;
            if kind == wanted {
                return Some(inside);
            }
        }
    }
}

/// Metadata chunks of a WebP file (RIFF: little-endian lengths, chunks padded to an even length).
pub(super) fn webp(file: &[u8]) -> FileMetadata {
    let mut metadata = FileMetadata::default();
    let mut rest = Bytes(file.get(12..).unwrap_or_default());
    while let Some(&[a, b, c, d, ref length @ ..]) = rest.take(8) {
        let length = u32::from_le_bytes(length.try_into().unwrap_or_default()) as usize;
        let Some(chunk) = rest.take(length) else { break };
        let place = match &[a, b, c, d] {
            b"EXIF" => &mut metadata.exif,
            b"ICCP" => &mut metadata.icc,
            b"XMP " => &mut metadata.xmp,
            _ => &mut None,
        };
        place.get_or_insert_with(|| chunk.to_vec());
        rest.take(length % 2);
    }
    metadata
}

/// Metadata items of an AVIF or HEIC file (ISO 23008-12). The ICC profile is left out: such files describe
/// their colour space in other ways too, and the browser decides which one holds.
pub(super) fn heif(file: &[u8]) -> FileMetadata {
    heif_items(file).unwrap_or_default()
}

fn heif_items(file: &[u8]) -> Option<FileMetadata> {
    let mut metadata = FileMetadata::default();
    let mut meta = Bytes(file).find(b"meta")?;
    meta.take(4)?;
    let data = meta.find(b"idat").unwrap_or(Bytes(&[]));
    let mut items = meta.find(b"iinf")?;
    let long = items.number(4)? >> 24 > 0;
    items.number(if long { 4 } else { 2 })?;
    while let Some((_, mut item)) = items.next_box() {
        let long = item.number(4)? >> 24 > 2;
        let id = item.number(if long { 4 } else { 2 })?;
        item.take(2)?;
        match item.take(4)? {
            b"Exif" => {
                let mut block = Bytes(located(file, meta, data, id)?);
                let start = block.number(4)?;
                metadata.exif = block.0.get(start..).map(<[u8]>::to_vec);
            }
            b"mime" => {
                item.text()?;
                if item.text()? == b"application/rdf+xml" {
                    metadata.xmp = located(file, meta, data, id).map(<[u8]>::to_vec);
                }
            }
            _ => {}
        }
    }
    Some(metadata)
}

/// The bytes of an item that is stored as a single extent.
fn located<'a>(file: &'a [u8], meta: Bytes<'a>, data: Bytes<'a>, wanted: usize) -> Option<&'a [u8]> {
    let mut table = meta.find(b"iloc")?;
    let version = table.number(4)? >> 24;
    let sizes = table.number(2)?;
    let [offset_size, length_size, base_size, index_size] = [12, 8, 4, 0].map(|shift| sizes >> shift & 15);
    let id_size = if version < 2 { 2 } else { 4 };
    for _ in 0..table.number(id_size)? {
        let id = table.number(id_size)?;
        let in_data = version > 0 && table.number(2)? & 15 == 1;
        table.take(2)?;
        let base = table.number(base_size.min(8))?;
        let extents = table.number(2)?;
        for extent in 0..extents {
            if version > 0 {
                table.number(index_size.min(8))?;
            }
            let offset = table.number(offset_size.min(8))?;
            let length = table.number(length_size.min(8))?;
            if id == wanted && extent == 0 && extents == 1 {
                let start = base.checked_add(offset)?;
                return if in_data { data.0 } else { file }.get(start..start.checked_add(length)?);
            }
        }
    }
    None
}
