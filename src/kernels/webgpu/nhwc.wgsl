// Any layout to NHWC, channels filled up with zeros.
struct Info {
    channels: u32,
    height: u32,
    width: u32,
    // Channels of the output, at least as many.
    room: u32,
    length: u32,
    batch_stride: u32,
    channel_stride: u32,
    row_stride: u32,
    column_stride: u32,
}

@group(0) @binding(0) var<storage, read_write> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> info: Info;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let index = (group.y * 65535u + group.x) * 64u + thread;
    if (index >= info.length) {
        return;
    }
    let channel = index % info.room;
    var rest = index / info.room;
    let x = rest % info.width;
    rest = rest / info.width;
    let y = rest % info.height;
    let image = rest / info.height;
    let inside = channel < info.channels;
    let at = image * info.batch_stride + y * info.row_stride + x * info.column_stride
        + select(0u, channel, inside) * info.channel_stride;
    output[index] = select(0.0, input[at], inside);
}
