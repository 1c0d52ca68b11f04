//! TIFF files of every kind that scanners and programs write, made here byte by byte, and the pictures
//! that they show.

use autochrome::Error;
use autochrome::image::files::{self, DecodeOptions, DecodeWarning, DecodedFile, FileFormat, FileMetadata};
use autochrome::image::photo::{Channels, Photo, Samples};
use fax::{BitWriter, Bits, Color, VecWriter};
use image::ImageEncoder;
use std::io::{Cursor, Write};

const WIDTH: usize = 37;
const HEIGHT: usize = 23;

const SHORT: u16 = 3;
const LONG: u16 = 4;

/// A page: its fields (tag, type, values), and its strips or tiles.
#[derive(Clone, Default)]
struct Page {
    fields: Vec<(u16, u16, Vec<u64>)>,
    chunks: Vec<Vec<u8>>,
    tiled: bool,
}

/// How numbers are written.
#[derive(Clone, Copy, Default, Debug)]
struct Form {
    big_endian: bool,
    /// BigTIFF.
    big: bool,
}

const FORMS: [Form; 4] = [
    Form { big_endian: false, big: false },
    Form { big_endian: true, big: false },
    Form { big_endian: false, big: true },
    Form { big_endian: true, big: true },
];

impl Form {
    fn number(self, value: u64, bytes: usize) -> Vec<u8> {
        if self.big_endian {
            value.to_be_bytes()[8 - bytes..].to_vec()
        } else {
            value.to_le_bytes()[..bytes].to_vec()
        }
    }

    fn file(self, pages: &[Page]) -> Vec<u8> {
        let (count_bytes, offset_bytes) = if self.big { (8, 8) } else { (2, 4) };
        let mut file = if self.big_endian { b"MM".to_vec() } else { b"II".to_vec() };
        file.extend(self.number(if self.big { 43 } else { 42 }, 2));
        if self.big {
            file.extend(self.number(8, 2));
            file.extend([0, 0]);
        }
        let mut link = file.len();
        file.extend(vec![0; offset_bytes]);
        for page in pages {
            let mut fields = page.fields.clone();
            let (offsets, lengths) = if page.tiled { (324, 325) } else { (273, 279) };
            let mut places = Vec::new();
            for chunk in &page.chunks {
                places.push(file.len() as u64);
                file.extend(chunk);
            }
            fields.push((offsets, LONG, places));
            if !fields.iter().any(|(tag, ..)| *tag == lengths) {
                fields.push((lengths, LONG, page.chunks.iter().map(|chunk| chunk.len() as u64).collect()));
            }
            fields.sort();
            let mut directory = self.number(fields.len() as u64, count_bytes);
            for (tag, kind, values) in fields {
                let size = match kind {
                    1 | 2 | 7 => 1,
                    SHORT => 2,
                    16 => 8,
                    _ => 4,
                };
                let mut value: Vec<u8> = values.iter().flat_map(|value| self.number(*value, size)).collect();
                if value.len() > offset_bytes {
                    let at = self.number(file.len() as u64, offset_bytes);
                    file.extend(value);
                    value = at;
                }
                value.resize(offset_bytes, 0);
                directory.extend(self.number(tag.into(), 2));
                directory.extend(self.number(kind.into(), 2));
                directory.extend(self.number(values.len() as u64, offset_bytes));
                directory.extend(value);
            }
            let at = self.number(file.len() as u64, offset_bytes);
            file[link..link + offset_bytes].copy_from_slice(&at);
            file.extend(directory);
            link = file.len();
            file.extend(vec![0; offset_bytes]);
        }
        file
    }
}

impl Page {
    /// One strip of these samples.
    fn new(bits: usize, samples: usize, photometric: u64, data: Vec<u8>) -> Self {
        Self::sized((WIDTH, HEIGHT), bits, samples, photometric, data)
    }

    fn sized(
        (width, height): (usize, usize),
        bits: usize,
        samples: usize,
        photometric: u64,
        data: Vec<u8>,
    ) -> Self {
        let fields = vec![
            (256, SHORT, vec![width as u64]),
            (257, LONG, vec![height as u64]),
            (258, SHORT, vec![bits as u64; samples]),
            (262, SHORT, vec![photometric]),
            (277, SHORT, vec![samples as u64]),
        ];
        Self { fields, chunks: vec![data], tiled: false }
    }

    fn with(mut self, tag: u16, kind: u16, values: &[u64]) -> Self {
        self.fields.retain(|(other, ..)| *other != tag);
        self.fields.push((tag, kind, values.to_vec()));
        self
    }

    fn short(self, tag: u16, value: u64) -> Self {
        self.with(tag, SHORT, &[value])
    }

