//! Matrix products over gathered rows: every convolution, and the middle of Winograd's.

use super::Precision;
use super::template::{Store, fill, line, store_text};
use burn_cubecl::cubecl::client::Client;

/// How the work is cut, for which the text is unrolled: a workgroup of `threads` invocations (64, 128 or
/// 256) makes as many rows of 64 columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tile {
    pub(super) threads: u32,
}

impl Tile {
    /// Columns, in vectors of four.
    pub(super) const COLUMNS: usize = 16;

    /// The tile that fits a device, for so many rows.
    pub(super) fn choose(client: &Client, rows: usize) -> Self {
        let hardware = &client.properties().hardware;
        let fits = |threads: u32| {
            hardware.max_units_per_cube >= threads
                && hardware.max_shared_memory_size >= Self { threads }.shared_memory()
        };
        // Larger tiles read less, but only many rows give every core one.
        let pays = |threads: &u32| rows >= 64 * *threads as usize;
        let threads = [256, 128].into_iter().filter(pays).find(|&threads| fits(threads)).unwrap_or(64);
        Self { threads }
    }

    pub(super) fn rows(self) -> usize {
        self.threads as usize
    }

    /// Bytes that a workgroup stages.
    fn shared_memory(self) -> usize {
        16 * (5 * self.threads as usize + 256)
    }
}

pub(super) fn text(tile: Tile, store: Store, precision: Precision) -> String {
    let size = ["(info.grid_height * info.doubling)", "(info.grid_width * info.doubling)"];
    // Winograd's factors are in memory as they are multiplied; a layer's input is f32.
    let activation = if store == Store::Raw { precision } else { Precision::F32 };
    let (bindings, store) = store_text(store, precision, 3, size);
    let body = workgroup(tile.threads, precision);
    let values = [
        ("enable", precision.enable()),
        ("activation", activation.name()),
        ("factor", precision.name()),
        ("bindings", &bindings),
        ("store", &store),
        ("body", &body),
    ];
    fill(include_str!("gemm.wgsl"), &values)
}

/// Stores a row's sums, one line for each value.
fn store_row(text: &mut String, row: &str, sums: usize, vectors: usize, column: impl Fn(usize) -> String) {
    line!(text, "    if ({row} < info.rows) {{");
    line!(text, "        let position = z * info.output_z + position({row}, z);");
    for j in 0..vectors {
        for i in 0..4 {
            line!(text, "        store_one(position, 4u * ({}) + {i}u, sum_{sums}_{j}[{i}]);", column(j));
        }
    }
    line!(text, "    }}");
}

fn workgroup(threads: u32, precision: Precision) -> String {
    let apart = threads / 8;
    let [mut setup, mut products, mut results] = [const { String::new() }; 3];
    for row in 0..8 {
        for j in 0..2 {
            line!(setup, "    var sum_{row}_{j} = vec4<f32>();");
        }
        let at = format!("(row + {}u) * 5u + i", row * apart);
        line!(products, "                    let value_{row} = staged_rows[{at}];");
    }
    for c in 0..4 {
        for j in 0..2 {
            let at = format!("i * 64u + {}u + column", 16 * c + 8 * j);
            line!(products, "                    let weight_{c}_{j} = staged_columns[{at}];");
        }
    }
    for row in 0..8 {
        for j in 0..2 {
            let value = |c: usize| format!("vec4<{}>(value_{row}[{c}])", precision.name());
            let sum = format!("sum_{row}_{j}");
            if precision == Precision::F16 {
                let first = format!("{} * weight_0_{j}", value(0));
                let four = (1..4).fold(first, |sum, c| format!("fma({}, weight_{c}_{j}, {sum})", value(c)));
                line!(products, "                    {sum} += vec4<f32>({four});");
            } else {
                for c in 0..4 {
                    line!(products, "                    {sum} = fma({}, weight_{c}_{j}, {sum});", value(c));
                }
            }
        }
    }
    for row in 0..8 {
        let column = |j| format!("first_column + column + {}u", 8 * j);
        store_row(&mut results, &format!("first_row + row + {}u", row * apart), row as usize, 2, column);
    }
    let values = [
        ("threads", threads.to_string()),
        ("factor", precision.name().to_owned()),
        ("staged", (5 * threads).to_string()),
        ("setup", setup),
        ("products", products),
        ("results", results),
    ];
    fill(include_str!("gemm_tiles.wgsl"), &values.each_ref().map(|(name, value)| (*name, value.as_str())))
}
