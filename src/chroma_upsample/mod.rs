//! ab at the network's resolution to ab at full resolution, row by row.
//!
//! Whatever the size of the photograph, an upsampler keeps the low-resolution planes, a sample of its
//! L for each of their cells, and a few lines.

mod back_projection;
mod bilateral;
mod bilinear;
mod guide;
mod guided_filter;
mod nearest;
mod regression;
mod windows;

use crate::error::{Error, Result};
use crate::resample::{self, area_means};
use back_projection::Shares;
use bilateral::{Bilateral, Settings};
use bilinear::Bilinear;
use guide::Guide;
use guided_filter::GuidedFilter;
use std::str::FromStr;

/// ab of a grid of cells that covers a photograph, row-major; `a[y * width + x]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ChromaGrid {
    width: usize,
    height: usize,
    a: Vec<f32>,
    b: Vec<f32>,
}

impl ChromaGrid {
    /// `width` x `height` cells; a and b of each in CIE units.
    ///
    /// # Errors
    /// [`Error::Parameter`] where a side is zero, a plane has another size or a value is not finite.
    pub fn new(width: usize, height: usize, a: Vec<f32>, b: Vec<f32>) -> Result<Self> {
        let wrong = |value| Err(Error::Parameter { name: "ab", value, range: "[2, height, width], finite" });
        if width == 0 || height == 0 || a.len() != width * height || b.len() != a.len() {
            return wrong(format!("{} and {} values for {width} x {height}", a.len(), b.len()));
        }
        match a.iter().chain(&b).find(|value| !value.is_finite()) {
            Some(value) => wrong(value.to_string()),
            None => Ok(Self { width, height, a, b }),
        }
    }

    /// Cells across and down.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// a and b of a cell.
    #[must_use]
    pub fn colour(&self, x: usize, y: usize) -> [f32; 2] {
        let cell = y * self.width + x;
        [self.a[cell], self.b[cell]]
    }

    /// Goes from each cell's colour its share, 0 to 1, of the way to that of another grid of the same
    /// size.
    pub fn mix(&mut self, other: &Self, shares: &[f32]) {
        for (plane, other) in [(&mut self.a, &other.a), (&mut self.b, &other.b)] {
            for ((colour, other), share) in plane.iter_mut().zip(other).zip(shares) {
                *colour += share * (other - *colour);
            }
        }
    }

    /// The grid at another size, bilinear: the first of the reference's two steps (SPEC section 7).
    #[must_use]
    pub fn resized(&self, width: usize, height: usize) -> Self {
        let plane = |plane: &[f32]| resample::bilinear(plane, self.size(), (width, height));
        Self { width, height, a: plane(&self.a), b: plane(&self.b) }
    }

    /// Mean colours where cells are smaller than pixels.
    fn no_finer_than(self, (width, height): (usize, usize)) -> Self {
        let (from, to) = (self.size(), (self.width.min(width), self.height.min(height)));
        if from == to {
            return self;
        }
        let plane = |plane: &[f32]| area_means(plane, from, to);
        Self { width: to.0, height: to.1, a: plane(&self.a), b: plane(&self.b) }
    }
}

/// How chroma is brought to full resolution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Upsampling {
    /// The colour of the cell that a pixel lies in.
    Nearest,
    /// Bilinear between cells.
    Bilinear,
    /// Cells near in place and in mean L count more (Kopf et al. 2007).
    JointBilateral,
    /// As before, but each cell has its own tolerance in L: that of the pixels it covers.
    AdaptiveBilateral,
    /// As before, with colours of the cells corrected so that means over the cells stay as they were
    /// (Irani and Peleg 1991).
    #[default]
    BackProjection,
    /// Chroma as a line over L around every pixel, by ridge regression.
    LocalRegression,
    /// Chroma as a line over L in every window of cells (He and Sun 2015).
    GuidedFilter,
}

