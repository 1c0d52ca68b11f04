//! No command replaces what it reads, by whatever name or link, or writes two results to one file.

use crate::{Bench, write_npy};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Every file below a folder with its bytes; what is no file by its kind.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.unwrap();
        let kind = entry.file_type();
        let bytes = if kind.is_file() { fs::read(entry.path()).unwrap() } else { format!("{kind:?}").into() };
        all.insert(entry.into_path(), bytes);
    }
    all
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.gray("a.png");
    bench.gray("photos/p.png");
    bench.gray("photos/deep/q.png");
    fs::write(bench.path("photos/manifest.csv"), "file,source\np.png,walks\n").unwrap();
    write_npy(&bench.path("l.npy"), &[1, 1, 32, 32], &autochrome_testing::noise_lightness(32, 32));
    write_npy(&bench.path("ab.npy"), &[1, 2, 1, 1], &[10.0, 20.0]);
    let mut tar = tar::Builder::new(fs::File::create(bench.path("s.tar")).unwrap());
    tar.append_path_with_name(bench.path("a.png"), "a.png").unwrap();
    tar.finish().unwrap();
    fs::hard_link(bench.path("a.png"), bench.path("hard.png")).unwrap();
    fs::create_dir(bench.path("report")).unwrap();
    fs::hard_link(bench.path("model.safetensors"), bench.path("report/evaluation.json")).unwrap();
    fs::create_dir(bench.path("run")).unwrap();
    fs::copy(bench.path("model.safetensors"), bench.path("run/model.safetensors")).unwrap();
    let config = include_str!("../../configs/speed.toml");
    fs::write(bench.path("run.toml"), format!("start = \"run/model.safetensors\"\n{config}")).unwrap();
    fs::write(bench.path("run/config.toml"), config).unwrap();
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/configs/classifier.toml"), bench.path("c.toml")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink("a.png", bench.path("soft.png")).unwrap();
        symlink("l.npy", bench.path("soft.npy")).unwrap();
        symlink("photos", bench.path("album")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(bench.path("pipe.png")).status().unwrap().success());
    }
    bench
}

fn refused(bench: &Bench, cases: &[(&str, &str)]) {
    let before = content(bench.folder.path());
    for (arguments, part) in cases {
        let (code, stdout, stderr) = bench.run(arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments}: {stderr}");
        assert!(stderr.contains(part), "{arguments}: {stderr}");
        assert!(content(bench.folder.path()) == before, "{arguments}: the folder is not as it was");
    }
}

#[test]
fn what_is_read_is_not_overwritten() {
    refused(
        &bench(),
        &[
            ("colorize a.png --out b.png --timings a.png", "a.png would be overwritten by --timings"),
            ("colorize a.png --out ./a.png", "overwritten by --out"),
            ("colorize photos a.png --out out --timings photos/p.png", "overwritten by --timings"),
            (
                "colorize a.png --out b.png --model model.safetensors --timings model.safetensors",
                "overwritten",
            ),
            ("colorize a.png --out b.png --model m.pth --hints h.json --timings h.json", "overwritten"),
            ("colorize photos/p.png --out photos", "overwritten"),
            ("render a.png --ab ab.npy --out photos/../a.png", "overwritten"),
            ("forward l.npy --out l.npy", "l.npy would be overwritten by --out"),
            ("forward l.npy --out z.npy --ab l.npy", "overwritten by --ab"),
            ("forward l.npy --out model.safetensors --model model.safetensors", "overwritten"),
            ("convert model.safetensors --out photos/../model.safetensors", "overwritten"),
            ("convert model.safetensors --out o.safetensors --reference o.safetensors", "overwritten"),
            (
                "convert model.safetensors --out photos/p.png --calibrate photos",
                "photos/p.png would lie in photos",
            ),
            ("prior --data s.tar --out s.tar", "s.tar would be overwritten by --out"),
            ("prior --data photos --out photos/p.png", "photos/p.png"),
            ("prior --data photos --out photos/deep/new.png", "would lie in photos"),
            ("sift --data photos --out photos", "would lie in photos"),
            ("sift --data s.tar --apart-from photos --out photos", "would lie in photos"),
            ("evaluate --data photos --model model.safetensors --report report", "overwritten by --report"),
            ("train --config run.toml --data photos --out run", "overwritten by --out"),
            ("train --config run/config.toml --data photos --out run", "overwritten by --out"),
            ("classifier --config c.toml --data photos --out c.toml", "overwritten by --out"),
        ],
    );
}

#[cfg(unix)]
#[test]
fn links_of_either_kind_are_no_way_around() {
    refused(
        &bench(),
        &[
            ("colorize a.png --out soft.png", "a.png would be overwritten"),
            ("colorize a.png --out hard.png", "a.png would be overwritten"),
            ("colorize soft.png --out a.png", "soft.png would be overwritten"),
            ("colorize a.png --out b.png --timings hard.png", "overwritten by --timings"),
            ("render soft.png --ab ab.npy --out hard.png", "overwritten"),
            ("forward l.npy --out soft.npy", "overwritten"),
            ("forward soft.npy --out z.npy --ab l.npy", "overwritten"),
            ("prior --data album --out photos/p.png", "would lie in album"),
            ("prior --data photos --out album/new.png", "would lie in photos"),
            ("sift --data album --out photos", "would lie in album"),
        ],
    );
    // A file that is found by a link inside of a folder.
    let bench = bench();
    bench.gray("far/away.png");
    std::os::unix::fs::symlink("../far/away.png", bench.path("photos/near.png")).unwrap();
    refused(&bench, &[("prior --data photos --out far/away.png", "would be overwritten")]);
}

#[test]
fn two_results_are_two_files() {
    refused(
        &bench(),
        &[
            ("colorize a.png --out b.png --timings b.png", "is the same file"),
            ("colorize photos --out out --timings out/../out/p.png", "is the same file"),
            ("forward l.npy --out z.npy --ab ./z.npy", "is the same file"),
        ],
    );
}

#[test]
fn what_can_be_no_file_is_told_at_once() {
    let bench = bench();
    refused(
        &bench,
        &[
            ("colorize a.png --out b.png --timings photos", "it is a folder"),
            ("forward l.npy --out photos", "it is a folder"),
            ("prior --data photos --out a.png/p.npy", "a.png is no folder"),
            ("evaluate --data photos --report a.png", "a.png is no folder"),
        ],
    );
    #[cfg(unix)]
    refused(
        &bench,
        &[
            ("colorize a.png --out pipe.png", "it is a FIFO"),
            ("convert model.safetensors --out pipe.png", "it is a FIFO"),
        ],
    );
}

#[test]
fn a_folder_for_results_may_lie_in_the_folder_that_is_coloured() {
    let bench = bench();
    for _ in 0..2 {
        let (code, _, stderr) =
            bench.run("colorize photos --out photos/coloured --device cpu --model model.safetensors");
        assert_eq!(code, 0, "{stderr}");
        assert!(stderr.contains("2 of 2 photographs"), "{stderr}");
    }
    assert!(bench.path("photos/coloured/deep/q.png").exists());
}
