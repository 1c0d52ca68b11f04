// The first part of Winograd's F(4 x 4, 3 x 3): tiles of 6 x 6 values, 4 apart, each seen through
// B' x B, so that a convolution becomes 36 products of matrices. A dilated convolution is that many
// plain ones over interleaved grids, so a tile's values may be `dilation` apart.
{{ enable }}
struct Info {
    channels: u32,
    in_height: u32,
    in_width: u32,
    dilation: u32,
    // Tiles of one grid, and of all.
    tiles_high: u32,
    tiles_wide: u32,
    tiles: u32,
}

@group(0) @binding(0) var<storage, read_write> activations: array<f32>;
@group(0) @binding(1) var<storage, read_write> transformed: array<{{ factor }}>;
@group(0) @binding(2) var<storage, read> info: Info;

fn value(image: u32, y: i32, x: i32, channel: u32) -> f32 {
    let inside = y >= 0 && x >= 0 && y < i32(info.in_height) && x < i32(info.in_width);
    let at = select(vec2<u32>(), vec2<u32>(vec2<i32>(y, x)), inside);
    let index = ((image * info.in_height + at.x) * info.in_width + at.y) * info.channels + channel;
    return select(0.0, activations[index], inside);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let channel = group.x * 64u + thread;
    if (channel >= info.channels) {
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
    let d = i32(info.dilation);
    let y = (4 * i32(ty) - 1) * d + i32(grid / info.dilation);
    let x = (4 * i32(tx) - 1) * d + i32(grid % info.dilation);
{{ body }}
}
