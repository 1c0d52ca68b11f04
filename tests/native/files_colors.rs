//! Colours as a file means them: profiles and PNG's own descriptions, against what the definition of each
//! space says; and sizes as headers of every kind claim them.

use autochrome::color::lab::{lab_from_srgb, linear_from_srgb};
use autochrome::image::files::{self, DecodeWarning, DecodedFile, FileFormat, FileMetadata};
use autochrome::image::photo::{Channels, Photo, Samples};
use moxcms::{ColorProfile, DataColorSpace};
use std::io::{Cursor, Write};
use std::path::Path;

fn decoded(file: &[u8]) -> DecodedFile {
    files::decode(Cursor::new(file)).unwrap()
}

/// RGB codes of 0…1 for each pixel.
fn colors(photo: &Photo) -> Vec<[f64; 3]> {
    let photo = photo.clone().into_rgb();
    let count = photo.channels().count();
    let codes: Vec<f64> = match photo.samples() {
        Samples::U8(samples) => samples.iter().map(|v| f64::from(*v) / 255.0).collect(),
        Samples::U16(samples) => samples.iter().map(|v| f64::from(*v) / 65535.0).collect(),
    };
    codes.chunks_exact(count).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
}

fn lightness(photo: &Photo) -> Vec<f64> {
    colors(photo).into_iter().map(|color| lab_from_srgb(color)[0]).collect()
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/files").join(name)).unwrap()
}

/// L of the gray that has this light.
fn lightness_of(light: f64) -> f64 {
    if light > 0.008_856 { 116.0 * light.cbrt() - 16.0 } else { 903.3 * light }
}

/// The mean and the largest of the distances.
fn distances(found: &[f64], right: &[f64]) -> (f64, f64) {
    assert_eq!(found.len(), right.len());
    let each = || found.iter().zip(right).map(|(a, b)| (a - b).abs());
    (each().sum::<f64>() / found.len() as f64, each().fold(0.0, f64::max))
}

#[test]
fn files_of_scanners_and_cameras_show_what_they_mean() {
    for (name, mean, most) in [
        ("j_nonint_2x2.jpg", 0.3, 4.0),
        ("j_samp_1x1_2x1_1x1.jpg", 0.3, 4.0),
        ("i_gray_dg20.jpg", 0.1, 1.2),
        ("i_gray_g18.png", 0.3, 1.0),
        ("i_rgb_adobe.png", 0.3, 1.0),
        ("i_rgb_linear.png", 0.3, 1.0),
    ] {
        let (file, right) = (decoded(&fixture(name)), decoded(&fixture(&format!("{name}.png"))));
        assert_eq!(file.warnings, [], "{name}");
        let size = |photo: &Photo| (photo.width(), photo.height());
        assert_eq!(size(&file.photo), size(&right.photo), "{name}");
        let found = distances(&lightness(&file.photo), &lightness(&right.photo));
        assert!(found.0 < mean && found.1 < most, "{name}: L differs by {found:?}");
        if name.starts_with("i_rgb") {
            let all = |photo: &Photo| colors(photo).concat();
            let found = distances(&all(&file.photo), &all(&right.photo));
            assert!(found.0 < 0.004 && found.1 < 0.02, "{name}: colours differ by {found:?}");
        }
    }
}

fn encoded(photo: &Photo, icc: Option<Vec<u8>>, format: FileFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let metadata = FileMetadata { icc, ..FileMetadata::default() };
    files::encode(photo, &metadata, format, &mut file).unwrap();
    file.into_inner()
}

fn ramp(channels: Channels, deep: bool) -> Photo {
    let count = channels.count();
    let code = |i: usize| if i % count == 3 { 40_000 } else { (i * 7919 % 65536) as u16 };
    let codes: Vec<u16> = (0..64 * 64 * count).map(code).collect();
    let samples =
        if deep { Samples::U16(codes) } else { Samples::U8(codes.iter().map(|c| (c >> 8) as u8).collect()) };
    Photo::new(64, 64, channels, samples).unwrap()
}

