/**
 * Where the parts of Autochrome lie that are no modules: beside this one. The standalone file has
 * another module in this one's place (`pkg-build/standalone/parts.js`).
 */

/** A part by its path below `www/`. @param {string} path @returns {Promise<URL | Blob>} */
export async function locate(path) {
  return new URL(path, import.meta.url);
}

/** Starts `worker.js`. */
export function startWorker() {
  return new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "autochrome" });
}
