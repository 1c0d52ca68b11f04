//! Schedules of the learning rate.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// A learning rate for every step: it rises from zero over the warm-up, then falls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The highest rate.
    pub rate: f64,
    /// Number of steps over which it rises to the highest.
    #[serde(default)]
    pub warm_up: u64,
    /// The fall after the warm-up.
    pub decay: Decay,
}

/// The fall of a learning rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Decay {
    /// No fall.
    Constant,
    /// Half a cosine, from the end of the warm-up to the last step of the run.
    Cosine {
        /// Last rate as a fraction of the highest.
        #[serde(default)]
        floor: f64,
    },
    /// A fall in steps, as in the paper: from step `at[i]` on the rate is `rates[i]`.
    Steps {
        /// Steps, ascending.
        at: Vec<u64>,
        /// A rate for each.
        rates: Vec<f64>,
    },
}

impl Schedule {
    /// Whether every field is in its range.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the first that is not, as `schedule.NAME`.
    pub fn check(&self) -> Result<()> {
        let refuse = |name, value: String, range| Err(Error::Parameter { name, value, range });
        let is_rate = |rate: f64| rate.is_finite() && rate > 0.0;
        if !is_rate(self.rate) {
            return refuse("schedule.rate", self.rate.to_string(), "a number above 0");
        }
        match &self.decay {
            Decay::Constant => Ok(()),
            Decay::Cosine { floor } if !(0.0..=1.0).contains(floor) => {
                refuse("schedule.decay.floor", floor.to_string(), "from 0 to 1")
            }
            Decay::Cosine { .. } => Ok(()),
            Decay::Steps { at, .. } if !at.is_sorted_by(|a, b| a < b) => {
                refuse("schedule.decay.at", format!("{at:?}"), "steps in rising order")
            }
            Decay::Steps { at, rates } if rates.len() != at.len() || !rates.iter().all(|r| is_rate(*r)) => {
                refuse("schedule.decay.rates", format!("{rates:?}"), "a number above 0 for each of `at`")
            }
            Decay::Steps { .. } => Ok(()),
        }
    }

    /// The rate of `step` (from 0) in a run of `steps`.
    #[must_use]
    pub fn rate(&self, step: u64, steps: u64) -> f64 {
        let rising = if step < self.warm_up { (step + 1) as f64 / (self.warm_up as f64 + 1.0) } else { 1.0 };
        let falling = match &self.decay {
            Decay::Constant => self.rate,
            Decay::Cosine { floor } => {
                let length = steps.saturating_sub(self.warm_up).max(1) as f64;
                let way = (step.saturating_sub(self.warm_up) as f64 / length).min(1.0);
                let half = 0.5 * (1.0 + (std::f64::consts::PI * way).cos());
                self.rate * (floor + (1.0 - floor) * half)
            }
            Decay::Steps { at, rates } => {
                let passed = at.iter().zip(rates).take_while(|(at, _)| step >= **at).last();
                passed.map_or(self.rate, |(_, rate)| *rate)
            }
        };
        rising * falling
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_up_and_cosine() {
        let schedule = Schedule { rate: 2.0, warm_up: 9, decay: Decay::Cosine { floor: 0.1 } };
        assert!((schedule.rate(0, 109) - 0.2).abs() < 1e-12);
        assert!((schedule.rate(8, 109) - 1.8).abs() < 1e-12);
        assert!((schedule.rate(9, 109) - 2.0).abs() < 1e-12);
        assert!((schedule.rate(59, 109) - 2.0 * 0.55).abs() < 1e-12);
        assert!((schedule.rate(109, 109) - 0.2).abs() < 1e-12);
        assert!((schedule.rate(500, 109) - 0.2).abs() < 1e-12);
    }

    /// The paper's: 3e-5, 1e-5 from 200,000, 3e-6 from 375,000 (docs/method.md#schedule).
    #[test]
    fn jumps() {
        let decay = Decay::Steps { at: vec![200_000, 375_000], rates: vec![1e-5, 3e-6] };
        let schedule = Schedule { rate: 3e-5, warm_up: 0, decay };
        for (step, rate) in [(0, 3e-5), (199_999, 3e-5), (200_000, 1e-5), (374_999, 1e-5), (375_000, 3e-6)] {
            assert_eq!(schedule.rate(step, 450_000), rate, "at {step}");
        }
    }

    #[test]
    fn settings_outside_their_range_are_refused() {
        let cosine = |floor| Decay::Cosine { floor };
        let jumps = |at: &[u64], rates: &[f64]| Decay::Steps { at: at.to_vec(), rates: rates.to_vec() };
        for (rate, warm_up, decay, refused) in [
            (1e-3, u64::MAX, cosine(0.0), None),
            (1e-3, 0, jumps(&[5, 7], &[1e-4, 1e-5]), None),
            (0.0, 0, Decay::Constant, Some("rate")),
            (-1e-3, 0, Decay::Constant, Some("rate")),
            (f64::NAN, 0, Decay::Constant, Some("rate")),
            (f64::INFINITY, 0, Decay::Constant, Some("rate")),
            (1e-3, 0, cosine(1.5), Some("decay.floor")),
            (1e-3, 0, cosine(f64::NAN), Some("decay.floor")),
            (1e-3, 0, jumps(&[7, 5], &[1e-4, 1e-5]), Some("decay.at")),
            (1e-3, 0, jumps(&[5, 7], &[1e-4]), Some("decay.rates")),
            (1e-3, 0, jumps(&[5], &[-1.0]), Some("decay.rates")),
        ] {
            let found = Schedule { rate, warm_up, decay }.check().err().map(|error| error.to_string());
            let expected = refused.map(|name| format!("schedule.{name} is "));
            match (&found, expected) {
                (None, None) => (),
                (Some(text), Some(start)) => assert!(text.starts_with(&start), "{text}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
