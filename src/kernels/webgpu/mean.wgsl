// Mean over all places of each image.
struct Info {
    places: u32,
    channels: u32,
    images: u32,
}

@group(0) @binding(0) var<storage, read_write> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<storage, read> info: Info;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let index = (group.y * 65535u + group.x) * 64u + thread;
    if (index >= info.images * info.channels) {
        return;
    }
    let first = index / info.channels * info.places * info.channels + index % info.channels;
    var sum = 0.0;
    for (var place = 0u; place < info.places; place++) {
        sum += input[first + place * info.channels];
    }
    output[index] = sum / f32(info.places);
}
