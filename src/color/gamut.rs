//! Lab colours brought into the gamut of sRGB, in arithmetic without branches or calls, so that loops over
//! pixels compile to vector instructions.

use super::lab::{RGB_FROM_XYZ, WHITE};

/// A rule for colours that sRGB cannot show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfGamut {
    /// Each channel is clipped by itself, as the reference does: lightness and hue may shift.
    Clip,
    /// Chroma shrinks until the colour fits; L and hue stay.
    ReduceChroma,
}

/// The line from the gray of a colour's L to the colour, at constant L and hue: 0 is the gray, 1 the colour.
#[derive(Clone, Copy)]
pub(crate) struct GrayToColor {
    /// `f` of Y, in which the curve of Lab is `f`.
    f_y: f32,
    /// Difference of `f` of X from that of Y at the colour's end.
    to_x: f32,
    /// Difference of `f` of Z from that of Y at the colour's end.
    to_z: f32,
    /// Contribution of Y to red, green and blue, constant along the line.
    light_of_y: [f32; 3],
}

/// The greater value. `f32::max` treats NaN in a way that has no vector instruction in wasm.
#[inline(always)]
fn greater(p: f32, q: f32) -> f32 {
    if p > q { p } else { q }
}

/// The inverse of Lab's curve with both of its pieces computed, so that there is no branch.
#[inline(always)]
fn f_inverse_flat(t: f32) -> f32 {
    let (cube, foot) = (t * t * t, (t - (16.0 / 116.0) as f32) * (1.0 / 7.787) as f32);
    if t > 0.206_896_6 { cube } else { foot }
}

impl GrayToColor {
    /// The line to a Lab colour.
    #[inline(always)]
    pub(crate) fn new([l, a, b]: [f32; 3]) -> Self {
        const M: [[f64; 3]; 3] = RGB_FROM_XYZ;
        let f_y = (l + 16.0) * (1.0 / 116.0);
        let light = f_inverse_flat(f_y) * WHITE[1] as f32;
        let light_of_y = [M[0][1] as f32 * light, M[1][1] as f32 * light, M[2][1] as f32 * light];
        Self { f_y, to_x: a * (1.0 / 500.0), to_z: b * (-1.0 / 200.0), light_of_y }
    }

    /// Linear light, unclipped, at a position of the line, equal to that of
    /// [`linear_from_lab`](super::lab::linear_from_lab).
    #[inline(always)]
    pub(crate) fn at(self, position: f32) -> [f32; 3] {
        const M: [[f64; 3]; 3] = RGB_FROM_XYZ;
        let x = f_inverse_flat(self.to_x * position + self.f_y) * WHITE[0] as f32;
        let z = f_inverse_flat(greater(self.to_z * position + self.f_y, 0.0)) * WHITE[2] as f32;
        [
            self.light_of_y[0] + M[0][0] as f32 * x + M[0][2] as f32 * z,
            self.light_of_y[1] + M[1][0] as f32 * x + M[1][2] as f32 * z,
            self.light_of_y[2] + M[2][0] as f32 * x + M[2][2] as f32 * z,
        ]
    }

    /// Linear light with as much of the chroma as fits the gamut, to 1/256: eight bisections between gray and
    /// colour.
    #[inline(always)]
    pub(crate) fn reduced(self) -> [f32; 3] {
        // Position 0, the gray of this L, fits.
        let fits = self.bisect(self.bisect(self.bisect(self.bisect(0.0, 0.5), 0.25), 0.125), 0.0625);
        let fits = self.bisect(self.bisect(fits, 1.0 / 32.0), 1.0 / 64.0);
        self.at(self.bisect(self.bisect(fits, 1.0 / 128.0), 1.0 / 256.0))
    }

    /// One bisection: the position `fits`, moved by `step` where the colour there fits too.
    #[inline(always)]
    fn bisect(self, fits: f32, step: f32) -> f32 {
        if gamut_excess(self.at(fits + step)) > GAMUT_SLACK { fits } else { fits + step }
    }
}

/// Largest distance of linear light from 0…1 that counts as rounding, not as out of gamut.
pub(crate) const GAMUT_SLACK: f32 = 1e-5;

/// Largest distance of the three components of light from 0…1; negative inside.
#[inline(always)]
pub(crate) fn gamut_excess([r, g, b]: [f32; 3]) -> f32 {
    let outside = |c: f32| greater(-c, c - 1.0);
    greater(greater(outside(r), outside(g)), outside(b))
}

/// Light clipped to 0…1, each component by itself.
#[inline(always)]
pub(crate) fn clipped(light: [f32; 3]) -> [f32; 3] {
    let clip = |c: f32| {
        let c = greater(c, 0.0);
        if c < 1.0 { c } else { 1.0 }
    };
    [clip(light[0]), clip(light[1]), clip(light[2])]
}

/// Linear sRGB of a Lab colour, brought into 0…1 as `rule` says.
#[inline]
#[must_use]
pub fn linear_in_gamut(lab: [f32; 3], rule: OutOfGamut) -> [f32; 3] {
    let line = GrayToColor::new(lab);
    let light = line.at(1.0);
    let fits = rule == OutOfGamut::Clip || gamut_excess(light) <= GAMUT_SLACK;
    clipped(if fits { light } else { line.reduced() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::lab::{lab_from_linear, linear_from_lab};

    #[test]
    fn light_in_gamut_is_the_definitions() {
        for i in 0..20_000usize {
            let value = |factor: usize, range: f32| (i * factor % 1009) as f32 / 1008.0 * range;
            let lab = [value(7919, 100.0), value(31, 200.0) - 100.0, value(577, 200.0) - 100.0];
            let exact = linear_from_lab(lab.map(f64::from)).map(|c| c.clamp(0.0, 1.0));
            let found = linear_in_gamut(lab, OutOfGamut::Clip);
            assert!((0..3).all(|c| (f64::from(found[c]) - exact[c]).abs() < 2e-6), "{lab:?}");
            let reduced = linear_in_gamut(lab, OutOfGamut::ReduceChroma);
            let [l, a, b] = lab_from_linear(reduced.map(f64::from));
            assert!((l - f64::from(lab[0])).abs() < 0.05, "{lab:?}: L {l}");
            // The hue stays: the remaining chroma points in the same direction.
            let across = a * f64::from(lab[2]) - b * f64::from(lab[1]);
            assert!(across.abs() < 0.5 * f64::from(lab[1]).hypot(lab[2].into()), "{lab:?}: {a} {b}");
        }
    }
}