    fn decoded(&self) -> DecodedFile {
        decoded(&Form::default().file(std::slice::from_ref(self)))
    }
}

fn decoded(file: &[u8]) -> DecodedFile {
    files::decode(Cursor::new(file)).unwrap()
}

fn refusal(page: &Page) -> String {
    let error = files::decode(Cursor::new(Form::default().file(std::slice::from_ref(page)))).unwrap_err();
    assert_eq!(error.code(), "image-decode");
    error.to_string()
}

/// A value of 8 bits for every place and channel.
fn value(x: usize, y: usize, channel: usize) -> u8 {
    ((x * (7 + channel * 4) + y * (11 - channel * 3) + channel * 50) % 256) as u8
}

fn bytes(channels: usize) -> Vec<u8> {
    (0..HEIGHT)
        .flat_map(|y| (0..WIDTH).flat_map(move |x| (0..channels).map(move |c| value(x, y, c))))
        .collect()
}

fn gray() -> Vec<u8> {
    bytes(1)
}

/// Row by row, the highest bits first, each row from a byte's start.
fn packed(codes: &[u32], bits: usize, per_row: usize) -> Vec<u8> {
    let row = |row: &[u32]| {
        let digits: Vec<u32> =
            row.iter().flat_map(|code| (0..bits).rev().map(move |bit| code >> bit & 1)).collect();
        digits
            .chunks(8)
            .map(|byte| byte.iter().enumerate().fold(0, |all, (i, bit)| all | (*bit as u8) << (7 - i)))
            .collect()
    };
    codes.chunks(per_row).flat_map(|codes| -> Vec<u8> { row(codes) }).collect()
}

fn deflated(data: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(data).unwrap();
    packed.finish().unwrap()
}

/// Samples of 8 bits, also of a photograph that is 16 bits deep.
fn as_bytes(photo: &Photo) -> Vec<u8> {
    match photo.samples() {
        Samples::U8(samples) => samples.clone(),
        Samples::U16(samples) => samples.iter().map(|sample| (sample / 257) as u8).collect(),
    }
}

#[track_caller]
fn assert_near(photo: &Photo, expected: &[u8], tolerance: u8, name: &str) {
    let found = as_bytes(photo);
    assert_eq!(found.len(), expected.len(), "{name}: {:?}", photo.channels());
    let most = found.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(most <= Some(tolerance), "{name}: {most:?} off");
}

#[test]
fn strips_tiles_and_planes_of_both_orders_are_put_together() {
    for form in FORMS {
        for (samples, photometric) in [(1, 1), (3, 2)] {
            for deep in [false, true] {
                for (tile, planar) in
                    [(None, false), (None, true), (Some((16, 16)), false), (Some((32, 16)), true)]
                {
                    let (width, height) = tile.unwrap_or((WIDTH, 5));
                    let sample = |x: usize, y: usize, c: usize| {
                        let value = u64::from(if x < WIDTH && y < HEIGHT { value(x, y, c) } else { 99 });
                        form.number(if deep { value * 257 } else { value }, if deep { 2 } else { 1 })
                    };
                    let mut chunks = Vec::new();
                    let planes: Vec<Vec<usize>> = if planar {
                        (0..samples).map(|c| vec![c]).collect()
                    } else {
                        vec![(0..samples).collect()]
                    };
                    for plane in &planes {
                        for top in (0..HEIGHT).step_by(height) {
                            let rows = if tile.is_some() { height } else { height.min(HEIGHT - top) };
                            for left in (0..WIDTH).step_by(width) {
                                let mut chunk = Vec::new();
                                for y in top..top + rows {
                                    for x in left..left + width {
                                        plane.iter().for_each(|c| chunk.extend(sample(x, y, *c)));
                                    }
                                }
                                chunks.push(chunk);
                            }
                        }
                    }
                    let bits = if deep { 16 } else { 8 };
                    let mut page = Page::new(bits, samples, photometric, Vec::new());
                    page = page.short(284, if planar { 2 } else { 1 });
                    page = match tile {
                        Some(_) => page.short(322, width as u64).short(323, height as u64),
                        None => page.short(278, height as u64),
                    };
                    page.chunks = chunks;
                    page.tiled = tile.is_some();
                    let DecodedFile { photo, warnings, .. } = decoded(&form.file(&[page]));
                    let name =
                        format!("{form:?}, {samples} samples of {bits} bits, {tile:?}, planar {planar}");
                    assert_near(&photo, &bytes(samples), 0, &name);
                    assert_eq!(matches!(photo.samples(), Samples::U16(_)), deep, "{name}");
                    assert!(warnings.is_empty(), "{name}: {warnings:?}");
                }
            }
        }
    }
}

