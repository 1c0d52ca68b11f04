//! `autochrome classifier` and `evaluate --classifier` as people run them: made photographs, a small
//! network, a few steps.

use assert_cmd::Command;
use autochrome::model::weights::Precision;
use autochrome::training::held_out::HeldOut;
use image::{Rgb, RgbImage};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

const HELD_OUT: HeldOut = HeldOut { share: 0.3, seed: 4 };

struct Bench {
    folder: TempDir,
}

impl Bench {
    /// Photographs of fire and ice, of one kind of thing, and of nothing that has a name.
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        let mut list = "file,source,class\n".to_owned();
        fs::create_dir(bench.path("photographs")).unwrap();
        for i in 0..48u32 {
            let (source, class, colour) = match i % 4 {
                0 => ("weather", "fire", [190, 90, 40]),
                1 => ("weather", "ice", [40, 100, 170]),
                2 => ("cars", "car", [120, 120, 60]),
                _ => ("streets", "", [60, 120, 60]),
            };
            list += &format!("{i}.png,{source},{class}\n");
            let pixel = |x: u32, y: u32| Rgb(colour.map(|c| (c + (x * 7 + y * 3 + i * 5) % 20) as u8));
            RgbImage::from_fn(24, 20, pixel).save(bench.path(&format!("photographs/{i}.png"))).unwrap();
        }
        fs::write(bench.path("photographs/manifest.csv"), list).unwrap();
        let model = autochrome_testing::seeded_small_unet().write(Precision::F32).unwrap();
        fs::write(bench.path("model.safetensors"), model).unwrap();
        bench.config("classifier.toml", 60);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self, name: &str, steps: u64) {
        let text = format!(
            r#"
            seed = {}
            batch = 8
            held_out = {}
            least_photographs = 3
            [network]
            input = 16
            widths = [6, 8]
            blocks = [1, 0]
            [learner]
            steps = {steps}
            [learner.optimizer]
            kind = "adamw"
            [learner.schedule]
            rate = 1e-2
            decay = {{ kind = "cosine" }}
            "#,
            HELD_OUT.seed, HELD_OUT.share
        );
        fs::write(self.path(name), text).unwrap();
    }

    fn run(&self, arguments: &str) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_autochrome"))
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

