//! Metadata in the chunks of a PNG file, before and behind the pixels.

use super::io::Source;
use super::metadata::{Density, FileMetadata, MAX_UNPACKED_BYTES, Text};
use super::photoshop;
use flate2::read::ZlibDecoder;
use std::io::{Read, SeekFrom};

/// The keyword of XMP.
pub(super) const XMP: &str = "XML:com.adobe.xmp";
/// What the keywords begin with under which ImageMagick and others store the profiles of other formats.
const RAW_PROFILE: &str = "Raw profile type ";
/// Longest text that is kept, bytes.
const MAX_TEXT_BYTES: u64 = 1 << 20;
/// The most texts that are kept.
const MAX_TEXTS: usize = 256;

/// Reads all chunks that are intact. Image data is passed over.
pub(super) fn read(source: &mut dyn Source) -> FileMetadata {
    let mut metadata = FileMetadata::default();
    let mut signature = [0; 8];
    if source.read_exact(&mut signature).is_err() {
        return metadata;
    }
    let mut head = [0; 8];
    while source.read_exact(&mut head).is_ok() {
        let [a, b, c, d, kind @ ..] = head;
        let length = u32::from_be_bytes([a, b, c, d]);
        let is_metadata = matches!(&kind, b"iCCP" | b"eXIf" | b"pHYs" | b"tEXt" | b"zTXt" | b"iTXt");
        if &kind == b"IEND" {
            break;
        }
        if !is_metadata || u64::from(length) > MAX_UNPACKED_BYTES {
            if source.seek(SeekFrom::Current(i64::from(length) + 4)).is_err() {
                break;
            }
            continue;
        }
        let mut content = Vec::new();
        let mut sum = [0; 4];
        let read = (&mut *source).take(length.into()).read_to_end(&mut content);
        if read.is_err() || source.read_exact(&mut sum).is_err() {
            break;
        }
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&kind);
        hasher.update(&content);
        if hasher.finalize().to_be_bytes() == sum {
            let _ = add(&mut metadata, &kind, &content);
        }
    }
    metadata
}

/// Adds what a chunk says; `None` where it cannot be read.
fn add(metadata: &mut FileMetadata, kind: &[u8; 4], content: &[u8]) -> Option<()> {
    match kind {
        b"eXIf" => metadata.exif = Some(content.to_vec()),
        b"iCCP" => {
            let (_, profile) = keyword(content)?;
            let (0, packed) = (*profile.first()?, &profile[1..]) else { return None };
            metadata.icc = Some(inflated(packed, MAX_UNPACKED_BYTES)?);
        }
        b"pHYs" => {
            let [x, y] = [content.get(..4)?, content.get(4..8)?]
                .map(|dots| f64::from(u32::from_be_bytes(dots.try_into().unwrap_or_default())));
            metadata.density = match content.get(8)? {
                1 => Density::of(x * 0.0254, y * 0.0254, 2),
                _ => Density::of(x, y, 1),
            };
        }
        b"tEXt" => {
            let (keyword, text) = keyword(content)?;
            add_text(metadata, &keyword, || Some(latin1(text)));
        }
        b"zTXt" => {
            let (keyword, rest) = keyword(content)?;
            let (0, packed) = (*rest.first()?, &rest[1..]) else { return None };
            let limit = limit(&keyword);
            add_text(metadata, &keyword, || Some(latin1(&inflated(packed, limit)?)));
        }
        _ => {
            let (keyword, rest) = keyword(content)?;
            let (is_packed, rest) = (*rest.first()? == 1, rest.get(2..)?);
            // The language, and the keyword in it.
            let rest = rest.splitn(3, |byte| *byte == 0).nth(2)?;
            let limit = limit(&keyword);
            add_text(metadata, &keyword, || {
                let text = if is_packed { inflated(rest, limit)? } else { rest.to_vec() };
                String::from_utf8(text).ok()
            });
        }
    }
    Some(())
}

fn add_text(metadata: &mut FileMetadata, keyword: &str, text: impl FnOnce() -> Option<String>) {
    if keyword == XMP {
        metadata.xmp = text().map(String::into_bytes);
    } else if let Some(kind) = keyword.strip_prefix(RAW_PROFILE) {
        let Some(profile) = text().and_then(|text| raw_profile(&text)) else { return };
        match kind.to_ascii_lowercase().as_str() {
            // Exiv2 and others store XMP in the segment of EXIF's kind, as JPEG does.
            "exif" | "app1" => {
                if let Some(xmp) = profile.strip_prefix(super::jpeg_segments::XMP) {
                    metadata.xmp.get_or_insert_with(|| xmp.to_vec());
                } else {
                    metadata.exif.get_or_insert(profile);
                }
            }
            "xmp" => drop(metadata.xmp.get_or_insert(profile)),
            "icc" | "icm" => drop(metadata.icc.get_or_insert(profile)),
            "iptc" | "8bim" => {
                // Bare datasets begin with this byte.
                let iptc =
                    if profile.first() == Some(&0x1C) { Some(profile) } else { photoshop::iptc(&profile) };
                metadata.iptc = metadata.iptc.take().or(iptc);
            }
            _ => {}
        }
    } else if metadata.texts.len() < MAX_TEXTS
        && let Some(text) = text().filter(|text| !text.is_empty() && text.len() as u64 <= MAX_TEXT_BYTES)
    {
        metadata.texts.push(Text { keyword: keyword.to_owned(), text });
    }
}

/// Bytes that a text of this keyword may unpack to. The bytes of profiles are two digits each, and line ends.
fn limit(keyword: &str) -> u64 {
    if keyword.starts_with(RAW_PROFILE) {
        MAX_UNPACKED_BYTES * 5 / 2
    } else if keyword == XMP {
        MAX_UNPACKED_BYTES
    } else {
        MAX_TEXT_BYTES
    }
}

fn keyword(content: &[u8]) -> Option<(String, &[u8])> {
    let end = content.iter().take(80).position(|byte| *byte == 0)?;
    Some((latin1(&content[..end]), &content[end + 1..]))
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Unpacked data; `None` where it is damaged or longer than the limit.
fn inflated(packed: &[u8], limit: u64) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    ZlibDecoder::new(packed).take(limit + 1).read_to_end(&mut data).ok()?;
    (data.len() as u64 <= limit).then_some(data)
}

/// The bytes of a profile that is written as a line end, its name, its length and hexadecimal digits.
fn raw_profile(text: &str) -> Option<Vec<u8>> {
    let mut lines = text.trim_start().splitn(3, '\n');
    let (_, length, digits) = (lines.next()?, lines.next()?.trim().parse::<usize>().ok()?, lines.next()?);
    let digits: String = digits.chars().filter(|digit| !digit.is_whitespace()).collect();
    hex::decode(digits).ok().filter(|profile| profile.len() == length)
}

/// The keyword and the text of a profile of another format.
pub(super) fn as_raw_profile(name: &str, profile: &[u8]) -> (String, String) {
    let mut text = format!("\n{name}\n{:8}\n", profile.len());
    for line in profile.chunks(36) {
        text += &hex::encode(line);
        text.push('\n');
    }
    (format!("{RAW_PROFILE}{name}"), text)
}
