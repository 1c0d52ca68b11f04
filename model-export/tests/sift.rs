//! `autochrome sift` as people run it.

use assert_cmd::Command;
use image::imageops::{self, FilterType};
use image::{ImageBuffer, Rgb, RgbImage};
use std::fs;
use std::path::Path;

/// Runs in a folder: exit code, stdout, stderr.
fn run(folder: &Path, arguments: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_autochrome"));
    let output = command.args(arguments.split_whitespace()).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Broad waves of colour; another seed, another picture.
fn picture(seed: u32, width: u32, height: u32) -> RgbImage {
    ImageBuffer::from_fn(width, height, |x, y| {
        let (x, y) = (f64::from(x) / f64::from(height), f64::from(y) / f64::from(height));
        let wave = |n: u32| {
            let turn = f64::from(seed * 7 + n * 3);
            127.0 + 110.0 * (x * (6.0 * turn.sin()) + y * (6.0 * turn.cos()) + turn).sin()
        };
        Rgb([wave(1) as u8, wave(2) as u8, wave(3) as u8])
    })
}

fn save(path: &Path, picture: &RgbImage) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture.save(path).unwrap();
}

#[test]
fn copies_gray_flat_and_forbidden_photographs_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let judged = picture(1, 120, 80);
    save(&at("val/judged.png"), &judged);
    save(&at("data/a/first.png"), &picture(2, 90, 60));
    save(&at("data/a/second.jpg"), &picture(3, 60, 90));
    save(&at("data/b/as-judged.jpg"), &imageops::resize(&judged, 60, 40, FilterType::Triangle));
    save(&at("data/b/cropped.png"), &imageops::crop_imm(&judged, 20, 0, 80, 80).to_image());
    save(&at("data/b/first.png"), &imageops::resize(&picture(2, 90, 60), 45, 30, FilterType::Triangle));
    save(&at("data/b/flat.png"), &ImageBuffer::from_pixel(30, 30, Rgb([200, 60, 30])));
    let toned = |share: [f64; 3]| {
        let mut toned = picture(4, 60, 60);
        for pixel in toned.pixels_mut() {
            let gray = f64::from(pixel.0[1]);
            pixel.0 = share.map(|share| (gray * share) as u8);
        }
        toned
    };
    save(&at("data/b/gray.png"), &toned([1.0; 3]));
    save(&at("data/b/sepia.png"), &toned([1.0, 0.85, 0.65]));
    fs::write(at("data/manifest.csv"), "file,source,class\na/first.png,walks,park\n").unwrap();

    let (code, stdout, stderr) = run(folder.path(), "sift --data data --apart-from val --out kept --json");
    assert_eq!(code, 0, "{stderr}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let expected = serde_json::json!({
        "photographs": 8, "kept": 2, "unreadable": 0, "colorless": 2, "flat": 1, "resembling": 2, "copies": 1
    });
    assert_eq!(report, expected, "{stderr}");
    let manifest = fs::read_to_string(at("kept/manifest.csv")).unwrap();
    assert_eq!(manifest, "file,source,class\na/first.png,walks,park\na/second.jpg,a,\n");
    let mut archive = zip::ZipArchive::new(fs::File::open(at("kept/photographs.zip")).unwrap()).unwrap();
    assert_eq!(archive.len(), 2);
    for name in ["a/first.png", "a/second.jpg"] {
        let mut bytes = Vec::new();
        std::io::copy(&mut archive.by_name(name).unwrap(), &mut bytes).unwrap();
        assert!(bytes == fs::read(at("data").join(name)).unwrap(), "{name} is not what it was");
    }
    let left_out = fs::read_to_string(at("kept/left-out.csv")).unwrap();
    let rows: Vec<Vec<&str>> = left_out.lines().skip(1).map(|row| row.split(',').take(4).collect()).collect();
    let expected = [
        ["b/as-judged.jpg", "b", "resembles", "judged.png"],
        ["b/cropped.png", "b", "resembles", "judged.png"],
        ["b/first.png", "b", "copy", "a/first.png"],
        ["b/flat.png", "b", "flat", ""],
        ["b/gray.png", "b", "no colours", ""],
        ["b/sepia.png", "b", "no colours", ""],
    ];
    assert_eq!(rows, expected);

    // The result is a data set with the same sources, and sifting it again changes nothing.
    let (code, stdout, _) = run(folder.path(), "sift --data kept --apart-from val --out again --json");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &report["kept"], &report["photographs"]), (0, &2.into(), &2.into()));
    assert_eq!(fs::read_to_string(at("again/manifest.csv")).unwrap(), manifest);
    // Without photographs to be apart from they are kept, the crop too: it is not the whole picture.
    let (_, stdout, _) = run(folder.path(), "sift --data data --out more --json");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&report["kept"], &report["resembling"]), (&4.into(), &0.into()));
}

#[test]
fn photographs_of_one_name_in_two_archives_are_both_kept() {
    let folder = tempfile::tempdir().unwrap();
    for (name, seed) in [("one", 5), ("two", 6)] {
        save(&folder.path().join(name).join("photo.png"), &picture(seed, 40, 40));
    }
    let (code, _, stderr) = run(folder.path(), "sift --data one two --out kept");
    assert_eq!(code, 0, "{stderr}");
    let manifest = fs::read_to_string(folder.path().join("kept/manifest.csv")).unwrap();
    assert_eq!(manifest, "file,source,class\nphoto.png,one,\n1/photo.png,two,\n");
}

#[test]
fn what_cannot_be_read_is_said_and_an_earlier_outcome_outlives_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    save(&at("data/good.png"), &picture(7, 40, 40));
    fs::write(at("data/damaged.png"), "nothing").unwrap();
    let (code, _, stderr) = run(folder.path(), "sift --data data --out kept");
    assert_eq!(code, 1);
    assert!(stderr.contains("damaged.png") && stderr.contains("1 of 2 photographs"), "{stderr}");
    let before = fs::read(at("kept/photographs.zip")).unwrap();

    fs::remove_file(at("data/good.png")).unwrap();
    let (code, _, stderr) = run(folder.path(), "sift --data data --out kept");
    assert!(code == 1 && stderr.contains("none of the 1 photographs"), "{stderr}");
    assert!(fs::read(at("kept/photographs.zip")).unwrap() == before);
    // A damaged photograph to be apart from cannot be told from: that is an error, not a warning.
    save(&at("data/good.png"), &picture(7, 40, 40));
    fs::create_dir(at("val")).unwrap();
    fs::write(at("val/judged.png"), "nothing").unwrap();
    let (code, _, stderr) = run(folder.path(), "sift --data data --apart-from val --out kept");
    assert!(code == 1 && stderr.contains("judged.png"), "{stderr}");
    for arguments in [
        "--data data",
        "--out kept",
        "--data data --out kept --copies 1",
        "--data data --out kept --resembles 0",
    ] {
        assert_eq!(run(folder.path(), &format!("sift {arguments}")).0, 2, "{arguments}");
    }
}
