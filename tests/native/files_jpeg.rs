//! JPEG files of every order of scans and every sampling, made here block by block, so that the right picture
//! is known without a decoder; and files that are cut short, or of kinds that are refused.

use autochrome::image::files::{self, DecodeWarning, DecodedFile};
use autochrome::image::photo::{Channels, Samples};
use image::ImageEncoder;
use std::io::Cursor;

/// The order in which a file brings its components.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scans {
    Interleaved,
    OneEach,
    LumaThenChroma,
    /// Progressive: half of each level in one scan, then the rest, then other coefficients, all zero.
    Progressive,
    /// Progressive, each scan of one component.
    ProgressiveOneEach,
}

/// Adobe's note of the colour transform.
type Adobe = Option<u8>;

struct Picture {
    size: (usize, usize),
    /// Horizontal and vertical sampling of each component.
    sampling: Vec<(usize, usize)>,
    scans: Scans,
    /// Blocks or groups of blocks between restarts; 0 for none.
    restart: usize,
    adobe: Adobe,
    ids: Vec<u8>,
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u32,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        for bit in (0..count).rev() {
            self.pending = self.pending << 1 | (value >> bit & 1);
            self.count += 1;
            if self.count == 8 {
                self.bytes.push(self.pending as u8);
                if self.pending as u8 == 0xFF {
                    self.bytes.push(0);
                }
                (self.pending, self.count) = (0, 0);
            }
        }
    }

    fn finish(&mut self) {
        while self.count > 0 {
            self.put(1, 1);
        }
    }

    /// The difference of a level to that before, by the table of [`tables`]: a category in four bits.
    fn difference(&mut self, difference: i32) {
        let category = 32 - difference.unsigned_abs().leading_zeros();
        self.put(category, 4);
        let value = if difference < 0 { difference + (1 << category) - 1 } else { difference };
        self.put(value as u32, category);
    }
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    [&[0xFF, marker], &(content.len() as u16 + 2).to_be_bytes()[..], content].concat()
}

/// Twelve categories of four bits each, and the end of a block as the only code beside.
fn tables() -> Vec<u8> {
    let mut lengths = [0; 16];
    lengths[3] = 12;
    let levels = [&[0x00], &lengths[..], &(0..12).collect::<Vec<u8>>()].concat();
    lengths = [0; 16];
    lengths[0] = 1;
    let others = [&[0x10], &lengths[..], &[0]].concat();
    [segment(0xC4, &levels), segment(0xC4, &others)].concat()
}

impl Picture {
    fn new(size: (usize, usize), sampling: &[(usize, usize)], scans: Scans, restart: usize) -> Self {
        let ids = (1..=sampling.len() as u8).collect();
        Self { size, sampling: sampling.to_vec(), scans, restart, adobe: None, ids }
    }

    fn most(&self) -> (usize, usize) {
        let most = |of: fn(&(usize, usize)) -> usize| self.sampling.iter().map(of).max().unwrap();
        (most(|s| s.0), most(|s| s.1))
    }

    /// Blocks of a component, across and down: those with a part of the picture in them.
    fn blocks(&self, component: usize) -> (usize, usize) {
        let ((h, v), (h_most, v_most)) = (self.sampling[component], self.most());
        ((self.size.0 * h).div_ceil(8 * h_most), (self.size.1 * v).div_ceil(8 * v_most))
    }

    /// Groups of blocks of an interleaved scan, across and down.
    fn groups(&self) -> (usize, usize) {
        let (h, v) = self.most();
        (self.size.0.div_ceil(8 * h), self.size.1.div_ceil(8 * v))
    }

    /// The value of all samples of a block.
    fn level(component: usize, x: usize, y: usize) -> u8 {
        (60 + (component * 50 + x * 23 + y * 41) % 140) as u8
    }

