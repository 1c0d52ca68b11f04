//! sRGB and CIE Lab (D65, 2° observer) with scikit-image's constants (docs/method.md#colour-space).
//!
//! L runs from 0 to 100, a and b are in CIE units. White is (100, -0.0025, 0.0047) and not
//! exactly neutral, as in the reference. The generic functions are the definition; [`ToLightness`],
//! [`ToLab`] and [`ToSrgb`] are the same formulas with tables, for whole photographs.

use num_traits::Float;
use std::sync::LazyLock;

/// Matrix from linear sRGB to XYZ, in the digits of the reference and not the longer ones found elsewhere.
const XYZ_FROM_RGB: [[f64; 3]; 3] =
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]];

/// The numerical inverse of [`XYZ_FROM_RGB`].
pub(super) const RGB_FROM_XYZ: [[f64; 3]; 3] = [
    [3.240_481_343_200_526, -1.537_151_516_271_318, -0.498_536_326_168_888_2],
    [-0.969_254_949_996_568_2, 1.875_990_001_489_891, 0.041_555_926_558_292_77],
    [0.055_646_639_135_177_15, -0.204_041_338_366_511_23, 1.057_311_069_645_344],
];

/// XYZ of the D65 white.
pub(super) const WHITE: [f64; 3] = [0.95047, 1.0, 1.08883];

/// Correlated colour temperature of D65, in kelvins.
pub const DAYLIGHT_KELVIN: f64 = 6504.0;

/// XYZ, with Y = 1, of daylight of a correlated colour temperature from 4000 to 25000 K: the
/// daylight locus of CIE 15 (Judd, MacAdam & Wyszecki 1964). At [`DAYLIGHT_KELVIN`] it is D65 up to
/// the rounding of its constants.
#[must_use]
pub fn daylight_xyz(kelvin: f64) -> [f64; 3] {
    let t = 1e3 / kelvin;
    let x = if kelvin <= 7000.0 {
        ((-4.6070 * t + 2.9678) * t + 0.09911) * t + 0.244063
    } else {
        ((-2.0064 * t + 1.9018) * t + 0.24748) * t + 0.237040
    };
    let y = (2.87 - 3.0 * x) * x - 0.275;
    [x / y, 1.0, (1.0 - x - y) / y]
}

fn of<F: Float>(x: f64) -> F {
    F::from(x).expect("every constant here is representable")
}

/// One sRGB component in 0…1 to linear light.
pub fn linear_from_srgb<F: Float>(c: F) -> F {
    if c > of(0.04045) { ((c + of(0.055)) / of(1.055)).powf(of(2.4)) } else { c / of(12.92) }
}

/// One linear component to sRGB. Not clipped: negative light stays negative.
pub fn srgb_from_linear<F: Float>(c: F) -> F {
    if c > of(0.003_130_8) { of::<F>(1.055) * c.powf(of(1.0 / 2.4)) - of(0.055) } else { c * of(12.92) }
}

/// The curve of Lab: a cube root, and a line near black.
fn f<F: Float>(t: F) -> F {
    if t > of(0.008856) { t.cbrt() } else { t * of(7.787) + of(16.0 / 116.0) }
}

fn f_inverse<F: Float>(t: F) -> F {
    if t > of(0.206_896_6) { t * t * t } else { (t - of(16.0 / 116.0)) / of(7.787) }
}

fn multiply<F: Float>(m: &[[f64; 3]; 3], v: [F; 3]) -> [F; 3] {
    m.map(|row| of::<F>(row[0]) * v[0] + of::<F>(row[1]) * v[1] + of::<F>(row[2]) * v[2])
}

/// sRGB in 0…1 to Lab.
pub fn lab_from_srgb<F: Float>(rgb: [F; 3]) -> [F; 3] {
    lab_from_linear(rgb.map(linear_from_srgb))
}

