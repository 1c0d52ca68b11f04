//! Cuts code out of the engines that a linker has to keep and no browser runs.
//!
//! All kernels that run in the browser are WGSL of our own. The runtime that launches them, CubeCL,
//! also has a compiler for kernels written in Rust; each operator of its language registers itself
//! when the module starts, which keeps all of it alive: a third of the GPU's engine. So the
//! registrations are taken out of the start function, and what is then reached only through the table of
//! function pointers is emptied. In both engines all tensors are f32, and Burn's conversions between
//! any two of its types go too.
//!
//! Whatever did call one of these would end in a trap, and on the GPU the page would go on with the CPU;
//! the page's tests with WebGPU and without it would see that.

use anyhow::{Result, ensure};
use std::collections::{HashMap, HashSet};
use walrus::ir::{Instr, Unreachable};
use walrus::{ElementItems, FunctionId, FunctionKind, Module};

/// Name of the start function.
const START: &str = "__wasm_call_ctors";

/// Name that `inventory` gives to functions that register.
const REGISTRATION: &str = "::__ctor";

/// Code that an engine does not run, by parts of functions' names.
pub struct Unused {
    /// Paths of a compiler: its registrations go, and its functions that are only pointed at.
    pub compiler: &'static [&'static str],
    /// Functions by which what is not run would be entered.
    pub entries: &'static [&'static str],
}

/// CubeCL's compiler: its language, what reads and prints it, its passes and what it writes. Not all of
/// pliron, which it is made with: every kernel has an empty program of it, ours too. Its entry, and the
/// one kernel written in Rust that Burn keeps (for tensors in tiles, which there are none of).
pub const GPU: Unused = Unused {
    compiler: &[
        "pliron::parsable::",
        "pliron::printable::",
        "pliron::opts::",
        "pliron::pass::",
        "pliron::builtin::attributes",
        "pliron::utils::apfloat",
        "combine::",
        "rustc_apfloat::",
        "cubecl_ir::dialect::",
        "cubecl_opt::",
        "cubecl_core::post_processing::",
        "cubecl_wgpu::compiler::wgsl::",
        "cubek_",
    ],
    entries: &[
        "::WgslCompiler as cubecl_runtime::compiler::Compiler>::compile",
        "cubek_matmul::tiled::storage::untile",
        "TensorData>::try_cast_inplace::",
        "TensorData>::try_cast_clone::",
        "::reparameterization_dyn::DynMapper<M> as ",
    ],
};

/// Conversions between types of numbers, and parameters made of others.
pub const CPU: Unused = Unused {
    compiler: &[],
    entries: &[
        "TensorData>::try_cast_inplace::",
        "TensorData>::try_cast_clone::",
        "::reparameterization_dyn::DynMapper<M> as ",
    ],
};

/// Functions with fewer instructions stay: the linker may have found another of the same
/// instructions elsewhere and kept only one of both, under either name.
const LEAST: u64 = 16;

/// How much was cut out.
#[derive(Debug, PartialEq, Eq)]
pub struct Cut {
    /// Calls that registered something.
    pub registrations: usize,
    /// Functions that were emptied.
    pub functions: usize,
}

