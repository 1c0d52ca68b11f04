/**
 * WebGPU on the software adapter. It gives the colours that the CPU gives, whatever the network: nothing
 * that one runs was cut out of the engine. Where it fails each photograph still comes out, on the CPU; what
 * fails is put into the worker before its own first line, so that a real device reports it.
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { launch, serve } from "./chromium.js";
import {
  AS_HARDWARE,
  CHECKPOINTS,
  PATIENCE,
  beforeWorker,
  canvasPixels,
  colourfulness,
  drop,
  until,
  waitForColour,
} from "./helpers.js";

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

/**
 * Name, file and hints of each; without a file it is the model that the page ships.
 *
 * @type {[string, string | null, import("../../www/protocol.js").Hint[]][]}
 */
const NETWORKS = [
  ["lite", null, []],
  ["unet", "unet_small.safetensors", []],
  ["eccv16", "training.pth", []],
  ["siggraph17", "siggraph17.pth", [{ x: 40, y: 20, a: 60, b: -30, radius: 9 }]],
];

describe("it agrees with the CPU on", () => {
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
            const colorizer = await Colorizer.load({
              device,
              ...(model && { model: new Blob([new Uint8Array(model)]) }),
            });
            const colorization = await colorizer.colorize(photo, { hints });
            const { data } = await colorization.render();
            sides.push({
              network: colorizer.model.network,
              device: colorizer.device.kind,
              pixels: new Uint8Array(data),
            });
          }
          return sides;
        },
        { model, hints },
      );
      assert.deepEqual(
        found.map(({ network, device }) => [network, device]),
        [
          [network, "webgpu"],
          [network, "cpu"],
        ],
      );
      const [gpu, cpu] = found.map(({ pixels }) => pixels);
      assert.ok(gpu && cpu && gpu.length === 4 * 96 * 64);
      assert.ok(
        cpu.some((value, i) => i % 4 !== 3 && value !== cpu[i - (i % 4)]),
        "it has colours",
      );
      const apart = Math.max(...gpu.map((value, i) => Math.abs(value - (cpu[i] ?? NaN))));
      assert.ok(apart <= 1, `${apart} levels apart`);
      await page.close();
    });
  }
});

/**
 * Has each call of a device's method fail, or once only, from the start or from such a call on.
 *
 * @param {string} method
 * @param {"start" | "load" | "colorize" | "render"} from
 * @param {string} failure
 */
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

const COMPLAINT = `this.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error: new GPUOutOfMemoryError("no room") }));`;
const OUT_OF_MEMORY = `armed = false; ${COMPLAINT}`;
const COMPLAINTS = `armed = false; for (let i = 0; i < 20; i++) setTimeout(() => { ${COMPLAINT} }, 50 * i);`;

/** The worker hears of an error when it is asked to draw, once: of a pass that was over before. */
const TOO_LATE = `{
  let device;
  const original = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (descriptor) { return device = await original.call(this, descriptor); };
  let armed = true;
  self.addEventListener("message", ({ data }) => {
    if (armed && data.method === "render") { armed = false; ${COMPLAINT.replace("this", "device")} }
  });
}
`;

const FAILURES = {
  "a pipeline that cannot be made": spoiled(
    "createComputePipeline",
    "start",
    `descriptor = { ...descriptor, compute: { ...descriptor.compute, entryPoint: "missing" } };`,
  ),
  "memory that runs out while the model is loaded": spoiled("createBuffer", "load", OUT_OF_MEMORY),
  "a call that fails while a photograph is coloured": spoiled(
    "createBindGroup",
    "colorize",
    `throw new Error("no bind group");`,
  ),
  "memory that runs out while a photograph is coloured": spoiled("createBindGroup", "colorize", OUT_OF_MEMORY),
  "a device that goes on complaining": spoiled("createBindGroup", "colorize", COMPLAINTS),
  "an error that is heard of when the photograph is drawn": TOO_LATE,
};

