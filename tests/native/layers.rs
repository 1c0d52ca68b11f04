//! The order of the rooms (docs/architecture.md#who-may-import-whom): what `src/` and `www/` import is
//! read from their files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use syn::visit::{self, Visit};

/// The rooms of `src/`, and those that each may import.
const ROOMS: [(&str, &[&str]); 8] = [
    ("error", &[]),
    ("color", &["error"]),
    ("image", &["error", "color"]),
    ("kernels", &["error", "color", "image"]),
    ("model", &["error", "color", "image", "kernels"]),
    ("engine", &["error", "color", "image", "kernels", "model"]),
    ("training", &["error", "color", "image", "kernels", "model", "engine"]),
    ("web", &["error", "color", "image", "kernels", "model", "engine"]),
];

/// The rooms of `www/`, by their files and folders, and those that each may import. The service worker
/// is a program of its own.
const SCRIPTS: [(&str, &[&str], &[&str]); 6] = [
    ("page", &["page.js", "page/"], &["element", "api", "shared"]),
    ("element", &["element.js", "element/"], &["api", "shared"]),
    ("api", &["autochrome.js", "client.js"], &["shared"]),
    ("worker", &["worker.js", "worker/"], &["shared", "engine"]),
    (
        "shared",
        &["assets.js", "errors.js", "offline.js", "parts.js", "protocol.js", "worker-at.js"],
        &["shared"],
    ),
    ("engine", &["engine/"], &[]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn files_below(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files_below(&path, extension, found);
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
}

type Module = Vec<String>;

fn name(module: &[String]) -> String {
    if module.is_empty() { "the crate's root".to_owned() } else { module.join("::") }
}

/// The module that a file below `src/` is.
fn module_of(file: &Path, source: &Path) -> Module {
    let path = file.strip_prefix(source).unwrap().with_extension("");
    let mut module: Module = path.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if ["mod", "lib"].contains(&module.last().unwrap().as_str()) {
        module.pop();
    }
    module
}

/// The paths that a file names, made absolute, tests left out.
struct Paths<'a> {
    modules: &'a BTreeSet<Module>,
    here: Module,
    found: BTreeSet<Module>,
}

impl Paths<'_> {
    fn add(&mut self, path: &[String]) {
        let mut absolute = self.here.clone();
        let mut rest = path;
        match path.first().map(String::as_str) {
            Some("crate") => (absolute, rest) = (Module::new(), &path[1..]),
            Some("self") => rest = &path[1..],
            Some("super") => {}
            Some(first) => {
                let child: Module = absolute.iter().cloned().chain([first.to_owned()]).collect();
                if !self.modules.contains(&child) {
                    return;
                }
            }
            None => return,
        }
        while rest.first().is_some_and(|part| part == "super") {
            absolute.pop();
            rest = &rest[1..];
        }
        absolute.extend(rest.iter().cloned());
        while !absolute.is_empty() && !self.modules.contains(&absolute) {
            absolute.pop();
        }
        self.found.insert(absolute);
    }

    fn add_use(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |ident: &syn::Ident| before.iter().cloned().chain([ident.to_string()]).collect::<Vec<_>>();
        match tree {
            syn::UseTree::Path(path) => self.add_use(&path.tree, &with(&path.ident)),
            syn::UseTree::Name(name) if name.ident == "self" => self.add(before),
            syn::UseTree::Name(name) => self.add(&with(&name.ident)),
            syn::UseTree::Rename(rename) => self.add(&with(&rename.ident)),
            syn::UseTree::Glob(_) => self.add(before),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_use(tree, before)),
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let test = module.attrs.iter().any(|attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<proc_macro2::TokenStream>().is_ok_and(|condition| {
                    condition.to_string().split(|c: char| !c.is_alphanumeric()).any(|word| word == "test")
                })
        });
        if !test && module.content.is_some() {
            self.here.push(module.ident.to_string());
            visit::visit_item_mod(self, module);
            self.here.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_use(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        // `pub(super)` and `crate` alone are no imports.
        if parts.len() > 1 {
            self.add(&parts);
        }
        visit::visit_path(self, path);
    }
}

/// The imports of each module of `src/`, read once.
fn imports() -> BTreeMap<Module, BTreeSet<Module>> {
    static READ: LazyLock<BTreeMap<Module, BTreeSet<Module>>> = LazyLock::new(read_imports);
    READ.clone()
}

fn read_imports() -> BTreeMap<Module, BTreeSet<Module>> {
    let source = root().join("src");
    let mut files = Vec::new();
    files_below(&source, "rs", &mut files);
    let modules: BTreeSet<Module> = files.iter().map(|file| module_of(file, &source)).collect();
    files
        .iter()
        .map(|file| {
            let text = fs::read_to_string(file).unwrap();
            let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let here = module_of(file, &source);
            let mut paths = Paths { modules: &modules, here: here.clone(), found: BTreeSet::new() };
            paths.visit_file(&syntax);
            paths.found.remove(&here);
            (here, paths.found)
        })
        .collect()
}

/// Imports that a room may not have.
fn forbidden(imports: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (module, imported) in imports {
        let Some(room) = module.first() else { continue };
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| name == room) else {
            wrong.push(format!("{} is in no room that is known here", name(module)));
            continue;
        };
        for target in imported {
            let fits = target.first().is_some_and(|to| to == room || allowed.contains(&to.as_str()));
            if !fits {
                wrong.push(format!("{} imports {}", name(module), name(target)));
            }
        }
    }
    wrong
}