#[test]
fn every_depth_is_read_of_gray_and_palettes() {
    for bits in [1, 2, 3, 4, 6, 8, 10, 12, 14, 16] {
        let most = (1u32 << bits) - 1;
        let codes: Vec<u32> = gray().iter().map(|v| (u32::from(*v) * most + 127) / 255).collect();
        let expected: Vec<u8> = codes.iter().map(|code| ((code * 255 + most / 2) / most) as u8).collect();
        let inverted: Vec<u32> = codes.iter().map(|code| most - code).collect();
        // Whole bytes have an order, bits have none.
        let form = Form { big_endian: true, big: false };
        for (photometric, codes) in [(1, &codes), (0, &inverted)] {
            let page = Page::new(bits, 1, photometric, packed(codes, bits, WIDTH));
            let photo = decoded(&form.file(&[page])).photo;
            assert_near(
                &photo,
                &expected,
                u8::from(bits > 8),
                &format!("{bits} bits, photometric {photometric}"),
            );
            assert_eq!(photo.channels(), Channels::Gray);
        }
        if bits <= 8 {
            let colors: Vec<[u8; 3]> =
                (0..=most).map(|i| [i * 3, i * 5 + 9, 255 - i].map(|c| c as u8)).collect();
            let expected: Vec<u8> = codes.iter().flat_map(|code| colors[*code as usize]).collect();
            // The second is how old programs wrote palettes.
            for factor in [257, 1] {
                let map: Vec<u64> = (0..3)
                    .flat_map(|c| colors.iter().map(move |color| u64::from(color[c]) * factor))
                    .collect();
                let page = Page::new(bits, 1, 3, packed(&codes, bits, WIDTH)).with(320, SHORT, &map);
                assert_near(
                    &page.decoded().photo,
                    &expected,
                    0,
                    &format!("palette of {bits} bits, factor {factor}"),
                );
            }
        }
    }
}

#[test]
fn wide_integers_and_floats_are_read_whatever_their_range() {
    let le = |numbers: Vec<u32>| -> Vec<u8> { numbers.into_iter().flat_map(u32::to_le_bytes).collect() };
    let wide = |factor: u32| le(gray().iter().map(|v| u32::from(*v) * factor).collect());
    let float = |white: f32| le(gray().iter().map(|v| (f32::from(*v) / 255.0 * white).to_bits()).collect());
    for (name, format, data) in [
        ("u32", 1, wide(0x0101_0101)),
        ("u32 of 16 bits", 1, wide(257)),
        ("i32 of 8 bits, as Pillow's I", 2, wide(1)),
        ("f32", 3, float(1.0)),
        ("f32 of 8 bits, as Pillow's F", 3, float(255.0)),
        ("f32 of 16 bits", 3, float(65_535.0)),
    ] {
        let page = Page::new(32, 1, 1, data).short(339, format);
        assert_near(&page.decoded().photo, &gray(), 0, name);
    }
    let half: Vec<u8> =
        gray().iter().flat_map(|v| half::f16::from_f32(f32::from(*v) / 255.0).to_le_bytes()).collect();
    assert_near(&Page::new(16, 1, 1, half).short(339, 3).decoded().photo, &gray(), 1, "f16");
    let double: Vec<u8> = gray().iter().flat_map(|v| (1.0 - f64::from(*v) / 255.0).to_le_bytes()).collect();
    assert_near(&Page::new(64, 1, 0, double).short(339, 3).decoded().photo, &gray(), 1, "f64, white is zero");
    // Lights brighter than white, and what is no number.
    let odd = le([0.5, 1.0, 3.0, f32::NAN, -1.0].map(f32::to_bits).to_vec());
    let photo = Page::sized((5, 1), 32, 1, 1, odd).short(339, 3).decoded().photo;
    assert_near(&photo, &[127, 255, 255, 0, 0], 0, "odd floats");
}

