//! The ways in which a photograph is prepared for the network, and joined with its colours.

/// Side of the square that the reference squashes every photograph to (docs/method.md#faithful-mode).
pub(super) const FAITHFUL_SIZE: usize = 256;

/// How a photograph is prepared and joined with its colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Aspect kept, the model's working size, chroma that follows edges, colours out of gamut
    /// lose chroma and keep L and hue.
    #[default]
    Photo,
    /// The authors' pipeline to the letter (docs/method.md#faithful-mode): 256 x 256, two bilinear steps,
    /// channels clipped.
    Faithful,
}

/// The preparation of a photograph for the network, and the way its colours join it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preparation {
    /// How it is prepared and joined.
    pub mode: Mode,
    /// Whether the network is shown a toned or faded photograph as it was when it was new; not in
    /// [`Mode::Faithful`], which the reference prescribes. See [`Ageing`](super::neutralize::Ageing).
    pub neutralize: bool,
}

impl Default for Preparation {
    fn default() -> Self {
        Self { mode: Mode::default(), neutralize: true }
    }
}

impl From<Mode> for Preparation {
    fn from(mode: Mode) -> Self {
        Self { mode, ..Self::default() }
    }
}
