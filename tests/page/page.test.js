/**
 * The built site in real Chromium: a photograph goes in, its pixels are read back. Once with WebGPU
 * (software adapter) and once without. Screenshots go to tests/screenshots.
 */

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch, serve } from "./chromium.js";
import {
  AS_HARDWARE,
  PATIENCE,
  SAMPLES,
  beforeWorker,
  canvasPixels,
  colourfulness,
  drop,
  each,
  until,
  waitForColour,
} from "./helpers.js";

const SCREENSHOTS = fileURLToPath(new URL("../screenshots/", import.meta.url));
const AXE = fileURLToPath(new URL("../node_modules/axe-core/axe.min.js", import.meta.url));

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("./helpers.js").Pixels} Pixels */

/** @type {{ url: string, close: () => void }} */
let server;

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  server = await serve();
});
after(() => server?.close());

/**
 * Decodes a file in the browser, on a page without the site's policy.
 *
 * @param {Page} page
 * @param {Buffer} file
 * @returns {Promise<Pixels>}
 */
async function filePixels(page, file) {
  const blank = await page.context().newPage();
  const pixels = await blank.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes]), { premultiplyAlpha: "none" });
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context?.drawImage(bitmap, 0, 0);
    return { width, height, data: context?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray() };
  }, file.toString("base64"));
  await blank.close();
  return pixels;
}

/** CIE L of an sRGB pixel. @param {Iterable<number>} rgb */
function lightness(rgb) {
  const [r = 0, g = 0, b = 0] = Array.from(rgb, (c) =>
    c / 255 > 0.04045 ? ((c / 255 + 0.055) / 1.055) ** 2.4 : c / 255 / 12.92,
  );
  const y = 0.212671 * r + 0.71516 * g + 0.072169 * b;
  return 116 * (y > 0.008856 ? Math.cbrt(y) : 7.787 * y + 16 / 116) - 16;
}

/** Largest difference of L. @param {Pixels} a @param {Pixels} b */
function lightnessError(a, b) {
  assert.deepEqual([a.width, a.height], [b.width, b.height]);
  let worst = 0;
  const other = each(b);
  for (const pixel of each(a)) {
    const [r = 0, g = 0, blue = 0] = other.next().value ?? [];
    worst = Math.max(worst, Math.abs(lightness(pixel.subarray(0, 3)) - lightness([r, g, blue])));
  }
  return worst;
}

/** @param {Page} page @param {string} id @param {number} value */
async function slide(page, id, value) {
  const shown = await canvasPixels(page, "after");
  await page.locator(`#${id}`).fill(String(value));
  await page.waitForFunction(
    (old) => {
      const canvas = /** @type {HTMLCanvasElement} */ (
        document.getElementById("viewer")?.shadowRoot?.getElementById("after")
      );
      const now = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
      return old.some((value, i) => value !== now[i]);
    },
    shown.data,
    { timeout: PATIENCE },
  );
  return canvasPixels(page, "after");
}

/** Everything that a page should never do, gathered. @param {Page} page */
function watch(page) {
  /** @type {string[]} */
  const foreign = [];
  /** @type {string[]} */
  const complaints = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(server.url) && !request.url().startsWith("blob:")) foreign.push(request.url());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  return { foreign, complaints };
}

/** Records main-thread tasks over 50 ms. @param {Page} page */
async function recordLongTasks(page) {
  await page.addInitScript(() => {
    /** @type {any} */ (window).longTasks = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) /** @type {any} */ (window).longTasks.push(Math.round(entry.duration));
    }).observe({ entryTypes: ["longtask"] });
  });
}

