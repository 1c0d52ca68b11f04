/** The peer: onnxruntime-web on one thread, or on WebGPU. */

import { answer } from "./answer.js";

/** @type {any} */
let ort;
/** @type {any} */
let session;
/** @type {Float32Array} */
let logits;
let cells = 0;

/** CIE L of a gray of sRGB, with the engine's constants. @param {number} code */
function lightness(code) {
  const c = code / 255;
  const y = c > 0.04045 ? ((c + 0.055) / 1.055) ** 2.4 : c / 12.92;
  return 116 * (y > 0.008856 ? Math.cbrt(y) : 7.787 * y + 16 / 116) - 16;
}

answer({
  /** @param {import("./page.js").Load} options */
  async load({ device, model }) {
    const build = device === "cpu" ? "wasm" : "webgpu";
    ort = await import(new URL(`/ort/ort.${build}.min.mjs`, self.location.href).href);
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = new URL("/ort/", self.location.href).href;
    const response = await fetch(model);
    const bytes = new Uint8Array(await response.arrayBuffer());
    session = await ort.InferenceSession.create(bytes, { executionProviders: [build] });
  },

  /** Milliseconds of one forward pass, with its output on the host. @param {import("./page.js").Gray} image */
  async pass({ codes, side }) {
    const input = new ort.Tensor("float32", Float32Array.from(codes, lightness), [1, 1, side, side]);
    const began = performance.now();
    const output = await session.run({ lightness: input });
    logits = await output.logits.getData();
    const ended = performance.now();
    cells = side / 4;
    return ended - began;
  },

  /** As of our side. @param {import("./page.js").Cells} cells */
  logits({ at }) {
    return at.map(([x, y]) => {
      const cell = Array.from({ length: 313 }, (_, bin) => logits[(bin * cells + y) * cells + x] ?? NaN);
      const mean = cell.reduce((sum, z) => sum + z, 0) / cell.length;
      return cell.map((z) => z - mean);
    });
  },
});
