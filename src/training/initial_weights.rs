//! Random initial weights, as He et al. 2015, "Delving Deep into Rectifiers", propose.

use super::tape::Trainable;
use burn::module::{ModuleMapper, Param};
use burn::prelude::*;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;

/// Gain that keeps the variance through a `ReLU`.
pub(super) const RELU: f64 = std::f64::consts::SQRT_2;

/// Gain that keeps the variance where no `ReLU` follows.
pub(super) const LINEAR: f64 = 1.0;

/// Draws the weights of every convolution and linear layer from a normal distribution of deviation
/// `gain / sqrt(fan-in)`; biases and norms stay as they are.
///
/// The numbers come from a generator of their own: a device's generator is shared by the whole process,
/// so that two learners would disturb each other, and differs from device to device.
pub(super) fn draw<N: Trainable>(network: N, gain: f64, seed: u64) -> N {
    network.map(&mut Draw { gain, random: Xoshiro256PlusPlus::seed_from_u64(seed) })
}

struct Draw {
    gain: f64,
    random: Xoshiro256PlusPlus,
}

impl ModuleMapper for Draw {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if D < 2 {
            return param;
        }
        let (id, tensor, mapper) = param.consume();
        let shape = tensor.dims();
        // Burn keeps a linear layer as [in, out] and a convolution as [out, in, height, width].
        let fan_in: usize = if D == 2 { shape[0] } else { shape[1..].iter().product() };
        let deviation = self.gain / (fan_in as f64).sqrt();
        let values: Vec<f32> = (0..shape.iter().product::<usize>())
            .map(|_| (self.random.sample::<f64, _>(StandardNormal) * deviation) as f32)
            .collect();
        let drawn = Tensor::from_data(TensorData::new(values, shape), &tensor.device());
        Param::from_mapped_value(id, drawn, mapper)
    }
}
