//! Matrices as signed bytes: each output channel is divided by a scale of its own, so that its
//! largest weight becomes 127. Zero stays zero.

use super::HostTensor;

/// Largest code; -128 is not used, so that both signs reach equally far.
const LARGEST: f32 = 127.0;

/// The codes of a matrix and its scales. The scales' shape is 1 along all axes but `axis`, the one
/// that counts output channels: the product of both has the matrix's shape.
pub(super) fn quantize(tensor: &HostTensor, axis: usize) -> (Vec<i8>, HostTensor) {
    let channel = channels(&tensor.shape, axis);
    let mut scales = vec![0.0f32; tensor.shape[axis]];
    for (i, value) in tensor.values.iter().enumerate() {
        let scale = &mut scales[channel(i)];
        *scale = scale.max(value.abs() / LARGEST);
    }
    let code = |(i, value): (usize, &f32)| match scales[channel(i)] {
        0.0 => 0,
        scale => (value / scale).round().clamp(-LARGEST, LARGEST) as i8,
    };
    let codes = tensor.values.iter().enumerate().map(code).collect();
    let mut shape = vec![1; tensor.shape.len()];
    shape[axis] = scales.len();
    (codes, HostTensor { shape, values: scales })
}

/// Restores the matrix: codes of `shape` times their scales. `None` where the scales' shape is not
/// that of [`quantize`].
pub(super) fn dequantize(shape: &[usize], codes: Vec<f32>, scales: &HostTensor) -> Option<Vec<f32>> {
    let axis = scales.shape.iter().position(|length| *length > 1).unwrap_or(0);
    let expected = (0..shape.len()).map(|i| if i == axis { shape[i] } else { 1 });
    if shape.is_empty() || !scales.shape.iter().copied().eq(expected) {
        return None;
    }
    let channel = channels(shape, axis);
    Some(codes.into_iter().enumerate().map(|(i, code)| code * scales.values[channel(i)]).collect())
}

/// The channel along `axis` of the element at a place of the row-major values.
fn channels(shape: &[usize], axis: usize) -> impl Fn(usize) -> usize {
    let count = shape[axis];
    let inner: usize = shape[axis + 1..].iter().product();
    move |i| i / inner % count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_has_its_own_scale_on_either_axis() {
        let values: Vec<f32> =
            (0..24).map(|i| (i as f32 - 11.0) * if i % 2 == 0 { 1.0 } else { 1e-3 }).collect();
        let tensor = HostTensor { shape: vec![2, 3, 4], values };
        for axis in 0..3 {
            let (codes, scales) = quantize(&tensor, axis);
            assert_eq!(scales.values.len(), tensor.shape[axis]);
            let codes: Vec<f32> = codes.into_iter().map(f32::from).collect();
            let back = dequantize(&tensor.shape, codes, &scales).unwrap();
            let channel = channels(&tensor.shape, axis);
            for (i, (a, b)) in tensor.values.iter().zip(back).enumerate() {
                assert!((a - b).abs() <= scales.values[channel(i)] * 0.5001, "{i}: {a} became {b}");
            }
        }
    }

    #[test]
    fn a_channel_of_zeros_stays_one() {
        let tensor = HostTensor { shape: vec![2, 2], values: vec![0.0, 0.0, 1.0, -2.0] };
        let (codes, scales) = quantize(&tensor, 0);
        assert_eq!(codes, [0, 0, 64, -127]);
        assert!(dequantize(&[2, 2], vec![0.0; 4], &scales).unwrap().iter().all(|v| *v == 0.0));
        assert!(dequantize(&[3, 2], vec![0.0; 6], &scales).is_none());
    }
}
