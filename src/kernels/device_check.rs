//! A device's first answer, beside the one that is known: adapters exist that compute zeros, or
//! nonsense, and report no error.

use super::operators::{self, read};
use super::{Activation, Epilogue, Packed, Shape};
use crate::color::ab_bins::{AnnealedMean, COUNT};
use crate::error::Result;
use burn::prelude::*;

/// Rows and columns of the input.
const SIZE: usize = 8;

/// Channels between the convolutions: enough for Winograd's form.
const CHANNELS: usize = 16;

/// Places of the output.
const PLACES: usize = (SIZE / 2) * (SIZE / 2);

/// Steps between the logits that are compared.
const STEP: usize = 331;

/// The compared logits, as the processor computes them; `the_processor_gives_the_stored_answer` prints
/// them anew.
const ANSWER: [f32; 16] = [
    0.46801728,
    0.825788,
    -0.3371754,
    -0.3440403,
    -0.39687634,
    0.08951273,
    0.4405853,
    0.43630627,
    -0.11916311,
    -0.18932062,
    1.0795946,
    0.023701072,
    1.1600485,
    -0.7243478,
    -0.58272266,
    -0.09613268,
];

/// Largest difference in shares of the answer's largest value. Factors in f16 cost 0.3 %.
const TOLERANCE: f32 = 0.03;

/// Largest difference of a colour from the one that the device's own logits have, CIE units.
const COLOR_TOLERANCE: f32 = 0.5;

/// A pass through one convolution of each kind that networks have, and from logits to colours. The
/// fault in words, where there is one.
///
/// # Errors
/// [`Error::DeviceLost`](crate::Error::DeviceLost) where the device fails.
pub(super) async fn fault(device: &Device) -> Result<Option<String>> {
    let logits = forward(device);
    let decoder = AnnealedMean::new(1.0, 1.0, None)?;
    let colors = operators::annealed_mean(logits.clone(), 1.0, &decoder);
    let logits = read(logits).await?;
    if let Some(fault) = fault_of_logits(&logits) {
        return Ok(Some(fault));
    }
    let Some(colors) = colors else { return Ok(None) };
    Ok(fault_of_colors(&read(colors).await?, &logits, &decoder))
}

