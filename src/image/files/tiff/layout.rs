//! The choice of a page, and how its pixels are stored.

use super::directory::{Directory, TiffFile};
use crate::error::{Error, Result};
use crate::image::photo::Photo;

/// The most samples of a pixel, extra ones included.
const MAX_SAMPLES: u64 = 16;

/// The most bytes that a byte of compressed data may stand for. Deflate reaches 1032.
const MAX_RATIO: u64 = 2000;

/// The tags that say how pixels are stored.
mod tag {
    pub(super) const NEW_SUBFILE_TYPE: u16 = 254;
    pub(super) const SUBFILE_TYPE: u16 = 255;
    pub(super) const WIDTH: u16 = 256;
    pub(super) const HEIGHT: u16 = 257;
    pub(super) const BITS: u16 = 258;
    pub(super) const COMPRESSION: u16 = 259;
    pub(super) const PHOTOMETRIC: u16 = 262;
    pub(super) const FILL_ORDER: u16 = 266;
    pub(super) const STRIP_OFFSETS: u16 = 273;
    pub(super) const ORIENTATION: u16 = 274;
    pub(super) const SAMPLES: u16 = 277;
    pub(super) const ROWS_PER_STRIP: u16 = 278;
    pub(super) const STRIP_BYTES: u16 = 279;
    pub(super) const PLANAR: u16 = 284;
    pub(super) const GROUP3_OPTIONS: u16 = 292;
    pub(super) const PREDICTOR: u16 = 317;
    pub(super) const COLOR_MAP: u16 = 320;
    pub(super) const TILE_WIDTH: u16 = 322;
    pub(super) const TILE_HEIGHT: u16 = 323;
    pub(super) const TILE_OFFSETS: u16 = 324;
    pub(super) const TILE_BYTES: u16 = 325;
    pub(super) const SUB_DIRECTORIES: u16 = 330;
    pub(super) const INKS: u16 = 332;
    pub(super) const EXTRA_SAMPLES: u16 = 338;
    pub(super) const SAMPLE_FORMAT: u16 = 339;
    pub(super) const JPEG_TABLES: u16 = 347;
    pub(super) const LUMA: u16 = 529;
    pub(super) const SUBSAMPLING: u16 = 530;
    pub(super) const BLACK_WHITE: u16 = 532;
}

/// How a sample is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Unsigned,
    Signed,
    Float,
}

/// How pixels are compressed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Aligned,
    Group3 { two_dimensional: bool },
    Group4,
    Lzw,
    Jpeg,
    Deflate,
    PackBits,
}

/// The colours that samples stand for.
#[derive(Clone, PartialEq)]
pub(super) enum Colors {
    Gray {
        white_is_zero: bool,
    },
    Rgb,
    /// Red, then green, then blue of each index.
    Palette(Vec<u8>),
    Cmyk,
    /// Shares of red, green and blue in luma, and the codes of black and white of each component.
    YCbCr {
        luma: [f32; 3],
        range: [f32; 6],
    },
    /// CIE Lab (D50); `offset`: a and b are stored with an offset, as in ICC profiles.
    Lab {
        offset: bool,
    },
}

impl Colors {
    /// Samples per pixel, without extra ones.
    pub(super) fn samples(&self) -> usize {
        match self {
            Self::Gray { .. } | Self::Palette(_) => 1,
            Self::Rgb | Self::YCbCr { .. } | Self::Lab { .. } => 3,
            Self::Cmyk => 4,
        }
    }
}

/// An alpha sample.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Alpha {
    /// Its index within a pixel.
    pub(super) index: usize,
    /// Whether colours are multiplied by it.
    pub(super) associated: bool,
    /// Whether the file says that it is alpha; some programs write four samples and say nothing.
    pub(super) declared: bool,
}

