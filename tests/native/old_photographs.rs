//! The same picture gray, toned, faded or mirrored gets the same colours, by the shipped model.

use autochrome::engine::color_error::ColorError;
use autochrome::engine::{Colorizer, Mode, Preparation, Unpaced};
use autochrome::image::files;
use autochrome::image::photo::{Channels, Photo, Samples};
use autochrome::kernels::device::{ComputeDevice, DeviceChoice};
use autochrome::model::weights::ModelFile;
use std::path::Path;
use std::sync::LazyLock;

static COLORIZER: LazyLock<Colorizer> = LazyLock::new(|| {
    let device = pollster::block_on(ComputeDevice::open(DeviceChoice::Cpu)).unwrap();
    let model = std::fs::read("www/models/lite2-int8.safetensors").unwrap();
    let model = ModelFile::read(&model).unwrap();
    Colorizer::new(model, device).unwrap()
});

const SAMPLES: [&str; 5] = ["astronaut", "cat", "coffee", "photographer", "rocket"];

/// Two thirds of the model's working size: what is compared are tones, not details.
const SIDE: usize = 128;

/// The samples' colours as gray pictures, which everything here is compared with.
static GRAY: LazyLock<Vec<Photo>> =
    LazyLock::new(|| SAMPLES.map(|name| colours(&photo(&gray(name), |g| [g; 3]), true)).into());

/// A sample as gray values, 0…1.
fn gray(name: &str) -> Vec<f32> {
    let path = Path::new("www/samples").join(name).with_extension("jpg");
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let rgb = files::decode(file).unwrap().photo.resized_over_white(SIDE, SIDE);
    let gray = |p: &[u8]| (0.3 * f32::from(p[0]) + 0.59 * f32::from(p[1]) + 0.11 * f32::from(p[2])) / 255.0;
    rgb.chunks(3).map(gray).collect()
}

fn photo(tones: &[f32], colour: impl Fn(f32) -> [f32; 3]) -> Photo {
    let byte = |c: f32| (c.clamp(0.0, 1.0) * 255.0).round() as u8;
    let samples = tones.iter().flat_map(|tone| colour(*tone).map(byte)).collect();
    Photo::new(SIDE, SIDE, Channels::Rgb, Samples::U8(samples)).unwrap()
}

/// The colours of a photograph on a middle gray, so that nothing but they can differ.
fn colours(seen: &Photo, neutralize: bool) -> Photo {
    let canvas = photo(&vec![0.5; SIDE * SIDE], |g| [g; 3]);
    pollster::block_on(async {
        let preparation = Preparation { mode: Mode::Photo, neutralize };
        let colorization = COLORIZER
            .colorize_at(SIDE, COLORIZER.default_tone(), seen, preparation, &[], &mut Unpaced)
            .await
            .unwrap();
        colorization.render(canvas, COLORIZER.default_tone(), &mut Unpaced).await.unwrap()
    })
}

fn distance(a: &Photo, b: &Photo) -> f64 {
    ColorError::between(a, b).unwrap().mean_ab
}

/// Mean ab distance, CIE units, from the colours of the gray pictures, with and without
/// neutralisation.
fn from_gray(colour: impl Fn(f32) -> [f32; 3]) -> (f64, f64) {
    let mut sums = (0.0, 0.0);
    for (name, expected) in SAMPLES.iter().zip(&*GRAY) {
        let old = photo(&gray(name), &colour);
        sums.0 += distance(&colours(&old, true), expected) / SAMPLES.len() as f64;
        sums.1 += distance(&colours(&old, false), expected) / SAMPLES.len() as f64;
    }
    sums
}

#[test]
fn toned_and_faded_photographs_get_the_colours_of_the_gray_one() {
    let tone = |dye: [f32; 3]| move |g: f32| dye.map(|c| c * g);
    let fade = |g: f32| 0.25 + 0.5 * g;
    for (name, (with, without), most) in [
        ("sepia", from_gray(tone([1.0, 0.89, 0.7])), 1.5),
        ("cyanotype", from_gray(tone([0.35, 0.6, 0.9])), 4.0),
        ("faded", from_gray(|g| [fade(g); 3]), 4.0),
        ("faded sepia", from_gray(|g| tone([1.0, 0.89, 0.7])(fade(g))), 4.0),
    ] {
        println!("{name}: {with:.2} with, {without:.2} without");
        assert!(with <= most, "{name}: {with} CIE units from the gray picture's colours");
        assert!(with < 0.7 * without, "{name}: {with} with, {without} without");
    }
}

#[test]
fn photographs_that_are_not_old_pass_untouched() {
    for (name, neutralised) in SAMPLES.iter().zip(&*GRAY) {
        if !["astronaut", "coffee", "photographer"].contains(name) {
            continue;
        }
        assert!(colours(&photo(&gray(name), |g| [g; 3]), false) == *neutralised, "{name}");
    }
}

#[test]
fn a_mirrored_photograph_gets_mirrored_colours() {
    let (mut mirrored, mut unmirrored) = (0.0, 0.0);
    for (name, there) in SAMPLES.iter().zip(&*GRAY) {
        let mirror: Vec<f32> = gray(name).chunks(SIDE).flat_map(|row| row.iter().rev().copied()).collect();
        let back = colours(&photo(&mirror, |g| [g; 3]), true);
        unmirrored += distance(there, &back) / SAMPLES.len() as f64;
        let Samples::U8(rgb) = back.into_samples() else { panic!("8 bits went in") };
        let rgb = rgb.chunks(SIDE * 3).flat_map(|row| row.chunks(3).rev().flatten().copied()).collect();
        let back = Photo::new(SIDE, SIDE, Channels::Rgb, Samples::U8(rgb)).unwrap();
        let distance = distance(there, &back);
        mirrored += distance / SAMPLES.len() as f64;
        // The weights are not symmetrical: the samples differ by 4.2 to 6.3.
        assert!(distance <= 7.0, "{name}: {distance} CIE units");
    }
    println!("{mirrored:.2} mirrored, {unmirrored:.2} unmirrored");
    assert!(mirrored < 6.0 && mirrored < 0.6 * unmirrored, "{mirrored} mirrored, {unmirrored} unmirrored");
}
