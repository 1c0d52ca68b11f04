//! Configurations of `train` and `classifier`: refused as a whole before a folder is made.

use crate::Bench;
use std::fs;

const RUN: &str = r#"seed = 3
batch = 4
prior_examples = 8
[network]
network = "unet"
stem = 4
encoder = [6, 8]
blocks = [1, 1]
decoder = [8]
[learner]
steps = 4
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
warm_up = 1
decay = { kind = "cosine", floor = 0.1 }
[augmentation]
crop = 24
[model]
working_size = 24
temperature = 0.38
rebalance = 1.0
[log]
checkpoint_minutes = 5.0
"#;

#[test]
fn what_would_spoil_a_run_is_refused_with_its_line_and_range() {
    let bench = Bench::new();
    bench.gray("photos/a.png");
    for (from, to, key, range) in [
        ("temperature = 0.38", "temperature = 12.0", "model.temperature is 12", "from 0 to 10"),
        ("temperature = 0.38", "temperature = -1.0", "model.temperature is -1", "from 0 to 10"),
        ("temperature = 0.38", "temperature = nan", "model.temperature is NaN", "from 0 to 10"),
        ("rebalance = 1.0", "rebalance = 1.5", "model.rebalance is 1.5", "from 0 to 1"),
        ("working_size = 24", "working_size = 4", "model.working_size is 4", "at least 8"),
        ("working_size = 24", "working_size = 9000", "model.working_size is 9000", "at most 4096"),
        ("encoder = [6, 8]", "encoder = [6]", "network.encoder is [6]", "two to eight"),
        ("encoder = [6, 8]", "encoder = [6, 0]", "network.encoder is [6, 0]", "from 1 to 4096"),
        ("blocks = [1, 1]", "blocks = [1]", "network.blocks is [1]", "for each of `encoder`"),
        ("decoder = [8]", "decoder = []", "network.decoder is []", "one fewer"),
        ("stem = 4", "stem = 0", "network.stem is 0", "from 1 to 4096"),
        ("lambda = 0.5", "lambda = 1.5", "learner.objective.lambda is 1.5", "between 0 and 1"),
        ("neighbors = 5", "neighbors = 0", "learner.objective.neighbors is 0", "from 1 to 313"),
        ("neighbors = 5", "neighbors = 5\nsmoothing = 1.0", "learner.objective.smoothing is 1", "below 1"),
        ("rate = 5e-3", "rate = -5e-3", "learner.schedule.rate is -0.005", "above 0"),
        ("rate = 5e-3", "rate = inf", "learner.schedule.rate is inf", "above 0"),
        ("floor = 0.1", "floor = 2.0", "learner.schedule.decay.floor is 2", "from 0 to 1"),
        ("clip = 1.0", "clip = 0.0", "learner.optimizer.clip is 0", "above 0"),
        ("clip = 1.0", "clip = -1.0", "learner.optimizer.clip is -1", "above 0"),
        ("weight_decay = 0.01", "weight_decay = nan", "learner.optimizer.weight_decay is NaN", "from 0 up"),
        ("clip = 1.0", "clip = 1.0\nbeta_1 = 1.0", "learner.optimizer.beta_1 is 1", "below 1"),
        ("clip = 1.0", "clip = 1.0\nepsilon = 0.0", "learner.optimizer.epsilon is 0", "above 0"),
        ("average = 0.9", "average = 1.0", "learner.average is 1", "below 1"),
        ("steps = 4", "steps = 0", "learner.steps is 0", "at least 1"),
        ("batch = 4", "batch = 0", "batch is 0", "at least 1"),
        ("batch = 4", "batch = 4000000000", "batch is 4000000000", "at most"),
        ("crop = 24", "crop = 20", "augmentation.crop is 20", "multiple of 8"),
        ("crop = 24", "crop = 24\nmirror = 2.0", "augmentation.mirror is 2", "between 0 and 1"),
        (
            "checkpoint_minutes = 5.0",
            "checkpoint_minutes = inf",
            "log.checkpoint_minutes is inf",
            "from 0 to",
        ),
        ("kind = \"classification\"", "kind = \"regression\"", "lambda", "unknown field"),
    ] {
        assert!(RUN.contains(from), "{from}");
        let text = RUN.replace(from, to);
        fs::write(bench.path("run.toml"), &text).unwrap();
        let (code, stdout, stderr) = bench.run("train --config run.toml --data photos --out run");
        assert_eq!((code, stdout.as_str()), (2, ""), "{to}: {stderr}");
        assert!(stderr.contains(key) && stderr.contains(range), "{to}: {stderr}");
        let line =
            text[..text.find(to).unwrap() + to.rfind('\n').map_or(0, |i| i + 1)].matches('\n').count() + 1;
        let told = [format!("run.toml: line {line}: "), format!("at line {line}, ")];
        assert!(
            told.iter().any(|told| stderr.contains(told)) || range == "unknown field",
            "{line}: {stderr}"
        );
        assert!(!bench.path("run").exists(), "{to} left a folder");
    }
}

