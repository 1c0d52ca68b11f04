//! JPEG files for the native tool; the page leaves them to the browser. `jpeg-decoder` is right for every
//! order of scans and every sampling that libjpeg-turbo reads, but gives nothing of a damaged file.
//! `zune-jpeg` goes on where data is missing, and is right for the common layouts only.

use super::profile;
use super::warnings::DecodeWarning;
use crate::error::{Error, Result};
use crate::image::buffers::check_available;
use crate::image::photo::{Channels, Photo, Samples};
use image::ImageDecoder;
use image::codecs::jpeg::JpegDecoder;
use jpeg_decoder::{ColorTransform, Decoder, Error as JpegError};
use std::io::Cursor;

/// Set bits, which end in no Huffman code: behind the last scan a decoder reads them only where data is
/// missing, and then it fails.
const NO_CODE: [u8; 64] = {
    let mut bytes = [0; 64];
    let mut at = 0;
    while at < 64 {
        bytes[at] = 0xFF;
        at += 2;
    }
    bytes
};

const END: [u8; 2] = [0xFF, 0xD9];

#[derive(Clone, Copy, Debug)]
struct Component {
    id: u8,
    sampling: (u8, u8),
    /// A bit for each coefficient that a scan has brought to full precision.
    complete: u64,
}

/// What the markers of a file say.
#[derive(Debug, Default)]
struct Markers {
    /// The marker of the frame.
    process: u8,
    precision: u8,
    size: (u16, u16),
    components: Vec<Component>,
    is_jfif: bool,
    /// Adobe's number of the colour transform.
    adobe: Option<u8>,
    /// Where that number stands.
    adobe_at: usize,
    /// Whether the first scan holds all components.
    interleaved: bool,
    /// Where the picture's data ends.
    end: usize,
    /// Whether it ends by its marker.
    ended: bool,
}

impl Markers {
    /// Reads the markers up to the end of the picture; what follows belongs to other pictures.
    fn read(file: &[u8]) -> Self {
        let mut found = Self { end: file.len(), ..Self::default() };
        let mut at = 2;
        let mut scans = 0;
        while let Some(skipped) = file[at.min(file.len())..].iter().position(|byte| *byte == 0xFF) {
            at += skipped + 1;
            let marker = match file.get(at) {
                None => break,
                // Fill bytes, stuffed data and restarts; markers without a length.
                Some(0xFF) => continue,
                Some(0 | 1 | 0xD0..=0xD8) => {
                    at += 1;
                    continue;
                }
                Some(0xD9) => {
                    (found.end, found.ended) = (at - 1, true);
                    break;
                }
                Some(marker) => *marker,
            };
            let Some(&[high, low]) = file.get(at + 1..at + 3) else { break };
            let length = usize::from(u16::from_be_bytes([high, low])).max(2);
            let content = file.get(at + 3..at + 1 + length).unwrap_or_default();
            match (marker, content) {
                (0xC4 | 0xC8 | 0xCC, _) => {}
                (0xC0..=0xCF, &[precision, h0, h1, w0, w1, _, ref rest @ ..]) if found.process == 0 => {
                    found.process = marker;
                    found.precision = precision;
                    found.size = (u16::from_be_bytes([w0, w1]), u16::from_be_bytes([h0, h1]));
                    let (components, _) = rest.as_chunks::<3>();
                    found.components = components
                        .iter()
                        .map(|&[id, sampling, _]| Component {
                            id,
                            sampling: (sampling >> 4, sampling & 15),
                            complete: 0,
                        })
                        .collect();
                }
                (0xE0, [b'J', b'F', b'I', b'F', 0, ..]) => found.is_jfif = true,
                (0xEE, [b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, transform, ..]) => {
                    (found.adobe, found.adobe_at) = (Some(*transform), at + 3 + 11);
                }
                (0xDA, [count, rest @ ..]) => {
                    if scans == 0 {
                        found.interleaved = usize::from(*count) == found.components.len();
                    }
                    scans += 1;
                    found.count_scan(usize::from(*count), rest);
                }
                _ => {}
            }
            at += 1 + length;
        }
        found
    }

    fn count_scan(&mut self, count: usize, header: &[u8]) {
        let Some((chosen, &[first, last, approximation, ..])) = header.split_at_checked(count * 2) else {
            return;
        };
        let is_full = !self.is_progressive() || approximation & 15 == 0;
        let (first, last) = if self.is_progressive() { (first, last) } else { (0, 63) };
        for component in &mut self.components {
            if is_full && chosen.iter().step_by(2).any(|id| *id == component.id) {
                (first..=last.min(63)).for_each(|bit| component.complete |= 1 << bit);
            }
        }
    }

    fn is_progressive(&self) -> bool {
        self.process == 0xC2
    }

    /// Whether there are scans for all of the picture.
    fn has_all_scans(&self) -> bool {
        self.components.iter().all(|component| component.complete == u64::MAX)
    }

