//! A stderr or stdout that nobody reads ends nothing.

use crate::{Bench, CPU};
use std::fs;
use std::process::{Command, Stdio};

/// A pipe whose reader has gone: every write to it fails.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.gray("in/a.png");
    bench.gray("in/b.png");
    fs::write(bench.path("in/0.png"), "no picture").unwrap();
    bench
}

#[test]
fn a_reader_that_has_gone_ends_nothing() {
    let bench = bench();
    for (arguments, code) in [
        (format!("colorize in --out out {CPU}"), 1),
        ("inspect model.safetensors".to_owned(), 0),
        ("inspect model.safetensors --json".to_owned(), 0),
        ("prior --data in --out p.npy --json".to_owned(), 1),
        ("sift --data in --out kept --json".to_owned(), 1),
        ("convert model.safetensors --out half.safetensors".to_owned(), 0),
        (format!("evaluate --data in --report report {CPU}"), 1),
        (format!("evaluate-upsampling --data in --working-size 32 {CPU}"), 1),
        ("inspect missing.safetensors".to_owned(), 1),
    ] {
        let status = Command::new(env!("CARGO_BIN_EXE_autochrome"))
            .args(arguments.split_whitespace())
            .current_dir(bench.folder.path())
            .stdout(closed())
            .stderr(closed())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(code), "{arguments}");
    }
    for made in ["out/a.png", "out/b.png", "p.npy", "half.safetensors", "report/index.html"] {
        assert!(bench.path(made).exists(), "{made}");
    }
}

#[cfg(unix)]
#[test]
fn closed_descriptors_end_nothing() {
    let bench = bench();
    let status = Command::new("sh")
        .args(["-c", "exec \"$0\" \"$@\" 0<&- 1>&- 2>&-", env!("CARGO_BIN_EXE_autochrome")])
        .args(format!("colorize in --out out {CPU}").split_whitespace())
        .current_dir(bench.folder.path())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(bench.path("out/a.png").exists() && bench.path("out/b.png").exists());
}

/// A result that is lost is told, and fails.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout_is_an_error() {
    let bench = bench();
    let output = Command::new(env!("CARGO_BIN_EXE_autochrome"))
        .args(["inspect", "model.safetensors"])
        .current_dir(bench.folder.path())
        .stdout(fs::File::options().write(true).open("/dev/full").unwrap())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("cannot be written to stdout"), "{stderr}");
}