    fn scan(&self, components: &[usize], spectrum: (u8, u8), (high, low): (u8, u8)) -> Vec<u8> {
        let mut header = vec![components.len() as u8];
        components.iter().for_each(|c| header.extend([self.ids[*c], 0]));
        header.extend([spectrum.0, spectrum.1, high << 4 | low]);
        let mut units: Vec<Vec<(usize, usize, usize)>> = Vec::new();
        if let &[c] = components {
            let (across, down) = self.blocks(c);
            units.extend((0..down).flat_map(|y| (0..across).map(move |x| vec![(c, x, y)])));
        } else {
            let (across, down) = self.groups();
            for (gy, gx) in (0..down).flat_map(|y| (0..across).map(move |x| (y, x))) {
                let mut unit = Vec::new();
                for &c in components {
                    let (h, v) = self.sampling[c];
                    unit.extend((0..v).flat_map(|y| (0..h).map(move |x| (c, gx * h + x, gy * v + y))));
                }
                units.push(unit);
            }
        }
        let mut bits = Bits::default();
        let mut before = [0; 4];
        for (number, unit) in units.iter().enumerate() {
            if self.restart > 0 && number > 0 && number % self.restart == 0 {
                bits.finish();
                bits.bytes.extend([0xFF, 0xD0 + ((number / self.restart - 1) % 8) as u8]);
                before = [0; 4];
            }
            for &(c, x, y) in unit {
                let level = i32::from(Self::level(c, x, y)) - 128;
                match (spectrum, high) {
                    ((0, last), 0) => {
                        bits.difference((level >> low) - before[c]);
                        before[c] = level >> low;
                        if last > 0 {
                            bits.put(0, 1);
                        }
                    }
                    ((0, _), _) => bits.put(level as u32 & 1, 1),
                    _ => bits.put(0, 1),
                }
            }
        }
        bits.finish();
        [segment(0xDA, &header), bits.bytes].concat()
    }

    fn file(&self) -> Vec<u8> {
        let progressive = matches!(self.scans, Scans::Progressive | Scans::ProgressiveOneEach);
        // A level is an eighth of what is stored of it.
        let quantizers = [&[0], &[8; 64][..]].concat();
        let [width, height] = [self.size.0, self.size.1].map(|side| (side as u16).to_be_bytes());
        let mut frame = [&[8], &height[..], &width, &[self.sampling.len() as u8]].concat();
        for (id, (h, v)) in self.ids.iter().zip(&self.sampling) {
            frame.extend([*id, (h << 4 | v) as u8, 0]);
        }
        let mut file = vec![0xFF, 0xD8];
        if let Some(transform) = self.adobe {
            file.extend(segment(0xEE, &[b"Adobe\0\x64\0\0\0\0", &[transform][..]].concat()));
        }
        file.extend(segment(0xDB, &quantizers));
        file.extend(segment(if progressive { 0xC2 } else { 0xC0 }, &frame));
        file.extend(tables());
        if self.restart > 0 {
            file.extend(segment(0xDD, &(self.restart as u16).to_be_bytes()));
        }
        let all: Vec<usize> = (0..self.sampling.len()).collect();
        let each = || all.iter().map(std::slice::from_ref);
        match self.scans {
            Scans::Interleaved => file.extend(self.scan(&all, (0, 63), (0, 0))),
            Scans::OneEach => each().for_each(|c| file.extend(self.scan(c, (0, 63), (0, 0)))),
            Scans::LumaThenChroma => {
                file.extend(self.scan(&all[..1], (0, 63), (0, 0)));
                file.extend(self.scan(&all[1..], (0, 63), (0, 0)));
            }
            Scans::Progressive => {
                file.extend(self.scan(&all, (0, 0), (0, 1)));
                each().for_each(|c| file.extend(self.scan(c, (1, 5), (0, 0))));
                file.extend(self.scan(&all, (0, 0), (1, 0)));
                each().for_each(|c| file.extend(self.scan(c, (6, 63), (0, 0))));
            }
            Scans::ProgressiveOneEach => {
                each().for_each(|c| file.extend(self.scan(c, (0, 0), (0, 0))));
                each().for_each(|c| file.extend(self.scan(c, (1, 63), (0, 0))));
            }
        }
        file.extend([0xFF, 0xD9]);
        file
    }

