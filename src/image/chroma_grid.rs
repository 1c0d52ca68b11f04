//! Chroma at the network's resolution.

use super::resample::{area_means, bilinear};
use crate::error::{Error, Result};

/// a and b, CIE units, of a grid of cells that covers a photograph, row-major: `a[y * width + x]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ChromaGrid {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) a: Vec<f32>,
    pub(super) b: Vec<f32>,
}

impl ChromaGrid {
    /// A grid of `width` x `height` cells.
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

    /// The planes of a and of b, row-major.
    #[must_use]
    pub fn planes(&self) -> [&[f32]; 2] {
        [&self.a, &self.b]
    }

    /// a and b of a cell.
    ///
    /// # Panics
    /// If the cell lies outside the grid.
    #[must_use]
    pub fn color(&self, x: usize, y: usize) -> [f32; 2] {
        let cell = y * self.width + x;
        [self.a[cell], self.b[cell]]
    }

    /// Moves each cell's colour towards that of another grid of the same size, by the cell's share, 0 to 1,
    /// of the way.
    pub fn mix(&mut self, other: &Self, shares: &[f32]) {
        for (plane, other) in [(&mut self.a, &other.a), (&mut self.b, &other.b)] {
            for ((color, other), share) in plane.iter_mut().zip(other).zip(shares) {
                *color += share * (other - *color);
            }
        }
    }

    /// The grid at another size, bilinear: the first of the reference's two steps
    /// (docs/method.md#faithful-mode).
    #[must_use]
    pub fn resized(&self, width: usize, height: usize) -> Self {
        let plane = |plane: &[f32]| bilinear(plane, self.size(), (width, height));
        Self { width, height, a: plane(&self.a), b: plane(&self.b) }
    }

    /// The grid with no more cells than a photograph has pixels along either axis: mean colours where cells
    /// are smaller than pixels.
    pub(super) fn no_finer_than(self, (width, height): (usize, usize)) -> Self {
        let (from, to) = (self.size(), (self.width.min(width), self.height.min(height)));
        if from == to {
            return self;
        }
        let plane = |plane: &[f32]| area_means(plane, from, to);
        Self { width: to.0, height: to.1, a: plane(&self.a), b: plane(&self.b) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_that_makes_no_sense_is_refused() {
        let refused = |width, height, a: &[f32], b: &[f32]| {
            ChromaGrid::new(width, height, a.to_vec(), b.to_vec()).unwrap_err().code()
        };
        assert_eq!(refused(0, 1, &[], &[]), "invalid-argument");
        assert_eq!(refused(2, 1, &[1.0, 2.0], &[1.0]), "invalid-argument");
        assert_eq!(refused(1, 1, &[f32::NAN], &[1.0]), "invalid-argument");
        assert_eq!(refused(1, 1, &[1.0], &[f32::INFINITY]), "invalid-argument");
    }
}
