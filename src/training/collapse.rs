//! Detection of collapse: training on ab usually fails by settling on a single answer, not by a loss that
//! explodes.

use super::objective::Health;
use crate::color::ab_bins;

/// Number of consecutive batches that must agree, so that a single odd one raises no alarm.
const MIN_BATCHES: usize = 3;

/// A kind of collapse, reported once until it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alarm {
    /// The photographs have one colour.
    OneColor,
    /// Every place gets the same colour.
    Constant,
    /// Predictions are nearly gray though the photographs are not.
    Gray,
    /// All weight is on one bin everywhere.
    Certain,
    /// All bins are alike everywhere.
    Uniform,
}

impl Alarm {
    /// Every kind, the most informative first.
    const ALL: [Self; 5] = [Self::OneColor, Self::Constant, Self::Gray, Self::Certain, Self::Uniform];

    fn rings(self, health: &Health) -> bool {
        match self {
            Self::OneColor => health.true_spread < 1.0,
            Self::Constant => health.spread < 0.5 && health.true_spread >= 1.0,
            Self::Gray => health.chroma < 0.1 * health.true_chroma,
            Self::Certain => health.entropy.is_some_and(|nats| nats < 0.02),
            Self::Uniform => health.entropy.is_some_and(|nats| nats > 0.99 * (ab_bins::COUNT as f64).ln()),
        }
    }

    /// A message for people: the observation and what to check.
    #[must_use]
    pub fn text(self, health: &Health) -> String {
        let Health { chroma, true_chroma, spread, true_spread, .. } = health;
        let nats = health.entropy.unwrap_or_default();
        match self {
            Self::OneColor => format!(
                "the photographs' colours differ by only {true_spread:.2} ab units: there is nothing to tell \
                 apart. Are they gray, or all of one tone?"
            ),
            Self::Constant => format!(
                "every place gets nearly the same colour (they differ by {spread:.2} ab units, the true ones by \
                 {true_spread:.1}). Lower the learning rate, or begin again from an earlier checkpoint"
            ),
            Self::Gray => format!(
                "predictions are nearly gray (mean chroma {chroma:.1}, the truth has {true_chroma:.1}). Early \
                 in a run this passes; later, class rebalancing (a lambda below 1) is what helps"
            ),
            Self::Certain => format!(
                "all weight is on one bin everywhere (entropy {nats:.3} nats). Lower the learning rate"
            ),
            Self::Uniform => format!(
                "all bins are alike everywhere (entropy {nats:.2} nats of {:.2}): nothing is learned. Is the \
                 learning rate zero, or are all photographs gray?",
                (ab_bins::COUNT as f64).ln()
            ),
        }
    }
}

/// The alarms of a run.
#[derive(Clone, Debug, Default)]
pub struct CollapseAlarm {
    /// Number of consecutive batches for which each kind has held.
    rung: [usize; Alarm::ALL.len()],
}

impl CollapseAlarm {
    /// Examines a batch; returns the alarms that have now held for long enough to be reported.
    pub fn look(&mut self, health: &Health) -> Vec<Alarm> {
        let mut said = Vec::new();
        for (alarm, rung) in Alarm::ALL.into_iter().zip(&mut self.rung) {
            *rung = if alarm.rings(health) { *rung + 1 } else { 0 };
            if *rung == MIN_BATCHES {
                said.push(alarm);
            }
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEALTHY: Health =
        Health { entropy: Some(3.0), chroma: 14.0, true_chroma: 16.0, spread: 12.0, true_spread: 18.0 };

    #[test]
    fn a_healthy_run_is_silent() {
        let mut alarm = CollapseAlarm::default();
        assert!((0..10).all(|_| alarm.look(&HEALTHY).is_empty()));
    }

    #[test]
    fn each_collapse_is_named_once() {
        let cases = [
            (Alarm::OneColor, Health { true_spread: 0.1, ..HEALTHY }),
            (Alarm::Constant, Health { spread: 0.1, ..HEALTHY }),
            (Alarm::Gray, Health { chroma: 1.0, ..HEALTHY }),
            (Alarm::Certain, Health { entropy: Some(0.001), ..HEALTHY }),
            (Alarm::Uniform, Health { entropy: Some(5.74), ..HEALTHY }),
        ];
        for (kind, health) in cases {
            let mut alarm = CollapseAlarm::default();
            let said: Vec<Vec<Alarm>> = (0..6).map(|_| alarm.look(&health)).collect();
            let expected: Vec<Vec<Alarm>> =
                (0..6).map(|i| if i == 2 { vec![kind] } else { vec![] }).collect();
            assert_eq!(said, expected);
            assert!(kind.text(&health).len() > 40);
        }
    }

    #[test]
    fn one_odd_batch_rings_nothing() {
        let mut alarm = CollapseAlarm::default();
        let odd = Health { spread: 0.0, ..HEALTHY };
        for health in [&odd, &odd, &HEALTHY, &odd, &odd, &HEALTHY] {
            assert!(alarm.look(health).is_empty());
        }
    }
}