#[test]
fn colors_of_every_space_keep_their_lightness() {
    // The row of Y of each space's matrix, by its definition, and its curve.
    let gamma = |g: f64| move |c: f64| c.powf(g);
    let srgb = |c: f64| linear_from_srgb(c);
    type Curve = Box<dyn Fn(f64) -> f64>;
    let spaces: [(&str, ColorProfile, [f64; 3], Curve); 2] = [
        (
            "Adobe RGB",
            ColorProfile::new_adobe_rgb(),
            [0.297_34, 0.627_36, 0.075_29],
            Box::new(gamma(563.0 / 256.0)),
        ),
        ("Display P3", ColorProfile::new_display_p3(), [0.228_97, 0.691_74, 0.079_29], Box::new(srgb)),
    ];
    for (name, profile, weights, curve) in spaces {
        let icc = profile.encode().unwrap();
        for (channels, deep) in [(Channels::Rgb, false), (Channels::Rgb, true), (Channels::Rgba, true)] {
            let photo = ramp(channels, deep);
            let right: Vec<f64> = colors(&photo)
                .iter()
                .map(|color| lightness_of((0..3).map(|i| weights[i] * curve(color[i])).sum()))
                .collect();
            for format in [FileFormat::Png, FileFormat::Tiff] {
                let file = decoded(&encoded(&photo, Some(icc.clone()), format));
                assert_eq!(file.warnings, [], "{name}");
                assert_eq!(file.photo.channels(), channels);
                let (_, most) = distances(&lightness(&file.photo), &right);
                assert!(most < if deep { 0.1 } else { 0.5 }, "{name}, {channels:?}: L differs by {most}");
                let result = ColorProfile::new_from_slice(&file.metadata.icc.unwrap()).unwrap();
                let white = result.transform_matrix(&ColorProfile::new_srgb());
                assert!((white.v[0][0] - 1.0).abs() < 1e-3, "{name}: the result is stated to be sRGB");
                if let (Samples::U16(now), true) = (file.photo.samples(), channels.has_alpha()) {
                    assert!(now.chunks(4).all(|pixel| pixel[3] == 40_000), "alpha is as it was");
                }
            }
        }
    }
}

#[test]
fn neutral_stays_neutral_under_any_profile() {
    let gray = ramp(Channels::Gray, true);
    let right = |curve: fn(f64) -> f64| -> Vec<f64> {
        colors(&gray).iter().map(|color| lightness_of(curve(color[0]))).collect()
    };
    let mut gray_over_lab = ColorProfile::new_gray_with_gamma(1.0);
    gray_over_lab.pcs = DataColorSpace::Lab;
    let cases: [(&str, ColorProfile, Vec<f64>); 5] = [
        ("ProPhoto RGB", ColorProfile::new_pro_photo_rgb(), right(|c| c.powf(1.8))),
        ("Adobe RGB", ColorProfile::new_adobe_rgb(), right(|c| c.powf(563.0 / 256.0))),
        ("gray 2.2", ColorProfile::new_gray_with_gamma(2.2), right(|c| c.powf(2.2))),
        ("gray 1.0", ColorProfile::new_gray_with_gamma(1.0), right(|c| c)),
        ("gray over Lab", gray_over_lab, colors(&gray).iter().map(|color| color[0] * 100.0).collect()),
    ];
    for (name, profile, right) in cases {
        let icc = profile.encode().unwrap();
        let of_gray = profile.color_space == DataColorSpace::Gray;
        for photo in [gray.clone(), gray.clone().into_rgb()] {
            if of_gray && photo.channels() != Channels::Gray {
                continue;
            }
            // A writer of PNG or TIFF may refuse a profile that does not fit; the reader is what is tested.
            let file = decoded(&encoded(&photo, Some(icc.clone()), FileFormat::Png));
            assert_eq!(file.warnings, [], "{name}");
            let (_, most) = distances(&lightness(&file.photo), &right);
            assert!(most < 0.15, "{name}: L differs by {most}");
            let colors = colors(&file.photo);
            assert!(colors.iter().all(|[r, g, b]| r == g && g == b), "{name}: not neutral");
        }
    }
}

