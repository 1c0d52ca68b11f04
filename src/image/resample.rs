//! Resampling: Pillow's bicubic for the network's input and half-pixel bilinear for its output
//! (docs/method.md#resampling), halving, doubling and means over rectangles.

use num_traits::Float;

/// Fraction bits of Pillow's fixed-point weights.
const FRACTION_BITS: u32 = 32 - 8 - 2;

/// The source pixels of one output pixel, and their weights.
struct Tap {
    first: usize,
    weights: Vec<i32>,
}

/// Cubic convolution kernel with a = -0.5 (Keys), as Pillow's BICUBIC.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

/// Taps of one axis, whose `length` samples from `start` on become `to`. Shrinking widens the kernel by the
/// scale, against aliasing.
fn taps(from: usize, start: f64, length: f64, to: usize) -> Vec<Tap> {
    let scale = length / to as f64;
    let stretch = scale.max(1.0);
    let support = 2.0 * stretch;
    (0..to)
        .map(|i| {
            let center = start + (i as f64 + 0.5) * scale;
            let first = (center - support + 0.5).max(0.0) as usize;
            let end = ((center + support + 0.5) as usize).min(from);
            let weights: Vec<f64> =
                (first..end).map(|x| cubic((x as f64 - center + 0.5) / stretch)).collect();
            let sum: f64 = weights.iter().sum();
            let fixed = |w: f64| {
                let w = w / sum * f64::from(1 << FRACTION_BITS);
                (if w < 0.0 { w - 0.5 } else { w + 0.5 }) as i32
            };
            Tap { first, weights: weights.into_iter().map(fixed).collect() }
        })
        .collect()
}

fn clip8(sum: i32) -> u8 {
    (sum >> FRACTION_BITS).clamp(0, 255) as u8
}

/// A rectangle of a picture, in pixels, not necessarily whole ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Distance from the left edge.
    pub left: f64,
    /// Distance from the top edge.
    pub top: f64,
    /// Width, above 0.
    pub width: f64,
    /// Height, above 0.
    pub height: f64,
}

/// Resizes interleaved 8-bit samples with Pillow's BICUBIC, bit for bit (Pillow 10: horizontal
/// pass first, rounded to 8 bits between the passes).
///
/// `read_row(y, row)` fills `row` with the `channels` times width samples of source row `y`; rows
/// are asked for in order and once, so the source never needs to be in memory as a whole.
pub fn bicubic(
    from: (usize, usize),
    channels: usize,
    size: (usize, usize),
    read_row: impl FnMut(usize, &mut [u8]),
) -> Vec<u8> {
    let all = Region { left: 0.0, top: 0.0, width: from.0 as f64, height: from.1 as f64 };
    bicubic_region(from, channels, all, size, read_row)
}

/// The horizontal pass of one row. The number of channels is a constant, so that the compiler keeps the sums
/// of a pixel in registers.
fn narrow_row<const CHANNELS: usize>(source: &[u8], across: &[Tap], row: &mut [u8]) {
    let (source, _) = source.as_chunks::<CHANNELS>();
    let (row, _) = row.as_chunks_mut::<CHANNELS>();
    for (out, tap) in row.iter_mut().zip(across) {
        let mut sums = [1 << (FRACTION_BITS - 1); CHANNELS];
        for (weight, pixel) in tap.weights.iter().zip(&source[tap.first..]) {
            for (sum, sample) in sums.iter_mut().zip(pixel) {
                *sum += i32::from(*sample) * weight;
            }
        }
        *out = sums.map(clip8);
    }
}

/// [`bicubic`] of a part of the source, as Pillow's `resize` with `box`: cropped and resized at once.
/// Pixels around the region count where the kernel reaches them, and only the rows that it reaches are
/// read.
///
/// # Panics
/// If the region is empty or leaves the source, or for other channels than 1, 3 or 4.
pub fn bicubic_region(
    (from_width, from_height): (usize, usize),
    channels: usize,
    region: Region,
    (width, height): (usize, usize),
    mut read_row: impl FnMut(usize, &mut [u8]),
) -> Vec<u8> {
    let inside = |start: f64, length: f64, from: usize| {
        start >= 0.0 && length > 0.0 && start + length <= from as f64 + 1e-9
    };
    assert!(
        inside(region.left, region.width, from_width) && inside(region.top, region.height, from_height),
        "{region:?} is not within {from_width} x {from_height}"
    );
    let across = taps(from_width, region.left, region.width, width);
    let down = taps(from_height, region.top, region.height, height);
    let top = down.first().map_or(0, |tap| tap.first);
    let bottom = down.last().map_or(0, |tap| tap.first + tap.weights.len());
    let whole_width = region.left == 0.0 && region.width == from_width as f64;
    let whole_height = region.top == 0.0 && region.height == from_height as f64;
    let mut source = vec![0; from_width * channels];
    let mut narrow = vec![0u8; width * (bottom - top) * channels];
    for (y, row) in (top..).zip(narrow.chunks_exact_mut(width * channels)) {
        read_row(y, &mut source);
        if whole_width && width == from_width {
            row.copy_from_slice(&source);
            continue;
        }
        match channels {
            1 => narrow_row::<1>(&source, &across, row),
            3 => narrow_row::<3>(&source, &across, row),
            4 => narrow_row::<4>(&source, &across, row),
            _ => panic!("pictures have 1, 3 or 4 channels, not {channels}"),
        }
    }
    if whole_height && height == from_height {
        return narrow;
    }
    let stride = width * channels;
    let mut out = Vec::with_capacity(height * stride);
    let mut sums = vec![0i32; stride];
    for tap in down {
        sums.fill(1 << (FRACTION_BITS - 1));
        for (i, weight) in tap.weights.iter().enumerate() {
            let row = &narrow[(tap.first - top + i) * stride..][..stride];
            for (sum, sample) in sums.iter_mut().zip(row) {
                *sum += i32::from(*sample) * weight;
            }
        }
        out.extend(sums.iter().map(|&sum| clip8(sum)));
    }
    out
}

