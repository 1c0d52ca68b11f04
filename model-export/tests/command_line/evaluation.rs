//! `evaluate`: how near the colours come.

use crate::{Bench, CPU};
use autochrome::model::weights::Precision;
use autochrome_testing::checkpoints;
use image::ImageBuffer;
use std::fs;

#[test]
fn evaluate_measures_models_beside_gray() {
    let bench = Bench::new();
    let colour = |i: u32| {
        ImageBuffer::from_fn(48, 32, move |x, y| image::Rgb([(x * 5) as u8, (y * 7) as u8, (i * 60) as u8]))
    };
    let mut archive = tar::Builder::new(Vec::new());
    for i in 0..3 {
        fs::create_dir_all(bench.path("photos")).unwrap();
        colour(i).save(bench.path(&format!("photos/{i}.png"))).unwrap();
        archive.append_path_with_name(bench.path(&format!("photos/{i}.png")), format!("{i}.png")).unwrap();
    }
    fs::write(bench.path("photos.tar"), archive.into_inner().unwrap()).unwrap();
    fs::write(bench.path("photos/list.csv"), "no photograph").unwrap();
    fs::write(bench.path("a.pth"), checkpoints::pth(&checkpoints::tiny_eccv16(), "")).unwrap();
    assert_eq!(bench.run("convert a.pth --out int8.safetensors --precision int8").0, 0);
    let evaluate = |data: &str| {
        let (code, stdout, stderr) = bench.run(&format!(
            "evaluate --data {data} --model a.pth --model int8.safetensors --device cpu --json"
        ));
        assert_eq!(code, 0, "{stderr}");
        serde_json::from_str::<serde_json::Value>(&stdout).unwrap()
    };
    let report = evaluate("photos");
    assert_eq!(report, evaluate("photos.tar"));
    assert_eq!(report["photographs"], 3);
    let figure = |row: usize, key: &str| report["methods"][row][key].as_f64();
    for row in 0..3 {
        assert!((30.0..100.0).contains(&figure(row, "auc").unwrap()));
        assert!((10.0..100.0).contains(&figure(row, "balanced_auc").unwrap()));
    }
    assert_eq!(report["methods"][0]["method"], "gray");
    assert_eq!(figure(1, "largest_difference"), Some(0.0));
    let int8 = figure(2, "largest_difference").unwrap();
    assert!(int8 > 0.0 && int8 < 0.2 * figure(1, "largest_output").unwrap(), "{int8}");
    assert_eq!(bench.run("evaluate --data b").0, 1);
}

/// Every figure of a method.
const FIGURES: [&str; 12] = [
    "auc",
    "balanced_auc",
    "rmse",
    "psnr",
    "chroma_ratio",
    "skin_chroma_ratio",
    "other_chroma_ratio",
    "skin_hue_error",
    "other_hue_error",
    "mean_chroma",
    "colorfulness_m3",
    "colorfulness_m1",
];

