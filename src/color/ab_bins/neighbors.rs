//! The bins nearest to a colour, and the soft encoding over them (docs/method.md#soft-encoding).
//!
//! The ab range of sRGB is covered by a table of small cells, each listing the bins that can be among the
//! nearest of a colour inside it; other colours are compared with all bins. Both ways give the same
//! bins in the same order.

use super::{CENTERS, COUNT, SIGMA};
use std::sync::LazyLock;

/// Side of a cell, in ab units.
const CELL_SIDE: i32 = 5;

/// Smallest a and b of the table, in ab units. The range is wider than sRGB's gamut.
const MIN_AB: i32 = -110;

/// Largest a and b of the table, exclusive, in ab units.
const MAX_AB: i32 = 110;

/// Cells along a side of the table.
const CELLS_PER_SIDE: usize = ((MAX_AB - MIN_AB) / CELL_SIDE) as usize;

/// Largest number of neighbours that the table serves: that of the authors' code.
const MAX_NEIGHBORS: usize = 10;

static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

/// A bin and the squared distance of a colour to it.
type Neighbor = (usize, f64);

/// The candidate bins of one cell, as a part of [`Table::bins`].
struct Cell {
    first: usize,
    /// Number of candidates for the one, two … nearest bins.
    counts: [usize; MAX_NEIGHBORS],
}

struct Table {
    cells: Vec<Cell>,
    /// Candidates of all cells; those of one cell in the order of their distance from it.
    bins: Vec<u16>,
}

impl Table {
    fn new() -> Self {
        let (mut cells, mut bins) = (Vec::with_capacity(CELLS_PER_SIDE * CELLS_PER_SIDE), Vec::new());
        for index in 0..CELLS_PER_SIDE * CELLS_PER_SIDE {
            let corner =
                [index / CELLS_PER_SIDE, index % CELLS_PER_SIDE].map(|i| MIN_AB + i as i32 * CELL_SIDE);
            // Squared distances of each bin from the nearest and the farthest point of the cell. They
            // are integers, and rounding keeps order, so that they bound the computed distances of
            // colours inside the cell, not only the exact ones.
            let mut near: Vec<(i32, u16)> = Vec::with_capacity(COUNT);
            let mut far: Vec<i32> = Vec::with_capacity(COUNT);
            for (bin, center) in CENTERS.iter().enumerate() {
                let (mut nearest, mut farthest) = (0, 0);
                for (low, center) in corner.into_iter().zip(center.map(i32::from)) {
                    let outside = (low - center).max(center - low - CELL_SIDE).max(0);
                    nearest += outside * outside;
                    farthest += (low - center).abs().max((low + CELL_SIDE - center).abs()).pow(2);
                }
                near.push((nearest, bin as u16));
                far.push(farthest);
            }
            near.sort_unstable();
            far.sort_unstable();
            // The n nearest bins lie no farther than the n-th value of `far`; a bin whose nearest
            // distance is beyond that is never among them.
            let mut cell = Cell { first: bins.len(), counts: [0; MAX_NEIGHBORS] };
            for (count, farthest) in cell.counts.iter_mut().zip(&far) {
                *count = near.partition_point(|(nearest, _)| nearest <= farthest);
            }
            bins.extend(near[..cell.counts[MAX_NEIGHBORS - 1]].iter().map(|(_, bin)| bin));
            cells.push(cell);
        }
        Self { cells, bins }
    }

    /// The bins that can be among the `neighbors` nearest of a colour; `None` outside the table.
    fn candidates(&self, ab: [f64; 2], neighbors: usize) -> Option<&[u16]> {
        let inside = |v: f64| (f64::from(MIN_AB)..f64::from(MAX_AB)).contains(&v);
        if neighbors > MAX_NEIGHBORS || !ab.into_iter().all(inside) {
            return None;
        }
        let [a, b] = ab.map(|v| ((v - f64::from(MIN_AB)) / f64::from(CELL_SIDE)) as usize);
        let cell = &self.cells[a * CELLS_PER_SIDE + b];
        Some(&self.bins[cell.first..][..cell.counts[neighbors - 1]])
    }
}

fn squared_distance([a, b]: [f64; 2], bin: usize) -> f64 {
    let [qa, qb] = CENTERS[bin];
    (a - f64::from(qa)).powi(2) + (b - f64::from(qb)).powi(2)
}

