//! Pixels near outlines, where colours that do not follow the photograph are most visible.

/// Fraction of the pixels that count as edges: those of the strongest gradient of L.
const EDGE_FRACTION: f64 = 0.08;

/// Width of the band to each side of an edge, in pixels.
const BAND_PIXELS: usize = 3;

/// For each pixel of a photograph (its L, row-major), whether it lies within 3 pixels, along both axes,
/// of one whose gradient of L is among the strongest 8 %. All false where no gradient is stronger than
/// the rest.
#[must_use]
pub fn edge_band(lightness: &[f32], width: usize) -> Vec<bool> {
    let height = lightness.len() / width;
    let around = |i: usize, count: usize, reach: usize| (i.saturating_sub(reach), (i + reach).min(count - 1));
    let strength: Vec<f32> = (0..lightness.len())
        .map(|i| {
            let (x, y) = (i % width, i / width);
            let ((left, right), (top, bottom)) = (around(x, width, 1), around(y, height, 1));
            let across = lightness[y * width + right] - lightness[y * width + left];
            let down = lightness[bottom * width + x] - lightness[top * width + x];
            across * across + down * down
        })
        .collect();
    let mut sorted = strength.clone();
    let place = ((1.0 - EDGE_FRACTION) * sorted.len() as f64) as usize;
    let (_, least, _) = sorted.select_nth_unstable_by(place, f32::total_cmp);
    let edge: Vec<bool> = strength.iter().map(|strength| strength > least).collect();
    let across: Vec<bool> = (0..edge.len())
        .map(|i| {
            let (left, right) = around(i % width, width, BAND_PIXELS);
            edge[i / width * width..][left..=right].contains(&true)
        })
        .collect();
    (0..edge.len())
        .map(|i| {
            let (top, bottom) = around(i / width, height, BAND_PIXELS);
            (top..=bottom).any(|y| across[y * width + i % width])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_of_an_outline_is_three_pixels_to_each_side() {
        // One step of 60 among gentle slopes: the gradient is strong in the two columns beside it,
        // less than 8 % of the pixels.
        let (width, height) = (40, 10);
        let lightness: Vec<f32> = (0..width * height)
            .map(|i| (i % width) as f32 * 0.1 + if i % width >= 20 { 60.0 } else { 0.0 })
            .collect();
        let band = edge_band(&lightness, width);
        for (i, near) in band.into_iter().enumerate() {
            assert_eq!(near, (16..=23).contains(&(i % width)), "column {}", i % width);
        }
    }

    #[test]
    fn a_flat_photograph_has_none() {
        assert!(!edge_band(&[50.0; 12], 4).contains(&true));
        assert_eq!(edge_band(&[50.0], 1), [false]);
    }
}
