//! Why a file cannot be read as a checkpoint.

/// A fault in the bytes of a checkpoint, found before anything is known of a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// None of the formats that are read.
    #[error("its format is not known; safetensors, PyTorch (.pth, .pt) and Caffe (.caffemodel) are read{0}")]
    Format(&'static str),
    /// The file is shorter than it says.
    #[error("it ends in the middle of {0}; download or copy it again")]
    Truncated(&'static str),
    /// A size that no checkpoint has, refused before memory is taken for it.
    #[error("{what} is {size}, the limit is {limit}")]
    TooLarge {
        /// The thing of that size.
        what: &'static str,
        /// The size in the file.
        size: u64,
        /// The largest that is read.
        limit: u64,
    },
    /// A zip archive that is damaged, compressed or encrypted.
    #[error("its zip archive {0}")]
    Archive(String),
    /// An entry or storage whose name leads elsewhere.
    #[error("it names {0:?}, which is no name of a checkpoint's storage")]
    EntryName(String),
    /// A pickle opcode that no checkpoint has.
    #[error("pickle opcode {opcode:#04x} at byte {position} is none that checkpoints use")]
    Opcode {
        /// The opcode.
        opcode: u8,
        /// Where it stands in the pickle.
        position: usize,
    },
    /// A class or function that is not among the few which tensors need.
    #[error(
        "its pickle asks for `{0}`, which weights do not need; nothing of it was run. \
         Save the model's state_dict() instead, or convert the file where it came from"
    )]
    Global(String),
    /// A pickle whose opcodes make no sense.
    #[error("its pickle is damaged: {problem} at byte {position}")]
    Pickle {
        /// The fault.
        problem: &'static str,
        /// Where it stands in the pickle.
        position: usize,
    },
    /// Objects that are not put together as PyTorch does it.
    #[error("{0}")]
    Structure(String),
    /// Elements that are no weights.
    #[error("tensor {tensor} holds {found}; weights are float32, float16, bfloat16 or float64")]
    ElementType {
        /// Its name in the file.
        tensor: String,
        /// The type in the file.
        found: String,
    },
    /// A tensor that reaches beyond its storage.
    #[error("tensor {tensor} {shape:?} does not fit its storage of {stored} bytes")]
    Storage {
        /// Its name in the file.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Bytes of the storage.
        stored: usize,
    },
    /// A safetensors header that is damaged.
    #[error("its safetensors header is damaged: {0}")]
    Safetensors(String),
    /// A Caffe file that is damaged.
    #[error("its protobuf is damaged: {0}")]
    Protobuf(String),
}
