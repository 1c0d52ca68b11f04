//! `autochrome prior` as people run it.

use assert_cmd::Command;
use autochrome::color::ab_bins::{COUNT, soft_encode};
use autochrome::color::lab::lab_from_srgb;
use image::{ImageBuffer, Rgb};
use std::fs;
use std::path::Path;

/// Runs in a folder: exit code, stdout, stderr.
fn run(folder: &Path, arguments: &str) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_autochrome"))
        .arg("prior")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn flat(path: &Path, width: u32, height: u32, colour: [u8; 3]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    ImageBuffer::from_pixel(width, height, Rgb(colour)).save(path).unwrap();
}

fn read(path: &Path) -> Vec<f64> {
    let array = npyz::NpyFile::new(fs::File::open(path).unwrap()).unwrap();
    assert_eq!(array.shape(), [COUNT as u64]);
    array.into_vec().unwrap()
}

/// Three pixels of one colour for each four of the other: the mean of their encodings.
#[test]
fn two_colours_give_the_mean_of_their_encodings() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let colours = [([200, 60, 30], 3.0 / 7.0), ([20, 90, 200], 4.0 / 7.0)];
    flat(&at("photos/red.png"), 30, 10, colours[0].0);
    flat(&at("photos/deep/blue.png"), 20, 20, colours[1].0);
    for neighbors in [1, 10] {
        let arguments = format!("--data photos --out priors/p.npy --neighbors {neighbors} --json");
        let (code, stdout, stderr) = run(folder.path(), &arguments);
        assert_eq!(code, 0, "{stderr}");
        let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(
            (&report["photographs"], &report["pixels"], &report["bins"]),
            (&2.into(), &700.into(), &2.into())
        );
        assert!(stderr.contains("2 photographs, 2 of 313 bins occur"), "{stderr}");

        let mut expected = [0.0; COUNT];
        for (rgb, share) in colours {
            let [_, a, b] = lab_from_srgb(rgb.map(|c| f64::from(c) / 255.0));
            // Colours are counted by whole units.
            for (bin, weight) in soft_encode([a.round(), b.round()], neighbors) {
                expected[bin] += share * weight;
            }
        }
        let found = read(&at("priors/p.npy"));
        assert!(found.iter().zip(expected).all(|(p, q)| (p - q).abs() < 1e-9));
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12 && found.iter().all(|p| *p > 0.0));
    }

    // At one size both photographs weigh by their shape alone; the limit takes the first by name.
    run(folder.path(), "--data photos --out p.npy --neighbors 1 --size 10");
    assert!(read(&at("p.npy")).iter().any(|p| (p - 0.75).abs() < 1e-9));
    let (_, _, stderr) = run(folder.path(), "--data photos --out p.npy --limit 1");
    assert!(stderr.contains("1 photographs, 1 of 313"), "{stderr}");
    // Two sets are one.
    let (code, _, stderr) = run(folder.path(), "--data photos photos/deep --out p.npy --neighbors 1");
    assert!(code == 0 && stderr.contains("3 photographs"), "{stderr}");
    assert!(read(&at("p.npy")).iter().any(|p| (p - 3.0 / 11.0).abs() < 1e-9));
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_counted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    flat(&at("photos/red.png"), 8, 8, [200, 60, 30]);
    fs::write(at("photos/damaged.png"), "nothing").unwrap();
    let (code, _, stderr) = run(folder.path(), "--data photos --out p.npy");
    assert_eq!(code, 1);
    assert!(stderr.contains("damaged.png") && stderr.contains("1 photographs"), "{stderr}");
    assert_eq!(read(&at("p.npy")).len(), COUNT);

    fs::remove_file(at("photos/red.png")).unwrap();
    let (code, _, stderr) = run(folder.path(), "--data photos --out none.npy");
    assert!(code == 1 && stderr.contains("none of the 1 photographs"), "{stderr}");
    assert!(!at("none.npy").exists());
    fs::create_dir(at("empty")).unwrap();
    let (code, _, stderr) = run(folder.path(), "--data empty --out none.npy");
    assert!(code == 1 && stderr.contains("empty holds no photographs"), "{stderr}");
}

#[test]
fn wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        "--out p.npy",
        "--data photos",
        "--data photos --out p.npy --neighbors 0",
        "--data photos --out p.npy --neighbors 314",
        "--data photos --out p.npy --limit 0",
        "--data photos --out p.npy --size 0",
    ] {
        assert_eq!(run(folder.path(), arguments).0, 2, "{arguments}");
    }
}