#[test]
fn evaluate_reports_methods_sources_curve_and_examples() {
    const HOSTILE: &str = "<img src=x onerror=alert(1)>.png";
    let bench = Bench::new();
    let mut model = autochrome_testing::seeded_small_unet();
    model.class_weights = Some((0..313u16).map(|q| 0.2 + f32::from(q % 11)).collect());
    fs::write(bench.path("weighted.safetensors"), model.write(Precision::F32).unwrap()).unwrap();
    let picture = |i: u32| {
        ImageBuffer::from_fn(40, 24, move |x, y| {
            image::Rgb([(x * 6) as u8, (y * 9 + i * 20) as u8, (x * y / 4 + i * 50) as u8])
        })
    };
    let mut archive = tar::Builder::new(Vec::new());
    for (i, name) in ["a.png", HOSTILE, "c.png"].into_iter().enumerate() {
        let mut png = std::io::Cursor::new(Vec::new());
        picture(i as u32).write_to(&mut png, image::ImageFormat::Png).unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(png.get_ref().len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, png.get_ref().as_slice()).unwrap();
    }
    fs::create_dir(bench.path("set")).unwrap();
    fs::write(bench.path("set/a.tar"), archive.into_inner().unwrap()).unwrap();
    fs::write(
        bench.path("set/manifest.csv"),
        format!("file,class,source\na.png,x,streets\n{HOSTILE},y,streets\nc.png,z,animals\n"),
    )
    .unwrap();
    bench.gray("more/gray.png");
    let evaluate = |more: &str| {
        let (code, stdout, stderr) = bench.run(&format!(
            "evaluate --data set/a.tar more --model weighted.safetensors --device cpu --json {more}"
        ));
        assert_eq!(code, 0, "{stderr}");
        serde_json::from_str::<serde_json::Value>(&stdout).unwrap()
    };
    let arguments =
        "--size 32 --curve --temperatures 0.38,1 --rebalances 0,0.5,1 --seed 3 --report out/report";
    let report = evaluate(arguments);
    assert_eq!(report, evaluate(arguments), "the same seed gives the same figures");
    let written = fs::read_to_string(bench.path("out/report/evaluation.json")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), report);

    assert_eq!((&report["photographs"], &report["settings"]["size"]), (&4.into(), &32.into()));
    let methods = report["methods"].as_array().unwrap();
    let names: Vec<&str> = methods.iter().map(|method| method["method"].as_str().unwrap()).collect();
    assert_eq!(names, ["gray", "weighted.safetensors", "mean", "random"]);
    for method in methods {
        for figure in FIGURES {
            if method["method"] == "gray" && figure.ends_with("hue_error") {
                assert!(method[figure].is_null(), "gray has no hue");
                continue;
            }
            let value = method[figure].as_f64().unwrap_or_else(|| panic!("{figure} of {method}"));
            let interval = &method["intervals"][figure];
            if figure.starts_with("skin") && interval.is_null() {
                // One of the resamples has no skin.
                continue;
            }
            let interval = autochrome_testing::pair(interval);
            assert!(interval[0] <= interval[1] && value.is_finite(), "{figure}: {interval:?}");
        }
        let difference = &method["difference_to_gray"]["auc"]["value"];
        assert_eq!(difference.is_null(), method["method"] == "gray");
        if let Some(difference) = difference.as_f64() {
            let areas = [method, &methods[0]].map(|method| method["auc"].as_f64().unwrap());
            assert!((difference - (areas[0] - areas[1])).abs() < 1e-9);
        }
    }
    let figure = |method: usize, key: &str| methods[method][key].as_f64().unwrap();
    assert!(figure(0, "chroma_ratio") < 0.01, "gray has no chroma");
    assert!(figure(2, "rmse") < figure(0, "rmse"), "no one colour has less squared error than the mean");
    assert!((figure(3, "chroma_ratio") - 1.0).abs() < 0.3, "others' colours are as colourful");

    let sources = report["sources"].as_array().unwrap();
    let counts: Vec<(&str, u64)> =
        sources.iter().map(|s| (s["source"].as_str().unwrap(), s["photographs"].as_u64().unwrap())).collect();
    assert_eq!(counts, [("animals", 1), ("more", 1), ("streets", 2)]);
    assert!(sources.iter().all(|source| source["methods"].as_array().unwrap().len() == 4));
    assert!(sources[0]["methods"][0]["intervals"]["auc"].is_null(), "one photograph has no interval");

    let points = methods[1]["curve"]["points"].as_array().unwrap();
    assert_eq!(points.len(), 6);
    let distinct: std::collections::BTreeSet<String> =
        points.iter().map(|point| point["auc"].to_string()).collect();
    assert_eq!(distinct.len(), 6, "every setting gives other colours");
    let examples = &methods[1]["examples"];
    let errors = |kind: &str| -> Vec<f64> {
        let kept = examples[kind].as_array().unwrap();
        kept.iter().map(|example| example["error"].as_f64().unwrap()).collect()
    };
    let (best, worst) = (errors("best"), errors("worst"));
    assert!(best.is_sorted() && best.iter().rev().eq(&worst) && best.len() == 4);

    let page = fs::read_to_string(bench.path("out/report/index.html")).unwrap();
    assert!(!page.contains("<img src=x") && page.contains("&lt;img src=x onerror=alert(1)&gt;.png"));
    for part in ["streets", "another data set", "<svg", "data:image/jpeg;base64,", "weighted.safetensors"] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("data:image/jpeg").count(), 3 * (4 + 4 + 4));

    let plain = evaluate("");
    assert!(plain["methods"][1]["curve"].is_null() && plain["methods"][1]["examples"].is_null());
    for other in ["--temperature 0.01", "--rebalance 0.25"] {
        let changed = evaluate(other);
        assert_ne!(changed["methods"][1]["rmse"], plain["methods"][1]["rmse"], "{other}");
        assert_eq!(changed["methods"][0], plain["methods"][0], "{other}: gray stays as it was");
    }
    fs::write(bench.path("e.pth"), checkpoints::pth(&checkpoints::tiny_eccv16(), "")).unwrap();
    let largest = [32, 64].map(|size| {
        let report = evaluate(&format!("--model e.pth --working-size {size}"));
        assert_eq!(report["methods"][2]["working_size"], size);
        report["methods"][2]["largest_output"].as_f64().unwrap()
    });
    assert_ne!(largest[0], largest[1], "the network saw the photographs at another size");
}

