//! Our convolution kernels against Burn's plain operators, on odd sizes, borders, strides, dilations
//! and channel counts. So is the definition that the browser's tests hold the GPU's kernels against:
//! Burn's operators for the GPU would take minutes to link there.

use autochrome::kernels::cpu::{Added, Bottleneck, Convolution};
use autochrome::kernels::{Activation, Shape};
use autochrome_testing::definition::{Addend, Layer};
use autochrome_testing::uniform;
use burn::prelude::*;
use burn::tensor::activation::relu;
use burn::tensor::module::{conv_transpose2d, conv2d, interpolate};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, InterpolateMode, InterpolateOptions};
use proptest::prelude::*;

/// Of the largest value: Winograd's transforms lose up to two digits of f32's seven.
const TOLERANCE: f32 = 3e-5;

#[derive(Clone, Copy, Debug)]
struct Case {
    shape: Shape,
    size: [usize; 2],
    bias: bool,
    affine: bool,
    activation: Activation,
    /// None, as large, half as large.
    added: u8,
}

fn values(name: &str, count: usize) -> Vec<f32> {
    uniform(name, count).into_iter().map(|u| 2.0 * u - 1.0).collect()
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// Largest distance of kernel and of definition to what Burn computes, relative to its largest value.
fn apart(case: Case) -> f32 {
    let Case { shape, size: [height, width], .. } = case;
    let Shape { from, to, kernel, stride, dilation, doubling, depthwise } = shape;
    let [high, wide] = shape.output(case.size);
    let weights = values("weights", shape.seen() * to * kernel * kernel);
    let x = values("x", height * width * from);
    let bias = case.bias.then(|| values("bias", to));
    let affine = case.affine.then(|| [values("scale", to), values("shift", to)]);
    let (rows, columns) = if case.added == 2 { (high / 2, wide / 2) } else { (high, wide) };
    let added = (case.added > 0).then(|| values("added", rows * columns * to));

    let last = |tensor: Tensor<4>| tensor.permute([0, 3, 1, 2]);
    let input = last(tensor(x.clone(), [1, height, width, from]));
    let bias_tensor = bias.clone().map(|bias| tensor(bias, [to]));
    let mut expected = if doubling {
        let options = ConvTransposeOptions::new([2, 2], [1, 1], [0, 0], [1, 1], 1);
        conv_transpose2d(input, tensor(weights.clone(), [from, to, 4, 4]), bias_tensor, options)
    } else {
        let padding = [dilation * (kernel / 2); 2];
        let groups = if depthwise { from } else { 1 };
        let options = ConvOptions::new([stride; 2], padding, [dilation; 2], groups);
        conv2d(input, tensor(weights.clone(), [to, shape.seen(), kernel, kernel]), bias_tensor, options)
    };
    assert_eq!(expected.dims(), [1, to, high, wide]);
    if let Some(values) = &added {
        let mut more = last(tensor(values.clone(), [1, rows, columns, to]));
        if case.added == 2 {
            let nearest = InterpolateOptions::new(InterpolateMode::Nearest).with_output_size([high, wide]);
            more = interpolate(more, nearest);
        }
        expected = expected + more;
    }
    expected = match case.activation {
        Activation::Identity => expected,
        Activation::Relu => relu(expected),
        Activation::Relu6 => expected.clamp(0.0, 6.0),
    };
    if let Some([scale, shift]) = &affine {
        let along = |values: &[f32]| tensor(values.to_vec(), [1, to, 1, 1]);
        expected = expected * along(scale) + along(shift);
    }
    let expected: Vec<f32> = expected.permute([0, 2, 3, 1]).into_data().try_into_vec().unwrap();

    let affine = affine.as_ref().map(|[scale, shift]| [scale.as_slice(), shift.as_slice()]);
    let layer = Convolution::new(shape, &weights, bias.as_deref(), affine);
    let added = added.as_deref().map(|v| if case.added == 2 { Added::Doubled(v) } else { Added::Same(v) });
    let found = layer.forward(&x, case.size, added, case.activation);
    assert_eq!(found.len(), expected.len());
    let added = match added {
        Some(Added::Same(values)) => Addend::Same(values),
        Some(Added::Doubled(values)) => Addend::Half(values),
        None => Addend::Nothing,
    };
    let activation = case.activation;
    let layer = Layer { shape, weights: &weights, bias: bias.as_deref(), added, activation, affine };
    let defined = layer.of(&x, case.size);
    assert_eq!(defined.len(), expected.len());
    let largest = expected.iter().fold(1.0f32, |most, v| most.max(v.abs()));
    let both = found.iter().zip(&expected).chain(defined.iter().zip(&expected));
    both.fold(0.0f32, |most, (a, b)| most.max((a - b).abs())) / largest
}

fn case() -> impl Strategy<Value = Case> {
    let channels = prop_oneof![1..6usize, 7..9usize, 15..18usize, 31..34usize, Just(48usize)];
    let kind = prop_oneof![
        (Just(3usize), 1..3usize, Just(1usize)).prop_map(|(k, s, d)| (k, s, d, false)),
        (Just(3usize), Just(1usize), 2..4usize).prop_map(|(k, s, d)| (k, s, d, false)),
        (1..3usize).prop_map(|s| (1, s, 1, false)),
        Just((5, 1, 1, false)),
        Just((4, 2, 1, true)),
    ];
    let depthwise = (prop_oneof![Just(1usize), Just(3), Just(5), Just(7)], 1..3usize);
    let kind = prop_oneof![
        2 => kind.prop_map(|kind| (kind, false)),
        1 => depthwise.prop_map(|(k, s)| ((k, s, 1, false), true)),
    ];
    let size = [1..40usize, 1..40usize];
    let activation = prop_oneof![Just(Activation::Identity), Just(Activation::Relu), Just(Activation::Relu6)];
    (channels.clone(), channels, kind, size, any::<[bool; 2]>(), activation, 0..3u8).prop_map(
        |(from, to, (kind, depthwise), size, [bias, affine], activation, added)| {
            let (kernel, stride, dilation, doubling) = kind;
            let to = if depthwise { from } else { to };
            let shape = Shape { from, to, kernel, stride, dilation, doubling, depthwise };
            let even = shape.output(size).iter().all(|n| n % 2 == 0);
            Case { shape, size, bias, affine, activation, added: if even { added } else { added.min(1) } }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_kernel_is_burns_operator(case in case()) {
        let apart = apart(case);
        prop_assert!(apart < TOLERANCE, "{apart} in {case:?}");
    }
}

/// The networks' own layers: large enough for every way a kernel has of cutting up its work.
#[test]
fn the_networks_layers() {
    let layer = |from, to, kernel, stride, dilation, doubling| Shape {
        from,
        to,
        kernel,
        stride,
        dilation,
        doubling,
        depthwise: false,
    };
    let spread = |channels, kernel, stride| Shape {
        depthwise: true,
        ..layer(channels, channels, kernel, stride, 1, false)
    };
    for (shape, side) in [
        (layer(1, 64, 3, 1, 1, false), 64),
        (layer(64, 64, 3, 2, 1, false), 62),
        (layer(64, 128, 3, 1, 1, false), 70),
        (layer(96, 96, 3, 1, 2, false), 50),
        (layer(256, 313, 1, 1, 1, false), 20),
        (layer(128, 64, 4, 2, 1, true), 17),
        (spread(96, 3, 2), 64),
        (spread(144, 5, 2), 33),
        (spread(144, 3, 1), 32),
        (spread(1248, 5, 1), 8),
    ] {
        let size = [side, side + 1];
        let apart =
            apart(Case { shape, size, bias: true, affine: true, activation: Activation::Relu, added: 0 });
        assert!(apart < TOLERANCE, "{apart} in {shape:?}");
    }
}

/// A map that no tile fits, one pixel wide or high.
#[test]
fn slivers() {
    for size in [[1, 1], [1, 33], [33, 1], [2, 3], [4, 4], [5, 5]] {
        for dilation in [1, 2] {
            let plain =
                Shape { from: 16, to: 16, kernel: 3, stride: 1, dilation, doubling: false, depthwise: false };
            let spread = Shape { kernel: 5, stride: dilation, dilation: 1, depthwise: true, ..plain };
            for shape in [plain, spread] {
                let added = u8::from(shape.stride == 1);
                let activation = Activation::Identity;
                let case = Case { shape, size, bias: true, affine: false, activation, added };
                let apart = apart(case);
                assert!(apart < TOLERANCE, "{apart} in {case:?}");
            }
        }
    }
}

/// Maps of several bands, at strides and with kernels that see across their borders.
#[test]
fn a_block_by_rows_is_its_convolutions_one_after_the_other() {
    for (from, kernel, stride, size, residual) in [
        (16, 3, 1, [100, 61], true),
        (16, 5, 2, [99, 80], false),
        (20, 3, 2, [64, 64], false),
        (24, 5, 1, [50, 90], true),
        (8, 3, 1, [1, 3], true),
    ] {
        let (middle, to) = (6 * from, if residual { from } else { from + 3 });
        let plain = |from, to| Shape {
            from,
            to,
            kernel: 1,
            stride: 1,
            dilation: 1,
            doubling: false,
            depthwise: false,
        };
        let spread = Shape { kernel, stride, depthwise: true, ..plain(middle, middle) };
        let layer = |name: &str, shape: Shape| {
            let weights = values(name, shape.seen() * shape.to * shape.kernel * shape.kernel);
            Convolution::new(shape, &weights, Some(&values("bias", shape.to)), None)
        };
        let expand = layer("expand", plain(from, middle));
        let depthwise = layer("depthwise", spread);
        let project = layer("project", plain(middle, to));
        let x = values("x", size[0] * size[1] * from);
        let wide = expand.forward(&x, size, None, Activation::Relu6);
        let seen = depthwise.forward(&wide, size, None, Activation::Relu6);
        let added = residual.then_some(Added::Same(&x));
        let expected = project.forward(&seen, spread.output(size), added, Activation::Identity);
        let block = Bottleneck { expand: &expand, depthwise: &depthwise, project: &project };
        let found = block.forward(&x, size, Activation::Relu6, residual);
        assert_eq!(found.len(), expected.len());
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{worst}: {from}, {kernel}, {stride}, {size:?}");
    }
}
