//! The crate as a browser module: cargo for wasm32, then wasm-bindgen as a library of the very
//! version the crate uses.

use crate::process::{cargo, command, run};
use crate::snip;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;

/// The builds a page chooses from at run time; each is named after its cargo feature.
pub const DEVICES: [&str; 2] = ["cpu", "gpu"];

/// Builds the engine for one device into `out` (`autochrome.js`, `.d.ts`, `_bg.wasm`).
pub fn build(root: &Path, device: &str, out: &Path) -> Result<()> {
    let arguments = format!(
        "build --package autochrome --lib --target wasm32-unknown-unknown --profile wasm --no-default-features --features {device}"
    );
    run(&mut command(cargo(), &arguments, root))?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    let wasm = target.join("wasm32-unknown-unknown/wasm/autochrome.wasm");
    let mut output = wasm_bindgen_cli_support::Bindgen::new()
        .input_path(wasm)
        .web(true)?
        .typescript(true)
        // Bundlers would look for the file it names; the worker knows where its own lies.
        .omit_default_module_path(true)
        .out_name("autochrome")
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate_output()
        .with_context(|| format!("wasm-bindgen failed on the {device} engine"))?;
    let cut = snip::unused(output.wasm_mut());
    let registers = device == "gpu";
    // Names that are others now must not make an engine half as large again without a word.
    ensure!(cut.functions > 0 && (cut.registrations > 0) == registers, "the {device} engine: {cut:?}");
    // What wasm imports has names with hashes, which no compression makes small: a fifth of the
    // worker's code.
    let imports = output.wasm_mut().imports.iter_mut().enumerate();
    let names: Vec<_> = imports
        .map(|(i, import)| {
            let short = short_name(i);
            (std::mem::replace(&mut import.name, short.clone()), short)
        })
        .collect();
    output.emit(out)?;
    let module = out.join("autochrome.js");
    let code = renamed(fs::read_to_string(&module)?, &names)?;
    Ok(fs::write(module, code)?)
}

/// `a` to `z`, `aa` to `zz` and so on.
fn short_name(index: usize) -> String {
    let last = char::from(b'a' + (index % 26) as u8);
    match index / 26 {
        0 => last.into(),
        rest => short_name(rest - 1) + last.encode_utf8(&mut [0; 4]),
    }
}

/// Wasm-bindgen's module with other names for what it gives to wasm: one line begins with each.
fn renamed(mut code: String, names: &[(String, String)]) -> Result<String> {
    for (long, short) in names {
        let key = |name: &str| format!("\n        {name}: ");
        ensure!(code.matches(&key(long)).count() == 1, "wasm-bindgen's module gives no {long}");
        code = code.replace(&key(long), &key(short));
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_differ() {
        let names: Vec<_> = (0..1000).map(short_name).collect();
        assert_eq!(
            [&names[0], &names[25], &names[26], &names[701], &names[702]],
            ["a", "z", "aa", "zz", "aaa"]
        );
        assert_eq!(names.iter().collect::<std::collections::HashSet<_>>().len(), names.len());
    }

    #[test]
    fn each_import_is_renamed_once() {
        let code = "const import0 = {\n        __wbg_now_0: () => now(),\n        __wbg_now_01: f,\n    };";
        let names =
            [("__wbg_now_0", "a"), ("__wbg_now_01", "b")].map(|(long, short)| (long.into(), short.into()));
        let renamed_code = renamed(code.into(), &names).unwrap();
        assert_eq!(renamed_code, "const import0 = {\n        a: () => now(),\n        b: f,\n    };");
        assert!(renamed(code.into(), &[("__wbg_then_0".into(), "c".into())]).is_err());
    }
}
