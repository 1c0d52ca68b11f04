//! A photograph as somebody looks at it, again and again.

use autochrome::engine::Tone;
use autochrome::engine::picture::Picture;
use autochrome::engine::{Colorizer, Mode, Unpaced};
use autochrome::image::files::{self, FileFormat, FileMetadata};
use autochrome::image::photo::{Channels, Photo, Samples};
use autochrome::kernels::device::{ComputeDevice, DeviceChoice};
use autochrome_testing::seeded_small_unet;
use pollster::block_on;
use std::io::Cursor;
use std::sync::LazyLock;

static COLORIZER: LazyLock<Colorizer> = LazyLock::new(|| {
    let device = block_on(ComputeDevice::open(DeviceChoice::Cpu)).unwrap();
    Colorizer::new(seeded_small_unet(), device).unwrap()
});

const TONE: Tone = Tone { temperature: 0.38, rebalance: 1.0, saturation: 1.0, warmth: 0.0 };

/// A photograph of 120 x 80 pixels whose colours `rgb` makes of a gray value.
fn photo(rgb: impl Fn(u8) -> [u8; 3]) -> Photo {
    let gray = |i: usize| (40 + (i * 7 + i / 120 * 31) % 170) as u8;
    Photo::new(120, 80, Channels::Rgb, Samples::U8((0..120 * 80).flat_map(|i| rgb(gray(i))).collect()))
        .unwrap()
}

fn picture(photo: Photo) -> Picture {
    let colorization = block_on(COLORIZER.colorize(&photo, Mode::Photo, &[], &mut Unpaced)).unwrap();
    Picture::new(photo, FileMetadata::default(), colorization)
}

#[test]
fn a_photograph_in_color_is_told_from_gray_and_toned_ones() {
    let toned = |g: u8| [g, (f32::from(g) * 0.9) as u8, (f32::from(g) * 0.7) as u8];
    assert!(!picture(photo(|g| [g; 3])).is_color());
    assert!(!picture(photo(toned)).is_color());
    assert!(picture(photo(|g| if g % 2 == 0 { [g, 20, 20] } else { [20, 20, g] })).is_color());
}

#[test]
fn a_copy_is_rendered_as_it_would_be_alone_whatever_was_rendered_before() {
    let mut looked_at = picture(photo(|g| [g; 3]));
    let warm = Tone { warmth: 0.7, ..TONE };
    for (tone, side) in [(TONE, Some(60)), (warm, None), (warm, Some(60)), (TONE, Some(30)), (warm, Some(60))]
    {
        let (small, colorization) = looked_at.at_most(side);
        let alone = block_on(colorization.render(small.clone(), tone, &mut Unpaced)).unwrap();
        let found = block_on(looked_at.render(tone, side, &mut Unpaced)).unwrap();
        assert_eq!((found.width, found.height), (alone.width(), alone.height()));
        assert_eq!(found.width, side.unwrap_or(120));
        for (found, alone) in found.samples.iter().zip(alone.to_rgba8()) {
            assert!(found.abs_diff(alone) <= 1, "{tone:?} at {side:?}: {found} {alone}");
        }
    }
}

#[test]
fn a_file_has_the_full_size_and_what_was_made_of_the_metadata() {
    let looked_at = picture(photo(|g| [g; 3]));
    let mark = |metadata: &FileMetadata| {
        let mut metadata = metadata.clone();
        metadata.mark_as_colored();
        metadata
    };
    let file = block_on(looked_at.encode(TONE, FileFormat::Png, mark, &mut Unpaced)).unwrap();
    let decoded = files::decode(Cursor::new(file)).unwrap();
    assert_eq!((decoded.photo.width(), decoded.photo.height()), (120, 80));
    assert_ne!(decoded.metadata, FileMetadata::default());
    let error = block_on(looked_at.color_error(TONE, &mut Unpaced)).unwrap();
    assert!(error.mean_ab > 0.0 && error.psnr.is_finite());
}

#[test]
fn a_place_outside_the_photograph_is_refused() {
    let mut looked_at = picture(photo(|g| [g; 3]));
    let inside = block_on(looked_at.probabilities_at(119.5, 79.5, TONE)).unwrap();
    assert!((inside.iter().sum::<f32>() - 1.0).abs() < 1e-3);
    let refused = block_on(looked_at.probabilities_at(120.0, 1.0, TONE)).unwrap_err();
    assert_eq!(refused.code(), "invalid-argument");
}
