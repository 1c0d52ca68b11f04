//! The ways in which training can fail, beside those of the engine.

use crate::error::Error;

/// Shorthand for results of training.
pub type Result<T, E = TrainingError> = std::result::Result<T, E>;

/// An error of training. The text says what happened and what to do next; [`TrainingError::code`] is the
/// stable name that programs match on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// An error of the engine.
    #[error(transparent)]
    Engine(#[from] Error),
    /// Training that left the finite numbers.
    #[error(
        "training diverged at step {step}: the {what} is {value}. Go on from the last checkpoint with a lower \
         learning rate, a longer warm-up or a shorter clip"
    )]
    Diverged {
        /// The number that is not finite.
        what: &'static str,
        /// Its value.
        value: f64,
        /// The step that was not made.
        step: u64,
    },
    /// A file that is no classifier of photographs.
    #[error("this is not a classifier: {0}. Make one with `autochrome classifier`")]
    Classifier(String),
}

impl TrainingError {
    /// The stable name of this kind of error, as [`Error::code`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Engine(error) => error.code(),
            Self::Diverged { .. } => "diverged",
            Self::Classifier(_) => "model-format",
        }
    }
}
