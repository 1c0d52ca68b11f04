/**
 * Where the parts of Autochrome lie that are no modules: beside this one, or in another folder with
 * the same files. The build of the npm package puts this module in the place of `www/parts.js`.
 *
 * A bundler takes a part along where it finds its address in a literal `new URL`. `MODEL` stands for
 * the shipped model's file.
 */

import { errorOf } from "./errors.js";
import manifest from "./models/manifest.json";
import { workerAt } from "./worker-at.js";

/** @type {Record<string, () => URL>} */
const PARTS = {
  "engine/cpu/autochrome_bg.wasm": () => new URL("./engine/cpu/autochrome_bg.wasm", import.meta.url),
  "engine/gpu/autochrome_bg.wasm": () => new URL("./engine/gpu/autochrome_bg.wasm", import.meta.url),
  "models/MODEL": () => new URL("./models/MODEL", import.meta.url),
};

/** Small enough to be part of the code: nothing but wasm and weights is fetched. */
const MANIFEST = "models/manifest.json";

/** A part by its path in the package. @param {string} path @returns {Promise<URL | Blob>} */
export async function locate(path) {
  if (path === MANIFEST) return new Blob([JSON.stringify(manifest)], { type: "application/json" });
  const part = PARTS[path];
  if (!part) throw new Error(`The package has no ${path}.`);
  return part();
}

/**
 * Starts `worker.js`, the one in the folder `assets` if there is one. Bundlers take the other along
 * where they find it in a literal.
 *
 * @param {URL} [assets]
 */
export function startWorker(assets) {
  try {
    return assets
      ? workerAt(new URL("worker.js", assets))
      : new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "autochrome" });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw errorOf(
      "no-device",
      `The worker could not be started (${why}). Name the folder of the package's files in the option assets.`,
      { cause },
    );
  }
}