/// A profile whose table says that L is a fifth of red, seven tenths of green and a tenth of blue.
fn table_profile(space: &[u8; 4]) -> Vec<u8> {
    let inputs = if space == b"CMYK" { 4 } else { 3 };
    let mut table = [b"mft1\0\0\0\0", &[inputs as u8, 3, 2, 0][..]].concat();
    for (row, column) in (0..3).flat_map(|row| (0..3).map(move |column| (row, column))) {
        table.extend(u32::to_be_bytes(if row == column { 1 << 16 } else { 0 }));
    }
    (0..inputs).for_each(|_| table.extend(0..=255u8));
    for corner in 0..1 << inputs {
        let on = |channel: usize| f64::from(corner >> (inputs - 1 - channel) & 1);
        let l = if inputs == 3 { 0.2 * on(0) + 0.7 * on(1) + 0.1 * on(2) } else { 1.0 - on(3) };
        table.extend([(l * 255.0).round() as u8, 128, 128]);
    }
    (0..3).for_each(|_| table.extend(0..=255u8));
    let mut icc = vec![0; 128];
    icc[8] = 2;
    icc[12..16].copy_from_slice(b"scnr");
    icc[16..20].copy_from_slice(space);
    icc[20..24].copy_from_slice(b"Lab ");
    icc[36..40].copy_from_slice(b"acsp");
    for (at, value) in [(68, 0.9642f64), (72, 1.0), (76, 0.8249)] {
        icc[at..at + 4].copy_from_slice(&((value * 65536.0) as u32).to_be_bytes());
    }
    for number in [1, u32::from_be_bytes(*b"A2B0"), 144, table.len() as u32] {
        icc.extend(number.to_be_bytes());
    }
    icc.extend(&table);
    let length = icc.len() as u32;
    icc[..4].copy_from_slice(&length.to_be_bytes());
    icc
}

#[test]
fn tables_of_scanners_are_followed() {
    for deep in [false, true] {
        let photo = ramp(Channels::Rgb, deep);
        let file = decoded(&encoded(&photo, Some(table_profile(b"RGB ")), FileFormat::Tiff));
        assert_eq!(file.warnings, []);
        let right: Vec<f64> =
            colors(&photo).iter().map(|[r, g, b]| 100.0 * (0.2 * r + 0.7 * g + 0.1 * b)).collect();
        let (mean, most) = distances(&lightness(&file.photo), &right);
        assert!(mean < 0.3 && most < 1.0, "L differs by {mean}, at most {most}");
    }
}

#[test]
fn srgb_by_any_name_changes_nothing() {
    let photo = ramp(Channels::Rgb, false);
    let icc = ColorProfile::new_srgb().encode().unwrap();
    for format in [FileFormat::Png, FileFormat::Tiff] {
        let file = decoded(&encoded(&photo, Some(icc.clone()), format));
        assert_eq!(file.photo, photo);
        assert_eq!(file.metadata.icc.as_ref(), Some(&icc), "the profile itself is kept");
    }
}

#[test]
fn profiles_that_cannot_be_used_are_dropped_and_said() {
    let photo = ramp(Channels::Rgb, false);
    let good = ColorProfile::new_adobe_rgb().encode().unwrap();
    let mut no_primaries = good.clone();
    let at = good.windows(8).position(|bytes| bytes == b"XYZ \0\0\0\0").unwrap();
    no_primaries[at + 8..at + 20].fill(0x7F);
    let mut endless = good.clone();
    endless[128..132].fill(0xFF);
    for (name, icc) in [
        ("half", good[..good.len() / 2].to_vec()),
        ("a head alone", good[..132].to_vec()),
        ("noise", b"no profile at all".repeat(20)),
        ("of gray", ColorProfile::new_gray_with_gamma(2.2).encode().unwrap()),
        ("of CMYK", table_profile(b"CMYK")),
        ("with false primaries", no_primaries),
        ("of endless tags", endless),
    ] {
        for format in [FileFormat::Png, FileFormat::Tiff] {
            let file = decoded(&encoded(&photo, Some(icc.clone()), format));
            assert_eq!(file.photo, photo, "{name}: taken for sRGB");
            assert_eq!(file.metadata.icc, None, "{name}");
            let [warning] = &*file.warnings else { panic!("{name}: {:?}", file.warnings) };
            assert!(matches!(warning, DecodeWarning::ProfileDropped { .. }), "{name}: {warning:?}");
            assert!(!warning.is_failure() && warning.to_string().contains("profile"), "{warning}");
        }
    }
}

