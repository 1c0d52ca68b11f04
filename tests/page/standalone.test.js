/** The standalone file, opened from the disk in a browser without a network. */

import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { launch } from "./chromium.js";
import { PATIENCE, canvasPixels, colourfulness, drop, waitForColour } from "./helpers.js";

const FILE = fileURLToPath(new URL("../../dist/standalone/autochrome.html", import.meta.url));

/** Bytes; what is sent by mail or carried about should not be larger. */
const LARGEST = 25e6;

/** @type {string} */
let folder;
/** @type {string} */
let url;
before(async () => {
  // Alone in its folder, with nothing beside it.
  folder = await mkdtemp(join(tmpdir(), "autochrome "));
  const file = join(folder, "autochrome.html");
  await copyFile(FILE, file);
  url = pathToFileURL(file).href;
});
after(() => rm(folder, { recursive: true, force: true }));

test("is small enough to carry about", async () => {
  const { size } = await stat(FILE);
  assert.ok(size < LARGEST, `${size} bytes`);
});

for (const webgpu of [false, true]) {
  describe(webgpu ? "with WebGPU (software adapter)" : "without WebGPU", () => {
    /** @type {import("playwright-core").Browser} */
    let browser;
    before(async () => {
      browser = await launch({ webgpu });
    });
    after(() => browser?.close());

    test("colours photographs from a file: address, and asks for nothing", { timeout: PATIENCE }, async () => {
      const address = webgpu ? `${url}?device=webgpu` : url;
      const context = await browser.newContext();
      await context.setOffline(true);
      /** @type {string[]} */
      const faults = [];
      context.on("request", (request) => {
        if (request.url() !== address && !/^(blob|data):/.test(request.url())) faults.push(request.url());
      });
      context.on("weberror", (error) => faults.push(String(error.error())));
      context.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) faults.push(message.text());
      });
      const page = await context.newPage();
      await page.goto(address);
      await page.locator("[data-sample=cat]").click();
      await waitForColour(page, "cat.jpg");
      assert.ok(colourfulness(await canvasPixels(page, "after")) > 8);
      await drop(page, "coffee.jpg");
      await waitForColour(page, "coffee.jpg");
      assert.match(
        (await page.locator("#device").textContent()) ?? "",
        webgpu ? /^Runs on WebGPU/ : /^Runs on the CPU/,
      );
      const download = page.waitForEvent("download");
      await page.locator("#save-png").click();
      assert.ok((await stat(await (await download).path())).size > 100_000);
      const images = await page.evaluate(() => [...document.images].every(({ naturalWidth }) => naturalWidth > 0));
      assert.ok(images, "every picture of the page is in the file");
      assert.deepEqual(faults.splice(0), []);

      const blocked = await page.evaluate(() =>
        fetch("https://example.com/").then(
          () => "fetched",
          () => "blocked",
        ),
      );
      assert.equal(blocked, "blocked");
      assert.ok(
        faults.some((fault) => fault.includes("Content Security Policy")),
        "by the file's own policy",
      );
      await context.close();
    });
  });
}
