//! The photographs of a folder and its folders. Links are followed, each file and linked folder once; what
//! is left out is counted, and what cannot be read does not end the rest.

use crate::dataset::{is_archive, is_photograph};
use crate::paths::Identity;
use crate::terminal::say;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// The outcome of a walk.
#[derive(Debug, Default)]
pub struct Found {
    /// Photographs in the order of their names, folder by folder.
    pub photographs: Vec<PathBuf>,
    /// Archives, where they are wanted.
    pub archives: Vec<PathBuf>,
    /// A line for each thing that could not be read.
    pub problems: Vec<String>,
    /// Links that lead back to where they lie.
    loops: Vec<String>,
    left_out: LeftOut,
}

/// Numbers of what is in a folder and not taken.
#[derive(Debug, Default)]
struct LeftOut {
    /// By ending.
    others: BTreeMap<String, usize>,
    hidden: usize,
    /// FIFOs, sockets, devices.
    special: usize,
    /// Links to what is taken already.
    again: usize,
}

impl LeftOut {
    fn text(&self) -> Option<String> {
        let mut parts = Vec::new();
        let mut add = |count: usize, one: &str, many: &str| {
            if count > 0 {
                parts.push(format!("{count} {}", if count == 1 { one } else { many }));
            }
        };
        let others: usize = self.others.values().sum();
        let kinds: Vec<String> = self.others.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let kinds = kinds.join(", ");
        add(others, &format!("other file ({kinds})"), &format!("other files ({kinds})"));
        add(self.hidden, "hidden file", "hidden files");
        add(self.special, "FIFO, socket or device", "FIFOs, sockets and devices");
        add(self.again, "link to what is taken already", "links to what is taken already");
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

impl Found {
    /// Says what was left out and what could not be read. Returns how many problems there were.
    pub fn tell(&self, folder: &Path) -> usize {
        for line in &self.loops {
            say!("{line}");
        }
        for problem in &self.problems {
            say!("error: {problem}");
        }
        if let Some(text) = self.left_out.text() {
            say!("{}: left out {text}", folder.display());
        }
        self.problems.len()
    }
}

/// A file that a walk came by.
struct Candidate {
    path: PathBuf,
    identity: Option<Identity>,
    /// Whether a link leads to it, its own or one of a folder above.
    linked: bool,
}

/// Walks through a folder, less the folders that are to be passed by.
pub fn walk(folder: &Path, with_archives: bool, pass_by: impl Fn(&Path) -> bool) -> Found {
    let mut found = Found::default();
    let mut candidates = Vec::new();
    let mut linked_folders: Vec<PathBuf> = Vec::new();
    let mut entered = HashSet::new();
    let mut entries = WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter();
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                found.note(&error, folder, with_archives);
                continue;
            }
        };
        let path = entry.path();
        if entry.file_type().is_dir() {
            let again = entry.depth() > 0 && entry.path_is_symlink() && {
                linked_folders.push(path.to_owned());
                identity(&entry).is_some_and(|identity| !entered.insert(identity))
            };
            found.left_out.again += usize::from(again);
            if again || entry.depth() > 0 && pass_by(path) {
                entries.skip_current_dir();
            }
        } else if !entry.file_type().is_file() {
            found.left_out.special += 1;
        } else if is_photograph(path) || with_archives && is_archive(path) {
            let linked =
                entry.path_is_symlink() || linked_folders.iter().any(|folder| path.starts_with(folder));
            candidates.push(Candidate { identity: identity(&entry), linked, path: entry.into_path() });
        } else if is_hidden(path) {
            found.left_out.hidden += 1;
        } else if !crate::dataset::is_list(path) {
            *found.left_out.others.entry(ending(path)).or_default() += 1;
        }
    }
    // A file itself comes before the links to it, wherever they stand.
    let mut taken: HashSet<Identity> = candidates
        .iter()
        .filter(|candidate| !candidate.linked)
        .filter_map(|candidate| candidate.identity.clone())
        .collect();
    for Candidate { path, identity, linked } in candidates {
        if linked && identity.is_some_and(|identity| !taken.insert(identity)) {
            found.left_out.again += 1;
        } else if is_archive(&path) {
            found.archives.push(path);
        } else {
            found.photographs.push(path);
        }
    }
    found
}

