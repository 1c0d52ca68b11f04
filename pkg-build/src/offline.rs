//! The site's service worker: `www/service-worker.js` with the list of the version's files.

use crate::server;
use anyhow::{Context, Result};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use walkdir::WalkDir;

/// Its name at the root of the site: it rules what lies beside and below it.
const WORKER: &str = "service-worker.js";

/// The folder that only a device with WebGPU needs.
const GPU: &str = "www/engine/gpu/";

/// As `www/service-worker.js` describes it.
#[derive(Serialize)]
struct Site {
    version: String,
    headers: BTreeMap<String, String>,
    headers_sha256: String,
    files: BTreeMap<String, String>,
    gpu: Vec<String>,
    models: Vec<Model>,
}

#[derive(Serialize)]
struct Model {
    path: String,
    sha256: String,
}

/// Writes the service worker of the site in `folder`, whose every file is final. Its source in
/// `folder/www` becomes the one at the root.
pub fn write(folder: &Path) -> Result<()> {
    let source = folder.join("www").join(WORKER);
    let code = fs::read_to_string(&source)?;
    fs::remove_file(source)?;
    let models = models(folder)?;
    let mut files = BTreeMap::new();
    for entry in WalkDir::new(folder) {
        let entry = entry?;
        let path = entry.path().strip_prefix(folder)?.to_string_lossy().replace('\\', "/");
        let for_people = path.ends_with(".md") || path.ends_with(".d.ts");
        if entry.file_type().is_file() && !for_people && !models.iter().any(|model| model.path == path) {
            files.insert(path, sha256(&fs::read(entry.path())?));
        }
    }
    let gpu = files.keys().filter(|path| path.starts_with(GPU)).cloned().collect();
    let headers: BTreeMap<String, String> =
        server::headers(folder)?.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
    let headers_sha256 = sha256(serde_json::to_string(&headers)?.as_bytes());
    let mut site = Site { version: String::new(), headers, headers_sha256, files, gpu, models };
    site.version = sha256((serde_json::to_string(&site)? + &code).as_bytes());
    let list = serde_json::to_string_pretty(&site)?;
    Ok(fs::write(folder.join(WORKER), format!("const SITE = {list};\n\n{code}"))?)
}

/// The models of the manifest.
fn models(folder: &Path) -> Result<Vec<Model>> {
    let manifest = fs::read_to_string(folder.join("www/models/manifest.json"))?;
    let manifest: serde_json::Value = serde_json::from_str(&manifest)?;
    let listed = manifest["models"].as_array().context("manifest.json has no list of models")?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let model = |model: &serde_json::Value| Model {
        path: format!("www/models/{}", text(&model["file"])),
        sha256: text(&model["sha256"]),
    };
    Ok(listed.iter().map(model).collect())
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
