/** Before and after in real Chromium: the divider, the modes, zoom and pan down to real pixels. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { launch, serve } from "./chromium.js";
import { PATIENCE, canvasPixels, colourfulness, waitForColour } from "./helpers.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("../../www/element.js").PhotoColorizer} PhotoColorizer */

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

/** A page with a photograph on show. @param {import("playwright-core").BrowserContextOptions} [options] */
async function open(options = { viewport: { width: 1280, height: 900 } }) {
  const page = await (await browser.newContext(options)).newPage();
  await page.goto(`${server.url}?device=cpu`);
  await page.locator("[data-sample=astronaut]").click();
  await waitForColour(page, "astronaut.jpg");
  return page;
}

/** @param {Page} page @param {string} selector */
async function box(page, selector) {
  const found = await page.locator(selector).boundingBox();
  assert.ok(found, selector);
  return found;
}

/** @param {Page} page */
const zoom = (page) =>
  page.locator("#viewer").evaluate((viewer) => Math.round(1000 * /** @type {PhotoColorizer} */ (viewer).zoom) / 1000);

/**
 * A screenshot's mean colourfulness over a part of the view.
 *
 * @param {Page} page
 * @param {number} from
 * @param {number} to shares of its width
 */
async function colourIn(page, from, to) {
  const { x, y, width, height } = await box(page, "#view");
  const shot = await page.screenshot({
    clip: { x: x + width * from, y: y + height * 0.2, width: width * (to - from), height: height * 0.2 },
  });
  const blank = await page.context().newPage();
  const pixels = await blank.evaluate(async (base64) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    context?.drawImage(bitmap, 0, 0);
    return {
      width: bitmap.width,
      height: bitmap.height,
      data: context?.getImageData(0, 0, bitmap.width, bitmap.height).data ?? new Uint8ClampedArray(),
    };
  }, shot.toString("base64"));
  await blank.close();
  return colourfulness(pixels);
}

describe("the divider", () => {
  test("moves by keyboard and says where it is", { timeout: PATIENCE }, async () => {
    const page = await open();
    const divider = page.locator("#compare");
    await divider.focus();
    for (const [key, value] of /** @type {const} */ ([
      ["ArrowLeft", 49],
      ["ArrowRight", 50],
      ["PageUp", 60],
      ["PageDown", 50],
      ["Home", 0],
      ["End", 100],
    ])) {
      await page.keyboard.press(key);
      assert.equal(Number(await divider.inputValue()), value, key);
      assert.equal(await divider.getAttribute("aria-valuetext"), `${100 - value}% in colour`);
    }
    assert.ok((await colourIn(page, 0.25, 0.75)) < 3, "all is before");
    await page.keyboard.press("Home");
    assert.ok((await colourIn(page, 0.25, 0.75)) > 8, "all is in colour");
    await page.context().close();
  });

  test("is dragged by the mouse and by a finger", { timeout: PATIENCE }, async () => {
    const page = await open({ viewport: { width: 1280, height: 900 }, hasTouch: true });
    const { x, y, width, height } = await box(page, "#view");
    const [middle, row] = [x + width / 2, y + height / 2];
    await page.mouse.move(middle, row);
    await page.mouse.down();
    await page.mouse.move(x + width * 0.8, row, { steps: 4 });
    await page.mouse.up();
    assert.ok(Math.abs(Number(await page.locator("#compare").inputValue()) - 80) <= 1);
    assert.ok((await colourIn(page, 0.3, 0.7)) < 3);
    const touch = await page.context().newCDPSession(page);
    for (const [type, at] of /** @type {const} */ ([
      ["touchStart", 0.8],
      ["touchMove", 0.5],
      ["touchMove", 0.2],
      ["touchEnd", 0],
    ])) {
      await touch.send("Input.dispatchTouchEvent", {
        type,
        touchPoints: type === "touchEnd" ? [] : [{ x: x + width * at, y: row }],
      });
    }
    assert.ok(
      Math.abs(Number(await page.locator("#compare").inputValue()) - 20) <= 1,
      await page.locator("#compare").inputValue(),
    );
    assert.ok((await colourIn(page, 0.3, 0.7)) > 8);
    await page.context().close();
  });
});