impl Unused {
    /// Takes it out of a module whose functions still have their names. Fails where a part of a name is in
    /// none of the functions that were taken out: a dependency has renamed them, and the engine grows.
    pub fn cut(&self, module: &mut Module) -> Result<Cut> {
        let mut found = HashSet::new();
        let mut cut = Cut { registrations: 0, functions: 0 };
        let names: HashMap<FunctionId, String> = module
            .funcs
            .iter()
            .filter_map(|function| Some((function.id(), function.name.clone()?)))
            .collect();
        let parts = |id: FunctionId, parts: &'static [&'static str]| {
            let name = names.get(&id).map_or("", String::as_str);
            parts.iter().copied().filter(|part| name.contains(part)).collect::<Vec<_>>()
        };
        if let Some(start) = module.funcs.by_name(START)
            && let FunctionKind::Local(start) = &mut module.funcs.get_mut(start).kind
        {
            let entry = start.entry_block();
            start.block_mut(entry).instrs.retain(|(instruction, _)| {
                let Instr::Call(call) = instruction else { return true };
                let registers = names.get(&call.func).is_some_and(|name| name.contains(REGISTRATION));
                let parts = if registers { parts(call.func, self.compiler) } else { Vec::new() };
                cut.registrations += usize::from(!parts.is_empty());
                found.extend(&parts);
                parts.is_empty()
            });
        }
        walrus::passes::gc::run(module);
        let pointed_at: HashSet<FunctionId> = module
            .elements
            .iter()
            .filter_map(|element| match &element.items {
                ElementItems::Functions(functions) => Some(functions),
                ElementItems::Expressions(..) => None,
            })
            .flatten()
            .copied()
            .collect();
        for (id, function) in module.funcs.iter_local_mut() {
            let mut reasons = parts(id, self.entries);
            if pointed_at.contains(&id) && function.size() >= LEAST {
                reasons.extend(parts(id, self.compiler));
            }
            if !reasons.is_empty() {
                found.extend(reasons);
                let entry = function.entry_block();
                let instructions = &mut function.block_mut(entry).instrs;
                let place = instructions.first().map(|(_, place)| *place).unwrap_or_default();
                *instructions = vec![(Instr::Unreachable(Unreachable {}), place)];
                cut.functions += 1;
            }
        }
        walrus::passes::gc::run(module);
        let stale: Vec<_> =
            self.compiler.iter().chain(self.entries).filter(|part| !found.contains(*part)).collect();
        ensure!(stale.is_empty(), "nothing to cut out has these in its name any more: {stale:?}");
        ensure!(self.compiler.is_empty() || cut.registrations > 0, "the compiler registers nothing any more");
        Ok(cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use walrus::{ConstExpr, ElementKind, FunctionBuilder, RefType, ir::Value};

    const UNUSED: Unused = Unused {
        compiler: &["pliron::parsable::", "combine::", "cubecl_ir::dialect::"],
        entries: &["cubek_matmul::tiled::storage::untile"],
    };

    /// A function of so many instructions, and `also` calls.
    fn function(module: &mut Module, name: &str, instructions: usize, also: &[FunctionId]) -> FunctionId {
        let mut builder = FunctionBuilder::new(&mut module.types, &[], &[]);
        builder.name(name.to_owned());
        let mut body = builder.func_body();
        for _ in 0..instructions / 2 {
            body.i32_const(7).drop();
        }
        for id in also {
            body.call(*id);
        }
        builder.finish(vec![], &mut module.funcs)
    }

    #[test]
    fn the_compiler_goes_and_nothing_else() {
        let mut module = Module::default();
        let parse = "<cubecl_ir::dialect::math::Add as pliron::parsable::Parsable>::parse";
        let called = function(&mut module, "combine::parser::parse", 40, &[]);
        let only_pointed_at = function(&mut module, parse, 40, &[]);
        let also_pointed_at = function(&mut module, "combine::parser::many", 40, &[]);
        let alike = function(&mut module, "<cubecl_ir::dialect::math::Sub as Copy>::clone", 2, &[]);
        let drawn = function(&mut module, "autochrome::render", 40, &[called]);
        let helper = function(&mut module, "cubecl_opt::passes::helper", 40, &[]);
        let entry = function(&mut module, "cubek_matmul::tiled::storage::untile", 40, &[helper]);
        let run = function(&mut module, "run", 2, &[drawn, entry]);
        let registers = function(&mut module, "cubecl_ir::dialect::math::_::__ctor", 2, &[]);
        let other = function(&mut module, "autochrome::_::__ctor", 2, &[]);
        let start = function(&mut module, START, 0, &[registers, other]);
        module.exports.add("run", run);
        module.exports.add("start", start);
        let table = module.tables.add_local(false, 4, None, RefType::FUNCREF);
        let place = ConstExpr::Value(Value::I32(0));
        let items = ElementItems::Functions(vec![only_pointed_at, also_pointed_at, alike, drawn]);
        let element = module.elements.add(ElementKind::Active { table, offset: place }, items);
        module.tables.get_mut(table).elem_segments.insert(element);
        module.exports.add("table", table);

        assert_eq!(UNUSED.cut(&mut module).unwrap(), Cut { registrations: 1, functions: 3 });
        let sizes: Vec<(&str, u64)> = module
            .funcs
            .iter_local()
            .map(|(id, function)| (module.funcs.get(id).name.as_deref().unwrap_or_default(), function.size()))
            .collect();
        let size = |name: &str| sizes.iter().find(|(found, _)| *found == name).map(|(_, size)| *size);
        assert_eq!(size("autochrome::render"), Some(41));
        assert_eq!(size("combine::parser::parse"), Some(40), "something that stays calls it");
        assert_eq!([size(parse), size("combine::parser::many")], [Some(1); 2]);
        assert_eq!(size("<cubecl_ir::dialect::math::Sub as Copy>::clone"), Some(2));
        assert_eq!(size("cubek_matmul::tiled::storage::untile"), Some(1));
        assert_eq!(size("cubecl_opt::passes::helper"), None, "only what is empty now called it");
        assert_eq!(size("cubecl_ir::dialect::math::_::__ctor"), None);
        assert_eq!(size(START), Some(1), "others register still");
    }

    #[test]
    fn parts_of_names_that_nothing_has_are_named() {
        let mut module = Module::default();
        let entry = function(&mut module, "cubek_matmul::tiled::storage::untile", 40, &[]);
        let kept = function(&mut module, "cubecl_ir::dialect::math::fold", 40, &[]);
        module.exports.add("entry", entry);
        module.exports.add("kept", kept);
        let error = UNUSED.cut(&mut module).unwrap_err().to_string();
        let stale = r#"["pliron::parsable::", "combine::", "cubecl_ir::dialect::"]"#;
        assert!(error.ends_with(stale), "what stays is no reason to have a part: {error}");
    }
}
