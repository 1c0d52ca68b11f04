// A norm's statistics as one factor and one addend for each channel.
struct Info {
    channels: u32,
}

@group(0) @binding(0) var<storage, read_write> gamma: array<f32>;
@group(0) @binding(1) var<storage, read_write> beta: array<f32>;
@group(0) @binding(2) var<storage, read_write> mean: array<f32>;
@group(0) @binding(3) var<storage, read_write> variance: array<f32>;
@group(0) @binding(4) var<storage, read_write> epsilon: array<f32>;
@group(0) @binding(5) var<storage, read_write> scale: array<f32>;
@group(0) @binding(6) var<storage, read_write> shift: array<f32>;
@group(0) @binding(7) var<storage, read> info: Info;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let channel = (group.y * 65535u + group.x) * 64u + thread;
    if (channel >= info.channels) {
        return;
    }
    let factor = gamma[channel] / sqrt(variance[channel] + epsilon[0]);
    scale[channel] = factor;
    shift[channel] = beta[channel] - mean[channel] * factor;
}
