use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use image::{ImageBuffer, Rgb, Rgba};
use std::fs::{self, File};
use std::io::Write;
use std::sync::Arc;
use tempfile::TempDir;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

/// A picture whose every pixel differs from its neighbours, and from other pictures.
pub fn coloured(width: u32, height: u32, seed: u32) -> ImageBuffer<Rgb<u8>, Vec<u8>> {
    ImageBuffer::from_fn(width, height, |x, y| Rgb([(x * 9) as u8, (y * 7) as u8, (seed * 40 + x) as u8]))
}

pub fn dataset_of(path: &Path) -> Arc<Dataset> {
    Arc::new(Dataset::open(&[path.to_owned()]).unwrap())
}

pub fn write_zip(path: &Path, files: &[(String, Vec<u8>)], method: CompressionMethod) {
    let mut archive = zip::ZipWriter::new(File::create(path).unwrap());
    for (name, bytes) in files {
        archive.start_file(name, SimpleFileOptions::default().compression_method(method)).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
}

fn write_tar(path: &Path, files: &[(String, Vec<u8>)]) {
    let mut archive = tar::Builder::new(File::create(path).unwrap());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    archive.finish().unwrap();
}

/// Photographs in each of the forms that are read, as files would have them.
fn pictures() -> Vec<(String, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let deep: ImageBuffer<Rgba<u16>, Vec<u16>> =
        ImageBuffer::from_fn(9, 5, |x, y| Rgba([x as u16 * 7000, y as u16 * 9000, 500, 40_000]));
    let save = |name: &str, image: image::DynamicImage| {
        let path = folder.path().join(name);
        image.save(&path).unwrap();
        fs::read(path).unwrap()
    };
    // A name too long for the plain header of a tar archive.
    let long = format!("birds/{}.webp", "x".repeat(120));
    vec![
        ("a.png".to_owned(), save("a.png", coloured(12, 8, 1).into())),
        ("birds/b.jpg".to_owned(), save("b.jpg", coloured(16, 16, 2).into())),
        (long, save("c.webp", coloured(7, 11, 3).into())),
        ("birds/deep.tiff".to_owned(), save("deep.tiff", deep.into())),
    ]
}

/// Other files that lie about in archives.
fn clutter() -> Vec<(String, Vec<u8>)> {
    ["notes.txt", "._a.png", "birds/._b.jpg"].map(|name| (name.to_owned(), b"no photograph".to_vec())).into()
}

fn write_folder(folder: &Path, files: &[(String, Vec<u8>)]) {
    for (name, bytes) in files {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    }
}

fn names(dataset: &Dataset) -> Vec<String> {
    (0..dataset.len()).map(|i| dataset.item(i).name.to_owned()).collect()
}

fn error(paths: &[&Path]) -> String {
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.to_path_buf()).collect();
    format!("{:#}", Dataset::open(&paths).err().expect("no such set"))
}

#[test]
fn a_folder_and_archives_of_the_same_photographs_hold_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let all = [pictures(), clutter()].concat();
    write_folder(&folder.path().join("set"), &all);
    write_tar(&folder.path().join("set.tar"), &all);
    fs::create_dir(folder.path().join("stored")).unwrap();
    write_zip(&folder.path().join("stored/set.zip"), &all, CompressionMethod::Stored);
    write_zip(&folder.path().join("set.zip"), &all, CompressionMethod::Deflated);

    let expected = dataset_of(&folder.path().join("set"));
    assert_eq!(expected.len(), 4);
    assert_eq!(expected.sources(), ["birds", "set"]);
    for path in ["set.tar", "set.zip", "stored/set.zip"] {
        let found = dataset_of(&folder.path().join(path));
        assert_eq!(found.sources(), expected.sources(), "{path}");
        assert_eq!(found.len(), 4, "{path}");
        for i in 0..4 {
            let item = found.item(i);
            let same = (0..4).find(|j| expected.item(*j) == item).unwrap();
            assert_eq!(found.read(i).unwrap(), expected.read(same).unwrap(), "{path} {}", item.name);
            assert_eq!((item.label, item.label_index), (None, None));
        }
    }
    // From many threads at once.
    let found = dataset_of(&folder.path().join("set.zip"));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..40).for_each(|i| assert!(found.read(i % 4).is_ok())));
        }
    });
}

#[test]
fn a_list_says_source_and_class() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_zip(&at("shard-0.zip"), &pictures(), CompressionMethod::Stored);
    write_tar(&at("shard-1.tar"), &[("d.png".to_owned(), pictures()[0].1.clone())]);
    let list = "width,class,file,source\n\
        1,cat,a.png,pets\n2,\"a, b\",birds/b.jpg,pets\n3,,birds/deep.tiff,other\n4,cat,d.png,\n";
    let mut zipped = GzEncoder::new(File::create(at("manifest.csv.gz")).unwrap(), Compression::default());
    zipped.write_all(list.as_bytes()).unwrap();
    zipped.finish().unwrap();

    // The folder's archives have their list beside them.
    let dataset = dataset_of(folder.path());
    let known: Vec<(String, &str, Option<&str>)> = (0..dataset.len())
        .map(|i| dataset.item(i))
        .map(|item| (item.name.chars().take(8).collect(), item.source, item.label))
        .collect();
    let expected = [
        ("a.png", "pets", Some("pets/cat")),
        ("birds/b.", "pets", Some("pets/a, b")),
        ("birds/xx", "birds", None),
        ("birds/de", "other", None),
        ("d.png", "shard-1", Some("shard-1/cat")),
    ];
    assert_eq!(known, expected.map(|(name, source, label)| (name.to_owned(), source, label)));
    assert_eq!(dataset.labels(), ["pets/a, b", "pets/cat", "shard-1/cat"]);
    assert_eq!(dataset.item(4).label_index, Some(2));
    assert_eq!(dataset.sources(), ["birds", "other", "pets", "shard-1"]);

    // So has each of them alone, and a plain list comes before a compressed one.
    let alone = dataset_of(&at("shard-1.tar"));
    assert_eq!(
        (alone.item(0).label, alone.labels()),
        (Some("shard-1/cat"), ["shard-1/cat".to_owned()].as_slice())
    );
    fs::write(at("manifest.csv"), "file\nd.png\n").unwrap();
    assert_eq!(dataset_of(&at("shard-1.tar")).item(0).label, None);
    fs::write(at("manifest.csv"), "name\nd.png\n").unwrap();
    let error = error(&[&at("shard-1.tar")]);
    assert!(error.contains("manifest.csv") && error.contains("`file`"), "{error}");
}

