/**
 * Models in real Chromium: files dropped on the page, bytes given to the API, downloads that break, and
 * what is kept for the next visit.
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, beforeEach, describe, test } from "node:test";
import { launch, serve } from "./chromium.js";
import { flaky } from "./flaky.js";
import {
  CHECKPOINTS,
  PATIENCE,
  beforeWorker,
  canvasPixels,
  colourfulness,
  drop,
  until,
  waitForColour,
} from "./helpers.js";

/** The worker says what keeps a model from being kept. */
const TELLS_OF_REFUSALS = `{
  const { put } = Cache.prototype;
  Cache.prototype.put = function (...entry) {
    const kept = put.apply(this, entry);
    kept.catch(({ name }) => new BroadcastChannel("put").postMessage(name));
    return kept;
  };
}
`;

/** @typedef {import("playwright-core").Page} Page */

/** @type {{ url: string, close: () => void }} */
let server;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false });
});
after(async () => {
  await browser?.close();
  server?.close();
});

/** @param {string} name */
const checkpoint = (name) => readFile(CHECKPOINTS + name);

/** @param {Page} page */
const terms = async (page) => (await page.locator("#terms").textContent()) ?? "";

describe("a model file dropped on the page", () => {
  test("colours the photograph on show; a wrong one leaves the old one; the shipped one comes back", {
    timeout: PATIENCE,
  }, async () => {
    const page = await browser.newPage();
    await page.goto(server.url);
    await drop(page, "cat.jpg");
    await waitForColour(page, "cat.jpg");
    const shipped = await canvasPixels(page, "after");
    assert.match(await terms(page), /the shipped lite/);

    for (const [file, format] of /** @type {const} */ ([
      ["zip.pth", "PyTorch (zip)"],
      ["legacy.pth", "PyTorch (legacy pickle)"],
    ])) {
      await drop(page, file, await checkpoint(file));
      await page.waitForFunction((file) => document.getElementById("terms")?.textContent?.includes(file), file, {
        timeout: PATIENCE,
      });
      assert.ok((await terms(page)).includes(`${file} (eccv16, ${format})`), await terms(page));
      await waitForColour(page, "cat.jpg");
      assert.equal(await page.locator("#rebalance").isDisabled(), true, "it has no class weights");
    }
    const seeded = await canvasPixels(page, "after");
    assert.ok(colourfulness(seeded) > 2);
    assert.notDeepEqual(seeded.data, shipped.data);

    const whole = await checkpoint("zip.pth");
    for (const [name, bytes, words] of /** @type {[string, Buffer, RegExp][]} */ ([
      ["notes.pth", Buffer.from("no model"), /not a model file: its format is not known/],
      ["cut.pth", whole.subarray(0, 20_000), /not a model file: its zip archive/],
      ["module.pth", await checkpoint("whole_module.pth"), /nothing of it was run/],
      ["release.caffemodel", Buffer.from("\n\x05LtoAB"), /autochrome convert/],
    ])) {
      await drop(page, name, bytes);
      await page.locator("#alert").waitFor();
      assert.match((await page.locator("#alert").textContent()) ?? "", words);
      assert.match(await terms(page), /legacy\.pth/, "the old model stays");
    }
    await drop(page, "coffee.jpg");
    await waitForColour(page, "coffee.jpg");
    await drop(page, "cat.jpg");
    await waitForColour(page, "cat.jpg");
    assert.deepEqual((await canvasPixels(page, "after")).data, seeded.data, "and works");

    await page.locator("#shipped-model").click();
    await page.waitForFunction(
      () => document.getElementById("terms")?.textContent?.includes("the shipped lite"),
      null,
      { timeout: PATIENCE },
    );
    await waitForColour(page, "cat.jpg");
    assert.deepEqual((await canvasPixels(page, "after")).data, shipped.data);
    assert.equal(await page.locator("#shipped-model").isVisible(), false);
    await page.close();
  });

  test("a network without a distribution has no temperature", { timeout: PATIENCE }, async () => {
    const page = await browser.newPage();
    await page.goto(server.url);
    await page.setInputFiles("#model", {
      name: "interactive.pth",
      mimeType: "",
      buffer: await checkpoint("siggraph17.pth"),
    });
    await page.waitForFunction(() => document.getElementById("terms")?.textContent?.includes("interactive.pth"), null, {
      timeout: PATIENCE,
    });
    await drop(page, "cat.jpg");
    await waitForColour(page, "cat.jpg");
    assert.equal(await page.locator("#temperature").isDisabled(), true);
    assert.match((await page.locator("#temperature-help").textContent()) ?? "", /one colour for each place/);
    assert.equal(await page.locator("#saturation").isDisabled(), false);
    await page.close();
  });
});

