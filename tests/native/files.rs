//! Metadata beside the pixels survives, or goes where it was asked to; hostile files are
//! refused before it costs memory. EXIF and XMP are read back with libraries that the engine does
//! not use for them.

use autochrome::image::files::{self, FileFormat, FileMetadata};
use autochrome::image::photo::{Channels, Photo, Samples};
use exif::{Field, In, Tag, Value};
use image::ImageEncoder;
use std::io::{Cursor, Write};

const XMP: &str = r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 <rdf:Description rdf:about="uuid:photo" xmlns:e="http://ns.adobe.com/exif/1.0/" xmlns:t="http://ns.adobe.com/tiff/1.0/"
  xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dji="http://www.dji.com/drone-dji/1.0/"
  e:GPSLatitude="52,31.2N" t:Orientation='6' xmp:CreatorTool="Scanner 3" xmp:Rating="5" t:Make='A "maker"'>
  <e:GPSLongitude>13,24.5E</e:GPSLongitude>
  <dji:GpsLatitude>52.5</dji:GpsLatitude>
  <dc:creator><rdf:Seq><rdf:li>A. &amp; B.</rdf:li></rdf:Seq></dc:creator>
 </rdf:Description>
</rdf:RDF></x:xmpmeta>
                                                                              
<?xpacket end="w"?>"#;

/// A block with orientation, maker, date, position, a maker's note and a thumbnail.
fn block(little_endian: bool) -> Vec<u8> {
    let ascii = |text: &str| Value::Ascii(vec![text.as_bytes().to_vec()]);
    let degrees = Value::Rational([52, 31, 12].map(|num| exif::Rational { num, denom: 1 }).to_vec());
    let note = Value::Undefined(b"a maker's own note".to_vec(), 0);
    let fields = [
        (Tag::Orientation, Value::Short(vec![6])),
        (Tag::Make, ascii("Maker")),
        (Tag::DateTimeOriginal, ascii("1954:07:04 12:00:00")),
        (Tag::PixelXDimension, Value::Long(vec![60])),
        (Tag::PixelYDimension, Value::Long(vec![40])),
        (Tag::MakerNote, note),
        (Tag::GPSLatitude, degrees),
        (Tag::GPSLatitudeRef, ascii("N")),
    ]
    .map(|(tag, value)| Field { tag, ifd_num: In::PRIMARY, value });
    let mut writer = exif::experimental::Writer::new();
    fields.iter().for_each(|field| writer.push_field(field));
    writer.set_jpeg(b"\xFF\xD8 a gray thumbnail \xFF\xD9", In::THUMBNAIL);
    let mut bytes = Cursor::new(Vec::new());
    writer.write(&mut bytes, little_endian).unwrap();
    bytes.into_inner()
}

/// The profile of sRGB; the head of one for another space.
fn profile(space: &[u8; 4]) -> Vec<u8> {
    let mut icc = moxcms::ColorProfile::new_srgb().encode().unwrap();
    // When it was made.
    icc[24..36].copy_from_slice(&[7, 0xD0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
    icc[16..20].copy_from_slice(space);
    icc
}

fn pixels(width: usize, height: usize) -> Vec<u8> {
    (0..width * height * 3).map(|i| (i * 7 % 256) as u8).collect()
}

fn photo(width: usize, height: usize) -> Photo {
    Photo::new(width, height, Channels::Rgb, Samples::U8(pixels(width, height))).unwrap()
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16 + 2).to_be_bytes();
    [&[0xFF, marker], &length[..], content].concat()
}

/// A JPEG of 60 x 40 lying on its side.
fn jpeg(exif: &[u8], icc: &[u8], xmp: &str) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 95);
    encoder.set_icc_profile(icc.to_vec()).unwrap();
    encoder.set_exif_metadata(exif.to_vec()).unwrap();
    encoder.write_image(&pixels(60, 40), 60, 40, image::ExtendedColorType::Rgb8).unwrap();
    let xmp = segment(0xE1, &[b"http://ns.adobe.com/xap/1.0/\0", xmp.as_bytes()].concat());
    [&file[..2], &xmp, &file[2..]].concat()
}