impl Upsampling {
    /// All there are, the default first.
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
            Self::Nearest => "nearest",
            Self::Bilinear => "bilinear",
            Self::JointBilateral => "joint-bilateral",
            Self::AdaptiveBilateral => "adaptive-bilateral",
            Self::BackProjection => "back-projection",
            Self::LocalRegression => "local-regression",
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
            range: "back-projection, adaptive-bilateral, joint-bilateral, local-regression, guided-filter, \
                    bilinear or nearest",
        })
    }
}

/// For cells that are compared by their mean L alone.
const JOINT: Settings = Settings { spatial_sigma: 0.6, lightness_sigma: 8.0, spread: 0.0 };

/// For cells that are compared by the spread of their L too.
const ADAPTIVE: Settings = Settings { spatial_sigma: 0.6, lightness_sigma: 4.0, spread: 0.8 };

#[derive(Debug)]
enum Method {
    Nearest { height: usize },
    Bilinear(Bilinear),
    Bilateral(Bilateral),
    BackProjection(Bilateral, Shares),
    Regression(Bilateral, Guide),
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
    /// For a photograph of `size` (width, height). `read(y, columns, out)` fills `out` with its L in
    /// row `y` at the `columns`; it is asked for some rows, in order, if at all.
    #[must_use]
    pub fn new(
        grid: ChromaGrid,
        size: (usize, usize),
        upsampling: Upsampling,
        read: impl FnMut(usize, &[usize], &mut [f32]),
    ) -> Self {
        match upsampling {
            Upsampling::Nearest => return Self { grid, size, method: Method::Nearest { height: size.1 } },
            Upsampling::Bilinear => {
                let method = Method::Bilinear(Bilinear::new(grid.size(), size));
                return Self { grid, size, method };
            }
            _ => {}
        }
        let grid = grid.no_finer_than(size);
        let guide = Guide::new(grid.size(), size, read);
        let bilateral = |settings| Bilateral::new(grid.size(), size, &guide, settings);
        let method = match upsampling {
            Upsampling::JointBilateral => Method::Bilateral(bilateral(JOINT)),
            Upsampling::AdaptiveBilateral => Method::Bilateral(bilateral(ADAPTIVE)),
            Upsampling::LocalRegression => Method::Regression(bilateral(ADAPTIVE), guide),
            Upsampling::GuidedFilter => {
                Method::GuidedFilter(GuidedFilter::new(&grid, &guide.mean, size), guide)
            }
            _ => {
                let bilateral = bilateral(ADAPTIVE);
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

    /// The same photograph in other colours, of a grid of the same size. What follows from its L alone
    /// stays.
    pub fn recolour(&mut self, grid: ChromaGrid) {
        self.grid = match &mut self.method {
            Method::Nearest { .. } | Method::Bilinear(_) => grid,
            Method::Bilateral(_) | Method::Regression(..) => grid.no_finer_than(self.size),
            Method::BackProjection(_, shares) => shares.corrected(&grid.no_finer_than(self.size)),
            Method::GuidedFilter(filter, guide) => {
                let grid = grid.no_finer_than(self.size);
                *filter = GuidedFilter::new(&grid, &guide.mean, self.size);
                grid
            }
        };
    }

    /// ab of row `y`, given the photograph's own L there.
    pub fn row(&self, y: usize, lightness: &[f32], a: &mut [f32], b: &mut [f32]) {
        match &self.method {
            Method::Nearest { height } => nearest::row(&self.grid, *height, y, a, b),
            Method::Bilinear(bilinear) => bilinear.row(&self.grid, y, a, b),
            Method::Bilateral(bilateral) | Method::BackProjection(bilateral, _) => {
                bilateral.row(&self.grid, y, lightness, a, b)
            }
            Method::Regression(bilateral, guide) => {
                regression::row((bilateral, &guide.mean), &self.grid, y, lightness, a, b);
            }
            Method::GuidedFilter(filter, _) => filter.row(y, lightness, a, b),
        }
    }
}
