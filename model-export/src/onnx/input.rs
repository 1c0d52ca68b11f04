//! The preparation of a network's input, as a part of the graph.

use super::graph::Graph;
use autochrome::model::network::Input;

/// Raw L as a network takes it; `None` where it takes more.
pub(super) fn prepare(graph: &mut Graph<'_>, input: Input, lightness: &str) -> Option<String> {
    match input {
        Input::Lightness => Some(graph.normalize(lightness, 50.0, 100.0)),
        Input::Gray => Some(gray(graph, lightness)),
        Input::LightnessAndHints | Input::Prepared => None,
    }
}

/// Raw L as the sRGB gray that the encoder was shown, `(byte - 127) / 128`.
fn gray(graph: &mut Graph<'_>, lightness: &str) -> String {
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
