//! Colours of the cells to full resolution: `render`, `--upsample` and `evaluate-upsampling`.

use crate::{Bench, CPU, has_colour, open, write_npy};
use image::{DynamicImage, ImageBuffer, Rgba};
use std::fs;

/// Names of every upsampling, the default first.
fn upsamplings() -> [&'static str; 7] {
    autochrome::image::chroma_upsample::Upsampling::ALL.map(|upsampling| upsampling.name())
}

#[test]
fn colours_of_any_origin_join_a_photograph() {
    let bench = Bench::new();
    let deep = ImageBuffer::from_fn(61, 43, |x, y| {
        let gray = (x * 600 + y * 500 + 4000) as u16;
        Rgba([gray, gray, gray, (y * 1500) as u16])
    });
    deep.save(bench.path("a.png")).unwrap();
    // Red above, green below, neither alike everywhere: 3 rows of 4 cells.
    let a = [44.0, 40.0, 36.0, 50.0, 9.0, -6.0, 4.0, -9.0, -40.0, -46.0, -37.0, -42.0];
    let ab = [a, [30.0; 12]].concat();
    write_npy(&bench.path("ab.npy"), &[1, 2, 3, 4], &ab);
    let lightness =
        |p: &Rgba<u16>| autochrome::color::lab::lab_from_srgb([0, 1, 2].map(|c| f64::from(p.0[c]) / 65535.0));
    let mut pictures = Vec::new();
    for name in upsamplings() {
        let (code, _, stderr) =
            bench.run(&format!("render a.png --ab ab.npy --out {name}.png --upsample {name}"));
        assert_eq!((code, stderr.as_str()), (0, ""), "{name}");
        let DynamicImage::ImageRgba16(coloured) = open(&bench.path(&format!("{name}.png"))) else {
            panic!("{name} is not 16-bit RGBA")
        };
        assert_eq!(coloured.dimensions(), (61, 43));
        for (before, after) in deep.pixels().zip(coloured.pixels()) {
            assert_eq!(before.0[3], after.0[3], "{name}");
            assert!((lightness(before)[0] - lightness(after)[0]).abs() < 0.01, "{name}");
        }
        let a = [5, 40].map(|y| lightness(coloured.get_pixel(30, y))[1]);
        assert!(a[0] > 5.0 && a[1] < -5.0, "{name}: {a:?}, not red above and green below");
        pictures.push(coloured);
    }
    let different = |other: usize| pictures[0] != pictures[other];
    assert!((1..pictures.len()).all(different), "every name is a way of its own");
    assert_eq!(bench.run("render a.png --ab ab.npy --out default.png").0, 0);
    assert!(open(&bench.path("default.png")).as_rgba16() == Some(&pictures[0]));
    assert_eq!(bench.run("render a.png --ab ab.npy --out gray.png --saturation 0").0, 0);
    assert!(!has_colour(&open(&bench.path("gray.png"))));
}

