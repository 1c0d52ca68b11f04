//! Matrix products over gathered rows: every convolution, and the middle of Winograd's.

use super::Numbers;
use super::source::{Store, fill, store_text};
use burn_cubecl::cubecl::client::Client;
use std::fmt::Write;

/// How the work is cut. The text is unrolled for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Tile {
    /// Four invocations make 32 rows of 32 columns between them; see `gemm_quads.wgsl`.
    #[cfg_attr(
        not(all(target_arch = "wasm32", target_os = "unknown")),
        expect(dead_code, reason = "only browsers have software adapters that are asked for subgroups")
    )]
    Quads,
    /// A workgroup of so many invocations (64, 128 or 256) makes as many rows of 64 columns; see
    /// `gemm_tiles.wgsl`.
    Workgroup(u32),
}

/// Rows of [`Tile::Quads`], and its columns in vectors for each invocation.
const QUADS: (usize, usize) = (32, 2);

impl Tile {
    /// What fits a device, for so many rows.
    pub(super) fn choose(client: &Client, rows: usize) -> Self {
        let hardware = &client.properties().hardware;
        // SwiftShader, which stands in for a GPU in Chromium. On adapters with wider subgroups nothing
        // says that neighbours in a workgroup are neighbours in a subgroup.
        #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
        if crate::web::subgroups::granted() {
            return Self::Quads;
        }
        let fits = |threads: u32| {
            hardware.max_units_per_cube >= threads
                && hardware.max_shared_memory_size >= Self::Workgroup(threads).shared_memory()
        };
        // Larger tiles read less, but only many rows give every core one.
        let worth = |threads: &u32| *threads == 64 || rows >= 64 * *threads as usize;
        Self::Workgroup([256, 128].into_iter().filter(worth).find(|&threads| fits(threads)).unwrap_or(64))
    }

    pub(super) fn threads(self) -> u32 {
        match self {
            Self::Quads => 4,
            Self::Workgroup(threads) => threads,
        }
    }

    pub(super) fn rows(self) -> usize {
        match self {
            Self::Quads => QUADS.0,
            Self::Workgroup(threads) => threads as usize,
        }
    }

    /// In vectors.
    pub(super) fn columns(self) -> usize {
        match self {
            Self::Quads => 4 * QUADS.1,
            Self::Workgroup(_) => 16,
        }
    }

    /// Bytes that a workgroup stages.
    fn shared_memory(self) -> usize {
        match self {
            Self::Quads => 0,
            Self::Workgroup(threads) => 16 * (5 * threads as usize + 256),
        }
    }
}

/// Formats into a text; that cannot fail.
macro_rules! line {
    ($text:expr, $($argument:tt)*) => {
        writeln!($text, $($argument)*).expect("a String takes everything")
    };
}
pub(super) use line;

pub(super) fn text(tile: Tile, store: Store, numbers: Numbers) -> String {
    let size = ["(info.grid_height * info.doubling)", "(info.grid_width * info.doubling)"];
    // Winograd's factors are in memory as they are multiplied; a layer's input is f32.
    let activation = if store == Store::Raw { numbers } else { Numbers::Single };
    let (bindings, store) = store_text(store, numbers, 3, size);
    let (enable, body) = match tile {
        Tile::Quads => ("enable subgroups;", quads()),
        Tile::Workgroup(threads) => (numbers.enable(), workgroup(threads, numbers)),
    };
    let values = [
        ("enable", enable),
        ("activation", activation.name()),
        ("number", numbers.name()),
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

fn quads() -> String {
    let (rows, vectors) = QUADS;
    let [mut setup, mut places, mut products, mut results] = [const { String::new() }; 4];
    for i in 0..rows / 4 {
        line!(setup, "    let start_{i} = origin(min(first_row + {}u + lane, info.rows - 1u), z);", 4 * i);
        line!(places, "            let at_{i} = place(start_{i}, y, x);");
        line!(places, "            let from_{i} = activations_start + max(at_{i}, 0);");
    }
    for j in 0..vectors {
        let far = format!("min(column + {}u, info.columns - 1u)", 4 * j);
        line!(setup, "    let column_{j} = {far} - min(column, info.columns - 1u);");
        for row in 0..rows {
            line!(setup, "    var sum_{row}_{j} = vec4<f32>();");
        }
        for c in 0..4 {
            let at = format!("weight + {c}u * info.columns + column_{j}");
            line!(products, "                let weight_{c}_{j} = weights[{at}];");
        }
    }
    for i in 0..rows / 4 {
        let loaded = format!("select(vec4<f32>(), activations[from_{i} + k], at_{i} >= 0)");
        line!(products, "                let value_{i} = {loaded};");
        for c in 0..4 {
            for lane in 0..4 {
                for j in 0..vectors {
                    let sum = format!("sum_{}_{j}", 4 * i + lane);
                    let value = format!("vec4<f32>(quadBroadcast(value_{i}[{c}], {lane}u))");
                    line!(products, "                {sum} = fma({value}, weight_{c}_{j}, {sum});");
                }
            }
        }
    }
    // In a loop: unrolled it would be most of the text, and most of the time to compile it.
    let sums: Vec<String> =
        (0..rows * vectors).map(|i| format!("sum_{}_{}", i / vectors, i % vectors)).collect();
    line!(results, "    var sums = array<vec4<f32>, {}>({});", sums.len(), sums.join(", "));
    line!(results, "    for (var i = 0u; i < {}u; i++) {{", sums.len());
    line!(results, "        let row = first_row + i / {vectors}u;");
    line!(results, "        if (row < info.rows) {{");
    line!(results, "            let at = z * info.output_z + position(row, z);");
    line!(results, "            let channel = 4u * (column + 4u * (i % {vectors}u));");
    line!(results, "            let sum = sums[i];");
    for i in 0..4 {
        line!(results, "            store_one(at, channel + {i}u, sum[{i}]);");
    }
    line!(results, "        }}");
    line!(results, "    }}");
    let values = [
        ("tile_rows", rows.to_string()),
        ("tile_columns", (4 * vectors).to_string()),
        ("setup", setup),
        ("places", places),
        ("products", products),
        ("results", results),
    ];
    fill(include_str!("gemm_quads.wgsl"), &values.each_ref().map(|(name, value)| (*name, value.as_str())))
}

fn workgroup(threads: u32, numbers: Numbers) -> String {
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
            let value = |c: usize| format!("vec4<{}>(value_{row}[{c}])", numbers.name());
            let sum = format!("sum_{row}_{j}");
            if numbers == Numbers::Half {
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
        ("number", numbers.name().to_owned()),
        ("staged", (5 * threads).to_string()),
        ("setup", setup),
        ("products", products),
        ("results", results),
    ];
    fill(include_str!("gemm_tiles.wgsl"), &values.each_ref().map(|(name, value)| (*name, value.as_str())))
}
