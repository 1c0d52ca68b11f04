/** The page does not jump, however slowly its parts arrive: from the first paint to the photograph in colour. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch, serve } from "./chromium.js";
import { PATIENCE, waitForColour } from "./helpers.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {{ value: number, moved: string[] }} Jump */

const SITE = fileURLToPath(new URL("../../dist/site/", import.meta.url));

/** As the browsers' own tools have it: 400 kbit/s, and two seconds until a server answers. */
const SLOW_3G = { offline: false, latency: 2000, downloadThroughput: 50_000, uploadThroughput: 50_000 };

/** Times that the processor is slower. */
const SLOWER = 4;

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

/** Notes what moves, and where it was before; what the visitor has just asked for may. @param {Page} page */
const record = (page) =>
  page.addInitScript(() => {
    /** @type {Jump[]} */
    const jumps = [];
    Object.assign(window, { jumps });
    /** @param {any} source */
    const told = ({ node, previousRect: { x, y }, currentRect: now }) => {
      const element = node instanceof Element ? node : node?.parentElement;
      const name = element?.id || element?.className || element?.tagName;
      return `${name} from ${x}, ${y} to ${now.x}, ${now.y}`;
    };
    new PerformanceObserver((list) => {
      for (const entry of /** @type {any[]} */ (list.getEntries())) {
        if (!entry.hadRecentInput) jumps.push({ value: entry.value, moved: entry.sources.map(told) });
      }
    }).observe({ type: "layout-shift", buffered: true });
  });

/** @param {Page} page @returns {Promise<Jump[]>} */
const jumps = (page) => page.evaluate(() => /** @type {any} */ (window).jumps);

/**
 * Engine and model alone would take minutes, in which nothing is drawn but the bar: they come from the disk.
 * @param {Page} page
 */
const takeLargeFilesFromDisk = (page) =>
  page.route(/\.(wasm|safetensors)$/, (route) => {
    const { pathname } = new URL(route.request().url());
    const contentType = pathname.endsWith(".wasm") ? "application/wasm" : "application/octet-stream";
    return route.fulfill({ path: join(SITE, pathname), contentType });
  });

describe("nothing jumps", { concurrency: 2 }, () => {
  for (const [colorScheme, name, viewport, late] of /** @type {const} */ ([
    ["light", "desktop", { width: 1280, height: 800 }, false],
    ["dark", "desktop", { width: 1280, height: 800 }, true],
    ["light", "phone", { width: 390, height: 844 }, true],
    ["dark", "phone", { width: 390, height: 844 }, false],
  ])) {
    const when = late ? "a visitor who is faster than the engine" : "a visitor who waits for the engine";
    test(`${colorScheme}, ${name}, ${when}`, { timeout: 2 * PATIENCE }, async () => {
      const context = await browser.newContext({ viewport, colorScheme });
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE);
      await takeLargeFilesFromDisk(page);
      const session = await context.newCDPSession(page);
      await session.send("Network.enable");
      await session.send("Network.emulateNetworkConditions", SLOW_3G);
      await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
      await record(page);
      await page.goto(server.url, { timeout: PATIENCE });
      if (late) await page.locator("#language option").first().waitFor({ state: "attached", timeout: PATIENCE });
      else await page.locator("#device", { hasText: "Runs on" }).waitFor({ timeout: PATIENCE });
      await page.locator("[data-sample=astronaut]").click();
      await waitForColour(page, "astronaut.jpg");
      assert.deepEqual(await jumps(page), []);
      await context.close();
    });
  }
});
