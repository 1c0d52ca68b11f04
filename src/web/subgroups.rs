//! wgpu's WebGPU backend does not know the feature `subgroups` and so never asks the browser for it.
//! On the software adapter it is what keeps loads cheap, so it is asked for here: what Burn's runtime
//! calls, `navigator.gpu.requestAdapter`, is given a step before and one after.

use js_sys::{Array, Function, Promise, Reflect, global};
use std::sync::atomic::{AtomicBool, Ordering};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, future_to_promise};

const FEATURE: &str = "subgroups";

static ASKED: AtomicBool = AtomicBool::new(false);
static GRANTED: AtomicBool = AtomicBool::new(false);

/// Whether shaders may use subgroups of four.
pub(crate) fn granted() -> bool {
    GRANTED.load(Ordering::Relaxed)
}

/// Has devices of adapters with subgroups of four made with that feature. Before the device is opened.
pub(crate) fn ask() {
    if !ASKED.swap(true, Ordering::Relaxed) {
        // Without it everything works, only slower.
        let _ = wrap_request_adapter();
    }
}

fn get(object: &JsValue, name: &str) -> Result<JsValue, JsValue> {
    Reflect::get(object, &name.into())
}

fn function(object: &JsValue, name: &str) -> Result<Function, JsValue> {
    get(object, name)?.dyn_into()
}

/// Replaces a method of an object for good.
fn replace(
    object: &JsValue,
    name: &str,
    method: impl FnMut(JsValue) -> Result<JsValue, JsValue> + 'static,
) -> Result<(), JsValue> {
    let closure = Closure::<dyn FnMut(JsValue) -> Result<JsValue, JsValue>>::new(method);
    Reflect::set(object, &name.into(), &closure.into_js_value()).map(|_| ())
}

fn wrap_request_adapter() -> Result<(), JsValue> {
    let gpu = get(&get(&global(), "navigator")?, "gpu")?;
    let request = function(&gpu, "requestAdapter")?;
    replace(&gpu.clone(), "requestAdapter", move |options| {
        let promise: Promise = request.call1(&gpu, &options)?.dyn_into()?;
        let adapter = async move {
            let adapter = JsFuture::from(promise).await?;
            let _ = wrap_request_device(&adapter);
            Ok(adapter)
        };
        Ok(future_to_promise(adapter).into())
    })
}

fn wrap_request_device(adapter: &JsValue) -> Result<(), JsValue> {
    let features = get(adapter, "features")?;
    let has = function(&features, "has")?.call1(&features, &FEATURE.into())?;
    let info = get(adapter, "info")?;
    let four = |name| get(&info, name).is_ok_and(|size| size.as_f64() == Some(4.0));
    if !has.is_truthy() || !four("subgroupMinSize") || !four("subgroupMaxSize") {
        return Ok(());
    }
    let request = function(adapter, "requestDevice")?;
    let this = adapter.clone();
    replace(adapter, "requestDevice", move |descriptor| {
        let wanted = Array::from(&get(&descriptor, "requiredFeatures")?);
        wanted.push(&FEATURE.into());
        Reflect::set(&descriptor, &"requiredFeatures".into(), &wanted)?;
        GRANTED.store(true, Ordering::Relaxed);
        request.call1(&this, &descriptor)
    })
}
