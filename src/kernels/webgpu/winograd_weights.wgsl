// Weights of a 3 x 3 convolution, [output][input][3][3], seen through G g G': [36][input][columns].
{{ enable }}
struct Info {
    inputs: u32,
    outputs: u32,
    // Room for inputs and outputs; what is beyond them is zero.
    rows: u32,
    columns: u32,
}

@group(0) @binding(0) var<storage, read_write> weights: array<f32>;
@group(0) @binding(1) var<storage, read_write> transformed: array<{{ factor }}>;
@group(0) @binding(2) var<storage, read> info: Info;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let to = group.x * 64u + thread;
    let source = group.y;
    if (to >= info.columns) {
        return;
    }
    let inside = to < info.outputs && source < info.inputs;
    let first = select(0u, (to * info.inputs + source) * 9u, inside);
{{ body }}
}
