//! Near-duplicate photographs: copies of other sizes, crops and formats are recognised by their
//! thumbnails, so that photographs of the evaluation can be kept out of the training.

use crate::color::lab::lightness_plane;
use crate::image::photo::Photo;
use crate::image::resample::Region;
use std::array;
use std::collections::HashMap;
use std::f32::consts::PI;

/// Cells along each side of a thumbnail.
const SIDE: usize = 16;

/// Cells of a thumbnail.
const CELLS: usize = SIDE * SIDE;

/// Smallest standard deviation of L of a thumbnail; a flatter photograph shows nothing to compare.
const MIN_DEVIATION: f32 = 2.0;

/// Number of coordinates by which similar thumbnails are looked up.
const AXES: usize = 5;

/// Half waves across and down of the cosine of each coordinate.
const WAVES: [(f32, f32); AXES] = [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (2.0, 0.0), (0.0, 2.0)];

/// Lightness of a picture in 16 x 16 cells, with the mean subtracted, as a vector of length 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Thumbnail(Box<[f32; CELLS]>);

impl Thumbnail {
    /// The thumbnail of a whole photograph, squashed to a square; `None` for a flat one.
    #[must_use]
    pub fn of(photo: &Photo) -> Option<Self> {
        Self::of_rgb(&photo.resized_over_white(SIDE, SIDE))
    }

    /// The thumbnail of the largest square in the middle of a photograph, to compare with copies that were
    /// cropped to a square; `None` for a flat one.
    #[must_use]
    pub fn of_middle(photo: &Photo) -> Option<Self> {
        let (width, height) = (photo.width() as f64, photo.height() as f64);
        let side = width.min(height);
        let middle =
            Region { left: (width - side) / 2.0, top: (height - side) / 2.0, width: side, height: side };
        Self::of_rgb(&photo.region_over_white(middle, (SIDE, SIDE)))
    }

    fn of_rgb(rgb: &[u8]) -> Option<Self> {
        let mut cells = Box::new([0.0; CELLS]);
        cells.copy_from_slice(&lightness_plane::<3>(rgb));
        let mean = cells.iter().sum::<f32>() / CELLS as f32;
        cells.iter_mut().for_each(|cell| *cell -= mean);
        let length = cells.iter().map(|cell| cell * cell).sum::<f32>().sqrt();
        if length < MIN_DEVIATION * SIDE as f32 {
            return None;
        }
        cells.iter_mut().for_each(|cell| *cell /= length);
        Some(Self(cells))
    }

    /// Correlation of two thumbnails, -1…1; 1 for copies, whatever their contrast.
    #[must_use]
    pub fn likeness(&self, other: &Self) -> f32 {
        // Eight sums, so that the compiler uses vector instructions.
        let mut sums = [0.0; 8];
        for (a, b) in self.0.as_chunks::<8>().0.iter().zip(other.0.as_chunks::<8>().0) {
            for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
                *sum += a * b;
            }
        }
        sums.iter().sum()
    }

    /// Coordinates on orthonormal axes: the lowest frequencies of a cosine transform, which distinguish
    /// photographs best.
    fn coarse(&self) -> [f32; AXES] {
        WAVES.map(|(across, down)| {
            let wave = |waves: f32, i: usize| (PI * waves * (i as f32 + 0.5) / SIDE as f32).cos();
            // The norm of the wave over all cells.
            let both = across > 0.0 && down > 0.0;
            let length = (CELLS as f32 / if both { 4.0 } else { 2.0 }).sqrt();
            let cells = self.0.iter().enumerate();
            cells.map(|(i, cell)| cell * wave(across, i % SIDE) * wave(down, i / SIDE)).sum::<f32>() / length
        })
    }
}

/// A collection of thumbnails in which similar ones are found without comparing all.
#[derive(Debug)]
pub struct Gallery {
    least: f32,
    pictures: Vec<Thumbnail>,
    /// Coordinates of each picture.
    coarse: Vec<[f32; AXES]>,
    /// Indices of pictures by their coordinates in steps of `step`, a spatial hash.
    places: HashMap<[i32; AXES], Vec<usize>>,
    step: f32,
}

impl Gallery {
    /// An empty collection in which pictures count as alike from a likeness of `least` on, above 0 and
    /// below 1.
    ///
    /// # Panics
    /// For a likeness outside this range.
    #[must_use]
    pub fn new(least: f32) -> Self {
        assert!(0.0 < least && least < 1.0, "a likeness of {least} is not between 0 and 1");
        // For vectors of length 1, |a - b|² = 2 - 2 a·b: similar ones are at most this far apart, on each
        // axis too. The rest allows for rounding.
        let step = (2.0 - 2.0 * least).sqrt() * 1.001 + 1e-5;
        Self { least, pictures: Vec::new(), coarse: Vec::new(), places: HashMap::new(), step }
    }

