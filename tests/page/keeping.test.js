/** Nothing is lost by a slip: leaving the page with unsaved results, and removing. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { launch, serve } from "./chromium.js";
import { PATIENCE, SAMPLES, colourfulness, waitForColour } from "./helpers.js";

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
const sample = async (name) => ({ name, mimeType: "image/jpeg", buffer: await readFile(SAMPLES + name) });

async function open() {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${server.url}?device=cpu`);
  return page;
}

describe("leaving the page", () => {
  /** Whether the browser asks before it loads the page anew; if so, the page stays. @param {Page} page */
  async function asks(page) {
    const asked = new Promise((resolve) =>
      page.once("dialog", (dialog) => dialog.dismiss().then(() => resolve(dialog.type() === "beforeunload"))),
    );
    // Browsers ask only those who have done something on the page.
    await page.locator("h1").click();
    const left = page.reload().then(
      () => false,
      () => asked,
    );
    return Promise.race([asked, left]);
  }

  test("is asked about while a result is not saved, as it is now", { timeout: PATIENCE }, async () => {
    const page = await open();
    await page.setInputFiles("#file", await sample("cat.jpg"));
    await waitForColour(page, "cat.jpg");
    assert.equal(await asks(page), true);
    await Promise.all([page.waitForEvent("download"), page.locator("#save-jpeg").click()]);
    await page.waitForFunction(() => document.getElementById("status")?.textContent?.startsWith("Saved"));
    await page.locator("#saturation").fill("0.5");
    assert.equal(await asks(page), true, "other settings make another picture");
    await Promise.all([page.waitForEvent("download"), page.locator("#save-jpeg").click()]);
    await page.waitForFunction(() => document.getElementById("status")?.textContent?.startsWith("Saved"));
    assert.equal(await asks(page), false, "it is saved");
    await page.close();
  });

  test("is not, for a sample that was looked at", { timeout: PATIENCE }, async () => {
    const page = await open();
    await page.locator("[data-sample=cat]").click();
    await waitForColour(page, "cat.jpg");
    assert.equal(await asks(page), false);
    await page.close();
  });
});

describe("what was removed", () => {
  /** @param {Page} page */
  const names = (page) => page.locator("#strip .name").allTextContents();

  /** @param {Page} page @param {string} state */
  const all = (page, state) =>
    page.waitForFunction(
      (state) =>
        [...document.querySelectorAll("#strip li")].every(
          (item) => /** @type {HTMLElement} */ (item).dataset["state"] === state,
        ),
      state,
      { timeout: PATIENCE },
    );

  test("comes back to its place, with its settings, at a press", { timeout: PATIENCE }, async () => {
    const page = await open();
    await page.setInputFiles("#file", await Promise.all(["cat.jpg", "coffee.jpg", "rocket.jpg"].map(sample)));
    await all(page, "done");
    await page.locator("#strip li").nth(1).locator("[data-part=show]").click();
    await waitForColour(page, "coffee.jpg");
    await page.locator("#saturation").fill("0.3");
    await page.locator("#strip li").nth(1).locator("[data-part=remove]").click();
    assert.deepEqual(await names(page), ["cat.jpg", "rocket.jpg"]);
    assert.equal(await page.locator("#undo-words").textContent(), "Removed coffee.jpg.");
    await page.locator("#undo-apply").click();
    assert.deepEqual(await names(page), ["cat.jpg", "coffee.jpg", "rocket.jpg"]);
    assert.equal(await page.locator("#undo").isVisible(), false);
    const focused = await page.evaluate(() => document.activeElement?.querySelector(".name")?.textContent);
    assert.equal(focused, "coffee.jpg", "the focus is where the photograph is");
    await waitForColour(page, "coffee.jpg");
    assert.equal(await page.locator("#saturation").inputValue(), "0.3");
    await page.close();
  });

  test("comes back when it was all, by the keys too; what is on show is seen again", {
    timeout: PATIENCE,
  }, async () => {
    const page = await open();
    await page.setInputFiles("#file", await Promise.all(["cat.jpg", "coffee.jpg"].map(sample)));
    await all(page, "done");
    await page.locator("#remove-all").click();
    assert.deepEqual(await names(page), []);
    assert.equal(await page.locator("#undo-words").textContent(), "Removed 2 photographs.");
    await page.keyboard.press("Control+z");
    assert.deepEqual(await names(page), ["cat.jpg", "coffee.jpg"]);
    const thumbnails = await page.locator("#strip canvas").evaluateAll((found) =>
      found.map((element) => {
        const canvas = /** @type {HTMLCanvasElement} */ (element);
        const { width, height } = canvas;
        const data = canvas.getContext("2d")?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray();
        return { width, height, data };
      }),
    );
    for (const thumbnail of thumbnails) assert.ok(colourfulness(thumbnail) > 5, "its thumbnail is there at once");
    await waitForColour(page, "cat.jpg");
    assert.equal(await page.locator("#result").isVisible(), true);
    await page.close();
  });

  test("is offered for ten seconds, and longer to who is about to take it", { timeout: PATIENCE }, async () => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.clock.install();
    await page.goto(`${server.url}?device=cpu`);
    await page.setInputFiles("#file", await sample("cat.jpg"));
    await all(page, "done");
    const shown = () => page.locator("#undo").isVisible();
    await page.locator("#strip li [data-part=remove]").click();
    await page.clock.fastForward(9000);
    assert.equal(await shown(), true);
    await page.locator("#undo-apply").hover();
    await page.clock.fastForward(9000);
    assert.equal(await shown(), true, "the pointer is on it");
    await page.mouse.move(5, 5);
    await page.clock.fastForward(9000);
    assert.equal(await shown(), true);
    await page.clock.fastForward(2000);
    assert.equal(await shown(), false);
    await page.close();
  });
});
