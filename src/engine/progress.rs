//! Progress of the work on a photograph, told between its pieces.

use crate::error::Result;

/// Where the work stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The photograph is resized for the network.
    Prepare,
    /// The network runs.
    Network,
    /// Colours join the photograph.
    Render,
}

impl Stage {
    /// Name for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Network => "network",
            Self::Render => "render",
        }
    }
}

/// A piece of work, as a profile lists them: finer than what a person waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// The photograph is brought to the working size.
    Resize,
    /// Its lightness is computed.
    Lab,
    /// The network runs, and its output is brought to the host: colours alone where the device makes
    /// them.
    Network,
    /// Distributions become colours, where that was not the device's work.
    AnnealedMean,
    /// Colours are brought to the photograph's size and joined with its lightness.
    Upsampling,
}

impl Task {
    /// Name for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Resize => "resize",
            Self::Lab => "lab",
            Self::Network => "network",
            Self::AnnealedMean => "annealed_mean",
            Self::Upsampling => "upsampling",
        }
    }
}

/// Told between two pieces of work; may wait (to let a browser breathe) and may end the work.
pub trait Pace {
    /// Told when a piece of work begins; the one before it is done. Whoever measures nothing need
    /// not listen.
    fn begin(&mut self, _task: Task) {}

    /// `done` runs from 0 to 1 within each stage.
    ///
    /// # Errors
    /// [`Error::Aborted`](crate::Error::Aborted) to stop here.
    fn tick(&mut self, stage: Stage, done: f32) -> impl Future<Output = Result<()>>;
}

/// Never waits, never stops.
#[derive(Clone, Copy, Debug)]
pub struct Unpaced;

impl Pace for Unpaced {
    async fn tick(&mut self, _: Stage, _: f32) -> Result<()> {
        Ok(())
    }
}
