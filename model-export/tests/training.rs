//! `autochrome train` as people run it: on made photographs, small networks, a few steps.

use assert_cmd::Command;
use autochrome::model::weights::ModelFile;
use image::{Rgb, RgbImage};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;

struct Bench {
    folder: TempDir,
}

impl Bench {
    /// A folder with photographs of both kinds: dark ones are blue, bright ones yellow.
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(bench.path("photographs")).unwrap();
        for i in 0..6u32 {
            let colour = if i % 2 == 0 { [20, 40, 120] } else { [230, 210, 90] };
            bench.photograph(&format!("photographs/{i}.png"), |x, y| {
                colour.map(|c: u32| (c + (x * 7 + y * 3 + i * 5) % 20) as u8)
            });
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn photograph(&self, name: &str, pixel: impl Fn(u32, u32) -> [u8; 3]) {
        RgbImage::from_fn(40, 32, |x, y| Rgb(pixel(x, y))).save(self.path(name)).unwrap();
    }

    fn config(&self, name: &str, steps: u64, more: &str) {
        let text = format!(
            r#"
            seed = 3
            batch = 4
            prior_examples = 8
            [network]
            network = "unet"
            stem = 4
            encoder = [6, 8]
            blocks = [1, 1]
            decoder = [8]
            [learner]
            steps = {steps}
            average = 0.9
            [learner.objective]
            kind = "classification"
            lambda = 0.5
            neighbors = 5
            [learner.optimizer]
            kind = "adamw"
            weight_decay = 0.01
            clip = 1.0
            [learner.schedule]
            rate = 5e-3
            decay = {{ kind = "cosine" }}
            [augmentation]
            crop = 24
            [model]
            working_size = 24
            [log]
            every = 2
            validate_every = 4
            validation_photographs = 4
            {more}
            "#
        );
        fs::write(self.path(name), text).unwrap();
    }

    fn command(&self, arguments: &str) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_autochrome"));
        command.args(arguments.split_whitespace()).current_dir(self.folder.path());
        command
    }

    /// Exit code and stderr.
    fn run(&self, arguments: &str) -> (i32, String) {
        let output = Command::from_std(self.command(arguments)).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }
}

/// Rows of the metrics without what depends on the clock.
fn metrics(text: &str) -> Vec<String> {
    text.lines().map(|line| line.rsplit_once(',').unwrap().0.to_owned()).collect()
}

#[test]
fn a_run_leaves_a_model_curves_and_a_page() {
    let bench = Bench::new();
    bench.config("run.toml", 30, "");
    let (code, stderr) =
        bench.run("train --config run.toml --data photographs --val photographs --out run --workers 2");
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("step 30 of 30"), "{stderr}");
    let rows = metrics(&bench.text("run/metrics.csv"));
    let column = |row: &str, i: usize| row.split(',').nth(i).unwrap().parse::<f64>();
    assert!(rows[0].starts_with("step,photographs,loss,rate"));
    let [first, last] = [&rows[1], rows.last().unwrap()].map(|row| column(row, 2).unwrap());
    assert!(last < 0.8 * first, "the loss went from {first} to {last}");
    assert_eq!(column(rows.last().unwrap(), 0), Ok(30.0));
    assert_eq!(column(rows.last().unwrap(), 1), Ok(120.0));
    let report = bench.text("run/report.html");
    assert!(report.contains("<svg") && report.contains("data:image/jpeg") && report.contains("Truth"));
    // The model is one that the other commands take.
    let (code, stderr) =
        bench.run("colorize photographs/0.png --model run/model.safetensors --device cpu --out coloured.png");
    assert_eq!(code, 0, "{stderr}");
    // A folder with a run in it is not written over.
    let before = bench.bytes("run/model.safetensors");
    let (code, stderr) = bench.run("train --config run.toml --data photographs --out run");
    assert_eq!(code, 1);
    assert!(stderr.contains("--resume"), "{stderr}");
    assert_eq!(before, bench.bytes("run/model.safetensors"));
}

#[test]
fn an_interrupted_run_ends_as_an_uninterrupted_one() {
    let bench = Bench::new();
    bench.config("run.toml", 12, "checkpoint_minutes = 0.0");
    assert_eq!(bench.run("train --config run.toml --data photographs --val photographs --out whole").0, 0);
    // Ctrl-C, as soon as there is a checkpoint; with more workers, too.
    let mut child = bench
        .command("train --config run.toml --data photographs --val photographs --out parts --workers 3")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(&bench.path("parts/checkpoint.safetensors"));
    if cfg!(unix) {
        let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(killed.unwrap().success());
    } else {
        child.kill().unwrap();
    }
    child.wait().unwrap();
    let (code, stderr) =
        bench.run("train --config run.toml --data photographs --val photographs --out parts --resume");
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("resumed after step"), "{stderr}");
    assert_eq!(bench.bytes("whole/model.safetensors"), bench.bytes("parts/model.safetensors"));
    assert_eq!(metrics(&bench.text("whole/metrics.csv")), metrics(&bench.text("parts/metrics.csv")));
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves() {
    let bench = Bench::new();
    bench.config("run.toml", 1_000_000, "checkpoint_minutes = 0.0");
    let child = bench
        .command("train --config run.toml --data photographs --out run")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(&bench.path("run/checkpoint.safetensors"));
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("go on with --resume"), "{stderr}");
    assert!(bench.path("run/model.safetensors").exists() && bench.path("run/report.html").exists());
}

