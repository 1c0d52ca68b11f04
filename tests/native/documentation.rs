//! Pointers arrive: from code to the headings of `docs/`, and links between the repository's markdown
//! files.
//!
//! A pointer is a file of `docs/` with an anchor, as comments have it: docs/method.md#annealed-mean.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Folders of text that people wrote, and the files beside them.
const FOLDERS: [&str; 9] =
    ["src", "www", "model-export", "pkg-build", "tests", "bench", "docs", ".github", ".cargo"];

/// Folders that hold what programs made.
const MADE: [&str; 6] = ["target", "node_modules", "dist", "corpus", "screenshots", "coverage"];

/// Endings of files that may hold a pointer.
const TEXT: [&str; 12] = ["rs", "wgsl", "js", "ts", "css", "html", "py", "toml", "json", "md", "yml", "txt"];

/// Pointers from code to the method that there must be at least, so that finding none is no success.
const MIN_METHOD_POINTERS: usize = 35;

/// Links between markdown files that there must be at least.
const MIN_LINKS: usize = 40;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !MADE.contains(&name) {
                gather(&path, files);
            }
        } else if TEXT.contains(&ending) && name != "package-lock.json" {
            files.push(path);
        }
    }
}

/// Every text of ours, by its path from the root.
fn texts() -> BTreeMap<String, String> {
    let mut files = Vec::new();
    for folder in FOLDERS.iter().map(|folder| root().join(folder)).filter(|folder| folder.is_dir()) {
        gather(&folder, &mut files);
    }
    for entry in fs::read_dir(root()).expect("the root can be listed") {
        let path = entry.expect("the root can be listed").path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if path.is_file() && TEXT.contains(&ending) {
            files.push(path);
        }
    }
    let text = |path: PathBuf| {
        let name =
            path.strip_prefix(root()).expect("found below the root").to_string_lossy().replace('\\', "/");
        fs::read_to_string(&path).ok().map(|text| (name, text))
    };
    files.into_iter().filter_map(text).collect()
}

/// Lines of markdown outside of fenced code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// A heading's text as it is read: links and code without their marks.
fn read_aloud(heading: &str) -> String {
    let mut read = String::new();
    let mut rest = heading;
    while let Some((before, after)) = rest.split_once("](") {
        read.push_str(before);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    read.push_str(rest);
    read.replace(['`', '*', '['], "")
}

/// The anchors of a markdown file, as GitHub makes them: lower case, without punctuation, spaces as
/// hyphens, a number after one that was there before.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let heading = |line: &str| -> Option<String> {
        let level = line.len() - line.trim_start_matches('#').len();
        let text = line.get(level..)?.strip_prefix(' ')?;
        (1..=6).contains(&level).then(|| read_aloud(text.trim()))
    };
    let headings: Vec<String> = prose(text).filter_map(heading).collect();
    headings
        .into_iter()
        .map(|heading| {
            let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
            let slug: String =
                heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-");
            let before = seen.entry(slug.clone()).or_default();
            *before += 1;
            if *before == 1 { slug } else { format!("{slug}-{}", *before - 1) }
        })
        .collect()
}

/// Files of `docs/` that a text names, with the anchor where there is one.
fn pointers(text: &str) -> Vec<(String, Option<String>)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    text.match_indices("docs/")
        .filter_map(|(at, start)| {
            let rest = &text[at + start.len()..];
            let name = rest.split(|c: char| !is_part(c)).next()?;
            let rest = rest.strip_prefix(name)?.strip_prefix(".md")?;
            let anchor = rest.strip_prefix('#').map(|rest| {
                let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
                rest[..end].to_owned()
            });
            Some((format!("docs/{name}.md"), anchor))
        })
        .collect()
}

/// The broken pointers in code, and how many pointers to the method there are.
fn wrong_pointers(texts: &BTreeMap<String, String>) -> (Vec<String>, usize) {
    let (mut wrong, mut to_method) = (Vec::new(), 0);
    for (name, text) in texts.iter().filter(|(name, _)| !name.ends_with(".md")) {
        // The pointers below are made up.
        if name.ends_with("documentation.rs") {
            continue;
        }
        for (file, anchor) in pointers(text) {
            let Some(target) = texts.get(&file) else {
                wrong.push(format!("{name}: there is no {file}"));
                continue;
            };
            let method = file == "docs/method.md";
            to_method += usize::from(method && anchor.is_some());
            match anchor {
                Some(anchor) if !anchors(target).contains(&anchor) => {
                    wrong.push(format!("{name}: {file} has no heading #{anchor}"));
                }
                _ => {}
            }
        }
    }
    (wrong, to_method)
}

