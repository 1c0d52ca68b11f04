//! What is written against what is read: no command replaces a file that it reads, by whatever name or
//! link, nor writes two results to one place. Told before any work, as wrong usage.

use crate::Usage;
use crate::dataset::is_part_of_a_set;
use crate::input::special;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::OsString;
use std::fs::Metadata;
use std::path::{Component, Path, PathBuf};

/// What makes two paths the same file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// Device and inode: links of either kind share them.
    #[cfg(unix)]
    Inode(u64, u64),
    /// Where there is no file yet, or the system has no such numbers: its place without links.
    Place(PathBuf),
}

impl Identity {
    /// Of an existing file, with the metadata that its path leads to.
    pub fn of(path: &Path, metadata: &Metadata) -> Self {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let _ = path;
            Self::Inode(metadata.dev(), metadata.ino())
        }
        #[cfg(not(unix))]
        {
            let _ = metadata;
            Self::Place(place(path))
        }
    }
}

/// A path without links and `..`, as far as it exists; the rest is joined to that.
fn place(path: &Path) -> PathBuf {
    let mut missing: Vec<OsString> = Vec::new();
    let mut from = path;
    loop {
        let there = if from.as_os_str().is_empty() { Path::new(".") } else { from };
        if let Ok(there) = there.canonicalize() {
            let joined = missing.iter().rev().fold(there, |place, name| place.join(name));
            return joined.components().fold(PathBuf::new(), |mut place, part| {
                match part {
                    Component::ParentDir => drop(place.pop()),
                    part => place.push(part),
                }
                place
            });
        }
        let Some(parent) = from.parent() else { return path.to_owned() };
        let last = from.components().next_back();
        missing.extend(last.map(|part| part.as_os_str().to_owned()));
        from = parent;
    }
}

/// The files that a command is going to write.
#[derive(Debug, Default)]
pub struct Outputs {
    /// The option and path behind each identity; an existing file has two, its place and its inode.
    written: HashMap<Identity, (String, PathBuf)>,
    places: Vec<(String, PathBuf)>,
}

impl Outputs {
    /// Of one option.
    ///
    /// # Errors
    /// As [`Outputs::add`].
    pub fn of(option: &str, path: &Path) -> Result<Self, Usage> {
        let mut outputs = Self::default();
        outputs.add(option, path)?;
        Ok(outputs)
    }

    /// Adds a file that `option` asks for.
    ///
    /// # Errors
    /// Where two are the same, and for what can be no file of ours: a folder, a device, a file inside of
    /// a file.
    pub fn add(&mut self, option: &str, path: &Path) -> Result<(), Usage> {
        let refuse = |problem: String| Err(Usage(format!("{option} {}: {problem}", path.display())));
        let metadata = path.metadata().ok();
        if let Some(kind) = metadata.as_ref().and_then(|metadata| special(metadata.file_type())) {
            return refuse(format!("it is {kind}; give the name of a file"));
        }
        if path.file_name().is_none() {
            return refuse("it names no file".to_owned());
        }
        let above = path.ancestors().skip(1).find(|above| above.exists());
        if let Some(above) = above.filter(|above| !above.is_dir()) {
            return refuse(format!("{} is no folder", above.display()));
        }
        // A name is replaced, not the file that it is a link to, so two links to one file are two places;
        // but they are refused too, as they were one file before.
        let own = path.file_name().map(|name| place(path.parent().unwrap_or(Path::new(""))).join(name));
        let places = [own.clone(), Some(place(path))].into_iter().flatten().map(Identity::Place);
        let mut identities: Vec<Identity> = places.collect();
        identities.extend(metadata.map(|metadata| Identity::of(path, &metadata)));
        identities.dedup();
        let mut fresh = Vec::new();
        for identity in identities {
            if fresh.contains(&identity) {
                continue;
            }
            match self.written.entry(identity.clone()) {
                Entry::Occupied(other) => {
                    let (other, name) = other.get();
                    return refuse(format!("{other} {} is the same file; choose another", name.display()));
                }
                Entry::Vacant(free) => drop(free.insert((option.to_owned(), path.to_owned()))),
            }
            fresh.push(identity);
        }
        self.places.extend(own.map(|own| (option.to_owned(), own)));
        Ok(())
    }

