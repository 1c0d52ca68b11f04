//! The paper's network as its authors released it (docs/method.md#eccv16): VGG-like blocks, dilation in
//! blocks 5 and 6, one transposed convolution, 313 logits at a quarter of the size. BatchNorm
//! stands after the ReLU, at the end of blocks 1 to 7.

use super::Head;
use super::architecture::{Architecture, Builder, Input, Layer, Value};
use super::blocks::{MAX_WIDTH, TRUNK_BLOCKS, trunk_block};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Width of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Eccv16Config {
    /// Channels of the first block; later ones have 2, 4 and 8 times as many. 64 as released.
    pub width: usize,
    /// Its last layer.
    #[serde(default, skip_serializing_if = "Head::is_usual")]
    pub head: Head,
}

impl Default for Eccv16Config {
    fn default() -> Self {
        Self { width: 64, head: Head::default() }
    }
}

impl Eccv16Config {
    pub(super) fn architecture(&self) -> Architecture {
        let width = self.width;
        let mut net = Builder::new(Input::Lightness);
        let mut x = Value::INPUT;
        for block in 0..TRUNK_BLOCKS {
            x = trunk_block(&mut net, x, block, [1, width], true);
            net.end_step();
        }
        let (from, to) = (8 * width, 4 * width);
        x = net.layer(x, Layer::doubling("model8.0", from, to).relu());
        x = net.layer(x, Layer::convolution("model8.2", to, to).relu());
        x = net.layer(x, Layer::convolution("model8.4", to, to).relu());
        net.layer(x, Layer::pointwise("model8.6", to, self.head.channels()));
        net.end_step();
        net.finish_scaled(self.head.scale())
    }

    /// By the names of the first and the last layer; one is enough, so that a damaged checkpoint is
    /// compared with the network that it is nearest to.
    pub(super) fn recognize(shapes: &BTreeMap<String, Vec<usize>>) -> Option<Self> {
        let first = shapes.get("model1.0.weight");
        if first.is_none() && !shapes.contains_key("model8.6.weight") {
            return None;
        }
        let width =
            first.and_then(|shape| shape.first().copied()).filter(|width| (1..=MAX_WIDTH).contains(width));
        let last = shapes.get("model8.6.weight").and_then(|shape| shape.first().copied());
        let head = last.and_then(Head::of_channels).unwrap_or_default();
        Some(Self { width: width.unwrap_or(64), head })
    }
}