#[test]
fn evaluate_says_what_one_gray_photograph_cannot_tell() {
    let bench = Bench::new();
    bench.gray("one/a.png");
    fs::write(bench.path("one/broken.png"), "no picture").unwrap();
    let (code, stdout, stderr) =
        bench.run(&format!("evaluate --data one --json --curve --report report {CPU}"));
    assert_eq!(code, 1, "one could not be read, the rest is measured: {stderr}");
    assert!(stderr.contains("broken.png"), "{stderr}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let methods = report["methods"].as_array().unwrap();
    assert_eq!((&report["photographs"], &report["failed"], methods.len()), (&1.into(), &1.into(), 3));
    assert!(report["not_available"][0].as_str().unwrap().starts_with("random"));
    for method in methods {
        assert!(method["chroma_ratio"].is_null(), "nothing to compare chroma with: {method}");
        assert!(method["intervals"]["auc"].is_null());
        assert!(method["psnr"].as_f64().unwrap() < 60.0);
    }
    assert!(methods[0]["auc"].as_f64().unwrap() > 99.0, "gray is right");
    let points = methods[1]["curve"]["points"].as_array().unwrap();
    assert!(points.len() == 7 && points.iter().all(|point| point["rebalance"] == 1.0), "no weights");
    let page = fs::read_to_string(bench.path("report/index.html")).unwrap();
    assert!(page.contains("not available: random"));
    fs::remove_file(bench.path("one/broken.png")).unwrap();
    let (code, table, _) = bench.run(&format!("evaluate --data one {CPU}"));
    assert!(code == 0 && table.contains("not available: random"), "{table}");
}

#[test]
fn evaluate_refuses_settings_that_mean_nothing() {
    let bench = Bench::new();
    bench.gray("one/a.png");
    fs::write(bench.path("s.pth"), checkpoints::pth(&autochrome_testing::seeded_siggraph17(2).tensors, ""))
        .unwrap();
    for arguments in [
        "evaluate",
        "evaluate --data one --model s.pth --temperature 0.5",
        "evaluate --data one --model model.safetensors --rebalance 0.5",
        "evaluate --data one --model model.safetensors --temperature -1",
        "evaluate --data one --neighbors 0",
        "evaluate --data one --size 0",
        "evaluate --data one --limit 0",
        "evaluate --data one --curve --rebalances 0,2",
    ] {
        let (code, _, stderr) = bench.run(arguments);
        assert_eq!(code, 2, "{arguments}: {stderr}");
    }
    let (code, stdout, stderr) = bench.run("evaluate --data one --model s.pth --device cpu --curve --json");
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("no curve"), "{stderr}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert!(report["methods"][1]["temperature"].is_null());
}