/// A PNG of a gray or RGB ramp with these chunks before its pixels.
fn png(gray: bool, chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], content: &[u8]| {
        file.extend((content.len() as u32).to_be_bytes());
        let covered = [kind, content].concat();
        file.extend(&covered);
        file.extend(crc32fast::hash(&covered).to_be_bytes());
    };
    let color = if gray { 0 } else { 2 };
    chunk(b"IHDR", &[&[0, 0, 1, 0, 0, 0, 0, 1], &[8, color, 0, 0, 0][..]].concat());
    chunks.iter().for_each(|(kind, content)| chunk(kind, content));
    let samples = if gray { 1 } else { 3 };
    let row: Vec<u8> = (0..=255u8).flat_map(|code| vec![code; samples]).collect();
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&[&[0], &row[..]].concat()).unwrap();
    chunk(b"IDAT", &packed.finish().unwrap());
    chunk(b"IEND", &[]);
    file
}

fn four(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

#[test]
fn a_png_says_its_colors_without_a_profile() {
    const ADOBE: [u32; 8] = [31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000];
    const SRGB: [u32; 8] = [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000];
    let codes = || (0..=255).map(|code| f64::from(code) / 255.0);
    let by = |g: f64| codes().map(|c| lightness_of(c.powf(g))).collect::<Vec<_>>();
    let srgb: Vec<f64> = codes().map(|c| lab_from_srgb([c; 3])[0]).collect();
    let gama = |value: u32| (b"gAMA", four(&[value]));
    let chrm = |primaries: [u32; 8]| (b"cHRM", four(&primaries));
    let cicp = |transfer: u8| (b"cICP", vec![1, transfer, 0, 1]);
    let marked = (b"sRGB", vec![0]);
    for gray in [false, true] {
        for (name, chunks, right) in [
            ("gamma 1.8", vec![gama(55556)], by(1.8)),
            ("gamma 1", vec![gama(100_000)], by(1.0)),
            ("gamma 1, sRGB's primaries", vec![gama(100_000), chrm(SRGB)], by(1.0)),
            ("sRGB's gamma", vec![gama(45455)], srgb.clone()),
            ("sRGB's gamma and primaries", vec![gama(45455), chrm(SRGB)], srgb.clone()),
            ("Adobe's primaries", vec![gama(45455), chrm(ADOBE)], by(2.2)),
            ("gamma that sRGB overrules", vec![gama(100_000), marked.clone()], srgb.clone()),
            ("no gamma", vec![gama(0)], srgb.clone()),
            ("linear code points", vec![cicp(8)], by(1.0)),
            ("sRGB's code points", vec![cicp(13)], srgb.clone()),
            ("code points before gamma", vec![gama(100_000), cicp(13)], srgb.clone()),
        ] {
            let file = decoded(&png(gray, &chunks));
            assert_eq!(file.warnings, [], "{name}, gray {gray}");
            let (_, most) = distances(&lightness(&file.photo), &right);
            assert!(most < 0.5, "{name}, gray {gray}: L differs by {most}");
        }
    }
    for (name, cicp) in
        [("HDR", vec![9, 16, 0, 1]), ("no RGB", vec![1, 13, 1, 1]), ("unknown", vec![1, 99, 0, 1])]
    {
        let file = decoded(&png(false, &[(b"cICP", cicp)]));
        assert!(matches!(&*file.warnings, [DecodeWarning::ProfileDropped { .. }]), "{name}");
    }
}

#[test]
fn profiles_that_unpack_to_a_gigabyte_cost_nothing() {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![0; 1 << 20];
    (0..1024).for_each(|_| packed.write_all(&zeros).unwrap());
    let packed = packed.finish().unwrap();
    let bomb = png(
        false,
        &[
            (b"iCCP", [b"bomb\0\0", &packed[..]].concat()),
            (b"zTXt", [b"Comment\0\0", &packed[..]].concat()),
            (b"iTXt", [b"XML:com.adobe.xmp\0\x01\0\0\0", &packed[..]].concat()),
        ],
    );
    let before = peak_memory();
    let file = decoded(&bomb);
    assert!(matches!(&*file.warnings, [DecodeWarning::ProfileDropped { .. }]), "{:?}", file.warnings);
    assert_eq!(file.metadata, FileMetadata::default());
    assert_eq!(FileMetadata::read(&bomb).unwrap(), FileMetadata::default());
    if let (Some(before), Some(after)) = (before, peak_memory()) {
        // Other tests run beside this one.
        assert!(after.saturating_sub(before) < 600 << 10, "{} KiB more", after - before);
    }
}

/// The most memory that this program has used, KiB, where the system says it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// A BMP of 24 bits: width, height, whether OS/2's header, and rows from the top.
fn bmp(width: u16, height: u16, os2: bool, from_top: bool) -> Vec<u8> {
    let stride = (usize::from(width) * 3).next_multiple_of(4);
    let head = if os2 { 26u32 } else { 54 };
    let size = head + (stride * usize::from(height)) as u32;
    let mut file = [b"BM", &size.to_le_bytes()[..], &[0; 4], &head.to_le_bytes()].concat();
    if os2 {
        file.extend(12u32.to_le_bytes());
        file.extend([width, height, 1, 24].iter().flat_map(|number| number.to_le_bytes()));
    } else {
        let height = i32::from(height) * if from_top { -1 } else { 1 };
        file.extend([40, i32::from(width), height].iter().flat_map(|number| number.to_le_bytes()));
        file.extend([1u16, 24].iter().flat_map(|number| number.to_le_bytes()));
        file.extend([0; 24]);
    }
    for row in 0..height {
        let y = if from_top { row } else { height - 1 - row };
        let mut pixels: Vec<u8> = (0..width).flat_map(|x| [x as u8, y as u8, 200]).collect();
        pixels.resize(stride, 0);
        file.extend(pixels);
    }
    file
}

#[test]
fn sizes_of_bmp_headers_are_those_of_the_picture() {
    let right: Vec<u8> = (0..9).flat_map(|y| (0..13).flat_map(move |x| [200, y, x])).collect();
    for (name, file) in [
        ("from the bottom", bmp(13, 9, false, false)),
        ("from the top", bmp(13, 9, false, true)),
        ("OS/2", bmp(13, 9, true, false)),
    ] {
        assert_eq!(FileMetadata::read(&file).unwrap(), FileMetadata::default(), "{name}");
        assert_eq!(decoded(&file).photo.samples(), &Samples::U8(right.clone()), "{name}");
    }
    for height in [60_000i32, -60_000, i32::MIN] {
        let mut file = bmp(13, 9, false, false);
        file[18..22].copy_from_slice(&60_000u32.to_le_bytes());
        file[22..26].copy_from_slice(&height.to_le_bytes());
        assert_eq!(FileMetadata::read(&file).unwrap_err().code(), "image-too-large");
        assert_eq!(files::decode(Cursor::new(&file)).unwrap_err().code(), "image-too-large");
    }
    let mut file = bmp(13, 9, true, false);
    file[18..22].fill(0xFF);
    assert_eq!(files::decode(Cursor::new(&file)).unwrap_err().code(), "image-too-large");
}

#[test]
fn apples_own_png_is_refused_by_name() {
    let plain = png(false, &[]);
    let chunk = b"\0\0\0\x04CgBI\x50\0\x20\x02\x2b\xd5\xb3\x7f";
    let file = [&plain[..8], chunk, &plain[8..]].concat();
    for error in [FileMetadata::read(&file).unwrap_err(), files::decode(Cursor::new(&file)).unwrap_err()] {
        assert_eq!(error.code(), "image-decode");
        assert!(error.to_string().contains("CgBI"), "{error}");
    }
}

#[test]
fn rows_of_a_truncated_png_are_read_and_said() {
    let photo = ramp(Channels::Rgb, false);
    let file = encoded(&photo, None, FileFormat::Png);
    let part = decoded(&file[..file.len() * 2 / 3]);
    assert_eq!(part.warnings, [DecodeWarning::Truncated { format: "PNG" }]);
    let (Samples::U8(part), Samples::U8(whole)) = (part.photo.samples(), photo.samples()) else { panic!() };
    assert_eq!(part[..whole.len() / 3], whole[..whole.len() / 3]);
}