impl Found {
    /// Notes why a walk could not go on at some place.
    fn note(&mut self, error: &walkdir::Error, folder: &Path, with_archives: bool) {
        let path = error.path().unwrap_or(folder);
        if let Some(ancestor) = error.loop_ancestor() {
            let (path, ancestor) = (path.display(), ancestor.display());
            self.loops.push(format!("{path} leads back to {ancestor} and is not followed"));
            return;
        }
        let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
        let wanted = is_photograph(path) || with_archives && is_archive(path);
        if is_link && !wanted && path.extension().is_some() {
            // A link to nowhere under a name that would not be taken anyway.
            *self.left_out.others.entry(ending(path)).or_default() += 1;
            return;
        }
        let cause = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
        self.problems.push(format!("cannot read {}: {cause}", path.display()));
    }
}

fn identity(entry: &DirEntry) -> Option<Identity> {
    Some(Identity::of(entry.path(), &entry.metadata().ok()?))
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn ending(path: &Path) -> String {
    match path.extension() {
        Some(extension) => format!(".{}", extension.to_string_lossy().to_lowercase()),
        None => "without ending".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(found: &[PathBuf], folder: &Path) -> Vec<String> {
        found
            .iter()
            .map(|path| path.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/"))
            .collect()
    }

    #[test]
    fn endings_in_any_case_are_taken_and_the_rest_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "a.JPG",
            "b.jfif",
            "c.JPE",
            "d.Tif",
            "deep/e.webp",
            "notes.txt",
            "more.TXT",
            "f.heic",
            "README",
            "._a.JPG",
            "s.tar",
            "manifest.csv",
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = walk(folder.path(), false, |_| false);
        assert_eq!(
            names(&found.photographs, folder.path()),
            ["a.JPG", "b.jfif", "c.JPE", "d.Tif", "deep/e.webp"]
        );
        assert!(found.archives.is_empty() && found.problems.is_empty());
        assert_eq!(
            found.left_out.text().unwrap(),
            "5 other files (1 .heic, 1 .tar, 2 .txt, 1 without ending), 1 hidden file"
        );
        let found = walk(folder.path(), true, |path| path.ends_with("deep"));
        assert_eq!(found.photographs.len(), 4);
        assert_eq!(names(&found.archives, folder.path()), ["s.tar"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_once_and_loops_are_told() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("in/real")).unwrap();
        fs::create_dir(at("elsewhere")).unwrap();
        fs::write(at("in/real/z.png"), "").unwrap();
        fs::write(at("elsewhere/far.png"), "").unwrap();
        fs::hard_link(at("in/real/z.png"), at("in/twin.png")).unwrap();
        for (to, link) in [
            (at("elsewhere/far.png"), "in/b.png"),
            (at("elsewhere/far.png"), "in/c.png"),
            (at("in/real/z.png"), "in/a.png"),
            (at("elsewhere"), "in/album"),
            (at("elsewhere"), "in/album-2"),
            (at("in"), "in/loop"),
            (at("none"), "in/gone.png"),
            (at("none"), "in/gone.txt"),
            ("self".into(), "in/self"),
            ("/dev/zero".into(), "in/zero.png"),
        ] {
            symlink(to, at(link)).unwrap();
        }
        let found = walk(&at("in"), false, |_| false);
        // Both names of a file are names of it, links are not; the first link to a file elsewhere is taken.
        assert_eq!(names(&found.photographs, &at("in")), ["album/far.png", "real/z.png", "twin.png"]);
        assert!(found.loops.len() == 1 && found.loops[0].contains("loop leads back"), "{:?}", found.loops);
        let problems = found.problems.join("\n");
        assert!(found.problems.len() == 2, "{problems}");
        assert!(problems.contains("gone.png") && problems.contains("in/self"), "{problems}");
        assert_eq!(
            found.left_out.text().unwrap(),
            "1 other file (1 .txt), 1 FIFO, socket or device, 4 links to what is taken already"
        );
    }
}