pub(super) fn lab_from_linear<F: Float>(rgb: [F; 3]) -> [F; 3] {
    let xyz = multiply(&XYZ_FROM_RGB, rgb);
    let [x, y, z] = [0, 1, 2].map(|i| f(xyz[i] / of(WHITE[i])));
    [of::<F>(116.0) * y - of(16.0), of::<F>(500.0) * (x - y), of::<F>(200.0) * (y - z)]
}

/// Lab to linear sRGB, unclipped. Of XYZ only z is kept from going negative, as in the reference.
pub fn linear_from_lab<F: Float>([l, a, b]: [F; 3]) -> [F; 3] {
    let y = (l + of(16.0)) / of(116.0);
    let x = a / of(500.0) + y;
    let z = (y - b / of(200.0)).max(F::zero());
    let xyz = [x, y, z].map(f_inverse);
    multiply(&RGB_FROM_XYZ, [0, 1, 2].map(|i| xyz[i] * of(WHITE[i])))
}

/// Lab to sRGB, with each channel clipped to 0…1 as the last step.
pub fn srgb_from_lab<F: Float>(lab: [F; 3]) -> [F; 3] {
    linear_from_lab(lab).map(|c| srgb_from_linear(c).max(F::zero()).min(F::one()))
}

/// The sRGB value, 0…1, of the gray that has this L.
pub fn gray_from_lightness<F: Float>(l: F) -> F {
    srgb_from_linear(f_inverse((l + of(16.0)) / of(116.0)))
}

/// L of a gray or coloured pixel, for samples of one depth.
///
/// Gray pixels take one look-up; others three look-ups and a cube root.
#[derive(Debug)]
pub struct ToLightness {
    /// Linear light of each code.
    linear: Vec<f32>,
    /// L of the gray of each code.
    gray: Vec<f32>,
}

impl ToLightness {
    /// Tables for samples from 0 to `max` (255 or 65535).
    #[must_use]
    pub fn new(max: u16) -> Self {
        let code = |i: u16| f64::from(i) / f64::from(max);
        Self {
            linear: (0..=max).map(|i| linear_from_srgb(code(i)) as f32).collect(),
            gray: (0..=max).map(|i| lab_from_srgb([code(i); 3])[0] as f32).collect(),
        }
    }

    /// L, 0…100, of a pixel of sRGB codes.
    ///
    /// # Panics
    /// If a code exceeds the `max` of [`ToLightness::new`].
    #[inline]
    #[must_use]
    pub fn lightness(&self, [r, g, b]: [usize; 3]) -> f32 {
        if r == g && g == b {
            return self.gray[r];
        }
        const Y: [f64; 3] = XYZ_FROM_RGB[1];
        let y = Y[0] as f32 * self.linear[r] + Y[1] as f32 * self.linear[g] + Y[2] as f32 * self.linear[b];
        116.0 * f(y) - 16.0
    }
}

/// L, 0…100, of 8-bit pixels of `CHANNELS` interleaved samples, of which red, green and blue come first.
#[must_use]
pub fn lightness_plane<const CHANNELS: usize>(pixels: &[u8]) -> Vec<f32> {
    static TABLES: LazyLock<ToLightness> = LazyLock::new(|| ToLightness::new(u8::MAX.into()));
    let to_lightness = &*TABLES;
    let (pixels, _) = pixels.as_chunks::<CHANNELS>();
    pixels.iter().map(|p| to_lightness.lightness([p[0], p[1], p[2]].map(usize::from))).collect()
}

/// Lab of 8-bit pixels: [`lab_from_srgb`] with the three powers of a pixel looked up.
#[derive(Debug)]
pub struct ToLab {
    /// Linear light of each code.
    linear: Vec<f64>,
}

impl Default for ToLab {
    fn default() -> Self {
        Self::new()
    }
}

impl ToLab {
    /// The table.
    #[must_use]
    pub fn new() -> Self {
        Self { linear: (0..=255).map(|code| linear_from_srgb(f64::from(code) / 255.0)).collect() }
    }

