//! The numbers that a kernel is launched with, under the names that its WGSL gives them.

/// The content of a kernel's `Info`: 32-bit numbers, in its order.
pub(super) trait Parameters {
    /// The numbers.
    fn words(&self) -> Vec<u32>;
}

/// A parameter as a shader has it.
///
/// # Panics
/// If it does not fit 32 bits.
pub(super) fn word(number: usize) -> u32 {
    u32::try_from(number).expect("sizes of tensors that fit a GPU fit 32 bits")
}

/// Whether `struct Info` of a WGSL text has these fields, in this order.
const fn declares(wgsl: &str, fields: &[&str]) -> bool {
    let text = wgsl.as_bytes();
    let start = b"struct Info {";
    let mut at = 0;
    while !begins(text, at, start) {
        at += 1;
    }
    at += start.len();
    let mut field = 0;
    loop {
        match text[at] {
            b' ' | b'\n' => at += 1,
            b'}' => return field == fields.len(),
            b'/' => at = next_line(text, at),
            _ => {
                let name = if field < fields.len() { fields[field].as_bytes() } else { return false };
                if !begins(text, at, name) || text[at + name.len()] != b':' {
                    return false;
                }
                field += 1;
                at = next_line(text, at);
            }
        }
    }
}

const fn begins(text: &[u8], at: usize, word: &[u8]) -> bool {
    let mut i = 0;
    while i < word.len() {
        if text[at + i] != word[i] {
            return false;
        }
        i += 1;
    }
    true
}

const fn next_line(text: &[u8], mut at: usize) -> usize {
    while text[at] != b'\n' {
        at += 1;
    }
    at
}

/// Declares the parameters of a kernel. The build stops where the WGSL has other ones.
macro_rules! parameters {
    ($(#[$meta:meta])* $name:ident of $wgsl:literal { $($field:ident),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        pub(super) struct $name {
            $(pub(super) $field: usize),*
        }

        const _: () = assert!(
            declares(include_str!($wgsl), &[$(stringify!($field)),*]),
            concat!("struct Info of ", $wgsl, " has other fields than the parameters in Rust")
        );

        impl Parameters for $name {
            fn words(&self) -> Vec<u32> {
                vec![$(word(self.$field)),*]
            }
        }
    };
}

parameters! {
    /// A tensor of any layout, and the channels that there is room for in NHWC.
    NhwcInfo of "nhwc.wgsl" {
        channels, height, width, room, length, batch_stride, channel_stride, row_stride, column_stride,
    }
}
parameters! {
    /// Where each list begins, and how long it is.
    MapInfo of "map.wgsl" {
        length, inner, x_first, y_first, scale_first, scales, shift_first, shifts, function,
    }
}
parameters! {
    /// A mean over places.
    MeanInfo of "mean.wgsl" { places, channels, images }
}
parameters! {
    /// A batch norm.
    NormInfo of "norm.wgsl" { channels }
}
parameters! {
    /// Weights, and the rows and columns that there is room for.
    WeightsInfo of "weights.wgsl" { inputs, outputs, rows, columns, kernel, doubling, length }
}
parameters! {
    /// A matrix product over gathered rows; inputs and columns are vectors of four channels.
    GemmInfo of "gemm.wgsl" {
        inputs, outputs, columns, rows, grid_height, grid_width, in_height, in_width, taps, dilation, stride,
        padding, activations_z, weights_z, output_z, doubling, addend_scale, activation,
    }
}
parameters! {
    /// A depthwise convolution; columns are vectors of four channels.
    DepthwiseInfo of "depthwise.wgsl" {
        columns, outputs, out_height, out_width, in_height, in_width, strips, length, addend_scale, activation,
    }
}
parameters! {
    /// Activations to Winograd's tiles.
    WinogradInputInfo of "winograd_input.wgsl" {
        channels, in_height, in_width, dilation, tiles_high, tiles_wide, tiles,
    }
}
parameters! {
    /// Weights to Winograd's matrices.
    WinogradWeightsInfo of "winograd_weights.wgsl" { inputs, outputs, rows, columns }
}
parameters! {
    /// Winograd's tiles to sums.
    WinogradOutputInfo of "winograd_output.wgsl" {
        outputs, columns, out_height, out_width, dilation, tiles_high, tiles_wide, tiles, addend_scale, activation,
    }
}
parameters! {
    /// Logits to colours.
    AnnealedMeanInfo of "annealed_mean.wgsl" { places, bins, mode }
}
