//! Convolutions that see each channel by itself: strips of outputs, unrolled for kernel and stride.

use super::Precision;
use super::template::{Store, fill, line, store_text};

/// Outputs side by side that an invocation makes, of four channels.
pub(super) const STRIP: usize = 4;

/// Side of the kernel and step between outputs, for which the text is unrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Strip {
    pub(super) kernel: usize,
    pub(super) stride: usize,
}

impl Strip {
    /// Those of the networks.
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    pub(super) fn all() -> impl Iterator<Item = Self> {
        [3, 5].into_iter().flat_map(|kernel| [1, 2].map(|stride| Self { kernel, stride }))
    }
}

pub(super) fn text(Strip { kernel, stride }: Strip, store: Store) -> String {
    let (bindings, store) = store_text(store, Precision::F32, 3, ["info.out_height", "info.out_width"]);
    let (mut zeros, mut products, mut results) = (String::new(), String::new(), String::new());
    for i in 0..STRIP {
        line!(zeros, "    var sum_{i} = vec4<f32>();");
        line!(results, "    if (4u * strip + {i}u < info.out_width) {{");
        line!(results, "        store(position + {i}u, column, sum_{i});");
        line!(results, "    }}");
    }
    for x in 0..(STRIP - 1) * stride + kernel {
        line!(products, "        let x_{x} = value(row, left + {x}, column);");
    }
    for tap in 0..kernel {
        line!(products, "        let w_{tap} = weights[first + {tap}u * info.columns];");
        for i in 0..STRIP {
            line!(products, "        sum_{i} = fma(x_{}, w_{tap}, sum_{i});", i * stride + tap);
        }
    }
    let (kernel, stride, half) = (kernel.to_string(), stride.to_string(), (kernel / 2).to_string());
    let values = [
        ("bindings", bindings.as_str()),
        ("store", &store),
        ("stride", &stride),
        ("half", &half),
        ("kernel", &kernel),
        ("zeros", &zeros),
        ("products", &products),
        ("results", &results),
    ];
    fill(include_str!("depthwise.wgsl"), &values)
}