    /// L (0…100), a and b (CIE units) of a pixel.
    #[inline]
    #[must_use]
    pub fn lab(&self, rgb: [u8; 3]) -> [f64; 3] {
        lab_from_linear(rgb.map(|code| self.linear[usize::from(code)]))
    }
}

/// Linear light in 0…1 to integer sRGB codes of one depth, rounded to nearest.
#[derive(Debug)]
pub struct ToSrgb {
    max: f32,
    /// Present for 8 bits.
    table: Option<Box<ByteTable>>,
}

/// Rounds a non-negative number of at most `STEPS`, a power of 2.
#[inline(always)]
fn rounded<const STEPS: usize>(steps: f32) -> usize {
    // 1.5 times 2 to the 23rd: its sum with a number has it, rounded, in its lowest bits.
    (steps + 12_582_912.0).to_bits() as usize & (2 * STEPS - 1)
}

/// 8-bit codes by one look-up and one comparison.
#[derive(Debug)]
struct ByteTable {
    /// Code at equal steps of linear light. The steps are closer than any two thresholds.
    codes: [u8; 2 * ByteTable::STEPS],
    /// Smallest light of each code.
    thresholds: [f32; 512],
}

impl ByteTable {
    const STEPS: usize = 4096;

    fn new() -> Box<Self> {
        let mut table =
            Box::new(Self { codes: [u8::MAX; 2 * Self::STEPS], thresholds: [f32::INFINITY; 512] });
        for (code, threshold) in table.thresholds[..256].iter_mut().enumerate() {
            *threshold = linear_from_srgb((code as f64 - 0.5) / 255.0) as f32;
        }
        for step in 0..=Self::STEPS {
            let light = step as f32 / Self::STEPS as f32;
            table.codes[step] = (table.thresholds.partition_point(|least| *least <= light) - 1) as u8;
        }
        table
    }

    /// Index of the step at or next below a light in 0…1.
    #[inline(always)]
    fn step(light: f32) -> usize {
        rounded::<{ Self::STEPS }>(light * Self::STEPS as f32 - 0.5)
    }

    #[inline(always)]
    fn code(&self, light: f32) -> u8 {
        let code = self.codes[Self::step(light)];
        code + u8::from(light >= self.thresholds[usize::from(code) + 1])
    }
}

impl ToSrgb {
    /// A converter to codes from 0 to `max` (255 or 65535).
    #[must_use]
    pub fn new(max: u16) -> Self {
        Self { max: f32::from(max), table: (max == 255).then(ByteTable::new) }
    }

    /// The code of a linear value in 0…1.
    #[inline]
    #[must_use]
    pub fn code(&self, linear: f32) -> u16 {
        match &self.table {
            Some(table) => table.code(linear).into(),
            None => (srgb_from_linear(linear) * self.max + 0.5) as u16,
        }
    }
}

/// Linear light in 0…1 to 8-bit sRGB codes for display, by one look-up. Where light is within half a step of
/// the border between two codes, the other code may be found.
#[derive(Debug)]
pub struct ToScreen {
    codes: Box<[u8; 2 * ToScreen::STEPS]>,
}

impl Default for ToScreen {
    fn default() -> Self {
        Self::new()
    }
}

impl ToScreen {
    /// Steps of the table. The narrowest codes, the dark ones, are five steps wide.
    const STEPS: usize = 1 << 14;

    /// The table.
    #[must_use]
    pub fn new() -> Self {
        let to_srgb = ToSrgb::new(255);
        let mut codes = Box::new([u8::MAX; 2 * Self::STEPS]);
        for (step, code) in codes[..Self::STEPS].iter_mut().enumerate() {
            *code = to_srgb.code(step as f32 / Self::STEPS as f32) as u8;
        }
        Self { codes }
    }

