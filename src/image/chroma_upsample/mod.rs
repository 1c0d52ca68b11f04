//! Chroma upsampling: ab at the network's resolution to ab at full resolution, row by row.
//!
//! Whatever the size of the photograph, an upsampler holds the low-resolution planes, a few samples of
//! the photograph's L for each of their cells, and tables of the length of a row and a column.
//!
//! The browser's engines have three upsamplers: back projection, which comes nearest to true colours
//! (measured by `autochrome evaluate-upsampling`), adaptive bilateral for a camera's frames, whose
//! tables are cheaper to make, and bilinear for the faithful mode. The others exist with the feature
//! `train` only, for comparison.

mod back_projection;
mod bilateral;
mod bilinear;
mod guide;
#[cfg(feature = "train")]
mod guided_filter;
#[cfg(feature = "train")]
mod nearest;
#[cfg(feature = "train")]
mod regression;
mod windows;

use super::chroma_grid::ChromaGrid;
use crate::error::{Error, Result};
use back_projection::Shares;
use bilateral::{Bilateral, Settings};
use bilinear::Bilinear;
use guide::Guide;
#[cfg(feature = "train")]
use guided_filter::GuidedFilter;
use std::str::FromStr;

/// A method of chroma upsampling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Upsampling {
    /// The colour of the cell that a pixel lies in.
    #[cfg(feature = "train")]
    Nearest,
    /// Bilinear interpolation between the centres of cells.
    Bilinear,
    /// Means weighted by nearness in place and in mean L (Kopf et al. 2007).
    #[cfg(feature = "train")]
    JointBilateral,
    /// Joint bilateral means in which each cell has its own tolerance in L: the spread of the pixels that it
    /// covers.
    AdaptiveBilateral,
    /// [`Upsampling::AdaptiveBilateral`] of corrected colours, such that means over the cells stay as they
    /// were (Irani and Peleg 1991), as far as the range of the colours around a cell allows it.
    #[default]
    BackProjection,
    /// Chroma as a linear function of L around every pixel, by ridge regression.
    #[cfg(feature = "train")]
    LocalRegression,
    /// Chroma as a linear function of L in every window of cells (He and Sun 2015).
    #[cfg(feature = "train")]
    GuidedFilter,
}

impl Upsampling {
    /// All methods of this build, the default first.
    #[cfg(not(feature = "train"))]
    pub const ALL: [Self; 3] = [Self::BackProjection, Self::AdaptiveBilateral, Self::Bilinear];

    /// All methods of this build, the default first.
    #[cfg(feature = "train")]
    pub const ALL: [Self; 7] = [
        Self::BackProjection,
        Self::AdaptiveBilateral,
        Self::JointBilateral,
        Self::LocalRegression,
        Self::GuidedFilter,
        Self::Bilinear,
        Self::Nearest,
    ];

    /// Name for programs; [`FromStr`] reads it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bilinear => "bilinear",
            Self::AdaptiveBilateral => "adaptive-bilateral",
            Self::BackProjection => "back-projection",
            #[cfg(feature = "train")]
            Self::Nearest => "nearest",
            #[cfg(feature = "train")]
            Self::JointBilateral => "joint-bilateral",
            #[cfg(feature = "train")]
            Self::LocalRegression => "local-regression",
            #[cfg(feature = "train")]
            Self::GuidedFilter => "guided-filter",
        }
    }
}

impl FromStr for Upsampling {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|upsampling| upsampling.name() == text).ok_or_else(|| Error::Parameter {
            name: "upsampling",
            value: text.to_owned(),
            range: if cfg!(feature = "train") {
                "back-projection, adaptive-bilateral, joint-bilateral, local-regression, guided-filter, \
                 bilinear or nearest"
            } else {
                "back-projection, adaptive-bilateral or bilinear"
            },
        })
    }
}

/// Settings of cells that are compared by their mean L alone.
#[cfg(feature = "train")]
const JOINT: Settings = Settings { spatial_sigma: 0.6, lightness_sigma: 8.0, spread: 0.0 };

