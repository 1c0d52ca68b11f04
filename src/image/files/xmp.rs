//! Editing of XMP packets, for a photograph that is now upright and in colour.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};
use quick_xml::reader::NsReader;

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const XMP: &str = "http://ns.adobe.com/xap/1.0/";
const XMP_NOTE: &str = "http://ns.adobe.com/xmp/note/";
const TIFF: &str = "http://ns.adobe.com/tiff/1.0/";
const IPTC: &str = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/";
/// Google's properties of cameras, some of which tell of a film behind the photograph.
const CAMERA: &str = "http://ns.google.com/photos/1.0/camera/";

/// The beginnings of vocabularies that describe nothing but data beside the photograph: lists of appended
/// files, gain maps, depth maps, sounds, second pictures.
const PROMISES: [&str; 9] = [
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/1.0/depthmap/",
    "http://ns.google.com/photos/1.0/image/",
    "http://ns.google.com/photos/1.0/audio/",
    "http://ns.google.com/photos/dd/1.0/",
    "http://ns.adobe.com/hdr-gain-map/1.0/",
    "http://ns.apple.com/HDRGainMap/1.0/",
    "http://ns.apple.com/pixeldatainfo/1.0/",
    "http://ns.apple.com/depthBlurEffect/1.0/",
];

/// "Edited using Generative AI" of IPTC's vocabulary: an existing photograph to which a trained
/// model has added. The colours are such an addition, since the model invents them.
/// `trainedAlgorithmicMedia` would mean that there was no photograph, and
/// `algorithmicallyEnhanced` is for corrections that invent nothing.
const COLORED_BY_MODEL: &str =
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia";

const EMPTY: &str = concat!(
    "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">",
    "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"></rdf:RDF>",
    "</x:xmpmeta>\n<?xpacket end=\"w\"?>"
);

/// The packet without the properties that no longer hold: orientation, thumbnails, the reference to a
/// second part of the packet, and what promises data behind the photograph (a film, a gain map, depth): neither
/// is carried over. `None` for a packet that is no XML.
pub(super) fn upright(packet: &[u8]) -> Option<Vec<u8>> {
    const STALE: [(&str, &str); 3] =
        [(TIFF, "Orientation"), (XMP, "Thumbnails"), (XMP_NOTE, "HasExtendedXMP")];
    let promises = |(vocabulary, name): (&str, &str)| {
        PROMISES.iter().any(|promise| vocabulary.starts_with(promise))
            || vocabulary == CAMERA
                && ["MotionPhoto", "MicroVideo"].iter().any(|start| name.starts_with(start))
    };
    rewrite(std::str::from_utf8(packet).ok()?, &|name| STALE.contains(&name) || promises(name), None)
}

/// The packet without positions: without properties named GPS… in any vocabulary, since drones have their
/// own beside EXIF's. `None` for a packet that is no XML.
pub(super) fn without_location(packet: &[u8]) -> Option<Vec<u8>> {
    let is_position =
        |(_, name): (&str, &str)| name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("gps"));
    rewrite(std::str::from_utf8(packet).ok()?, &is_position, None)
}

/// The packet with the mark of a photograph that a model has coloured; a new packet where there is none, or
/// none that can be read.
pub(super) fn marked(packet: Option<&[u8]>) -> Vec<u8> {
    let replaced = |name: (&str, &str)| name == (IPTC, "DigitalSourceType") || name == (XMP, "CreatorTool");
    let mark = |about: &str| {
        format!(
            "<rdf:Description xmlns:rdf=\"{RDF}\" rdf:about=\"{about}\" xmlns:xmp=\"{XMP}\" \
             xmlns:Iptc4xmpExt=\"{IPTC}\" xmp:CreatorTool=\"Autochrome {version}\" \
             Iptc4xmpExt:DigitalSourceType=\"{COLORED_BY_MODEL}\"/>",
            version = env!("CARGO_PKG_VERSION")
        )
    };
    packet
        .and_then(|packet| rewrite(std::str::from_utf8(packet).ok()?, &replaced, Some(&mark)))
        .or_else(|| rewrite(EMPTY, &replaced, Some(&mark)))
        .expect("the empty packet is well-formed")
}