#[test]
fn alpha_is_straight_and_other_extra_samples_are_dropped() {
    let rgba = bytes(4);
    let rgb: Vec<u8> = rgba.chunks(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    let page = |extra: &[u64]| Page::new(8, 4, 2, rgba.clone()).with(338, SHORT, extra);
    assert_near(&page(&[2]).decoded().photo, &rgba, 0, "straight");
    assert_near(&page(&[0]).decoded().photo, &rgb, 0, "padding");
    assert_near(&Page::new(8, 4, 2, rgba.clone()).decoded().photo, &rgba, 0, "not said");
    let padded: Vec<u8> = rgb.chunks(3).flat_map(|p| [p[0], p[1], p[2], 0]).collect();
    assert_near(&Page::new(8, 4, 2, padded).decoded().photo, &rgb, 0, "not said, zeros");

    let five: Vec<u8> = rgba.chunks(4).flat_map(|p| [p[0], p[1], p[2], 77, p[3]]).collect();
    assert_near(
        &Page::new(8, 5, 2, five).with(338, SHORT, &[0, 2]).decoded().photo,
        &rgba,
        0,
        "behind another",
    );
    let gray_alpha = bytes(2);
    let photo = Page::new(8, 2, 1, gray_alpha.clone()).with(338, SHORT, &[2]).decoded().photo;
    assert_eq!(photo.channels(), Channels::GrayAlpha);
    assert_near(&photo, &gray_alpha, 0, "gray and alpha");

    // A premultiplied gray ramp at three opacities: its colours come back as far as its samples are exact.
    for (alpha, tolerance) in [(255u16, 0), (128, 1), (40, 4)] {
        let data: Vec<u8> = rgb
            .chunks(3)
            .flat_map(|p| {
                let times = |v: u8| ((u16::from(v) * alpha + 127) / 255) as u8;
                [times(p[0]), times(p[1]), times(p[2]), alpha as u8]
            })
            .collect();
        let photo = Page::new(8, 4, 2, data).with(338, SHORT, &[1]).decoded().photo;
        let expected: Vec<u8> = rgb.chunks(3).flat_map(|p| [p[0], p[1], p[2], alpha as u8]).collect();
        assert_near(&photo, &expected, tolerance, &format!("premultiplied by {alpha}"));
    }
}

#[test]
fn inks_are_mixed_in_one_plane_or_four() {
    let inks = bytes(4);
    let expected: Vec<u8> = inks
        .chunks(4)
        .flat_map(|p| [p[0], p[1], p[2]].map(|c| (u32::from(255 - c) * u32::from(255 - p[3]) + 127) / 255))
        .map(|c| c as u8)
        .collect();
    assert_near(&Page::new(8, 4, 5, inks.clone()).decoded().photo, &expected, 1, "CMYK");
    let mut page = Page::new(8, 4, 5, Vec::new()).short(284, 2);
    page.chunks = (0..4).map(|ink| inks.iter().copied().skip(ink).step_by(4).collect()).collect();
    assert_near(&page.decoded().photo, &expected, 1, "planar CMYK");
    assert!(refusal(&Page::new(8, 4, 5, inks).short(332, 2)).contains("inks"));
}

#[test]
fn lab_is_read_in_four_codings() {
    // Lab (D50) of colours of sRGB, by Lindbloom's matrix.
    let colors: [([f64; 3], [u8; 3]); 6] = [
        ([100.0, 0.0, 0.0], [255, 255, 255]),
        ([0.0, 0.0, 0.0], [0, 0, 0]),
        ([53.389, 0.0, 0.0], [127, 127, 127]),
        ([58.791, 29.363, 35.712], [200, 120, 80]),
        ([54.049, -22.735, 10.505], [90, 140, 110]),
        ([32.977, 18.673, -51.251], [60, 70, 160]),
    ];
    let expected: Vec<u8> = colors.iter().flat_map(|(_, rgb)| *rgb).collect();
    let codes = |l: f64, chroma: f64, shift: f64, bytes: usize| -> Vec<u8> {
        let numbers = colors.iter().flat_map(|(lab, _)| {
            [lab[0] / 100.0 * l, lab[1] * chroma + shift, lab[2] * chroma + shift]
                .map(|number| number.round() as i64)
        });
        numbers.flat_map(|number| number.to_le_bytes()[..bytes].to_vec()).collect()
    };
    for (name, bits, photometric, data, tolerance) in [
        ("CIELab of 8 bits", 8, 8, codes(255.0, 1.0, 0.0, 1), 2),
        ("ICCLab of 8 bits", 8, 9, codes(255.0, 1.0, 128.0, 1), 2),
        ("CIELab of 16 bits", 16, 8, codes(65_535.0, 256.0, 0.0, 2), 1),
        ("ICCLab of 16 bits", 16, 9, codes(65_280.0, 256.0, 32_768.0, 2), 1),
    ] {
        let page = Page::sized((6, 1), bits, 3, photometric, data);
        assert_near(&page.decoded().photo, &expected, tolerance, name);
        let photo = page.decoded().photo;
        // Grays are exact.
        assert!(as_bytes(&photo)[..9].iter().zip(&expected).all(|(a, b)| a.abs_diff(*b) <= 1), "{name}");
    }
}

/// Black squares and a row of single pixels: 1 for black.
fn ink(x: usize, y: usize) -> bool {
    if y % 6 == 3 { x % 2 == 1 } else { (x / 9 + y / 4).is_multiple_of(2) && y != 7 }
}

/// Lengths of runs of a row, white first.
fn runs(y: usize) -> Vec<u16> {
    let mut runs = vec![0];
    let mut is_black = false;
    for x in 0..WIDTH {
        if ink(x, y) != is_black {
            runs.push(0);
            is_black = !is_black;
        }
        *runs.last_mut().unwrap() += 1;
    }
    runs
}

fn write_runs(out: &mut VecWriter, y: usize) {
    for (index, run) in runs(y).into_iter().enumerate() {
        let code = if index % 2 == 0 { fax::maps::white::encode(run) } else { fax::maps::black::encode(run) };
        let Ok(()) = out.write(code.unwrap());
    }
}

fn fax_rows(coding: &str) -> Vec<u8> {
    const MARK: Bits = Bits { data: 1, len: 12 };
    let bit = |data| Bits { data, len: 1 };
    match coding {
        "group 4" => {
            let mut encoder = fax::encoder::Encoder::new(VecWriter::new());
            for y in 0..HEIGHT {
                let pixels = (0..WIDTH).map(|x| if ink(x, y) { Color::Black } else { Color::White });
                let Ok(()) = encoder.encode_line(pixels, WIDTH as u16);
            }
            let Ok(writer) = encoder.finish();
            writer.finish()
        }
        "aligned" => (0..HEIGHT)
            .flat_map(|y| {
                let mut out = VecWriter::new();
                write_runs(&mut out, y);
                out.finish()
            })
            .collect(),
        coding => {
            let mut out = VecWriter::new();
            for y in 0..HEIGHT {
                let Ok(()) = out.write(MARK);
                let repeats = y > 0 && runs(y) == runs(y - 1);
                if coding == "group 3, two-dimensional" {
                    let Ok(()) = out.write(bit(u16::from(!repeats)));
                    if repeats {
                        // Each change of colour, and the end, straight below the one above.
                        (0..runs(y).len()).for_each(|_| {
                            let Ok(()) = out.write(bit(1));
                        });
                        continue;
                    }
                }
                write_runs(&mut out, y);
            }
            for _ in 0..6 {
                let Ok(()) = out.write(MARK);
                if coding == "group 3, two-dimensional" {
                    let Ok(()) = out.write(bit(1));
                }
            }
            out.finish()
        }
    }
}

#[test]
fn bilevel_pages_are_read_from_either_end_of_a_byte_and_unfaxed() {
    let is_black: Vec<u32> =
        (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| u32::from(ink(x, y)))).collect();
    let expected: Vec<u8> = is_black.iter().map(|black| if *black == 1 { 0 } else { 255 }).collect();
    for (name, compression, options, data) in [
        ("plain", 1, None, packed(&is_black, 1, WIDTH)),
        ("aligned", 2, None, fax_rows("aligned")),
        ("group 3", 3, None, fax_rows("group 3")),
        ("group 3, two-dimensional", 3, Some(1), fax_rows("group 3, two-dimensional")),
        ("group 4", 4, None, fax_rows("group 4")),
    ] {
        for low_first in [false, true] {
            let data =
                if low_first { data.iter().map(|byte| byte.reverse_bits()).collect() } else { data.clone() };
            let mut page =
                Page::new(1, 1, 0, data).short(259, compression).short(266, if low_first { 2 } else { 1 });
            if let Some(options) = options {
                page = page.with(292, LONG, &[options]);
            }
            let DecodedFile { photo, warnings, .. } = page.decoded();
            assert_near(&photo, &expected, 0, &format!("{name}, low bits first: {low_first}"));
            assert!(warnings.is_empty(), "{name}: {warnings:?}");
            // The photometric interpretation holds for fax too.
            let inverse: Vec<u8> = expected.iter().map(|v| 255 - v).collect();
            assert_near(&page.short(262, 1).decoded().photo, &inverse, 0, name);
        }
    }
}