/// How a page's pixels are stored.
pub(super) struct Layout {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Samples per pixel, extra ones included.
    pub(super) samples: usize,
    /// Bits per sample.
    pub(super) bits: u32,
    pub(super) format: Format,
    pub(super) colors: Colors,
    pub(super) alpha: Option<Alpha>,
    pub(super) compression: Compression,
    pub(super) predictor: u64,
    /// Whether each sample has chunks of its own.
    pub(super) planar: bool,
    /// Whether the lowest bit of a byte comes first.
    pub(super) low_bit_first: bool,
    pub(super) little_endian: bool,
    /// Width and height of a chunk, a strip or a tile; the last strip is lower, the last tile is not.
    pub(super) chunk: (usize, usize),
    pub(super) tiled: bool,
    /// Offset and length of each chunk.
    pub(super) chunks: Vec<(u64, u64)>,
    /// Pixels, across and down, that share a pair of chroma samples.
    pub(super) subsampling: (usize, usize),
    pub(super) jpeg_tables: Option<Vec<u8>>,
    /// EXIF's number of the orientation.
    pub(super) orientation: u8,
}

/// The refusal of a kind of TIFF, by its name.
fn refused(kind: impl std::fmt::Display) -> Error {
    Error::ImageDecode(format!("a TIFF of {kind} is not read"))
}

/// The error of a part that contradicts the rest.
pub(super) fn damaged(part: &str) -> Error {
    Error::ImageDecode(format!("the TIFF's {part} is damaged"))
}

/// A page among those of a file.
pub(super) struct Page {
    pub(super) directory: Directory,
    /// How many there are, reduced ones and masks not counted.
    pub(super) count: usize,
    /// Whether the list of pages ends in a damaged one.
    pub(super) damaged_chain: bool,
}

/// Finds the page of a number, 1 for the first. Reduced pages and masks are no pages.
pub(super) fn page(file: &mut TiffFile, number: usize) -> Result<Page> {
    let (directories, damaged_chain) = file.chain();
    let sized = |directory: &Directory| directory.has(tag::WIDTH) && directory.has(tag::HEIGHT);
    let mut reduced = Vec::new();
    let mut full = Vec::new();
    for directory in directories.into_iter().filter(sized) {
        place(file, directory, &mut full, &mut reduced);
    }
    if full.is_empty() {
        // Files of cameras begin with a small picture, which points to the large one.
        let inner: Vec<u64> =
            reduced.iter().filter_map(|page| file.numbers(page, tag::SUB_DIRECTORIES)).flatten().collect();
        for at in inner.into_iter().take(64) {
            if let Some((directory, _)) = file.directory(at).filter(|(directory, _)| sized(directory)) {
                place(file, directory, &mut full, &mut reduced);
            }
        }
    }
    if full.is_empty() {
        let area = |file: &mut TiffFile, page: &Directory| {
            let side = |file: &mut TiffFile, tag| file.number(page, tag).unwrap_or(0);
            side(file, tag::WIDTH).saturating_mul(side(file, tag::HEIGHT))
        };
        full.extend(reduced.into_iter().max_by_key(|page| area(file, page)));
    }
    let count = full.len();
    if count == 0 {
        return Err(damaged("first directory"));
    }
    let taken = number.checked_sub(1).filter(|index| *index < count).ok_or(Error::Parameter {
        name: "page",
        value: number.to_string(),
        range: "the number of one of the file's pages",
    })?;
    Ok(Page { directory: full.swap_remove(taken), count, damaged_chain })
}

/// Adds a directory to the pages, or to the reduced ones; masks to neither.
fn place(file: &mut TiffFile, page: Directory, full: &mut Vec<Directory>, reduced: &mut Vec<Directory>) {
    let kind = file.number(&page, tag::NEW_SUBFILE_TYPE);
    let old_kind = file.number(&page, tag::SUBFILE_TYPE);
    if kind.is_some_and(|kind| kind & 4 != 0) || file.number(&page, tag::PHOTOMETRIC) == Some(4) {
        return;
    }
    let is_reduced = kind.map_or(old_kind == Some(2), |kind| kind & 1 != 0);
    if is_reduced { reduced.push(page) } else { full.push(page) }
}

