//! EfficientNet-Lite under a decoder, as a graph.

use super::graph::{Conv, Graph};
use super::{OnnxError, decoder};
use autochrome::model::network::LiteConfig;

/// What is added to the variance of the encoder's norms.
const EPSILON: f32 = 1e-3;

/// Raw L as the sRGB gray that the encoder was shown, `(byte - 127) / 128`.
pub(super) fn gray(graph: &mut Graph<'_>, lightness: &str) -> String {
    let mut number = 0;
    let mut by = |graph: &mut Graph<'_>, operator: &str, name: &str, x: &str, value: f32| {
        number += 1;
        let operand = graph.number(&format!("gray.{number}"), value);
        graph.operator(operator, &format!("gray.{name}"), &[x, &operand])
    };
    let t = by(graph, "Add", "above_foot", lightness, 16.0);
    let t = by(graph, "Div", "t", &t, 116.0);
    let cube = by(graph, "Pow", "cube", &t, 3.0);
    let foot = by(graph, "Sub", "beside", &t, 16.0 / 116.0);
    let foot = by(graph, "Div", "foot", &foot, 7.787);
    let curved = by(graph, "Greater", "curved", &t, 0.206_896_6);
    let light = graph.operator("Where", "gray.light", &[&curved, &cube, &foot]);
    let kept = by(graph, "Max", "kept", &light, 1e-6);
    let bent = by(graph, "Pow", "power", &kept, 1.0 / 2.4);
    let bent = by(graph, "Mul", "stretched", &bent, 1.055);
    let bent = by(graph, "Sub", "bent", &bent, 0.055);
    let straight = by(graph, "Mul", "straight", &light, 12.92);
    let bright = by(graph, "Greater", "bright", &light, 0.003_130_8);
    let srgb = graph.operator("Where", "gray.srgb", &[&bright, &bent, &straight]);
    let scaled = by(graph, "Mul", "scaled", &srgb, 255.0 / 128.0);
    by(graph, "Sub", "normalised", &scaled, 127.0 / 128.0)
}

pub(super) fn lite(
    graph: &mut Graph<'_>,
    config: &LiteConfig,
    mut x: String,
    output: &str,
    factor: f32,
) -> Result<(), OnnxError> {
    x = graph.conv_and_norm("enc.stem", ["enc.stem", "enc.b"], EPSILON, &x, Conv::HALVING)?;
    x = graph.relu6(&x);
    let mut skips = Vec::new();
    let mut number = 0;
    for stage in config.variant.stages() {
        for block in 0..stage.blocks {
            let stride = if block == 0 { stage.stride } else { 1 };
            let conv = Conv { kernel: stage.kernel, stride, depthwise: true, ..Conv::SQUARE };
            x = bottleneck(graph, &format!("enc.bl.{number}"), x, conv, block > 0)?;
            number += 1;
        }
        if stage.skip {
            skips.push(x.clone());
        }
    }
    let whole = graph.conv_and_norm("enc.head", ["enc.head", "enc.hb"], EPSILON, &x, Conv::POINTWISE)?;
    let whole = graph.relu6(&whole);
    let whole = graph.mean(&whole);
    let scene = graph.linear("g", &whole)?;
    x = graph.conv("t", &x, Conv::POINTWISE)?;
    x = graph.add("deepest", &x, &scene);
    x = graph.relu(&x);
    x = decoder(graph, &skips, x)?;
    graph.scaled_conv("out", &x, Conv::POINTWISE, factor, output).map(|_| ())
}

/// An inverted residual block. `residual` where what comes in is added: in all blocks of a stage but the
/// first, whose channels differ.
fn bottleneck(
    graph: &mut Graph<'_>,
    key: &str,
    x: String,
    conv: Conv,
    residual: bool,
) -> Result<String, OnnxError> {
    let layer = |graph: &mut Graph<'_>, [weight, norm]: [&str; 2], x: &str, conv: Conv| {
        let names = [format!("{key}.{weight}"), format!("{key}.{norm}")];
        graph.conv_and_norm(&names[0], names.each_ref().map(String::as_str), EPSILON, x, conv)
    };
    let mut wide = x.clone();
    if graph.has(&format!("{key}.ex.weight")) {
        wide = layer(graph, ["ex", "b0"], &x, Conv::POINTWISE)?;
        wide = graph.relu6(&wide);
    }
    let seen = layer(graph, ["dw", "b1"], &wide, conv)?;
    let seen = graph.relu6(&seen);
    let y = layer(graph, ["pr", "b2"], &seen, Conv::POINTWISE)?;
    Ok(if residual { graph.add(key, &y, &x) } else { y })
}
