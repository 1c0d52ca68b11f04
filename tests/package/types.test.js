/** The types, as TypeScript projects see them: right use compiles, wrong use does not. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { install } from "./installed.js";

const run = promisify(execFile);

const TSC = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
const FIXTURES = fileURLToPath(new URL("types/", import.meta.url));

/** @type {import("./installed.js").Installed} */
let installed;
before(async () => {
  installed = await install();
  await cp(FIXTURES, join(installed.folder, "types"), { recursive: true });
});
after(() => installed?.remove());

for (const [moduleResolution, module] of [
  ["bundler", "esnext"],
  ["nodenext", "nodenext"],
]) {
  test(`the fixtures compile with moduleResolution ${moduleResolution}`, async () => {
    const project = join(installed.folder, `${moduleResolution}.json`);
    // The shipped types themselves are checked too.
    const compilerOptions = {
      target: "es2022",
      lib: ["es2023", "dom", "dom.iterable"],
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      module,
      moduleResolution,
    };
    await writeFile(project, JSON.stringify({ compilerOptions, include: ["types"] }));
    const complaints = await run(process.execPath, [TSC, "--project", project]).then(
      () => "",
      ({ stdout }) => stdout,
    );
    assert.equal(complaints, "");
  });
}
