/**
 * Where the parts of Autochrome lie that are no modules: beside this one, or in another folder with
 * the same files. The build of the npm package puts this module in the place of `www/parts.js`.
 *
 * A bundler takes a part along where it finds its address in a literal `new URL`. `MODEL` stands for
 * the shipped model's file.
 */

import { AutochromeError } from "./errors.js";
import manifest from "./models/manifest.json";

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
 * Starts `worker.js`. A browser starts a worker from the page's own origin only; one of another is
 * imported by a line that is.
 *
 * @param {URL} [assets] the folder that has the package's files, if they are not beside this module
 */
export function startWorker(assets) {
  try {
    if (!assets) return new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "autochrome" });
    const { href, origin } = new URL("worker.js", assets.href.endsWith("/") ? assets : `${assets.href}/`);
    if (origin === location.origin) return new Worker(href, { type: "module", name: "autochrome" });
    const line = URL.createObjectURL(new Blob([`import ${JSON.stringify(href)};`], { type: "text/javascript" }));
    const worker = new Worker(line, { type: "module", name: "autochrome" });
    URL.revokeObjectURL(line);
    return worker;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AutochromeError("no-device", `The worker could not be started (${why}). Host the package's files with the page, or name their folder in the option assets.`, { cause });
  }
}
