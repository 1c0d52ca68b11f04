//! The transforms of Winograd's F(4 x 4, 3 x 3): four times fewer multiplications than the
//! convolution has (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015).

use super::Precision;
use super::template::{Store, fill, line, store_text};

/// Matrices of a tile.
pub(super) const MATRICES: usize = 36;

/// Each transform is one matrix from both sides; these are their rows, `a` to `f` being the column. They
/// interpolate at 0, ±1/√2, ±√2 and infinity, where Lavin and Gray do at 0, ±1, ±2: values grow by 4.5 at
/// most from each side on the way in, not by 10, and of f16's three digits less than half as much is lost
/// (on the choice of points: Barabasz and others, "Error Analysis and Improving the Accuracy of Winograd
/// Convolution for Deep Neural Networks", 2018).
const INPUT: [&str; 6] = [
    "a - 2.5 * c + e",
    "(e - 2.0 * c) + (0.70710677 * d - 1.4142135 * b)",
    "(e - 2.0 * c) - (0.70710677 * d - 1.4142135 * b)",
    "(e - 0.5 * c) + (1.4142135 * d - 0.70710677 * b)",
    "(e - 0.5 * c) - (1.4142135 * d - 0.70710677 * b)",
    "b - 2.5 * d + f",
];
const WEIGHTS: [&str; 6] = [
    "a",
    "-(a + 0.70710677 * b + 0.5 * c) / 1.5",
    "-(a - 0.70710677 * b + 0.5 * c) / 1.5",
    "(a + 1.4142135 * b + 2.0 * c) / 6.0",
    "(a - 1.4142135 * b + 2.0 * c) / 6.0",
    "c",
];
const OUTPUT: [&str; 4] = [
    "a + (b + c) + (d + e)",
    "0.70710677 * (b - c) + 1.4142135 * (d - e)",
    "0.5 * (b + c) + 2.0 * (d + e)",
    "0.35355338 * (b - c) + 2.828427 * (d - e) + f",
];

/// `x_i_j`, `size` x `size`, becomes `y_i_j` by the rows from both sides.
fn transform(text: &mut String, rows: &[&str], size: usize) {
    let line_of = |row: &str, names: &dyn Fn(usize) -> String| -> String {
        row.chars()
            .map(|c| match c {
                'a'..='f' => names(c as usize - 'a' as usize),
                _ => c.to_string(),
            })
            .collect()
    };
    for j in 0..size {
        for (i, row) in rows.iter().enumerate() {
            line!(text, "    let t_{i}_{j} = {};", line_of(row, &|k| format!("x_{k}_{j}")));
        }
    }
    for i in 0..rows.len() {
        for (j, row) in rows.iter().enumerate() {
            line!(text, "    let y_{i}_{j} = {};", line_of(row, &|k| format!("t_{i}_{k}")));
        }
    }
}

pub(super) fn input_text(precision: Precision) -> String {
    let mut body = String::new();
    for i in 0..6 {
        for j in 0..6 {
            line!(body, "    let x_{i}_{j} = value(image, y + {i} * d, x + {j} * d, channel);");
        }
    }
    transform(&mut body, &INPUT, 6);
    line!(body, "    let first = tile * info.channels + channel;");
    line!(body, "    let next = info.tiles * info.channels;");
    for i in 0..6 {
        for j in 0..6 {
            let value = precision.stored(&format!("y_{i}_{j}"));
            line!(body, "    transformed[first + {}u * next] = {value};", 6 * i + j);
        }
    }
    let values = [("enable", precision.enable()), ("factor", precision.name()), ("body", &body)];
    fill(include_str!("winograd_input.wgsl"), &values)
}

pub(super) fn weights_text(precision: Precision) -> String {
    let mut body = String::new();
    for i in 0..3 {
        for j in 0..3 {
            line!(body, "    let x_{i}_{j} = select(0.0, weights[first + {}u], inside);", 3 * i + j);
        }
    }
    transform(&mut body, &WEIGHTS, 3);
    for i in 0..6 {
        for j in 0..6 {
            let at = format!("({}u * info.rows + source) * info.columns + to", 6 * i + j);
            line!(body, "    transformed[{at}] = {}(y_{i}_{j});", precision.name());
        }
    }
    let values = [("enable", precision.enable()), ("factor", precision.name()), ("body", &body)];
    fill(include_str!("winograd_weights.wgsl"), &values)
}

pub(super) fn output_text(store: Store) -> String {
    let (bindings, store) = store_text(store, Precision::F32, 2, ["info.out_height", "info.out_width"]);
    let mut body = String::new();
    for i in 0..6 {
        for j in 0..6 {
            line!(body, "    let x_{i}_{j} = products[first + {}u * next];", 6 * i + j);
        }
    }
    transform(&mut body, &OUTPUT, 6);
    for i in 0..4 {
        for j in 0..4 {
            line!(body, "    keep(image, y + {i}u * d, x + {j}u * d, channel, y_{i}_{j});");
        }
    }
    fill(include_str!("winograd_output.wgsl"), &[("bindings", &bindings), ("store", &store), ("body", &body)])
}
