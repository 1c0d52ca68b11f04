//! The 313 quantised ab colours, their soft encoding and the annealed mean
//! (docs/method.md#bins-and-encoding, docs/method.md#decoding).

mod annealed_mean;
mod grid_mean;
mod neighbors;
mod tone_grid;

pub use annealed_mean::AnnealedMean;
pub use grid_mean::GridMean;
pub use neighbors::{nearest, soft_encode, soft_encode_into};
pub use tone_grid::ToneGrid;

/// Number of bins.
pub const COUNT: usize = 313;

/// Standard deviation of the Gaussian of the soft encoding, in ab units.
pub const SIGMA: f64 = 5.0;

/// Temperature of the paper's annealed mean.
pub const PAPER_TEMPERATURE: f32 = 0.38;

/// SHA-256 of [`CENTERS`] as little-endian `i64` pairs (a, b), the bins' identity in model files.
pub const HASH: &str = "2a39983ed60d5b52b717842d56d5f766982289e6d5a609582155f437cecc1045";

/// First and last b, in tens, of each row of equal a from -90 to 100. The set is the paper's own and follows
/// from no formula: it is wider than the sRGB gamut (docs/method.md#the-313-bins).
const ROWS: [(i16, i16); 20] = [
    (5, 9),
    (2, 9),
    (0, 9),
    (-2, 9),
    (-3, 10),
    (-4, 10),
    (-5, 10),
    (-5, 10),
    (-6, 10),
    (-7, 10),
    (-8, 9),
    (-8, 9),
    (-9, 9),
    (-10, 9),
    (-10, 8),
    (-11, 8),
    (-11, 8),
    (-11, 7),
    (-11, 7),
    (-9, 0),
];

/// Centres (a, b) of the bins, a ascending, then b ascending: the order of the authors' table
/// and of every network's output channels.
pub const CENTERS: [[i16; 2]; COUNT] = centers();

const fn centers() -> [[i16; 2]; COUNT] {
    let mut centers = [[0; 2]; COUNT];
    let (mut index, mut row) = (0, 0);
    while row < ROWS.len() {
        let mut b = ROWS[row].0;
        while b <= ROWS[row].1 {
            centers[index] = [(row as i16 - 9) * 10, b * 10];
            index += 1;
            b += 1;
        }
        row += 1;
    }
    assert!(index == COUNT);
    centers
}

/// SHA-256 of [`CENTERS`], computed; equal to [`HASH`].
#[must_use]
pub fn hash() -> String {
    use sha2::{Digest, Sha256};
    let mut sha = Sha256::new();
    for value in CENTERS.iter().flatten() {
        sha.update(i64::from(*value).to_le_bytes());
    }
    hex::encode(sha.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_papers() {
        assert_eq!(hash(), HASH);
        assert_eq!((CENTERS[0], CENTERS[120], CENTERS[312]), ([-90, 50], [0, 0], [100, 0]));
    }
}