for (const webgpu of [true, false]) {
  describe(webgpu ? "with WebGPU (software adapter)" : "without WebGPU", () => {
    /** @type {import("playwright-core").Browser} */
    let browser;
    before(async () => {
      browser = await launch({ webgpu });
    });
    after(() => browser?.close());

    test("a dropped photograph comes out in colour, at its size, with its own L", {
      timeout: 2 * PATIENCE,
    }, async (t) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
      const page = await context.newPage();
      const { foreign, complaints } = watch(page);
      await recordLongTasks(page);
      const response = await page.goto(webgpu ? `${server.url}?device=webgpu` : server.url);
      assert.match(response?.headers()["content-security-policy"] ?? "", /^default-src 'none';/);
      await drop(page, "cat.jpg");
      await waitForColour(page, "cat.jpg");

      const device = (await page.locator("#device").textContent()) ?? "";
      t.diagnostic(device);
      t.diagnostic((await page.locator("#status").textContent()) ?? "");
      assert.match(device, webgpu ? /WebGPU: .+ adapter/ : /the CPU \(.*(no adapter|no WebGPU)/);
      const [gray, coloured] = [await canvasPixels(page, "before"), await canvasPixels(page, "after")];
      assert.deepEqual([coloured.width, coloured.height], [451, 300]);
      assert.ok(colourfulness(gray) < 1, "the sample is gray");
      assert.ok(colourfulness(coloured) > 8, `colourfulness ${colourfulness(coloured)}`);
      // One 8-bit step of L.
      assert.ok(lightnessError(gray, coloured) <= 100 / 255, `L is off by ${lightnessError(gray, coloured)}`);

      const fuller = await slide(page, "saturation", 1.6);
      assert.ok(colourfulness(fuller) > colourfulness(coloured) * 1.2);
      const tame = await slide(page, "rebalance", 0);
      assert.ok(colourfulness(tame) < colourfulness(fuller));
      await slide(page, "temperature", 0.1);
      await page.locator("#reset").click();
      await page.waitForFunction(
        (first) => {
          const canvas = /** @type {HTMLCanvasElement} */ (
            document.getElementById("viewer")?.shadowRoot?.getElementById("after")
          );
          const now = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
          return first.every((value, i) => value === now[i]);
        },
        coloured.data,
        { timeout: PATIENCE },
      );

      for (const [button, tolerance] of /** @type {const} */ ([
        ["#save-png", 0],
        ["#save-jpeg", 5],
      ])) {
        const download = page.waitForEvent("download");
        await page.locator(button).click();
        const saved = await filePixels(page, await readFile(await (await download).path()));
        assert.deepEqual([saved.width, saved.height], [451, 300]);
        const sum = saved.data.reduce((sum, value, i) => sum + Math.abs(value - (coloured.data[i] ?? 0)), 0);
        const mean = sum / saved.data.length;
        t.diagnostic(`${button}: mean difference from the canvas ${mean.toFixed(3)}`);
        assert.ok(mean <= tolerance, `${button}: samples differ by ${mean} on average`);
        assert.ok(colourfulness(saved) > 8);
      }

      t.diagnostic(
        `main-thread tasks over 50 ms: ${JSON.stringify(await page.evaluate(() => /** @type {any} */ (window).longTasks))}`,
      );
      assert.deepEqual(foreign, [], "requests that left the page's origin");
      assert.deepEqual(complaints, [], "errors on the console");
      await page.screenshot({ path: `${SCREENSHOTS}${webgpu ? "webgpu" : "cpu"}-desktop.png`, fullPage: true });
      await context.close();
    });

    test("work can be cancelled and the next photograph comes out", { timeout: 2 * PATIENCE }, async () => {
      const page = await browser.newPage();
      // On the CPU the network is over in a moment: cancel while the model is on its way instead.
      let release = () => {};
      const held = new Promise((resolve) => (release = () => resolve(null)));
      if (!webgpu) await page.route("**/*.safetensors", (route) => held.then(() => route.continue()));
      await page.goto(webgpu ? `${server.url}?device=webgpu` : server.url);
      await drop(page, "astronaut.jpg");
      if (webgpu)
        await page.waitForFunction(() => document.getElementById("stage")?.textContent === "Imagining colours", null, {
          timeout: PATIENCE,
        });
      await page.locator("#cancel").click();
      await page.waitForFunction(() => document.getElementById("status")?.textContent?.startsWith("Stopped"));
      assert.equal(await page.locator("#strip li").getAttribute("data-state"), "cancelled");
      assert.equal(await page.locator("#panel").getAttribute("inert"), "", "there are no colours to work on");
      release();
      await drop(page, "coffee.jpg");
      await waitForColour(page, "coffee.jpg");
      assert.equal((await canvasPixels(page, "after")).width, 600);
      await page.close();
    });
  });
}

