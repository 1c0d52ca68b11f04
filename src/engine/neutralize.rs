//! Old photographs as they were when they were new: toning and fading are undone for the network,
//! which has learnt from photographs that have neither.
//!
//! The network sees lightness alone, so the hue of a sepia print or a cyanotype says nothing to it;
//! but a dye darkens what it colours, and faded blacks and yellowed paper narrow the tones. What
//! the network sees is therefore scaled and stretched. The coloured photograph keeps the L of the
//! scan: its tones are the owner's, and a photograph that was merely to be coloured is not also
//! restored.
//!
//! Tones are sRGB codes in 0…1 of the gray that has a pixel's L: toning by a dye or in a program,
//! and fading, are near straight lines there.

use crate::color::lab::{ToLab, lab_from_srgb, linear_from_lab, srgb_from_linear};

/// Steps of L in which the colour of a toned photograph is looked up.
const STEPS: usize = 16;

/// Largest distance of a toned photograph's colours from one curve over L, CIE units: root of the
/// mean square, what all but a hundredth of the pixels keep, and the former in chromas of the curve.
/// Of 1,060 colour photographs 1.3 % are as near to one, fog and dusk, and lose nothing.
const MOST_SPREAD_AB: f64 = 3.2;
const MOST_OUTLIER_AB: f64 = 11.0;
const MOST_RELATIVE_SPREAD: f64 = 0.35;

/// A print that is unevenly yellowed or faded is farther from its curve, but along one line in ab:
/// limits of the distance as above, of the root of the mean square across that line, and of what
/// all but a hundredth of the pixels keep across it, which is its hue's. Of 1,055 colour photographs 1.4 % are within
/// these or the limits above; they are only not offered as the truth to compare with.
const MOST_UNEVEN_SPREAD_AB: f64 = 6.5;
const MOST_RELATIVE_UNEVEN_SPREAD: f64 = 0.7;
const MOST_ACROSS_AB: f64 = 1.3;
const MOST_OUTLIER_ACROSS_AB: f64 = 4.0;

/// More or less of a dye is along its hue; of a cheek's rose on sepia it is not.
const LEAST_ALIGNMENT: f64 = 0.7;

/// Mean chroma of a scanner's cast, and its distance, where nothing but the light's hue varies.
const MOST_CAST: f64 = 3.0;
const MOST_NOISE_AB: f64 = 2.5;

/// Hues of paper and of sepia, in degrees of ab, and the largest mean chroma of those: seas,
/// skies and lawns keep to one line too.
const PAPER_HUES: std::ops::RangeInclusive<f64> = 30.0..=110.0;
const MOST_PAPER_CHROMA: f64 = 30.0;

/// Mean chroma of the curve from which a photograph counts as toned: below it the cast of a scanner.
const LEAST_TONING_CHROMA: f64 = 2.0;

/// Most that toning is taken to have darkened whites.
const MOST_TONING: f32 = 2.5;

/// Share of pixels below black and above white: dust and highlights.
const CLIPPED_SHARE: f32 = 0.005;

/// Share of each side that is left out of the count: margins and frames of prints.
const MARGIN_SHARE: f32 = 0.05;

/// A photograph is faded whose tones span less, or whose black is brighter than this.
const FADED_RANGE: f32 = 0.75;
const FADED_BLACK: f32 = 0.2;

/// Black and white of a photograph that is not faded: medians of colour photographs.
const NEW_BLACK: f32 = 0.04;
const NEW_WHITE: f32 = 0.95;

/// Most that tones are stretched, so that fog stays fog and night stays night.
const MOST_STRETCH: f32 = 2.5;

/// The change that toning and fading have made to the tones of a photograph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ageing {
    /// Whether it is one hue all over, as sepia prints and cyanotypes are.
    pub toned: bool,
    /// Factor on tones that undoes the toning, then on distances from `black`.
    scale: f32,
    stretch: f32,
    /// Tone that becomes `NEW_BLACK`.
    black: f32,
}

