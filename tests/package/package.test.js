/** What is in the package, how large it is, and what a server sees of it. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { install, runModule } from "./installed.js";

/** Bytes, each file compressed on its own. */
const MOST_CODE = 30_000;
const MOST_WITHOUT_MODELS = 4_000_000;

const ENTRIES = ["autochrome", "autochrome/element", "autochrome/worker"];

/** @type {import("./installed.js").Installed} */
let installed;
/** @type {any} */
let manifest;
before(async () => {
  installed = await install();
  manifest = JSON.parse(await installed.text("package.json"));
});
after(() => installed?.remove());

/** @param {string} end */
const filesOf = (end) => installed.files.filter((file) => file.endsWith(end));

test("nothing else is installed with it, and nothing of it runs then", () => {
  for (const name of ["dependencies", "peerDependencies", "optionalDependencies", "bundleDependencies", "scripts"])
    assert.equal(manifest[name], undefined, name);
});

test("version, licence and address are those of the workspace", async () => {
  const cargo = await readFile(new URL("../../Cargo.toml", import.meta.url), "utf8");
  const stated = (/** @type {string} */ name) => cargo.match(new RegExp(`^${name} = "(.+)"$`, "m"))?.[1];
  assert.deepEqual(
    [manifest.version, manifest.license, manifest.repository.url],
    [stated("version"), stated("license"), `git+${stated("repository")}.git`],
  );
});

for (const entry of ENTRIES) {
  test(`on a server, importing ${entry} does nothing`, async () => {
    const { stdout, stderr } = await runModule(
      installed,
      `
      const before = Reflect.ownKeys(globalThis);
      await import(${JSON.stringify(entry)});
      const added = Reflect.ownKeys(globalThis).filter((key) => !before.includes(key));
      if (added.length > 0) throw new Error("it added " + added.map(String));
    `,
    );
    assert.deepEqual([stdout, stderr], ["", ""]);
  });
}

test("on a server, what needs a browser says so when it is called", async () => {
  const { stdout } = await runModule(
    installed,
    `
    import { Colorizer, define } from "autochrome/element";
    const refused = await Colorizer.load().catch((error) => error);
    console.log(define(), refused.name, refused.code);
  `,
  );
  assert.equal(stdout, "false DeviceError no-device\n");
});

test("what exports name is there, and nothing else can be imported", async () => {
  const { models } = JSON.parse(await installed.text("models/manifest.json"));
  const names = [
    ...ENTRIES,
    "autochrome/package.json",
    "autochrome/models/manifest.json",
    ...models.map((/** @type {{ file: string }} */ { file }) => `autochrome/models/${file}`),
  ];
  const { stdout } = await runModule(
    installed,
    `
    import { existsSync } from "node:fs";
    import { createRequire } from "node:module";
    const { resolve } = createRequire(process.cwd() + "/x.js");
    const code = (name) => { try { return existsSync(resolve(name)) } catch (error) { return error.code } };
    console.log(JSON.stringify([${JSON.stringify(names)}.map(code), ["autochrome/shared.js", "autochrome/errors.js"].map(code)]));
  `,
  );
  const hidden = "ERR_PACKAGE_PATH_NOT_EXPORTED";
  assert.deepEqual(JSON.parse(stdout), [names.map(() => true), [hidden, hidden]]);
  for (const condition of Object.values(manifest.exports)) {
    if (typeof condition === "object") assert.deepEqual(Object.keys(condition), ["types", "default"]);
  }
});

test("every model is what the manifest says", async () => {
  const { models } = JSON.parse(await installed.text("models/manifest.json"));
  assert.equal(models.length, filesOf(".safetensors").length);
  for (const { file, bytes, sha256 } of models) {
    const content = await readFile(join(installed.package, "models", file));
    assert.deepEqual([content.length, createHash("sha256").update(content).digest("hex")], [bytes, sha256], file);
  }
});

test("the worker is one file, which names its parts in literals that are there", async () => {
  const worker = await installed.text("worker.js");
  assert.deepEqual(worker.match(/\bimport\s*[({"'*]|\bfrom\s*["']/g), null);
  const named = [...worker.matchAll(/new URL\("\.\/([^"]+)",import\.meta\.url\)/g)].map(([, path]) => path ?? "");
  const parts = installed.files.filter((file) => /\.(wasm|safetensors)$/.test(file));
  assert.deepEqual(named.sort(), parts);
  const shared = await installed.text("shared.js");
  assert.ok(shared.includes('new Worker(new URL("./worker.js",import.meta.url),{type:"module",name:"autochrome"})'));
});

test("the code makes no code of text and names no other host", async () => {
  for (const file of filesOf(".js")) {
    const code = await installed.text(file);
    // wasm-bindgen writes `Function(name)` where it describes a value.
    assert.deepEqual(code.match(/\beval\s*\(|\bnew Function\b|(?<![`.\w])Function\(|\bimportScripts\b/g), null, file);
    const addresses = [...code.matchAll(/https?:\/\/[^"'`\s)]+/g)].map(([address]) => address);
    assert.deepEqual(
      addresses.filter((address) => !address.startsWith("http://www.w3.org/")),
      [],
      file,
    );
  }
});

test("source maps have the sources inside and know no folder of this machine", async () => {
  const maps = filesOf(".js.map");
  assert.deepEqual(
    maps,
    filesOf(".js").map((file) => `${file}.map`),
  );
  for (const map of maps) {
    const { sources, sourcesContent } = JSON.parse(await installed.text(map));
    assert.ok(
      sources.every((/** @type {string} */ source) => /^src\/(?!.*\.\.)/.test(source)),
      `${map}: ${sources}`,
    );
    assert.equal(sourcesContent.filter(Boolean).length, sources.length, map);
  }
});

test("it is small, and the README says how small", async () => {
  const readme = await installed.text("README.md");
  let code = 0;
  let withoutModels = 0;
  for (const file of installed.files) {
    if (file.endsWith(".safetensors")) continue;
    const content = await readFile(join(installed.package, file));
    const { length } = gzipSync(content, { level: 9 });
    withoutModels += length;
    if (file.endsWith(".js")) code += length;
    if (/\.(js|wasm)$/.test(file))
      assert.ok(
        readme.includes(`| \`${file}\` | ${(content.length / 1e3).toFixed(1)} |`),
        `the README has another size of ${file}`,
      );
  }
  assert.ok(code <= MOST_CODE, `the JavaScript has ${code} bytes`);
  assert.ok(withoutModels <= MOST_WITHOUT_MODELS, `the package has ${withoutModels} bytes without its models`);
});