    /// Makes sure that a file which is read stays as it is.
    ///
    /// # Errors
    /// Where it would be overwritten.
    pub fn spare(&self, read: &Path) -> Result<(), Usage> {
        let place = Identity::Place(place(read));
        let inode = read.metadata().ok().map(|metadata| Identity::of(read, &metadata));
        match self.written.get(&place).or_else(|| self.written.get(&inode?)) {
            None => Ok(()),
            Some((option, _)) => {
                let read = read.display();
                Err(Usage(format!("{read} would be overwritten by {option}; choose another name")))
            }
        }
    }

    /// [`Outputs::spare`] of many files. It looks at them only where an output is there already: a new one
    /// can be none of them.
    ///
    /// # Errors
    /// Where one would be overwritten.
    pub fn spare_all<'a>(&self, read: impl IntoIterator<Item = &'a Path>) -> Result<(), Usage> {
        let new = self.places.iter().all(|(_, place)| place.symlink_metadata().is_err());
        if new { Ok(()) } else { read.into_iter().try_for_each(|read| self.spare(read)) }
    }

    /// Makes sure that photographs, folders and archives of them stay as they are, and get no company that
    /// would be read with them the next time.
    ///
    /// # Errors
    /// Where one would be overwritten or added.
    pub fn spare_sets(&self, sets: &[PathBuf]) -> Result<(), Usage> {
        for set in sets {
            self.spare(set)?;
            if !set.is_dir() {
                continue;
            }
            let folder = place(set);
            for (option, path) in &self.places {
                if path.starts_with(&folder) && is_part_of_a_set(path) {
                    let (path, set) = (path.display(), set.display());
                    return Err(Usage(format!(
                        "{option}: {path} would lie in {set}, which is read, and be overwritten or read as part \
                         of it; choose another place"
                    )));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_place_has_no_links_and_no_way_up() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir(root.join("a")).unwrap();
        assert_eq!(place(&root.join("a/../b/c.png")), root.join("b/c.png"));
        assert_eq!(place(&root.join("none/../a/c.png")), root.join("a/c.png"));
        assert_eq!(place(&root.join("a/.")), root.join("a"));
        assert_eq!(place(Path::new("none.png")), Path::new(".").canonicalize().unwrap().join("none.png"));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(root.join("a"), root.join("link")).unwrap();
            assert_eq!(place(&root.join("link/new.png")), root.join("a/new.png"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn one_file_by_two_names_is_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("d")).unwrap();
        fs::write(at("a"), "a").unwrap();
        fs::hard_link(at("a"), at("hard")).unwrap();
        std::os::unix::fs::symlink("a", at("soft")).unwrap();
        std::os::unix::fs::symlink(".", at("here")).unwrap();
        let names = ["a", "./a", "d/../a", "hard", "soft", "here/a"];
        for written in &names {
            let outputs = Outputs::of("--out", &at(written)).unwrap();
            for read in &names {
                let error = outputs.spare(&at(read)).unwrap_err().to_string();
                assert!(error.contains("overwritten by --out"), "{written}, {read}: {error}");
                assert!(Outputs::of("--out", &at(written)).unwrap().add("--ab", &at(read)).is_err());
            }
            outputs.spare(&at("d")).unwrap();
            outputs.spare(&at("none")).unwrap();
        }
        let mut outputs = Outputs::of("--out", &at("new")).unwrap();
        assert!(outputs.add("--ab", &at("d/../new")).is_err());
        outputs.add("--ab", &at("newer")).unwrap();
        for wrong in ["d", "a/b", "a/b/c"] {
            assert!(outputs.add("--ab", &at(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_set_gets_no_company() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("set")).unwrap();
        let sets = [at("set")];
        for (written, fits) in [
            ("set/a.png", false),
            ("set/deep/b.zip", false),
            ("set/manifest.csv", false),
            ("set/prior.npy", true),
            ("other/a.png", true),
            ("set-2/a.png", true),
        ] {
            let outputs = Outputs::of("--out", &at(written)).unwrap();
            assert_eq!(outputs.spare_sets(&sets).is_ok(), fits, "{written}");
        }
    }
}
