//! Invariants of every photograph: size, depth, alpha and L are kept.

use autochrome::color::ab_bins::{self, CENTERS};
use autochrome::color::gamut::OutOfGamut;
use autochrome::color::lab::{ToLab, lab_from_srgb};
use autochrome::engine::preview::Preview;
use autochrome::engine::render::render;
use autochrome::engine::{Colorizer, Mode, Pace, Stage, Tone, Unpaced};
use autochrome::image::chroma_grid::ChromaGrid;
use autochrome::image::chroma_upsample::Upsampling;
use autochrome::image::files;
use autochrome::image::photo::{Channels, Photo, Samples};
use autochrome::kernels::device::{ComputeDevice, DeviceChoice};
use autochrome::model::weights::ModelFile;
use autochrome::{Error, Result};
use autochrome_testing::{seeded_small_unet, uniform};
use proptest::prelude::*;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::LazyLock;

static COLORIZER: LazyLock<Colorizer> = LazyLock::new(|| {
    let device = pollster::block_on(ComputeDevice::open(DeviceChoice::Cpu)).unwrap();
    Colorizer::new(seeded_small_unet(), device).unwrap()
});

fn coloured(photo: &Photo, mode: Mode, tone: Tone) -> Photo {
    pollster::block_on(async {
        let colorization = COLORIZER.colorize(photo, mode, &[], &mut Unpaced).await.unwrap();
        colorization.render(photo.clone(), tone, &mut Unpaced).await.unwrap()
    })
}

/// Samples as fractions of full scale, as many to a pixel as there are channels.
fn fractions(photo: &Photo) -> Vec<f64> {
    match photo.samples() {
        Samples::U8(v) => v.iter().map(|s| f64::from(*s) / 255.0).collect(),
        Samples::U16(v) => v.iter().map(|s| f64::from(*s) / 65535.0).collect(),
    }
}

fn photo(width: usize, height: usize, channels: Channels, deep: bool, key: &str) -> Photo {
    let noise = uniform(key, width * height * channels.count());
    let samples = if deep {
        Samples::U16(noise.iter().map(|u| (u * 65536.0) as u16).collect())
    } else {
        Samples::U8(noise.iter().map(|u| (u * 256.0) as u8).collect())
    };
    Photo::new(width, height, channels, samples).unwrap()
}

fn lightness(photo: &Photo) -> Vec<f64> {
    let count = photo.channels().count();
    let gray = count < 3;
    fractions(photo)
        .chunks(count)
        .map(|p| lab_from_srgb(if gray { [p[0]; 3] } else { [p[0], p[1], p[2]] })[0])
        .collect()
}

fn alpha(photo: &Photo) -> Option<Vec<f64>> {
    let count = photo.channels().count();
    photo.channels().has_alpha().then(|| fractions(photo).chunks(count).map(|p| p[count - 1]).collect())
}

const BOLD: Tone = Tone { temperature: 0.2, rebalance: 1.0, saturation: 1.5, warmth: 0.0 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn size_depth_alpha_and_lightness_are_kept(
        width in 1usize..90,
        height in 1usize..90,
        channels in prop::sample::select(vec![Channels::Gray, Channels::GrayAlpha, Channels::Rgb, Channels::Rgba]),
        deep in any::<bool>(),
        warmth in prop_oneof![Just(0.0f32), -1.0f32..=1.0],
        key in "[a-z]{4}",
    ) {
        let before = photo(width, height, channels, deep, &key);
        let after = coloured(&before, Mode::Photo, Tone { warmth, ..BOLD });
        prop_assert_eq!((after.width(), after.height()), (width, height));
        prop_assert_eq!(matches!(after.samples(), Samples::U16(_)), deep);
        prop_assert_eq!(alpha(&after), alpha(&before));
        // One 8-bit step of L, for colours in gamut and, since chroma gives way, outside it too.
        let step = if deep { 0.01 } else { 100.0 / 255.0 };
        for (before, after) in lightness(&before).into_iter().zip(lightness(&after)) {
            prop_assert!((before - after).abs() <= step, "L {} became {}", before, after);
        }
    }

    #[test]
    fn faithful_mode_keeps_size_and_alpha(width in 1usize..60, height in 1usize..60) {
        let before = photo(width, height, Channels::Rgba, false, "faithful");
        let after = coloured(&before, Mode::Faithful, BOLD);
        prop_assert_eq!((after.width(), after.height()), (width, height));
        prop_assert_eq!(alpha(&after), alpha(&before));
    }
}