    /// Refuses what is not read, by its name.
    fn check(&self) -> Result<()> {
        let unread = match (self.process, self.precision, self.components.len()) {
            (0, ..) => return Err(Error::ImageDecode("the JPEG file has no picture in it".to_owned())),
            (0xC3, ..) => "lossless JPEG",
            (0xC9..=0xCB, ..) => "JPEG with arithmetic coding",
            (0xC5..=0xC7 | 0xCD..=0xCF, ..) => "hierarchical JPEG",
            (_, 12, _) => "JPEG of 12 bits",
            (_, 8, 1 | 3 | 4) => {
                return Photo::check_size(self.size.0.into(), self.size.1.into());
            }
            (_, 8, _) => "JPEG of two or more than four components",
            _ => "JPEG of this depth",
        };
        Err(Error::ImageDecode(format!("{unread} is not supported")))
    }

    /// How components are to be understood: libjpeg's rules.
    fn color_transform(&self) -> ColorTransform {
        let ids: Vec<u8> = self.components.iter().map(|component| component.id).collect();
        match (ids.as_slice(), self.adobe) {
            ([_], _) => ColorTransform::Grayscale,
            ([_, _, _], _) if self.is_jfif => ColorTransform::YCbCr,
            ([_, _, _], Some(0)) => ColorTransform::RGB,
            ([b'R', b'G', b'B'], None) => ColorTransform::RGB,
            ([_, _, _], _) => ColorTransform::YCbCr,
            (_, None | Some(0)) => ColorTransform::CMYK,
            _ => ColorTransform::YCCK,
        }
    }

    /// Whether `zune-jpeg` is right for the layout: a scan of all components or a progressive picture,
    /// and chroma no finer than luma by the usual factors.
    fn is_common(&self) -> bool {
        let usual = match &*self.components {
            [_] => true,
            [luma, chroma @ ..] => {
                self.components.len() == 3
                    && matches!(luma.sampling, (1 | 2, 1 | 2))
                    && chroma.iter().all(|component| component.sampling == (1, 1))
            }
            [] => false,
        };
        usual && (self.interleaved || self.is_progressive())
    }
}

/// The pixels, in the decoder's own components.
fn pixels(file: &[u8], markers: &Markers) -> std::result::Result<Vec<u8>, JpegError> {
    let mut decoder = Decoder::new(file);
    decoder.set_color_transform(markers.color_transform());
    decoder.decode()
}

/// What can be read of a file that ends early or is damaged.
fn best_effort(file: &[u8], markers: &Markers) -> Option<Vec<u8>> {
    if !markers.is_common() {
        return None;
    }
    let decoder = JpegDecoder::new(Cursor::new(file)).ok()?;
    let mut pixels = vec![0; usize::try_from(decoder.total_bytes()).ok()?];
    decoder.read_image(&mut pixels).ok()?;
    Some(pixels)
}

/// Decodes the pixels of a JPEG. `icc` is its profile; that of a CMYK picture is used up.
pub(super) fn decode(
    mut file: Vec<u8>,
    icc: &mut Option<Vec<u8>>,
    warnings: &mut Vec<DecodeWarning>,
) -> Result<Photo> {
    let markers = Markers::read(&file);
    markers.check()?;
    let (width, height) = (usize::from(markers.size.0), usize::from(markers.size.1));
    let components = markers.components.len();
    // Planes beside the interleaved picture, and coefficients of two bytes where scans refine them.
    let copies = if markers.is_progressive() { 4 } else { 2 };
    check_available((width * height * components * copies) as u64)?;
    if markers.adobe.is_some_and(|transform| transform > 2) {
        file[markers.adobe_at] = if components == 4 { 2 } else { 1 };
    }
    file.truncate(markers.end);
    file.extend(NO_CODE);
    file.extend(END);
    let pixels = match pixels(&file, &markers) {
        Ok(pixels) => {
            if !markers.has_all_scans() {
                warnings.push(DecodeWarning::Truncated { format: "JPEG" });
            }
            pixels
        }
        Err(JpegError::Unsupported(feature)) => {
            return Err(Error::ImageDecode(format!("JPEG with {feature:?} is not supported")));
        }
        Err(error) => {
            file.truncate(markers.end);
            file.extend(END);
            let reason = if markers.ended { error.to_string() } else { "the file is truncated".to_owned() };
            let Some(pixels) = best_effort(&file, &markers) else {
                return Err(Error::ImageDecode(reason));
            };
            warnings.push(if markers.ended {
                DecodeWarning::Damaged { format: "JPEG", reason }
            } else {
                DecodeWarning::Truncated { format: "JPEG" }
            });
            pixels
        }
    };
    drop(file);
    let (channels, pixels) = match components {
        1 => (Channels::Gray, pixels),
        3 => (Channels::Rgb, pixels),
        _ => {
            let mut inks = pixels;
            if markers.adobe.is_none() {
                // Adobe's programs store what is left of the light, others the ink.
                inks.iter_mut().for_each(|ink| *ink = 255 - *ink);
            }
            (Channels::Rgb, profile::rgb_of_inks(&inks, icc, warnings))
        }
    };
    Photo::new(width, height, channels, Samples::U8(pixels))
}