/// A WebP that holds metadata and claims this size.
fn webp(exif: &[u8], icc: &[u8], xmp: &[u8], (width, height): (u32, u32)) -> Vec<u8> {
    let chunk = |name: &[u8; 4], content: &[u8]| {
        let padding = vec![0; content.len() % 2];
        [name, &(content.len() as u32).to_le_bytes()[..], content, &padding].concat()
    };
    let mut head = vec![0x2C, 0, 0, 0];
    head.extend(&(width - 1).to_le_bytes()[..3]);
    head.extend(&(height - 1).to_le_bytes()[..3]);
    let body =
        [chunk(b"VP8X", &head), chunk(b"ICCP", icc), chunk(b"EXIF", exif), chunk(b"XMP ", xmp)].concat();
    [b"RIFF", &(body.len() as u32 + 4).to_le_bytes()[..], b"WEBP", &body].concat()
}

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
}

/// An AVIF of no pixels with an EXIF item in the file and an XMP item in `idat`.
fn avif(exif: &[u8], xmp: &[u8], (width, height): (u32, u32)) -> Vec<u8> {
    let exif = [&[0; 4], exif].concat();
    let ftyp = boxed(b"ftyp", b"avif\0\0\0\0avifmif1miaf");
    let entry =
        |id: u8, kind: &[u8], name: &[u8]| boxed(b"infe", &[&[2, 0, 0, 0, 0, id, 0, 0], kind, name].concat());
    let mut iinf = vec![0, 0, 0, 0, 0, 3];
    iinf.extend(entry(1, b"av01", b"\0"));
    iinf.extend(entry(2, b"Exif", b"\0"));
    iinf.extend(entry(3, b"mime", b"\0application/rdf+xml\0"));
    let ispe = [&[0; 4], &width.to_be_bytes()[..], &height.to_be_bytes()].concat();
    let iprp = boxed(
        b"iprp",
        &[boxed(b"ipco", &boxed(b"ispe", &ispe)), boxed(b"ipma", &[0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1])]
            .concat(),
    );
    let pitm = boxed(b"pitm", &[0, 0, 0, 0, 0, 1]);
    let meta = |at: u32| {
        let extent = |id: u8, method: u8, offset: u32, length: usize| {
            let place = [&offset.to_be_bytes()[..], &(length as u32).to_be_bytes()].concat();
            [&[0, id, 0, method, 0, 0, 0, 1], &place[..]].concat()
        };
        let iloc =
            [vec![1, 0, 0, 0, 0x44, 0, 0, 2], extent(2, 0, at, exif.len()), extent(3, 1, 0, xmp.len())]
                .concat();
        let parts =
            [pitm.clone(), boxed(b"iinf", &iinf), boxed(b"iloc", &iloc), iprp.clone(), boxed(b"idat", xmp)];
        boxed(b"meta", &[&[0; 4], &parts.concat()[..]].concat())
    };
    let at = (ftyp.len() + meta(0).len() + 8) as u32;
    [ftyp, meta(at), boxed(b"mdat", &exif)].concat()
}

fn saved(metadata: &FileMetadata, format: FileFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    files::encode(&photo(40, 60), metadata, format, &mut file).unwrap();
    file.into_inner()
}

fn exif_of(file: &[u8]) -> exif::Exif {
    exif::Reader::new().read_from_container(&mut Cursor::new(file)).unwrap()
}

fn text(exif: &exif::Exif, tag: Tag) -> Option<String> {
    Some(exif.get_field(tag, In::PRIMARY)?.display_value().to_string())
}