/// Numbers without a pattern, -0.5 to 0.5, the same on every machine.
fn numbers<const D: usize>(shape: [usize; D], seed: u32, factor: f32, device: &Device) -> Tensor<D> {
    let length = shape.iter().product::<usize>() as u32;
    let number = |i: u32| (i + seed).wrapping_mul(2_654_435_761).rotate_left(15).wrapping_mul(2_246_822_519);
    let values: Vec<f32> =
        (0..length).map(|i| ((number(i) >> 8) as f32 / (1u32 << 24) as f32 - 0.5) * factor).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// `[1, 313, SIZE / 2, SIZE / 2]`.
fn forward(device: &Device) -> Tensor<4> {
    let convolution = |seed: u32, shape: Shape, x: Tensor<4>, epilogue: Epilogue| {
        let Shape { from, to, kernel, doubling, .. } = shape;
        let dims = if doubling { [from, to, kernel, kernel] } else { [to, shape.seen(), kernel, kernel] };
        // The sums of all layers are about as large.
        let factor = 10.0 / ((shape.seen() * kernel * kernel) as f32).sqrt();
        let weight = numbers(dims, seed, factor, device);
        let [bias, shift] = [1, 2].map(|i| numbers([to], seed + i, 1.0, device));
        let scale = numbers([to], seed + 3, 1.0, device);
        let packed = Packed::new(shape, weight, Some(bias), Some((scale, shift)));
        packed.expect("kernels for every device that is checked").forward(x, epilogue)
    };
    let shape = |from, to, kernel| Shape {
        from,
        to,
        kernel,
        stride: 1,
        dilation: 1,
        doubling: false,
        depthwise: false,
    };
    let of = |activation| Epilogue { add: None, activation };
    let x = numbers([1, 1, SIZE, SIZE], 1, 8.0, device);
    let stem = Shape { stride: 2, ..shape(1, CHANNELS, 3) };
    let stem = convolution(100, stem, x, of(Activation::Identity));
    let winograd = convolution(200, shape(CHANNELS, CHANNELS, 3), stem.clone(), of(Activation::Relu));
    let depthwise = Shape { depthwise: true, ..shape(CHANNELS, CHANNELS, 5) };
    let depthwise = convolution(300, depthwise, winograd, of(Activation::Relu6));
    let add = Some(stem);
    let sum = Epilogue { add, activation: Activation::Identity };
    let narrow = convolution(400, shape(CHANNELS, CHANNELS, 1), depthwise, sum);
    let doubled = Shape { stride: 2, doubling: true, ..shape(CHANNELS, CHANNELS, 4) };
    let doubled = convolution(500, doubled, narrow, of(Activation::Relu));
    let halved = Shape { stride: 2, ..shape(CHANNELS, CHANNELS, 3) };
    let halved = convolution(600, halved, doubled, of(Activation::Identity));
    convolution(700, shape(CHANNELS, COUNT, 1), halved, of(Activation::Identity))
}

fn compared(logits: &[f32]) -> impl Iterator<Item = f32> {
    logits.iter().step_by(STEP).copied()
}

fn fault_of_logits(logits: &[f32]) -> Option<String> {
    if logits.len() != PLACES * COUNT {
        return Some(format!("{} numbers in place of {}", logits.len(), PLACES * COUNT));
    }
    if logits.iter().any(|z| !z.is_finite()) {
        return Some("values that are not finite".to_owned());
    }
    if logits.iter().all(|z| *z == 0.0) {
        return Some("nothing but zeros".to_owned());
    }
    let largest = ANSWER.iter().fold(0.0f32, |largest, z| largest.max(z.abs()));
    let off = compared(logits).zip(ANSWER).map(|(z, answer)| (z - answer).abs()).fold(0.0, f32::max);
    (off > TOLERANCE * largest).then(|| format!("values off by {:.0} %", 100.0 * off / largest))
}

fn fault_of_colors(colors: &[f32], logits: &[f32], decoder: &AnnealedMean<f32>) -> Option<String> {
    let mut expected = logits.chunks_exact(COUNT).flat_map(|z| decoder.decode(z));
    let off = colors.iter().map(|ab| (ab - expected.next().unwrap_or(f32::NAN)).abs());
    let right = colors.len() == 2 * PLACES && { off }.all(|off| off <= COLOR_TOLERANCE);
    (!right).then(|| "colours that its logits do not have".to_owned())
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;

    fn answer() -> Vec<f32> {
        pollster::block_on(read(forward(&Device::flex()))).unwrap()
    }

    #[test]
    fn the_processor_gives_the_stored_answer() {
        let logits = answer();
        let found: Vec<f32> = compared(&logits).collect();
        println!("{found:?}");
        assert_eq!(found.len(), ANSWER.len());
        let worst = found.iter().zip(ANSWER).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "off by {worst}");
        assert!(ANSWER.iter().any(|z| z.abs() > 1.0), "an answer that zeros are far from");
        assert_eq!(pollster::block_on(fault(&Device::flex())).unwrap(), None);
    }

    #[test]
    fn zeros_nonsense_and_wrong_numbers_are_faults() {
        let right = answer();
        assert_eq!(fault_of_logits(&right), None);
        assert_eq!(fault_of_logits(&vec![0.0; right.len()]).unwrap(), "nothing but zeros");
        for (place, value) in [(7, f32::NAN), (right.len() - 1, f32::INFINITY)] {
            let mut wrong = right.clone();
            wrong[place] = value;
            assert_eq!(fault_of_logits(&wrong).unwrap(), "values that are not finite");
        }
        let doubled: Vec<f32> = right.iter().map(|z| 2.0 * z).collect();
        assert!(fault_of_logits(&doubled).unwrap().starts_with("values off by"));
        assert!(fault_of_logits(&right[1..]).is_some());
    }

    #[test]
    fn colors_are_those_of_the_logits() {
        let (logits, decoder) = (answer(), AnnealedMean::new(1.0, 1.0, None).unwrap());
        let mut colors: Vec<f32> = logits.chunks_exact(COUNT).flat_map(|z| decoder.decode(z)).collect();
        assert_eq!(fault_of_colors(&colors, &logits, &decoder), None);
        assert!(fault_of_colors(&vec![0.0; colors.len()], &logits, &decoder).is_some());
        assert!(fault_of_colors(&colors[2..], &logits, &decoder).is_some());
        colors[3] = f32::NAN;
        assert!(fault_of_colors(&colors, &logits, &decoder).is_some());
    }
}
