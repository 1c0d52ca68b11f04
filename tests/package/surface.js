/**
 * What the package promises: all that others can name. `surface.txt` is the list that was agreed on;
 * `npm run surface` writes it anew, after a change that is meant.
 */

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { launch } from "../page/chromium.js";
import { host } from "../page/host.js";
import { install } from "./installed.js";

export const LIST = fileURLToPath(new URL("surface.txt", import.meta.url));

const FLAGS =
  ts.TypeFormatFlags.NoTruncation |
  ts.TypeFormatFlags.InTypeAlias |
  ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope;

/** The type that has the element's events, with their details. */
const EVENTS = "PhotoColorizerEvents";

/** @typedef {import("./installed.js").Installed} Installed */

/** The list of what is built. */
export async function surface() {
  const installed = await install();
  try {
    const types = typesOf(installed);
    const sections = { files: filesOf(installed), ...types, "<photo-colorizer>": await elementOf(installed) };
    return Object.entries(sections)
      .map(([name, lines]) => `${name}\n${lines.map((line) => `  ${line}\n`).join("")}`)
      .join("\n");
  } finally {
    await installed.remove();
  }
}

/** What a host serves. @param {Installed} installed */
function filesOf({ files }) {
  return files.filter((file) => /\.(js|wasm|safetensors)$/.test(file));
}

/** Exports of every entry, with the members of classes. @param {Installed} installed */
function typesOf({ package: folder }) {
  const entries = {
    autochrome: "autochrome.d.ts",
    "autochrome/element": "element.d.ts",
    "autochrome/worker": "worker.d.ts",
  };
  const program = ts.createProgram(
    Object.values(entries).map((file) => join(folder, file)),
    {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      lib: ["lib.es2023.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
      types: [],
      strict: true,
    },
  );
  const checker = program.getTypeChecker();
  /** @type {Map<ts.Symbol, string>} */
  const known = new Map();
  return Object.fromEntries(
    Object.entries(entries).map(([name, file]) => {
      const source = program.getSourceFile(join(folder, file));
      const module = source && checker.getSymbolAtLocation(source);
      assert.ok(module, `${file} is no module`);
      const lines = checker.getExportsOfModule(module).flatMap((exported) => {
        const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
        const first = known.get(symbol);
        known.set(symbol, first ?? name);
        return first ? [`${exported.name} of ${first}`] : described(checker, symbol, exported.name);
      });
      return [name, lines.length > 0 ? lines : ["(nothing)"]];
    }),
  );
}

/** @param {ts.TypeChecker} checker @param {ts.Symbol} symbol @param {string} name @returns {string[]} */
function described(checker, symbol, name) {
  const declaration = symbol.declarations?.[0];
  assert.ok(declaration, `${name} is declared nowhere`);
  const text = (/** @type {ts.Type} */ type) => checker.typeToString(type, declaration, FLAGS);
  if (name === EVENTS) {
    const events = checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol));
    const detail = (/** @type {ts.Symbol} */ event) =>
      checker.getTypeArguments(/** @type {ts.TypeReference} */ (checker.getTypeOfSymbol(event))).map(text);
    return [`type ${name}`, ...events.map((event) => `  ${event.name}: ${detail(event)}`)];
  }
  if (!(symbol.flags & ts.SymbolFlags.Class)) {
    if (symbol.flags & ts.SymbolFlags.TypeAlias)
      return [`type ${name} = ${text(checker.getDeclaredTypeOfSymbol(symbol))}`];
    return [`${name}: ${text(checker.getTypeOfSymbol(symbol))}`];
  }
  const classes = ofPackage(checker, symbol);
  const outer = /** @type {ts.ClassDeclaration} */ (classes.at(-1)?.valueDeclaration);
  const heritage = outer.heritageClauses?.map((clause) => ` ${clause.getText()}`).join("") ?? "";
  const members = (/** @type {Iterable<ts.Symbol>} */ symbols, /** @type {string} */ prefix) =>
    [...symbols]
      .filter((member) => !/^(__|#)/.test(member.name) && member.name !== "prototype")
      .map((member) => {
        const readonly =
          member.declarations?.every((each) => ts.isGetAccessor(each)) ||
          member.declarations?.some((each) => ts.getCombinedModifierFlags(each) & ts.ModifierFlags.Readonly);
        return `  ${prefix}${readonly ? "readonly " : ""}${member.name}: ${text(checker.getTypeOfSymbol(member))}`;
      });
  return [
    `class ${name}${heritage}`,
    ...classes.flatMap((each) => members(each.exports?.values() ?? [], "static ")),
    ...classes.flatMap((each) => members(each.members?.values() ?? [], "")),
  ];
}

/**
 * A class and those that it is made of: what it extends and nobody can import.
 *
 * @param {ts.TypeChecker} checker
 * @param {ts.Symbol} symbol
 * @returns {ts.Symbol[]}
 */
function ofPackage(checker, symbol) {
  const type = /** @type {ts.InterfaceType} */ (checker.getDeclaredTypeOfSymbol(symbol));
  const [base] = checker.getBaseTypes(type).map((each) => each.symbol);
  const file = base?.declarations?.[0]?.getSourceFile();
  const inner = base && file?.fileName.includes("/node_modules/autochrome/element/");
  return inner ? [symbol, ...ofPackage(checker, base)] : [symbol];
}

/** What HTML and CSS can name. @param {Installed} installed */
async function elementOf({ package: folder }) {
  await writeFile(join(folder, "index.html"), "<!doctype html><title>An element</title>");
  const server = await host(folder);
  const browser = await launch({ webgpu: false });
  try {
    const page = await browser.newPage();
    await page.goto(server.url);
    const found = await page.evaluate(async () => {
      /** @type {typeof import("../../www/element.js")} */
      const { PhotoColorizer } = await import(new URL("element.js", document.baseURI).href);
      const root = new PhotoColorizer().shadowRoot;
      const all = [...(root?.querySelectorAll("*") ?? [])];
      const css =
        root?.adoptedStyleSheets.flatMap((sheet) => [...sheet.cssRules].map((rule) => rule.cssText)).join("\n") ?? "";
      return {
        attributes: PhotoColorizer.observedAttributes,
        slots: all.filter((each) => each instanceof HTMLSlotElement).map((slot) => slot.name),
        parts: all.flatMap((each) => [...each.part]),
        "custom properties": css.match(/--photo-colorizer[a-z-]*/g) ?? [],
      };
    });
    return Object.entries(found).map(([name, values]) => `${name}: ${[...new Set(values)].sort().join(" ")}`);
  } finally {
    await browser.close();
    server.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(LIST, await surface());
