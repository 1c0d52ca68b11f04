//! Colours that a person gives for places of the photograph. Only some networks take them.

use crate::error::{Error, Result};
use crate::model::network::NetworkConfig;
use serde::{Deserialize, Serialize};

/// Hints that one photograph may have.
const MAX_HINTS: usize = 10_000;

/// Largest a or b of a hint: the edge of the networks' grid.
const MAX_AB: f32 = 110.0;

/// The reason of a network that takes no hints.
pub(crate) const NOT_TAKEN: &str = "takes no hints; use a siggraph17 model";

/// "This place has that colour." Later hints win over earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hint {
    /// Pixels of the photograph from its left edge.
    pub x: f32,
    /// Pixels of the photograph from its upper edge.
    pub y: f32,
    /// CIE a, -110…110.
    pub a: f32,
    /// CIE b, -110…110.
    pub b: f32,
    /// Reach in pixels of the photograph; 0 is the one place.
    pub radius: f32,
}

/// Whether these hints can be given for a photograph of that size.
///
/// # Errors
/// [`Error::Parameter`] for a hint outside the photograph or with a colour off the grid,
/// [`Error::Unsupported`] where there are hints and `network` takes none.
pub fn check(hints: &[Hint], width: usize, height: usize, network: &NetworkConfig) -> Result<()> {
    if !hints.is_empty() && !network.takes_hints() {
        return Err(Error::Unsupported { network: network.name(), lacks: NOT_TAKEN });
    }
    let inside = |at: f32, size: usize| (0.0..size as f32).contains(&at);
    let proper = |hint: &&Hint| {
        inside(hint.x, width)
            && inside(hint.y, height)
            && hint.a.abs() <= MAX_AB
            && hint.b.abs() <= MAX_AB
            && hint.radius >= 0.0
            && hint.radius.is_finite()
    };
    let (value, range) = match hints.iter().find(|hint| !proper(hint)) {
        Some(hint) => {
            (format!("{hint:?}"), "inside the photograph, a and b from -110 to 110, a radius from 0")
        }
        None if hints.len() > MAX_HINTS => (format!("{} of them", hints.len()), "at most 10000"),
        None => return Ok(()),
    };
    Err(Error::Parameter { name: "hint", value, range })
}

/// The hints as [`crate::model::network::Network::start`] takes them, `[3, height, width]` row-major: a, b and the mask. `photo` is
/// the size that the hints are given for, `width` and `height` the working size. The smallest hint
/// still covers the one cell that its place lies in.
#[must_use]
pub fn planes(hints: &[Hint], photo: (usize, usize), width: usize, height: usize) -> Vec<f32> {
    let mut planes = vec![0.0; 3 * width * height];
    let (a, rest) = planes.split_at_mut(width * height);
    let (b, mask) = rest.split_at_mut(width * height);
    let (across, down) = (width as f32 / photo.0 as f32, height as f32 / photo.1 as f32);
    for hint in hints {
        let (x, y) = (hint.x * across, hint.y * down);
        let (reach_x, reach_y) = (hint.radius * across, hint.radius * down);
        let cells = |centre: f32, reach: f32, size: usize| {
            ((centre - reach).max(0.0) as usize).min(size - 1)..=((centre + reach) as usize).min(size - 1)
        };
        for row in cells(y, reach_y, height) {
            for column in cells(x, reach_x, width) {
                let off =
                    |cell: usize, centre: f32, reach: f32| (cell as f32 + 0.5 - centre) / reach.max(1e-6);
                let (dx, dy) = (off(column, x, reach_x), off(row, y, reach_y));
                let holds_place = column == x as usize && row == y as usize;
                if holds_place || dx * dx + dy * dy <= 1.0 {
                    let cell = row * width + column;
                    (a[cell], b[cell], mask[cell]) = (hint.a, hint.b, 1.0);
                }
            }
        }
    }
    planes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::network::{Eccv16Config, Siggraph17Config};

    const RED: Hint = Hint { x: 40.0, y: 20.0, a: 60.0, b: 40.0, radius: 0.0 };

    fn mask(planes: &[f32]) -> &[f32] {
        &planes[planes.len() / 3 * 2..]
    }

    #[test]
    fn a_point_is_one_cell_and_a_disc_is_round() {
        let point = planes(&[RED], (80, 40), 16, 8);
        assert_eq!(mask(&point).iter().sum::<f32>(), 1.0);
        assert_eq!((point[4 * 16 + 8], point[128 + 4 * 16 + 8]), (60.0, 40.0));
        let disc = planes(&[Hint { radius: 20.0, ..RED }], (80, 80), 80, 80);
        let area = mask(&disc).iter().sum::<f32>();
        assert!((area / (std::f32::consts::PI * 400.0) - 1.0).abs() < 0.03, "{area}");
        assert!(planes(&[], (80, 40), 16, 8).iter().all(|v| *v == 0.0));
    }

    #[test]
    fn later_hints_win_and_edges_are_kept() {
        let corner = Hint { x: 79.9, y: 39.9, radius: 1e6, a: -5.0, ..RED };
        let all = planes(&[RED, corner], (80, 40), 16, 8);
        assert!(all[..128].iter().all(|a| *a == -5.0));
        assert!(mask(&all).iter().all(|m| *m == 1.0));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let network = NetworkConfig::Siggraph17(Siggraph17Config::default());
        assert!(check(&[RED], 80, 40, &network).is_ok());
        for wrong in [
            Hint { x: 80.0, ..RED },
            Hint { y: -0.1, ..RED },
            Hint { a: 111.0, ..RED },
            Hint { b: f32::NAN, ..RED },
            Hint { radius: -1.0, ..RED },
            Hint { radius: f32::INFINITY, ..RED },
        ] {
            assert!(
                matches!(check(&[RED, wrong], 80, 40, &network), Err(Error::Parameter { .. })),
                "{wrong:?}"
            );
        }
        assert!(check(&vec![RED; MAX_HINTS + 1], 80, 40, &network).is_err());
        let eccv16 = NetworkConfig::Eccv16(Eccv16Config::default());
        assert_eq!(check(&[RED], 80, 40, &eccv16).unwrap_err().code(), "unsupported");
        assert!(check(&[], 80, 40, &eccv16).is_ok());
    }
}
