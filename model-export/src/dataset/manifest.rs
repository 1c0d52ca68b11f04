//! The list that may lie beside photographs: where each comes from and what it shows.

use crate::input;
use anyhow::{Context, Result};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use std::collections::HashMap;
use std::io::{BufReader, Read};
use std::path::Path;

/// Names under which a list is looked for.
pub(super) const NAMES: [&str; 2] = ["manifest.csv", "manifest.csv.gz"];

/// A list's row on one photograph. Columns are found by their header, others are passed over.
#[derive(Debug, Deserialize)]
struct Row {
    /// Its path within the archive or folder.
    file: String,
    /// The collection it comes from.
    source: Option<String>,
    /// Its label, in the collection's words.
    class: Option<String>,
}

/// A list, by photograph.
#[derive(Debug, Default)]
pub struct Manifest {
    rows: HashMap<String, (Option<String>, Option<String>)>,
}

impl Manifest {
    /// The list in a folder; an empty one where there is none.
    ///
    /// # Errors
    /// For a list that cannot be read, or has no column `file`.
    pub fn of_folder(folder: &Path) -> Result<Self> {
        for name in NAMES {
            let path = folder.join(name);
            if !path.is_file() {
                continue;
            }
            let file = input::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let file = BufReader::new(file);
            let reader: Box<dyn Read> =
                if name.ends_with(".gz") { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
            return Self::read(reader).with_context(|| {
                let columns = "a column `file`, and perhaps `source` and `class`";
                format!("{} cannot be read as a list with {columns}", path.display())
            });
        }
        Ok(Self::default())
    }

    fn read(reader: impl Read) -> Result<Self> {
        let mut rows = HashMap::new();
        for row in csv::Reader::from_reader(reader).into_deserialize() {
            let Row { file, source, class } = row?;
            let given = |text: Option<String>| text.filter(|text| !text.is_empty());
            rows.insert(file, (given(source), given(class)));
        }
        Ok(Self { rows })
    }

    /// The source and class of a photograph, where the list has them.
    pub fn get(&self, file: &str) -> (Option<&str>, Option<&str>) {
        self.rows.get(file).map_or((None, None), |(source, class)| (source.as_deref(), class.as_deref()))
    }
}