impl Layout {
    /// Reads how a page is stored.
    pub(super) fn of(file: &mut TiffFile, page: &Directory) -> Result<Self> {
        let side = |file: &mut TiffFile, tag| file.number(page, tag).filter(|side| *side > 0);
        let (width, height) = (side(file, tag::WIDTH), side(file, tag::HEIGHT));
        let (Some(width), Some(height)) = (width, height) else { return Err(damaged("size")) };
        Photo::check_size(width, height)?;
        let (width, height) = (width as usize, height as usize);
        let compression = compression(file, page)?;
        let bits = file.numbers(page, tag::BITS).unwrap_or_else(|| vec![1]);
        if bits.iter().any(|depth| *depth != bits[0]) {
            return Err(refused("samples of different depths"));
        }
        let samples = file.number(page, tag::SAMPLES).unwrap_or(bits.len() as u64);
        if samples > MAX_SAMPLES {
            return Err(refused(format!("{samples} samples per pixel")));
        }
        let samples = samples as usize;
        let formats = file.numbers(page, tag::SAMPLE_FORMAT).unwrap_or_default();
        let format = match (formats.first(), bits[0]) {
            (None | Some(1 | 4), 1..=16 | 32) => Format::Unsigned,
            (Some(2), 8 | 16 | 32) => Format::Signed,
            (Some(3), 16 | 32 | 64) => Format::Float,
            (Some(5 | 6), _) => return Err(refused("complex numbers")),
            (_, depth) => return Err(refused(format!("{depth}-bit samples"))),
        };
        let colors = colors(file, page, compression, samples, bits[0])?;
        if samples < colors.samples() {
            return Err(damaged("number of samples"));
        }
        if format != Format::Unsigned && matches!(colors, Colors::Palette(_) | Colors::YCbCr { .. }) {
            return Err(refused("indices or chroma that are no unsigned integers"));
        }
        let is_lab = matches!(colors, Colors::Lab { .. });
        if is_lab && (!matches!(bits[0], 8 | 16) || format == Format::Float) {
            return Err(refused(format!("{}-bit Lab", bits[0])));
        }
        // The sign of a and b is a matter of Lab, not of the samples' format.
        let format = if is_lab { Format::Unsigned } else { format };
        let mut layout = Self {
            width,
            height,
            samples,
            bits: bits[0] as u32,
            format,
            alpha: alpha(file, page, samples, colors.samples()),
            colors,
            compression,
            predictor: file.number(page, tag::PREDICTOR).unwrap_or(1),
            planar: file.number(page, tag::PLANAR) == Some(2) && samples > 1,
            low_bit_first: file.number(page, tag::FILL_ORDER) == Some(2),
            little_endian: file.little_endian(),
            chunk: (width, height),
            tiled: page.has(tag::TILE_OFFSETS),
            chunks: Vec::new(),
            subsampling: (1, 1),
            jpeg_tables: file.bytes(page, tag::JPEG_TABLES),
            orientation: file.number(page, tag::ORIENTATION).unwrap_or(1).min(255) as u8,
        };
        if matches!(layout.colors, Colors::YCbCr { .. }) {
            let factors = file.numbers(page, tag::SUBSAMPLING).unwrap_or_else(|| vec![2, 2]);
            let [across, down] = factors[..] else { return Err(damaged("chroma subsampling")) };
            if ![across, down].iter().all(|factor| matches!(factor, 1 | 2 | 4)) {
                return Err(damaged("chroma subsampling"));
            }
            layout.subsampling = (across as usize, down as usize);
        }
        layout.check()?;
        layout.find_chunks(file, page)?;
        Ok(layout)
    }

    /// Refuses combinations that are not read, by their names.
    fn check(&self) -> Result<()> {
        if self.is_fax() && (self.bits != 1 || self.samples != 1) {
            return Err(refused("fax compression with more than one bit per pixel"));
        }
        let shared = self.subsampling != (1, 1) && self.compression != Compression::Jpeg;
        if matches!(self.colors, Colors::YCbCr { .. })
            && (self.bits != 8 || shared && (self.planar || self.samples != 3))
        {
            return Err(refused("YCbCr that is planar, has alpha or is not 8 bits deep"));
        }
        if self.compression == Compression::Jpeg && self.bits != 8 {
            return Err(refused(format!("{}-bit JPEG data", self.bits)));
        }
        match (self.predictor, self.format) {
            _ if !self.is_predicted() => Ok(()),
            (2, _) if matches!(self.bits, 8 | 16 | 32) => Ok(()),
            (3, Format::Float) => Ok(()),
            _ => Err(refused(format!("predictor {} with {}-bit samples", self.predictor, self.bits))),
        }
    }

