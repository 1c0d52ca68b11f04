//! The WGSL kernels in Chromium, each against its definition. Burn's operators, which
//! `tests/native/kernels.rs` holds that of a convolution against, would take minutes to link here.

use autochrome::color::ab_bins::{AnnealedMean, COUNT};
use autochrome::engine::{Colorizer, Mode, Tone, Unpaced};
use autochrome::image::photo::{Channels, Photo, Samples};
use autochrome::kernels::device::{ComputeDevice, DeviceChoice};
use autochrome::kernels::webgpu::{Convolution, Precision, annealed_mean};
use autochrome::kernels::{Activation, Epilogue, Shape};
use autochrome_testing::definition::{Addend, Layer};
use autochrome_testing::{seeded_small_unet, uniform};
use burn::prelude::*;
use wasm_bindgen_test::{console_log, wasm_bindgen_test};

/// Largest error, as a share of the largest value.
fn tolerance(precision: Precision) -> f32 {
    match precision {
        Precision::F32 => 1e-5,
        // f16 has three digits; Winograd's transforms and the sums of four cost some.
        Precision::F16 => 5e-3,
    }
}

/// Between -1/2 and 1/2.
fn random(key: &str, count: usize) -> Vec<f32> {
    uniform(key, count).into_iter().map(|v| v - 0.5).collect()
}

fn tensor<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

/// The same map twice, `[batch, channels, height, width]`: once with those of a channel together in
/// memory, once with those of a place. `values` are `[batch, height, width, channels]`.
fn layouts(
    values: &[f32],
    [batch, height, width, channels]: [usize; 4],
    device: &Device,
) -> [(&'static str, Tensor<4>); 2] {
    let places = height * width;
    let planes: Vec<f32> = values
        .chunks_exact(places * channels)
        .flat_map(|map| (0..channels).flat_map(|c| map[c..].iter().step_by(channels)))
        .copied()
        .collect();
    let nhwc = tensor(values, [batch, height, width, channels], device).permute([0, 3, 1, 2]);
    [("nchw", tensor(&planes, [batch, channels, height, width], device)), ("nhwc", nhwc)]
}

/// `[batch, height, width, channels]`.
async fn values(tensor: Tensor<4>) -> Vec<f32> {
    let places = tensor.permute([0, 2, 3, 1]);
    places.into_data_async().await.expect("read back").try_into_vec().expect("f32")
}

/// Something added to the output.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Add {
    Nothing,
    Same,
    Half,
}

/// Every way of cutting the work, against the definition.
async fn compare(shape: Shape, [batch, height, width]: [usize; 3], add: Add, relu: bool, affine: bool) {
    let activation = if relu { Activation::Relu } else { Activation::Identity };
    compare_with(shape, [batch, height, width], add, activation, affine).await;
}