/// Circles among the children of one folder, whose own file is their parent.
fn circles(imports: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<String> {
    let mut edges: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, imported) in imports {
        for target in imported {
            let common = module.iter().zip(target).take_while(|(a, b)| a == b).count();
            if common < module.len() && common < target.len() {
                let [from, to] = [module, target].map(|path| path[..=common].to_vec());
                edges.entry(from).or_default().insert(to);
            }
        }
    }
    let mut found = BTreeSet::new();
    for start in edges.keys() {
        // Everything that can be reached from a module, the way there kept.
        let mut ways: BTreeMap<&Module, Vec<&Module>> = BTreeMap::new();
        let mut next = vec![(start, vec![start])];
        while let Some((at, way)) = next.pop() {
            for to in edges.get(at).into_iter().flatten() {
                let way: Vec<&Module> = way.iter().copied().chain([to]).collect();
                if !ways.contains_key(to) {
                    ways.insert(to, way.clone());
                    next.push((to, way));
                }
            }
        }
        if let Some(way) = ways.get(start) {
            let mut members: Vec<String> = way[1..].iter().map(|module| name(module)).collect();
            members.sort();
            found.insert(members.join(" <-> "));
        }
    }
    found.into_iter().collect()
}

#[test]
fn rooms_import_only_those_below_them() {
    let imports = imports();
    assert!(imports.len() > 100, "{} modules were read", imports.len());
    let edges: usize = imports.values().map(BTreeSet::len).sum();
    assert!(edges > 250, "{edges} imports were read");
    let wrong = forbidden(&imports);
    assert!(wrong.is_empty(), "imports against the order of the rooms:\n{}", wrong.join("\n"));
}

#[test]
fn siblings_do_not_import_each_other_in_circles() {
    let circles = circles(&imports());
    assert!(circles.is_empty(), "circles:\n{}", circles.join("\n"));
}

fn module(path: &str) -> Module {
    path.split("::").map(str::to_owned).collect()
}

#[test]
fn an_import_upwards_and_a_circle_are_found() {
    let mut imports = imports();
    imports.get_mut(&module("color::lab")).unwrap().insert(module("engine::render"));
    assert_eq!(forbidden(&imports), ["color::lab imports engine::render"]);
    imports.get_mut(&module("color::ab_bins")).unwrap().insert(module("color::tone"));
    imports.get_mut(&module("color::tone")).unwrap().insert(module("color::ab_bins"));
    assert!(circles(&imports).contains(&"color::ab_bins <-> color::tone".to_owned()));
}

