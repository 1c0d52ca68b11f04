//! The paper's interactive successor (Zhang, Zhu et al., "Real-Time User-Guided Image Colorization
//! with Learned Deep Priors", SIGGRAPH 2017) as its authors released it (docs/method.md#siggraph17): hints
//! come in beside L, skips join encoder and decoder, and one colour comes out for each pixel.

use super::architecture::{Addend, Architecture, Builder, Input, Layer, Operation, Value};
use super::blocks::{MAX_WIDTH, TRUNK_BLOCKS, trunk_block};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Classes of the classification head: cells of the 23 x 23 grid from -110 to 110, in gamut or not.
const GRID: usize = 529;

/// Width of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Siggraph17Config {
    /// Channels of the first block. 64 as released.
    pub width: usize,
}

impl Default for Siggraph17Config {
    fn default() -> Self {
        Self { width: 64 }
    }
}

/// Blocks whose output is halved on its way down, and read again on the way up.
const HALVED: usize = 3;

impl Siggraph17Config {
    pub(super) fn architecture(&self) -> Architecture {
        let width = self.width;
        let mut net = Builder::new(Input::LightnessAndHints);
        let mut x = Value::INPUT;
        let mut skips = Vec::new();
        for block in 0..TRUNK_BLOCKS {
            x = trunk_block(&mut net, x, block, [4, width], false);
            if block < HALVED {
                skips.push(x);
                x = net.operation(Operation::EverySecond(x));
            }
            net.end_step();
        }
        // Level, then the channels below, of the level and of its skip in multiples of the width.
        for (level, from, to, skip) in [(8, 8, 4, 4), (9, 4, 2, 2), (10, 2, 2, 1)] {
            let [from, to, skip_channels] = [from, to, skip].map(|multiple| multiple * width);
            let skip = skips.pop().expect("a skip for each level");
            let doubled = net.layer(x, Layer::doubling(format!("model{level}up.0"), from, to));
            let short = format!("model{}short{level}.0", 11 - level);
            let short = Layer::convolution(short, skip_channels, to).relu();
            x = net.layer_plus(skip, short, Addend::Map(doubled));
            let convolution = |number| Layer::convolution(format!("model{level}.{number}"), to, to);
            match level {
                8 => {
                    x = net.layer(x, convolution(1).relu());
                    x = net.layer(x, convolution(3).relu().then_normed("model8.5"));
                }
                9 => x = net.layer(x, convolution(1).relu().then_normed("model9.3")),
                _ => {
                    x = net.layer(x, convolution(1));
                    x = net.operation(Operation::LeakyRelu(x));
                    x = net.layer(x, Layer::pointwise("model_out.0", to, 2));
                    net.operation(Operation::Tanh(x, 110.0));
                }
            }
            net.end_step();
        }
        // Trained beside the rest, and kept so that a file comes out as it went in.
        net.unused_layer(Layer::pointwise("model_class.0", 4 * width, GRID));
        net.finish()
    }

    /// By the names of layers that only this network has.
    pub(super) fn recognize(shapes: &BTreeMap<String, Vec<usize>>) -> Option<Self> {
        if !["model8up.0.weight", "model_class.0.weight", "model10up.0.weight"]
            .iter()
            .any(|n| shapes.contains_key(*n))
        {
            return None;
        }
        let width = shapes.get("model1.0.weight").and_then(|shape| shape.first().copied());
        let width = width.filter(|width| (1..=MAX_WIDTH).contains(width));
        Some(width.map_or_else(Self::default, |width| Self { width }))
    }
}
