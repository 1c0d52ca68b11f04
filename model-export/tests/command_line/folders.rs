//! Folders as they are: links, loops, other files, kinds that are no files, and parts that cannot be read.

use crate::{Bench, CPU, gray, has_colour, open};
use image::ImageFormat;
use std::fs;

#[test]
fn every_ending_of_a_photograph_is_taken_and_the_rest_is_counted() {
    let bench = Bench::new();
    bench.gray("in/a.PNG");
    for name in ["b.jfif", "c.JPE", "d.JPG"] {
        gray(60, 40).save_with_format(bench.path("in").join(name), ImageFormat::Jpeg).unwrap();
    }
    for name in ["notes.txt", "raw.NEF", "raw.nef", "._a.PNG"] {
        fs::write(bench.path("in").join(name), "no photograph").unwrap();
    }
    let (code, _, stderr) = bench.run(&format!("colorize in --out out {CPU}"));
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("in: left out 3 other files (2 .nef, 1 .txt), 1 hidden file\n"), "{stderr}");
    for (name, format) in [
        ("a.PNG", ImageFormat::Png),
        ("b.jfif", ImageFormat::Jpeg),
        ("c.JPE", ImageFormat::Jpeg),
        ("d.JPG", ImageFormat::Jpeg),
    ] {
        let bytes = fs::read(bench.path("out").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(image::guess_format(&bytes).unwrap(), format, "{name}");
    }
    let (code, _, stderr) = bench.run(&format!("colorize in/a.PNG --out one.jfif {CPU}"));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(image::guess_format(&fs::read(bench.path("one.jfif")).unwrap()).unwrap(), ImageFormat::Jpeg);
    // The data sets take the same.
    let (code, stdout, stderr) = bench.run("prior --data in --out p.npy --json");
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("\"photographs\": 4") && stderr.contains("left out 3 other files"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_loops_are_told() {
    use std::os::unix::fs::symlink;
    let bench = Bench::new();
    bench.gray("in/a.png");
    bench.gray("far/b.png");
    bench.gray("far/deep/c.png");
    symlink("../far/b.png", bench.path("in/link.png")).unwrap();
    symlink("../far/deep", bench.path("in/album")).unwrap();
    symlink(".", bench.path("in/loop")).unwrap();
    symlink("../in/a.png", bench.path("in/z.png")).unwrap();
    let (code, _, stderr) = bench.run(&format!("colorize in --out out {CPU}"));
    assert_eq!(code, 0, "{stderr}");
    for name in ["a.png", "link.png", "album/c.png"] {
        assert!(has_colour(&open(&bench.path("out").join(name))), "{name}");
    }
    assert!(stderr.contains("in/loop leads back to in"), "{stderr}");
    assert!(stderr.contains("1 link to what is taken already"), "{stderr}");
    assert!(stderr.contains("3 of 3 photographs"), "{stderr}");
    let (code, stdout, stderr) = bench.run("prior --data in --out p.npy --json");
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("\"photographs\": 3") && stderr.contains("leads back"), "{stdout} {stderr}");
}

#[test]
fn what_cannot_be_read_does_not_end_the_rest() {
    let bench = Bench::new();
    bench.gray("in/a.png");
    bench.gray("b.png");
    fs::create_dir(bench.path("empty")).unwrap();
    let (code, _, stderr) = bench.run(&format!("colorize empty in b.png missing.png --out out {CPU}"));
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("error: empty holds no photographs"), "{stderr}");
    assert!(stderr.contains("missing.png") && stderr.contains("2 of 3 photographs"), "{stderr}");
    assert!(bench.path("out/a.png").exists() && bench.path("out/b.png").exists());

    fs::write(bench.path("in/damaged.zip"), b"PK\x03\x04 and no more").unwrap();
    let (code, stdout, stderr) = bench.run("prior --data empty in --out p.npy --json");
    assert_eq!(code, 1, "{stderr}");
    assert!(stdout.contains("\"photographs\": 1"), "{stdout}");
    assert!(stderr.contains("empty holds no photographs") && stderr.contains("damaged.zip"), "{stderr}");
    let (code, _, stderr) = bench.run("prior --data empty --out q.npy");
    assert!(code == 1 && !bench.path("q.npy").exists(), "{stderr}");
}

/// A link that leads nowhere stands for what the system does not let anybody read.
#[cfg(unix)]
#[test]
fn an_unreadable_part_of_a_folder_does_not_end_the_rest() {
    use std::os::unix::fs::symlink;
    let bench = Bench::new();
    bench.gray("in/a.png");
    bench.gray("in/z.png");
    symlink("itself", bench.path("in/itself")).unwrap();
    symlink("gone.png", bench.path("in/lost.png")).unwrap();
    for command in [&format!("colorize in --out out {CPU}"), "prior --data in --out p.npy"] {
        let (code, _, stderr) = bench.run(command);
        assert_eq!(code, 1, "{command}: {stderr}");
        assert!(stderr.contains("cannot read in/itself") && stderr.contains("in/lost.png"), "{stderr}");
    }
    assert!(bench.path("out/a.png").exists() && bench.path("out/z.png").exists());
    assert!(bench.path("p.npy").exists());
}

#[cfg(unix)]
#[test]
fn fifos_sockets_and_devices_are_refused_by_kind() {
    use std::os::unix::fs::symlink;
    let bench = Bench::new();
    bench.gray("in/a.png");
    assert!(std::process::Command::new("mkfifo").arg(bench.path("in/pipe.png")).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(bench.path("in/socket.png")).unwrap();
    symlink("/dev/zero", bench.path("in/zero.png")).unwrap();
    let (code, _, stderr) = bench.run(&format!("colorize in --out out {CPU}"));
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("left out 3 FIFOs, sockets and devices"), "{stderr}");
    let (code, _, stderr) = bench.run(&format!("colorize in/pipe.png in/zero.png in/a.png --out out {CPU}"));
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("in/pipe.png: cannot be opened: it is a FIFO"), "{stderr}");
    assert!(stderr.contains("in/zero.png: cannot be opened: it is a device"), "{stderr}");
    assert!(stderr.contains("1 of 3 photographs"), "{stderr}");
    for arguments in [
        "inspect /dev/zero",
        "convert /dev/zero --out m.safetensors",
        "colorize in/a.png --out b.png --model /dev/zero --device cpu",
        "forward in/pipe.png --out z.npy",
        "prior --data in/pipe.png --out p.npy",
        "train --config /dev/zero --data in --out run",
        "evaluate --data in --classifier /dev/zero",
    ] {
        let (code, _, stderr) = bench.run(arguments);
        // A configuration that is none is wrong usage.
        assert_eq!(code, if arguments.starts_with("train") { 2 } else { 1 }, "{arguments}: {stderr}");
        assert!(
            stderr.contains("it is a device") || stderr.contains("it is a FIFO"),
            "{arguments}: {stderr}"
        );
    }
}
