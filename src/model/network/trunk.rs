//! The seven blocks that the paper's network and its interactive successor share
//! (docs/method.md#eccv16).

use super::convolution::{Convolution, Layer, Then};
use super::layers::batch_norm;
use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::prelude::*;

/// Widest network that is built; the released ones have 64.
pub(super) const MAX_WIDTH: usize = 1024;

/// A block: convolutions with ReLU, then BatchNorm.
#[derive(Module, Debug)]
pub(super) struct Block {
    convs: Vec<Layer<Conv2d>>,
    norm: BatchNorm,
}

impl Block {
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let last = self.convs.len() - 1;
        self.convs.iter().enumerate().fold(x, |x, (index, conv)| {
            conv.forward(x, Then { norm: (index == last).then_some(&self.norm), ..Then::relu() })
        })
    }

    pub(super) fn into_inference(self) -> Self {
        let last = self.convs.len() - 1;
        let pack = |(index, conv): (usize, Layer<Conv2d>)| conv.pack((index == last).then_some(&self.norm));
        Self { convs: self.convs.into_iter().enumerate().map(pack).collect(), norm: self.norm }
    }

    /// Burn's path within block `index` to the released state_dict's key: `convs.1.weight` of block
    /// 0 is `model1.2.weight`, since ReLUs are counted there.
    fn file_name(&self, index: usize, path: &[&str]) -> Option<String> {
        let layer = match path {
            ["convs", conv, _] => 2 * conv.parse::<usize>().ok()?,
            ["norm", _] => 2 * self.convs.len(),
            _ => return None,
        };
        Some(format!("model{}.{layer}.{}", index + 1, path.last()?))
    }
}

/// Burn's path within the blocks to the released state_dict's key.
pub(super) fn file_name(blocks: &[Block], path: &[&str]) -> Option<String> {
    let [index, rest @ ..] = path else { return None };
    let index: usize = index.parse().ok()?;
    blocks.get(index)?.file_name(index, rest)
}

/// Channels (in multiples of the width), how many convolutions, stride of the last one, dilation.
const BLOCKS: [(usize, usize, usize, usize); 7] =
    [(1, 2, 2, 1), (2, 2, 2, 1), (4, 3, 2, 1), (8, 3, 1, 1), (8, 3, 1, 2), (8, 3, 1, 2), (8, 3, 1, 1)];

/// The blocks, from `input` channels to 8 times `width`. `strided`: the first three halve the size;
/// else they keep it, and whoever runs them halves it in between.
pub(super) fn blocks(input: usize, width: usize, strided: bool, device: &Device) -> Vec<Block> {
    let mut from = input;
    BLOCKS
        .iter()
        .map(|&(multiple, count, stride, dilation)| {
            let to = multiple * width;
            let convs = (0..count)
                .map(|i| {
                    let channels = [if i == 0 { from } else { to }, to];
                    let stride = if strided && i + 1 == count { stride } else { 1 };
                    Convolution { channels, stride, dilation, ..Convolution::new(from, to) }.init(device)
                })
                .collect();
            from = to;
            Block { convs, norm: batch_norm(to, device) }
        })
        .collect()
}
