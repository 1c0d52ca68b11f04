//! The bins nearest to a colour, and the soft encoding over them (docs/method.md#soft-encoding).
//!
//! Colours that sRGB can show lie in a table of small cells, each with the bins that can be among
//! the nearest of a colour inside it; other colours are compared with all bins. Both ways give the
//! same bins in the same order.

use super::{CENTRES, COUNT, SIGMA};
use std::sync::LazyLock;

/// Side of a cell, in ab units.
const SIDE: i32 = 5;

/// a and b at the corner of the first cell, and just beyond the last; wider than sRGB's gamut.
const FIRST: i32 = -110;
const END: i32 = 110;

/// Cells to a side of the table.
const CELLS: usize = ((END - FIRST) / SIDE) as usize;

/// The most neighbours that the table is made for: the authors' number.
const MOST: usize = 10;

static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

/// A bin and the squared distance of a colour to it.
type Neighbour = (usize, f64);

/// The bins worth looking at in one cell.
struct Cell {
    first: usize,
    /// How many may be among the one, two … nearest.
    counts: [usize; MOST],
}

struct Table {
    cells: Vec<Cell>,
    /// The bins of all cells, those of one cell by their distance from it.
    bins: Vec<u16>,
}

impl Table {
    fn new() -> Self {
        let (mut cells, mut bins) = (Vec::with_capacity(CELLS * CELLS), Vec::new());
        for index in 0..CELLS * CELLS {
            let corner = [index / CELLS, index % CELLS].map(|i| FIRST + i as i32 * SIDE);
            // Squared distances of each bin from the nearest and the farthest place of the cell.
            // They are whole numbers, and rounding keeps order, so they bound the distance of
            // every colour inside as it is computed, too.
            let mut near: Vec<(i32, u16)> = Vec::with_capacity(COUNT);
            let mut far: Vec<i32> = Vec::with_capacity(COUNT);
            for (bin, centre) in CENTRES.iter().enumerate() {
                let (mut nearest, mut farthest) = (0, 0);
                for (low, centre) in corner.into_iter().zip(centre.map(i32::from)) {
                    let outside = (low - centre).max(centre - low - SIDE).max(0);
                    nearest += outside * outside;
                    farthest += (low - centre).abs().max((low + SIDE - centre).abs()).pow(2);
                }
                near.push((nearest, bin as u16));
                far.push(farthest);
            }
            near.sort_unstable();
            far.sort_unstable();
            // As many bins as are asked for lie no farther than `far` says; one that is always
            // beyond that is never among them.
            let mut cell = Cell { first: bins.len(), counts: [0; MOST] };
            for (count, farthest) in cell.counts.iter_mut().zip(&far) {
                *count = near.partition_point(|(nearest, _)| nearest <= farthest);
            }
            bins.extend(near[..cell.counts[MOST - 1]].iter().map(|(_, bin)| bin));
            cells.push(cell);
        }
        Self { cells, bins }
    }

    /// The bins that can be among the `neighbours` nearest of a colour; `None` where the table does
    /// not reach.
    fn candidates(&self, ab: [f64; 2], neighbours: usize) -> Option<&[u16]> {
        let inside = |v: f64| (f64::from(FIRST)..f64::from(END)).contains(&v);
        if neighbours > MOST || !ab.into_iter().all(inside) {
            return None;
        }
        let [a, b] = ab.map(|v| ((v - f64::from(FIRST)) / f64::from(SIDE)) as usize);
        let cell = &self.cells[a * CELLS + b];
        Some(&self.bins[cell.first..][..cell.counts[neighbours - 1]])
    }
}

fn squared_distance([a, b]: [f64; 2], bin: usize) -> f64 {
    let [qa, qb] = CENTRES[bin];
    (a - f64::from(qa)).powi(2) + (b - f64::from(qb)).powi(2)
}

/// Whether `p` comes before `q`: nearer, or as near with a lower index.
fn before(p: Neighbour, q: Neighbour) -> bool {
    p.1 < q.1 || (p.1 == q.1 && p.0 < q.0)
}

/// Fills `found` with the bins nearest to a colour, nearest first, of equally near ones the lower
/// index first.
fn fill_nearest(ab: [f64; 2], found: &mut [Neighbour]) {
    let Some(candidates) = TABLE.candidates(ab, found.len()) else {
        let mut all: Vec<Neighbour> = (0..COUNT).map(|q| (q, squared_distance(ab, q))).collect();
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

/// The bin nearest to a colour; of equally near ones the one with the lower index.
#[must_use]
pub fn nearest(ab: [f64; 2]) -> usize {
    let mut found = [(0, 0.0)];
    fill_nearest(ab, &mut found);
    found[0].0
}

/// Soft encoding of a ground-truth colour over as many bins as `encoding` is long: its nearest ones
/// with Gaussian weights that sum to 1, nearest first (paper section 2.2; the paper says 5, the
/// authors' code uses 10). Nothing is allocated for up to 10 of them and a colour within 110 units
/// of gray on both axes, which every sRGB colour is.
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

/// [`soft_encode_into`] over `neighbours` bins.
///
/// # Panics
/// If `neighbours` is zero or more than [`COUNT`].
#[must_use]
pub fn soft_encode(ab: [f64; 2], neighbours: usize) -> Vec<(usize, f64)> {
    let mut encoding = vec![(0, 0.0); neighbours];
    soft_encode_into(ab, &mut encoding);
    encoding
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All bins by distance, equally near ones by index: the definition.
    fn ranked(ab: [f64; 2]) -> Vec<Neighbour> {
        let mut all: Vec<Neighbour> = (0..COUNT).map(|q| (q, squared_distance(ab, q))).collect();
        all.sort_by(|p, q| p.1.total_cmp(&q.1));
        all
    }

    fn check(ab: [f64; 2], neighbours: usize) {
        let expected = &ranked(ab)[..neighbours];
        let mut found = vec![(COUNT, f64::NAN); neighbours];
        fill_nearest(ab, &mut found);
        assert_eq!(found, expected, "{neighbours} neighbours of {ab:?}");
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
            for neighbours in [1, 5, 10, 11, COUNT] {
                let sum: f64 = soft_encode(ab, neighbours).iter().map(|(_, w)| w).sum();
                assert!((sum - 1.0).abs() < 1e-12, "{neighbours} neighbours of {ab:?}: {sum}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "neighbours")]
    fn no_neighbours_are_refused() {
        let _ = soft_encode([0.0; 2], 0);
    }
}
