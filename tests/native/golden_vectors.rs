//! The maths against vectors made without it: `goldens/generate.py` says how and from what.

use autochrome::color::ab_bins::{self, AnnealedMean, soft_encode};
use autochrome::color::lab::{lab_from_srgb, linear_from_lab, srgb_from_lab};
use autochrome::image::resample::{bicubic, bilinear};
use autochrome::training::{class_rebalancing::class_weights, loss, metrics};
use autochrome_testing::{
    fnv1a64, golden, largest_difference, number, numbers, pair, splitmix64, triple, uniform,
};
use serde_json::Value;

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().expect("a list")
}

fn size(value: &Value) -> (usize, usize) {
    let [width, height] = pair(value);
    (width as usize, height as usize)
}

#[test]
fn random_numbers() {
    let g = golden(include_str!("../goldens/random.json"));
    for (key, hash) in g["fnv1a64"].as_object().unwrap() {
        assert_eq!(format!("{:016x}", fnv1a64(key)), hash.as_str().unwrap());
        assert_eq!(
            uniform(key, 5).into_iter().map(f64::from).collect::<Vec<_>>(),
            numbers(&g["uniform"][key])
        );
    }
    let words: Vec<String> = splitmix64(0).take(5).map(|z| format!("{z:016x}")).collect();
    assert_eq!(words, list(&g["splitmix64_seed0"]).iter().map(|v| v.as_str().unwrap()).collect::<Vec<_>>());
}

#[test]
fn lab() {
    let g = golden(include_str!("../goldens/lab.json"));
    for case in list(&g["rgb8_to_lab"]) {
        let (rgb, expected) = (triple(&case["rgb8"]).map(|c| c / 255.0), triple(&case["lab"]));
        assert!(largest_difference(lab_from_srgb(rgb), expected) < 1e-9, "{case}");
        let narrow = lab_from_srgb(rgb.map(|c| c as f32)).map(f64::from);
        assert!(largest_difference(narrow, expected) < 2e-3, "{case}");
        assert!(largest_difference(srgb_from_lab(expected), rgb) < 1e-6, "{case}");
    }
    for case in list(&g["rgb_to_lab"]) {
        assert!(
            largest_difference(lab_from_srgb(triple(&case["rgb"])), triple(&case["lab"])) < 1e-9,
            "{case}"
        );
    }
    for case in list(&g["lab_to_rgb"]) {
        let (lab, linear, rgb) = (triple(&case["lab"]), triple(&case["linear"]), triple(&case["rgb"]));
        assert!(largest_difference(linear_from_lab(lab), linear) < 1e-9, "{case}");
        assert!(largest_difference(srgb_from_lab(lab), rgb) < 1e-9, "{case}");
        let narrow = srgb_from_lab(lab.map(|c| c as f32)).map(f64::from);
        assert!(largest_difference(narrow, rgb) < 1e-5, "{case}");
    }
}

#[test]
fn soft_encoding() {
    for case in list(&golden(include_str!("../goldens/soft_encode.json"))) {
        for neighbours in [5, 10] {
            let expected = &case[format!("k{neighbours}")];
            let (bins, weights): (Vec<usize>, Vec<f64>) =
                soft_encode(pair(&case["ab"]), neighbours).into_iter().unzip();
            assert!(largest_difference(weights, numbers(&expected["weights"])) < 1e-12, "{case}");
            if !expected["tie_at_cut"].as_bool().unwrap() {
                assert_eq!(
                    bins.into_iter().map(|q| q as f64).collect::<Vec<_>>(),
                    numbers(&expected["bins"])
                );
            }
        }
    }
}

#[test]
fn annealed_mean() {
    let prior = golden(include_str!("../goldens/class_weights.json"));
    let weights = numbers(&prior["lambda_0.5"]);
    let narrow_weights: Vec<f32> = weights.iter().map(|w| *w as f32).collect();
    for case in list(&golden(include_str!("../goldens/annealed_mean.json"))) {
        let (scale, offset) = (number(&case["scale"]), number(&case["offset"]));
        let logits: Vec<f64> = uniform(case["key"].as_str().unwrap(), ab_bins::COUNT)
            .into_iter()
            .map(|u| (2.0 * f64::from(u) - 1.0) * scale + offset)
            .collect();
        let narrow: Vec<f32> = logits.iter().map(|z| *z as f32).collect();
        assert_eq!(AnnealedMean::new(0.0, 1.0, None).unwrap().decode(&logits), pair(&case["mode"]));
        for expected in list(&case["ab"]) {
            let (t, r) = (number(&expected["temperature"]), number(&expected["rebalance"]));
            let ab = pair(&expected["ab"]);
            let decoder = AnnealedMean::new(t, r, Some(&weights)).unwrap();
            assert!(largest_difference(decoder.decode(&logits), ab) < 1e-9, "T {t}, rebalance {r}");
            // Near 800 an f32 logit is good to 6e-5, which T = 0.01 multiplies by a hundred.
            let tolerance = if t < 0.1 { 1e-2 } else { 1e-3 } * if offset > 0.0 { 30.0 } else { 1.0 };
            let decoder = AnnealedMean::new(t as f32, r as f32, Some(&narrow_weights)).unwrap();
            let error = largest_difference(decoder.decode(&narrow).map(f64::from), ab);
            assert!(error < tolerance, "T {t}, rebalance {r}, f32: {error}");
        }
    }
}

