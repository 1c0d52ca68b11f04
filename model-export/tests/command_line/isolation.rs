//! A photograph that makes a decoder panic: its own error, and the others done, in every command that goes
//! over photographs.

use crate::{Bench, CPU, write_npy};
use image::{Rgb, RgbImage};
use std::fs;

/// A TIFF of 96 x 60 pixels in planes of 16 x 16 tiles, whose last row of tiles reaches below the picture.
/// Decoders have an assertion to fail there (opencv#29567 is a report of the kind).
fn planar_tiles() -> Vec<u8> {
    const TILES: u32 = 6 * 4 * 3;
    const FIRST: u32 = 1024;
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    let bits = 600u32;
    let (offsets, counts) = (bits + 8, bits + 8 + TILES * 4);
    let entries: [(u16, u16, u32, u32); 11] = [
        (256, 4, 1, 96),
        (257, 4, 1, 60),
        (258, 3, 3, bits),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (277, 3, 1, 3),
        (284, 3, 1, 2),
        (322, 4, 1, 16),
        (323, 4, 1, 16),
        (324, 4, TILES, offsets),
        (325, 4, TILES, counts),
    ];
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.resize(bits as usize, 0);
    file.extend([8, 0, 8, 0, 8, 0, 0, 0]);
    (0..TILES).for_each(|tile| file.extend((FIRST + 256 * tile + 512).to_le_bytes()));
    (0..TILES).for_each(|_| file.extend(256u32.to_le_bytes()));
    file.resize((FIRST + 512) as usize, 0);
    file.extend((0..TILES * 256).map(|i| (i * 7 % 251) as u8));
    file
}

fn bench() -> Bench {
    let bench = Bench::new();
    fs::create_dir(bench.path("in")).unwrap();
    for i in 0..3u32 {
        let picture = RgbImage::from_fn(48, 40, |x, y| {
            Rgb([(x * 5 + i * 40) as u8, (y * 6) as u8, ((x * 7) ^ (y * 3 + i * 5)) as u8])
        });
        picture.save(bench.path(&format!("in/{}.png", ["a", "m", "z"][i as usize]))).unwrap();
    }
    fs::write(bench.path("in/b.tif"), planar_tiles()).unwrap();
    bench
}

/// Whether the library is able to read it: then it is a photograph like the others.
fn is_readable(bench: &Bench) -> bool {
    let path = bench.path("in/b.tif");
    let decode = move || {
        let file = fs::File::open(path).unwrap();
        autochrome::image::files::decode(std::io::BufReader::new(file)).is_ok()
    };
    std::thread::spawn(decode).join().unwrap_or(false)
}

#[test]
fn colorize_does_the_others() {
    let bench = bench();
    let readable = is_readable(&bench);
    let (code, _, stderr) = bench.run(&format!("colorize in --out out {CPU}"));
    assert_eq!(code, i32::from(!readable), "{stderr}");
    for name in ["a.png", "m.png", "z.png"] {
        assert!(bench.path("out").join(name).exists(), "{name}: {stderr}");
    }
    assert_eq!(bench.path("out/b.tif").exists(), readable);
    if !readable {
        assert_eq!(stderr.matches("error:").count(), 1, "{stderr}");
        assert!(stderr.contains("b.tif: ") && stderr.contains("3 of 4 photographs coloured"), "{stderr}");
    }
    assert!(!stderr.contains("stack backtrace") && !stderr.contains("thread '"), "{stderr}");
    let (code, _, stderr) = bench.run(&format!("colorize in/b.tif --out one.png {CPU}"));
    assert_eq!((code, bench.path("one.png").exists()), (i32::from(!readable), readable), "{stderr}");
}

#[test]
fn the_commands_that_measure_pass_it_over() {
    let bench = bench();
    let readable = is_readable(&bench);
    for command in [
        "prior --data in --out p.npy --json",
        "sift --data in --out kept --json",
        &format!("evaluate --data in --json {CPU}"),
        &format!("evaluate-upsampling --data in --working-size 32 --json {CPU}"),
    ] {
        let (code, stdout, stderr) = bench.run(command);
        assert_eq!(code, i32::from(!readable), "{command}: {stderr}");
        let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        let photographs = report["kept"].as_u64().or(report["photographs"].as_u64());
        assert_eq!(photographs, Some(if readable { 4 } else { 3 }), "{command}: {report}");
        assert!(readable || stderr.contains("b.tif: "), "{command}: {stderr}");
        assert!(!stderr.contains("thread '"), "{command}: {stderr}");
    }
}

/// What is there is coloured and told; nothing is learned from it or measured by it.
#[test]
fn a_truncated_photograph_is_coloured_and_told() {
    let bench = Bench::new();
    fs::create_dir(bench.path("in")).unwrap();
    let whole = bench.path("in/a.jpg");
    RgbImage::from_fn(160, 120, |x, y| Rgb([(x + y) as u8, (x ^ y) as u8, (y * 2) as u8]))
        .save(&whole)
        .unwrap();
    let bytes = fs::read(&whole).unwrap();
    fs::write(bench.path("in/cut.jpg"), &bytes[..bytes.len() / 2]).unwrap();
    let (code, _, stderr) = bench.run(&format!("colorize in --out out {CPU}"));
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("warning: in/cut.jpg: ") && stderr.contains("truncated"), "{stderr}");
    assert!(stderr.contains("2 of 2 photographs coloured"), "{stderr}");
    assert!(bench.path("out/a.jpg").exists() && bench.path("out/cut.jpg").exists());
    write_npy(&bench.path("ab.npy"), &[1, 2, 1, 1], &[10.0, 20.0]);
    let (code, _, stderr) = bench.run("render in/cut.jpg --ab ab.npy --out r.png");
    assert!(code == 1 && bench.path("r.png").exists() && stderr.contains("in/cut.jpg"), "{stderr}");
    let (code, stdout, stderr) = bench.run("prior --data in --out p.npy --json");
    assert!(code == 1 && stderr.contains("passed over: in/cut.jpg: "), "{stderr}");
    assert!(stdout.contains("\"failed\": 1"), "{stdout}");
}