fn wait_for(path: &Path) {
    let began = Instant::now();
    while !path.exists() {
        assert!(began.elapsed() < Duration::from_secs(120), "{} does not come", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_time_limit_stops_with_a_checkpoint() {
    let bench = Bench::new();
    bench.config("run.toml", 8, "");
    let (code, stderr) = bench.run("train --config run.toml --data photographs --out run --max-minutes 0");
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("stopped; go on with --resume: step 0 of 8"), "{stderr}");
    let (code, stderr) = bench.run("train --config run.toml --data photographs --out run --resume");
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("step 8 of 8"), "{stderr}");
    bench.config("other.toml", 9, "");
    let (code, stderr) = bench.run("train --config other.toml --data photographs --out run --resume");
    assert_eq!(code, 1);
    assert!(stderr.contains("another configuration"), "{stderr}");
}

#[test]
fn bad_photographs_are_said_and_passed_over() {
    let bench = Bench::new();
    bench.config("run.toml", 6, "");
    fs::write(bench.path("photographs/broken.png"), b"\x89PNG no more").unwrap();
    let (code, stderr) = bench.run("train --config run.toml --data photographs --out run");
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("broken.png"), "{stderr}");

    fs::create_dir(bench.path("empty")).unwrap();
    let (code, stderr) = bench.run("train --config run.toml --data empty --out run2");
    assert_eq!(code, 1);
    assert!(stderr.contains("no photographs"), "{stderr}");

    fs::create_dir(bench.path("all-broken")).unwrap();
    fs::write(bench.path("all-broken/a.png"), b"no picture").unwrap();
    let (code, stderr) = bench.run("train --config run.toml --data all-broken --out run3");
    assert_eq!(code, 1);
    assert!(stderr.contains("in a row could not be read"), "{stderr}");
}

#[test]
fn the_alarm_says_what_it_sees() {
    let bench = Bench::new();
    bench.config("run.toml", 12, "");
    fs::create_dir(bench.path("one")).unwrap();
    for i in 0..3 {
        bench.photograph(&format!("one/{i}.png"), |_, _| [90, 120, 60]);
    }
    let (code, stderr) = bench.run("train --config run.toml --data one --out run");
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("nothing to tell apart"), "{stderr}");

    fs::create_dir(bench.path("gray")).unwrap();
    for i in 0..3 {
        bench.photograph(&format!("gray/{i}.png"), |x, y| [(x * 3 + y + i) as u8; 3]);
    }
    let (code, stderr) = bench.run("train --config run.toml --data gray --out run2");
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("Are they gray"), "{stderr}");

    // A rate that nothing can be learned at.
    let wild = fs::read_to_string(bench.path("run.toml")).unwrap().replace("rate = 5e-3", "rate = 1e30");
    fs::write(bench.path("wild.toml"), wild).unwrap();
    let (code, stderr) = bench.run("train --config wild.toml --data photographs --out run3");
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("diverged") && stderr.contains("learning rate"), "{stderr}");
}

/// A model's matrices, one after another.
fn weights(bytes: &[u8]) -> Vec<f32> {
    let model = ModelFile::read(bytes).unwrap();
    model.tensors.into_values().flat_map(|tensor| tensor.values).collect()
}

#[test]
fn a_share_of_the_first_weights_stays_in_the_model() {
    let bench = Bench::new();
    bench.config("first.toml", 4, "");
    assert_eq!(bench.run("train --config first.toml --data photographs --out first").0, 0);
    bench.config("on.toml", 6, "");
    let rest = bench.text("on.toml");
    for (name, share) in [("none", 0.0), ("quarter", 0.25)] {
        let begin = format!("start = \"first/model.safetensors\"\nstart_share = {share}\n");
        fs::write(bench.path(&format!("{name}.toml")), begin + &rest).unwrap();
        let (code, stderr) =
            bench.run(&format!("train --config {name}.toml --data photographs --out {name}"));
        assert_eq!(code, 0, "{stderr}");
    }
    let [first, none, quarter] =
        ["first", "none", "quarter"].map(|run| weights(&bench.bytes(&format!("{run}/model.safetensors"))));
    assert!(first != none);
    for ((first, none), quarter) in first.iter().zip(&none).zip(&quarter) {
        assert!((0.25 * first + 0.75 * none - quarter).abs() <= 1e-6 * (1.0 + quarter.abs()));
    }
    // Nothing to take a share of, or all of it.
    for begin in ["start_share = 0.5\n", "start = \"first/model.safetensors\"\nstart_share = 1.0\n"] {
        fs::write(bench.path("wrong.toml"), begin.to_owned() + &rest).unwrap();
        let (code, stderr) = bench.run("train --config wrong.toml --data photographs --out wrong");
        assert!(code == 2 && stderr.contains("start_share"), "{stderr}");
    }
}

