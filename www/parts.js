/**
 * Where the parts of Autochrome lie that are no modules: beside this one. The standalone file and the
 * npm package have other modules in this one's place (`pkg-build/standalone/parts.js`,
 * `pkg-build/npm/parts.js`).
 */

import { workerAt } from "./worker-at.js";

/** A part by its path below `www/`. @param {string} path @returns {Promise<URL | Blob>} */
export async function locate(path) {
  return new URL(path, import.meta.url);
}

/** Starts `worker.js`, the one in the folder `assets` if there is one. @param {URL} [assets] */
export function startWorker(assets) {
  return workerAt(new URL("worker.js", assets ?? import.meta.url));
}