#[test]
fn render_refuses_what_makes_no_sense() {
    let bench = Bench::new();
    bench.gray("a.png");
    let good = [10.0f32; 24];
    write_npy(&bench.path("ab.npy"), &[1, 2, 3, 4], &good);
    write_npy(&bench.path("flat.npy"), &[2, 3, 4], &good);
    write_npy(&bench.path("rgb.npy"), &[1, 3, 2, 4], &good);
    write_npy(&bench.path("none.npy"), &[1, 2, 0, 4], &[]);
    let mut infinite = good;
    infinite[7] = f32::INFINITY;
    write_npy(&bench.path("infinite.npy"), &[1, 2, 3, 4], &infinite);
    fs::write(bench.path("junk.npy"), "junk").unwrap();
    for (arguments, code, part) in [
        ("a.png --ab flat.npy --out c.png", 2, "[1, 2, H, W] is needed"),
        ("a.png --ab rgb.npy --out c.png", 2, "[1, 2, H, W] is needed"),
        ("a.png --ab none.npy --out c.png", 1, "finite"),
        ("a.png --ab infinite.npy --out c.png", 1, "infinite.npy: ab is inf"),
        ("a.png --ab junk.npy --out c.png", 1, "not a .npy file"),
        ("a.png --ab missing.npy --out c.png", 1, "cannot read missing.npy"),
        ("missing.png --ab ab.npy --out c.png", 1, "missing.png"),
        ("ab.npy --ab ab.npy --out c.png", 1, "cannot be read as a photograph"),
        ("a.png --ab ab.npy --out c.xyz", 2, "must end in"),
        ("a.png --ab ab.npy --out a.png", 2, "overwritten"),
        ("a.png --ab ab.npy --out c.png --saturation=-1", 2, "--saturation"),
        ("a.png --ab ab.npy --out c.png --saturation NaN", 2, "--saturation"),
    ] {
        let (found, _, stderr) = bench.run(&format!("render {arguments}"));
        assert_eq!(found, code, "{arguments}: {stderr}");
        assert!(stderr.contains(part), "{arguments}: {stderr}");
        assert!(!bench.path("c.png").exists(), "{arguments}");
    }
    let (code, _, stderr) = bench.run("render a.png --ab ab.npy --out c.png --upsample bicubic");
    assert_eq!(code, 2);
    assert!(upsamplings().iter().all(|name| stderr.contains(name)), "{stderr}");
}

#[test]
fn colorize_upsamples_as_it_is_told() {
    let bench = Bench::new();
    bench.gray("a.png");
    // By the model inside the tool: the seeded one's colours are the same everywhere.
    let colorize = |out: &str, more: &str| {
        let (code, _, stderr) = bench.run(&format!("colorize a.png --out {out}.png --device cpu {more}"));
        assert_eq!(code, 0, "{stderr}");
        open(&bench.path(&format!("{out}.png")))
    };
    let nearest = colorize("nearest", "--upsample nearest");
    let corrected = colorize("corrected", "--upsample back-projection");
    assert!(corrected == colorize("default", ""));
    assert!(corrected != nearest);
}

#[test]
fn evaluate_upsampling_measures_every_way() {
    let bench = Bench::new();
    fs::create_dir(bench.path("photos")).unwrap();
    for i in 0..3u32 {
        // Fields of two colours, whose outline is one of lightness too.
        let colours = ImageBuffer::from_fn(150, 100, |x, y| {
            if x + y / 3 < 50 + 13 * i { image::Rgb([200u8, 60, 40]) } else { image::Rgb([30, 60, 90]) }
        });
        colours.save(bench.path(&format!("photos/{i}.png"))).unwrap();
    }
    fs::write(bench.path("photos/broken.png"), "no picture").unwrap();
    let (code, stdout, stderr) =
        bench.run(&format!("evaluate-upsampling --data photos --working-size 64 --json {CPU}"));
    assert_eq!(code, 1, "one could not be read, the rest is measured: {stderr}");
    assert!(stderr.contains("broken.png"), "{stderr}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&report["photographs"], &report["failed"]), (&3.into(), &1.into()));
    for kind in ["truth", "prediction"] {
        let names: Vec<&str> =
            report[kind].as_array().unwrap().iter().map(|f| f["upsampling"].as_str().unwrap()).collect();
        assert_eq!(names, upsamplings());
    }
    let edges = |name: &str| {
        let way = upsamplings().iter().position(|other| *other == name).unwrap();
        report["truth"][way]["edges"]["value"].as_f64().unwrap()
    };
    assert!(edges("back-projection") < 0.5 * edges("bilinear"), "{report:#}");
    assert_eq!(report["truth"][5]["edges_change"]["interval"], serde_json::json!([0.0, 0.0]));
    let (code, table, _) = bench.run(&format!("evaluate-upsampling --data photos --megapixels 0.005 {CPU}"));
    assert_eq!(code, 1);
    assert!(
        table.contains("| predicted chroma | all pixels |") && table.contains("| guided-filter |"),
        "{table}"
    );
}
