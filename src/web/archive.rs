//! A ZIP whose entries stay in JavaScript; only what stands between them is made here.

use crate::image::archive::{Archive, Date};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;

/// See [`Archive`].
#[wasm_bindgen]
#[derive(Default)]
pub struct ArchiveWriter(Archive);

#[wasm_bindgen]
impl ArchiveWriter {
    /// An empty archive.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins an entry of `length` bytes, changed at `date` (its local time).
    ///
    /// # Errors
    /// `invalid-argument` for a name that ZIP cannot hold.
    pub fn begin(&mut self, name: &str, length: f64, date: &js_sys::Date) -> Result<(), JsValue> {
        let date = Date {
            year: date.get_full_year() as u16,
            month: date.get_month() as u8 + 1,
            day: date.get_date() as u8,
            hour: date.get_hours() as u8,
            minute: date.get_minutes() as u8,
            second: date.get_seconds() as u8,
        };
        Ok(self.0.begin(name, length as u64, date)?)
    }

    /// The next bytes of the entry: only their checksum is taken.
    ///
    /// # Errors
    /// `invalid-argument` for more bytes than were announced.
    pub fn append(&mut self, piece: &[u8]) -> Result<(), JsValue> {
        Ok(self.0.append(piece)?)
    }

    /// Takes back the entry that was begun last.
    pub fn abandon(&mut self) {
        self.0.abandon();
    }

    /// What stands before the first entry's bytes, before the second's, …, and after the last's.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn finish(self) -> Result<Array, JsValue> {
        Ok(self.0.finish()?.iter().map(|part| Uint8Array::from(part.as_slice())).collect())
    }
}
