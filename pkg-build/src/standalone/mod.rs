//! The whole page as one file that opens without a server: `dist/standalone/autochrome.html`.
//!
//! A `file:` page may load nothing from beside it. So its code is bundled, its style and pictures
//! are written into it, and what it would fetch lies in data blocks. `www/parts.js` is the one module
//! that knows where such parts are; another takes its place here.

mod text;

use crate::bundle::{bundle, copy_code};
use crate::policy::{self, Policy};
use crate::site;
use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lol_html::html_content::ContentType;
use lol_html::{RewriteStrSettings, element, rewrite_str};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Folders of `www/` with what the page fetches.
const FETCHED: [&str; 4] = ["engine", "messages", "models", "samples"];

/// Modules and notes that lie there too.
const NOT_FETCHED: [&str; 3] = ["js", "ts", "md"];

/// Makes the file of the site in `site`, and returns where it is.
pub fn build(root: &Path, site: &Path) -> Result<PathBuf> {
    let own = root.join("pkg-build");
    site::NPM_PACKAGES.ensure(root)?;
    let html = fs::read_to_string(site.join("index.html")).context("there is no site; run `cargo site`")?;
    let page = Page::read(&html)?;

    let staging = tempfile::tempdir()?;
    let code = staging.path();
    copy_code(site, code)?;
    fs::copy(own.join("standalone/parts.js"), code.join("www/parts.js"))?;
    let imports = |addresses: &[String], line: fn(&str) -> String| -> String {
        addresses.iter().map(|address| line(address)).collect()
    };
    fs::write(code.join("page.js"), imports(&page.scripts, |address| format!("import \"./{address}\";\n")))?;
    fs::write(code.join("page.css"), imports(&page.styles, |address| format!("@import \"./{address}\";\n")))?;
    let bundle = |arguments: &str| bundle(&own, code, arguments);
    let script = bundle("page.js --format=esm")?;
    let style = bundle("page.css --loader:.svg=dataurl --loader:.png=dataurl --loader:.jpg=dataurl")?;
    let worker = bundle("www/worker.js --format=iife")?;

    let policy = Policy::of_page(&html)?
        .with("script-src", &format!("{} 'wasm-unsafe-eval'", source_of(&script)))
        .with("style-src", &source_of(&style))
        .with("worker-src", "blob:")
        .with("img-src", "blob: data:")
        .without("connect-src")
        .without("manifest-src");
    let mut parts = block("worker.js", "text/javascript", &worker);
    parts += &fetched(&site.join("www"))?;
    let html = page.write(&html, site, &policy, &script, &style, &parts)?;

    let out = root.join("dist/standalone/autochrome.html");
    fs::create_dir_all(out.parent().expect("the file lies in a folder"))?;
    fs::write(&out, &html)?;
    println!("standalone file: {:.2} MB, {}", html.len() as f64 / 1e6, out.display());
    Ok(out)
}

/// Addresses that the page loads in its markup.
struct Page {
    scripts: Vec<String>,
    styles: Vec<String>,
}

const SCRIPTS: &str = "script[type=module][src]";
const STYLES: &str = "link[rel=stylesheet]";

impl Page {
    fn read(html: &str) -> Result<Self> {
        let (mut scripts, mut styles) = (Vec::new(), Vec::new());
        let settings = RewriteStrSettings::new()
            .append_element_content_handler(element!(SCRIPTS, |script| {
                scripts.extend(script.get_attribute("src"));
                Ok(())
            }))
            .append_element_content_handler(element!(STYLES, |link| {
                styles.extend(link.get_attribute("href"));
                Ok(())
            }));
        rewrite_str(html, settings)?;
        ensure!(!scripts.is_empty() && !styles.is_empty(), "the page has no script or no style");
        Ok(Self { scripts, styles })
    }

    /// The page with all of it inside.
    fn write(
        &self,
        html: &str,
        site: &Path,
        policy: &Policy,
        script: &str,
        style: &str,
        parts: &str,
    ) -> Result<String> {
        let first = |known: &[String], address: Option<String>| known.first() == address.as_ref();
        let settings = RewriteStrSettings::new()
            .append_element_content_handler(element!(policy::SELECTOR, |meta| {
                Ok(meta.set_attribute("content", &policy.to_string())?)
            }))
            .append_element_content_handler(element!(SCRIPTS, |element| {
                if first(&self.scripts, element.get_attribute("src")) {
                    element.replace(&format!("<script type=\"module\">{script}</script>"), ContentType::Html);
                } else {
                    element.remove();
                }
                Ok(())
            }))
            .append_element_content_handler(element!("link", |link| {
                let rel = link.get_attribute("rel").unwrap_or_default();
                match rel.as_str() {
                    "stylesheet" if first(&self.styles, link.get_attribute("href")) => {
                        link.replace(&format!("<style>{style}</style>"), ContentType::Html);
                    }
                    "icon" => inline(link, "href", site)?,
                    // Files beside this one: there are none.
                    _ => link.remove(),
                }
                Ok(())
            }))
            .append_element_content_handler(element!("img[src]", |image| Ok(inline(image, "src", site)?)))
            .append_element_content_handler(element!("body", |body| {
                body.append(parts, ContentType::Html);
                Ok(())
            }));
        Ok(rewrite_str(html, settings)?)
    }
}

/// Puts a picture of the site in the place of its address.
fn inline(element: &mut lol_html::html_content::Element, attribute: &str, site: &Path) -> Result<()> {
    let address = element.get_attribute(attribute).unwrap_or_default();
    let bytes = fs::read(site.join(&address)).with_context(|| format!("the page shows {address}"))?;
    let url = format!("data:{};base64,{}", media_type(Path::new(&address)), BASE64_STANDARD.encode(bytes));
    Ok(element.set_attribute(attribute, &url)?)
}

/// Everything that the page may fetch, save models that it does not start with.
fn fetched(www: &Path) -> Result<String> {
    let models = site::models(www)?;
    let mut blocks = String::new();
    for folder in FETCHED.map(|name| www.join(name)).iter().filter(|folder| folder.exists()) {
        for entry in WalkDir::new(folder).sort_by_file_name() {
            let entry = entry?;
            let path = entry.path().strip_prefix(www)?.to_string_lossy().replace('\\', "/");
            let end = entry.path().extension().and_then(|end| end.to_str()).unwrap_or_default();
            let other_model = end == "safetensors" && !path.ends_with(&models[0]);
            if entry.file_type().is_file() && !NOT_FETCHED.contains(&end) && !other_model {
                let text = text::pack(&fs::read(entry.path())?)?;
                println!("{path}: {:.2} MB", text.len() as f64 / 1e6);
                blocks += &block(&path, &media_type(entry.path()), &text);
            }
        }
    }
    Ok(blocks)
}

/// A data block: the browser shows and runs nothing of it.
fn block(path: &str, media_type: &str, text: &str) -> String {
    format!("<script type=\"text/plain\" data-part=\"{path}\" data-type=\"{media_type}\">{text}</script>\n")
}

fn media_type(file: &Path) -> String {
    mime_guess::from_path(file).first_or_octet_stream().to_string()
}

/// An inline script or style as a source of the policy.
fn source_of(code: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(code)))
}