async fn compare_with(
    shape: Shape,
    [batch, height, width]: [usize; 3],
    add: Add,
    activation: Activation,
    affine: bool,
) {
    let device = ComputeDevice::open(DeviceChoice::Gpu).await.expect("a GPU for the tests").device;
    let Shape { from, to, kernel, doubling, .. } = shape;
    let size = if doubling { [from, to, 4, 4] } else { [to, shape.seen(), kernel, kernel] };
    let [high, wide] = shape.output([height, width]);
    let weights = random("weight", size.iter().product());
    let bias = random("bias", to);
    let affine = affine.then(|| [random("scale", to), random("shift", to)]);
    let x = random("x", batch * height * width * from);
    let (rows, columns) = if add == Add::Half { (high / 2, wide / 2) } else { (high, wide) };
    let added = random("add", batch * rows * columns * to);

    let maps = x.chunks_exact(height * width * from).zip(added.chunks_exact(rows * columns * to));
    let expected: Vec<f32> = maps
        .flat_map(|(x, added)| {
            let added = match add {
                Add::Nothing => Addend::Nothing,
                Add::Same => Addend::Same(added),
                Add::Half => Addend::Half(added),
            };
            let affine = affine.as_ref().map(|[scale, shift]| [scale.as_slice(), shift.as_slice()]);
            let layer = Layer { shape, weights: &weights, bias: Some(&bias), added, activation, affine };
            layer.of(x, [height, width])
        })
        .collect();
    let largest = expected.iter().fold(0.0f32, |largest, v| largest.max(v.abs()));

    let along = |values: &[f32]| tensor(values, [to], &device);
    let affine = affine.as_ref().map(|[scale, shift]| (along(scale), along(shift)));
    let precision = Precision::all(&device);
    if !precision.contains(&Precision::F16) {
        console_log!("f16 skipped: the adapter has no shader-f16");
    }
    let tiles = [None, Some(64), Some(128)];
    for (precision, tile) in precision.into_iter().flat_map(|precision| tiles.map(|tile| (precision, tile))) {
        let weights = tensor(&weights, size, &device);
        let packed = Convolution::with(precision, shape, weights, Some(along(&bias)), affine.clone());
        let mut packed = packed.expect("tensors of this device");
        if let Some(threads) = tile {
            packed = packed.in_workgroups_of(threads);
        }
        let added = layouts(&added, [batch, rows, columns, to], &device);
        for ((layout, x), (_, added)) in
            layouts(&x, [batch, height, width, from], &device).into_iter().zip(added)
        {
            let epilogue = Epilogue { add: (add != Add::Nothing).then_some(added), activation };
            let y = packed.forward(x, epilogue);
            assert_eq!(y.dims(), [batch, to, high, wide]);
            let error = values(y).await.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(
                error <= tolerance(precision) * largest,
                "{shape:?} {batch} x {height} x {width}, {add:?}, {precision:?}, tile {tile:?}, {layout}: off by {error} of {largest}"
            );
        }
    }
}

fn conv(from: usize, to: usize, kernel: usize) -> Shape {
    Shape { from, to, kernel, stride: 1, dilation: 1, doubling: false, depthwise: false }
}

#[wasm_bindgen_test]
async fn wgsl_convolutions_take_odd_sizes() {
    compare(conv(1, 2, 3), [1, 5, 3], Add::Nothing, true, true).await;
    compare(conv(6, 313, 1), [2, 5, 3], Add::Nothing, false, false).await;
    compare(conv(9, 15, 3), [1, 9, 12], Add::Same, true, true).await;
    compare(conv(12, 7, 5), [1, 6, 8], Add::Half, true, false).await;
    compare(conv(3, 70, 1), [1, 1, 1], Add::Nothing, false, true).await;
}

#[wasm_bindgen_test]
async fn wgsl_convolutions_take_strides_and_dilations() {
    compare(Shape { stride: 2, ..conv(9, 13, 3) }, [2, 9, 12], Add::Nothing, true, true).await;
    compare(Shape { stride: 2, ..conv(64, 64, 3) }, [1, 7, 6], Add::Nothing, false, false).await;
    compare(Shape { dilation: 2, ..conv(10, 11, 3) }, [1, 9, 12], Add::Same, false, true).await;
    compare(Shape { dilation: 3, stride: 2, ..conv(8, 8, 3) }, [1, 11, 13], Add::Nothing, true, true).await;
}

#[wasm_bindgen_test]
async fn wgsl_winograd_is_the_convolution() {
    compare(conv(20, 28, 3), [1, 9, 11], Add::Nothing, true, false).await;
    compare(conv(33, 70, 3), [2, 5, 3], Add::Same, true, true).await;
    compare(conv(16, 16, 3), [1, 6, 10], Add::Half, false, true).await;
    compare(conv(17, 313, 3), [1, 1, 1], Add::Nothing, false, false).await;
    compare(conv(320, 260, 3), [1, 4, 6], Add::Nothing, true, true).await;
    compare(Shape { dilation: 2, ..conv(18, 22, 3) }, [2, 13, 7], Add::Same, true, true).await;
    compare(Shape { dilation: 2, ..conv(16, 20, 3) }, [1, 16, 16], Add::Nothing, true, true).await;
    compare(Shape { dilation: 3, ..conv(16, 20, 3) }, [1, 2, 10], Add::Half, true, true).await;
}

