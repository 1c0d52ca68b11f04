//! The precision of matrix products.

use super::tensors::client;
use burn::prelude::*;
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::ir::{ElemType, FloatKind};

/// The type of the factors of a matrix product. Its sums are f32 either way, and so is all that one layer
/// hands to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// f32.
    F32,
    /// f16, on devices that have it: half the bytes to read and to stage, and four products are added
    /// in f16 before they join the sum.
    F16,
}

/// Winograd's transform makes activations up to twenty times as large (the largest row of `B'` has an
/// absolute sum of 4.5, and acts from both sides). f16 ends at 65,504, so they are stored smaller by a
/// power of two, which costs no digit, and the sums are brought back.
const F16_ACTIVATION_DIVISOR: u32 = 4;

impl Precision {
    /// Those that a device has; none where it is not one of wgpu's.
    #[must_use]
    pub fn all(device: &Device) -> Vec<Self> {
        let Some(client) = client(device) else { return Vec::new() };
        let f16 = has_f16(&client).then_some(Self::F16);
        std::iter::once(Self::F32).chain(f16).collect()
    }

    /// The quickest that a device has; `None` where it is not one of wgpu's.
    #[must_use]
    pub fn quickest(device: &Device) -> Option<Self> {
        Some(Self::of(&client(device)?))
    }

    /// The quickest that a device has.
    pub(super) fn of(client: &Client) -> Self {
        if has_f16(client) { Self::F16 } else { Self::F32 }
    }

    /// Bytes of one.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    /// The type's name in WGSL.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }

    /// The directive that a shader begins with.
    pub(super) fn enable(self) -> &'static str {
        match self {
            Self::F32 => "",
            Self::F16 => "enable f16;",
        }
    }

    /// How a transformed activation, called `name`, is stored.
    pub(super) fn stored(self, name: &str) -> String {
        match self {
            Self::F32 => name.to_owned(),
            Self::F16 => format!("f16({name} / {F16_ACTIVATION_DIVISOR}.0)"),
        }
    }

    /// The factor that undoes [`Precision::stored`] in a sum.
    pub(super) fn restore(self) -> String {
        match self {
            Self::F32 => String::new(),
            Self::F16 => format!(" * {F16_ACTIVATION_DIVISOR}.0"),
        }
    }
}

fn has_f16(client: &Client) -> bool {
    client.properties().supports_type(ElemType::Float(FloatKind::F16))
}