/// Colours for a grid, as wide as sRGB has them and somewhat beyond.
fn chroma(width: usize, height: usize, key: &str) -> ChromaGrid {
    let mut a: Vec<f32> = uniform(key, 2 * width * height).iter().map(|u| u * 240.0 - 120.0).collect();
    let b = a.split_off(width * height);
    ChromaGrid::new(width, height, a, b).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_colours_of_any_grid_leave_size_alpha_and_lightness(
        (width, height) in (1usize..70, 1usize..70),
        (across, down) in (1usize..20, 1usize..20),
        upsampling in prop::sample::select(Upsampling::ALL.to_vec()),
        channels in prop::sample::select(vec![Channels::Gray, Channels::GrayAlpha, Channels::Rgb, Channels::Rgba]),
        key in "[a-z]{4}",
    ) {
        let before = photo(width, height, channels, true, &key);
        let grid = chroma(across, down, &key);
        let rule = OutOfGamut::ReduceChroma;
        let after =
            pollster::block_on(render(before.clone(), grid, upsampling, rule, &mut Unpaced)).unwrap();
        prop_assert_eq!((after.width(), after.height()), (width, height));
        prop_assert_eq!(alpha(&after), alpha(&before));
        for (before, after) in lightness(&before).into_iter().zip(lightness(&after)) {
            prop_assert!((before - after).abs() <= 0.01, "L {} became {}", before, after);
        }
    }
}

#[test]
fn extreme_shapes() {
    for (width, height) in [(1, 1), (1, 5000), (5000, 1), (3, 2000)] {
        let before = photo(width, height, Channels::Gray, false, "extreme");
        let after = coloured(&before, Mode::Photo, BOLD);
        assert_eq!((after.width(), after.height()), (width, height));
    }
}

#[test]
fn without_saturation_a_gray_photograph_stays_as_it_was() {
    for deep in [false, true] {
        let before = photo(40, 30, Channels::Gray, deep, "gray");
        let after = coloured(&before, Mode::Photo, Tone { saturation: 0.0, ..BOLD });
        let limit = if deep { 2.0 / 65535.0 } else { 0.0 };
        for (rgb, gray) in fractions(&after).chunks(3).zip(fractions(&before)) {
            assert!(rgb.iter().all(|c| (c - gray).abs() <= limit), "{gray} became {rgb:?}");
        }
    }
}

#[test]
fn warmth_tints_grays_and_leaves_black_and_white() {
    let before = Photo::new(3, 1, Channels::Gray, Samples::U8(vec![0, 128, 255])).unwrap();
    for (warmth, blue_less_red) in [(1.0, -40.0..-10.0), (0.0, -0.1..0.1), (-1.0, 10.0..40.0)] {
        let after = coloured(&before, Mode::Photo, Tone { saturation: 0.0, warmth, ..BOLD });
        let Samples::U8(rgb) = after.samples() else { panic!("8 bits stay 8 bits") };
        assert_eq!((&rgb[..3], &rgb[6..]), (&[0; 3][..], &[255; 3][..]));
        let difference = f32::from(rgb[5]) - f32::from(rgb[3]);
        assert!(blue_less_red.contains(&difference), "warmth {warmth}: {rgb:?}");
    }
}

#[test]
fn a_transparent_pixel_keeps_its_hidden_lightness() {
    let before =
        Photo::new(2, 1, Channels::Rgba, Samples::U8(vec![90, 90, 90, 0, 200, 200, 200, 255])).unwrap();
    let after = coloured(&before, Mode::Photo, BOLD);
    for (before, after) in lightness(&before).into_iter().zip(lightness(&after)) {
        assert!((before - after).abs() <= 100.0 / 255.0);
    }
}

