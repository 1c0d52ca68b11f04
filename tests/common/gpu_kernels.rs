//! The WGSL kernels in Chromium: convolutions against Burn's operators, the annealed mean against its
//! definition.

use crate::common::{seeded_small_unet, uniform};
use autochrome::ab_bins::{AnnealedMean, COUNT};
use autochrome::backend::{ComputeDevice, DeviceChoice};
use autochrome::colorize::{Colorizer, Mode, Tone, Unpaced};
use autochrome::kernels::webgpu::{Packed, annealed_mean};
use autochrome::kernels::{Epilogue, Shape};
use autochrome::photo::{Channels, Photo, Samples};
use burn::prelude::*;
use burn::tensor::activation::relu;
use burn::tensor::module::{conv_transpose2d, conv2d, interpolate};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, InterpolateMode, InterpolateOptions};
use wasm_bindgen_test::wasm_bindgen_test;

/// Largest error, as a share of the largest value.
const TOLERANCE: f32 = 1e-4;

fn random<const D: usize>(key: &str, shape: [usize; D], device: &Device) -> Tensor<D> {
    let values = uniform(key, shape.iter().product()).into_iter().map(|v| v - 0.5).collect();
    Tensor::from_data(TensorData::new::<f32, _>(values, shape), device)
}

async fn values(tensor: Tensor<4>) -> Vec<f32> {
    tensor.into_data_async().await.expect("read back").try_into_vec().expect("f32")
}

/// What is added to the output.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Add {
    Nothing,
    Same,
    Half,
}

/// Both ways of cutting the work, against the plain operators.
async fn compare(shape: Shape, [batch, height, width]: [usize; 3], add: Add, positive: bool, affine: bool) {
    let device = ComputeDevice::open(DeviceChoice::Gpu).await.expect("a GPU for the tests").device;
    let Shape { from, to, kernel, stride, dilation, doubling } = shape;
    let size = if doubling { [from, to, 4, 4] } else { [to, from, kernel, kernel] };
    let weight = random("weight", size, &device);
    let bias = random("bias", [to], &device);
    let x = random("x", [batch, from, height, width], &device);

    let y = if doubling {
        let options = ConvTransposeOptions::new([2, 2], [1, 1], [0, 0], [1, 1], 1);
        conv_transpose2d(x.clone(), weight.clone(), Some(bias.clone()), options)
    } else {
        let padding = [dilation * (kernel / 2); 2];
        let options = ConvOptions::new([stride; 2], padding, [dilation; 2], 1);
        conv2d(x.clone(), weight.clone(), Some(bias.clone()), options)
    };
    let [_, _, out_height, out_width] = y.dims();
    let added = match add {
        Add::Nothing => None,
        Add::Same => Some(random("add", [batch, to, out_height, out_width], &device)),
        Add::Half => Some(random("add", [batch, to, out_height / 2, out_width / 2], &device)),
    };
    let nearest = |t: Tensor<4>| {
        let options = InterpolateOptions::new(InterpolateMode::Nearest);
        interpolate(t, options.with_output_size([out_height, out_width]))
    };
    let y = match added.clone() {
        Some(t) if add == Add::Half => y + nearest(t),
        Some(t) => y + t,
        None => y,
    };
    let y = if positive { relu(y) } else { y };
    let affine = affine.then(|| (random("scale", [to], &device), random("shift", [to], &device)));
    let y = match affine.clone() {
        Some((scale, shift)) => y * scale.reshape([1, to, 1, 1]) + shift.reshape([1, to, 1, 1]),
        None => y,
    };
    let expected = values(y).await;
    let largest = expected.iter().fold(0.0f32, |largest, v| largest.max(v.abs()));

    let packed = Packed::new(shape, weight, Some(bias), affine).expect("tensors of this device");
    for (name, packed) in [
        ("own", packed.clone()),
        ("64", packed.clone().in_workgroups_of(64)),
        ("128", packed.in_workgroups_of(128)),
    ] {
        let nhwc = x.clone().permute([0, 2, 3, 1]) * 1.0;
        for (layout, x) in [("nchw", x.clone()), ("nhwc", nhwc.permute([0, 3, 1, 2]))] {
            let epilogue = Epilogue { add: added.clone(), relu: positive };
            let y = packed.forward(x, epilogue);
            assert_eq!(y.dims(), [batch, to, out_height, out_width]);
            let error = values(y).await.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(
                error <= TOLERANCE * largest,
                "{shape:?} {batch} x {height} x {width}, {add:?}, tile {name}, {layout}: off by {error} of {largest}"
            );
        }
    }
}