#[test]
fn sources_are_chosen_and_numbers_limited() {
    let folder = tempfile::tempdir().unwrap();
    write_folder(folder.path(), &pictures());
    fs::write(folder.path().join("manifest.csv"), "file,source,class\na.png,pets,cat\n").unwrap();
    let open = || Dataset::open(&[folder.path().to_owned()]).unwrap();
    let birds = open().only_sources(&["birds".to_owned()]).unwrap();
    assert_eq!(
        (birds.len(), birds.sources(), birds.labels()),
        (3, ["birds".to_owned()].as_slice(), [].as_slice())
    );
    assert_eq!(birds.by_source(), [[0, 1, 2]]);
    let pets = open().only_sources(&["pets".to_owned()]).unwrap();
    assert_eq!((pets.len(), pets.item(0).label_index), (1, Some(0)));
    let two = open().limit(2).unwrap();
    assert_eq!(names(&two), names(&open())[..2]);
    assert!(two.read(1).is_ok());
    assert_eq!(open().limit(99).unwrap().len(), 4);
    assert!(open().limit(0).is_err());
    let error = open().only_sources(&["cars".to_owned()]).err().unwrap().to_string();
    assert!(error.contains("\"cars\"") && error.contains("birds, pets"), "{error}");
}

#[test]
fn several_paths_follow_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_folder(&at("set"), &pictures()[..1]);
    write_tar(&at("b.tar"), &pictures()[1..2]);
    let set = Dataset::open(&[at("b.tar"), at("set")]).unwrap();
    assert_eq!(names(&set), ["birds/b.jpg", "a.png"]);
}

#[test]
fn sets_without_photographs_and_paths_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_folder(&at("set"), &clutter());
    write_tar(&at("set.tar"), &clutter());
    write_zip(&at("set.zip"), &clutter(), CompressionMethod::Stored);
    write_zip(&at("empty.zip"), &[], CompressionMethod::Stored);
    for name in ["set", "set.tar", "set.zip", "empty.zip"] {
        let error = error(&[&at(name)]);
        assert!(error.contains(name) && error.contains("png, jpg, jpeg"), "{error}");
    }
    assert!(error(&[]).contains("no folder or archive"));
    assert!(error(&[&at("nowhere.tar")]).contains("nowhere.tar"));
    fs::write(at("set.tar.gz"), "anything").unwrap();
    assert!(error(&[&at("set.tar.gz")]).contains("unpacked"));
}

#[test]
fn damaged_archives_and_photographs_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_tar(&at("set.tar"), &pictures());
    write_zip(&at("set.zip"), &pictures(), CompressionMethod::Deflated);
    for name in ["set.tar", "set.zip"] {
        let mut bytes = fs::read(at(name)).unwrap();
        bytes.truncate(700);
        fs::write(at(&format!("short-{name}")), &bytes).unwrap();
        fs::write(at(&format!("noise-{name}")), [0x5a; 4000]).unwrap();
        for damaged in ["short", "noise"] {
            let damaged = format!("{damaged}-{name}");
            assert!(error(&[&at(&damaged)]).contains(&damaged));
        }
    }

    // One photograph's bytes changed: the others are still there.
    let photographs = pictures();
    let mut bytes = fs::read(at("set.tar")).unwrap();
    let place = bytes.windows(40).position(|w| *w == photographs[0].1[..40]).unwrap();
    bytes[place..place + 8].fill(0);
    fs::write(at("set.tar"), &bytes).unwrap();
    write_zip(&at("set.zip"), &photographs, CompressionMethod::Stored);
    let mut bytes = fs::read(at("set.zip")).unwrap();
    let place = bytes.windows(40).position(|w| *w == photographs[0].1[..40]).unwrap();
    // In the middle of the picture, where only the archive's sum tells.
    bytes[place + photographs[0].1.len() - 20] ^= 1;
    fs::write(at("set.zip"), &bytes).unwrap();
    for name in ["set.tar", "set.zip"] {
        let dataset = dataset_of(&at(name));
        let error = format!("{:#}", dataset.read(0).unwrap_err());
        assert!(error.contains(&format!("{name}: a.png")), "{error}");
        assert!((1..4).all(|i| dataset.read(i).is_ok()), "{name}");
    }
}

#[test]
fn a_folder_given_as_here_has_a_name() {
    let folder: TempDir = tempfile::Builder::new().prefix("photographs").tempdir().unwrap();
    write_folder(folder.path(), &pictures()[..1]);
    let dataset = dataset_of(&folder.path().join("."));
    assert!(dataset.item(0).source.starts_with("photographs"), "{}", dataset.item(0).source);
}