/// Properties of the packet of a file: "vocabulary name" and value.
fn properties(file: &[u8]) -> Vec<(String, String)> {
    let packet = FileMetadata::read(file)
        .unwrap()
        .xmp
        .or_else(|| files::decode(Cursor::new(file)).unwrap().metadata.xmp);
    let packet =
        String::from_utf8(packet.unwrap_or_else(|| panic!("no packet in {:?}", &file[..12]))).unwrap();
    let tree = roxmltree::Document::parse(packet.trim_start_matches('\u{feff}')).expect("well-formed XMP");
    let mut found = Vec::new();
    for description in tree.descendants().filter(|node| node.tag_name().name() == "Description") {
        for attribute in description.attributes() {
            let name = format!("{}{}", attribute.namespace().unwrap_or_default(), attribute.name());
            found.push((name, attribute.value().to_owned()));
        }
        for child in description.children().filter(roxmltree::Node::is_element) {
            let tag = child.tag_name();
            let text: String =
                child.descendants().filter(|n| n.is_text()).filter_map(|n| n.text()).map(str::trim).collect();
            found.push((format!("{}{}", tag.namespace().unwrap_or_default(), tag.name()), text));
        }
    }
    found
}

fn has(found: &[(String, String)], name: &str, value: &str) -> bool {
    found.iter().any(|(n, v)| n == name && v == value)
}

const SOURCE_TYPE: &str = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/DigitalSourceType";
const BY_MODEL: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia";
const FORMATS: [FileFormat; 3] = [FileFormat::JPEG, FileFormat::Png, FileFormat::Tiff];

#[test]
fn metadata_goes_from_every_container_to_every_format() {
    let icc = profile(b"RGB ");
    for little_endian in [true, false] {
        let exif = block(little_endian);
        let jpeg = jpeg(&exif, &icc, XMP);
        let png = saved(&FileMetadata::read(&jpeg).unwrap(), FileFormat::Png);
        for (name, file, has_profile) in [
            ("jpeg", jpeg, true),
            ("png", png, true),
            ("webp", webp(&exif, &icc, XMP.as_bytes(), (60, 40)), true),
            ("avif", avif(&exif, XMP.as_bytes(), (60, 40)), false),
        ] {
            let metadata = FileMetadata::read(&file).unwrap().upright(40, 60);
            assert_eq!(metadata.icc.is_some(), has_profile, "{name}");
            for format in FORMATS {
                let file = saved(&metadata, format);
                let exif = exif_of(&file);
                let number = |tag| exif.get_field(tag, In::PRIMARY).and_then(|f| f.value.get_uint(0));
                assert_eq!(text(&exif, Tag::DateTimeOriginal).unwrap(), "1954-07-04 12:00:00", "{name}");
                assert_eq!(text(&exif, Tag::Make).unwrap(), "\"Maker\"", "{name}");
                assert_eq!(text(&exif, Tag::GPSLatitude).unwrap(), "52 deg 31 min 12 sec", "{name}");
                assert_eq!(number(Tag::PixelXDimension), Some(40), "{name}");
                assert_eq!(number(Tag::PixelYDimension), Some(60), "{name}");
                assert!(matches!(number(Tag::Orientation), None | Some(1)), "{name} to {format:?}");
                assert!(exif.fields().all(|field| field.ifd_num == In::PRIMARY), "a thumbnail is left");
                let found = properties(&file);
                assert!(has(&found, "http://ns.adobe.com/xap/1.0/Rating", "5"), "{found:?}");
                assert!(has(&found, "http://purl.org/dc/elements/1.1/creator", "A. & B."), "{found:?}");
                assert!(has(&found, "http://ns.adobe.com/tiff/1.0/Make", "A \"maker\""), "{found:?}");
                assert!(!found.iter().any(|(name, _)| name.ends_with("Orientation")), "{found:?}");
                let decoded = files::decode(Cursor::new(&file)).unwrap();
                assert_eq!(decoded.metadata.icc.as_deref(), has_profile.then_some(&icc[..]), "{name}");
                assert_eq!((decoded.photo.width(), decoded.photo.height()), (40, 60));
            }
        }
    }
}

#[test]
fn a_photograph_on_its_side_is_turned_once() {
    let decoded = files::decode(Cursor::new(jpeg(&block(true), &profile(b"RGB "), XMP))).unwrap();
    assert_eq!((decoded.photo.width(), decoded.photo.height()), (40, 60));
    let again = files::decode(Cursor::new(saved(&decoded.metadata, FileFormat::JPEG))).unwrap();
    assert_eq!((again.photo.width(), again.photo.height()), (40, 60));
}