impl Ageing {
    /// Looks at a photograph: interleaved 8-bit sRGB, its L (0…100), its width. `None` for one that
    /// is neither toned nor faded, as nearly all colour photographs are.
    #[must_use]
    pub fn of(rgb: &[u8], lightness: &[f32], width: usize) -> Option<Self> {
        let (mut black, mut white) = range(lightness, width)?;
        let toned = ToningCurve::of(rgb).is_toned();
        let mut scale = 1.0;
        if toned {
            // The strongest channel of its whites tells how bright they were without the dye.
            let brightest = strongest_of_whites(rgb, lightness, white);
            scale = (brightest / white).clamp(1.0, MOST_TONING);
            (black, white) = (black * scale, white * scale);
        }
        let faded = white - black < FADED_RANGE || black > FADED_BLACK;
        if !faded && scale == 1.0 {
            return None;
        }
        if !faded {
            return Some(Self { toned, scale, stretch: 1.0, black: NEW_BLACK });
        }
        let stretch = ((NEW_WHITE - NEW_BLACK) / (white - black).max(0.01)).clamp(1.0, MOST_STRETCH);
        // Tones that cannot be stretched far enough keep their middle.
        let slack = (NEW_WHITE - NEW_BLACK) - stretch * (white - black);
        let middle = (black + white) / 2.0;
        let shift = if slack > 0.0 { (middle - NEW_BLACK).clamp(0.0, slack) } else { 0.0 };
        Some(Self { toned, scale, stretch, black: black - shift / stretch })
    }

    /// L of the photograph without toning and fading.
    #[must_use]
    pub fn undone(&self, lightness: &[f32]) -> Vec<f32> {
        let renewed = |l: &f32| {
            let tone = (tone(*l) * self.scale - self.black) * self.stretch + NEW_BLACK;
            lab_from_srgb([tone.clamp(0.0, 1.0); 3])[0]
        };
        lightness.iter().map(renewed).collect()
    }
}

/// The sRGB code, 0…1, of the gray with this L.
fn tone(lightness: f32) -> f32 {
    srgb_from_linear(linear_from_lab([lightness, 0.0, 0.0])[1].max(0.0))
}

/// Black and white of a photograph: tones that all but a few pixels lie between.
fn range(lightness: &[f32], width: usize) -> Option<(f32, f32)> {
    const STEPS: usize = 1000;
    let height = lightness.len() / width.max(1);
    let [left, top] = [width, height].map(|side| (side as f32 * MARGIN_SHARE) as usize);
    let mut counts = [0u32; STEPS + 1];
    let mut pixels = 0;
    for row in lightness.chunks_exact(width).skip(top).take(height - 2 * top) {
        for l in &row[left..width - left] {
            counts[(l.clamp(0.0, 100.0) / 100.0 * STEPS as f32) as usize] += 1;
            pixels += 1;
        }
    }
    let few = (pixels as f32 * CLIPPED_SHARE) as u32;
    let outermost = |steps: &mut dyn Iterator<Item = usize>| {
        let mut beyond = 0;
        for step in steps {
            beyond += counts[step];
            if beyond > few {
                return Some(step);
            }
        }
        None
    };
    let (black, white) = (outermost(&mut (0..=STEPS))?, outermost(&mut (0..=STEPS).rev())?);
    let of = |step: usize| tone(step as f32 / STEPS as f32 * 100.0);
    Some((of(black), of(white)))
}

/// Mean of the strongest channel over the pixels about as bright as `white`, 0…1.
fn strongest_of_whites(rgb: &[u8], lightness: &[f32], white: f32) -> f32 {
    let (mut sum, mut tones) = (0.0, 0.0);
    for (pixel, l) in rgb.chunks_exact(3).zip(lightness) {
        let tone = tone(*l);
        if (white - 0.05..=white + 0.01).contains(&tone) {
            sum += f32::from(pixel[0].max(pixel[1]).max(pixel[2])) / 255.0;
            tones += tone;
        }
    }
    if tones > 0.0 { white * sum / tones } else { white }
}