#[test]
fn rebalancing() {
    let g = golden(include_str!("../goldens/class_weights.json"));
    let prior = numbers(&g["prior"]);
    for (lambda, name) in [(0.5, "lambda_0.5"), (0.0, "lambda_0")] {
        for (w, expected) in class_weights(&prior, lambda).unwrap().iter().zip(numbers(&g[name])) {
            assert!((w / expected - 1.0).abs() < 1e-10);
        }
    }
    assert!(class_weights(&prior, 1.0).unwrap().iter().all(|w| (w - 1.0).abs() < 1e-12));
    assert!(class_weights(&prior, 1.5).is_err());
    assert!(class_weights(&prior[1..], 0.5).is_err());
    let mut gap = prior;
    gap[120] += gap[0];
    gap[0] = 0.0;
    assert!(class_weights(&gap, 0.0).is_err(), "an infinite weight");
    assert!(class_weights(&gap, 0.5).is_ok());
}

#[test]
fn losses() {
    let g = golden(include_str!("../goldens/loss.json"));
    let prior = numbers(&golden(include_str!("../goldens/class_weights.json"))["prior"]);
    let colours: Vec<[f64; 2]> = list(&g["ab"]).iter().map(pair).collect();
    for case in list(&g["cases"]) {
        let weights = class_weights(&prior, number(&case["lambda"])).unwrap();
        for (i, ab) in colours.iter().enumerate() {
            let logits: Vec<f64> = uniform(&format!("loss/{i}"), ab_bins::COUNT)
                .into_iter()
                .map(|u| (2.0 * f64::from(u) - 1.0) * 3.0)
                .collect();
            let pixel =
                loss::classification(&logits, *ab, number(&case["neighbours"]) as usize, 0.0, &weights);
            let sum: f64 = pixel.gradient.iter().map(|v| v.abs()).sum();
            for (value, name) in [
                (pixel.weight, "weight"),
                (pixel.cross_entropy, "cross_entropy"),
                (pixel.target_entropy, "target_entropy"),
                (sum, "gradient_abs_sum"),
                (pixel.gradient[ab_bins::nearest(*ab)], "gradient_at_nearest"),
            ] {
                let expected = numbers(&case[name])[i];
                assert!(
                    (value - expected).abs() < 1e-9 * expected.abs().max(1.0),
                    "{name} of {i}: {value} {expected}"
                );
            }
            assert!(pixel.gradient.iter().sum::<f64>().abs() < 1e-9, "softmax and target both sum to 1");
        }
    }
    let predicted = list(&g["l2"]["predicted"]).iter().map(pair);
    let sum: f64 = colours.iter().zip(predicted).map(|(truth, guess)| loss::regression(*truth, guess)).sum();
    assert!((sum - number(&g["l2"]["sum"])).abs() < 1e-9);
}

#[test]
fn area_under_the_curve() {
    let g = golden(include_str!("../goldens/auc.json"));
    let balanced =
        class_weights(&numbers(&golden(include_str!("../goldens/class_weights.json"))["prior"]), 0.0)
            .unwrap();
    let truth: Vec<[f64; 2]> = list(&g["truth"]).iter().map(pair).collect();
    let predicted: Vec<[f64; 2]> = list(&g["predicted"]).iter().map(pair).collect();
    let gray = vec![[0.0; 2]; truth.len()];
    for (guess, name) in [(&predicted, "areas"), (&gray, "gray"), (&truth, "perfect")] {
        let (mut plain, mut weighted) =
            (metrics::AreaUnderCurve::default(), metrics::AreaUnderCurve::default());
        for (t, p) in truth.iter().zip(guess) {
            plain.add(*t, *p, 1.0);
            weighted.add(*t, *p, metrics::balanced_weight(*t, &balanced));
        }
        for (area, kind) in [(plain, "plain"), (weighted, "balanced")] {
            assert!((area.trapezoid() - number(&g[name][kind]["trapezoid"])).abs() < 1e-12, "{name} {kind}");
            assert!((area.exact() - number(&g[name][kind]["exact"])).abs() < 1e-12, "{name} {kind}");
        }
    }
}

#[test]
fn half_pixel_bilinear() {
    for case in list(&golden(include_str!("../goldens/bilinear.json"))) {
        let ((w, h), to) = (size(&case["from"]), size(&case["to"]));
        let plane: Vec<f64> = uniform(&format!("bilinear/{h}x{w}"), w * h)
            .into_iter()
            .map(|u| (2.0 * f64::from(u) - 1.0) * 100.0)
            .collect();
        let narrow: Vec<f32> = plane.iter().map(|v| *v as f32).collect();
        let expected = numbers(&case["out"]);
        assert!(largest_difference(bilinear(&plane, (w, h), to), expected.clone()) < 1e-9);
        assert!(
            largest_difference(bilinear(&narrow, (w, h), to).into_iter().map(f64::from), expected) < 1e-4
        );
    }
}

#[test]
fn pillow_bicubic_bit_for_bit() {
    for case in list(&golden(include_str!("../goldens/pillow_bicubic.json"))) {
        let ((w, h), to) = (size(&case["from"]), size(&case["to"]));
        let pixels: Vec<u8> =
            uniform(&format!("bicubic/{h}x{w}"), w * h * 3).into_iter().map(|u| (u * 256.0) as u8).collect();
        let out = bicubic((w, h), 3, to, |y, row| row.copy_from_slice(&pixels[y * w * 3..(y + 1) * w * 3]));
        assert_eq!(
            out.into_iter().map(f64::from).collect::<Vec<_>>(),
            numbers(&case["out"]),
            "{w}x{h} to {to:?}"
        );
    }
}
