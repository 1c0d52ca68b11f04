//! What holds for every photograph: size, depth, alpha and L are kept.

mod common;

use autochrome::ab_bins::{self, CENTRES};
use autochrome::backend::{ComputeDevice, DeviceChoice};
use autochrome::chroma_upsample::{ChromaGrid, Upsampling};
use autochrome::colorize::{Colorizer, Mode, Pace, Stage, Tone, Unpaced};
use autochrome::lab::{OutOfGamut, lab_from_srgb};
use autochrome::photo::{Channels, Photo, Samples};
use autochrome::render::render;
use autochrome::{Error, Result};
use common::{seeded_small_unet, uniform};
use proptest::prelude::*;
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

const BOLD: Tone = Tone { temperature: 0.2, rebalance: 1.0, saturation: 1.5 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn size_depth_alpha_and_lightness_are_kept(
        width in 1usize..90,
        height in 1usize..90,
        channels in prop::sample::select(vec![Channels::Gray, Channels::GrayAlpha, Channels::Rgb, Channels::Rgba]),
        deep in any::<bool>(),
        key in "[a-z]{4}",
    ) {
        let before = photo(width, height, channels, deep, &key);
        let after = coloured(&before, Mode::Photo, BOLD);
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
    let mut all: Vec<(usize, f64)> = CENTRES.into_iter().map(distance).enumerate().collect();
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
    ] {
        let result = pollster::block_on(colorization.render(before.clone(), tone, &mut Unpaced));
        assert_eq!(result.unwrap_err().code(), "invalid-argument", "{tone:?}");
    }
}
