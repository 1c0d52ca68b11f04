//! The changes that `colorize` makes to a photograph and its metadata, and each option for them.

use crate::{Bench, CPU, open};
use autochrome::image::files::FileMetadata;
use exif::{Context, Field, In, Tag, Value};
use image::ImageEncoder;
use std::fs;
use std::io::Cursor;

const XMP: &str = r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 exif:GPSLatitude="52,31.2N" xmp:Rating="5"/></rdf:RDF></x:xmpmeta>"#;

const COLOURED_BY_MODEL: &str =
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia";

/// A JPEG whose EXIF and XMP say where it was taken, and something else.
fn located(bench: &Bench, name: &str) {
    let degrees = [52, 31, 12].map(|num| exif::Rational { num, denom: 1 });
    let fields = [
        (Tag::Make, Value::Ascii(vec![b"Maker".to_vec()])),
        (Tag::GPSLatitude, Value::Rational(degrees.to_vec())),
        (Tag::GPSLatitudeRef, Value::Ascii(vec![b"N".to_vec()])),
    ]
    .map(|(tag, value)| Field { tag, ifd_num: In::PRIMARY, value });
    let mut writer = exif::experimental::Writer::new();
    fields.iter().for_each(|field| writer.push_field(field));
    let mut block = Cursor::new(Vec::new());
    writer.write(&mut block, true).unwrap();
    let mut file = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 95);
    encoder.set_exif_metadata(block.into_inner()).unwrap();
    encoder.write_image(&crate::gray(60, 40), 60, 40, image::ExtendedColorType::L8).unwrap();
    let xmp = [b"http://ns.adobe.com/xap/1.0/\0", XMP.as_bytes()].concat();
    let length = (xmp.len() as u16 + 2).to_be_bytes();
    fs::write(bench.path(name), [&file[..2], &[0xFF, 0xE1], &length, &xmp, &file[2..]].concat()).unwrap();
}

/// Metadata of a coloured photograph's file: properties of EXIF, and its packet of XMP.
fn said(bench: &Bench, name: &str) -> (exif::Exif, String) {
    let file = fs::read(bench.path(name)).unwrap();
    let packet = FileMetadata::read(&file).unwrap().xmp.expect("a packet");
    let block = exif::Reader::new().read_from_container(&mut Cursor::new(&file)).unwrap();
    (block, String::from_utf8(packet).unwrap())
}

fn places(block: &exif::Exif) -> usize {
    block.fields().filter(|field| field.tag.context() == Context::Gps).count()
}

#[test]
fn the_location_goes_when_asked_and_the_rest_stays() {
    let bench = Bench::new();
    located(&bench, "a.jpg");
    for (option, places_left) in [("", 2), ("--remove-location", 0)] {
        for out in ["b.jpg", "b.png"] {
            let (code, _, stderr) = bench.run(&format!("colorize a.jpg --out {out} {CPU} {option}"));
            assert_eq!(code, 0, "{stderr}");
            let (block, packet) = said(&bench, out);
            assert_eq!(places(&block), places_left, "{out} {option}");
            assert_eq!(packet.contains("GPSLatitude"), places_left > 0, "{out} {option}: {packet}");
            assert!(block.get_field(Tag::Make, In::PRIMARY).is_some(), "{out} {option}");
            assert!(packet.contains("Rating=\"5\""), "{out} {option}: {packet}");
        }
    }
}

#[test]
fn the_mark_of_a_model_is_there_unless_it_is_not_wanted() {
    let bench = Bench::new();
    located(&bench, "a.jpg");
    for (option, marked) in [("", true), ("--no-ai-mark", false)] {
        let (code, _, stderr) = bench.run(&format!("colorize a.jpg --out b.jpg {CPU} {option}"));
        assert_eq!(code, 0, "{stderr}");
        let (block, packet) = said(&bench, "b.jpg");
        assert_eq!(packet.contains(COLOURED_BY_MODEL), marked, "{option}: {packet}");
        assert!(packet.contains("Rating=\"5\"") && places(&block) == 2, "{option}: {packet}");
    }
}

/// By the model inside the tool: the seeded one's colours do not depend on what it sees.
#[test]
fn a_sepia_photograph_is_coloured_as_if_it_were_new_unless_told_otherwise() {
    let bench = Bench::new();
    let sepia = image::ImageBuffer::from_fn(60, 40, |x, y| {
        let gray = ((x * 37 + y * y) % 220) as f32 + 20.0;
        image::Rgb([1.0, 0.8, 0.55].map(|dye| (gray * dye) as u8))
    });
    sepia.save(bench.path("sepia.png")).unwrap();
    let colorize = |option: &str| {
        let (code, _, stderr) = bench.run(&format!("colorize sepia.png --out b.png --device cpu {option}"));
        assert_eq!(code, 0, "{stderr}");
        open(&bench.path("b.png"))
    };
    let plain = colorize("");
    assert!(plain == colorize(""), "the same once more");
    assert!(plain != colorize("--no-neutralize"));
}

#[test]
fn a_warm_photograph_is_yellower_than_a_cool_one() {
    let bench = Bench::new();
    bench.gray("a.png");
    // Mean of what the red of a pixel has more than its blue.
    let yellowness = |option: &str| {
        let (code, _, stderr) = bench.run(&format!("colorize a.png --out b.png {CPU} {option}"));
        assert_eq!(code, 0, "{stderr}");
        let rgb = open(&bench.path("b.png")).to_rgb8();
        let sum: f64 = rgb.pixels().map(|p| f64::from(p.0[0]) - f64::from(p.0[2])).sum();
        sum / f64::from(rgb.width() * rgb.height())
    };
    let [cool, neutral, warm] = ["--warmth -0.8", "", "--warmth 0.8"].map(yellowness);
    assert!(cool + 5.0 < neutral && neutral + 5.0 < warm, "{cool}, {neutral}, {warm}");
    assert!((yellowness("--warmth 0") - neutral).abs() < 1e-9);
    let (code, _, stderr) = bench.run(&format!("colorize a.png --out c.png {CPU} --warmth 1.5"));
    assert!(code == 2 && stderr.contains("warmth"), "{stderr}");
}
