//! Names the page's modules to the browser beforehand. It would find them one level of imports after
//! the other, with a way to the server and back for each.

use crate::bundle::bundle;
use anyhow::{Context, Result};
use lol_html::html_content::ContentType;
use lol_html::{RewriteStrSettings, element, rewrite_str};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Where esbuild writes, for as long as it takes to read that.
const BUNDLED: &str = "bundled";

/// Names in the site's page the modules that its own import. `own` is `pkg-build/`, which has esbuild.
pub fn write(own: &Path, site: &Path) -> Result<()> {
    let page = site.join("index.html");
    let html = fs::read_to_string(&page)?;
    let mut named = Vec::new();
    rewrite_str(
        &html,
        RewriteStrSettings::new().append_element_content_handler(element!(
            "script[type=module][src]",
            |script| {
                named.extend(script.get_attribute("src"));
                Ok(())
            }
        )),
    )?;
    let mut imported = BTreeSet::new();
    for module in &named {
        imported.extend(imported_by(own, site, module)?);
    }
    let links: String = imported
        .iter()
        .filter(|path| !named.contains(path))
        .map(|path| format!("<link rel=\"modulepreload\" href=\"{path}\">\n    "))
        .collect();
    let mut links = Some(links);
    let html = rewrite_str(
        &html,
        RewriteStrSettings::new().append_element_content_handler(element!(
            "script[type=module][src]",
            |script| {
                if let Some(links) = links.take() {
                    script.before(&links, ContentType::Html);
                }
                Ok(())
            }
        )),
    )?;
    Ok(fs::write(page, html)?)
}

/// Modules that `module` imports, and those that they import, relative to the site.
fn imported_by(own: &Path, site: &Path, module: &str) -> Result<BTreeSet<String>> {
    let outputs = format!("--outfile={BUNDLED}/code.js --metafile={BUNDLED}/graph.json");
    bundle(own, site, &format!("{module} --format=esm {outputs}"))?;
    let folder = site.join(BUNDLED);
    let graph: Graph = serde_json::from_str(&fs::read_to_string(folder.join("graph.json"))?)?;
    fs::remove_dir_all(folder)?;
    graph.imported_by(module)
}

/// As far as esbuild's metafile is read here; its paths are relative to the folder it ran in.
#[derive(Deserialize)]
struct Graph {
    inputs: BTreeMap<String, Module>,
}

#[derive(Deserialize)]
struct Module {
    imports: Vec<Import>,
}

#[derive(Deserialize)]
struct Import {
    path: String,
    kind: String,
}

impl Graph {
    /// Not what is imported later, by a call: it may never be needed.
    fn imported_by(&self, module: &str) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        let mut open = vec![module];
        while let Some(path) = open.pop() {
            let module = self.inputs.get(path).with_context(|| format!("esbuild says nothing of {path}"))?;
            for import in module.imports.iter().filter(|import| import.kind == "import-statement") {
                if found.insert(import.path.clone()) {
                    open.push(&import.path);
                }
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_imports_are_followed_and_no_others() {
        let import = |path: &str, kind: &str| serde_json::json!({ "path": path, "kind": kind });
        let imports = |list: &[serde_json::Value]| serde_json::json!({ "bytes": 1, "imports": list });
        let metafile = serde_json::json!({ "inputs": {
            "page.js": imports(&[
                import("a.js", "import-statement"),
                import("later.js", "dynamic-import"),
            ]),
            "a.js": imports(&[import("b.js", "import-statement")]),
            "b.js": imports(&[import("a.js", "import-statement")]),
            "later.js": imports(&[import("c.js", "import-statement")]),
            "c.js": imports(&[]),
        } });
        let graph: Graph = serde_json::from_value(metafile).unwrap();
        let found: Vec<_> = graph.imported_by("page.js").unwrap().into_iter().collect();
        assert_eq!(found, ["a.js", "b.js"]);
        assert!(graph.imported_by("other.js").is_err());
    }
}