fn conv(from: usize, to: usize, kernel: usize) -> Shape {
    Shape { from, to, kernel, stride: 1, dilation: 1, doubling: false }
}

#[wasm_bindgen_test]
async fn wgsl_convolutions_of_odd_sizes_are_burns() {
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
    let doubling = |from, to| Shape { from, to, kernel: 4, stride: 2, dilation: 1, doubling: true };
    compare(doubling(10, 3), [2, 5, 3], Add::Nothing, true, true).await;
    compare(doubling(64, 32), [1, 4, 4], Add::Same, true, false).await;
    compare(doubling(5, 66), [1, 1, 2], Add::Half, false, false).await;
}

#[wasm_bindgen_test]
async fn wgsl_annealed_mean_is_the_definition() {
    let device = ComputeDevice::open(DeviceChoice::Gpu).await.expect("a GPU for the tests").device;
    let weights: Vec<f64> = (0..COUNT).map(|q| 0.02 + (q % 13) as f64 * 0.45).collect();
    let narrow: Vec<f32> = weights.iter().map(|w| *w as f32).collect();
    for ([batch, height, width], scale) in
        [([1, 5, 3], 1.0), ([2, 7, 9], 2.5), ([1, 1, 1], 0.3), ([1, 13, 10], 1.0)]
    {
        let shape = [batch, COUNT, height, width];
        let nchw = random("logits", shape, &device) * 20.0;
        let nhwc = (nchw.clone().permute([0, 2, 3, 1]) * 1.0).permute([0, 3, 1, 2]);
        let logits = values(nhwc.clone().permute([0, 2, 3, 1])).await;
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
            for (layout, logits) in [("nchw", nchw.clone()), ("nhwc", nhwc.clone())] {
                let colours = annealed_mean(logits, scale, &decoder);
                assert_eq!(colours.dims(), [batch, 2, height, width]);
                let found = values(colours.permute([0, 2, 3, 1])).await;
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
async fn wgsl_annealed_mean_tells_of_logits_that_are_no_numbers() {
    let device = ComputeDevice::open(DeviceChoice::Gpu).await.expect("a GPU for the tests").device;
    for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut logits = uniform("logits", 3 * COUNT);
        logits[COUNT + 200] = broken;
        let logits = Tensor::<4>::from_data(TensorData::new(logits, [1, 1, 3, COUNT]), &device);
        let decoder = AnnealedMean::new(0.38, 1.0, None).unwrap();
        let found =
            values(annealed_mean(logits.permute([0, 3, 1, 2]), 1.0, &decoder).permute([0, 2, 3, 1])).await;
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
    // What is mapped is larger than what is read: 16 KiB at least.
    let check_colours = |read: f64| {
        assert!(read >= colours && read < logits / 10.0, "{read} bytes read for colours of {colours}");
    };
    check_colours(bytes_read());
    let mut on_device = Vec::new();
    for tone in tones {
        on_device.push(colorization.chroma(tone).await.unwrap());
        if tone == first {
            assert_eq!(bytes_read(), 0.0, "these colours were there");
        } else {
            check_colours(bytes_read());
        }
    }
    assert!(colorization.prediction().await.unwrap().distribution().is_some());
    let all = bytes_read();
    assert!(all >= logits, "{all} bytes read for distributions of {logits}");
    for (tone, on_device) in tones.into_iter().zip(on_device) {
        let on_host = colorization.chroma(tone).await.unwrap();
        for (x, y) in (0..down).flat_map(|y| (0..across).map(move |x| (x, y))) {
            let [p, q] = [&on_device, &on_host].map(|grid| grid.colour(x, y));
            assert!((0..2).all(|i| (p[i] - q[i]).abs() < 1e-3), "{tone:?}, {x}, {y}: {p:?} {q:?}");
        }
    }
    assert_eq!(bytes_read(), 0.0, "the host has it now");
}