#[wasm_bindgen_test]
async fn wgsl_doubling_is_the_transposed_convolution() {
    let doubling = |from, to| Shape { stride: 2, doubling: true, ..conv(from, to, 4) };
    compare(doubling(10, 3), [2, 5, 3], Add::Nothing, true, true).await;
    compare(doubling(64, 32), [1, 4, 4], Add::Same, true, false).await;
    compare(doubling(5, 66), [1, 1, 2], Add::Half, false, false).await;
}

#[wasm_bindgen_test]
async fn wgsl_depthwise_sees_each_channel_by_itself() {
    let spread =
        |channels, kernel, stride| Shape { stride, depthwise: true, ..conv(channels, channels, kernel) };
    let relu6 = Activation::Relu6;
    compare_with(spread(8, 3, 1), [2, 9, 11], Add::Nothing, relu6, false).await;
    compare_with(spread(12, 3, 2), [1, 10, 13], Add::Nothing, relu6, true).await;
    compare_with(spread(7, 5, 1), [2, 6, 8], Add::Same, Activation::Identity, true).await;
    compare_with(spread(20, 5, 2), [1, 12, 16], Add::Half, Activation::Relu, false).await;
    compare_with(spread(5, 5, 1), [1, 1, 2], Add::Nothing, relu6, false).await;
    compare_with(spread(6, 1, 1), [1, 3, 5], Add::Nothing, relu6, false).await;
}

#[wasm_bindgen_test]
async fn wgsl_annealed_mean_is_the_definition() {
    let device = ComputeDevice::open(DeviceChoice::Gpu).await.expect("a GPU for the tests").device;
    let weights: Vec<f64> = (0..COUNT).map(|q| 0.02 + (q % 13) as f64 * 0.45).collect();
    let narrow: Vec<f32> = weights.iter().map(|w| *w as f32).collect();
    for ([batch, height, width], scale) in
        [([1, 5, 3], 1.0), ([2, 7, 9], 2.5), ([1, 1, 1], 0.3), ([1, 13, 10], 1.0)]
    {
        let shape = [batch, height, width, COUNT];
        let logits: Vec<f32> =
            random("logits", shape.iter().product()).into_iter().map(|z| z * 20.0).collect();
        for (t, r) in [
            (0.0, 1.0),
            (0.0, 0.5),
            (1e-6, 1.0),
            (0.01, 1.0),
            (0.38, 1.0),
            (0.38, 0.4),
            (1.0, 0.0),
            (50.0, 1.0),
        ] {
            let definition = AnnealedMean::new(t, r, Some(&weights)).unwrap();
            let expected: Vec<f64> = logits
                .chunks_exact(COUNT)
                .flat_map(|z| {
                    let z: Vec<f64> = z.iter().map(|z| f64::from(*z) / f64::from(scale)).collect();
                    definition.decode(&z)
                })
                .collect();
            let decoder = AnnealedMean::new(t as f32, r as f32, Some(&narrow)).unwrap();
            for (layout, logits) in layouts(&logits, shape, &device) {
                let colours = annealed_mean(logits, scale, &decoder);
                assert_eq!(colours.dims(), [batch, 2, height, width]);
                let found = values(colours).await;
                let error =
                    found.iter().zip(&expected).map(|(p, q)| (f64::from(*p) - q).abs()).fold(0.0, f64::max);
                // At T = 0.01 a rounding of the logits' difference is multiplied by a hundred.
                let allowed = if t < 0.1 { 0.02 } else { 1e-3 };
                assert!(
                    error < allowed,
                    "{shape:?}, scale {scale}, T {t}, rebalance {r}, {layout}: off by {error}"
                );
            }
        }
    }
}