/// Settings of cells that are compared by the spread of their L too.
fn adaptive(cells: (usize, usize), size: (usize, usize)) -> Settings {
    // Outlines are some pixels wide and chroma is blurrier than L in most files, so that L says less about
    // chroma where a cell is not much larger than that. Both constants are fitted to photographs.
    const SIGMA_LIGHTNESS: f32 = 4.0;
    const BLUR_PIXELS: f32 = 14.0;
    let area = (size.0 * size.1) as f32 / (cells.0 * cells.1) as f32;
    let lightness_sigma = SIGMA_LIGHTNESS * (1.0 + BLUR_PIXELS * BLUR_PIXELS / area).sqrt();
    Settings { spatial_sigma: 0.6, lightness_sigma, spread: 0.8 }
}

#[derive(Debug)]
enum Method {
    Bilinear(Bilinear),
    Bilateral(Bilateral),
    BackProjection(Bilateral, Shares),
    #[cfg(feature = "train")]
    Nearest {
        height: usize,
    },
    #[cfg(feature = "train")]
    Regression(Bilateral, Guide),
    #[cfg(feature = "train")]
    GuidedFilter(GuidedFilter, Guide),
}

/// Brings a [`ChromaGrid`] to a photograph's size, one row at a time, in any order.
#[derive(Debug)]
pub struct ChromaUpsampler {
    grid: ChromaGrid,
    size: (usize, usize),
    method: Method,
}

impl ChromaUpsampler {
    /// An upsampler of `grid` for a photograph of `size` (width, height). `read(y, columns, out)` fills `out`
    /// with the photograph's L in row `y` at the `columns`; it is called for some rows, in order, or not at
    /// all.
    #[must_use]
    pub fn new(
        grid: ChromaGrid,
        size: (usize, usize),
        upsampling: Upsampling,
        read: impl FnMut(usize, &[usize], &mut [f32]),
    ) -> Self {
        match upsampling {
            #[cfg(feature = "train")]
            Upsampling::Nearest => return Self { grid, size, method: Method::Nearest { height: size.1 } },
            Upsampling::Bilinear => {
                let method = Method::Bilinear(Bilinear::new(grid.size(), size));
                return Self { grid, size, method };
            }
            _ => {}
        }
        let grid = grid.no_finer_than(size);
        let guide = Guide::new(grid.size(), size, read);
        let adaptive = adaptive(grid.size(), size);
        let bilateral = |settings| Bilateral::new(grid.size(), size, &guide, settings);
        let method = match upsampling {
            Upsampling::AdaptiveBilateral => Method::Bilateral(bilateral(adaptive)),
            #[cfg(feature = "train")]
            Upsampling::JointBilateral => Method::Bilateral(bilateral(JOINT)),
            #[cfg(feature = "train")]
            Upsampling::LocalRegression => Method::Regression(bilateral(adaptive), guide),
            #[cfg(feature = "train")]
            Upsampling::GuidedFilter => {
                Method::GuidedFilter(GuidedFilter::new(&grid, &guide.mean, size), guide)
            }
            _ => {
                let bilateral = bilateral(adaptive);
                let shares = Shares::new(grid.size(), &bilateral, &guide);
                Method::BackProjection(bilateral, shares)
            }
        };
        let mut upsampler = Self { grid, size, method };
        if let Method::BackProjection(_, shares) = &upsampler.method {
            upsampler.grid = shares.corrected(&upsampler.grid);
        }
        upsampler
    }

    /// Replaces the colours by those of a grid of the same size. Everything computed from the photograph's L
    /// stays.
    pub fn recolor(&mut self, grid: ChromaGrid) {
        self.grid = match &mut self.method {
            Method::Bilinear(_) => grid,
            Method::Bilateral(_) => grid.no_finer_than(self.size),
            Method::BackProjection(_, shares) => shares.corrected(&grid.no_finer_than(self.size)),
            #[cfg(feature = "train")]
            Method::Nearest { .. } => grid,
            #[cfg(feature = "train")]
            Method::Regression(..) => grid.no_finer_than(self.size),
            #[cfg(feature = "train")]
            Method::GuidedFilter(filter, guide) => {
                let grid = grid.no_finer_than(self.size);
                *filter = GuidedFilter::new(&grid, &guide.mean, self.size);
                grid
            }
        };
    }

