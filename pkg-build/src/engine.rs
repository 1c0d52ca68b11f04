//! The crate as a browser module: cargo for wasm32, then wasm-bindgen as a library of the very
//! version the crate uses.

use crate::process::{cargo, command, run};
use crate::snip::{self, Unused};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;

/// A build that a page chooses at run time.
pub struct Engine {
    /// The device that it runs on, which its cargo feature and its folder are named after.
    pub device: &'static str,
    /// Parts that are cut out of it.
    unused: Unused,
    /// Bytes that its wasm may have. A visitor waits for all of them before the first photograph, and
    /// what a browser compiles are the raw ones. A hundredth above the size of today: what a dependency
    /// or an operator adds is seen when it is added.
    most_bytes: u64,
}

/// Both builds.
pub const ENGINES: [Engine; 2] = [
    Engine { device: "cpu", unused: snip::CPU, most_bytes: 2_100_000 },
    Engine { device: "gpu", unused: snip::GPU, most_bytes: 4_910_000 },
];

impl Engine {
    /// Builds it into `out` (`autochrome.js`, `.d.ts`, `_bg.wasm`).
    pub fn build(&self, root: &Path, out: &Path) -> Result<()> {
        let Self { device, unused, .. } = self;
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
        let cut = unused.cut(output.wasm_mut()).with_context(|| format!("the {device} engine"))?;
        println!("{device} engine without what it does not run: {cut:?}");
        // Imports of wasm have names with hashes, which no compression makes small: a fifth of the worker's
        // code.
        let imports = output.wasm_mut().imports.iter_mut().enumerate();
        let names: Vec<_> = imports
            .map(|(i, import)| {
                let short = short_name(i);
                (std::mem::replace(&mut import.name, short.clone()), short)
            })
            .collect();
        output.emit(out)?;
        let module = out.join("autochrome.js");
        let code = with_short_debug_text(&renamed(fs::read_to_string(&module)?, &names)?)?;
        Ok(fs::write(module, code)?)
    }

    /// Says how large it is in `folder`, and fails where that is more than it may be.
    pub fn check_size(&self, folder: &Path) -> Result<()> {
        let Self { device, most_bytes, .. } = self;
        let bytes = fs::metadata(folder.join("autochrome_bg.wasm"))?.len();
        println!("{device} engine: {bytes} of {most_bytes} bytes");
        ensure!(bytes <= *most_bytes, "the {device} engine has {bytes} bytes; {most_bytes} are allowed");
        Ok(())
    }
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

/// Describes JavaScript's values, in messages of panics alone, as JavaScript does: wasm-bindgen's own way is
/// half a kilobyte of the package.
fn with_short_debug_text(code: &str) -> Result<String> {
    let head = "\nfunction debugString(val) {\n";
    let (before, rest) = code.split_once(head).context("wasm-bindgen's module has no debugString")?;
    let (_, after) = rest.split_once("\n}\n").context("wasm-bindgen's debugString has no end")?;
    Ok(format!("{before}{head}    return String(val);\n}}\n{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_text_is_one_call() {
        let code = "a\nfunction debugString(val) {\n    if (val) {\n    }\n}\n\nfunction b() {\n}\n";
        let short = "a\nfunction debugString(val) {\n    return String(val);\n}\n\nfunction b() {\n}\n";
        assert_eq!(with_short_debug_text(code).unwrap(), short);
        assert!(with_short_debug_text("function b() {\n}\n").is_err());
    }

    #[test]
    fn an_engine_above_its_budget_is_refused_with_the_figures() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("autochrome_bg.wasm"), [0; 2]).unwrap();
        let engine = |most_bytes| Engine { device: "cpu", unused: snip::CPU, most_bytes };
        engine(2).check_size(folder.path()).unwrap();
        let error = engine(1).check_size(folder.path()).unwrap_err().to_string();
        assert_eq!(error, "the cpu engine has 2 bytes; 1 are allowed");
    }

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
