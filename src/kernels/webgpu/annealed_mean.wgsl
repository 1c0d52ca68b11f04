// From each place's logits to its colour: softmax of (z - offset) / T, and the mean of the bins under
// it. No probability is stored anywhere. An invocation for each place.
struct Info {
    places: u32,
    bins: u32,
    // 1 for a temperature of 0: the likeliest bin alone counts.
    mode: u32,
}

@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
// Of each bin: the offset, a, b. Then a factor for logits, and log2(e) / T.
@group(0) @binding(1) var<storage, read_write> table: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> colours: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> info: Info;

// The exponent that infinities and what is no number have, and nothing else.
const NOT_FINITE = 0x7f800000u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let place = (group.y * 65535u + group.x) * 64u + thread;
    if (place >= info.places) {
        return;
    }
    let first = place * info.bins;
    let scale = table[info.bins].x;
    let rate = table[info.bins].y;
    var largest = -3.4e38;
    var likeliest = 0u;
    var worst = 0u;
    for (var bin = 0u; bin < info.bins; bin++) {
        let raw = logits[first + bin];
        worst = max(worst, bitcast<u32>(raw) & NOT_FINITE);
        let z = raw * scale - table[bin].x;
        if (z > largest) {
            largest = z;
            likeliest = bin;
        }
    }
    var colour = table[likeliest].yz;
    if (info.mode == 0u) {
        var sums = vec3<f32>();
        for (var bin = 0u; bin < info.bins; bin++) {
            let row = table[bin];
            // Less is nothing beside the largest share, which is 1.
            let exponent = max((logits[first + bin] * scale - row.x - largest) * rate, -126.0);
            sums += exp2(exponent) * vec3<f32>(1.0, row.yz);
        }
        colour = sums.yz / sums.x;
    }
    // No mean of bins, so that whoever reads it knows: not every device can write what is no number.
    colours[place] = select(colour, vec2<f32>(1e9), worst == NOT_FINITE);
}