/// One axis of a bilinear interpolation with half-pixel centres and clamped edges
/// (`align_corners=false`, no antialiasing).
#[derive(Debug)]
pub struct BilinearAxis<F> {
    /// Lower neighbour, upper neighbour, weight of the upper one.
    taps: Vec<(usize, usize, F)>,
}

impl<F: Float> BilinearAxis<F> {
    /// An interpolation from `from` samples to `to`.
    #[must_use]
    pub fn new(from: usize, to: usize) -> Self {
        let number = |x: f64| F::from(x).expect("a position is a number");
        let ratio = from as f64 / to as f64;
        let taps = (0..to)
            .map(|i| {
                let position = ((i as f64 + 0.5) * ratio - 0.5).max(0.0);
                let low = (position as usize).min(from - 1);
                (low, (low + 1).min(from - 1), number(position - low as f64))
            })
            .collect();
        Self { taps }
    }

    /// Writes line `y`, interpolated between the rows of `plane` (each `width` long) and not yet stretched
    /// across.
    pub fn blend_rows(&self, plane: &[F], width: usize, y: usize, out: &mut [F]) {
        let (low, high, weight) = self.taps[y];
        let (low, high) = (&plane[low * width..][..width], &plane[high * width..][..width]);
        for ((out, low), high) in out.iter_mut().zip(low).zip(high) {
            *out = *low * (F::one() - weight) + *high * weight;
        }
    }

    /// Stretches one line.
    pub fn stretch(&self, line: &[F], out: &mut [F]) {
        for (out, &(low, high, weight)) in out.iter_mut().zip(&self.taps) {
            *out = line[low] * (F::one() - weight) + line[high] * weight;
        }
    }
}

/// A whole plane by [`BilinearAxis`], row-major.
pub fn bilinear<F: Float>(
    plane: &[F],
    (from_width, from_height): (usize, usize),
    (width, height): (usize, usize),
) -> Vec<F> {
    let (across, down) = (BilinearAxis::new(from_width, width), BilinearAxis::new(from_height, height));
    let mut line = vec![F::zero(); from_width];
    let mut out = vec![F::zero(); width * height];
    for (y, row) in out.chunks_exact_mut(width).enumerate() {
        down.blend_rows(plane, from_width, y, &mut line);
        across.stretch(&line, row);
    }
    out
}

/// Means of squares of two by two samples of a plane of `size` (width, height); at an odd end of the samples
/// that exist.
#[must_use]
pub fn halved(plane: &[f32], (width, height): (usize, usize)) -> Vec<f32> {
    let mut means = Vec::with_capacity(width.div_ceil(2) * height.div_ceil(2));
    for lines in plane.chunks(2 * width) {
        let (upper, lower) = lines.split_at(width);
        let lower = if lower.is_empty() { upper } else { lower };
        let mean = |(upper, lower): (&[f32], &[f32])| {
            upper.iter().chain(lower).sum::<f32>() / (upper.len() + lower.len()) as f32
        };
        means.extend(upper.chunks(2).zip(lower.chunks(2)).map(mean));
    }
    means
}

/// Doubles the length of a line, or writes one sample less: bilinear with half-pixel centres and clamped
/// edges, the counterpart of [`halved`].
pub fn double(line: &[f32], out: &mut [f32]) {
    let towards = |near: f32, next: f32| near + 0.25 * (next - near);
    let (Some(first), Some(last)) = (line.first(), line.last()) else { return };
    // Each pair lies between the centres of two neighbours.
    let (start, rest) = out.split_at_mut(1);
    start[0] = *first;
    let (pairs, _) = rest.as_chunks_mut::<2>();
    for (pair, (left, right)) in pairs.iter_mut().zip(line.iter().zip(&line[1..])) {
        *pair = [towards(*left, *right), towards(*right, *left)];
    }
    if out.len() == 2 * line.len() {
        out[2 * line.len() - 1] = *last;
    }
}