#[test]
fn the_makers_note_stays_where_it_was() {
    let before = block(true);
    let metadata = FileMetadata { exif: Some(before.clone()), ..FileMetadata::default() };
    let mut metadata = metadata.upright(40, 60);
    metadata.remove_location();
    let note = |block: &[u8]| block.windows(18).position(|bytes| bytes == b"a maker's own note");
    assert_eq!(note(metadata.exif.as_deref().unwrap()), note(&before));
    assert!(note(&before).is_some());
}

#[test]
fn the_location_goes_and_the_rest_stays() {
    for little_endian in [true, false] {
        let file = jpeg(&block(little_endian), &profile(b"RGB "), XMP);
        let mut metadata = FileMetadata::read(&file).unwrap().upright(40, 60);
        metadata.remove_location();
        for format in FORMATS {
            let file = saved(&metadata, format);
            let exif = exif_of(&file);
            let positions = exif.fields().filter(|field| field.tag.context() == exif::Context::Gps);
            assert_eq!(positions.count(), 0, "{format:?}");
            assert_eq!(text(&exif, Tag::DateTimeOriginal).unwrap(), "1954-07-04 12:00:00");
            assert_eq!(text(&exif, Tag::Make).unwrap(), "\"Maker\"");
            let found = properties(&file);
            assert!(!found.iter().any(|(name, _)| name.to_ascii_lowercase().contains("gps")), "{found:?}");
            assert!(has(&found, "http://ns.adobe.com/xap/1.0/Rating", "5"), "{found:?}");
            // Nor does it lie about where nothing points to it.
            let bytes = metadata.exif.as_deref().unwrap();
            let latitude =
                [52u32, 1, 31, 1].map(|n| if little_endian { n.to_le_bytes() } else { n.to_be_bytes() });
            assert!(!bytes.windows(16).any(|window| window == latitude.concat()));
        }
    }
    let mut damaged = FileMetadata {
        exif: Some(b"II*\0\xFF\xFF\xFF\x7F".to_vec()),
        xmp: Some(b"<x".to_vec()),
        ..FileMetadata::default()
    };
    damaged.remove_location();
    assert_eq!(damaged, FileMetadata::default(), "what cannot be searched must not be kept");
}

#[test]
fn the_mark_joins_what_the_photograph_says() {
    let file = jpeg(&block(true), &profile(b"RGB "), XMP);
    let mut metadata = FileMetadata::read(&file).unwrap().upright(40, 60);
    let tool = format!("Autochrome {}", env!("CARGO_PKG_VERSION"));
    for _ in 0..2 {
        metadata.mark_as_colored();
        for format in FORMATS {
            let found = properties(&saved(&metadata, format));
            assert_eq!(found.iter().filter(|(name, _)| name == SOURCE_TYPE).count(), 1, "{found:?}");
            assert!(has(&found, SOURCE_TYPE, BY_MODEL), "{found:?}");
            let tools: Vec<_> = found.iter().filter(|(name, _)| name.ends_with("CreatorTool")).collect();
            assert!(tools.len() == 1 && tools[0].1 == tool, "{tools:?}");
            assert!(has(&found, "http://ns.adobe.com/xap/1.0/Rating", "5"), "{found:?}");
            let about: Vec<_> = found.iter().filter(|(name, _)| name.ends_with("#about")).collect();
            assert!(about.len() == 2 && about.iter().all(|(_, value)| value == "uuid:photo"), "{about:?}");
        }
    }
    for unreadable in [None, Some(b"no XML <".to_vec()), Some(b"<a></b>".to_vec()), Some(vec![0xFF; 9])] {
        let mut metadata = FileMetadata { xmp: unreadable, ..FileMetadata::default() };
        metadata.mark_as_colored();
        assert!(has(&properties(&saved(&metadata, FileFormat::JPEG)), SOURCE_TYPE, BY_MODEL));
    }
    let unmarked = FileMetadata::read(&file).unwrap().upright(40, 60);
    let found = properties(&saved(&unmarked, FileFormat::JPEG));
    assert!(!found.iter().any(|(name, _)| name == SOURCE_TYPE), "{found:?}");
    assert!(has(&found, "http://ns.adobe.com/xap/1.0/CreatorTool", "Scanner 3"), "{found:?}");
}

