//! How precisely matrix products are computed.

use super::client;
use burn::prelude::*;
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::ir::{ElemType, FloatKind};

/// What the factors of a matrix product are. Its sums are f32 either way, and so is all that one layer
/// hands to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Numbers {
    /// f32.
    Single,
    /// f16, on devices that have it: half the bytes to read and to stage, and four products are added
    /// in f16 before they join the sum.
    Half,
}

/// Winograd's transform makes activations up to twenty times as large (the largest row of `B'` has an
/// absolute sum of 4.5, and acts from both sides). f16 ends at 65,504, so they are stored smaller by a
/// power of two, which costs no digit, and the sums are brought back.
const SMALLER: u32 = 4;

impl Numbers {
    /// All that a device has; nothing where it is not one of wgpu's.
    #[must_use]
    pub fn all(device: &Device) -> Vec<Self> {
        let Some(client) = client(device) else { return Vec::new() };
        let half = has_half(&client).then_some(Self::Half);
        std::iter::once(Self::Single).chain(half).collect()
    }

    /// The quickest that a device has; `None` where it is not one of wgpu's.
    #[must_use]
    pub fn quickest(device: &Device) -> Option<Self> {
        Some(Self::of(&client(device)?))
    }

    /// The quickest that a device has.
    pub(super) fn of(client: &Client) -> Self {
        // Quads are for software, where f16 would be converted back and forth.
        #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
        if crate::web::subgroups::granted() {
            return Self::Single;
        }
        if has_half(client) { Self::Half } else { Self::Single }
    }

    /// Bytes of one.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Single => 4,
            Self::Half => 2,
        }
    }

    /// The type's name in WGSL.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Single => "f32",
            Self::Half => "f16",
        }
    }

    /// What a shader has to begin with.
    pub(super) fn enable(self) -> &'static str {
        match self {
            Self::Single => "",
            Self::Half => "enable f16;",
        }
    }

    /// How a transformed activation, called `name`, is stored.
    pub(super) fn stored(self, name: &str) -> String {
        match self {
            Self::Single => name.to_owned(),
            Self::Half => format!("f16({name} / {SMALLER}.0)"),
        }
    }

    /// What undoes [`Numbers::stored`] in a sum.
    pub(super) fn restore(self) -> String {
        match self {
            Self::Single => String::new(),
            Self::Half => format!(" * {SMALLER}.0"),
        }
    }
}

fn has_half(client: &Client) -> bool {
    client.properties().supports_type(ElemType::Float(FloatKind::F16))
}