    /// The components at a pixel; `None` near the border of a block, where decoders smooth.
    fn components(&self, x: usize, y: usize) -> Option<Vec<f32>> {
        let (h_most, v_most) = self.most();
        let mut found = Vec::new();
        for (c, (h, v)) in self.sampling.iter().enumerate() {
            let (x, y) = (x * h / h_most, y * v / v_most);
            let (across, down) = self.blocks(c);
            let inside = |at: usize, most: usize, blocks: usize, size: usize| {
                size == most || ((1..7).contains(&(at % 8)) || blocks == 1)
            };
            if !inside(x, h_most, across, *h) || !inside(y, v_most, down, *v) {
                return None;
            }
            found.push(f32::from(Self::level(c, x / 8, y / 8)));
        }
        Some(found)
    }
}

fn of_ycc(y: f32, cb: f32, cr: f32) -> [f32; 3] {
    let (cb, cr) = (cb - 128.0, cr - 128.0);
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb].map(|c| c.clamp(0.0, 255.0))
}

fn decoded(file: &[u8]) -> DecodedFile {
    files::decode(Cursor::new(file)).unwrap()
}

/// Compares a decoded picture with the right one wherever that is known.
fn check(name: &str, picture: &Picture, right: impl Fn(&[f32]) -> [f32; 3]) {
    let file = files::decode(Cursor::new(picture.file())).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(file.warnings, [], "{name}");
    let photo = file.photo.into_rgb();
    assert_eq!((photo.width(), photo.height()), picture.size, "{name}");
    let Samples::U8(samples) = photo.samples() else { panic!("{name}: not 8 bits") };
    let mut compared = 0;
    for (at, pixel) in samples.chunks_exact(3).enumerate() {
        let (x, y) = (at % picture.size.0, at / picture.size.0);
        let Some(components) = picture.components(x, y) else { continue };
        let expected = right(&components);
        let near = pixel.iter().zip(expected).all(|(found, right)| (f32::from(*found) - right).abs() <= 1.6);
        assert!(near, "{name}: {pixel:?} at ({x}, {y}) should be {expected:?}");
        compared += 1;
    }
    assert!(compared > 0, "{name}: nothing was compared");
}

const SIZES: [(usize, usize); 5] = [(53, 37), (64, 48), (17, 9), (1, 1), (8, 33)];

#[test]
fn every_sampling_in_every_order_of_scans_is_right() {
    const ONE: (usize, usize) = (1, 1);
    let samplings = [
        [ONE, ONE, ONE],
        [(2, 1), ONE, ONE],
        [(1, 2), ONE, ONE],
        [(2, 2), ONE, ONE],
        [(4, 1), ONE, ONE],
        [(1, 4), ONE, ONE],
        [(4, 2), ONE, ONE],
        [(2, 4), ONE, ONE],
        [(3, 1), ONE, ONE],
        [(3, 2), ONE, ONE],
        [ONE, (2, 1), ONE],
        [ONE, (1, 2), (1, 2)],
        [ONE, (2, 2), (2, 2)],
        [ONE, (2, 1), (2, 1)],
        [(2, 2), (2, 1), (1, 2)],
        [(2, 1), (2, 1), ONE],
        [(2, 1), (1, 2), ONE],
        [(2, 2), (1, 2), (1, 2)],
        [(2, 2), (2, 1), (2, 1)],
        [(2, 2), (2, 2), (2, 2)],
        [(4, 1), (2, 1), (2, 1)],
        [(2, 2), (1, 2), (2, 1)],
    ];
    let orders = [
        Scans::Interleaved,
        Scans::OneEach,
        Scans::LumaThenChroma,
        Scans::Progressive,
        Scans::ProgressiveOneEach,
    ];
    for size in SIZES {
        for sampling in samplings {
            for scans in orders {
                // A group of blocks has at most ten.
                let blocks: usize = sampling.iter().map(|(h, v)| h * v).sum();
                if blocks > 10 && matches!(scans, Scans::Interleaved | Scans::Progressive) {
                    continue;
                }
                for restart in [0, 1, 3] {
                    let name = format!("{size:?} {sampling:?} {scans:?}, restarts {restart}");
                    let picture = Picture::new(size, &sampling, scans, restart);
                    check(&name, &picture, |c| of_ycc(c[0], c[1], c[2]));
                }
            }
        }
        for sampling in [ONE, (2, 2), (1, 2), (3, 1)] {
            for scans in [Scans::Interleaved, Scans::Progressive] {
                let picture = Picture::new(size, &[sampling], scans, 2);
                check(&format!("{size:?} gray {sampling:?} {scans:?}"), &picture, |c| [c[0]; 3]);
            }
        }
    }
}

