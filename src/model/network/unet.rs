//! A compact U-Net: strided residual encoder, one global vector, decoder with skips that ends at a
//! quarter of the size. BatchNorm stands before the ReLU, so it folds into its convolution.

use super::Head;
use super::architecture::{Architecture, Builder, Input, Layer, Operation, Value};
use super::blocks::{COUNTED, conv_norm, residual, up};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Widths and depths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnetConfig {
    /// Channels of the stem, at half the size.
    pub stem: usize,
    /// Channels of each encoder stage, at a quarter of the size and on downwards.
    pub encoder: Vec<usize>,
    /// Residual blocks of each encoder stage.
    pub blocks: Vec<usize>,
    /// Channels of each decoder stage, coming up from the deepest; the last is at a quarter of
    /// the size. One fewer than encoder stages.
    pub decoder: Vec<usize>,
    /// Its last layer.
    #[serde(default, skip_serializing_if = "Head::is_usual")]
    pub head: Head,
}

impl UnetConfig {
    /// 32 for four encoder stages: every halving must come out even.
    #[must_use]
    pub fn size_multiple(&self) -> usize {
        2 << self.encoder.len()
    }

    /// Whether the lists fit each other.
    pub(crate) fn is_consistent(&self) -> bool {
        let stages = self.encoder.len();
        let lists = [&self.encoder, &self.decoder];
        (2..=8).contains(&stages)
            && self.blocks.len() == stages
            && self.decoder.len() + 1 == stages
            && self.blocks.iter().all(|&n| n <= 64)
            && lists.into_iter().flatten().chain([&self.stem]).all(|n| (1..=4096).contains(n))
    }

    /// The last encoder stage's output.
    #[cfg(feature = "train")]
    pub(super) fn deepest(&self) -> Option<super::Deepest> {
        let channels = *self.encoder.last()?;
        Some(super::Deepest { step: self.encoder.len(), channels })
    }

    pub(super) fn architecture(&self) -> Architecture {
        let mut net = Builder::new(Input::Lightness);
        let mut x = net.layer(Value::INPUT, conv_norm("stem", COUNTED, 1, self.stem, 2));
        net.end_step();
        let mut from = self.stem;
        let mut skips = Vec::new();
        for (index, (&to, &count)) in self.encoder.iter().zip(&self.blocks).enumerate() {
            let key = format!("e{}", index + 1);
            x = net.layer(x, conv_norm(&format!("{key}.0"), COUNTED, from, to, 2));
            for block in 1..=count {
                x = residual(&mut net, x, &format!("{key}.{block}"), COUNTED, to);
            }
            net.end_step();
            skips.push((x, to));
            from = to;
        }
        // The deepest stage is where the way up begins, not a skip.
        skips.pop();

        // A vector of the whole photograph, added at every place of the deepest stage.
        let mean = net.operation(Operation::Mean(x));
        let squeezed = net.layer(mean, Layer::linear("g.0", from, from).relu());
        let vector = net.layer(squeezed, Layer::linear("g.2", from, from));
        x = net.operation(Operation::AddVector { map: x, vector });
        net.end_step();

        for (&to, (number, (skip, channels))) in self.decoder.iter().zip(skips.into_iter().enumerate().rev())
        {
            x = up(&mut net, [x, skip], &format!("u{}", number + 1), [from, channels], to);
            net.end_step();
            from = to;
        }
        net.layer(x, Layer::pointwise("out", from, self.head.channels()));
        net.end_step();
        net.finish_scaled(self.head.scale())
    }

    /// Reads widths and depths off the tensors.
    pub(super) fn recognize(shapes: &BTreeMap<String, Vec<usize>>) -> Option<Self> {
        let out = |name: &str| shapes.get(name).and_then(|shape| shape.first().copied());
        let stages = (1..).take_while(|i| out(&format!("e{i}.0.0.weight")).is_some()).count();
        let stage = |i: usize| out(&format!("e{i}.0.0.weight"));
        let blocks = |i: usize| (1..).take_while(|j| out(&format!("e{i}.{j}.a.0.weight")).is_some()).count();
        let config = Self {
            stem: out("stem.0.weight")?,
            encoder: (1..=stages).map(stage).collect::<Option<_>>()?,
            blocks: (1..=stages).map(blocks).collect(),
            decoder: (1..stages).rev().map(|i| out(&format!("u{i}.p.weight"))).collect::<Option<_>>()?,
            head: Head::of_channels(out("out.weight")?)?,
        };
        config.is_consistent().then_some(config)
    }
}
