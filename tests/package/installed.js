/** The packed package, installed as those who use it have it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

const BUILT = fileURLToPath(new URL("../../dist/npm/", import.meta.url));

/** @typedef {{ folder: string, package: string, files: string[], text: (file: string) => Promise<string>, remove: () => Promise<void> }} Installed
 *   `folder`: of the project that uses it; `package`: what it has installed, with these `files` */

/** Path of the packed file. */
export async function packed() {
  const [name, ...more] = (await readdir(BUILT)).filter((file) => file.endsWith(".tgz"));
  assert.ok(name && more.length === 0, "there is no package; run `cargo npm`");
  return join(BUILT, name);
}

/** Installs it in a folder of its own. @returns {Promise<Installed>} */
export async function install() {
  const folder = await mkdtemp(join(tmpdir(), "autochrome "));
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await run("npm", ["install", await packed(), "--offline", "--no-audit", "--no-fund"], { cwd: folder });
  const inside = join(folder, "node_modules/autochrome");
  const entries = await readdir(inside, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(inside, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
  return {
    folder,
    package: inside,
    files: files.sort(),
    text: (file) => readFile(join(inside, file), "utf8"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/**
 * Runs a module in the project.
 * @param {Installed} installed
 * @param {string} code
 */
export function runModule({ folder }, code) {
  return run(process.execPath, ["--input-type=module", "--eval", code], { cwd: folder, timeout: 60_000 });
}