test("the API takes bytes, hints, and says what a network cannot do", { timeout: PATIENCE }, async () => {
  const page = await browser.newPage();
  await page.goto(server.url);
  const [siggraph, eccv] = await Promise.all(
    ["siggraph17.pth", "training.pth"].map(async (name) => new Uint8Array(await checkpoint(name))),
  );
  const results = await page.evaluate(
    async ({ siggraph, eccv }) => {
      /** @type {typeof import("../../www/autochrome.js")} */
      const { Colorizer } = await import(new URL("www/autochrome.js", location.href).href);
      const photo = new ImageData(64, 48);
      for (let i = 0; i < 64 * 48; i++) photo.data.set([(i * 7) % 256, (i * 7) % 256, (i * 7) % 256, 255], 4 * i);
      /** @param {Promise<unknown>} promise */
      const code = (promise) =>
        promise.then(
          () => "no error",
          (error) => error.code,
        );
      /** @param {import("../../www/autochrome.js").Colorization} colorization */
      const pixels = async (colorization) => [...(await colorization.render()).data].join();
      const bytes = new Uint8Array(siggraph);
      const digest = await crypto.subtle.digest("SHA-256", bytes);
      const sha256 = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

      const interactive = await Colorizer.load({ model: bytes.buffer, sha256, device: "cpu" });
      const automatic = await interactive.colorize(photo);
      const hinted = await interactive.colorize(photo, { hints: [{ x: 32, y: 24, a: 80, b: 60, radius: 8 }] });
      const distribution = await Colorizer.load({ model: new Blob([new Uint8Array(eccv)]), device: "cpu" });
      const colorization = await distribution.colorize(photo);
      const shares = await colorization.distributionAt(3, 4);
      return {
        models: [interactive.model, distribution.model],
        steered: (await pixels(automatic)) !== (await pixels(hinted)),
        shares: shares.length,
        bytesKept: bytes.length,
        codes: {
          distribution: await code(automatic.distributionAt(3, 4)),
          hints: await code(distribution.colorize(photo, { hints: [{ x: 1, y: 1, a: 0, b: 0, radius: 1 }] })),
          outside: await code(interactive.colorize(photo, { hints: [{ x: 64, y: 1, a: 0, b: 0, radius: 1 }] })),
          shape: await code(interactive.colorize(photo, { hints: /** @type {any} */ ([{ x: 1 }]) })),
          hash: await code(Colorizer.load({ model: new Blob([bytes]), sha256: "00", device: "cpu" })),
          format: await code(Colorizer.load({ model: new ArrayBuffer(64), device: "cpu" })),
          missing: await code(Colorizer.load({ model: "no-such.safetensors", device: "cpu" })),
          page: await code(Colorizer.load({ model: "index.html", device: "cpu" })),
        },
      };
    },
    { siggraph: siggraph ?? [], eccv: eccv ?? [] },
  );
  const [interactive, distribution] = results.models;
  assert.deepEqual([interactive?.network, interactive?.hints, interactive?.distribution], ["siggraph17", true, false]);
  assert.deepEqual([distribution?.network, distribution?.hints, distribution?.distribution], ["eccv16", false, true]);
  assert.ok(distribution?.unused.includes("optimizer.state.0.exp_avg"), "what is not used is named");
  assert.ok(results.steered, "hints change the colours");
  assert.equal(results.shares, 313);
  assert.ok(results.bytesKept > 0, "the caller's bytes are the caller's");
  assert.deepEqual(results.codes, {
    distribution: "unsupported",
    hints: "unsupported",
    outside: "invalid-argument",
    shape: "invalid-argument",
    hash: "model-integrity",
    format: "model-format",
    missing: "model-download",
    page: "model-format",
  });
  await page.close();
});

