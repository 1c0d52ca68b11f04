//! Groups of layers that several networks have.

use super::architecture::{Addend, Builder, Layer, Value};

/// Widest network of the paper's kind that is built; the released ones have 64.
pub(super) const MAX_WIDTH: usize = 1024;

/// Channels (in multiples of the width), number of convolutions, stride of the last one, dilation of all.
const TRUNK: [(usize, usize, usize, usize); 7] =
    [(1, 2, 2, 1), (2, 2, 2, 1), (4, 3, 2, 1), (8, 3, 1, 1), (8, 3, 1, 2), (8, 3, 1, 2), (8, 3, 1, 1)];

/// Block `index` (from 0) of the seven that the paper's network and its interactive successor share
/// (docs/method.md#eccv16): convolutions with `ReLU`, then a norm. `input` is the first block's number of
/// channels. `strided`: the first three halve the size.
pub(super) fn trunk_block(
    net: &mut Builder,
    mut x: Value,
    index: usize,
    [input, width]: [usize; 2],
    strided: bool,
) -> Value {
    let (multiple, count, stride, dilation) = TRUNK[index];
    let before = if index == 0 { input } else { TRUNK[index - 1].0 * width };
    let (block, to) = (index + 1, multiple * width);
    for i in 0..count {
        let last = i + 1 == count;
        // ReLUs are counted in the released names.
        let layer =
            Layer::convolution(format!("model{block}.{}", 2 * i), if i == 0 { before } else { to }, to);
        let layer = Layer { dilation, stride: if strided && last { stride } else { 1 }, ..layer.relu() };
        x = net.layer(x, if last { layer.then_normed(format!("model{block}.{}", 2 * count)) } else { layer });
    }
    x
}

/// The number of [`trunk_block`]s.
pub(super) const TRUNK_BLOCKS: usize = TRUNK.len();

/// A 3 x 3 convolution without bias and its norm, under two names below `key`, then `ReLU`.
pub(crate) fn conv_norm(key: &str, [conv, norm]: [&str; 2], from: usize, to: usize, stride: usize) -> Layer {
    let layer = Layer::convolution(format!("{key}.{conv}"), from, to).normed(format!("{key}.{norm}")).relu();
    Layer { stride, ..layer }
}

/// `relu(x + norm(conv(relu(norm(conv(x))))))`.
pub(crate) fn residual(net: &mut Builder, x: Value, key: &str, names: [&str; 2], channels: usize) -> Value {
    let inner = net.layer(x, conv_norm(&format!("{key}.a"), names, channels, channels, 1));
    net.layer_plus(inner, conv_norm(&format!("{key}.b"), names, channels, channels, 1), Addend::Map(x))
}

/// Names of a convolution and of its norm, as PyTorch counts them in a sequence.
pub(super) const COUNTED: [&str; 2] = ["0", "1"];

/// A decoder's stage: twice the size, joined by a skip, then a residual block. `from` are the channels of
/// the deeper map and of the skip.
pub(super) fn up(
    net: &mut Builder,
    [x, skip]: [Value; 2],
    key: &str,
    [from, skip_channels]: [usize; 2],
    to: usize,
) -> Value {
    let deeper = net.layer(x, Layer::pointwise(format!("{key}.p"), from, to));
    let skip_layer = Layer::pointwise(format!("{key}.k"), skip_channels, to).relu();
    let joined = net.layer_plus(skip, skip_layer, Addend::HalfMap(deeper));
    residual(net, joined, &format!("{key}.c"), COUNTED, to)
}
