//! The photographs that are held out from training.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A fraction of all photographs, chosen by their names alone: the two numbers identify the same
/// photographs in any folder or archive and in any order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOut {
    /// The fraction, from 0 up to below 1.
    pub share: f64,
    /// Other seeds choose other photographs.
    pub seed: u64,
}

impl HeldOut {
    /// Checks the fraction.
    ///
    /// # Errors
    /// [`Error::Parameter`] where it is out of its range.
    pub fn check(&self) -> Result<()> {
        if (0.0..1.0).contains(&self.share) {
            return Ok(());
        }
        let value = self.share.to_string();
        Err(Error::Parameter { name: "share", value, range: "from 0 up to below 1" })
    }

    /// Whether a photograph is held out. Of its path only the file's name counts, without its extension,
    /// so that the answer stays the same for a photograph that was moved, packed or saved in another
    /// format.
    ///
    /// The first eight bytes of SHA-256 of `SEED/NAME`, as a fraction of 2^64, are compared with the share.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let hash = Sha256::digest(format!("{}/{name}", self.seed));
        let high = hash.iter().take(8).fold(0u64, |high, byte| high << 8 | u64::from(*byte));
        (high as f64) < self.share * 2f64.powi(64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_near_and_the_same_every_time() {
        for share in [0.0, 0.1, 0.5] {
            let held = |seed| {
                let held_out = HeldOut { share, seed };
                (0..20_000).map(|i| held_out.holds(&format!("photo_{i}.webp"))).collect::<Vec<bool>>()
            };
            let first = held(1);
            let found = first.iter().filter(|held| **held).count() as f64 / 20_000.0;
            // Four standard deviations of a binomial distribution.
            assert!((found - share).abs() <= 4.0 * (share * (1.0 - share) / 20_000.0).sqrt(), "{found}");
            assert_eq!(first, held(1));
            assert!(share == 0.0 || first != held(2));
        }
        // A classifier's file can be used only while these stay what they are.
        let held_out = HeldOut { share: 0.1, seed: 1 };
        let numbers: Vec<usize> = (0..60).filter(|i| held_out.holds(&format!("photo_{i}"))).collect();
        assert_eq!(numbers, [2, 7, 8, 15, 28, 36, 49, 52]);
    }

    #[test]
    fn a_photograph_stays_on_its_side_wherever_it_lies() {
        let held_out = HeldOut { share: 0.5, seed: 3 };
        for i in 0..50 {
            let places =
                [format!("{i}.png"), format!("a/b/{i}.png"), format!("c.d/{i}.webp"), format!("{i}")];
            assert!(places.iter().all(|place| held_out.holds(place) == held_out.holds(&places[0])), "{i}");
        }
    }

    #[test]
    fn a_share_of_all_or_less_than_none_is_refused() {
        for share in [-0.1, 1.0, f64::NAN] {
            assert_eq!(HeldOut { share, seed: 0 }.check().unwrap_err().code(), "invalid-argument");
        }
        HeldOut { share: 0.1, seed: 0 }.check().unwrap();
    }
}
