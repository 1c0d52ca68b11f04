//! Tables of ICC profiles (`A2B0`, `A2B1`: `mft1`, `mft2` and `mAB `), computed to linear sRGB without clipping.
//! `moxcms` reads them; its transforms between two profiles are left out, since they clip to the second one and
//! are 120 KB of the page's engine.

use moxcms::{ColorProfile, DataColorSpace, LutStore, LutType, LutWarehouse, Matrix3d, ToneReprCurve};

/// Steps of a sampled curve.
const STEPS: usize = 4096;

/// Numbers of device values that tables are read for: RGB and CMYK.
const MOST_INPUTS: usize = 4;

/// A curve as its values at equal steps over 0…1.
#[derive(Debug)]
struct Curve(Vec<f32>);

impl Curve {
    fn of(curve: &ToneReprCurve) -> Option<Self> {
        let curve = curve.make_linear_evaluator().ok()?;
        let values: Vec<f32> =
            (0..=STEPS).map(|step| curve.evaluate_value(step as f32 / STEPS as f32)).collect();
        values.iter().all(|value| value.is_finite()).then_some(Self(values))
    }

    /// `count` curves that are stored one after the other.
    fn split(values: &LutStore, count: usize) -> Option<Vec<Self>> {
        let values = numbers(values);
        let length = values.len() / count;
        (length >= 2).then(|| values.chunks_exact(length).take(count).map(|v| Self(v.to_vec())).collect())
    }

    fn at(&self, x: f32) -> f32 {
        let last = self.0.len() - 1;
        let x = x.clamp(0.0, 1.0) * last as f32;
        let step = (x as usize).min(last - 1);
        self.0[step] + (x - step as f32) * (self.0[step + 1] - self.0[step])
    }
}

fn numbers(store: &LutStore) -> Vec<f32> {
    match store {
        LutStore::Store8(values) => values.iter().map(|v| f32::from(*v) / 255.0).collect(),
        LutStore::Store16(values) => values.iter().map(|v| f32::from(*v) / 65535.0).collect(),
    }
}

/// A table over a grid of device values, three numbers at each point, the last device value varying fastest.
#[derive(Debug)]
struct Grid {
    sides: Vec<usize>,
    values: Vec<f32>,
}

impl Grid {
    fn new(sides: Vec<usize>, values: &LutStore) -> Option<Self> {
        let values = numbers(values);
        let points = sides.iter().try_fold(3usize, |points, side| points.checked_mul(*side))?;
        (sides.iter().all(|side| *side >= 2) && values.len() >= points).then_some(Self { sides, values })
    }

    /// Linear in each device value.
    fn at(&self, device: &[f32; MOST_INPUTS]) -> [f32; 3] {
        let mut corners = [(0, 1.0f32); 1 << MOST_INPUTS];
        let mut known = 1;
        for (side, value) in self.sides.iter().zip(device) {
            let x = value.clamp(0.0, 1.0) * (side - 1) as f32;
            let step = (x as usize).min(side - 2);
            let share = x - step as f32;
            for corner in 0..known {
                let (at, weight) = corners[corner];
                corners[corner] = (at * side + step, weight * (1.0 - share));
                corners[corner + known] = (at * side + step + 1, weight * share);
            }
            known *= 2;
        }
        let mut sum = [0.0; 3];
        for (at, weight) in &corners[..known] {
            for (sum, value) in sum.iter_mut().zip(&self.values[at * 3..at * 3 + 3]) {
                *sum += weight * value;
            }
        }
        sum
    }
}

/// How the last numbers of a table are colours of the profile connection space.
#[derive(Clone, Copy, Debug)]
enum Connection {
    Xyz,
    Lab,
    /// Lab as 16 bits had it before ICC v4.
    OldLab,
}

/// A profile's tables.
#[derive(Debug)]
pub(super) struct Tables {
    before: Vec<Curve>,
    grid: Option<Grid>,
    between: Option<(Vec<Curve>, Matrix3d, [f64; 3])>,
    after: Vec<Curve>,
    connection: Connection,
    srgb_from_xyz: Matrix3d,
}

fn curves(curves: &[ToneReprCurve]) -> Option<Vec<Curve>> {
    curves.iter().map(Curve::of).collect()
}

