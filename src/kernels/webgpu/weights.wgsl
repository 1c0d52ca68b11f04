// Weights as PyTorch has them to [phase][tap][input][output], inputs and outputs filled up with
// zeros. A doubling convolution, [input][output][4][4], becomes four of 2 x 2, one for each parity of
// the output's row and column.
{{ enable }}
struct Info {
    inputs: u32,
    outputs: u32,
    // Room for them.
    rows: u32,
    columns: u32,
    kernel: u32,
    doubling: u32,
    length: u32,
}

@group(0) @binding(0) var<storage, read_write> weights: array<f32>;
@group(0) @binding(1) var<storage, read_write> packed: array<{{ factor }}>;
@group(0) @binding(2) var<storage, read> info: Info;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let index = (group.y * 65535u + group.x) * 64u + thread;
    if (index >= info.length) {
        return;
    }
    let column = index % info.columns;
    var rest = index / info.columns;
    let row = rest % info.rows;
    rest = rest / info.rows;
    let inside = column < info.outputs && row < info.inputs;
    var at = (column * info.inputs + row) * info.kernel * info.kernel + rest;
    if (info.doubling == 2u) {
        let x = rest & 1u;
        let y = (rest >> 1u) & 1u;
        let phase = rest >> 2u;
        at = ((row * info.outputs + column) * 4u + 3u - (phase >> 1u) - 2u * y) * 4u + 3u - (phase & 1u) - 2u * x;
    }
    packed[index] = {{ factor }}(select(0.0, weights[select(0u, at, inside)], inside));
}
