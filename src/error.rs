//! The ways in which work can fail, each with a code that programs may rely on.

mod checkpoint;

pub use checkpoint::CheckpointError;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the engine. The text says what happened and what to do next;
/// [`Error::code`] is the stable name that programs (and the JavaScript API) match on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bytes that are no photograph this build can read.
    #[error("this file cannot be read as a photograph: {0}. Save it as PNG, JPEG or TIFF and try again")]
    ImageDecode(String),
    /// A photograph could not be written in the requested form.
    #[error("the photograph cannot be written: {0}")]
    ImageEncode(String),
    /// Width or height of zero, or a buffer whose length does not match them.
    #[error(
        "a photograph of {width} x {height} with {channels} channels needs {expected} samples, got {got}"
    )]
    PhotoSize {
        /// Pixels across.
        width: usize,
        /// Pixels down.
        height: usize,
        /// Samples per pixel.
        channels: usize,
        /// Samples such a photograph has.
        expected: usize,
        /// Samples that were given.
        got: usize,
    },
    /// More pixels than the engine accepts.
    #[error("{width} x {height} is {pixels} megapixels; the limit is {limit}. Scale the photograph down first",
        pixels = width * height / 1_000_000, limit = limit / 1_000_000)]
    ImageTooLarge {
        /// Pixels across.
        width: u64,
        /// Pixels down.
        height: u64,
        /// Pixels that are accepted.
        limit: u64,
    },
    /// Bytes that cannot be read as a checkpoint of any kind.
    #[error("this is not a model file: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint that lacks what a model file must have.
    #[error("this is not a model file: {0}. Make one with `autochrome convert`")]
    ModelFormat(String),
    /// A model file of a later version of the format.
    #[error("the model file has format version {found}, this build reads {known}. Update Autochrome")]
    ModelVersion {
        /// Version in the file.
        found: String,
        /// Version this build reads.
        known: &'static str,
    },
    /// The tensors of a file are not those of its network.
    #[error("the tensors do not fit the network {network}: {differences}")]
    ModelTensors {
        /// The network the file says it holds, or the nearest one.
        network: String,
        /// Names and shapes that differ, most telling first.
        differences: String,
    },
    /// A weight that is NaN or infinite.
    #[error("tensor {tensor} holds a value that is not finite; the file is damaged or its training diverged")]
    ModelNotFinite {
        /// Its name in the file.
        tensor: String,
    },
    /// The model predicts over other colour bins than the 313 of the paper.
    #[error(
        "the model was trained with other ab bins (hash {found}, expected {expected}); it cannot be decoded here"
    )]
    ModelBins {
        /// Hash in the file.
        found: String,
        /// Hash of the 313 bins.
        expected: &'static str,
    },
    /// A downloaded model whose hash is not the one the manifest names.
    #[error("the model's SHA-256 is {found}, the manifest says {expected}. Download it again")]
    ModelIntegrity {
        /// Hash of the bytes.
        found: String,
        /// Hash in the manifest.
        expected: String,
    },
    /// No device of the kind asked for.
    #[error("no such device: {0}")]
    NoDevice(String),
    /// The device gave numbers that cannot be: NaN or infinite logits.
    #[error("the device returned values that are not finite. Try again on the CPU")]
    DeviceResult,
    /// The device failed while it worked.
    #[error("the device failed: {0}. Try again on the CPU")]
    DeviceLost(String),
    /// An allocation failed.
    #[error("there is not enough memory for {bytes} bytes. Free some, or take a smaller photograph or model")]
    OutOfMemory {
        /// How much was asked for.
        bytes: usize,
    },
    /// Something that the model's network does not do.
    #[error("the network {network} {lacks}")]
    Unsupported {
        /// The network.
        network: &'static str,
        /// The thing it lacks, and the networks that have it.
        lacks: &'static str,
    },
    /// A parameter outside its range.
    #[error("{name} is {value}; it must be {range}")]
    Parameter {
        /// Which parameter.
        name: &'static str,
        /// The value given.
        value: String,
        /// The values accepted.
        range: &'static str,
    },
    /// The caller asked to stop.
    #[error("stopped")]
    Aborted,
}

impl Error {
    /// The stable name of this kind of error, the same in Rust, on the command line and in
    /// JavaScript.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ImageDecode(_) | Self::PhotoSize { .. } => "image-decode",
            Self::ImageEncode(_) => "image-encode",
            Self::ImageTooLarge { .. } => "image-too-large",
            Self::Checkpoint(_)
            | Self::ModelFormat(_)
            | Self::ModelVersion { .. }
            | Self::ModelTensors { .. }
            | Self::ModelNotFinite { .. }
            | Self::ModelBins { .. } => "model-format",
            Self::ModelIntegrity { .. } => "model-integrity",
            Self::NoDevice(_) => "no-device",
            Self::DeviceResult | Self::DeviceLost(_) => "device-lost",
            Self::OutOfMemory { .. } => "out-of-memory",
            Self::Unsupported { .. } => "unsupported",
            Self::Parameter { .. } => "invalid-argument",
            Self::Aborted => "aborted",
        }
    }
}