/// Whether a photograph (interleaved 8-bit sRGB) shows colours of its own: it is neither gray nor
/// toned, evenly or not. A hand-coloured print does, unless its colours are a hundredth of it.
#[must_use]
pub fn has_colours(rgb: &[u8]) -> bool {
    let palette = ToningCurve::of(rgb);
    !palette.is_gray() && !palette.is_toned() && !palette.is_uneven_paper()
}

/// How near the colours of a photograph are to one curve over L, CIE units.
struct ToningCurve {
    /// Mean chroma of the curve.
    chroma: f64,
    /// Root of the mean square distance from it.
    spread: f64,
    /// Share of pixels farther from it than [`MOST_OUTLIER_AB`].
    outliers: f64,
    /// Hue of its mean, degrees.
    hue: f64,
    /// Cosine between that hue and the line that pixels leave the curve along.
    alignment: f64,
    /// Root of the mean square distance across the line that pixels leave it along.
    across: f64,
    /// Share of pixels farther across than [`MOST_OUTLIER_ACROSS_AB`].
    outliers_across: f64,
}

impl ToningCurve {
    fn of(rgb: &[u8]) -> Self {
        let to_lab = ToLab::new();
        let pixels: Vec<[f64; 3]> = rgb.chunks_exact(3).map(|p| to_lab.lab([p[0], p[1], p[2]])).collect();
        let place = |l: f64| (l / 100.0 * STEPS as f64).clamp(0.0, STEPS as f64);
        // Means at equal steps of L, each pixel shared between its two neighbours.
        let mut curve = [[0.0; 3]; STEPS + 1];
        for [l, a, b] in &pixels {
            let (step, share) = (place(*l) as usize, place(*l).fract());
            for (step, share) in [(step, 1.0 - share), (step + 1, share)] {
                if let Some(point) = curve.get_mut(step) {
                    for (sum, value) in point.iter_mut().zip([1.0, *a, *b]) {
                        *sum += share * value;
                    }
                }
            }
        }
        let curve = curve.map(|[count, a, b]| if count > 0.0 { [a / count, b / count] } else { [0.0; 2] });
        let (mut chroma, mut mean) = (0.0, [0.0; 2]);
        let mut away = Vec::with_capacity(pixels.len());
        for [l, a, b] in &pixels {
            let (step, share) = (place(*l) as usize, place(*l).fract());
            let next = curve[(step + 1).min(STEPS)];
            let [near_a, near_b] = [0, 1].map(|i| curve[step][i] + (next[i] - curve[step][i]) * share);
            chroma += near_a.hypot(near_b);
            mean = [mean[0] + near_a, mean[1] + near_b];
            away.push([a - near_a, b - near_b]);
        }
        let count = pixels.len().max(1) as f64;
        let share_beyond = |limit: f64, distance: &dyn Fn(&[f64; 2]) -> f64| {
            away.iter().filter(|away| distance(away) > limit).count() as f64 / count
        };
        let [aa, ab, bb] = away
            .iter()
            .fold([0.0; 3], |[aa, ab, bb], [a, b]| [aa + a * a, ab + a * b, bb + b * b])
            .map(|sum| sum / count);
        // The second moments' lesser axis.
        let (sin, cos) = ((2.0 * ab).atan2(aa - bb) / 2.0).sin_cos();
        let across = (aa + bb - (aa - bb).hypot(2.0 * ab)) / 2.0;
        Self {
            chroma: chroma / count,
            spread: (aa + bb).sqrt(),
            outliers: share_beyond(MOST_OUTLIER_AB, &|[a, b]| a.hypot(*b)),
            hue: mean[1].atan2(mean[0]).to_degrees(),
            alignment: (mean[0] * cos + mean[1] * sin).abs() / mean[0].hypot(mean[1]).max(f64::MIN_POSITIVE),
            across: across.max(0.0).sqrt(),
            outliers_across: share_beyond(MOST_OUTLIER_ACROSS_AB, &|[a, b]| (b * cos - a * sin).abs()),
        }
    }