#[wasm_bindgen_test]
async fn wgsl_annealed_mean_tells_of_logits_that_are_no_precision() {
    let device = ComputeDevice::open(DeviceChoice::Gpu).await.expect("a GPU for the tests").device;
    for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut logits = uniform("logits", 3 * COUNT);
        logits[COUNT + 200] = broken;
        let logits = Tensor::<4>::from_data(TensorData::new(logits, [1, 1, 3, COUNT]), &device);
        let decoder = AnnealedMean::new(0.38, 1.0, None).unwrap();
        let found = values(annealed_mean(logits.permute([0, 3, 1, 2]), 1.0, &decoder)).await;
        let in_reach: Vec<bool> = found.iter().map(|v| v.abs() <= 110.0).collect();
        assert_eq!(in_reach, [true, true, false, false, true, true], "{broken}: {found:?}");
    }
}

/// Bytes of all that was mapped for reading since the last call.
fn bytes_read() -> f64 {
    const COUNTING: &str = "
        if (!('bytesRead' in self)) {
            const map = GPUBuffer.prototype.mapAsync;
            GPUBuffer.prototype.mapAsync = function (mode, offset, size) {
                if (mode & GPUMapMode.READ) self.bytesRead += size ?? this.size - (offset ?? 0);
                return map.call(this, mode, offset, size);
            };
            self.bytesRead = 0;
        }
        const bytes = self.bytesRead;
        self.bytesRead = 0;
        return bytes;";
    let count = js_sys::Function::new_no_args(COUNTING).call0(&js_sys::global());
    count.expect("plain JavaScript").as_f64().expect("a number")
}

#[wasm_bindgen_test]
async fn distributions_stay_on_the_device_until_they_are_asked_for() {
    let device = ComputeDevice::open(DeviceChoice::Gpu).await.expect("a GPU for the tests");
    let colorizer = Colorizer::new(seeded_small_unet(), device).unwrap();
    let (width, height) = (50, 37);
    let gray: Vec<u8> = (0..width * height).map(|i| (i * 7 % 256) as u8).collect();
    let photo = Photo::new(width, height, Channels::Gray, Samples::U8(gray)).unwrap();
    let first = colorizer.default_tone();
    let tones = [first, Tone { temperature: 1.0, ..first }, Tone { temperature: 0.0, ..first }];
    bytes_read();
    let mut colorization = colorizer.colorize(&photo, Mode::Photo, &[], &mut Unpaced).await.unwrap();
    let (across, down) = colorization.size();
    let (colours, logits) = ((4 * 2 * across * down) as f64, (4 * COUNT * across * down) as f64);
    // Buffers to read from come in sizes of their own.
    let few = colours..logits / 8.0;
    let read = bytes_read();
    assert!(few.contains(&read), "{read} bytes read for {colours}");
    let mut on_device = Vec::new();
    for tone in tones {
        on_device.push(colorization.chroma(tone).await.unwrap());
        let read = bytes_read();
        assert!(tone == first && read == 0.0 || few.contains(&read), "{read} bytes read for {colours}");
    }
    assert!(colorization.prediction().await.unwrap().distribution().is_some());
    let all = bytes_read();
    assert!(all >= logits && all < 2.0 * logits, "{all} bytes read for {logits}");
    for (tone, on_device) in tones.into_iter().zip(on_device) {
        let on_host = colorization.chroma(tone).await.unwrap();
        for (x, y) in (0..down).flat_map(|y| (0..across).map(move |x| (x, y))) {
            let [p, q] = [&on_device, &on_host].map(|grid| grid.color(x, y));
            assert!((0..2).all(|i| (p[i] - q[i]).abs() < 1e-3), "{tone:?}, {x}, {y}: {p:?} {q:?}");
        }
    }
    assert_eq!(bytes_read(), 0.0, "the host has it now");
}
