/**
 * Every kind of network gives on WebGPU the colours that it gives on the CPU: nothing that a network runs
 * was cut out of an engine.
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { launch, serve } from "./chromium.js";
import { CHECKPOINTS, PATIENCE } from "./helpers.js";

/** @type {{ url: string, close: () => void }} */
let server;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  server = await serve();
  browser = await launch({ webgpu: true });
});
after(async () => {
  await browser?.close();
  server?.close();
});

/** Name, file and hints of each; without a file it is the model that the page ships. @type {[string, string | null, import("../../www/protocol.js").Hint[]][]} */
const NETWORKS = [
  ["unet", null, []],
  ["eccv16", "training.pth", []],
  ["siggraph17", "siggraph17.pth", [{ x: 40, y: 20, a: 60, b: -30, radius: 9 }]],
];

describe("WebGPU and the CPU agree on", () => {
  for (const [network, file, hints] of NETWORKS) {
    test(network, { timeout: PATIENCE }, async () => {
      const page = await browser.newPage();
      await page.goto(server.url);
      const model = file && new Uint8Array(await readFile(CHECKPOINTS + file));
      const found = await page.evaluate(
        async ({ model, hints }) => {
          /** @type {typeof import("../../www/autochrome.js")} */
          const { Colorizer } = await import(new URL("www/autochrome.js", location.href).href);
          const photo = new ImageData(96, 64);
          for (let i = 0; i < 96 * 64; i++) {
            const gray = 100 + 90 * Math.sin(i / 7) * Math.cos(i / 611);
            photo.data.set([gray, gray, gray, 255], 4 * i);
          }
          const sides = [];
          for (const device of /** @type {const} */ (["webgpu", "cpu"])) {
            const colorizer = await Colorizer.load({ device, ...(model && { model: new Blob([new Uint8Array(model)]) }) });
            const colorization = await colorizer.colorize(photo, { hints });
            const { data } = await colorization.render();
            sides.push({ network: colorizer.model.network, device: colorizer.device.kind, pixels: new Uint8Array(data) });
          }
          return sides;
        },
        { model, hints },
      );
      assert.deepEqual(
        found.map(({ network, device }) => [network, device]),
        [[network, "webgpu"], [network, "cpu"]],
      );
      const [gpu, cpu] = found.map(({ pixels }) => pixels);
      assert.ok(gpu && cpu && gpu.length === 4 * 96 * 64);
      assert.ok(cpu.some((value, i) => i % 4 !== 3 && value !== cpu[i - (i % 4)]), "it has colours");
      const apart = Math.max(...gpu.map((value, i) => Math.abs(value - (cpu[i] ?? NaN))));
      assert.ok(apart <= 1, `${apart} levels apart`);
      await page.close();
    });
  }
});