impl Tables {
    /// The tables for perceptual rendering, else for relative colorimetric; `None` where there are none that
    /// can be used for `inputs` device values.
    pub(super) fn of(profile: &ColorProfile, inputs: usize) -> Option<Self> {
        let tables = profile.lut_a_to_b_perceptual.as_ref().or(profile.lut_a_to_b_colorimetric.as_ref())?;
        let lab = match profile.pcs {
            DataColorSpace::Lab => true,
            DataColorSpace::Xyz => false,
            _ => return None,
        };
        let srgb_from_xyz = ColorProfile::new_srgb().colorant_matrix().inverse();
        let of_connection = |lab_kind| if lab { lab_kind } else { Connection::Xyz };
        match tables {
            LutWarehouse::Lut(tables) => {
                if usize::from(tables.num_input_channels) != inputs || tables.num_output_channels != 3 {
                    return None;
                }
                let is_16_bit = tables.lut_type == LutType::Lut16;
                Some(Self {
                    before: Curve::split(&tables.input_table, inputs)?,
                    grid: Some(Grid::new(
                        vec![usize::from(tables.num_clut_grid_points); inputs],
                        &tables.clut_table,
                    )?),
                    between: None,
                    after: Curve::split(&tables.output_table, 3)?,
                    connection: of_connection(if is_16_bit { Connection::OldLab } else { Connection::Lab }),
                    srgb_from_xyz,
                })
            }
            LutWarehouse::Multidimensional(tables) => {
                if usize::from(tables.num_input_channels) != inputs || tables.num_output_channels != 3 {
                    return None;
                }
                let grid = match &tables.clut {
                    Some(values) => {
                        let sides = tables.grid_points[..inputs].iter().map(|side| usize::from(*side));
                        Some(Grid::new(sides.collect(), values)?)
                    }
                    None if inputs == 3 => None,
                    None => return None,
                };
                let (before, between, after) =
                    (curves(&tables.a_curves)?, curves(&tables.m_curves)?, curves(&tables.b_curves)?);
                if ![0, inputs].contains(&before.len())
                    || ![0, 3].contains(&between.len())
                    || after.len() != 3
                {
                    return None;
                }
                let bias = &tables.bias.v;
                let between = (between.len() == 3).then_some((between, tables.matrix, *bias));
                Some(Self {
                    before,
                    grid,
                    between,
                    after,
                    connection: of_connection(Connection::Lab),
                    srgb_from_xyz,
                })
            }
        }
    }

    /// Linear sRGB of device values of 0…1, unclipped.
    pub(super) fn light(&self, mut device: [f32; MOST_INPUTS]) -> [f32; 3] {
        for (value, curve) in device.iter_mut().zip(&self.before) {
            *value = curve.at(*value);
        }
        let mut color = match &self.grid {
            Some(grid) => grid.at(&device),
            None => [device[0], device[1], device[2]],
        };
        if let Some((curves, matrix, bias)) = &self.between {
            let [x, y, z] = [0, 1, 2].map(|i| f64::from(curves[i].at(color[i])));
            color = [0, 1, 2].map(|i| {
                let row = matrix.v[i];
                (row[0] * x + row[1] * y + row[2] * z + bias[i]) as f32
            });
        }
        let color = [0, 1, 2].map(|i| f64::from(self.after[i].at(color[i])));
        let xyz = match self.connection {
            Connection::Xyz => color.map(|value| value * 65535.0 / 32768.0),
            Connection::Lab => {
                xyz_of_lab([color[0] * 100.0, color[1] * 255.0 - 128.0, color[2] * 255.0 - 128.0])
            }
            Connection::OldLab => {
                let [l, a, b] = color.map(|value| value * 65535.0 / 256.0);
                xyz_of_lab([l / 255.0 * 100.0, a - 128.0, b - 128.0])
            }
        };
        self.srgb_from_xyz.v.map(|row| (row[0] * xyz[0] + row[1] * xyz[1] + row[2] * xyz[2]) as f32)
    }
}

/// XYZ under D50 of a Lab colour, by the curve of ISO 11664-4.
fn xyz_of_lab([l, a, b]: [f64; 3]) -> [f64; 3] {
    const DELTA: f64 = 6.0 / 29.0;
    let y = (l + 16.0) / 116.0;
    let inverse = |f: f64| if f > DELTA { f.powi(3) } else { 3.0 * DELTA * DELTA * (f - 4.0 / 29.0) };
    [inverse(y + a / 500.0) * 0.9642, inverse(y), inverse(y - b / 200.0) * 0.8249]
}