    fn is_fax(&self) -> bool {
        matches!(self.compression, Compression::Aligned | Compression::Group3 { .. } | Compression::Group4)
    }

    /// Whether samples are stored as differences. Only compression that profits from it has them.
    pub(super) fn is_predicted(&self) -> bool {
        self.predictor != 1 && matches!(self.compression, Compression::Lzw | Compression::Deflate)
    }

    /// Samples per pixel within a chunk.
    pub(super) fn chunk_samples(&self) -> usize {
        if self.planar { 1 } else { self.samples }
    }

    /// Bytes of a row of a chunk, unpacked.
    pub(super) fn row_bytes(&self) -> usize {
        (self.chunk.0 * self.chunk_samples()).saturating_mul(self.bits as usize).div_ceil(8)
    }

    fn find_chunks(&mut self, file: &mut TiffFile, page: &Directory) -> Result<()> {
        let (offsets, lengths) = if self.tiled {
            let side =
                |file: &mut TiffFile, tag| file.number(page, tag).filter(|side| (1..=1 << 24).contains(side));
            let (width, height) = (side(file, tag::TILE_WIDTH), side(file, tag::TILE_HEIGHT));
            let (Some(width), Some(height)) = (width, height) else { return Err(damaged("tile size")) };
            // A tile may be larger than the photograph, but not as large as to cost memory.
            Photo::check_size(width, height).map_err(|_| damaged("tile size"))?;
            self.chunk = (width as usize, height as usize);
            (tag::TILE_OFFSETS, tag::TILE_BYTES)
        } else {
            let rows = file.number(page, tag::ROWS_PER_STRIP).filter(|rows| *rows > 0);
            self.chunk.1 = rows.map_or(self.height, |rows| rows.min(self.height as u64) as usize);
            (tag::STRIP_OFFSETS, tag::STRIP_BYTES)
        };
        let offsets = file.numbers(page, offsets).ok_or_else(|| damaged("list of strips"))?;
        let lengths = file.numbers(page, lengths).unwrap_or_default();
        let planes = if self.planar { self.samples } else { 1 };
        let needed = planes * self.width.div_ceil(self.chunk.0) * self.height.div_ceil(self.chunk.1);
        if offsets.len() < needed {
            return Err(damaged("list of strips"));
        }
        let plain = (self.row_bytes() * self.chunk.1) as u64;
        // The best that any compression of colours does; more would cost memory for nothing.
        let packed = (self.width * self.samples).saturating_mul(self.height * self.bits as usize) / 8;
        if !self.is_fax() && packed as u64 / MAX_RATIO > file.length() {
            return Err(damaged("pixel data"));
        }
        self.chunks = offsets[..needed]
            .iter()
            .enumerate()
            .map(|(index, &offset)| {
                // Old programs leave the lengths out, or write zeros.
                let guessed = || match self.compression {
                    Compression::None => plain,
                    _ => {
                        offsets.get(index + 1).filter(|next| **next > offset).unwrap_or(&file.length())
                            - offset.min(file.length())
                    }
                };
                (offset, lengths.get(index).copied().filter(|length| *length > 0).unwrap_or_else(guessed))
            })
            .collect();
        Ok(())
    }
}