describe("a download", () => {
  /** @type {import("./flaky.js").Proxy} */
  let proxy;
  before(async () => {
    proxy = await flaky(server.url);
  });
  after(() => proxy?.close());
  beforeEach(() => {
    proxy.fault = () => undefined;
    proxy.wholeOnly = false;
    proxy.requests.length = 0;
  });

  const isModel = (/** @type {string} */ path) => path.endsWith(".safetensors");
  const modelRequests = () => proxy.requests.filter(({ path }) => isModel(path));
  const MEGABYTE = 1e6;

  /** @param {Page} page */
  const kept = (page) =>
    page.evaluate(async () => {
      const cache = await caches.open("autochrome-models");
      return Promise.all(
        (await cache.keys()).map(async ({ url }) => ({
          url,
          size: (await (await cache.match(url))?.blob())?.size ?? 0,
        })),
      );
    });

  /** @param {Page} page */
  async function colours(page) {
    await page.goto(proxy.url);
    await drop(page, "cat.jpg");
    await waitForColour(page, "cat.jpg");
  }

  /** The model is kept behind the visitor's back. @param {Page} page @param {number} count */
  async function waitForKept(page, count) {
    await until(async () => (await kept(page)).length === count, `${count} models are kept`);
    return kept(page);
  }

  test("that breaks goes on where it stopped, and is kept for the next visit", { timeout: PATIENCE }, async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    let breaks = 2;
    proxy.fault = (path) => (isModel(path) && breaks-- > 0 ? 3 * MEGABYTE : undefined);
    await colours(page);
    const ranges = modelRequests().map(({ range }) => range);
    assert.equal(ranges.length, 3);
    assert.equal(ranges[0], undefined);
    assert.match(ranges[1] ?? "", /^bytes=[1-9]\d*-$/);
    assert.ok(
      Number(ranges[2]?.match(/\d+/)?.[0]) > Number(ranges[1]?.match(/\d+/)?.[0]),
      `${ranges[2]} after ${ranges[1]}`,
    );

    const [model, ...others] = await waitForKept(page, 1);
    assert.equal(others.length, 0);
    assert.match(model?.url ?? "", /sha256=[0-9a-f]{64}$/);
    proxy.requests.length = 0;
    await colours(page);
    assert.deepEqual(modelRequests(), [], "the second visit downloads no model");
    await context.close();
  });

  test("that breaks on a host without ranges begins anew", { timeout: PATIENCE }, async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    proxy.wholeOnly = true;
    let breaks = 2;
    proxy.fault = (path) => (isModel(path) && breaks-- > 0 ? 3 * MEGABYTE : undefined);
    await colours(page);
    assert.equal(modelRequests().length, 3);
    assert.equal((await waitForKept(page, 1)).length, 1);
    await context.close();
  });

  test("that fails for good is said, and goes on with the next visit", { timeout: PATIENCE }, async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    proxy.fault = (path, range) => (isModel(path) ? (range ? 0 : 5 * MEGABYTE) : undefined);
    await page.goto(proxy.url);
    await page.locator("#alert").waitFor({ timeout: PATIENCE });
    assert.match((await page.locator("#alert").textContent()) ?? "", /could not be downloaded .+ try again/);
    assert.equal(modelRequests().length, 4);
    const [part] = await kept(page);
    assert.match(part?.url ?? "", /part=1$/);
    assert.ok((part?.size ?? 0) > 0);

    proxy.fault = () => undefined;
    proxy.requests.length = 0;
    await colours(page);
    assert.deepEqual(
      modelRequests().map(({ range }) => range),
      [`bytes=${part?.size}-`],
    );
    const now = await waitForKept(page, 1);
    assert.ok(
      now.every(({ url }) => !url.includes("part=")),
      "the part has become the whole",
    );
    await context.close();
  });

  test("that was kept but is damaged is dropped and made anew", { timeout: PATIENCE }, async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await colours(page);
    const [model] = await waitForKept(page, 1);
    await page.evaluate(
      async ({ url, size }) => {
        const cache = await caches.open("autochrome-models");
        await cache.put(url, new Response(new Uint8Array(size)));
      },
      /** @type {{ url: string, size: number }} */ (model),
    );
    proxy.requests.length = 0;
    await colours(page);
    assert.equal(modelRequests().length, 1);
    // A part that belongs to another file is found out by the hash too.
    await page.evaluate(
      async ({ url }) => {
        const cache = await caches.open("autochrome-models");
        await cache.delete(url);
        await cache.put(`${url}&part=1`, new Response(new Uint8Array(1000)));
      },
      /** @type {{ url: string }} */ (model),
    );
    proxy.requests.length = 0;
    await colours(page);
    assert.deepEqual(
      modelRequests().map(({ range }) => range),
      ["bytes=1000-", undefined],
    );
    const now = await waitForKept(page, 1);
    assert.deepEqual(now, [model]);
    await context.close();
  });

  test("of a visitor without room for it stays in memory", { timeout: PATIENCE }, async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send("Storage.overrideQuotaForOrigin", {
      origin: new URL(proxy.url).origin,
      quotaSize: 2 * MEGABYTE,
    });
    await page.addInitScript(() => {
      new BroadcastChannel("put").onmessage = ({ data }) => Object.assign(window, { refusal: data });
    });
    await beforeWorker(page, TELLS_OF_REFUSALS);
    await colours(page);
    await page.waitForFunction(() => "refusal" in window);
    assert.equal(await page.evaluate(() => /** @type {any} */ (window).refusal), "QuotaExceededError");
    assert.deepEqual(await kept(page), []);
    await drop(page, "coffee.jpg");
    await waitForColour(page, "coffee.jpg");
    await context.close();
  });
});
