/** The colour inspector and the map of confidence in real Chromium. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { launch, serve } from "./chromium.js";
import { CHECKPOINTS, PATIENCE, canvasPixels, waitForColour } from "./helpers.js";

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

async function open() {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${server.url}?device=cpu`);
  await page.locator("[data-sample=astronaut]").click();
  await waitForColour(page, "astronaut.jpg");
  return page;
}

/** The point that the panel tells of. @param {Page} page */
const point = (page) =>
  page
    .locator("#reading")
    .evaluate((reading) => [
      Number(/** @type {HTMLElement} */ (reading).dataset["x"]),
      Number(/** @type {HTMLElement} */ (reading).dataset["y"]),
    ]);

/** @param {Page} page @param {number[]} at */
const tells = (page, at) =>
  page.waitForFunction(([x, y]) => {
    const reading = document.getElementById("reading");
    return reading?.dataset["x"] === String(x) && reading.dataset["y"] === String(y) && !reading.hidden;
  }, at);

test("the mouse and the arrow keys inspect a place; its colours are told, aloud when it rests", {
  timeout: PATIENCE,
}, async () => {
  const page = await open();
  assert.equal(await page.locator("#inspector").isVisible(), false);
  await page.locator("#inspect").check();
  assert.equal(await page.locator("#inspector-hint").isVisible(), true);
  const picture = /** @type {{ x: number, y: number, width: number, height: number }} */ (
    await page.locator("#after").boundingBox()
  );
  await page.mouse.move(picture.x + picture.width * 0.75 + 0.1, picture.y + picture.height * 0.5 + 0.1);
  await tells(page, [384, 256]);
  const shares = (await page.locator("#swatches .share").allTextContents()).map((share) =>
    Number(share.replace("%", "")),
  );
  assert.equal(shares.length, 5);
  assert.deepEqual(
    shares,
    [...shares].sort((one, other) => other - one),
  );
  assert.ok((shares[0] ?? 0) > 0);
  const colours = await page
    .locator("#swatches .swatch")
    .evaluateAll((swatches) => swatches.map((swatch) => getComputedStyle(swatch).backgroundColor));
  assert.ok(
    colours.every((colour) => colour !== "rgba(0, 0, 0, 0)"),
    "each has a swatch",
  );
  await page.waitForFunction(() => /^At 384, 256: /.test(document.getElementById("inspector-live")?.textContent ?? ""));

  await page.locator("#view").focus();
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => Number(document.getElementById("reading")?.dataset["x"]) > 384);
  const [x, y] = await point(page);
  assert.equal(y, 256);
  await page.keyboard.press("ArrowUp");
  await page.waitForFunction((y) => Number(document.getElementById("reading")?.dataset["y"]) < y, y ?? 0);
  assert.equal((await point(page))[0], x);
  assert.equal(await page.locator("#crosshair").isVisible(), true);

  await page.keyboard.press("1");
  for (let i = 0; i < 14; i++) await page.keyboard.press("+");
  const from = await point(page);
  await page.keyboard.press("ArrowLeft");
  await tells(page, [(from[0] ?? 0) - 1, from[1] ?? 0]);

  await page.locator("#inspect").uncheck();
  assert.equal(await page.locator("#inspector").isVisible(), false);
  assert.equal(await page.locator("#crosshair").isVisible(), false);
  await page.close();
});

test("without a point the arrow keys begin in the middle, and settings are answered", {
  timeout: PATIENCE,
}, async () => {
  const page = await open();
  await page.locator("#inspect").check();
  await page.locator("#view").focus();
  await page.keyboard.press("ArrowDown");
  await tells(page, [256, 256]);
  const before = await page.locator("#swatches").textContent();
  await page.locator("#rebalance").fill("0");
  await page.waitForFunction((before) => document.getElementById("swatches")?.textContent !== before, before);
  await page.close();
});

test("the plane of ab is drawn in colour, and the point's confidence is a share", { timeout: PATIENCE }, async () => {
  const page = await open();
  await page.locator("#inspect").check();
  await page.locator("#view").focus();
  await page.keyboard.press("ArrowDown");
  await tells(page, [256, 256]);
  const plane = await canvasPixels(page, "plane");
  assert.ok(plane.width > 8 && plane.height > 8, `${plane.width} x ${plane.height}`);
  assert.ok(new Set(plane.data).size > 8, "it shows something");
  const sure = await page.locator("#sure").evaluate((meter) => /** @type {HTMLMeterElement} */ (meter).value);
  assert.ok(sure > 0 && sure <= 1);
  await page.close();
});

test("the map of confidence lies over the photograph while it is wanted", { timeout: PATIENCE }, async () => {
  const page = await open();
  await page.locator("#confidence").check();
  await page.locator("#overlay").waitFor();
  const [map, picture] = await Promise.all(
    ["#overlay", "#after"].map((selector) => page.locator(selector).boundingBox()),
  );
  assert.ok(Math.abs((map?.width ?? 0) - (picture?.width ?? 0)) < 1 && Math.abs((map?.x ?? 0) - (picture?.x ?? 0)) < 1);
  assert.ok(new Set((await canvasPixels(page, "overlay")).data).size > 4);
  await page.locator("#confidence").uncheck();
  assert.equal(await page.locator("#overlay").isVisible(), false);
  assert.equal((await canvasPixels(page, "overlay")).width, 1, "and then it is gone");
  await page.close();
});

test("a network without a distribution has nothing to inspect", { timeout: PATIENCE }, async () => {
  const page = await open();
  await page.locator("#inspect").check();
  await page.setInputFiles("#model", {
    name: "interactive.pth",
    mimeType: "",
    buffer: await readFile(`${CHECKPOINTS}siggraph17.pth`),
  });
  await page.waitForFunction(() => document.getElementById("terms")?.textContent?.includes("interactive.pth"), null, {
    timeout: PATIENCE,
  });
  assert.equal(await page.locator("#inspect").isDisabled(), true);
  assert.equal(await page.locator("#inspector").isVisible(), false);
  await page.close();
});
