/** What others' tools think of the package. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "node:test";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { packed } from "./installed.js";

const run = promisify(execFile);

test("publint finds nothing", async () => {
  const bytes = await readFile(await packed());
  const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball: /** @type {ArrayBuffer} */ (tarball) }, strict: true });
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg)),
    [],
  );
});

// `esm-only`: the package has no CommonJS, since its worker and parts are found by `import.meta`.
test("attw finds the types of every entry", async () => {
  const attw = fileURLToPath(new URL("../node_modules/@arethetypeswrong/cli/dist/index.js", import.meta.url));
  const { stdout } = await run(process.execPath, [
    attw,
    await packed(),
    "--profile",
    "esm-only",
    "--no-definitely-typed",
    "--format",
    "ascii",
    "--no-emoji",
    "--no-color",
  ]);
  for (const entry of ["autochrome", "autochrome/element", "autochrome/worker"])
    assert.ok(stdout.includes(`"${entry}"`), stdout);
});
