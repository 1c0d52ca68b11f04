/** What page and worker load besides modules, by name. */

import { locate } from "./parts.js";

const WASM = "application/wasm";

/** @param {string} path below `www/` @returns {Promise<Response>} */
async function open(path) {
  const part = await locate(path);
  const response = part instanceof Blob ? new Response(part) : await fetch(part);
  if (!response.ok) throw new Error(`${path} could not be loaded (${response.status} ${response.statusText}).`);
  return response;
}

/** The compiled half of an engine. @param {"cpu" | "gpu"} engine */
export async function engineWasm(engine) {
  const response = await open(`engine/${engine}/autochrome_bg.wasm`);
  // Some hosts do not know wasm's name; the browser compiles what still arrives under no other.
  if (response.headers.get("content-type") === WASM) return response;
  return new Response(response.body, { headers: { "content-type": WASM } });
}

/** A sample photograph by its file's name. @param {string} name @returns {Promise<Blob>} */
export async function sample(name) {
  return (await open(`samples/${name}`)).blob();
}

/**
 * The page's words in a language.
 *
 * @param {string} language
 * @returns {Promise<Record<string, import("./page/language.js").Message>>}
 */
export async function messages(language) {
  return (await open(`messages/${language}.json`)).json();
}
