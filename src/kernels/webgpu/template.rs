//! WGSL put together from templates.

use super::Precision;

/// Formats a line into a text; that cannot fail.
macro_rules! line {
    ($text:expr, $($argument:tt)*) => {{
        use std::fmt::Write as _;
        writeln!($text, $($argument)*).expect("a String takes everything");
    }};
}
pub(super) use line;

/// The epilogue of a sum, before it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Store {
    /// Nothing.
    Raw,
    /// Bias, ReLU, scale and shift.
    Plain,
    /// Something is added after the bias.
    Add,
}

/// A text with its `{{ name }}`s replaced.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values
        .iter()
        .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{{ {name} }}}}"), value))
}

/// The declarations and the function `store_one` for what is done before storing; `first` is the
/// number of its first binding, `height` and `width` are the output's.
pub(super) fn store_text(
    store: Store,
    precision: Precision,
    first: usize,
    [height, width]: [&str; 2],
) -> (String, String) {
    let binding =
        |number: usize, declaration: &str| format!("@group(0) @binding({number}) var<{declaration};\n");
    let info = |number| binding(number, "storage, read> info: Info");
    if store == Store::Raw {
        let values = [("restore", precision.restore())];
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        return (info(first), fill(include_str!("store_raw.wgsl"), &values));
    }
    let mut bindings = binding(first, "storage, read_write> epilogue: array<f32>");
    let mut number = first + 1;
    let (mut position, mut addend) = (String::new(), "");
    if store == Store::Add {
        bindings += &binding(number, "storage, read_write> addend: array<f32>");
        number += 1;
        position = fill(include_str!("addend.wgsl"), &[("height", height), ("width", width)]);
        addend = "        value += addend[addend_position(position) * info.outputs + channel];";
    }
    bindings += &info(number);
    (bindings, position + &fill(include_str!("epilogue.wgsl"), &[("addend", addend)]))
}