    /// Writes the codes of red, green and blue to RGBA pixels, and leaves alpha.
    pub fn write_rgba8(&self, [red, green, blue]: [&[f32]; 3], pixels: &mut [[u8; 4]]) {
        let code = |light: f32| self.codes[rounded::<{ Self::STEPS }>(light * Self::STEPS as f32)];
        for (pixel, ((r, g), b)) in pixels.iter_mut().zip(red.iter().zip(green).zip(blue)) {
            *pixel = [code(*r), code(*g), code(*b), pixel[3]];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_agree_with_the_definition() {
        let (to_l, to_srgb) = (ToLightness::new(255), ToSrgb::new(255));
        for code in 0..=255u16 {
            let i = usize::from(code);
            let exact = lab_from_srgb([f64::from(code) / 255.0, 0.3, 0.6]);
            let rounded = lab_from_srgb([f64::from(code) / 255.0, 77.0 / 255.0, 153.0 / 255.0])[0];
            assert!((f64::from(to_l.lightness([i, 77, 153])) - rounded).abs() < 1e-3, "{exact:?}");
            assert_eq!(to_srgb.code(linear_from_srgb(f32::from(code) / 255.0)), code);
            let rgb = [code as u8, 77, 153];
            assert_eq!(ToLab::new().lab(rgb), lab_from_srgb(rgb.map(|c| f64::from(c) / 255.0)));
        }
        for i in 0..=1_000_000u32 {
            let light = i as f32 / 1e6;
            let exact = srgb_from_linear(f64::from(light)) * 255.0;
            assert!((f64::from(to_srgb.code(light)) - exact).abs() < 0.5001, "{light}");
        }
        let deep = ToSrgb::new(65535);
        for code in (0..=65535u16).step_by(257) {
            assert_eq!(deep.code(linear_from_srgb(f64::from(code) / 65535.0) as f32), code);
        }
    }

    #[test]
    fn codes_for_the_screen_are_one_off_at_the_most_and_seldom() {
        let (to_srgb, to_screen) = (ToSrgb::new(255), ToScreen::new());
        let (mut off, count) = (0u32, 1u32 << 20);
        for i in 0..=count {
            let light = i as f32 / count as f32;
            let mut pixels = [[7; 4]];
            to_screen.write_rgba8([&[light], &[light], &[1.0 - light]], &mut pixels);
            let [[r, g, b, alpha]] = pixels;
            assert_eq!((r, alpha), (g, 7));
            for (found, light) in [(r, light), (b, 1.0 - light)] {
                let difference = to_srgb.code(light).abs_diff(found.into());
                assert!(difference <= 1, "{light}");
                off += u32::from(difference);
            }
        }
        assert!(f64::from(off) < 0.01 * 2.0 * f64::from(count), "{off} of {count}");
        // The codes of a gray photograph stay.
        for code in 0..=255u8 {
            let light = [linear_from_srgb(f32::from(code) / 255.0)];
            let mut pixels = [[0; 4]];
            to_screen.write_rgba8([&light; 3].map(|light| &light[..]), &mut pixels);
            assert_eq!(pixels, [[code, code, code, 0]]);
        }
    }

    #[test]
    fn daylight_at_its_own_temperature_is_the_white() {
        let found = daylight_xyz(DAYLIGHT_KELVIN);
        assert!((0..3).all(|i| (found[i] - WHITE[i]).abs() < 1e-3), "{found:?}");
        // D50 and D75 of CIE 15, at 5003 and 7504 K.
        for (kelvin, white) in [(5003.0, [0.96422, 1.0, 0.82521]), (7504.0, [0.94972, 1.0, 1.22638])] {
            let found = daylight_xyz(kelvin);
            assert!((0..3).all(|i| (found[i] - white[i]).abs() < 2e-3), "{kelvin} K: {found:?}");
        }
    }

    #[test]
    fn the_inverse_matrix_is_the_inverse() {
        let [p, q] = [[0.2, 0.5, 0.9], [-0.3, 1.2, 0.0]];
        for v in [p, q] {
            let back = multiply(&XYZ_FROM_RGB, multiply(&RGB_FROM_XYZ, v));
            assert!((0..3).all(|i| (back[i] - v[i]).abs() < 1e-12), "{v:?} became {back:?}");
        }
    }
}
