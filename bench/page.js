/** A side of the benchmark in its worker, for `web.js` to call. */

/**
 * What a side answers to.
 * @typedef {{ device: "cpu" | "webgpu", model: string }} Load
 * @typedef {{ codes: number[], side: number }} Gray an image of gray, 0 to 255
 * @typedef {{ at: [number, number][] }} Cells
 */

/** @type {Worker | undefined} */
let worker;
let last = 0;

/** @param {string} name @param {unknown} args @returns {Promise<any>} */
function call(name, args) {
  const side = worker;
  if (!side) throw new Error("start a side first");
  const id = ++last;
  return new Promise((resolve, reject) => {
    /** @param {MessageEvent} event */
    const answer = ({ data }) => {
      if (data.id !== id) return;
      side.removeEventListener("message", answer);
      if (data.error === undefined) resolve(data.result);
      else reject(new Error(data.error));
    };
    side.addEventListener("message", answer);
    side.addEventListener("error", (event) => reject(new Error(event.message || "the worker did not load")), {
      once: true,
    });
    side.postMessage({ id, name, args });
  });
}

/** @param {"ours" | "theirs"} side */
function start(side) {
  worker = new Worker(new URL(`./${side}.js`, import.meta.url), { type: "module" });
}

/** The name of the adapter, and whether it is a program. */
async function adapter() {
  const found = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!found) return null;
  const { vendor, architecture, description, isFallbackAdapter } = found.info;
  const name = description || [vendor, architecture].filter(Boolean).join(" ") || "unnamed adapter";
  return { name, software: Boolean(isFallbackAdapter) || /swiftshader|llvmpipe|lavapipe/i.test(name) };
}

Object.assign(window, { bench: { start, call, adapter } });
