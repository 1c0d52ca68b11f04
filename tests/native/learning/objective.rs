//! Losses and their gradients: the paper's, and their definitions in f64.

use super::{classification, values};
use autochrome::color::ab_bins::{self, CENTERS, SIGMA, soft_encode};
use autochrome::training::class_rebalancing::class_weights;
use autochrome::training::loss;
use autochrome::training::objective::{Objective, Reduction};
use autochrome_testing::{golden, number, numbers, pair, uniform};
use burn::prelude::*;
use proptest::prelude::*;

fn tensor(values: Vec<f32>, shape: [usize; 4]) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// Against the reference's own figures (`goldens/loss.json`): six cells in a row, one picture.
#[test]
fn the_gradient_is_the_papers() {
    let g = golden(include_str!("../../goldens/loss.json"));
    let prior = numbers(&golden(include_str!("../../goldens/class_weights.json"))["prior"]);
    let colours: Vec<[f64; 2]> = g["ab"].as_array().unwrap().iter().map(pair).collect();
    let cells = colours.len();
    let logits: Vec<Vec<f32>> = (0..cells)
        .map(|i| {
            uniform(&format!("loss/{i}"), ab_bins::COUNT).into_iter().map(|u| (2.0 * u - 1.0) * 3.0).collect()
        })
        .collect();
    let planes = (0..ab_bins::COUNT).flat_map(|bin| logits.iter().map(move |z| z[bin])).collect();
    let output = tensor(planes, [1, ab_bins::COUNT, 1, cells]);
    let truth: Vec<[f32; 2]> = colours.iter().map(|ab| ab.map(|c| c as f32)).collect();
    for case in g["cases"].as_array().unwrap() {
        let objective = classification(number(&case["lambda"]), number(&case["neighbours"]) as usize);
        let weights = objective.class_weights(&prior).unwrap();
        let lesson = objective.targets([1, 1, cells], &truth, weights.as_deref()).compare(&output, false);
        let expected: f64 = numbers(&case["weight"])
            .iter()
            .zip(numbers(&case["cross_entropy"]))
            .map(|(weight, cross_entropy)| weight * cross_entropy)
            .sum();
        let found = f64::from(values(lesson.loss)[0]);
        assert!((found / expected - 1.0).abs() < 1e-5, "loss {found}, not {expected}");
        let gradient = values(lesson.gradient);
        for cell in 0..cells {
            let at = |bin: usize| f64::from(gradient[bin * cells + cell]);
            let sum: f64 = (0..ab_bins::COUNT).map(|bin| at(bin).abs()).sum();
            let nearest = at(ab_bins::nearest(colours[cell]));
            for (found, name) in [(sum, "gradient_abs_sum"), (nearest, "gradient_at_nearest")] {
                let expected = numbers(&case[name])[cell];
                assert!((found - expected).abs() < 2e-5 * expected.abs().max(1.0), "{name} of {cell}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Against the f64 definition, every bin of every cell, two pictures of which one may be gray.
    #[test]
    fn the_gradient_is_that_of_the_definition(
        seed in 0u64..1000, lambda in 0.0..=1.0f64, neighbors in 1usize..=10,
        smoothing in prop_oneof![Just(0.0), 0.0..1.0f64], gray in any::<bool>(),
    ) {
        let shape = [2, 2, 3];
        let plane = 6;
        let colours: Vec<[f32; 2]> = uniform(&format!("colours/{seed}"), 24)
            .chunks(2)
            .enumerate()
            .map(|(i, u)| {
                let reach = if gray && i < plane { 4.9 } else { 90.0 };
                [(u[0] - 0.5) * 2.0 * reach, (u[1] - 0.5) * 2.0 * reach]
            })
            .collect();
        let logits: Vec<f32> = uniform(&format!("logits/{seed}"), 2 * ab_bins::COUNT * plane)
            .into_iter().map(|u| 12.0 * u - 6.0).collect();
        let prior = vec![1.0 / ab_bins::COUNT as f64; ab_bins::COUNT];
        let mut uneven = prior.clone();
        uneven[120] += 0.5;
        uneven.iter_mut().for_each(|p| *p /= 1.5);
        let reduction = Reduction::Pictures;
        let objective = Objective::Classification { lambda, neighbors, smoothing, reduction };
        let weights = class_weights(&uneven, lambda).unwrap();
        let targets = objective.targets(shape, &colours, Some(&weights));
        let gradient = values(targets.compare(&tensor(logits.clone(), [2, ab_bins::COUNT, 2, 3]), false).gradient);
        for picture in 0..2 {
            let masked = colours[picture * plane..][..plane].iter().flatten().all(|c| c.abs() <= 5.0);
            for cell in 0..plane {
                let index = |bin: usize| (picture * ab_bins::COUNT + bin) * plane + cell;
                let z: Vec<f64> = (0..ab_bins::COUNT).map(|bin| f64::from(logits[index(bin)])).collect();
                let ab = colours[picture * plane + cell].map(f64::from);
                let expected = loss::classification(&z, ab, neighbors, smoothing, &weights);
                for bin in 0..ab_bins::COUNT {
                    // Two pictures share the gradient.
                    let expected = if masked { 0.0 } else { expected.gradient[bin] / 2.0 };
                    let found = f64::from(gradient[index(bin)]);
                    prop_assert!((found - expected).abs() < 2e-6 * (1.0 + expected.abs()), "{found} {expected}");
                }
            }
        }
    }
}

/// Smoothing, written out over all pairs of bins: inside the grid and at its edge.
#[test]
fn smoothing_gives_a_share_to_the_bins_around() {
    let (neighbors, smoothing) = (3, 0.2);
    let objective =
        Objective::Classification { lambda: 1.0, neighbors, smoothing, reduction: Reduction::Cells };
    let prior = vec![1.0 / ab_bins::COUNT as f64; ab_bins::COUNT];
    let weights = objective.class_weights(&prior).unwrap();
    for colour in [[3.0, -14.0], [98.0, -86.0], [20.0, 40.0]] {
        let targets = objective.targets([1, 1, 1], &[colour], weights.as_deref());
        let lesson = targets.compare(&tensor(vec![0.0; ab_bins::COUNT], [1, ab_bins::COUNT, 1, 1]), false);
        let mut expected = vec![0.0f64; ab_bins::COUNT];
        for (bin, share) in soft_encode(colour.map(f64::from), neighbors) {
            let weight = |other: &[i16; 2]| {
                let [a, b] = [0, 1].map(|axis| f64::from(other[axis] - CENTERS[bin][axis]));
                let touches = (a, b) != (0.0, 0.0) && a.abs() < 15.0 && b.abs() < 15.0;
                if touches { (-(a * a + b * b) / (2.0 * SIGMA * SIGMA)).exp() } else { 0.0 }
            };
            let sum: f64 = CENTERS.iter().map(weight).sum();
            expected[bin] += (1.0 - smoothing) * share;
            for (expected, other) in expected.iter_mut().zip(&CENTERS) {
                *expected += smoothing * share * weight(other) / sum;
            }
        }
        assert!((expected.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        // Every logit is 0, every probability 1/313.
        for (found, expected) in values(lesson.gradient).into_iter().zip(expected) {
            let expected = 1.0 / ab_bins::COUNT as f64 - expected;
            assert!((f64::from(found) - expected).abs() < 1e-6, "{colour:?}: {found}, not {expected}");
        }
        let loss = f64::from(values(lesson.loss)[0]);
        assert!((loss - (ab_bins::COUNT as f64).ln()).abs() < 1e-4, "{loss}");
    }
}

#[test]
fn the_regressions_gradient_is_that_of_its_loss() {
    let objective = Objective::Regression { reduction: Reduction::Cells };
    let truth = [[10.0, -20.0], [30.0, 5.0]];
    let targets = objective.targets([1, 1, 2], &truth, None);
    let output = |a: f32| tensor(vec![a, 20.0, -10.0, 8.0], [1, 2, 1, 2]);
    let lesson = targets.compare(&output(12.0), false);
    let squares = [2.0f32, -10.0, 10.0, 3.0].iter().map(|e| (e / 110.0).powi(2)).sum::<f32>();
    assert!((values(lesson.loss)[0] - 0.5 * squares / 2.0).abs() < 1e-7);
    let slope = {
        let [high, low] = [12.5, 11.5].map(|a| values(targets.compare(&output(a), false).loss)[0]);
        high - low
    };
    assert!((values(lesson.gradient)[0] - slope).abs() < 1e-7);
    let gray = objective.targets([1, 1, 2], &[[4.0, -5.0], [0.0, 5.0]], None);
    assert!(values(gray.compare(&output(12.0), false).gradient).iter().all(|g| *g == 0.0));
}