#[test]
fn compressed_samples_are_unpacked_and_their_differences_undone() {
    let differences = |data: &[u8], step: usize, row: usize| -> Vec<u8> {
        data.chunks(row)
            .flat_map(|row| {
                (0..row.len()).map(|i| row[i].wrapping_sub(if i < step { 0 } else { row[i - step] }))
            })
            .collect()
    };
    let rgb = bytes(3);
    let lzw = |data: &[u8]| {
        weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(data).unwrap()
    };
    let old_lzw = |data: &[u8]| weezl::encode::Encoder::new(weezl::BitOrder::Lsb, 8).encode(data).unwrap();
    let runs: Vec<u8> = rgb.chunks(100).flat_map(|part| [&[part.len() as u8 - 1], part].concat()).collect();
    for (name, compression, predictor, data) in [
        ("Deflate", 8, 1, deflated(&rgb)),
        ("old number of Deflate", 32946, 1, deflated(&rgb)),
        ("Deflate, differences", 8, 2, deflated(&differences(&rgb, 3, WIDTH * 3))),
        ("LZW", 5, 1, lzw(&rgb)),
        ("LZW, differences", 5, 2, lzw(&differences(&rgb, 3, WIDTH * 3))),
        ("LZW of before 1988", 5, 1, old_lzw(&rgb)),
        ("PackBits", 32773, 1, runs.clone()),
        ("PackBits with a predictor, which does not hold for it", 32773, 2, runs),
    ] {
        let page = Page::new(8, 3, 2, data).short(259, compression).short(317, predictor);
        assert_near(&page.decoded().photo, &rgb, 0, name);
    }
    let run = Page::sized((4, 1), 8, 1, 1, vec![0xFD, 9, 0x80]).short(259, 32773);
    assert_near(&run.decoded().photo, &[9; 4], 0, "a run");

    for form in FORMS {
        let numbers: Vec<u64> = gray().iter().map(|v| u64::from(*v) * 257).collect();
        let row = |bytes: usize, most: u64| -> Vec<u8> {
            numbers
                .chunks(WIDTH)
                .flat_map(|row| {
                    let difference =
                        move |i: usize| row[i].wrapping_sub(if i == 0 { 0 } else { row[i - 1] }) & most;
                    (0..WIDTH).flat_map(move |i| form.number(difference(i), bytes))
                })
                .collect()
        };
        for (bits, most) in [(16, 0xFFFF), (32, 0xFFFF_FFFF)] {
            let page = Page::new(bits, 1, 1, deflated(&row(bits / 8, most))).short(259, 8).short(317, 2);
            assert_near(&decoded(&form.file(&[page])).photo, &gray(), 0, &format!("{form:?}, {bits} bits"));
        }
        // Floats: the bytes of a row in planes, the highest first, as differences; the file's order is not theirs.
        let planes: Vec<u8> = gray()
            .chunks(WIDTH)
            .flat_map(|row| -> Vec<u8> {
                (0..4)
                    .flat_map(|b| row.iter().map(move |v| (f32::from(*v) / 255.0).to_be_bytes()[b]))
                    .collect()
            })
            .collect();
        let page = Page::new(32, 1, 1, deflated(&differences(&planes, 1, WIDTH * 4)));
        let page = page.short(259, 8).short(317, 3).short(339, 3);
        assert_near(&decoded(&form.file(&[page])).photo, &gray(), 0, &format!("{form:?}, floats"));
    }
    let page = Page::new(4, 1, 1, deflated(&[0; 500])).short(259, 8).short(317, 2);
    assert!(refusal(&page).contains("predictor 2 with 4-bit samples"), "{}", refusal(&page));
}