#[test]
fn components_mean_what_markers_say() {
    const ONE: (usize, usize) = (1, 1);
    let through = |light: f32, black: f32| light * black / 255.0;
    for size in SIZES {
        for scans in [Scans::Interleaved, Scans::OneEach, Scans::Progressive] {
            let of = |components: usize, adobe: Adobe, ids: &[u8]| {
                let mut picture = Picture::new(size, &vec![ONE; components], scans, 0);
                picture.adobe = adobe;
                if !ids.is_empty() {
                    picture.ids = ids.to_vec();
                }
                picture
            };
            let name = |kind: &str| format!("{kind} {size:?} {scans:?}");
            let ycc = |c: &[f32]| of_ycc(c[0], c[1], c[2]);
            let rgb = |c: &[f32]| [c[0], c[1], c[2]];
            check(&name("no mark"), &of(3, None, &[]), ycc);
            check(&name("Adobe 1"), &of(3, Some(1), &[]), ycc);
            check(&name("Adobe 1, odd names"), &of(3, Some(1), &[7, 8, 9]), ycc);
            check(&name("Adobe 0"), &of(3, Some(0), &[]), rgb);
            check(&name("Adobe 9, which nobody knows"), &of(3, Some(9), &[]), ycc);
            check(&name("names R, G, B"), &of(3, None, b"RGB"), rgb);
            check(&name("names 0, 1, 2"), &of(3, None, &[0, 1, 2]), ycc);
            // Adobe's programs store light, others ink.
            check(&name("CMYK, Adobe"), &of(4, Some(0), &[]), |c| [0, 1, 2].map(|i| through(c[i], c[3])));
            check(&name("CMYK"), &of(4, None, &[]), |c| {
                [0, 1, 2].map(|i| through(255.0 - c[i], 255.0 - c[3]))
            });
            check(&name("YCCK"), &of(4, Some(2), &[]), |c| {
                of_ycc(c[0], c[1], c[2]).map(|ink| through(255.0 - ink, c[3]))
            });
        }
    }
}

#[test]
fn kinds_that_are_not_read_are_refused_by_name() {
    let plain = Picture::new((16, 16), &[(1, 1)], Scans::Interleaved, 0).file();
    let frame = plain.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    for (marker, precision, name) in [
        (0xC9, 8, "arithmetic"),
        (0xCA, 8, "arithmetic"),
        (0xCB, 8, "arithmetic"),
        (0xC1, 12, "12 bits"),
        (0xC2, 12, "12 bits"),
        (0xC3, 8, "lossless"),
        (0xC3, 16, "lossless"),
        (0xC5, 8, "hierarchical"),
    ] {
        let mut file = plain.clone();
        (file[frame + 1], file[frame + 4]) = (marker, precision);
        let error = files::decode(Cursor::new(file)).unwrap_err();
        assert_eq!(error.code(), "image-decode");
        assert!(error.to_string().contains(name), "{marker:X}, {precision} bits: {error}");
    }
    let two = Picture::new((16, 16), &[(1, 1), (1, 1)], Scans::Interleaved, 0).file();
    let error = files::decode(Cursor::new(two)).unwrap_err().to_string();
    assert!(error.contains("two"), "{error}");
}