/// Targets of a markdown text's links and pictures, but for those of code.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(text) {
        // Every second part of a line lies within backticks.
        let spoken: String = line.split('`').step_by(2).collect::<Vec<_>>().join(" ");
        for (at, mark) in spoken.match_indices("](") {
            let rest = &spoken[at + mark.len()..];
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            links.push(target.to_owned());
        }
    }
    links
}

/// A relative path from a file's folder, without `..`; `None` where it leaves the repository.
fn resolved(file: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::Normal(part) => parts.push(part.to_str()?),
            _ => {}
        }
    }
    Some(parts.join("/"))
}

/// The broken links between markdown files, and how many links there are.
fn wrong_links(texts: &BTreeMap<String, String>) -> (Vec<String>, usize) {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (name, text) in texts.iter().filter(|(name, _)| name.ends_with(".md")) {
        for link in links(text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let (path, anchor) = match link.split_once('#') {
                Some((path, anchor)) => (path, Some(anchor)),
                None => (link.as_str(), None),
            };
            let target = if path.is_empty() { Some(name.clone()) } else { resolved(name, path) };
            let Some(target) = target.filter(|target| root().join(target).exists()) else {
                wrong.push(format!("{name}: {link} leads nowhere"));
                continue;
            };
            let Some(anchor) = anchor else { continue };
            let known = texts.get(&target).is_some_and(|text| anchors(text).contains(anchor));
            if !known {
                wrong.push(format!("{name}: {target} has no heading #{anchor}"));
            }
        }
    }
    (wrong, count)
}

#[test]
fn pointers_from_code_arrive() {
    let (wrong, to_method) = wrong_pointers(&texts());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(
        to_method >= MIN_METHOD_POINTERS,
        "only {to_method} pointers to docs/method.md: where are the others?"
    );
}

/// The documents that the project was built from are not in the repository.
#[test]
fn nothing_points_out_of_the_repository() {
    let gone = [concat!("SP", "EC section"), concat!("SP", "EC sections"), concat!("PIT", "FALLS")];
    let texts = texts();
    let left: Vec<String> = texts
        .iter()
        .flat_map(|(name, text)| text.lines().enumerate().map(move |(number, line)| (name, number + 1, line)))
        .filter(|(_, _, line)| {
            gone.iter().any(|gone| line.contains(gone)) || line.ends_with(concat!("SP", "EC"))
        })
        .map(|(name, number, line)| format!("{name}:{number}: {}", line.trim()))
        .collect();
    assert!(left.is_empty(), "\n{}", left.join("\n"));
}

#[test]
fn links_between_markdown_files_arrive() {
    let (wrong, count) = wrong_links(&texts());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(count >= MIN_LINKS, "only {count} links: where are the others?");
}

#[test]
fn what_leads_nowhere_is_seen() {
    let text = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let texts: BTreeMap<String, String> = [
        text("docs/method.md", "# Method\n\n## Annealed mean\n\n```\n## no heading\n```\n\n## `T` and [that](x.md): 2 × 2\n## T and that 2 2\n"),
        text("src/a.rs", "//! docs/method.md#annealed-mean, docs/method.md#t-and-that-2--2.\n//! docs/method.md\n"),
        text("src/b.rs", "/// (docs/method.md#no-heading; docs/other.md#x)"),
        text("Cargo.md", "[a](docs/method.md#annealed-mean) [b](docs/method.md#gone) `[c](gone.md)` [d](https://e.org/f.md#g)"),
    ]
    .into();
    let (wrong, to_method) = wrong_pointers(&texts);
    assert_eq!(
        wrong,
        ["src/b.rs: docs/method.md has no heading #no-heading", "src/b.rs: there is no docs/other.md"]
    );
    assert_eq!(to_method, 3);
    assert_eq!(links(&texts["Cargo.md"]).len(), 3);
    assert_eq!(resolved("docs/a.md", "../bench/b.md").as_deref(), Some("bench/b.md"));
    assert_eq!(resolved("a.md", "../b.md"), None);
    assert_eq!(anchors("# A\n## A\n").into_iter().collect::<Vec<_>>(), ["a", "a-1"]);
}