    /// No colour but a scanner's cast and noise.
    fn is_gray(&self) -> bool {
        let clean = self.chroma < LEAST_TONING_CHROMA && self.spread < LEAST_TONING_CHROMA;
        let noisy = self.chroma <= MOST_CAST && self.spread <= MOST_NOISE_AB && self.keeps_to_a_line();
        clean && self.outliers < 0.001 || noisy && self.outliers <= 0.01
    }

    /// Whether a second hue is no more than noise.
    fn keeps_to_a_line(&self) -> bool {
        self.across <= MOST_ACROSS_AB && self.outliers_across <= 0.01
    }

    /// One hue, or one for each tone.
    fn is_toned(&self) -> bool {
        let near = self.spread <= MOST_SPREAD_AB.min(MOST_RELATIVE_SPREAD * self.chroma);
        self.chroma >= LEAST_TONING_CHROMA && near && self.outliers <= 0.01
    }

    /// One hue, more of it here than there.
    fn is_uneven_paper(&self) -> bool {
        let near = self.spread <= MOST_UNEVEN_SPREAD_AB.min(MOST_RELATIVE_UNEVEN_SPREAD * self.chroma);
        let of_paper = PAPER_HUES.contains(&self.hue)
            && (LEAST_TONING_CHROMA..=MOST_PAPER_CHROMA).contains(&self.chroma);
        of_paper && near && self.keeps_to_a_line() && self.alignment >= LEAST_ALIGNMENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::lab::lightness_plane;

    const SIDE: usize = 64;

    /// A picture of gray waves, each pixel made of its gray, 0…1, and its place.
    fn picture(colour: impl Fn(f32, usize) -> [f32; 3]) -> (Vec<u8>, Vec<f32>) {
        let mut rgb = Vec::new();
        for i in 0..SIDE * SIDE {
            let gray = 0.5 + 0.3 * (i as f32 * 0.37).sin() + 0.2 * ((i / SIDE) as f32 * 0.5).cos();
            rgb.extend(colour(gray.clamp(0.0, 1.0), i).map(|c| (c.clamp(0.0, 1.0) * 255.0).round() as u8));
        }
        let lightness = lightness_plane::<3>(&rgb);
        (rgb, lightness)
    }

    fn ageing(colour: impl Fn(f32, usize) -> [f32; 3]) -> Option<Ageing> {
        let (rgb, lightness) = picture(colour);
        Ageing::of(&rgb, &lightness, SIDE)
    }

    /// Largest difference of L from the gray picture, in what the network sees of both.
    fn difference(colour: impl Fn(f32, usize) -> [f32; 3]) -> f32 {
        let seen = |(rgb, lightness): (Vec<u8>, Vec<f32>)| {
            Ageing::of(&rgb, &lightness, SIDE).map_or(lightness.clone(), |ageing| ageing.undone(&lightness))
        };
        let (gray, other) = (seen(picture(|g, _| [g; 3])), seen(picture(colour)));
        gray.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn what_is_neither_toned_nor_faded_is_left_alone() {
        assert_eq!(ageing(|g, _| [g; 3]), None);
        assert_eq!(ageing(|g, i| if i % 3 == 0 { [g; 3] } else { [g, g * 0.95, g * 0.5] }), None);
    }

    #[test]
    fn toning_is_seen_and_undone() {
        for dye in [[1.0, 0.89, 0.7], [0.4, 0.6, 0.9], [0.8, 0.95, 0.75]] {
            let toned = |g: f32, _| dye.map(|c| c * g);
            assert!(ageing(toned).unwrap().toned, "{dye:?}");
            let brightest = dye.into_iter().fold(0.0, f32::max);
            let new = |g: f32, _: usize| [g * brightest; 3];
            let (rgb, lightness) = picture(toned);
            let renewed = Ageing::of(&rgb, &lightness, SIDE).unwrap();
            if renewed.stretch == 1.0 {
                let (_, expected) = picture(new);
                let undone = renewed.undone(&lightness);
                let worst = undone.iter().zip(&expected).map(|(a, b)| (a - b).abs());
                assert!(worst.fold(0.0, f32::max) < 2.5, "{dye:?}");
            }
        }
        assert!(difference(|g, _| [g, 0.89 * g, 0.7 * g]) < 2.5);
    }

    #[test]
    fn hand_colouring_is_no_toning() {
        let cheeks =
            |g: f32, i: usize| if i % SIDE < 5 { [g, 0.6 * g, 0.6 * g] } else { [g, 0.9 * g, 0.7 * g] };
        assert!(ageing(cheeks).is_none_or(|ageing| !ageing.toned));
        assert!(has_colours(&picture(cheeks).0));
        assert!(!has_colours(&picture(|g, _| [g, 0.9 * g, 0.7 * g]).0));
        assert!(!has_colours(&picture(|g, _| [g; 3]).0));
    }

    #[test]
    fn uneven_yellowing_is_no_colour_but_a_second_hue_is() {
        // Yellowed toward the right, and not toned at the left.
        let stained = |g: f32, i: usize| {
            let much = (i % SIDE) as f32 / SIDE as f32;
            [g, (1.0 - 0.1 * much) * g, (1.0 - 0.3 * much) * g]
        };
        let (rgb, _) = picture(stained);
        assert!(!ToningCurve::of(&rgb).is_toned(), "it must not be near one curve");
        assert!(!has_colours(&rgb));
        let [mut green, mut blue] = [rgb.clone(), rgb];
        for pixel in green.chunks_exact_mut(3).skip(SIDE * SIDE / 2) {
            pixel[0] = pixel[0] / 4 * 3;
        }
        for pixel in blue.chunks_exact_mut(3) {
            pixel.swap(0, 2);
        }
        assert!(has_colours(&green));
        assert!(has_colours(&blue), "paper yellows, and does not turn blue here and there");
    }

    #[test]
    fn fading_is_stretched_but_not_without_end() {
        let faded = ageing(|g, _| [0.3 + 0.4 * g; 3]).unwrap();
        assert!(!faded.toned);
        let (_, lightness) = picture(|g, _| [0.3 + 0.4 * g; 3]);
        let tones: Vec<f32> = faded.undone(&lightness).into_iter().map(tone).collect();
        let (least, most) = tones.iter().fold((1.0f32, 0.0f32), |(a, b), t| (a.min(*t), b.max(*t)));
        assert!((least - NEW_BLACK).abs() < 0.03 && (most - NEW_WHITE).abs() < 0.03, "{least} to {most}");
        // Fog at one tone stays at that tone.
        for at in [0.1, 0.6, 0.9] {
            let fog = ageing(|g, _| [at + 0.02 * g; 3]).unwrap();
            let (_, lightness) = picture(|g, _| [at + 0.02 * g; 3]);
            let tones: Vec<f32> = fog.undone(&lightness).into_iter().map(tone).collect();
            assert!(tones.iter().all(|tone| (tone - at - 0.01).abs() < 0.06), "{at} became {}", tones[0]);
        }
    }

    #[test]
    fn a_margin_does_not_hide_fading() {
        let framed = |g: f32, i: usize| {
            let edge = i % SIDE < 2 || i % SIDE >= SIDE - 2 || i / SIDE < 2 || i / SIDE >= SIDE - 2;
            if edge { [(i % 2) as f32; 3] } else { [0.35 + 0.3 * g; 3] }
        };
        assert!(ageing(framed).is_some());
    }

    #[test]
    fn the_smallest_photographs_pass() {
        for side in 1..4 {
            for value in [0, 128, 255] {
                let lightness = vec![f32::from(value) / 2.55; side * side];
                if let Some(ageing) = Ageing::of(&vec![value; side * side * 3], &lightness, side) {
                    let undone = ageing.undone(&lightness);
                    assert!(undone.iter().all(|l| (0.0..=100.0).contains(l)), "{undone:?}");
                }
            }
        }
    }
}
