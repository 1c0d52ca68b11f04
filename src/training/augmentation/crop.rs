//! Square parts of photographs.

use super::random::between;
use crate::image::photo::Photo;
use crate::image::resample::Region;
use rand::{Rng, RngExt};

/// A random square of a photograph at `side` x `side`, interleaved 8-bit sRGB over white. It is shown
/// at `scale` times the smallest size that covers the square, drawn evenly between the two, and is
/// mirrored left to right in a share `mirror` of all cases.
///
/// # Panics
/// If `side` is 0 or `scale` goes below 1.
#[must_use]
pub fn crop(photo: &Photo, side: usize, scale: [f64; 2], mirror: f64, rng: &mut impl Rng) -> Vec<u8> {
    let short = photo.width().min(photo.height()) as f64;
    let seen = short / between(rng, scale);
    // Whole pixels, so that a photograph of just the crop's size is not resampled.
    let mut offset = |length: usize| rng.random_range(0..=(length as f64 - seen) as u32);
    let (left, top) = (f64::from(offset(photo.width())), f64::from(offset(photo.height())));
    let mirror = rng.random::<f64>() < mirror;

    let region = Region { left, top, width: seen, height: seen };
    let mut rgb = photo.region_over_white(region, (side, side));
    if mirror {
        let (pixels, _) = rgb.as_chunks_mut::<3>();
        pixels.chunks_exact_mut(side).for_each(<[_]>::reverse);
    }
    rgb
}

/// The middle square of a photograph at `side` x `side`, interleaved 8-bit sRGB over white.
///
/// # Panics
/// If `side` is 0.
#[must_use]
pub fn middle(photo: &Photo, side: usize) -> Vec<u8> {
    let seen = photo.width().min(photo.height());
    let offset = |length: usize| ((length - seen) / 2) as f64;
    let region = Region {
        left: offset(photo.width()),
        top: offset(photo.height()),
        width: seen as f64,
        height: seen as f64,
    };
    photo.region_over_white(region, (side, side))
}
