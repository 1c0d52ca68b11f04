//! Metadata in the segments of a JPEG file.

use super::io::Source;
use super::metadata::{Density, FileMetadata, Text};
use super::photoshop;

/// Payload bytes of a segment: its 16-bit length counts its own two bytes.
pub(super) const MAX_SEGMENT_BYTES: usize = 0xFFFF - 2;
/// What the segments of each kind begin with.
pub(super) const EXIF: &[u8] = b"Exif\0\0";
pub(super) const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
pub(super) const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";
const ICC: &[u8] = b"ICC_PROFILE\0";
const JFIF: &[u8] = b"JFIF\0";

/// The keyword of a comment.
pub(super) const COMMENT: &str = "Comment";

/// The most comments that are kept.
const MAX_COMMENTS: usize = 64;

/// Reads the segments before the pixels, as far as they are intact.
pub(super) fn read(source: &mut dyn Source) -> FileMetadata {
    let mut metadata = FileMetadata::default();
    let (mut icc, mut resources) = (Vec::new(), Vec::new());
    while let Some((marker, content)) = next(source) {
        match marker {
            0xE0 => {
                if let Some(&[_, _, unit, a, b, c, d, ..]) = content.strip_prefix(JFIF) {
                    let [x, y] = [[a, b], [c, d]].map(|dots| f64::from(u16::from_be_bytes(dots)));
                    metadata.density = Density::of(x, y, u16::from(unit) + 1);
                }
            }
            0xE1 => {
                if let Some(exif) = content.strip_prefix(EXIF) {
                    metadata.exif.get_or_insert_with(|| exif.to_vec());
                } else if let Some(xmp) = content.strip_prefix(XMP) {
                    metadata.xmp.get_or_insert_with(|| xmp.to_vec());
                }
            }
            0xE2 => {
                if let Some([number, count, part @ ..]) = content.strip_prefix(ICC) {
                    icc.push((*number, *count, part.to_vec()));
                }
            }
            0xED => resources.extend_from_slice(content.strip_prefix(PHOTOSHOP).unwrap_or_default()),
            0xFE if metadata.texts.len() < MAX_COMMENTS => {
                let text = text(content.strip_suffix(b"\0").unwrap_or(&content));
                if !text.is_empty() {
                    metadata.texts.push(Text { keyword: COMMENT.to_owned(), text });
                }
            }
            _ => {}
        }
    }
    icc.sort_by_key(|(number, ..)| *number);
    let is_whole = icc
        .iter()
        .zip(1..)
        .all(|((number, count, _), place)| *number == place && usize::from(*count) == icc.len());
    if is_whole && !icc.is_empty() {
        metadata.icc = Some(icc.into_iter().flat_map(|(.., part)| part).collect());
    }
    metadata.iptc = photoshop::iptc(&resources);
    metadata
}

/// The next segment: its marker and its content. `None` where the pixels begin or the file ends.
fn next(source: &mut dyn Source) -> Option<(u8, Vec<u8>)> {
    loop {
        source.skip_until(0xFF).ok()?;
        let mut marker = [0xFF];
        while marker[0] == 0xFF {
            source.read_exact(&mut marker).ok()?;
        }
        match marker[0] {
            0xD9 | 0xDA => return None,
            // No segments: stuffing, and markers that stand alone.
            0 | 1 | 0xD0..=0xD8 => {}
            marker => {
                let mut length = [0; 2];
                source.read_exact(&mut length).ok()?;
                let mut content = vec![0; usize::from(u16::from_be_bytes(length)).checked_sub(2)?];
                source.read_exact(&mut content).ok()?;
                return Some((marker, content));
            }
        }
    }
}

/// A text of unknown coding: UTF-8 where it can be, else Latin-1.
pub(super) fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
}
