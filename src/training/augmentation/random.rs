//! Random numbers of examples.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt, SeedableRng};

/// The random numbers of one example. They depend on nothing but these three numbers, on any machine. The
/// seed of the generator is `m(m(m(seed) ^ step) ^ slot)` with m one step of SplitMix64.
#[must_use]
pub fn generator(seed: u64, step: u64, slot: u64) -> Xoshiro256PlusPlus {
    fn mix(value: u64) -> u64 {
        let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    Xoshiro256PlusPlus::seed_from_u64(mix(mix(mix(seed) ^ step) ^ slot))
}

/// A number between two bounds, evenly distributed.
pub(super) fn between(rng: &mut impl Rng, [low, high]: [f64; 2]) -> f64 {
    low + (high - low) * rng.random::<f64>()
}