#[test]
fn settings_that_make_no_sense_are_wrong_usage() {
    let bench = Bench::new();
    bench.config("run.toml", 4, "");
    let text = fs::read_to_string(bench.path("run.toml")).unwrap();
    for (from, to, hint) in [
        ("crop = 24", "crop = 20", "multiple of 8"),
        ("batch = 4", "batch = 0", "at least 1"),
        ("seed = 3", "sed = 3", "sed"),
        ("average = 0.9", "average = 1.5", "average"),
        ("kind = \"adamw\"", "kind = \"sgd\"", "sgd"),
    ] {
        assert!(text.contains(from));
        fs::write(bench.path("bad.toml"), text.replace(from, to)).unwrap();
        let (code, stderr) = bench.run("train --config bad.toml --data photographs --out run");
        assert_eq!(code, 2, "{to}: {stderr}");
        assert!(stderr.contains(hint), "{to}: {stderr}");
        assert!(!bench.path("run").exists());
    }
    assert_eq!(bench.run("train --config none.toml --data photographs --out run").0, 1);
}

#[test]
fn labels_are_taught_beside_the_colours_and_survive_an_interruption() {
    let bench = Bench::new();
    let mut list = "file,source,class\n".to_owned();
    for i in 0..6 {
        // One of them says nothing.
        let class = ["blue", "yellow", ""][if i == 4 { 2 } else { i % 2 }];
        list += &format!("{i}.png,colours,{class}\n");
    }
    fs::write(bench.path("photographs/manifest.csv"), list).unwrap();
    bench.config("plain.toml", 8, "");
    let text = fs::read_to_string(bench.path("plain.toml")).unwrap();
    let taught = text
        .replace("prior_examples = 8", "prior_examples = 8\nleast_photographs = 2")
        .replace("average = 0.9", "average = 0.9\nauxiliary = 0.5");
    fs::write(bench.path("run.toml"), &taught).unwrap();
    let train = |config: &str, out: &str, more: &str| {
        bench.run(&format!("train --config {config} --data photographs --out {out} {more}"))
    };
    let (code, stderr) = train("run.toml", "whole", "");
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("5 of them say which of 2 labels"), "{stderr}");
    let metrics_text = bench.text("whole/metrics.csv");
    let mut rows = csv_rows(&metrics_text);
    let column = rows.next().unwrap().iter().position(|name| *name == "label_loss").unwrap();
    assert!(rows.all(|row| row[column].parse::<f64>().is_ok_and(|nats| nats > 0.0)), "{metrics_text}");
    assert!(bench.text("whole/report.html").contains("cross-entropy of the labels"));

    let (code, stderr) = train("run.toml", "parts", "--max-minutes 0");
    assert_eq!(code, 0, "{stderr}");
    let (code, stderr) = train("run.toml", "parts", "--resume --workers 2");
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(bench.bytes("whole/model.safetensors"), bench.bytes("parts/model.safetensors"));
    assert_eq!(metrics(&metrics_text), metrics(&bench.text("parts/metrics.csv")));

    // The meaning of a label's number stays with the run, whatever the data comes to say.
    let list = fs::read_to_string(bench.path("photographs/manifest.csv")).unwrap();
    let list = list
        .replace("4.png,colours,", "4.png,colours,aqua")
        .replace("5.png,colours,yellow", "5.png,colours,aqua");
    fs::write(bench.path("photographs/manifest.csv"), list).unwrap();
    let (code, stderr) = train("run.toml", "parts", "--resume");
    assert!(code == 0 && stderr.contains("4 of them say which of 2 labels"), "{stderr}");

    assert_eq!(train("plain.toml", "plain", "").0, 0);
    assert_ne!(bench.bytes("whole/model.safetensors"), bench.bytes("plain/model.safetensors"));
    fs::write(bench.path("run.toml"), taught.replace("least_photographs = 2", "least_photographs = 9"))
        .unwrap();
    let (code, stderr) = train("run.toml", "rare", "");
    assert!(code == 1 && stderr.contains("at least 9 photographs"), "{stderr}");
    assert!(!bench.path("rare").exists(), "there is no run to be gone on with");
}

fn csv_rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().map(|line| line.split(',').collect())
}
