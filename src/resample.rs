//! The two resamplers of the method: Pillow's bicubic for the network's input and half-pixel
//! bilinear for its output (SPEC section 7).

use num_traits::Float;

/// Fraction bits of Pillow's fixed-point weights.
const PRECISION: u32 = 32 - 8 - 2;

/// The source pixels that make one output pixel, and their weights.
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

/// Taps of one axis. Shrinking widens the kernel by the scale, which is what antialiases.
fn taps(from: usize, to: usize) -> Vec<Tap> {
    let scale = from as f64 / to as f64;
    let stretch = scale.max(1.0);
    let support = 2.0 * stretch;
    (0..to)
        .map(|i| {
            let centre = (i as f64 + 0.5) * scale;
            let first = (centre - support + 0.5).max(0.0) as usize;
            let end = ((centre + support + 0.5) as usize).min(from);
            let weights: Vec<f64> =
                (first..end).map(|x| cubic((x as f64 - centre + 0.5) / stretch)).collect();
            let sum: f64 = weights.iter().sum();
            let fixed = |w: f64| {
                let w = w / sum * f64::from(1 << PRECISION);
                (if w < 0.0 { w - 0.5 } else { w + 0.5 }) as i32
            };
            Tap { first, weights: weights.into_iter().map(fixed).collect() }
        })
        .collect()
}

fn clip8(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

/// Resizes interleaved 8-bit samples with Pillow's BICUBIC, bit for bit (Pillow 10: horizontal
/// pass first, rounded to 8 bits between the passes).
///
/// `read_row(y, row)` fills `row` with the `channels` times width samples of source row `y`; rows
/// are asked for in order and once, so the source never needs to be in memory as a whole.
pub fn bicubic(
    (from_width, from_height): (usize, usize),
    channels: usize,
    (width, height): (usize, usize),
    mut read_row: impl FnMut(usize, &mut [u8]),
) -> Vec<u8> {
    let across = taps(from_width, width);
    let mut source = vec![0; from_width * channels];
    let mut narrow = vec![0u8; width * from_height * channels];
    for (y, row) in narrow.chunks_exact_mut(width * channels).enumerate() {
        read_row(y, &mut source);
        if width == from_width {
            row.copy_from_slice(&source);
            continue;
        }
        for (pixel, tap) in row.chunks_exact_mut(channels).zip(&across) {
            for (c, out) in pixel.iter_mut().enumerate() {
                let mut sum = 1 << (PRECISION - 1);
                for (i, weight) in tap.weights.iter().enumerate() {
                    sum += i32::from(source[(tap.first + i) * channels + c]) * weight;
                }
                *out = clip8(sum);
            }
        }
    }
    if height == from_height {
        return narrow;
    }
    let stride = width * channels;
    let mut out = Vec::with_capacity(height * stride);
    let mut sums = vec![0i32; stride];
    for tap in taps(from_height, height) {
        sums.fill(1 << (PRECISION - 1));
        for (i, weight) in tap.weights.iter().enumerate() {
            let row = &narrow[(tap.first + i) * stride..][..stride];
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
    /// From `from` samples to `to`.
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

    /// The interpolated line `y` of the rows of `plane` (each `width` long), not yet stretched
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
