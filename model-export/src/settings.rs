//! Configurations in TOML: read, and refused with the key, its line and its range.

use crate::input;
use anyhow::{Context, Error, Result, anyhow};
use serde::de::DeserializeOwned;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// A configuration's text, for the lines of its keys.
pub struct Text(String);

impl Text {
    /// Reads a configuration of this kind.
    ///
    /// # Errors
    /// With the file's name; for what is no such configuration with the line.
    pub fn read<T: DeserializeOwned>(path: &Path, kind: &str) -> Result<(T, Self)> {
        let text = input::text(path)?;
        let config = toml::from_str(&text).with_context(|| format!("{} is no {kind}", path.display()))?;
        Ok((config, Self(text)))
    }

    /// The refusal of a key, given with the tables above it and dots between.
    pub fn refuse(&self, key: &str, value: impl ToString, range: &str) -> Error {
        let place = self.line(key).map_or_else(String::new, |line| format!("line {line}: "));
        anyhow!("{place}{key} is {}; it must be {range}", value.to_string())
    }

    /// The refusal of a parameter that the engine names from below `table`.
    pub fn refuse_parameter(&self, table: &str, error: autochrome::Error) -> Error {
        match error {
            autochrome::Error::Parameter { name, value, range } => {
                self.refuse(&format!("{table}.{name}"), value, range)
            }
            other => Error::new(other).context(table.to_owned()),
        }
    }

    /// The line of a key; of the table around it where the key itself is left to its default.
    fn line(&self, key: &str) -> Option<usize> {
        let document = DeTable::parse(&self.0).ok()?;
        let mut table = document.get_ref();
        let mut start = None;
        for part in key.split('.') {
            let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == part) else { break };
            start = Some(key.span().start);
            let DeValue::Table(below) = value.get_ref() else { break };
            table = below;
        }
        Some(self.0[..start?].matches('\n').count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_key_its_line_and_its_range() {
        let text = Text("seed = 1\n[a]\nx = 2\n\n[a.b]\ny = 3\nc = { z = 4 }\n".to_owned());
        for (key, line) in [("seed", 1), ("a.x", 3), ("a.b.y", 6), ("a.b.c.z", 7), ("a.b.none", 5)] {
            assert_eq!(text.line(key), Some(line), "{key}");
        }
        assert_eq!(text.line("none"), None);
        let refusal = text.refuse("a.x", 2, "from 3 up").to_string();
        assert_eq!(refusal, "line 3: a.x is 2; it must be from 3 up");
        assert_eq!(text.refuse("d", 2, "1").to_string(), "d is 2; it must be 1");
    }
}
