// The last part of Winograd's F(4 x 4, 3 x 3): the 36 products of a tile become its 4 x 4 sums, A' m A.
struct Info {
    outputs: u32,
    columns: u32,
    out_height: u32,
    out_width: u32,
    dilation: u32,
    tiles_high: u32,
    tiles_wide: u32,
    tiles: u32,
    addend_scale: u32,
    activation: u32,
}

@group(0) @binding(0) var<storage, read_write> products: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
{{ bindings }}
{{ store }}

fn keep(image: u32, y: u32, x: u32, channel: u32, sum: f32) {
    if (y < info.out_height && x < info.out_width) {
        store_one((image * info.out_height + y) * info.out_width + x, channel, sum);
    }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let channel = group.x * 64u + thread;
    if (channel >= info.outputs) {
        return;
    }
    let tile = group.y + group.z * 65535u;
    if (tile >= info.tiles) {
        return;
    }
    let tx = tile % info.tiles_wide;
    var rest = tile / info.tiles_wide;
    let ty = rest % info.tiles_high;
    rest = rest / info.tiles_high;
    let grid = rest % (info.dilation * info.dilation);
    let image = rest / (info.dilation * info.dilation);
    let d = info.dilation;
    let y = 4u * ty * d + grid / d;
    let x = 4u * tx * d + grid % d;
    let first = tile * info.outputs + channel;
    let next = info.tiles * info.outputs;
{{ body }}
}