test("the divider follows a drag or a tap anywhere in the picture", { timeout: PATIENCE }, async () => {
  const page = await open({ viewport: { width: 1280, height: 900 }, hasTouch: true });
  const { x, y, width, height } = await box(page, "#view");
  const at = async () => Number(await page.locator("#compare").inputValue());
  const row = y + height * 0.15;
  await page.mouse.move(x + width * 0.2, row);
  await page.mouse.down();
  await page.mouse.move(x + width * 0.5, row, { steps: 4 });
  await page.mouse.move(x + width * 0.7, row, { steps: 4 });
  assert.ok(Math.abs((await at()) - 70) < 0.2, `${await at()}`);
  await page.mouse.up();
  assert.ok((await colourIn(page, 0.35, 0.65)) < 3);
  await page.mouse.click(x + width * 0.3, row);
  assert.ok(Math.abs((await at()) - 30) < 0.2, "a click");
  await page.touchscreen.tap(x + width * 0.9, row);
  assert.ok(Math.abs((await at()) - 90) < 0.2, "a tap");
  await page.locator("#compare").focus();
  await page.keyboard.press("ArrowLeft");
  assert.equal(await at(), 89, "keys go by the hundredth");
  await page.locator("#zoom-in").click();
  await page.mouse.move(x + width * 0.5, row);
  await page.mouse.down();
  await page.mouse.move(x + width * 0.4, row, { steps: 4 });
  await page.mouse.up();
  assert.equal(await at(), 89, "what is enlarged is moved instead");
  await page.context().close();
});

test("modes: side by side, colour only, and the original while a button is held", { timeout: PATIENCE }, async () => {
  const page = await open();
  await page.locator("input[value=side]").check();
  const [left, right] = [await box(page, "#before"), await box(page, "#after")];
  assert.ok(
    left.x + left.width <= right.x && Math.abs(left.width - right.width) < 1 && Math.abs(left.y - right.y) < 1,
    JSON.stringify([left, right]),
  );
  assert.ok((await colourIn(page, 0.1, 0.4)) < 3);
  assert.ok((await colourIn(page, 0.6, 0.9)) > 8);
  await page.locator("#view").focus();
  for (let i = 0; i < 5; i++) await page.keyboard.press("+");
  await page.keyboard.press("ArrowRight");
  const transforms = await Promise.all(
    ["#before", "#after"].map((id) => page.locator(id).evaluate((canvas) => canvas.style.transform)),
  );
  assert.equal(transforms[0], transforms[1], "both show the same place");
  await page.keyboard.press("0");

  await page.locator("input[value=after]").check();
  assert.ok((await colourIn(page, 0.25, 0.75)) > 8);
  const hold = page.locator("#hold");
  const { x, y, width, height } = await box(page, "#hold");
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
  assert.equal(await hold.getAttribute("aria-pressed"), "true");
  assert.ok((await colourIn(page, 0.25, 0.75)) < 3, "while it is held");
  await page.mouse.up();
  assert.equal(await hold.getAttribute("aria-pressed"), "false");
  await hold.focus();
  await page.keyboard.down("Space");
  assert.ok((await colourIn(page, 0.25, 0.75)) < 3, "by key");
  await page.keyboard.up("Space");
  assert.ok((await colourIn(page, 0.25, 0.75)) > 8);
  await hold.evaluate((button) => /** @type {HTMLElement} */ (button).click());
  assert.equal(await hold.getAttribute("aria-pressed"), "true", "a screen reader's click switches");
  await page.context().close();
});