/// The samples that each of `to` equal cells of an axis covers: the first of them, and their weights in the
/// cell's mean.
fn boxes(from: usize, to: usize) -> Vec<(usize, Vec<f32>)> {
    let border = |i: usize| i as f64 * from as f64 / to as f64;
    let covered = |i: usize, start: f64, end: f64| ((i + 1) as f64).min(end) - (i as f64).max(start);
    (0..to)
        .map(|i| {
            let (start, end) = (border(i), border(i + 1));
            let samples = start as usize..(end.ceil() as usize).min(from);
            (start as usize, samples.map(|i| (covered(i, start, end) / (end - start)) as f32).collect())
        })
        .collect()
}

/// Means of a plane of `from` (width, height) over `to` equal rectangles, row-major; samples on a border
/// count as far as a rectangle covers them.
#[must_use]
pub fn area_means(plane: &[f32], from: (usize, usize), to: (usize, usize)) -> Vec<f32> {
    let (across, down) = (boxes(from.0, to.0), boxes(from.1, to.1));
    let mut means = vec![0.0; to.0 * to.1];
    for ((first, shares), line) in down.iter().zip(means.chunks_exact_mut(to.0)) {
        for (row, share_y) in plane.chunks_exact(from.0).skip(*first).zip(shares) {
            for (mean, (first, shares)) in line.iter_mut().zip(&across) {
                let sum: f32 = shares.iter().zip(&row[*first..]).map(|(share, value)| share * value).sum();
                *mean += share_y * sum;
            }
        }
    }
    means
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(side: usize) -> Vec<u8> {
        (0..side * side * 3).map(|i| (i * 7919 % 251) as u8).collect()
    }

    fn square(source: &[u8], side: usize, region: Region, to: usize) -> Vec<u8> {
        bicubic_region((side, side), 3, region, (to, to), |y, row| {
            row.copy_from_slice(&source[y * side * 3..(y + 1) * side * 3]);
        })
    }

    fn part(source: &[u8], side: usize, start: usize, length: usize) -> Vec<u8> {
        let rows = source.chunks(side * 3).skip(start).take(length);
        rows.flat_map(|row| row[start * 3..(start + length) * 3].to_vec()).collect()
    }

    #[test]
    fn a_region_is_that_part_of_the_whole_resized_alike() {
        let source = noise(20);
        let region =
            |start: f64, length: f64| Region { left: start, top: start, width: length, height: length };
        assert_eq!(square(&source, 20, region(3.0, 8.0), 8), part(&source, 20, 3, 8));
        let doubled = square(&source, 20, region(0.0, 20.0), 40);
        assert_eq!(square(&source, 20, region(4.5, 10.0), 20), part(&doubled, 40, 9, 20));
        let halved = square(&source, 20, region(0.0, 20.0), 10);
        assert_eq!(square(&source, 20, region(6.0, 8.0), 4), part(&halved, 10, 3, 4));
    }

    #[test]
    #[should_panic(expected = "is not within")]
    fn a_region_outside_is_refused() {
        let region = Region { left: 15.0, top: 0.0, width: 6.0, height: 6.0 };
        let _ = square(&noise(20), 20, region, 4);
    }

    #[test]
    fn a_line_is_doubled_as_bilinear_interpolation_does_it() {
        for count in 1..9usize {
            let line: Vec<f32> = (0..count).map(|i| (i * i * 7 % 11) as f32).collect();
            let expected = bilinear(&line, (count, 1), (2 * count, 1));
            for length in [2 * count - 1, 2 * count] {
                let mut doubled = vec![f32::NAN; length];
                double(&line, &mut doubled);
                let close = doubled.iter().zip(&expected).all(|(p, q)| (p - q).abs() < 1e-5);
                assert!(close, "{line:?} became {doubled:?}");
            }
        }
    }

    #[test]
    fn squares_are_halved_to_their_means_and_ends_to_what_is_there() {
        let plane = [1.0, 2.0, 3.0, 5.0, 4.0, 7.0, 8.0, 10.0, 12.0];
        assert_eq!(halved(&plane, (3, 3)), [3.0, 5.0, 9.0, 12.0]);
        assert_eq!(halved(&plane[..2], (2, 1)), [1.5]);
        assert_eq!(halved(&plane[..2], (1, 2)), [1.5]);
    }

    #[test]
    fn area_means_share_pixels_on_borders() {
        assert_eq!(area_means(&[1.0, 2.0, 6.0], (3, 1), (1, 1)), [3.0]);
        let halves = area_means(&[1.0, 2.0, 6.0, 1.0, 2.0, 6.0], (3, 2), (2, 1));
        assert!((halves[0] - 4.0 / 3.0).abs() < 1e-6 && (halves[1] - 14.0 / 3.0).abs() < 1e-6, "{halves:?}");
        assert_eq!(area_means(&[1.0, 5.0], (1, 2), (2, 4)), [1.0, 1.0, 1.0, 1.0, 5.0, 5.0, 5.0, 5.0]);
    }
}
