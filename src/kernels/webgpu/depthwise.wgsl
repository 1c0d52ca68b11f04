// A convolution that sees each channel by itself. An invocation makes four outputs side by side, of
// four channels, and reads what they share once. Activations are NHWC, channels in fours; weights
// [tap][channel].
struct Info {
    // Channels in fours, and how many there really are.
    columns: u32,
    outputs: u32,
    out_height: u32,
    out_width: u32,
    in_height: u32,
    in_width: u32,
    // Strips of four outputs in a row, and invocations that have something to do.
    strips: u32,
    length: u32,
    // 1 for an addend of the output's size, 2 for half of it.
    addend_scale: u32,
    activation: u32,
}

@group(0) @binding(0) var<storage, read_write> activations: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
{{ bindings }}
{{ store }}

// A place's four channels, in a row that begins at `row`; zero beyond the border.
fn value(row: u32, x: i32, column: u32) -> vec4<f32> {
    let inside = x >= 0 && x < i32(info.in_width);
    let at = (row + select(0u, u32(x), inside)) * info.columns + column;
    return select(vec4<f32>(), activations[at], inside);
}

fn store(position: u32, column: u32, sum: vec4<f32>) {
    for (var i = 0u; i < 4u; i++) {
        store_one(position, 4u * column + i, sum[i]);
    }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let index = (group.y * 65535u + group.x) * 64u + thread;
    if (index >= info.length) {
        return;
    }
    let column = index % info.columns;
    var rest = index / info.columns;
    let strip = rest % info.strips;
    rest = rest / info.strips;
    let y = rest % info.out_height;
    let image = rest / info.out_height;
    let top = i32(y * {{ stride }}u) - {{ half }};
    let left = i32(4u * strip * {{ stride }}u) - {{ half }};
{{ zeros }}
    for (var tap = 0; tap < {{ kernel }}; tap++) {
        if (top + tap < 0 || top + tap >= i32(info.in_height)) {
            continue;
        }
        let row = (image * info.in_height + u32(top + tap)) * info.in_width;
        let first = u32(tap) * {{ kernel }}u * info.columns + column;
{{ products }}
    }
    let position = (image * info.out_height + y) * info.out_width + 4u * strip;
{{ results }}
}