/// A photograph as programs write them.
fn photograph(size: u32) -> Vec<u8> {
    let pixels: Vec<u8> = (0..size * size)
        .flat_map(|i| {
            let (x, y) = ((i % size) as f32, (i / size) as f32);
            [(x / 9.0).sin(), (y / 7.0).cos(), ((x + y) / 11.0).sin()].map(|v| (128.0 + 90.0 * v) as u8)
        })
        .collect();
    let mut file = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 90);
    encoder.write_image(&pixels, size, size, image::ExtendedColorType::Rgb8).unwrap();
    file
}

fn bytes(file: &DecodedFile) -> Vec<u8> {
    let Samples::U8(samples) = file.photo.samples() else { panic!("not 8 bits") };
    samples.clone()
}

#[test]
fn what_is_there_of_a_truncated_file_is_read_and_said() {
    let file = photograph(160);
    let whole = decoded(&file);
    assert_eq!(whole.warnings, []);
    for share in [30, 50, 90, 99] {
        for marker in [&[][..], &[0xFF, 0xD9]] {
            // A file that was cut, and one that a program closed after that.
            let cut = [&file[..file.len() * share / 100], marker].concat();
            let part = decoded(&cut);
            let [warning] = &*part.warnings else { panic!("{share} %: {:?}", part.warnings) };
            assert!(warning.is_failure(), "{share} %: {warning}");
            if marker.is_empty() {
                assert_eq!(warning, &DecodeWarning::Truncated { format: "JPEG" });
                assert!(warning.to_string().contains("truncated"), "{warning}");
            }
            // The head of the file is a fourth of it: rows above what is surely there.
            let rows = 160 * (share - 25) / 100;
            let (part, whole) = (bytes(&part), bytes(&whole));
            let differ = |(a, b): &(&u8, &u8)| a.abs_diff(**b) > 6;
            let wrong = part.iter().zip(&whole).take(rows * 160 * 3).filter(differ).count();
            assert_eq!(wrong, 0, "{share} %, {rows} rows");
        }
    }
    // Nothing is missing but the end itself.
    let unended = decoded(&file[..file.len() - 2]);
    assert_eq!(unended.warnings, []);
    assert_eq!(bytes(&unended), bytes(&whole));
    // What other programs hang on is not the picture's.
    let followed = decoded(&[&file[..], b"\0\0another picture \xFF\xD8\xFF\xE0"].concat());
    assert_eq!((followed.warnings.len(), bytes(&followed)), (0, bytes(&whole)));
}

#[test]
fn a_cut_in_any_layout_is_said_or_refused() {
    for scans in [Scans::Interleaved, Scans::OneEach, Scans::Progressive, Scans::ProgressiveOneEach] {
        for restart in [0, 2] {
            let file = Picture::new((53, 37), &[(2, 2), (1, 1), (1, 1)], scans, restart).file();
            let data = file.windows(2).position(|marker| marker == [0xFF, 0xDA]).unwrap();
            for end in (data + 20..file.len() - 4).step_by(3) {
                match files::decode(Cursor::new(&file[..end])) {
                    Ok(part) => {
                        let said = part.warnings.iter().any(DecodeWarning::is_failure);
                        assert!(said, "{scans:?}, restarts {restart}: silent at {end} of {}", file.len());
                    }
                    Err(error) => assert!(error.to_string().contains("truncated"), "{scans:?}: {error}"),
                }
            }
        }
    }
}

#[test]
fn gray_stays_gray() {
    let file = decoded(&Picture::new((17, 9), &[(1, 1)], Scans::Interleaved, 0).file());
    assert_eq!(file.photo.channels(), Channels::Gray);
}
