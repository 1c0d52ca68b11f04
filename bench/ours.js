/** Our side: the engine as the site's worker uses it. */

import { answer } from "./answer.js";

/** High enough that no share is rounded to nothing, so that logits can be had back from them. */
const TEMPERATURE = 50;

/** @type {any} */
let code;
/** @type {any} */
let engine;
/** @type {any} */
let picture;

answer({
  /** @param {import("./page.js").Load} options */
  async load({ device, model }) {
    const folder = new URL(`/www/engine/${device === "cpu" ? "cpu" : "gpu"}/`, self.location.href);
    code = await import(new URL("autochrome.js", folder).href);
    await code.default({ module_or_path: new URL("autochrome_bg.wasm", folder) });
    await code.warmUp();
    const response = await fetch(model);
    const file = new Uint8Array(await response.arrayBuffer());
    const bytes = new code.ModelBytes(file.length);
    bytes.append(file);
    engine = await code.Engine.load(bytes, undefined);
  },

  /**
   * Milliseconds of one forward pass, from the network's first step to its output on the host: on
   * WebGPU the colours made of it, which are all that leaves the device. The turns that the engine
   * leaves to the event loop between steps are part of it.
   * @param {import("./page.js").Gray} image
   */
  async pass({ codes, side }) {
    const pixels = new code.Pixels(side, side);
    pixels.append(new Uint8ClampedArray(codes.flatMap((gray) => [gray, gray, gray, 255])));
    picture?.free();
    let began = 0;
    let ended = 0;
    picture = await engine.colorizePixels(
      pixels,
      undefined,
      { neutralize: false },
      (/** @type {string} */ stage, /** @type {number} */ done) => {
        if (stage === "network" && done === 0) began = performance.now();
        if (stage === "network" && done === 1) ended = performance.now();
        return false;
      },
    );
    return ended - began;
  },

  /**
   * The logits of some cells, less the mean of each cell, which the shares do not tell.
   * @param {import("./page.js").Cells} cells
   */
  async logits({ at }) {
    const cells = [];
    for (const [x, y] of at) {
      /** @type {{ p: number }[]} */
      const shares = await picture.distributionAt(4 * x + 2, 4 * y + 2, {
        temperature: TEMPERATURE,
        rebalance: 1,
        saturation: 1,
        warmth: 0,
      });
      const logits = shares.map(({ p }) => TEMPERATURE * Math.log(p));
      const mean = logits.reduce((sum, z) => sum + z, 0) / logits.length;
      cells.push(logits.map((z) => z - mean));
    }
    return cells;
  },
});