test("zoom and pan: keys, buttons, wheel, double click, pinch", { timeout: PATIENCE }, async () => {
  const page = await open({ viewport: { width: 1280, height: 900 }, hasTouch: true });
  const fit = await zoom(page);
  const { x, y, width, height } = await box(page, "#view");
  const at = { x: x + width * 0.5, y: y + height * 0.3 };
  /** Which place of the photograph lies under `at`, as shares. */
  const under = async () => {
    const picture = await box(page, "#after");
    return [(at.x - picture.x) / picture.width, (at.y - picture.y) / picture.height];
  };
  /** @param {number[]} one @param {number[]} other */
  const close = (one, other) => one.every((value, i) => Math.abs(value - (other[i] ?? 0)) < 0.005);

  await page.mouse.move(at.x, at.y);
  await page.mouse.wheel(0, -300);
  assert.equal(await zoom(page), fit, "the page scrolls until the viewer is taken in hand");
  await page.locator("#view").focus();
  const place = await under();
  await page.mouse.wheel(0, -400);
  await page.waitForFunction(
    (fit) => /** @type {PhotoColorizer} */ (document.getElementById("viewer")).zoom > fit + 0.001,
    fit,
  );
  assert.ok(close(await under(), place), "what lies under the pointer stays there");
  await page.keyboard.press("0");
  assert.equal(await zoom(page), fit);
  await page.keyboard.press("1");
  assert.equal(await zoom(page), 1);
  assert.equal(await page.locator("#zoom-value").textContent(), "100%");
  await page.locator("#zoom-in").click();
  await page.locator("#zoom-in").click();
  assert.equal(await zoom(page), 2.25);
  assert.equal(await page.locator("#after").evaluate((canvas) => getComputedStyle(canvas).imageRendering), "pixelated");

  const before = await box(page, "#after");
  await page.mouse.move(at.x, at.y);
  await page.mouse.down();
  await page.mouse.move(at.x - 60, at.y + 30, { steps: 3 });
  await page.mouse.up();
  const moved = await box(page, "#after");
  assert.deepEqual([Math.round(moved.x - before.x), Math.round(moved.y - before.y)], [-60, 30]);
  await page.locator("#view").focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(Math.round((await box(page, "#after")).x - moved.x), -40);
  await page.locator("#zoom-fit").click();
  assert.equal(await zoom(page), fit);

  await page.mouse.dblclick(at.x, at.y);
  assert.ok((await zoom(page)) > fit);
  await page.mouse.dblclick(at.x, at.y);
  assert.equal(await zoom(page), fit);

  const touch = await page.context().newCDPSession(page);
  const middle = { x: x + width * 0.7, y: y + height * 0.7 };
  for (const [type, reach] of /** @type {const} */ ([
    ["touchStart", 40],
    ["touchMove", 60],
    ["touchMove", 90],
    ["touchMove", 120],
    ["touchEnd", 0],
  ])) {
    await touch.send("Input.dispatchTouchEvent", {
      type,
      touchPoints:
        type === "touchEnd"
          ? []
          : [
              { x: middle.x - reach, y: middle.y, id: 1 },
              { x: middle.x + reach, y: middle.y, id: 2 },
            ],
    });
  }
  const pinched = (await zoom(page)) / fit;
  assert.ok(pinched > 2 && pinched < 3.2, `pinched by ${pinched}`);
  await page.context().close();
});

test("on a phone: fingers move the divider, scroll past, pinch, and pan what is zoomed", {
  timeout: PATIENCE,
}, async () => {
  const page = await open({
    viewport: { width: 390, height: 844 },
    isMobile: true,
    hasTouch: true,
    deviceScaleFactor: 3,
  });
  const touch = await page.context().newCDPSession(page);
  /**
   * Fingers go from place to place, and are lifted.
   *
   * @param {{ x: number, y: number }[][]} places of each finger at a time
   */
  async function fingers(places) {
    for (const [i, points] of places.entries())
      await touch.send("Input.dispatchTouchEvent", {
        type: i === 0 ? "touchStart" : "touchMove",
        touchPoints: points.map((point, id) => ({ ...point, id })),
      });
    await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  }
  /**
   * One finger's way, by what it moves across and down at each step.
   *
   * @param {{ x: number, y: number }} from
   * @param {number} across
   * @param {number} down
   */
  const swipe = ({ x, y }, across, down) =>
    fingers([0, 1, 2, 3, 4].map((step) => [{ x: x + step * across, y: y + step * down }]));
  const middle = async () => {
    const { x, y, width, height } = await box(page, "#view");
    return { x: x + width / 2, y: y + height / 2 };
  };
  const scrolled = () => page.evaluate(() => scrollY);
  const divider = async () => Number(await page.locator("#compare").inputValue());

  await page.locator("#view").evaluate((view) => view.scrollIntoView({ block: "center" }));
  const { width } = await box(page, "#view");
  await swipe(await middle(), width * 0.075, 0);
  assert.ok(Math.abs((await divider()) - 80) <= 1, `${await divider()}`);
  const [fit, top] = [await zoom(page), await scrolled()];
  await swipe(await middle(), 0, -20);
  await page.waitForFunction((top) => scrollY > top + 30, top);
  assert.equal(await zoom(page), fit);

  await page.locator("#view").evaluate((view) => view.scrollIntoView({ block: "center" }));
  const { x, y } = await middle();
  await fingers(
    [30, 45, 60, 75].map((reach) => [
      { x: x - reach, y },
      { x: x + reach, y },
    ]),
  );
  const pinched = (await zoom(page)) / fit;
  assert.ok(pinched > 2 && pinched < 3, `pinched by ${pinched}`);
  assert.equal(await page.evaluate(() => visualViewport?.scale), 1, "the page itself is not zoomed");
  const [before, still] = [await box(page, "#after"), await scrolled()];
  await swipe({ x, y: y - 40 }, -10, 8);
  const moved = await box(page, "#after");
  assert.deepEqual([Math.round(moved.x - before.x), Math.round(moved.y - before.y)], [-40, 32]);
  assert.equal(await scrolled(), still);
  await page.context().close();
});