    /// Writes a and b of row `y`, given the photograph's L there.
    pub fn row(&self, y: usize, lightness: &[f32], a: &mut [f32], b: &mut [f32]) {
        match &self.method {
            Method::Bilinear(bilinear) => bilinear.row(&self.grid, y, a, b),
            Method::Bilateral(bilateral) | Method::BackProjection(bilateral, _) => {
                bilateral.row(&self.grid, y, lightness, a, b);
            }
            #[cfg(feature = "train")]
            Method::Nearest { height } => nearest::row(&self.grid, *height, y, a, b),
            #[cfg(feature = "train")]
            Method::Regression(bilateral, guide) => {
                regression::row((bilateral, &guide.mean), &self.grid, y, lightness, a, b);
            }
            #[cfg(feature = "train")]
            Method::GuidedFilter(filter, _) => filter.row(y, lightness, a, b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::resample::area_means;

    /// An upsampler for a photograph whose L at (x, y) is `lightness(x, y)`.
    fn upsampler(
        grid: ChromaGrid,
        size: (usize, usize),
        upsampling: Upsampling,
        lightness: impl Fn(usize, usize) -> f32,
    ) -> ChromaUpsampler {
        ChromaUpsampler::new(grid, size, upsampling, |y, columns, out| {
            for (out, x) in out.iter_mut().zip(columns) {
                *out = lightness(*x, y);
            }
        })
    }

    /// a and b of a whole photograph, its rows in the order given.
    fn planes(
        upsampler: &ChromaUpsampler,
        (width, height): (usize, usize),
        rows: impl Iterator<Item = usize>,
        lightness: impl Fn(usize, usize) -> f32,
    ) -> [Vec<f32>; 2] {
        let (mut a, mut b) = (vec![0.0; width * height], vec![0.0; width * height]);
        for y in rows {
            let line: Vec<f32> = (0..width).map(|x| lightness(x, y)).collect();
            let row = y * width..(y + 1) * width;
            upsampler.row(y, &line, &mut a[row.clone()], &mut b[row]);
        }
        [a, b]
    }

    /// Numbers in 0…1 without a pattern.
    fn noise(i: usize) -> f32 {
        (i * 7919 % 1009) as f32 / 1009.0
    }

    /// Colours without a pattern.
    fn mixed(width: usize, height: usize) -> ChromaGrid {
        let plane = |salt: usize| (0..width * height).map(|i| noise(i + salt) * 120.0 - 60.0).collect();
        ChromaGrid::new(width, height, plane(1), plane(500)).unwrap()
    }

    const SIZE: (usize, usize) = (64, 48);

    /// Two fields, the left one dark; their outline lies half a cell off the grid's.
    fn two_fields(x: usize, _: usize) -> f32 {
        if x < 144 { 20.0 } else { 80.0 }
    }

    /// The worst error in a with the means of the two fields' colours, 40 and -30, over cells of 32 x 32.
    fn worst_of_two_fields(upsampling: Upsampling) -> f32 {
        const SIZE: (usize, usize) = (256, 192);
        let truth = |x: usize| if x < 144 { 40.0f32 } else { -30.0 };
        let plane: Vec<f32> = (0..SIZE.0 * SIZE.1).map(|i| truth(i % SIZE.0)).collect();
        let means = area_means(&plane, SIZE, (8, 6));
        let grid = ChromaGrid::new(8, 6, means.clone(), means).unwrap();
        let upsampler = upsampler(grid, SIZE, upsampling, two_fields);
        let [a, _] = planes(&upsampler, SIZE, 0..SIZE.1, two_fields);
        (0..a.len()).map(|i| (a[i] - truth(i % SIZE.0)).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn color_stops_at_an_edge_of_the_photograph() {
        let blind = ["bilinear", "nearest"];
        for upsampling in Upsampling::ALL.into_iter().filter(|upsampling| blind.contains(&upsampling.name()))
        {
            let worst = worst_of_two_fields(upsampling);
            assert!(worst > 30.0, "{}: {worst}", upsampling.name());
        }
        let [adaptive, corrected] =
            [Upsampling::AdaptiveBilateral, Upsampling::BackProjection].map(worst_of_two_fields);
        assert!(adaptive < 6.0, "{adaptive}");
        assert!(corrected < 3.0, "{corrected}");
    }

    #[test]
    fn means_over_the_cells_stay_as_given() {
        // Colours that follow L, as those of photographs do, with outlines that cross the cells.
        let lightness =
            |x: usize, y: usize| if (x + y / 2) % 23 < 9 { 25.0 } else { 70.0 } + noise(x * y) * 4.0;
        let plane: Vec<f32> =
            (0..SIZE.0 * SIZE.1).map(|i| lightness(i % SIZE.0, i / SIZE.0) * 0.9 - 40.0).collect();
        let given = area_means(&plane, SIZE, (8, 6));
        let lacking = |upsampling| {
            let grid = ChromaGrid::new(8, 6, given.clone(), given.clone()).unwrap();
            let upsampler = upsampler(grid, SIZE, upsampling, lightness);
            let [a, _] = planes(&upsampler, SIZE, 0..SIZE.1, lightness);
            let means = area_means(&a, SIZE, (8, 6));
            means.iter().zip(&given).map(|(mean, given)| (mean - given).abs()).sum::<f32>()
                / means.len() as f32
        };
        let (before, after) = (lacking(Upsampling::AdaptiveBilateral), lacking(Upsampling::BackProjection));
        assert!(after < 0.6 * before, "{before} became {after}");
    }

    #[test]
    fn every_size_keeps_a_flat_color() {
        for upsampling in Upsampling::ALL {
            for (w, h) in [(1, 1), (2, 1), (1, 3), (5, 4), (8, 9), (60, 50)] {
                for (width, height) in [(1, 1), (3, 7), (40, 2), (41, 37)] {
                    let grid = ChromaGrid::new(w, h, vec![12.0; w * h], vec![-7.0; w * h]).unwrap();
                    let lightness = |x, y| noise(x * 31 + y) * 100.0;
                    let upsampler = upsampler(grid, (width, height), upsampling, lightness);
                    let [a, b] = planes(&upsampler, (width, height), 0..height, lightness);
                    let kept =
                        a.iter().all(|a| (a - 12.0).abs() < 1e-2) && b.iter().all(|b| (b + 7.0).abs() < 1e-2);
                    assert!(kept, "{} of {w} x {h} at {width} x {height}", upsampling.name());
                }
            }
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let lightness = |x, y| noise(x * 31 + y) * 100.0;
        for upsampling in Upsampling::ALL {
            let upsampler = upsampler(mixed(8, 6), SIZE, upsampling, lightness);
            let down = planes(&upsampler, SIZE, 0..SIZE.1, lightness);
            assert_eq!(down, planes(&upsampler, SIZE, (0..SIZE.1).rev(), lightness), "{}", upsampling.name());
        }
    }

    /// A line over L goes on beyond the colours it was fitted to; averages do not.
    #[test]
    fn averages_stay_within_the_colors_given() {
        let lightness = |x, y| noise(x * 31 + y) * 100.0;
        let lines = ["local-regression", "guided-filter"];
        for upsampling in Upsampling::ALL.into_iter().filter(|upsampling| !lines.contains(&upsampling.name()))
        {
            let upsampler = upsampler(mixed(8, 6), SIZE, upsampling, lightness);
            let given = mixed(8, 6);
            let planes = planes(&upsampler, SIZE, 0..SIZE.1, lightness);
            for (plane, given) in planes.iter().zip([given.a, given.b]) {
                let least = given.iter().copied().fold(f32::INFINITY, f32::min) - 1e-3;
                let most = given.iter().copied().fold(f32::NEG_INFINITY, f32::max) + 1e-3;
                assert!(plane.iter().all(|v| (least..=most).contains(v)), "{}", upsampling.name());
            }
        }
    }

    #[test]
    fn extreme_values_stay_numbers() {
        let lightness = |x: usize, y: usize| [0.0, 100.0, -1e6, 1e6][(x + y) % 4];
        for upsampling in Upsampling::ALL {
            let plane: Vec<f32> = (0..48).map(|i| if i % 2 == 0 { 1e6 } else { -1e6 }).collect();
            let grid = ChromaGrid::new(8, 6, plane.clone(), plane).unwrap();
            let upsampler = upsampler(grid, SIZE, upsampling, lightness);
            let planes = planes(&upsampler, SIZE, 0..SIZE.1, lightness);
            assert!(planes.concat().iter().all(|v| v.is_finite()), "{}", upsampling.name());
        }
    }

    #[test]
    fn names_are_read_back_and_others_answered_with_all_of_them() {
        for upsampling in Upsampling::ALL {
            assert_eq!(upsampling.name().parse::<Upsampling>().unwrap(), upsampling);
        }
        assert_eq!(Upsampling::ALL[0], Upsampling::default());
        let error = "bicubic".parse::<Upsampling>().unwrap_err().to_string();
        assert!(Upsampling::ALL.iter().all(|upsampling| error.contains(upsampling.name())), "{error}");
    }
}
