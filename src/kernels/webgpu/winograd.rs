//! The transforms of Winograd's F(4 x 4, 3 x 3): four times fewer multiplications than the
//! convolution has (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015).

use super::gemm::line;
use super::source::{Store, fill, store_text};
use std::fmt::Write;

/// Matrices of a tile.
pub(super) const MATRICES: usize = 36;

/// Each transform is one matrix from both sides; these are their rows, `a` to `f` being the column.
const INPUT: [&str; 6] = [
    "4.0 * a - 5.0 * c + e",
    "(e - 4.0 * c) + (d - 4.0 * b)",
    "(e - 4.0 * c) - (d - 4.0 * b)",
    "(e - c) + 2.0 * (d - b)",
    "(e - c) - 2.0 * (d - b)",
    "4.0 * b - 5.0 * d + f",
];
const WEIGHTS: [&str; 6] = [
    "a / 4.0",
    "-(a + b + c) / 6.0",
    "-(a - b + c) / 6.0",
    "a / 24.0 + b / 12.0 + c / 6.0",
    "a / 24.0 - b / 12.0 + c / 6.0",
    "c",
];
const OUTPUT: [&str; 4] = [
    "a + (b + c) + (d + e)",
    "(b - c) + 2.0 * (d - e)",
    "(b + c) + 4.0 * (d + e)",
    "(b - c) + 8.0 * (d - e) + f",
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

pub(super) fn input_text() -> String {
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
            line!(body, "    transformed[first + {}u * next] = y_{i}_{j};", 6 * i + j);
        }
    }
    fill(include_str!("winograd_input.wgsl"), &[("body", &body)])
}

pub(super) fn weights_text() -> String {
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
            line!(body, "    transformed[{at}] = y_{i}_{j};");
        }
    }
    fill(include_str!("winograd_weights.wgsl"), &[("body", &body)])
}

pub(super) fn output_text(store: Store) -> String {
    let (bindings, store) = store_text(store, 2, ["info.out_height", "info.out_width"]);
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