/// All bins by squared distance, equally near ones by index: the definition of the neighbours.
fn ranked([a, b]: [f64; 2]) -> Vec<(usize, f64)> {
    let distance = |[qa, qb]: [i16; 2]| (a - f64::from(qa)).powi(2) + (b - f64::from(qb)).powi(2);
    let mut all: Vec<(usize, f64)> = CENTERS.into_iter().map(distance).enumerate().collect();
    all.sort_by(|p, q| p.1.total_cmp(&q.1));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn the_table_of_neighbours_finds_what_comparing_all_bins_finds(
        a in -130.0f64..130.0,
        b in -130.0f64..130.0,
        neighbours in 1usize..=12,
    ) {
        let whole = |v: f64| (v / 5.0).round() * 5.0;
        // Places on the borders of cells and bins are where bins are equally near.
        for ab in [[a, b], [whole(a), b], [whole(a), whole(b)]] {
            let expected = &ranked(ab)[..neighbours];
            let weight = |d2: f64| (-(d2 - expected[0].1) / (2.0 * ab_bins::SIGMA.powi(2))).exp();
            let sum: f64 = expected.iter().map(|(_, d2)| weight(*d2)).sum();
            let found = ab_bins::soft_encode(ab, neighbours);
            prop_assert_eq!(ab_bins::nearest(ab), expected[0].0, "{:?}", ab);
            for ((bin, share), (expected, d2)) in found.into_iter().zip(expected) {
                prop_assert_eq!(bin, *expected, "{:?}", ab);
                prop_assert!((share - weight(*d2) / sum).abs() < 1e-15);
            }
        }
    }
}

/// Stops after some reports of progress.
struct StopAfter(usize);

impl Pace for StopAfter {
    async fn tick(&mut self, _: Stage, _: f32) -> Result<()> {
        self.0 = self.0.checked_sub(1).ok_or(Error::Aborted)?;
        Ok(())
    }
}

#[test]
fn a_preview_is_what_rendering_gives_whatever_came_before() {
    for channels in [Channels::Gray, Channels::Rgba] {
        let before = photo(90, 300, channels, false, "preview");
        let colorization =
            pollster::block_on(COLORIZER.colorize(&before, Mode::Photo, &[], &mut Unpaced)).unwrap();
        let mut preview = Preview::new(&before);
        let tones = [
            BOLD,
            Tone { saturation: 0.4, ..BOLD },
            Tone { warmth: 0.8, ..BOLD },
            Tone { temperature: 0.9, warmth: -0.5, ..BOLD },
            BOLD,
        ];
        for tone in tones {
            // Where a rendering stopped, the next goes on.
            for ticks in 0..3 {
                let mut pace = StopAfter(ticks);
                let stopped = pollster::block_on(preview.render(&colorization, tone, &mut pace));
                assert_eq!(stopped.unwrap_err().code(), "aborted");
            }
            let found = pollster::block_on(preview.render(&colorization, tone, &mut Unpaced)).unwrap();
            let expected =
                pollster::block_on(colorization.render(before.clone(), tone, &mut Unpaced)).unwrap();
            for (found, expected) in found.iter().zip(expected.to_rgba8()) {
                assert!(found.abs_diff(expected) <= 1, "{tone:?}: {found} {expected}");
            }
        }
    }
}

static SHIPPED: LazyLock<Colorizer> = LazyLock::new(|| {
    let device = pollster::block_on(ComputeDevice::open(DeviceChoice::Cpu)).unwrap();
    let model = std::fs::read("www/models/lite2-int8.safetensors").unwrap();
    Colorizer::new(ModelFile::read(&model).unwrap(), device).unwrap()
});

/// Distances between the pixels of two RGBA pictures, ascending: in L, and in ab.
fn distances(one: &[u8], other: &[u8]) -> [Vec<f64>; 2] {
    let to_lab = ToLab::new();
    let lab = |p: &[u8]| to_lab.lab([p[0], p[1], p[2]]);
    let pairs = one.chunks(4).zip(other.chunks(4)).map(|(p, q)| (lab(p), lab(q)));
    let distance = |([l, a, b], [m, c, d]): ([f64; 3], [f64; 3])| ((l - m).abs(), (a - c).hypot(b - d));
    let (mut of_l, mut of_ab): (Vec<f64>, Vec<f64>) = pairs.map(distance).unzip();
    of_l.sort_by(f64::total_cmp);
    of_ab.sort_by(f64::total_cmp);
    [of_l, of_ab]
}