fn compression(file: &mut TiffFile, page: &Directory) -> Result<Compression> {
    Ok(match file.number(page, tag::COMPRESSION).unwrap_or(1) {
        0 | 1 => Compression::None,
        2 => Compression::Aligned,
        3 => {
            let options = file.number(page, tag::GROUP3_OPTIONS).unwrap_or(0);
            Compression::Group3 { two_dimensional: options & 1 != 0 }
        }
        4 => Compression::Group4,
        5 => Compression::Lzw,
        7 => Compression::Jpeg,
        8 | 32946 => Compression::Deflate,
        32773 => Compression::PackBits,
        other => {
            return Err(refused(match other {
                6 => "old-style JPEG compression (6)".to_owned(),
                9 | 10 | 34661 => format!("JBIG compression ({other})"),
                32766 => "NeXT compression (32766)".to_owned(),
                32771 => "word-aligned fax compression (32771)".to_owned(),
                32809 => "ThunderScan compression (32809)".to_owned(),
                34676 | 34677 => format!("SGI Log compression ({other})"),
                33003 | 33004 | 33005 | 34712 => format!("JPEG 2000 compression ({other})"),
                34887 => "LERC compression (34887)".to_owned(),
                34892 => "lossy JPEG compression of raw data (34892)".to_owned(),
                34925 => "LZMA compression (34925)".to_owned(),
                50000 | 34926 => format!("Zstandard compression ({other})"),
                50001 | 34927 => format!("WebP compression ({other})"),
                50002 | 52546 => format!("JPEG XL compression ({other})"),
                _ => format!("compression {other}"),
            }));
        }
    })
}

fn colors(
    file: &mut TiffFile,
    page: &Directory,
    compression: Compression,
    samples: usize,
    bits: u64,
) -> Result<Colors> {
    let is_fax =
        matches!(compression, Compression::Aligned | Compression::Group3 { .. } | Compression::Group4);
    let photometric = file.number(page, tag::PHOTOMETRIC).unwrap_or(match samples {
        _ if is_fax => 0,
        1 | 2 => 1,
        _ => 2,
    });
    Ok(match photometric {
        0 | 1 => Colors::Gray { white_is_zero: photometric == 0 },
        2 => Colors::Rgb,
        3 => {
            let map = file.numbers(page, tag::COLOR_MAP).unwrap_or_default();
            if bits > 16 || map.len() < 3 << bits {
                return Err(damaged("palette"));
            }
            // Old programs write 8 bits where 16 are due.
            let shift = if map.iter().any(|value| *value > 255) { 8 } else { 0 };
            let count = 1 << bits;
            let color = |index: usize| [0, 1, 2].map(|c| (map[c * count + index] >> shift).min(255) as u8);
            Colors::Palette((0..count).flat_map(color).collect())
        }
        5 if file.number(page, tag::INKS).unwrap_or(1) != 1 => {
            return Err(refused("inks other than cyan, magenta, yellow and black"));
        }
        5 => Colors::Cmyk,
        6 => {
            let values = |file: &mut TiffFile, tag| file.reals(page, tag).unwrap_or_default();
            let luma: Vec<f32> = values(file, tag::LUMA).into_iter().map(|value| value as f32).collect();
            let range: Vec<f32> =
                values(file, tag::BLACK_WHITE).into_iter().map(|value| value as f32).collect();
            let luma = luma.try_into().ok().filter(|luma: &[f32; 3]| luma[1] > 0.0);
            let range = range
                .try_into()
                .ok()
                .filter(|range: &[f32; 6]| range.chunks(2).all(|pair| pair[0] < pair[1]));
            Colors::YCbCr {
                luma: luma.unwrap_or([0.299, 0.587, 0.114]),
                range: range.unwrap_or([0.0, 255.0, 128.0, 255.0, 128.0, 255.0]),
            }
        }
        8 | 9 => Colors::Lab { offset: photometric == 9 },
        other => {
            return Err(refused(match other {
                10 => "ITU Lab (10)".to_owned(),
                32803 => "a sensor's raw data (CFA, as in DNG)".to_owned(),
                34892 => "a sensor's linear raw data (as in DNG)".to_owned(),
                32844 | 32845 => format!("LogLuv colours ({other})"),
                _ => format!("photometric interpretation {other}"),
            }));
        }
    })
}

fn alpha(file: &mut TiffFile, page: &Directory, samples: usize, of_color: usize) -> Option<Alpha> {
    let extra = samples.checked_sub(of_color).filter(|extra| *extra > 0)?;
    let Some(kinds) = file.numbers(page, tag::EXTRA_SAMPLES) else {
        return (extra == 1).then_some(Alpha { index: of_color, associated: false, declared: false });
    };
    let position = kinds.iter().take(extra).position(|kind| matches!(kind, 1 | 2))?;
    Some(Alpha { index: of_color + position, associated: kinds[position] == 1, declared: true })
}