describe("the CPU takes over from", () => {
  for (const [name, code] of Object.entries(FAILURES)) {
    test(name, { timeout: PATIENCE }, async () => {
      const page = await browser.newPage();
      await beforeWorker(page, AS_HARDWARE + code);
      await page.goto(server.url);
      await drop(page, "cat.jpg");
      await waitForColour(page, "cat.jpg");
      assert.match((await page.locator("#device").textContent()) ?? "", /the CPU \(WebGPU failed: /);
      assert.ok(colourfulness(await canvasPixels(page, "after")) > 8);
      await page.close();
    });
  }
});

test("an engine of the CPU that stops where no call is told says so, and colours the next photograph", {
  timeout: PATIENCE,
}, async () => {
  const page = await browser.newPage();
  // As wasm does that stops in a microtask: the call that waits for it is never answered.
  const stops = `let sound = false;
const decode = self.createImageBitmap;
self.createImageBitmap = (...photograph) => {
  if (sound) return decode(...photograph);
  sound = true;
  setTimeout(() => { throw new WebAssembly.RuntimeError("unreachable"); });
  return new Promise(() => {});
};
`;
  await beforeWorker(page, stops);
  await page.goto(`${server.url}?device=cpu`);
  await drop(page, "cat.jpg");
  await page.locator("#alert").waitFor({ timeout: PATIENCE });
  assert.match((await page.locator("#alert").textContent()) ?? "", /cat\.jpg: The engine stopped while it worked/);
  await drop(page, "coffee.jpg");
  await waitForColour(page, "coffee.jpg");
  await page.close();
});

test("an element whose colours went with the GPU colours its photograph anew", { timeout: PATIENCE }, async () => {
  const page = await browser.newPage();
  const second = spoiled("createBindGroup", "colorize", `throw new Error("no bind group");`).replace(
    `data.method === "colorize"`,
    `data.method === "colorize" && ++photographs === 2`,
  );
  await beforeWorker(page, `${AS_HARDWARE}let photographs = 0;\n${second}`);
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
    const pixels = await page
      .locator("#cat canvas#after")
      .evaluate(
        (canvas) =>
          /** @type {HTMLCanvasElement} */ (canvas).getContext("2d")?.getImageData(0, 0, 100, 100).data ??
          new Uint8ClampedArray(),
      );
    return colourfulness({ width: 100, height: 100, data: pixels });
  };
  assert.ok((await colourful()) > 5);
  await page.locator("#cat").evaluate((element) => {
    /** @type {import("../../www/element.js").PhotoColorizer} */ (element).saturation = 0;
  });
  await until(async () => (await colourful()) < 1, "it follows its settings");
  assert.equal(
    await page
      .locator("#cat")
      .evaluate((element) => /** @type {import("../../www/element.js").PhotoColorizer} */ (element).state),
    "done",
  );
  await page.close();
});

test("what the GPU has coloured the CPU draws when it is lost, whatever it was made of", {
  timeout: PATIENCE,
}, async () => {
  const page = await browser.newPage();
  const lost = spoiled("createBindGroup", "render", `throw new Error("no bind group");`);
  await beforeWorker(page, AS_HARDWARE + lost);
  await page.goto(server.url);
  const found = await page.evaluate(async () => {
    /** @type {typeof import("../../www/autochrome.js")} */
    const { Colorizer } = await import(new URL("www/autochrome.js", location.href).href);
    const colorizer = await Colorizer.load();
    const blob = await (await fetch("www/samples/cat.jpg")).blob();
    const bitmap = await createImageBitmap(blob, { resizeWidth: 90, resizeHeight: 60 });
    const canvas = new OffscreenCanvas(90, 60);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.drawImage(bitmap, 0, 0);
    const devices = [colorizer.device.code];
    let changes = 0;
    colorizer.addEventListener("devicechange", () => {
      changes++;
      devices.push(colorizer.device.code);
    });
    const colorizations = [];
    for (const photo of [blob, canvas, context.getImageData(0, 0, 90, 60)]) {
      colorizations.push(await colorizer.colorize(photo));
    }
    const before = changes;
    const pictures = [];
    // The last one first: none waits for another.
    for (const colorization of colorizations.reverse()) {
      const { width, height, data } = await colorization.render({ temperature: 0.5 });
      pictures.push({ width, height, data: new Uint8ClampedArray(data) });
    }
    const frame = await colorizer.colorizeFrame(bitmap);
    const { kind, reason } = colorizer.device;
    return { before, changes, devices, pictures, frame: frame.width, kind, reason };
  });
  assert.deepEqual([found.before, found.changes], [0, 1]);
  assert.deepEqual(found.devices, ["adapter", "webgpu-failed"]);
  assert.equal(found.kind, "cpu");
  assert.match(found.reason, /^webgpu failed: /);
  assert.deepEqual(
    found.pictures.map(({ width, height }) => `${width} x ${height}`),
    ["90 x 60", "90 x 60", "451 x 300"],
  );
  for (const picture of found.pictures) assert.ok(colourfulness(picture) > 5);
  assert.equal(found.frame, 90);
  await page.close();
});

test("who asks for WebGPU by name is told when it fails, and gets no other device", { timeout: PATIENCE }, async () => {
  const page = await browser.newPage();
  await beforeWorker(page, spoiled("createBindGroup", "colorize", `throw new Error("no bind group");`));
  await page.goto(server.url);
  const found = await page.evaluate(async () => {
    /** @type {typeof import("../../www/autochrome.js")} */
    const { Colorizer } = await import(new URL("www/autochrome.js", location.href).href);
    const colorizer = await Colorizer.load({ device: "webgpu" });
    const { code } = colorizer.device;
    const failed = await colorizer.colorize(new ImageData(96, 64)).catch((error) => error.code);
    return [code, failed, colorizer.device.kind];
  });
  assert.deepEqual(found, ["software-adapter", "device-lost", "webgpu"]);
  await page.close();
});

test("the page takes the CPU where software is the only adapter", { timeout: PATIENCE }, async () => {
  const page = await browser.newPage();
  /** @type {string[]} */
  const requests = [];
  page.context().on("request", (request) => requests.push(request.url()));
  await page.goto(server.url);
  await drop(page, "cat.jpg");
  await waitForColour(page, "cat.jpg");
  assert.equal(await page.locator("#device").textContent(), "Runs on the CPU (only a software adapter was found).");
  assert.deepEqual(
    requests.filter((url) => url.includes("/engine/gpu/")),
    [],
  );
  await page.close();
});
