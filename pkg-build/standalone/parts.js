/**
 * Where the parts of Autochrome lie that are no modules: in the page itself. The build of the
 * standalone file puts this module in the place of `www/parts.js`, and the parts into data blocks, as
 * `pkg-build/src/standalone/text.rs` writes them. A `file:` page may load nothing else. The worker has no
 * page: it is sent what the page has.
 */

/** As in `text.rs`. */
const ESCAPE = 0x7f;
const ESCAPED = 0x40;

/** The worker's code among the parts; it alone is not packed. */
const WORKER = "worker.js";

/** @typedef {Map<string, Blob>} Parts still packed, by path */

/** @type {Parts | null} */
const here = "document" in globalThis ? ofPage() : null;
const parts = here ? Promise.resolve(here) : ofMessage();

function ofPage() {
  /** @type {Parts} */
  const found = new Map();
  for (const block of document.querySelectorAll("script[data-part]")) {
    const { part = "", type } = /** @type {HTMLScriptElement} */ (block).dataset;
    found.set(part, new Blob([block.textContent ?? ""], { type }));
    block.remove();
  }
  return found;
}

/** The first message is the parts. @returns {Promise<Parts>} */
function ofMessage() {
  return new Promise((resolve) => {
    /** @param {MessageEvent} event */
    const take = (event) => {
      event.stopImmediatePropagation();
      resolve(event.data);
    };
    addEventListener("message", take, { once: true });
  });
}

/** Eight bits from seven at a time. @param {Uint8Array} text */
function unpack(text) {
  const bytes = new Uint8Array(Math.floor((text.length * 7) / 8));
  let length = 0;
  let bits = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i] ?? 0;
    bits = (bits << 7) | (letter === ESCAPE ? (text[++i] ?? 0) ^ ESCAPED : letter);
    count += 7;
    if (count < 8) continue;
    count -= 8;
    bytes[length++] = bits >> count;
    bits &= (1 << count) - 1;
  }
  return bytes.subarray(0, length);
}

/** A part by its path below `www/`. @param {string} path @returns {Promise<URL | Blob>} */
export async function locate(path) {
  const packed = (await parts).get(path);
  if (!packed) throw new Error(`This file has no ${path} in it.`);
  const bytes = unpack(new Uint8Array(await packed.arrayBuffer()));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream, { headers: { "content-type": packed.type } }).blob();
}

/** Starts `worker.js`. */
export function startWorker() {
  const code = here?.get(WORKER);
  if (!code) throw new Error(`This file has no ${WORKER} in it.`);
  const worker = new Worker(URL.createObjectURL(code), { name: "autochrome" });
  worker.postMessage(here);
  return worker;
}