/// A sample, gray, so many times across and down: large, and as sharp as photographs are.
fn tiled(name: &str, times: usize) -> Photo {
    let path = Path::new("www/samples").join(name);
    let sample = files::decode(BufReader::new(File::open(path).unwrap())).unwrap().photo;
    let (width, height) = (sample.width(), sample.height());
    let rgba = sample.to_rgba8();
    let gray = |p: &[u8]| ((77 * u32::from(p[0]) + 150 * u32::from(p[1]) + 29 * u32::from(p[2])) >> 8) as u8;
    let rows = rgba.chunks(4 * width).map(|row| row.chunks(4).map(gray).collect::<Vec<u8>>().repeat(times));
    let samples = rows.collect::<Vec<_>>().concat().repeat(times);
    Photo::new(width * times, height * times, Channels::Gray, Samples::U8(samples)).unwrap()
}

/// Each pixel's own L, and colours that are found for two by two of them.
#[test]
fn a_large_preview_is_close_to_what_rendering_gives() {
    // An odd width, and as bold colours as there are.
    for (name, times) in [("cat.jpg", 3), ("rocket.jpg", 2)] {
        let before = tiled(name, times);
        let colorization =
            pollster::block_on(SHIPPED.colorize(&before, Mode::Photo, &[], &mut Unpaced)).unwrap();
        let mut preview = Preview::new(&before);
        for tone in [SHIPPED.default_tone(), Tone { temperature: 0.1, ..SHIPPED.default_tone() }] {
            let found = pollster::block_on(preview.render(&colorization, tone, &mut Unpaced)).unwrap();
            let expected =
                pollster::block_on(colorization.render(before.clone(), tone, &mut Unpaced)).unwrap();
            let of = distances(found, &expected.to_rgba8());
            let [l, ab] = of.each_ref().map(|all| all.iter().sum::<f64>() / all.len() as f64);
            let [most_l, most_ab] = of.each_ref().map(|all| all[all.len() * 95 / 100]);
            assert!(l < 0.15 && most_l < 0.5, "{name}, {tone:?}: L differs by {l}, {most_l}");
            assert!(ab < 1.2 && most_ab < 5.0, "{name}, {tone:?}: ab differs by {ab}, {most_ab}");
        }
    }
}

/// Stops when a stage begins.
struct StopAt(Stage);

impl Pace for StopAt {
    async fn tick(&mut self, stage: Stage, _: f32) -> Result<()> {
        if stage == self.0 { Err(Error::Aborted) } else { Ok(()) }
    }
}

#[test]
fn every_stage_can_be_stopped() {
    let before = photo(40, 30, Channels::Gray, false, "stop");
    for stage in [Stage::Prepare, Stage::Network] {
        let result = pollster::block_on(COLORIZER.colorize(&before, Mode::Photo, &[], &mut StopAt(stage)));
        assert_eq!(result.unwrap_err().code(), "aborted");
    }
    let colorization =
        pollster::block_on(COLORIZER.colorize(&before, Mode::Photo, &[], &mut Unpaced)).unwrap();
    let result = pollster::block_on(colorization.render(before, BOLD, &mut StopAt(Stage::Render)));
    assert_eq!(result.unwrap_err().code(), "aborted");
}

#[test]
fn settings_out_of_range_are_refused() {
    let before = photo(8, 8, Channels::Gray, false, "range");
    let colorization =
        pollster::block_on(COLORIZER.colorize(&before, Mode::Photo, &[], &mut Unpaced)).unwrap();
    for tone in [
        Tone { temperature: -0.1, ..BOLD },
        Tone { rebalance: 0.5, ..BOLD },
        Tone { saturation: f32::NAN, ..BOLD },
        Tone { warmth: 1.01, ..BOLD },
        Tone { warmth: f32::NAN, ..BOLD },
    ] {
        let result = pollster::block_on(colorization.render(before.clone(), tone, &mut Unpaced));
        assert_eq!(result.unwrap_err().code(), "invalid-argument", "{tone:?}");
    }
}