#[test]
fn a_refused_start_leaves_no_folder_in_the_way() {
    let bench = Bench::new();
    bench.gray("photos/a.png");
    let train = "train --config run.toml --data photos --out run";
    for (begin, more, code, part) in [
        ("start = \"missing.safetensors\"\n", "", 1, "missing.safetensors"),
        ("start = \"photos/a.png\"\n", "", 1, "a.png: this is not a model file"),
        ("encoder = \"model.safetensors\"\n", "", 1, "model.safetensors holds no EfficientNet-Lite"),
        // The bench's model is another unet than the run's.
        ("start = \"model.safetensors\"\nstart_share = 0.5\n", "", 2, "another network"),
        ("start = \"model.safetensors\"\n", "", 1, "run.toml: the tensors do not fit"),
        ("", "--val missing", 1, "missing"),
        ("", "--max-minutes inf", 2, "--max-minutes inf: from 0"),
        ("", "--workers 0", 2, "workers"),
    ] {
        fs::write(bench.path("run.toml"), format!("{begin}{RUN}")).unwrap();
        let (found, _, stderr) = bench.run(&format!("{train} {more}"));
        assert_eq!(found, code, "{begin}{more}: {stderr}");
        assert!(stderr.contains(part), "{begin}{more}: {stderr}");
        assert!(!bench.path("run").exists(), "{begin}{more} left a folder");
    }
    fs::write(bench.path("run.toml"), RUN).unwrap();
    fs::write(bench.path("file"), "").unwrap();
    let (code, _, stderr) = bench.run("train --config run.toml --data photos --out file/run");
    assert!(code == 2 && stderr.contains("file is no folder"), "{stderr}");
    let (code, _, stderr) = bench.run(train);
    assert_eq!(code, 0, "{stderr}");
    let (code, _, stderr) = bench.run("inspect run/model.safetensors");
    assert_eq!(code, 0, "{stderr}");
    let (code, _, stderr) = bench.run(train);
    assert!(code == 1 && stderr.contains("holds a run already"), "{stderr}");
}

#[test]
fn a_classifier_is_checked_alike() {
    let bench = Bench::new();
    bench.gray("photos/a.png");
    let text = include_str!("../../configs/classifier.toml");
    for (from, to, key) in [
        ("rate = 3e-3", "rate = 0.0", "learner.schedule.rate is 0"),
        ("held_out = 0.1", "held_out = 1.0", "held_out is 1"),
        ("batch = 64", "batch = 0", "batch is 0"),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(bench.path("c.toml"), text.replace(from, to)).unwrap();
        let (code, _, stderr) = bench.run("classifier --config c.toml --data photos --out c.safetensors");
        assert_eq!(code, 2, "{to}: {stderr}");
        assert!(stderr.contains("c.toml: line ") && stderr.contains(key), "{to}: {stderr}");
    }
}