    /// Number of pictures.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pictures.len()
    }

    /// Whether there are no pictures.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }

    /// Adds a picture, whose index is the number of pictures before.
    pub fn add(&mut self, picture: Thumbnail) {
        let coarse = picture.coarse();
        self.places.entry(self.place(coarse)).or_default().push(self.pictures.len());
        self.coarse.push(coarse);
        self.pictures.push(picture);
    }

    /// Index of the picture most like this one, and its likeness; `None` if none is alike.
    #[must_use]
    pub fn most_like(&self, picture: &Thumbnail) -> Option<(usize, f32)> {
        let coarse = picture.coarse();
        let center = self.place(coarse);
        let mut best: Option<(usize, f32)> = None;
        for neighbor in 0..3i32.pow(AXES as u32) {
            let place = array::from_fn(|axis| center[axis] + neighbor / 3i32.pow(axis as u32) % 3 - 1);
            for &number in self.places.get(&place).into_iter().flatten() {
                let apart = coarse.iter().zip(&self.coarse[number]).map(|(a, b)| (a - b) * (a - b));
                if apart.sum::<f32>() > self.step * self.step {
                    continue;
                }
                let likeness = self.pictures[number].likeness(picture);
                if likeness >= self.least && best.is_none_or(|(_, most)| likeness > most) {
                    best = Some((number, likeness));
                }
            }
        }
        best
    }

    fn place(&self, coarse: [f32; AXES]) -> [i32; AXES] {
        coarse.map(|place| (place / self.step).floor() as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::photo::{Channels, Samples};
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};

    /// A picture of broad waves; another seed, another picture.
    fn waves(seed: u64, width: usize, height: usize) -> Photo {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let waves: Vec<[f64; 3]> =
            (0..6).map(|_| [0.0; 3].map(|_: f64| rng.random_range(-5.0..5.0))).collect();
        let mut rgb = Vec::new();
        for i in 0..width * height {
            let (x, y) = ((i % width) as f64 / width as f64, (i / width) as f64 / height as f64);
            let sum: f64 = waves.iter().map(|[fx, fy, phase]| (fx * x + fy * y + phase).sin()).sum();
            let gray = 128.0 + 35.0 * sum;
            rgb.extend([0.9, 1.0, 0.7].map(|c| (gray * c).clamp(0.0, 255.0) as u8));
        }
        Photo::new(width, height, Channels::Rgb, Samples::U8(rgb)).unwrap()
    }

    fn thumbnail(photo: &Photo) -> Thumbnail {
        Thumbnail::of(photo).unwrap()
    }

    #[test]
    fn copies_are_alike_at_any_size_and_contrast_and_others_are_not() {
        let photo = waves(1, 300, 200);
        let small = photo.preview(60).unwrap();
        assert!(thumbnail(&photo).likeness(&thumbnail(&small)) > 0.999);
        let Samples::U8(samples) = photo.samples() else { unreachable!() };
        let pale = samples.iter().map(|s| 90 + s / 4).collect();
        let pale = Photo::new(300, 200, Channels::Rgb, Samples::U8(pale)).unwrap();
        assert!(thumbnail(&photo).likeness(&thumbnail(&pale)) > 0.98);
        for seed in 2..40 {
            let likeness = thumbnail(&photo).likeness(&thumbnail(&waves(seed, 300, 200)));
            assert!((-1.0001..0.95).contains(&likeness), "{seed}: {likeness}");
        }
    }

    #[test]
    fn a_photograph_cropped_to_a_square_is_its_middle() {
        let photo = waves(7, 90, 60);
        let square = Region { left: 15.0, top: 0.0, width: 60.0, height: 60.0 };
        let square = photo.region_over_white(square, (60, 60));
        let square = Photo::new(60, 60, Channels::Rgb, Samples::U8(square)).unwrap();
        let middle = Thumbnail::of_middle(&photo).unwrap();
        assert!(middle.likeness(&thumbnail(&square)) > 0.999);
        assert!(thumbnail(&photo).likeness(&thumbnail(&square)) < 0.99);
        assert_eq!(Thumbnail::of_middle(&square), Thumbnail::of(&square));
    }

    #[test]
    fn what_shows_nothing_has_no_thumbnail() {
        let fog = (0..32 * 32).flat_map(|i| [200 + (i % 3) as u8; 3]).collect();
        let fog = Photo::new(32, 32, Channels::Rgb, Samples::U8(fog)).unwrap();
        assert_eq!(Thumbnail::of(&fog), None);
    }

    /// Pictures in clusters, so that many are near the limit on either side.
    #[test]
    fn a_gallery_finds_what_comparing_all_would_find() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        for least in [0.9, 0.965, 0.985] {
            let mut gallery = Gallery::new(least);
            let mut all: Vec<Thumbnail> = Vec::new();
            let (mut alike, mut apart) = (0, 0);
            for seed in 0..600 {
                let Thumbnail(mut cells) = thumbnail(&waves(seed % 60, 16, 16));
                let noise = rng.random_range(0.0..0.05);
                cells.iter_mut().for_each(|cell| *cell += rng.random_range(-noise..=noise));
                let mean = cells.iter().sum::<f32>() / CELLS as f32;
                cells.iter_mut().for_each(|cell| *cell -= mean);
                let length = cells.iter().map(|cell| cell * cell).sum::<f32>().sqrt();
                cells.iter_mut().for_each(|cell| *cell /= length);
                let picture = Thumbnail(cells);
                let most = all.iter().map(|other| other.likeness(&picture)).fold(f32::MIN, f32::max);
                let found = gallery.most_like(&picture);
                assert_eq!(found.map(|(_, likeness)| likeness), (most >= least).then_some(most));
                if let Some((number, likeness)) = found {
                    assert_eq!(all[number].likeness(&picture), likeness);
                }
                *(if found.is_some() { &mut alike } else { &mut apart }) += 1;
                gallery.add(picture.clone());
                all.push(picture);
            }
            assert!(gallery.len() == 600 && alike > 60 && apart > 60, "{least}: {alike} and {apart}");
        }
        assert!(Gallery::new(0.5).is_empty());
    }
}
