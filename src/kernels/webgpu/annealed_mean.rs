//! Softmax and annealed mean in one kernel: two numbers of a place leave the device instead of 313.

use super::kernel::{Kernel, groups_of_64};
use super::operators::{places, upload};
use super::parameters::AnnealedMeanInfo;
use super::tensors::tensor;
use crate::color::ab_bins::{AnnealedMean, CENTERS, COUNT};
use burn::prelude::*;
use std::f32::consts::LOG2_E;

/// Where a temperature's reciprocal is held: what differs by the least that f32 can tell is then
/// apart already, and the product with a difference of logits is still a number.
const LEAST_TEMPERATURE: f32 = 1e-20;

/// The annealed mean of `logits / scale`, `[batch, 313, height, width]` in any layout, on a device of
/// wgpu: a and b, CIE units, `[batch, 2, height, width]`. A place with a logit that is no finite number
/// gets a colour beyond 1e8.
///
/// # Panics
/// If `logits` is no f32 tensor of such a device, or has other than 313 channels.
#[must_use]
pub fn annealed_mean(logits: Tensor<4>, scale: f32, decoder: &AnnealedMean<f32>) -> Tensor<4> {
    let [batch, channels, height, width] = logits.dims();
    assert_eq!(channels, COUNT, "a logit for each bin");
    let (logits, values) = places(logits);
    let client = &logits.client;
    let temperature = decoder.temperature();
    let mut table: Vec<f32> = (0..COUNT)
        .flat_map(|q| [decoder.offset(q), CENTERS[q][0].into(), CENTERS[q][1].into(), 0.0])
        .collect();
    table.extend([1.0 / scale, LOG2_E / temperature.max(LEAST_TEMPERATURE), 0.0, 0.0]);
    let places = batch * height * width;
    let colours = client.empty(4 * 2 * places);
    let info = AnnealedMeanInfo { places, bins: COUNT, mode: usize::from(temperature == 0.0) };
    let buffers = [&values, &upload(client, &table), &colours];
    Kernel::AnnealedMean.launch(client, groups_of_64(places), &buffers, &info);
    tensor(&logits, colours, [batch, height, width, 2]).permute([0, 3, 1, 2])
}