#[test]
fn chroma_is_converted_plain_or_of_jpeg() {
    let smooth = |x: usize, y: usize| [x * 5 + 20, y * 8 + 10, 200 - x * 3].map(|c| c as u8);
    let rgb: Vec<u8> = (0..HEIGHT).flat_map(|y| (0..WIDTH).flat_map(move |x| smooth(x, y))).collect();
    let mut jpeg = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 98)
        .write_image(&rgb, WIDTH as u32, HEIGHT as u32, image::ExtendedColorType::Rgb8)
        .unwrap();
    let page = Page::new(8, 3, 6, jpeg.clone()).short(259, 7);
    assert_near(&page.decoded().photo, &rgb, 6, "JPEG");
    // Tables in a field of their own.
    let (mut tables, mut rest, mut at) = (b"\xFF\xD8".to_vec(), b"\xFF\xD8".to_vec(), 2);
    while jpeg[at + 1] != 0xDA {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        let is_table = [0xDB, 0xC4].contains(&jpeg[at + 1]);
        if is_table {
            tables.extend(&jpeg[at..end]);
        } else {
            rest.extend(&jpeg[at..end]);
        }
        at = end;
    }
    rest.extend(&jpeg[at..]);
    tables.extend(b"\xFF\xD9");
    assert!(tables.len() > 500);
    let tables: Vec<u64> = tables.into_iter().map(u64::from).collect();
    let page = Page::new(8, 3, 6, rest).short(259, 7).with(347, 7, &tables);
    assert_near(&page.decoded().photo, &rgb, 6, "JPEG with tables apart");

    let ycbcr = |[r, g, b]: [u8; 3]| {
        let [r, g, b] = [r, g, b].map(f64::from);
        let y = 0.299 * r + 0.587 * g + 0.114 * b;
        [y, 128.0 + (b - y) / 1.772, 128.0 + (r - y) / 1.402].map(|c| c.round() as u8)
    };
    let (across, down) = (2, 2);
    let mut units = Vec::new();
    for top in (0..HEIGHT).step_by(down) {
        for left in (0..WIDTH).step_by(across) {
            for y in top..top + down {
                units.extend((left..left + across).map(|x| ycbcr(smooth(x, y))[0]));
            }
            units.extend(&ycbcr(smooth(left, top))[1..]);
        }
    }
    let page = Page::new(8, 3, 6, units).with(530, SHORT, &[2, 2]);
    // A unit's colour is that of its first pixel.
    assert_near(&page.decoded().photo, &rgb, 12, "shared chroma");
    let plain: Vec<u8> = rgb.chunks(3).flat_map(|p| ycbcr([p[0], p[1], p[2]])).collect();
    assert_near(
        &Page::new(8, 3, 6, plain).with(530, SHORT, &[1, 1]).decoded().photo,
        &rgb,
        2,
        "chroma of each pixel",
    );
}