/// Whether `p` comes before `q`: nearer, or as near with a lower index.
fn before(p: Neighbor, q: Neighbor) -> bool {
    p.1 < q.1 || (p.1 == q.1 && p.0 < q.0)
}

/// Fills `found` with the bins nearest to a colour, nearest first, equally near ones by index.
fn fill_nearest(ab: [f64; 2], found: &mut [Neighbor]) {
    let Some(candidates) = TABLE.candidates(ab, found.len()) else {
        let mut all: Vec<Neighbor> = (0..COUNT).map(|q| (q, squared_distance(ab, q))).collect();
        all.sort_by(|p, q| p.1.total_cmp(&q.1));
        found.copy_from_slice(&all[..found.len()]);
        return;
    };
    let mut filled = 0;
    for &bin in candidates {
        let bin = usize::from(bin);
        let new = (bin, squared_distance(ab, bin));
        if filled == found.len() {
            if !before(new, found[filled - 1]) {
                continue;
            }
        } else {
            filled += 1;
        }
        let mut place = filled - 1;
        while place > 0 && before(new, found[place - 1]) {
            found[place] = found[place - 1];
            place -= 1;
        }
        found[place] = new;
    }
}

/// The bin nearest to a colour; of equally near ones that of the lowest index.
#[must_use]
pub fn nearest(ab: [f64; 2]) -> usize {
    let mut found = [(0, 0.0)];
    fill_nearest(ab, &mut found);
    found[0].0
}

/// Soft encoding of a ground-truth colour over as many bins as `encoding` is long: the nearest bins
/// with Gaussian weights that sum to 1, nearest first (paper section 2.2; the paper uses 5 bins, the
/// authors' code 10). Nothing is allocated for up to 10 bins and a colour within 110 units of gray on
/// both axes, as every sRGB colour is.
///
/// # Panics
/// If `encoding` is empty or longer than [`COUNT`].
pub fn soft_encode_into(ab: [f64; 2], encoding: &mut [(usize, f64)]) {
    assert!((1..=COUNT).contains(&encoding.len()), "between 1 and {COUNT} neighbours");
    fill_nearest(ab, encoding);
    let nearest = encoding[0].1;
    let mut sum = 0.0;
    for (_, d2) in encoding.iter_mut() {
        *d2 = (-(*d2 - nearest) / (2.0 * SIGMA * SIGMA)).exp();
        sum += *d2;
    }
    for (_, weight) in encoding {
        *weight /= sum;
    }
}

/// [`soft_encode_into`] over `neighbors` bins.
///
/// # Panics
/// If `neighbors` is zero or more than [`COUNT`].
#[must_use]
pub fn soft_encode(ab: [f64; 2], neighbors: usize) -> Vec<(usize, f64)> {
    let mut encoding = vec![(0, 0.0); neighbors];
    soft_encode_into(ab, &mut encoding);
    encoding
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All bins by distance, equally near ones by index: the definition.
    fn ranked(ab: [f64; 2]) -> Vec<Neighbor> {
        let mut all: Vec<Neighbor> = (0..COUNT).map(|q| (q, squared_distance(ab, q))).collect();
        all.sort_by(|p, q| p.1.total_cmp(&q.1));
        all
    }

    fn check(ab: [f64; 2], neighbors: usize) {
        let expected = &ranked(ab)[..neighbors];
        let mut found = vec![(COUNT, f64::NAN); neighbors];
        fill_nearest(ab, &mut found);
        assert_eq!(found, expected, "{neighbors} neighbours of {ab:?}");
        assert_eq!(nearest(ab), expected[0].0, "{ab:?}");
    }

    #[test]
    fn every_tie_of_the_grid_is_broken_as_by_comparing_all() {
        for a in -112..=112 {
            for b in -112..=112 {
                check([f64::from(a), f64::from(b)], 10);
            }
        }
    }

    #[test]
    fn the_weights_sum_to_one_beyond_the_table_too() {
        for ab in [[0.0, 0.0], [109.9, -110.0], [400.0, -900.0], [1e8, 1e8]] {
            for neighbors in [1, 5, 10, 11, COUNT] {
                let sum: f64 = soft_encode(ab, neighbors).iter().map(|(_, w)| w).sum();
                assert!((sum - 1.0).abs() < 1e-12, "{neighbors} neighbours of {ab:?}: {sum}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "neighbours")]
    fn no_neighbors_are_refused() {
        let _ = soft_encode([0.0; 2], 0);
    }
}
