/** No change of what the package promises goes unnoticed. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { LIST, surface } from "./surface.js";

test("the public surface is the one that was agreed on", async () => {
  const [agreed, built] = await Promise.all([readFile(LIST, "utf8"), surface()]);
  assert.deepEqual(
    built.split("\n"),
    agreed.split("\n"),
    "if the change is meant: npm run surface, and say it in the CHANGELOG",
  );
});