/// Copies a packet without the properties for whose vocabulary and name `dropped` is true, and with the
/// element that `added` makes for the resource that the packet describes. All else is copied unchanged,
/// but for the padding.
fn rewrite(
    packet: &str,
    dropped: &dyn Fn((&str, &str)) -> bool,
    added: Option<&dyn Fn(&str) -> String>,
) -> Option<Vec<u8>> {
    let mut reader = NsReader::from_str(packet.trim_end_matches('\0'));
    let mut out = String::with_capacity(packet.len() + 512);
    let (mut about, mut depth, mut has_rdf) = (None, 0usize, false);
    loop {
        let before = reader.buffer_position() as usize;
        let event = reader.read_event().ok()?;
        let raw = packet.get(before..reader.buffer_position() as usize)?;
        let name = |name: QName| {
            let (vocabulary, local) = reader.resolver().resolve_element(name);
            (of(&vocabulary).to_owned(), local.into_inner().to_owned())
        };
        match &event {
            Event::Start(element) | Event::Empty(element) => {
                let start = matches!(event, Event::Start(_));
                let (vocabulary, local) = name(element.name());
                if dropped((&vocabulary, &local)) {
                    if start {
                        let end = element.to_end().into_owned();
                        reader.read_to_end(end.name()).ok()?;
                    }
                    continue;
                }
                if vocabulary == RDF && local == "Description" && about.is_none() {
                    about = attribute(&reader, element, RDF, "about");
                }
                if vocabulary == RDF && local == "RDF" && !start {
                    let open = raw.strip_suffix("/>")?;
                    let inside = added.map_or_else(String::new, |added| added(""));
                    out.extend([open, ">", &inside, "</", element.name().into_inner(), ">"]);
                    has_rdf = true;
                    continue;
                }
                depth += usize::from(start);
                copy_element(&reader, element, raw, start, dropped, &mut out)?;
            }
            Event::End(element) => {
                depth = depth.checked_sub(1)?;
                if name(element.name()) == (RDF.to_owned(), "RDF".to_owned()) {
                    if let Some(added) = added.filter(|_| !has_rdf) {
                        out.push_str(&added(about.as_deref().unwrap_or_default()));
                    }
                    has_rdf = true;
                }
                out.push_str(raw);
            }
            // Padding that writers leave for later edits.
            Event::Text(_) if depth == 0 && raw.trim().is_empty() => out.push('\n'),
            Event::Eof => break,
            _ => out.push_str(raw),
        }
    }
    (has_rdf && depth == 0).then(|| out.into_bytes())
}

/// Copies the start of an element without the dropped attributes; copies nothing of an element that is then
/// empty.
fn copy_element(
    reader: &NsReader<&[u8]>,
    element: &BytesStart,
    raw: &str,
    start: bool,
    dropped: &dyn Fn((&str, &str)) -> bool,
    out: &mut String,
) -> Option<()> {
    let mut kept = Vec::new();
    let (mut complete, mut has_content) = (true, start);
    for attribute in element.attributes() {
        let attribute = attribute.ok()?;
        let (vocabulary, local) = reader.resolver().resolve_attribute(attribute.key);
        let name = (of(&vocabulary), local.into_inner());
        if dropped(name) {
            complete = false;
        } else {
            has_content |= attribute.key.as_namespace_binding().is_none() && name != (RDF, "about");
            kept.push(attribute);
        }
    }
    if complete {
        out.push_str(raw);
        return Some(());
    }
    if !has_content {
        return Some(());
    }
    out.extend(["<", element.name().into_inner()]);
    for attribute in kept {
        // The value may have been quoted by apostrophes.
        let value = attribute.value.replace('"', "&quot;");
        out.extend([" ", attribute.key.into_inner(), "=\"", &value, "\""]);
    }
    out.push_str(if start { ">" } else { "/>" });
    Some(())
}

/// The value of an attribute, still escaped.
fn attribute(reader: &NsReader<&[u8]>, element: &BytesStart, vocabulary: &str, name: &str) -> Option<String> {
    element.attributes().flatten().find_map(|attribute| {
        let (found, local) = reader.resolver().resolve_attribute(attribute.key);
        (of(&found) == vocabulary && local.into_inner() == name)
            .then(|| attribute.value.replace('"', "&quot;"))
    })
}

/// The vocabulary that a prefix stands for.
fn of<'a>(resolved: &ResolveResult<'a>) -> &'a str {
    match resolved {
        ResolveResult::Bound(namespace) => namespace.into_inner(),
        _ => "",
    }
}
