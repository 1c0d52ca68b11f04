//! What a file says beside its pixels goes along, whatever the integer type, the chunk or the segment that
//! says it; what promises data that does not go along, goes.

use autochrome::image::files::{self, Density, DensityUnit, FileFormat, FileMetadata, Text};
use autochrome::image::photo::{Channels, Photo, Samples};
use image::ImageEncoder;
use std::io::{Cursor, Write};

fn photo() -> Photo {
    let samples = (0..6 * 4 * 3).map(|i| (i * 3) as u8).collect();
    Photo::new(6, 4, Channels::Rgb, Samples::U8(samples)).unwrap()
}

fn saved(metadata: &FileMetadata, format: FileFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    files::encode(&photo(), metadata, format, &mut file).unwrap();
    file.into_inner()
}

fn carried(file: &[u8]) -> FileMetadata {
    files::decode(Cursor::new(file)).unwrap().metadata
}

const FORMATS: [FileFormat; 3] = [FileFormat::JPEG, FileFormat::Png, FileFormat::Tiff];

/// A JPEG of 6 x 4 with segments behind its start.
fn jpeg(segments: &[(u8, &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new(&mut file);
    encoder.write_image(&[90; 6 * 4], 6, 4, image::ExtendedColorType::L8).unwrap();
    let mut added = Vec::new();
    for (marker, content) in segments {
        added.extend([0xFF, *marker]);
        added.extend((content.len() as u16 + 2).to_be_bytes());
        added.extend(*content);
    }
    [&file[..2], &added, &file[2..]].concat()
}

fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let covered = [kind, content].concat();
    [&(content.len() as u32).to_be_bytes()[..], &covered, &crc32fast::hash(&covered).to_be_bytes()].concat()
}

/// A PNG of 6 x 4 with chunks before and behind its pixels.
fn png(before: &[Vec<u8>], behind: &[Vec<u8>]) -> Vec<u8> {
    let mut head = [6u32, 4].map(u32::to_be_bytes).concat();
    head.extend([8, 0, 0, 0, 0]);
    let pixels = deflated(
        &[90; 7 * 4].iter().enumerate().map(|(i, v)| if i % 7 == 0 { 0 } else { *v }).collect::<Vec<u8>>(),
    );
    let start = b"\x89PNG\r\n\x1a\n".to_vec();
    [
        vec![start, chunk(b"IHDR", &head)],
        before.to_vec(),
        vec![chunk(b"IDAT", &pixels)],
        behind.to_vec(),
        vec![chunk(b"IEND", &[])],
    ]
    .concat()
    .concat()
}

fn deflated(data: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(data).unwrap();
    packed.finish().unwrap()
}

/// A block with an orientation of this type, and a maker.
fn exif(little_endian: bool, kind: u16, value: &[u8]) -> Vec<u8> {
    let short = |n: u16| if little_endian { n.to_le_bytes() } else { n.to_be_bytes() };
    let long = |n: u32| if little_endian { n.to_le_bytes() } else { n.to_be_bytes() };
    let mut block = if little_endian { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
    block.extend(long(8));
    block.extend(short(2));
    block.extend([&short(0x010F)[..], &short(2), &long(4), b"Abc\0"].concat());
    let mut inline = value.to_vec();
    inline.resize(4, 0);
    block.extend([&short(0x0112)[..], &short(kind), &long(1), &inline].concat());
    block.extend(long(0));
    block
}

fn raw_profile(name: &str, profile: &[u8]) -> String {
    let digits: Vec<String> = profile.chunks(36).map(hex::encode).collect();
    format!("\n{name}\n{:8}\n{}\n", profile.len(), digits.join("\n"))
}

#[test]
fn orientation_is_read_and_reset_in_every_integer_type_and_place() {
    for little_endian in [true, false] {
        let number = |bytes: usize| -> Vec<u8> {
            if little_endian { [6, 0, 0, 0][..bytes].to_vec() } else { [0, 0, 0, 6][4 - bytes..].to_vec() }
        };
        for (kind, bytes) in [(1, 1), (3, 2), (4, 4), (6, 1), (8, 2), (9, 4)] {
            let block = exif(little_endian, kind, &number(bytes));
            let wrapped = [b"Exif\0\0", &block[..]].concat();
            let text = raw_profile("exif", &wrapped);
            let keyword = b"Raw profile type exif\0";
            let packed = [&keyword[..], &[0], &deflated(text.as_bytes())].concat();
            let international = [&keyword[..], &[1, 0, 0, 0], &deflated(text.as_bytes())].concat();
            let plain = [b"Raw profile type APP1\0", text.as_bytes()].concat();
            for (place, file) in [
                ("segment", jpeg(&[(0xE1, &wrapped)])),
                ("chunk", png(&[chunk(b"eXIf", &block)], &[])),
                ("chunk behind the pixels", png(&[], &[chunk(b"eXIf", &block)])),
                ("packed text", png(&[chunk(b"zTXt", &packed)], &[])),
                ("international text behind the pixels", png(&[], &[chunk(b"iTXt", &international)])),
                ("plain text", png(&[chunk(b"tEXt", &plain)], &[])),
            ] {
                let name = format!("type {kind}, little-endian {little_endian}, {place}");
                assert_eq!(FileMetadata::read(&file).unwrap().orientation(), 6, "{name}");
                let decoded = files::decode(Cursor::new(&file)).unwrap();
                assert_eq!((decoded.photo.width(), decoded.photo.height()), (4, 6), "{name}");
                assert_eq!(decoded.metadata.orientation(), 1, "{name}");
                let kept = decoded.metadata.exif.unwrap();
                let fields = exif::Reader::new().read_raw(kept).unwrap();
                let field = fields.get_field(exif::Tag::Orientation, exif::In::PRIMARY).unwrap();
                assert!(matches!(&field.value, exif::Value::Short(v) if *v == [1]), "{name}: {field:?}");
                assert!(fields.get_field(exif::Tag::Make, exif::In::PRIMARY).is_some(), "{name}");
            }
        }
        // A block that is cut off behind the field says it all the same.
        let cut = exif(little_endian, 4, &number(4))[..34].to_vec();
        let metadata = FileMetadata { exif: Some(cut), ..FileMetadata::default() };
        assert_eq!(metadata.orientation(), 6);
        assert_eq!(metadata.upright(4, 6).orientation(), 1);
        let absurd = FileMetadata { exif: Some(exif(little_endian, 4, &[9; 4])), ..FileMetadata::default() };
        assert_eq!(absurd.orientation(), 1);
    }
}

#[test]
fn density_goes_from_each_format_to_each() {
    let inch = |x, y| Some(Density { x, y, unit: DensityUnit::Inch });
    let jfif = |unit: u8, x: u16, y: u16| {
        let [x, y] = [x, y].map(u16::to_be_bytes);
        jpeg(&[(0xE0, &[b"JFIF\0\x01\x02", &[unit][..], &x, &y, &[0, 0]].concat())])
    };
    // The encoder's own JFIF segment stands behind it; the first is not the last word of either.
    let own = |file: Vec<u8>| {
        let second = file.windows(5).enumerate().filter(|(_, w)| w == b"JFIF\0").nth(1).unwrap().0;
        [&file[..second - 4], &file[second - 4 + 18..]].concat()
    };
    let phys = |x: u32, y: u32, unit: u8| {
        png(&[chunk(b"pHYs", &[&x.to_be_bytes()[..], &y.to_be_bytes(), &[unit]].concat())], &[])
    };
    for (name, file, expected) in [
        ("300 per inch", own(jfif(1, 300, 300)), inch(300.0, 300.0)),
        ("118 per centimetre", own(jfif(2, 118, 118)), inch(299.72, 299.72)),
        (
            "pixels twice as high",
            own(jfif(0, 2, 1)),
            Some(Density { x: 2.0, y: 1.0, unit: DensityUnit::Aspect }),
        ),
        ("nothing", own(jfif(0, 1, 1)), None),
        ("PNG", phys(11_811, 23_622, 1), inch(300.0, 600.0)),
        ("PNG, nothing", phys(5, 5, 0), None),
        ("no density", png(&[], &[]), None),
    ] {
        let metadata = carried(&file);
        for first in FORMATS {
            // A second time, from the format that it was written in.
            let between = carried(&saved(&metadata, first));
            for second in FORMATS {
                let found = carried(&saved(&between, second)).density;
                let per_inch = |density: Option<Density>| {
                    density.map(|density| {
                        let factor = if density.unit == DensityUnit::Centimeter { 2.54 } else { 1.0 };
                        (density.x * factor, density.y * factor, density.unit == DensityUnit::Aspect)
                    })
                };
                match (per_inch(found), per_inch(expected)) {
                    (None, None) => {}
                    (Some(found), Some(expected)) => {
                        // JPEG's are whole numbers.
                        let near = |a: f64, b: f64| (a - b).abs() < 0.75;
                        assert!(near(found.0, expected.0) && near(found.1, expected.1), "{name}: {found:?}");
                        assert_eq!(found.2, expected.2, "{name}");
                    }
                    other => panic!("{name}, {first:?}, {second:?}: {other:?}"),
                }
            }
        }
    }
    // A photograph that is turned has its dots turned.
    let lying = exif(true, 3, &[6, 0]);
    let file = png(&[chunk(b"eXIf", &lying), chunk(b"pHYs", &[0, 0, 0x2E, 0x23, 0, 0, 0x5C, 0x46, 1])], &[]);
    let Some(turned) = carried(&file).density else { panic!("no density") };
    assert!((turned.x - 600.0).abs() < 0.1 && (turned.y - 300.0).abs() < 0.1, "{turned:?}");
}

#[test]
fn iptc_goes_from_each_format_to_each() {
    let iptc = b"\x1C\x02\x78\x00\x0BGrandmother\x1C\x02\x19\x00\x06family".to_vec();
    let resource = |id: u16, data: &[u8]| {
        let mut all =
            [b"8BIM", &id.to_be_bytes()[..], b"\x03abc", &(data.len() as u32).to_be_bytes(), data].concat();
        all.resize(all.len().next_multiple_of(2), 0);
        all
    };
    let resources = [resource(0x03ED, &[1; 16]), resource(0x0404, &iptc)].concat();
    let (first, second) = resources.split_at(20);
    let part = |part: &[u8]| [b"Photoshop 3.0\0", part].concat();
    for (name, file) in [
        ("a segment", jpeg(&[(0xED, &part(&resources))])),
        ("two segments", jpeg(&[(0xED, &part(first)), (0xED, &part(second))])),
        (
            "PNG",
            png(
                &[],
                &[chunk(
                    b"tEXt",
                    &[b"Raw profile type iptc\0", raw_profile("iptc", &resources).as_bytes()].concat(),
                )],
            ),
        ),
        (
            "PNG, bare",
            png(
                &[chunk(
                    b"tEXt",
                    &[b"Raw profile type iptc\0", raw_profile("iptc", &iptc).as_bytes()].concat(),
                )],
                &[],
            ),
        ),
    ] {
        let metadata = carried(&file);
        assert_eq!(metadata.iptc.as_ref(), Some(&iptc), "{name}");
        for format in FORMATS {
            assert_eq!(carried(&saved(&metadata, format)).iptc.as_ref(), Some(&iptc), "{name} to {format:?}");
        }
    }
    let long = FileMetadata { iptc: Some(vec![0x1C; 70_000]), ..FileMetadata::default() };
    assert_eq!(carried(&saved(&long, FileFormat::JPEG)).iptc, None);
    assert_eq!(carried(&saved(&long, FileFormat::Png)).iptc, long.iptc);
}

#[test]
fn texts_and_comments_are_kept() {
    let text = |keyword: &str, text: &str| Text { keyword: keyword.to_owned(), text: text.to_owned() };
    let international = [b"Title\0\x01\0en\0Titel\0", &deflated("Großmutter 老照片".as_bytes())[..]].concat();
    let file = png(
        &[
            chunk(b"tEXt", b"Author\0A. Photographer"),
            chunk(b"tEXt", b"exif:GPSLatitude\0x"),
            chunk(b"tEXt", b"Thumb::URI\0x"),
        ],
        &[
            chunk(b"zTXt", &[b"Comment\0\0", &deflated(b"\xC9t\xE9")[..]].concat()),
            chunk(b"iTXt", &international),
        ],
    );
    let mut metadata = carried(&file);
    let kept =
        [text("Author", "A. Photographer"), text("Comment", "Été"), text("Title", "Großmutter 老照片")];
    assert_eq!(metadata.texts.len(), 4);
    metadata.remove_location();
    assert_eq!(metadata.texts, kept);
    assert_eq!(carried(&saved(&metadata, FileFormat::Png)).texts, kept);
    // JPEG has comments only, TIFF tags for some.
    let comments = carried(&saved(&metadata, FileFormat::JPEG)).texts;
    let expected =
        ["Author: A. Photographer", "Été", "Title: Großmutter 老照片"].map(|words| text("Comment", words));
    assert_eq!(comments, expected);
    let tiff = carried(&saved(&metadata, FileFormat::Tiff)).exif.unwrap();
    for words in ["Été\0", "A. Photographer\0"] {
        assert!(tiff.windows(words.len()).any(|window| window == words.as_bytes()), "{words}");
    }
    let comments = carried(&jpeg(&[(0xFE, b"one"), (0xFE, b"\xE9t\xE9"), (0xFE, b"")])).texts;
    assert_eq!(comments, [text("Comment", "one"), text("Comment", "été")]);
    // What PNG cannot hold costs only itself.
    let odd = FileMetadata {
        texts: vec![text("", "x"), text("a\u{4e00}", "x"), text("b", "x\0y"), text("c", "ok")],
        ..FileMetadata::default()
    };
    assert_eq!(carried(&saved(&odd, FileFormat::Png)).texts, [text("c", "ok")]);
}

#[test]
fn promises_of_what_is_not_carried_over_are_removed() {
    let packet = r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
        xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1" GCamera:MicroVideoOffset="4000" GCamera:BurstID="b1"
        xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" GPano:UsePanoramaViewer="True"
        xmlns:Container="http://ns.google.com/photos/1.0/container/" xmlns:Item="http://ns.google.com/photos/1.0/container/item/">
        <Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="MotionPhoto" Item:Length="4000"/></rdf:li></rdf:Seq></Container:Directory>
        <dc:title xmlns:dc="http://purl.org/dc/elements/1.1/">Grandmother</dc:title>
        </rdf:Description></rdf:RDF></x:xmpmeta>"#;
    let xmp = [b"http://ns.adobe.com/xap/1.0/\0", packet.as_bytes()].concat();
    let mpf = b"MPF\0II*\0\x08\0\0\0\0\0\0\0\0\0".to_vec();
    let file = [jpeg(&[(0xE1, &xmp), (0xE2, &mpf)]), vec![0; 4000]].concat();
    for metadata in [carried(&file), FileMetadata::read(&file).unwrap().upright(6, 4)] {
        let left = String::from_utf8(metadata.xmp.clone().unwrap()).unwrap();
        for gone in ["MotionPhoto", "MicroVideo", "hdrgm:Version", "Directory", "Item:Length"] {
            assert!(!left.contains(gone), "{gone} is left: {left}");
        }
        for kept in ["Grandmother", "GCamera:BurstID=\"b1\"", "UsePanoramaViewer"] {
            assert!(left.contains(kept), "{kept} is gone: {left}");
        }
        assert!(!saved(&metadata, FileFormat::JPEG).windows(4).any(|window| window == b"MPF\0"));
    }
}

#[test]
fn texts_that_unpack_to_a_flood_are_left_out() {
    let flood = deflated(&vec![b'0'; 64 << 20]);
    let packed = |keyword: &[u8], head: &[u8]| [keyword, head, &flood].concat();
    let file = png(
        &[
            chunk(b"zTXt", &packed(b"Comment\0", &[0])),
            chunk(b"zTXt", &packed(b"Raw profile type exif\0", &[0])),
            chunk(b"iTXt", &packed(b"XML:com.adobe.xmp\0", &[1, 0, 0, 0])),
            chunk(b"iCCP", &packed(b"icc\0", &[0])),
            chunk(b"tEXt", b"Title\0stays"),
        ],
        &[chunk(b"iTXt", &packed(b"Title\0", &[1, 0, 0, 0]))],
    );
    for metadata in [FileMetadata::read(&file).unwrap(), carried(&file)] {
        let texts = vec![Text { keyword: "Title".to_owned(), text: "stays".to_owned() }];
        assert_eq!(metadata, FileMetadata { texts, ..FileMetadata::default() });
    }
}
