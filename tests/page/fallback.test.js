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

/** Has each call of a device's method fail, or once only, from loading or from colouring on. @param {string} method @param {"load" | "colorize"} from @param {string} failure */
const spoiled = (method, from, failure) => `{
  let armed = false;
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
  "a pipeline that cannot be made": spoiled("createComputePipeline", "load", `descriptor = { ...descriptor, compute: { ...descriptor.compute, entryPoint: "missing" } };`),
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