#[test]
fn a_profile_says_what_the_browser_made_of_the_photograph() {
    let srgb = profile(b"RGB ");
    for (space, kept) in [(b"RGB ", true), (b"GRAY", false), (b"CMYK", false)] {
        let metadata = FileMetadata::read(&jpeg(&block(true), &profile(space), XMP)).unwrap();
        let icc = metadata.icc.unwrap();
        assert_eq!(&icc[16..20], b"RGB ");
        assert_eq!(icc == srgb, kept);
    }
    let metadata = FileMetadata::read(&jpeg(&block(true), &srgb[..140], XMP)).unwrap();
    assert_eq!(metadata.icc, None, "browsers do not use a damaged profile either");
}

#[test]
fn what_jpeg_cannot_hold_is_left_out() {
    let long = XMP.replace("Scanner 3", &"x".repeat(70_000));
    let mut exif = block(true);
    exif.resize(70_000, 0);
    let metadata = FileMetadata { exif: Some(exif), xmp: Some(long.into_bytes()), ..FileMetadata::default() };
    let jpeg = saved(&metadata, FileFormat::JPEG);
    assert_eq!(FileMetadata::read(&jpeg).unwrap(), FileMetadata::default());
    let png = saved(&metadata, FileFormat::Png);
    assert_eq!(FileMetadata::read(&png).unwrap(), metadata);
}

/// A PNG whose header claims a size, with compressed data that would unpack to more than that.
fn png(width: u32, height: u32, bit_depth: u8, colour: u8, zeros: usize) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], content: &[u8]| {
        file.extend((content.len() as u32).to_be_bytes());
        let covered = [kind, content].concat();
        file.extend(&covered);
        file.extend(crc32fast::hash(&covered).to_be_bytes());
    };
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[bit_depth, colour, 0, 0, 0]].concat();
    chunk(b"IHDR", &head);
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![0; zeros]).unwrap();
    let packed = packed.finish().unwrap();
    chunk(b"iCCP", &[b"bomb\0\0", &packed[..]].concat());
    chunk(b"iTXt", &[b"XML:com.adobe.xmp\0\x01\0\0\0", &packed[..]].concat());
    chunk(b"IDAT", &packed);
    chunk(b"IEND", &[]);
    file
}

