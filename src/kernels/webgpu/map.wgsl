// scale * f(x) + shift. A list has one number for `inner` values in a row, and begins again where it
// ends.
struct Info {
    length: u32,
    inner: u32,
    // Where each begins, and how long the lists are.
    x_first: u32,
    y_first: u32,
    scale_first: u32,
    scales: u32,
    shift_first: u32,
    shifts: u32,
    // f: 0 nothing, 1 the hyperbolic tangent, 2 a ReLU that leaks a fifth, 3 the sRGB gray, from 0 to 1,
    // of a lightness L.
    function: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> shift: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read> info: Info;

// L to luminance (CIE 15, with the constants of lab.rs), to sRGB (IEC 61966-2-1).
fn gray(lightness: f32) -> f32 {
    let t = (lightness + 16.0) / 116.0;
    let light = select((t - 16.0 / 116.0) / 7.787, t * t * t, t > 0.2068966);
    let bent = 1.055 * pow(max(light, 0.0), 1.0 / 2.4) - 0.055;
    return select(12.92 * light, bent, light > 0.0031308);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let index = (group.y * 65535u + group.x) * 64u + thread;
    if (index >= info.length) {
        return;
    }
    let number = index / info.inner;
    var value = x[info.x_first + index];
    if (info.function == 1u) {
        // Beyond 15 it is 1 in f32, and some devices' own tanh overflows.
        value = tanh(clamp(value, -15.0, 15.0));
    } else if (info.function == 2u) {
        value = max(value, 0.2 * value);
    } else if (info.function == 3u) {
        value = gray(value);
    }
    y[info.y_first + index] = scale[info.scale_first + number % info.scales] * value
        + shift[info.shift_first + number % info.shifts];
}
