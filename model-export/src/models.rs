//! Model files from disk, and the one inside the program.

use crate::input;
use crate::terminal::say;
use anyhow::{Context, Result};
use autochrome::model::weights::{EncoderFile, MAX_FILE, ModelFile};
use std::borrow::Cow;
use std::path::Path;

/// The model that the site ships, so that the installed tool works without any file beside it.
const DEFAULT: &[u8] = include_bytes!("../../www/models/lite2-int8.safetensors");

/// Bytes of the model at `path`, or of the default one.
pub fn bytes(path: Option<&Path>) -> Result<Cow<'static, [u8]>> {
    match path {
        None => Ok(Cow::Borrowed(DEFAULT)),
        Some(path) => input::bytes(path, MAX_FILE as u64).map(Cow::Owned),
    }
}

/// The model at `path`, or the default one. Says on stderr what it does not use.
pub fn read(path: Option<&Path>) -> Result<ModelFile> {
    let name = path.map_or_else(|| "the default model".to_owned(), |path| path.display().to_string());
    let model = ModelFile::read(&bytes(path)?).with_context(|| name.clone())?;
    if let Some(origin) = &model.origin
        && !origin.unused.is_empty()
    {
        say!("{name}: not used: {}", origin.unused.join(", "));
    }
    Ok(model)
}

/// The encoder at `path`, for a training to begin with.
pub fn read_encoder(path: &Path) -> Result<EncoderFile> {
    let encoder = EncoderFile::read(&bytes(Some(path))?).with_context(|| path.display().to_string())?;
    encoder.with_context(|| format!("{} holds no EfficientNet-Lite encoder", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_model_is_the_one_the_site_ships() {
        let manifest: serde_json::Value =
            serde_json::from_str(include_str!("../../www/models/manifest.json")).unwrap();
        let first = &manifest["models"][0];
        assert_eq!(first["sha256"], autochrome::model::weights::sha256(DEFAULT));
        assert_eq!(first["bytes"], DEFAULT.len());
    }
}