#[test]
fn a_classifier_is_trained_and_judges() {
    let bench = Bench::new();
    let train = "classifier --config classifier.toml --data photographs --device cpu --out";
    let (code, stdout, stderr) = bench.run(&format!("{train} judge.safetensors"));
    assert_eq!(code, 0, "{stderr}");
    let held = |of: &[u32]| {
        (0..48u32).filter(|i| of.contains(&(i % 4)) && HELD_OUT.holds(&format!("{i}.png"))).count()
    };
    let (asked, all_held) = (held(&[0, 1]), held(&[0, 1, 2, 3]));
    assert!(asked > 3 && all_held < 24);
    let learned = 24 - asked;
    assert!(stderr.contains(&format!("{learned} photographs of 2 labels")), "{stderr}");
    let row = stdout.lines().find(|line| line.ends_with("weather")).unwrap_or_else(|| panic!("{stdout}"));
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(cells, ["100.0", &asked.to_string(), "2", "weather"]);
    assert!(!stdout.contains("cars") && !stdout.contains("streets"), "one label asks nothing: {stdout}");

    let (code, _, _) = bench.run(&format!("{train} again.safetensors --workers 3"));
    let [first, again] =
        ["judge", "again"].map(|name| fs::read(bench.path(&format!("{name}.safetensors"))).unwrap());
    assert!(code == 0 && first == again, "the same seed gives the same classifier");

    let evaluate = |more: &str| {
        let evaluate = "evaluate --data photographs --model model.safetensors --device cpu --json";
        let (code, stdout, stderr) = bench.run(&format!("{evaluate} {more}"));
        assert_eq!(code, 0, "{stderr}");
        serde_json::from_str::<serde_json::Value>(&stdout).unwrap()
    };
    let report = evaluate("--classifier judge.safetensors --report out");
    let recognition = &report["recognition"];
    assert_eq!(report["photographs"], 48);
    assert_eq!((&recognition["photographs"], &recognition["labels"]), (&asked.into(), &2.into()));
    assert_eq!(recognition["classifier"], "judge.safetensors");
    assert_eq!(recognition["input"], 16);
    assert_eq!(recognition["held_out"], serde_json::json!({"share": 0.3, "seed": 4}));
    assert_eq!(recognition["left_out"], serde_json::json!({"unknown_label": 24, "not_held_out": learned}));
    let names = ["truth", "gray", "model.safetensors", "mean", "random"];
    for methods in [&recognition["methods"], &recognition["sources"][0]["methods"]] {
        let methods = methods.as_array().unwrap();
        assert_eq!(
            methods.iter().map(|method| method["method"].as_str().unwrap()).collect::<Vec<_>>(),
            names
        );
        for method in methods {
            let top_1 = method["top_1"].as_f64().unwrap();
            let [low, high] = autochrome_testing::pair(&method["interval"]);
            assert!(0.0 <= low && low <= top_1 && top_1 <= high && high <= 100.0, "{method}");
            let difference = &method["difference_to_gray"];
            assert_eq!(difference.is_null(), method["method"] == "gray");
            if let Some(value) = difference["value"].as_f64() {
                assert!((value - (top_1 - methods[1]["top_1"].as_f64().unwrap())).abs() < 1e-9);
            }
        }
        assert_eq!(methods[0]["top_1"], 100.0);
    }
    let source = &recognition["sources"][0];
    assert_eq!((&source["source"], &source["labels"]), (&"weather".into(), &2.into()));
    assert_eq!(recognition["sources"].as_array().unwrap().len(), 1);
    let page = fs::read_to_string(bench.path("out/index.html")).unwrap();
    assert!(page.contains("What a classifier recognises") && page.contains("never saw"));

    let held_out = evaluate("--classifier judge.safetensors --held-out");
    assert_eq!(held_out["photographs"], all_held);
    let recognition = &held_out["recognition"];
    assert_eq!(
        (&recognition["photographs"], &recognition["left_out"]["not_held_out"]),
        (&asked.into(), &0.into())
    );
    assert!(evaluate("")["recognition"].is_null());
    let (_, table, _) = bench.run(
        "evaluate --data photographs --model model.safetensors --classifier judge.safetensors --device cpu",
    );
    assert!(table.contains("recognised by judge.safetensors") && table.contains("top-1 %"), "{table}");
}

#[test]
fn what_cannot_be_asked_is_said() {
    let bench = Bench::new();
    bench.config("short.toml", 1);
    let train = |data: &str, config: &str| {
        bench.run(&format!("classifier --config {config} --data {data} --out c.safetensors --max-minutes 1"))
    };
    assert_eq!(train("photographs", "short.toml").0, 0);
    fs::create_dir(bench.path("nameless")).unwrap();
    RgbImage::new(9, 9).save(bench.path("nameless/a.png")).unwrap();
    let (code, _, stderr) = train("nameless", "short.toml");
    assert!(code == 1 && stderr.contains("of 0 labels no source has two"), "{stderr}");
    fs::write(bench.path("wrong.toml"), "seed = 1\nbatches = 2\n").unwrap();
    let (code, _, stderr) = train("photographs", "wrong.toml");
    assert!(code == 2 && stderr.contains("wrong.toml"), "{stderr}");

    for (arguments, code, says) in [
        ("--data photographs --classifier model.safetensors", 1, "colours photographs"),
        ("--data nameless --classifier c.safetensors", 1, "no photograph to ask about"),
        ("--data photographs --held-out", 2, "--classifier"),
        ("--data photographs --model c.safetensors", 1, "it is a classifier"),
    ] {
        let (found, _, stderr) = bench.run(&format!("evaluate --device cpu {arguments}"));
        assert!(found == code && stderr.contains(says), "{arguments}: {found} {stderr}");
    }
}
