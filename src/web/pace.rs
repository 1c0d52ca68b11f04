//! Progress to JavaScript, and turns of the event loop in between, so that a message to stop can
//! arrive.

use crate::engine::{Pace, Stage};
use crate::error::{Error, Result};
use gloo_timers::future::TimeoutFuture;
use wasm_bindgen::JsValue;

/// Work between two turns of the event loop, in milliseconds. A turn costs up to 4 (browsers
/// stretch nested timers to that).
const SLICE: f64 = 40.0;

pub(super) struct JsPace {
    tick: js_sys::Function,
    slice_began: f64,
}

impl JsPace {
    /// `tick(stage, done)` returns whether to stop.
    pub(super) fn new(tick: js_sys::Function) -> Self {
        Self { tick, slice_began: js_sys::Date::now() }
    }
}

impl Pace for JsPace {
    async fn tick(&mut self, stage: Stage, done: f32) -> Result<()> {
        if js_sys::Date::now() - self.slice_began >= SLICE {
            TimeoutFuture::new(0).await;
            self.slice_began = js_sys::Date::now();
        }
        let stop = self.tick.call2(&JsValue::NULL, &stage.name().into(), &done.into());
        match stop {
            Ok(answer) if !answer.is_truthy() => Ok(()),
            _ => Err(Error::Aborted),
        }
    }
}
