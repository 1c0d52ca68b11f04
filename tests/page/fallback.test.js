/**
 * WebGPU that fails: each photograph still comes out, on the CPU. What fails is put into the worker
 * before its own first line, so that a real device reports it.
 */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, serve } from "./chromium.js";
import { PATIENCE, canvasPixels, colourfulness, drop, waitForColour } from "./helpers.js";

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

/** Has each call of a device's method fail, or once only, from the start, from loading or from colouring on. @param {string} method @param {"start" | "load" | "colorize"} from @param {string} failure */
const spoiled = (method, from, failure) => `{
  let armed = ${from === "start"};
  self.addEventListener("message", ({ data }) => {
    armed ||= data.method === "${from}";
  });
  const original = GPUDevice.prototype.${method};
  GPUDevice.prototype.${method} = function (descriptor) {
    if (armed) { ${failure} }
    return original.call(this, descriptor);
  };
}
`;

const OUT_OF_MEMORY = `armed = false; this.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error: new GPUOutOfMemoryError("no room") }));`;

const FAILURES = {
  "a pipeline that cannot be made": spoiled("createComputePipeline", "start", `descriptor = { ...descriptor, compute: { ...descriptor.compute, entryPoint: "missing" } };`),
  "memory that runs out while the model is loaded": spoiled("createBuffer", "load", OUT_OF_MEMORY),
  "a call that fails while a photograph is coloured": spoiled("createBindGroup", "colorize", `throw new Error("no bind group");`),
  "memory that runs out while a photograph is coloured": spoiled("createBindGroup", "colorize", OUT_OF_MEMORY),
};

describe("the CPU takes over from", () => {
  for (const [name, code] of Object.entries(FAILURES)) {
    test(name, { timeout: PATIENCE }, async () => {
      const page = await browser.newPage();
      await page.route("**/worker.js", async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, body: code + (await response.text()) });
      });
      await page.goto(server.url);
      await drop(page, "cat.jpg");
      await waitForColour(page, "cat.jpg");
      assert.match((await page.locator("#device").textContent()) ?? "", /the CPU \(WebGPU failed: /);
      assert.ok(colourfulness(await canvasPixels(page, "after")) > 8);
      await page.close();
    });
  }
});

test("an element whose colours went with the GPU colours its photograph anew", { timeout: PATIENCE }, async () => {
  const page = await browser.newPage();
  const second = spoiled("createBindGroup", "colorize", `throw new Error("no bind group");`).replace(`data.method === "colorize"`, `data.method === "colorize" && ++photographs === 2`);
  await page.route("**/worker.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `let photographs = 0;\n${second}${await response.text()}` });
  });
  await page.goto(server.url);
  const devices = await page.evaluate(async () => {
    await customElements.whenDefined("photo-colorizer");
    document.body.innerHTML = "";
    const devices = [];
    for (const name of ["cat", "coffee"]) {
      const element = document.createElement("photo-colorizer");
      element.id = name;
      element.src = `www/samples/${name}.jpg`;
      document.body.append(element);
      devices.push(
        await new Promise((resolve, reject) => {
          element.addEventListener("colorize-done", ({ detail }) => resolve(detail.device.kind), { once: true });
          element.addEventListener("colorize-error", ({ detail }) => reject(detail.error), { once: true });
        }),
      );
    }
    return devices;
  });
  assert.deepEqual(devices, ["webgpu", "cpu"]);
  /** How colourful the first one's picture is. */
  const colourful = async () => {
    const pixels = await page.locator("#cat canvas#after").evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).getContext("2d")?.getImageData(0, 0, 100, 100).data ?? new Uint8ClampedArray());
    return colourfulness({ width: 100, height: 100, data: pixels });
  };
  assert.ok((await colourful()) > 5);
  await page.locator("#cat").evaluate((element) => (/** @type {import("../../dist/site/www/element.js").PhotoColorizer} */ (element).saturation = 0));
  for (let i = 0; (await colourful()) > 1 && i < 300; i++) await page.waitForTimeout(100);
  assert.ok((await colourful()) < 1, "it follows its settings");
  assert.equal(await page.locator("#cat").evaluate((element) => /** @type {import("../../dist/site/www/element.js").PhotoColorizer} */ (element).state), "done");
  await page.close();
});