#[test]
fn the_first_full_page_is_taken_and_others_are_told() {
    let small = || Page::sized((3, 2), 8, 1, 1, vec![7; 6]);
    let full = || Page::new(8, 1, 1, gray());
    let inverse = || Page::new(8, 1, 0, gray());
    let width = |file: &DecodedFile| file.photo.width();
    for form in FORMS {
        for reduced in [small().with(254, LONG, &[1]), small().short(255, 2), small().with(254, LONG, &[5])] {
            let found = decoded(&form.file(&[reduced, full()]));
            assert_near(&found.photo, &gray(), 0, "behind a reduced page");
            assert!(found.warnings.is_empty());
        }
        let mask = Page::sized((3, 2), 1, 1, 4, vec![0; 2]).with(254, LONG, &[4]);
        let file = form.file(&[mask, full(), small().with(254, LONG, &[1]), inverse(), small()]);
        let found = decoded(&file);
        assert_near(&found.photo, &gray(), 0, "the first of three");
        assert_eq!(found.warnings, [DecodeWarning::OtherPages { page: 1, pages: 3 }]);
        assert!(!found.warnings[0].is_failure());
        let page = |page| files::decode_with(Cursor::new(&file), DecodeOptions { page });
        let inverse: Vec<u8> = gray().iter().map(|v| 255 - v).collect();
        assert_near(&page(2).unwrap().photo, &inverse, 0, "the second");
        assert_eq!(width(&page(3).unwrap()), 3);
        for wrong in [0, 4] {
            assert!(matches!(page(wrong), Err(Error::Parameter { name: "page", .. })), "{wrong}");
        }
    }
    let alone = Form::default().file(&[small().with(254, LONG, &[1])]);
    assert_eq!(width(&decoded(&alone)), 3, "a reduced page that stands alone");
    let png = {
        let mut file = Cursor::new(Vec::new());
        files::encode(&decoded(&alone).photo, &FileMetadata::default(), FileFormat::Png, &mut file).unwrap();
        file.into_inner()
    };
    assert!(files::decode_with(Cursor::new(&png), DecodeOptions { page: 2 }).is_err());
}

#[test]
fn damaged_pages_and_strips_cost_only_themselves() {
    let full = Form::default().file(&[Page::new(8, 1, 1, gray())]);
    let link = full.len() - 4;
    for next in [full.len() as u32 - 3, u32::MAX, 8 + gray().len() as u32] {
        let mut file = full.clone();
        file[link..].copy_from_slice(&next.to_le_bytes());
        let found = decoded(&file);
        assert_near(&found.photo, &gray(), 0, "before a damaged page");
        assert_eq!(found.warnings, [DecodeWarning::DamagedPages], "{next}");
    }
    let mut strips = Page::new(8, 1, 1, Vec::new()).short(278, 12);
    strips.chunks = gray().chunks(12 * WIDTH).map(<[u8]>::to_vec).collect();
    assert_eq!(strips.chunks.len(), 2);
    assert_near(&strips.decoded().photo, &gray(), 0, "two strips");
    // Old programs leave out the lengths of strips.
    assert_near(&strips.clone().with(279, LONG, &[0, 0]).decoded().photo, &gray(), 0, "lengths of zero");
    strips.chunks[1].truncate(3 * WIDTH);
    let found = strips.decoded();
    assert_eq!(found.warnings, [DecodeWarning::Truncated { format: "TIFF" }]);
    assert!(found.warnings[0].is_failure());
    let expected = [&gray()[..15 * WIDTH], &vec![0; 8 * WIDTH][..]].concat();
    assert_near(&found.photo, &expected, 0, "what is there");
    strips.chunks[0].truncate(3 * WIDTH);
    assert!(refusal(&strips).contains("pixel data"), "nothing whole");
}

