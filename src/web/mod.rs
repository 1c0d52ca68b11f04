//! The crate as JavaScript sees it, inside the worker: `Engine` (a model on a device) makes
//! `Picture`s (a photograph with its predicted colours). The only room that knows wasm-bindgen.

mod archive;
mod engine;
mod frames;
mod input;
mod messages;
mod pace;
mod pictures;

use crate::error::Error;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

impl From<Error> for JsValue {
    fn from(error: Error) -> Self {
        let value = js_sys::Error::new(&error.to_string());
        // Setting a property of a fresh object cannot fail.
        let _ = js_sys::Reflect::set(&value, &"code".into(), &error.code().into());
        value.into()
    }
}
