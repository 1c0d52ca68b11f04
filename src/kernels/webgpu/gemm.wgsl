// Matrix products over rows of activations: a row is a position of the output, and its values are
// gathered from the positions of the input that a convolution's taps look at. With one tap it is a
// plain product of matrices, which is what Winograd's middle part needs.
//
// Activations are NHWC, channels in fours. Weights are [z][tap][channel][output channel]. `z` is a
// phase of the doubling convolution, or one of Winograd's matrices.
{{ enable }}
struct Info {
    // Channels in, in fours.
    inputs: u32,
    // Channels out, and how many there is room for in the weights, in fours.
    outputs: u32,
    columns: u32,
    // Rows, and the grid of positions that they stand for.
    rows: u32,
    grid_height: u32,
    grid_width: u32,
    in_height: u32,
    in_width: u32,
    // Taps along one axis, the way from one to the next, and where the first stands.
    taps: u32,
    dilation: u32,
    stride: u32,
    padding: u32,
    // Vectors from one z to the next: activations, weights; values: output.
    activations_z: u32,
    weights_z: u32,
    output_z: u32,
    // 1, or 2 where z counts the four phases of a doubling.
    doubling: u32,
    // 1 for an addend of the output's size, 2 for half of it.
    addend_scale: u32,
    activation: u32,
}

@group(0) @binding(0) var<storage, read_write> activations: array<vec4<{{ activation }}>>;
@group(0) @binding(1) var<storage, read_write> weights: array<vec4<{{ factor }}>>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
{{ bindings }}

// The position of the input under the first tap of a row, which may lie outside, and the image.
fn origin(row: u32, z: u32) -> vec3<i32> {
    let x = row % info.grid_width;
    let rest = row / info.grid_width;
    let phase = select(vec2<u32>(0u), vec2<u32>(z >> 1u, z & 1u), info.doubling == 2u);
    let at = vec2<i32>(vec2<u32>(rest % info.grid_height, x) * info.stride + phase);
    return vec3<i32>(at - i32(info.padding), i32(rest / info.grid_height));
}

// The index of a position's first vector; `size` is -1 for positions outside.
fn place(start: vec3<i32>, y: u32, x: u32) -> i32 {
    let at = start.xy + vec2<i32>(vec2<u32>(y, x) * info.dilation);
    let size = vec2<i32>(vec2<u32>(info.in_height, info.in_width));
    let inside = all(at >= vec2<i32>(0)) && all(at < size);
    let index = ((start.z * size.x + at.x) * size.y + at.y) * i32(info.inputs);
    return select(-1, index, inside);
}

// Which position of the output a row stands for.
fn position(row: u32, z: u32) -> u32 {
    if (info.doubling == 1u) {
        return row;
    }
    let x = row % info.grid_width;
    let rest = row / info.grid_width;
    let y = rest % info.grid_height;
    let image = rest / info.grid_height;
    return ((image * info.grid_height + y) * 2u + (z >> 1u)) * 2u * info.grid_width + 2u * x + (z & 1u);
}
{{ store }}
{{ body }}
