//! Tells the page's modules to the browser beforehand. It would find them one level of imports after
//! the other, with a way to the server and back for each.

use anyhow::{Context, Result};
use lol_html::html_content::ContentType;
use lol_html::{RewriteStrSettings, element, rewrite_str};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Names in the site's page what its modules import.
pub fn write(site: &Path) -> Result<()> {
    let page = site.join("index.html");
    let html = fs::read_to_string(&page)?;
    let mut named = Vec::new();
    rewrite_str(
        &html,
        RewriteStrSettings::new().append_element_content_handler(element!(
            "script[type=module][src]",
            |script| {
                named.extend(script.get_attribute("src").map(PathBuf::from));
                Ok(())
            }
        )),
    )?;
    let imported = imported(site, named)?;
    let links: String =
        imported.iter().map(|path| format!("<link rel=\"modulepreload\" href=\"{path}\">\n    ")).collect();
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

/// Modules that `named` ones import, and those that they import, relative to the site.
fn imported(site: &Path, named: Vec<PathBuf>) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut open = named.clone();
    while let Some(module) = open.pop() {
        let code = fs::read_to_string(site.join(&module))
            .with_context(|| format!("the page needs {}", module.display()))?;
        for import in imports(&code) {
            let path = resolve(&module, import);
            if !named.contains(&path) && found.insert(path.to_string_lossy().replace('\\', "/")) {
                open.push(path);
            }
        }
    }
    Ok(found)
}

/// Relative addresses of a module's static imports, each on a line of its own as the formatter leaves
/// them.
fn imports(code: &str) -> impl Iterator<Item = &str> {
    code.lines().filter_map(|line| {
        let starts = ["import ", "export ", "} from "];
        let (statement, rest) = line.split_once("\"./").or_else(|| line.split_once("\"../"))?;
        let static_import = starts.iter().any(|start| statement.starts_with(start));
        let ends = statement.ends_with("from ") || statement == "import ";
        let address = &line[statement.len() + 1..line.len() - rest.len() + rest.find('"')?];
        (static_import && ends).then_some(address)
    })
}

/// What `address` is in the module `from`.
fn resolve(from: &Path, address: &str) -> PathBuf {
    let mut path = from.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(address).components() {
        match part {
            Component::ParentDir => _ = path.pop(),
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_imports_are_found_and_nothing_else() {
        let code = r#"
/** @typedef {import("./types.js").Type} Type */
import { a } from "./a.js";
import "../b.js";
import {
  long,
} from "./c.js";
export * from "./d.js";
const later = () => import("./later.js");
const text = "./text.js";
import fs from "node:fs";
"#;
        let found: Vec<_> = imports(code).collect();
        assert_eq!(found, ["./a.js", "../b.js", "./c.js", "./d.js"]);
        let resolved = |address| resolve(Path::new("www/page/tone.js"), address);
        assert_eq!(resolved("../element/viewer.js"), Path::new("www/element/viewer.js"));
        assert_eq!(resolved("./status.js"), Path::new("www/page/status.js"));
    }
}