#[test]
fn pages_are_turned_as_they_say() {
    let rows = [[0, 1, 2], [3, 4, 5]].concat();
    for (number, expected) in [
        (1, [0, 1, 2, 3, 4, 5]),
        (2, [2, 1, 0, 5, 4, 3]),
        (3, [5, 4, 3, 2, 1, 0]),
        (4, [3, 4, 5, 0, 1, 2]),
        (5, [0, 3, 1, 4, 2, 5]),
        (6, [3, 0, 4, 1, 5, 2]),
        (7, [5, 2, 4, 1, 3, 0]),
        (8, [2, 5, 1, 4, 0, 3]),
    ] {
        for kind in [1, SHORT, LONG] {
            let page = Page::sized((3, 2), 8, 1, 1, rows.clone()).with(274, kind, &[number]);
            let photo = page.decoded().photo;
            assert_near(&photo, &expected, 0, &format!("orientation {number}"));
            assert_eq!(photo.width(), if number > 4 { 2 } else { 3 });
        }
    }
}

#[test]
fn what_is_not_read_is_refused_by_its_name() {
    let page = || Page::new(8, 1, 1, gray());
    for (compression, name) in [
        (6, "old-style JPEG"),
        (34661, "JBIG"),
        (34712, "JPEG 2000"),
        (34887, "LERC"),
        (34925, "LZMA"),
        (50000, "Zstandard"),
        (50001, "WebP"),
        (50002, "JPEG XL"),
        (32809, "ThunderScan"),
        (12345, "compression 12345"),
    ] {
        let error = refusal(&page().short(259, compression));
        assert!(error.contains(name), "{error}");
    }
    for (page, name) in [
        (page().short(262, 32803), "raw data"),
        (page().short(262, 32845), "LogLuv"),
        (Page::new(8, 3, 10, bytes(3)), "ITU Lab"),
        (page().short(258, 24), "24-bit samples"),
        (page().short(258, 64), "64-bit samples"),
        (page().short(339, 5), "complex"),
        (Page::new(8, 3, 2, bytes(3)).with(258, SHORT, &[5, 6, 5]), "different depths"),
        (page().short(277, 40), "40 samples"),
        (Page::new(8, 1, 0, gray()).short(259, 4), "fax"),
    ] {
        let error = refusal(&page);
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn our_own_alpha_is_declared() {
    for samples in
        [Samples::U8(bytes(4)), Samples::U16(bytes(4).iter().map(|v| u16::from(*v) * 257).collect())]
    {
        let photo = Photo::new(WIDTH, HEIGHT, Channels::Rgba, samples).unwrap();
        let mut file = Cursor::new(Vec::new());
        files::encode(&photo, &FileMetadata::default(), FileFormat::Tiff, &mut file).unwrap();
        file.set_position(0);
        let mut reader = tiff::decoder::Decoder::new(&mut file).unwrap();
        assert_eq!(reader.get_tag_u16_vec(tiff::tags::Tag::ExtraSamples).unwrap(), [2]);
        assert!(matches!(reader.colortype().unwrap(), tiff::ColorType::RGBA(8 | 16)));
        assert_eq!(decoded(file.get_ref()).photo, photo);
    }
}

#[test]
fn no_damage_to_a_tiff_panics() {
    let strips = Page::new(8, 3, 2, deflated(&bytes(3))).short(259, 8).short(317, 2);
    let mut tiles = Page::new(8, 3, 2, Vec::new()).short(284, 2).short(322, 16).short(323, 16);
    (tiles.tiled, tiles.chunks) = (true, vec![vec![50; 256]; 18]);
    let palette = Page::new(4, 1, 3, packed(&vec![3; WIDTH * HEIGHT], 4, WIDTH)).with(320, SHORT, &[700; 48]);
    let fax3 = Page::new(1, 1, 0, fax_rows("group 3, two-dimensional")).short(259, 3).with(292, LONG, &[1]);
    let fax4 = Page::new(1, 1, 0, fax_rows("group 4")).short(259, 4);
    let lab = Page::new(16, 3, 8, vec![200; WIDTH * HEIGHT * 6]);
    let shared = Page::new(8, 3, 6, vec![90; 19 * 12 * 6]).with(530, SHORT, &[2, 2]);
    for (page, form) in [strips, tiles, palette, fax3, fax4, lab, shared].iter().zip(FORMS.iter().cycle()) {
        let original = form.file(std::slice::from_ref(page));
        files::decode(Cursor::new(&original)).unwrap();
        let directory = original.len() - 300.min(original.len());
        let places = (0..original.len()).step_by(1 + original.len() / 60).chain(directory..original.len());
        for at in places {
            for value in [0x00, 0xFF, original[at] ^ 1] {
                let mut file = original.clone();
                file[at] = value;
                let _ = files::decode(Cursor::new(&file));
            }
            let _ = files::decode(Cursor::new(&original[..at]));
        }
    }
}