/// A script without its comments.
fn without_comments(text: &str) -> String {
    let mut rest = text;
    let mut code = String::new();
    // A `//` within an address stands after a colon.
    while let Some(start) = rest
        .find("/*")
        .into_iter()
        .chain(rest.match_indices("//").map(|(at, _)| at).find(|at| !rest[..*at].ends_with(':')))
        .min()
    {
        code += &rest[..start];
        let end = if rest[start..].starts_with("/*") { "*/" } else { "\n" };
        rest = rest[start..].find(end).map_or("", |length| &rest[start + length + end.len()..]);
        code.push('\n');
    }
    code + rest
}

/// The modules that a script imports, statically or not, as paths below `www/`.
fn imports_of_script(file: &str, text: &str) -> Vec<String> {
    let code = without_comments(text);
    let quoted = |after: &str| {
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| ['"', '\''].contains(c))?;
        after[1..].split(quote).next().map(str::to_owned)
    };
    let mut found = Vec::new();
    for keyword in ["from ", "import ", "import("] {
        for (at, _) in code.match_indices(keyword) {
            if let Some(path) = quoted(&code[at + keyword.len()..]).filter(|path| path.starts_with('.')) {
                let mut parts: Vec<&str> = file.split('/').collect();
                parts.pop();
                for part in path.split('/') {
                    match part {
                        "." => {}
                        ".." => drop(parts.pop()),
                        name => parts.push(name),
                    }
                }
                found.push(parts.join("/"));
            }
        }
    }
    found
}

fn room_of_script(file: &str) -> Option<&'static str> {
    let holds = |place: &&str| file == *place || place.ends_with('/') && file.starts_with(*place);
    SCRIPTS.iter().find(|(_, places, _)| places.iter().any(holds)).map(|(room, ..)| *room)
}

/// Imports that a script may not have.
fn forbidden_in_scripts(scripts: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (file, imported) in scripts {
        let Some(room) = room_of_script(file) else {
            wrong.push(format!("{file} is in no room that is known here"));
            continue;
        };
        let (.., allowed) = SCRIPTS.iter().find(|(name, ..)| *name == room).unwrap();
        for target in imported {
            let to = room_of_script(target);
            if !to.is_some_and(|to| to == room || allowed.contains(&to)) {
                wrong.push(format!("{file} imports {target}"));
            }
        }
    }
    wrong
}

#[test]
fn scripts_import_only_the_rooms_below_them() {
    let site = root().join("www");
    let mut files = Vec::new();
    files_below(&site, "js", &mut files);
    let mut scripts = BTreeMap::new();
    for file in &files {
        let name = file.strip_prefix(&site).unwrap().to_str().unwrap().replace('\\', "/");
        if name != "service-worker.js" {
            let imported = imports_of_script(&name, &fs::read_to_string(file).unwrap());
            scripts.insert(name, imported);
        }
    }
    let edges: usize = scripts.values().map(Vec::len).sum();
    assert!(scripts.len() > 30 && edges > 80, "{} scripts and {edges} imports were read", scripts.len());
    assert_eq!(forbidden_in_scripts(&scripts), [] as [String; 0]);

    scripts.get_mut("autochrome.js").unwrap().push("element/viewer.js".to_owned());
    assert_eq!(forbidden_in_scripts(&scripts), ["autochrome.js imports element/viewer.js"]);
}

#[test]
fn imports_of_scripts_are_read() {
    let text = "import { a } from \"../b.js\"; // import c from './c.js'\n\
        /* import './d.js' */ export * from './e.js';\nimport './f.js'; const g = () => import('../h/g.js');\n\
        const address = 'https://example.org';";
    let mut found = imports_of_script("page/x.js", text);
    found.sort();
    assert_eq!(found, ["b.js", "h/g.js", "page/e.js", "page/f.js"]);
}