test("a large photograph: real pixels at 100 %, and only there", { timeout: 2 * PATIENCE }, async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${server.url}?device=cpu`);
  const bytes = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(2400, 1500);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const image = context.createImageData(2400, 1500);
    for (let i = 0; i < 2400 * 1500; i++) {
      const [x, y] = [i % 2400, Math.floor(i / 2400)];
      const gray = (x + y) % 2 ? 40 + (x * 150) / 2400 : 80 + (y * 150) / 1500;
      image.data.set([gray, gray, gray, 255], 4 * i);
    }
    context.putImageData(image, 0, 0);
    return new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
  });
  await page.setInputFiles("#file", { name: "large.png", mimeType: "image/png", buffer: Buffer.from(bytes) });
  await waitForColour(page, "large.png");
  /** @param {number} side */
  const settled = (side) =>
    page.waitForFunction(
      (side) => /** @type {PhotoColorizer} */ (document.getElementById("viewer")).drawnSide === side,
      side,
      { timeout: PATIENCE },
    );
  const widths = () =>
    Promise.all(
      ["#before", "#after"].map((id) =>
        page.locator(id).evaluate((canvas) => /** @type {HTMLCanvasElement} */ (canvas).width),
      ),
    );
  assert.deepEqual(await widths(), [1600, 1600]);
  await page.locator("#zoom-real").click();
  await settled(2400);
  assert.deepEqual(await widths(), [2400, 2400]);
  const { width, height } = await box(page, "#after");
  assert.deepEqual([Math.round(width), Math.round(height)], [2400, 1500]);

  await page.locator("#saturation").fill("0.5");
  await page.waitForFunction(
    () => /** @type {PhotoColorizer} */ (document.getElementById("viewer")).drawnSide === null,
  );
  await settled(2400);
  const download = page.waitForEvent("download");
  await page.locator("#save-png").click();
  const file = await readFile(await (await download).path());
  const difference = await page.evaluate(async (bytes) => {
    const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]), { premultiplyAlpha: "none" });
    const saved = new OffscreenCanvas(2400, 1500).getContext("2d");
    saved?.drawImage(bitmap, 0, 0);
    const canvas = document.getElementById("viewer")?.shadowRoot?.getElementById("after");
    const shown = /** @type {HTMLCanvasElement} */ (canvas).getContext("2d");
    const [one, other] = [
      saved?.getImageData(0, 0, 2400, 1500).data ?? [],
      shown?.getImageData(0, 0, 2400, 1500).data ?? [],
    ];
    let worst = 0;
    for (let i = 0; i < one.length; i++) worst = Math.max(worst, Math.abs((one[i] ?? 0) - (other[i] ?? 0)));
    return worst;
  }, new Uint8Array(file));
  assert.equal(difference, 0, "what is shown is what is saved");
  await page.locator("#zoom-fit").click();
  await settled(1600);
  assert.deepEqual(await widths(), [1600, 1600]);
  await page.close();
});

test("a photograph in colour is compared with its true colours", { timeout: PATIENCE }, async () => {
  const page = await browser.newPage();
  await page.goto(`${server.url}?device=cpu`);
  const bytes = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(160, 120);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const sky = context.createLinearGradient(0, 0, 0, 120);
    sky.addColorStop(0, "#2266cc");
    sky.addColorStop(1, "#88bb33");
    context.fillStyle = sky;
    context.fillRect(0, 0, 160, 120);
    return new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
  });
  await page.setInputFiles("#file", { name: "colour.png", mimeType: "image/png", buffer: Buffer.from(bytes) });
  await waitForColour(page, "colour.png");
  assert.ok(colourfulness(await canvasPixels(page, "before")) < 1, "before is what the model saw");
  await page.locator("#truth").check();
  await page.locator("#truth-figure").waitFor();
  assert.match((await page.locator("#truth-figure").textContent()) ?? "", /[\d.]+ in ab on average, [\d.]+ dB PSNR/);
  assert.ok(colourfulness(await canvasPixels(page, "before")) > 50);
  assert.equal(await page.locator("#before-words").textContent(), "True colours");
  await page.locator("#truth").uncheck();
  await page.locator("#truth-figure").waitFor({ state: "hidden" });
  assert.ok(colourfulness(await canvasPixels(page, "before")) < 1);
  await page.locator("[data-sample=cat]").click();
  await waitForColour(page, "cat.jpg");
  assert.equal(await page.locator("#truth-choice").isVisible(), false, "a photograph without colour has none");
  await page.close();
});