test("a WebGPU engine that does not start gives way to the CPU, and the page says why", {
  timeout: PATIENCE,
}, async () => {
  const browser = await launch({ webgpu: true });
  const page = await browser.newPage();
  await page.route("**/engine/gpu/*.wasm", (route) => route.fulfill({ status: 500, body: "" }));
  await beforeWorker(page, AS_HARDWARE);
  await page.goto(server.url);
  await page.locator("[data-sample=cat]").click();
  await waitForColour(page, "cat.jpg");
  assert.match((await page.locator("#device").textContent()) ?? "", /the CPU \(WebGPU failed: /);
  await browser.close();
});

test("a GPU that is lost while it works: the photograph is coloured on the CPU", { timeout: PATIENCE }, async () => {
  const browser = await launch({ webgpu: true });
  const page = await browser.newPage();
  await beforeWorker(page, AS_HARDWARE);
  await page.goto(server.url);
  await page.waitForFunction(() => document.getElementById("device")?.textContent?.startsWith("Runs on WebGPU"), null, {
    timeout: PATIENCE,
  });
  await page.locator("[data-sample=cat]").click();
  await page.waitForFunction(() => document.getElementById("stage")?.textContent === "Imagining colours", null, {
    timeout: PATIENCE,
  });
  await (await browser.newBrowserCDPSession()).send("Browser.crashGpuProcess").catch(() => {});
  await waitForColour(page, "cat.jpg");
  assert.match((await page.locator("#device").textContent()) ?? "", /the CPU \(WebGPU failed: /);
  assert.ok(colourfulness(await canvasPixels(page, "after")) > 8);
  await browser.close();
});

test("a GPU that is lost at rest: a slider that needs it has the photograph coloured on the CPU", {
  timeout: PATIENCE,
}, async () => {
  const browser = await launch({ webgpu: true });
  const page = await browser.newPage();
  await beforeWorker(page, AS_HARDWARE);
  await page.goto(server.url);
  await page.locator("[data-sample=cat]").click();
  await waitForColour(page, "cat.jpg");
  assert.match((await page.locator("#device").textContent()) ?? "", /^Runs on WebGPU/);
  await (await browser.newBrowserCDPSession()).send("Browser.crashGpuProcess").catch(() => {});
  await page.locator("#temperature").fill("0.9");
  await page.waitForFunction(
    () => document.getElementById("device")?.textContent?.includes("the CPU (WebGPU failed: "),
    null,
    { timeout: PATIENCE },
  );
  await waitForColour(page, "cat.jpg");
  // What is said of it has not changed; the canvas that went with the GPU is drawn again.
  await until(async () => colourfulness(await canvasPixels(page, "after")) > 4, "it is drawn again");
  await browser.close();
});

describe("the page", () => {
  /** @type {import("playwright-core").Browser} */
  let browser;
  before(async () => {
    browser = await launch({ webgpu: false });
  });
  after(() => browser?.close());

  test("names every module beforehand, so that none is found level by level", { timeout: PATIENCE }, async () => {
    const page = await browser.newPage();
    // The worker's modules are its own business, and may or may not have come by then.
    await page.route("**/worker.js", (route) => route.abort());
    await page.goto(`${server.url}?device=cpu`);
    const { named, loaded } = await page.evaluate(() => {
      /** @param {string} address */
      const path = (address) => new URL(address, location.href).pathname;
      const links = /** @type {HTMLLinkElement[]} */ ([...document.querySelectorAll("link[rel=modulepreload]")]);
      const scripts = /** @type {HTMLScriptElement[]} */ ([...document.querySelectorAll("script[src]")]);
      const loaded = performance.getEntriesByType("resource").map(({ name }) => path(name));
      return {
        named: [...links.map(({ href }) => path(href)), ...scripts.map(({ src }) => path(src))].sort(),
        loaded: [...new Set(loaded)].filter((name) => name.endsWith(".js") && !name.endsWith("worker.js")).sort(),
      };
    });
    assert.ok(named.includes("/www/element/viewer.js"), "deep ones too");
    assert.deepEqual(named, loaded);
    await page.close();
  });

  for (const scheme of /** @type {const} */ (["light", "dark"])) {
    for (const [name, viewport] of /** @type {const} */ ([
      ["desktop", { width: 1280, height: 900 }],
      ["phone", { width: 390, height: 844 }],
    ])) {
      test(`reads well: ${scheme}, ${name}`, { timeout: PATIENCE }, async () => {
        const context = await browser.newContext({ viewport, colorScheme: scheme, bypassCSP: true });
        const page = await context.newPage();
        await page.addInitScript(() => {
          /** @type {any} */ (window).shifts = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries())
              if (!(/** @type {any} */ (entry).hadRecentInput))
                /** @type {any} */ (window).shifts += /** @type {any} */ (entry).value;
          }).observe({ type: "layout-shift", buffered: true });
        });
        await page.goto(server.url);
        await page.locator("[data-sample=astronaut]").click();
        await waitForColour(page, "astronaut.jpg");
        const shifts = await page.evaluate(() => /** @type {any} */ (window).shifts);
        assert.ok(shifts < 0.01, `the page jumps: ${shifts}`);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide`);
        await page.addScriptTag({ path: AXE });
        const violations = await page.evaluate(async () =>
          (await /** @type {any} */ (window).axe.run()).violations.map(
            (/** @type {any} */ v) => `${v.id}: ${v.nodes.map((/** @type {any} */ n) => n.html).join(" ")}`,
          ),
        );
        assert.deepEqual(violations, []);
        await page.screenshot({ path: `${SCREENSHOTS}page-${scheme}-${name}.png`, fullPage: true });
        await context.close();
      });
    }
  }

  test("works by keyboard alone", { timeout: PATIENCE }, async () => {
    const page = await browser.newPage();
    await page.goto(server.url);
    const focused = () =>
      page.evaluate(() => {
        const here = document.activeElement?.shadowRoot?.activeElement ?? document.activeElement;
        return (
          here?.id ||
          here?.getAttribute("data-sample") ||
          here?.getAttribute("data-part") ||
          here?.getAttribute("value")
        );
      });
    for (const next of ["file", "folder", "camera-open", "astronaut"]) {
      await page.keyboard.press("Tab");
      assert.equal(await focused(), next);
    }
    await page.keyboard.press("Enter");
    await waitForColour(page, "astronaut.jpg");
    const viewer = ["view", "compare", "slider", "hold", "zoom-out", "zoom-real", "zoom-in", "confidence", "inspect"];
    for (const next of [
      "cat",
      "coffee",
      "rocket",
      "photographer",
      ...viewer,
      "show",
      "remove",
      "remove-all",
      "temperature",
    ]) {
      await page.keyboard.press("Tab");
      assert.equal(await focused(), next);
    }
    const before = await page.locator("#temperature").inputValue();
    await page.keyboard.press("ArrowRight");
    assert.ok(Number(await page.locator("#temperature").inputValue()) > Number(before));
    await page.close();
  });

  test("a photograph can be pasted", { timeout: PATIENCE }, async () => {
    const page = await browser.newPage();
    await page.goto(server.url);
    const base64 = (await readFile(`${SAMPLES}rocket.jpg`)).toString("base64");
    await page.evaluate((base64) => {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const clipboardData = new DataTransfer();
      clipboardData.items.add(new File([bytes], "pasted.jpg", { type: "image/jpeg" }));
      window.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
    }, base64);
    await waitForColour(page, "pasted.jpg");
    await page.close();
  });

  test("a file that is no photograph is refused in words, and the last result stays", {
    timeout: PATIENCE,
  }, async () => {
    const page = await browser.newPage();
    await page.goto(server.url);
    await page.locator("[data-sample=coffee]").click();
    await waitForColour(page, "coffee.jpg");
    await page.setInputFiles("#file", {
      name: "notes.txt",
      mimeType: "text/plain",
      buffer: Buffer.from("no photograph"),
    });
    await page.locator("#alert").waitFor();
    assert.match((await page.locator("#alert").textContent()) ?? "", /cannot be read as a photograph/);
    assert.ok(colourfulness(await canvasPixels(page, "after")) > 5);
    await page.close();
  });

  test("16-bit TIFF and PNG are read, alpha is kept", { timeout: PATIENCE }, async () => {
    const page = await browser.newPage();
    await page.goto(server.url);
    for (const [name, buffer] of /** @type {[string, Buffer][]} */ ([
      ["gray16.tif", grayTiff(40, 30)],
      ["alpha.png", await alphaPng(page)],
    ])) {
      await page.setInputFiles("#file", { name, mimeType: "", buffer });
      await waitForColour(page, name);
      const { width, height, data } = await canvasPixels(page, "after");
      assert.deepEqual([width, height], [40, 30]);
      const alphas = new Set(data.filter((_, i) => i % 4 === 3));
      assert.deepEqual(alphas, name === "alpha.png" ? new Set([255, 128]) : new Set([255]));
    }
    await page.close();
  });

  test("a model that is not what its manifest says is refused", { timeout: PATIENCE }, async () => {
    const page = await browser.newPage();
    const manifest = JSON.parse(await readFile(new URL("../../www/models/manifest.json", import.meta.url), "utf8"));
    await page.route("**/*.safetensors", (route) => route.fulfill({ body: Buffer.alloc(manifest.models[0].bytes) }));
    await page.goto(server.url);
    await page.locator("#alert").waitFor({ timeout: PATIENCE });
    assert.match((await page.locator("#alert").textContent()) ?? "", /SHA-256/);
    await page.unroute("**/*.safetensors");
    await page.locator("[data-sample=cat]").click();
    await waitForColour(page, "cat.jpg");
    await page.close();
  });
});

/** An uncompressed 16-bit gray TIFF of a ramp. @param {number} width @param {number} height */
function grayTiff(width, height) {
  const pixels = width * height * 2;
  /** @type {[number, number, number][]} tag, type (3 short, 4 long), value */
  const entries = [
    [256, 4, width],
    [257, 4, height],
    [258, 3, 16],
    [259, 3, 1],
    [262, 3, 1],
    [273, 4, 8],
    [277, 3, 1],
    [278, 4, height],
    [279, 4, pixels],
  ];
  const file = Buffer.alloc(8 + pixels + 2 + entries.length * 12 + 4);
  file.write("II*\0", "latin1");
  file.writeUInt32LE(8 + pixels, 4);
  for (let i = 0; i < width * height; i++) file.writeUInt16LE((i * 53) % 65536, 8 + 2 * i);
  let at = file.writeUInt16LE(entries.length, 8 + pixels);
  for (const [tag, type, value] of entries) {
    at = file.writeUInt16LE(tag, at);
    at = file.writeUInt16LE(type, at);
    at = file.writeUInt32LE(1, at);
    at = file.writeUInt32LE(value, at);
  }
  return file;
}

/** A PNG whose right half is half transparent. @param {Page} page */
async function alphaPng(page) {
  const bytes = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(40, 30);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const image = context.createImageData(40, 30);
    for (let i = 0; i < 1200; i++) image.data.set([i % 256, i % 256, i % 256, i % 40 < 20 ? 255 : 128], 4 * i);
    context.putImageData(image, 0, 0);
    return new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
  });
  return Buffer.from(bytes);
}