/// A TIFF of one strip that claims sizes.
fn tiff(width: u32, height: u32, strip_bytes: u32) -> Vec<u8> {
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    let entries: [(u16, u32); 9] = [
        (256, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, height),
        (279, strip_bytes),
    ];
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(4u16.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    file
}

/// A JPEG whose header claims this size.
fn jpeg_claiming(width: u16, height: u16) -> Vec<u8> {
    let mut file = jpeg(&block(true), &profile(b"RGB "), XMP);
    let frame = file.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    file[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    file[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    file
}

#[test]
fn absurd_sizes_are_refused_by_their_header() {
    let gif = [b"GIF89a", &[0xFF; 4][..], &[0xF7, 0, 0]].concat();
    let mut bmp = b"BM".to_vec();
    bmp.resize(14, 0);
    for number in [40u32, 60_000, 60_000] {
        bmp.extend(number.to_le_bytes());
    }
    bmp.resize(54, 0);
    for (name, file) in [
        ("png", png(60_000, 60_000, 8, 2, 1000)),
        ("deep png", png(60_000, 60_000, 16, 6, 1000)),
        ("jpeg", jpeg_claiming(65_500, 65_500)),
        ("gif", gif),
        ("bmp", bmp),
        ("webp", webp(&[], &[], &[], (16_384, 16_384))),
        ("avif", avif(&[], &[], (60_000, 60_000))),
    ] {
        let error = FileMetadata::read(&file).expect_err(name);
        assert_eq!(error.code(), "image-too-large", "{name}: {error}");
    }
    for (name, file) in [
        ("png", png(60_000, 60_000, 8, 2, 1000)),
        ("deep png", png(60_000, 60_000, 16, 6, 1000)),
        ("jpeg", jpeg_claiming(65_500, 65_500)),
        ("png with a wrong checksum", {
            let mut file = png(60, 60, 8, 6, 1000);
            file[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
            file
        }),
        ("tiff", tiff(60_000, 60_000, 1000)),
    ] {
        let error = files::decode(Cursor::new(file)).expect_err(name);
        assert_eq!(error.code(), "image-too-large", "{name}: {error}");
    }
}

#[test]
fn bombs_cost_no_memory_and_damage_is_an_error() {
    // 300 MB of zeros in 300 kB, where 100 pixels are expected; the profile and the text too.
    let bomb = png(10, 10, 8, 2, 300 << 20);
    assert!(bomb.len() < 1 << 20);
    assert_eq!(FileMetadata::read(&bomb).unwrap(), FileMetadata::default());
    for (name, file) in [
        ("strip", tiff(100, 100, u32::MAX)),
        ("short tiff", tiff(100, 100, 10_000)),
        ("nothing", Vec::new()),
        ("text", b"no photograph".to_vec()),
        ("avif", avif(&[], &[], (10, 10))),
        ("half a jpeg's head", jpeg(&block(true), &profile(b"RGB "), XMP)[..200].to_vec()),
        ("half a png", saved(&FileMetadata::default(), FileFormat::Png)[..100].to_vec()),
    ] {
        let error = files::decode(Cursor::new(file)).expect_err(name);
        assert_eq!(error.code(), "image-decode", "{name}: {error}");
    }
    let error = files::decode(Cursor::new(avif(&[], &[], (10, 10)))).unwrap_err().to_string();
    assert!(error.contains("browsers") && error.contains("PNG"), "{error}");
}

#[test]
fn no_damage_to_metadata_panics() {
    let originals = [
        jpeg(&block(true), &profile(b"RGB "), XMP),
        webp(&block(false), &profile(b"RGB "), XMP.as_bytes(), (60, 40)),
        avif(&block(true), XMP.as_bytes(), (60, 40)),
    ];
    for original in originals {
        let noise = 1 + original.len() / 1500;
        for at in (0..original.len().min(6000)).step_by(noise) {
            for value in [0x00, 0xFF, 0x80, original[at] ^ 1] {
                let mut file = original.clone();
                file[at] = value;
                if let Ok(metadata) = FileMetadata::read(&file) {
                    let mut metadata = metadata.upright(40, 60);
                    metadata.remove_location();
                    metadata.mark_as_colored();
                    saved(&metadata, FileFormat::Tiff);
                }
            }
            let _ = FileMetadata::read(&original[..at]);
        }
    }
}

#[test]
fn tiffs_of_scanners_are_read() {
    use tiff::encoder::{Compression, TiffEncoder, colortype};
    for compression in [Compression::Uncompressed, Compression::Lzw, Compression::Packbits] {
        let mut file = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut file).unwrap().with_compression(compression);
        let gray: Vec<u16> = (0..30 * 20).map(|i| i * 109).collect();
        let mut image = encoder.new_image::<colortype::Gray16>(30, 20).unwrap();
        image.encoder().write_tag(tiff::tags::Tag::Make, "Scanner").unwrap();
        image.encoder().write_tag(tiff::tags::Tag::DateTime, "1999:01:02 03:04:05").unwrap();
        image.write_data(&gray).unwrap();
        let decoded = files::decode(Cursor::new(file.into_inner())).unwrap();
        assert_eq!(decoded.photo.samples(), &Samples::U16(gray));
        let exif = exif_of(&saved(&decoded.metadata, FileFormat::JPEG));
        assert_eq!(text(&exif, Tag::Make).unwrap(), "\"Scanner\"");
        assert_eq!(text(&exif, Tag::DateTime).unwrap(), "1999-01-02 03:04:05");
    }
}
