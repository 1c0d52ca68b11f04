/** Everywhere a photograph is shown, it is that photograph: thumbnails, lost canvases, the original, what is said of it. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { launch, serve } from "./chromium.js";
import { PATIENCE, SAMPLES, canvasPixels, colourfulness, waitForColour } from "./helpers.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("./helpers.js").Pixels} Pixels */

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
/** @param {string} name */
const bad = (name) => ({ name, mimeType: "text/plain", buffer: Buffer.from("no photograph") });

async function open() {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(`${server.url}?device=cpu`);
  return page;
}

/** Waits until the strip's states are these. @param {Page} page @param {string[]} wanted */
const become = (page, wanted) =>
  page.waitForFunction(
    (wanted) =>
      [...document.querySelectorAll("#strip li")]
        .map((item) => /** @type {HTMLElement} */ (item).dataset["state"])
        .join() === wanted,
    wanted.join(),
    { timeout: PATIENCE },
  );

/** @param {Page} page @param {string} text */
const status = (page, text) =>
  page.waitForFunction((text) => document.getElementById("status")?.textContent === text, text, { timeout: PATIENCE });

/** What the thumbnails hold. @param {Page} page @returns {Promise<Pixels[]>} */
const thumbnails = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("#strip canvas")].map((found) => {
      const canvas = /** @type {HTMLCanvasElement} */ (found);
      const { width, height } = canvas;
      const data = canvas.getContext("2d")?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray();
      return { width, height, data };
    }),
  );

/** Mean difference of two pictures, 255 for those of different shapes. @param {Pixels} one @param {Pixels} other */
function difference(one, other) {
  if (one.width !== other.width || one.height !== other.height) return 255;
  return one.data.reduce((sum, value, i) => sum + Math.abs(value - (other.data[i] ?? 0)), 0) / one.data.length;
}

test("a thumbnail is its photograph's, however often another comes on show", { timeout: PATIENCE }, async () => {
  const page = await open();
  const names = ["cat.jpg", "coffee.jpg", "astronaut.jpg"];
  await page.setInputFiles("#file", await Promise.all(names.map(sample)));
  await become(page, ["done", "done", "done"]);
  const first = await thumbnails(page);
  for (const index of [1, 2, 0, 2, 1, 0]) {
    await page.locator("#strip li").nth(index).locator("[data-part=show]").click();
    await waitForColour(page, names[index] ?? "");
    const now = await thumbnails(page);
    now.forEach((thumbnail, at) => {
      const away = difference(thumbnail, /** @type {Pixels} */ (first[at]));
      assert.ok(away < 12, `${names[at]} is ${away} away from itself when ${names[index]} is shown`);
    });
  }
  await page.close();
});

/** Every canvas that shows something, by name, and what it holds. @param {Page} page @returns {Promise<[string, Pixels][]>} */
const canvases = (page) =>
  page.evaluate(() =>
    [
      ...document.querySelectorAll("#strip canvas, #plane"),
      ...(document.getElementById("viewer")?.shadowRoot?.querySelectorAll("canvas") ?? []),
    ]
      .map((found) => /** @type {HTMLCanvasElement} */ (found))
      .filter(({ width }) => width > 1)
      .map((canvas) => {
        const { width, height } = canvas;
        const data = canvas.getContext("2d")?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray();
        return /** @type {[string, Pixels]} */ ([canvas.id || "thumbnail", { width, height, data }]);
      }),
  );

/** Ends the GPU process and waits until this many canvases have lost what they held. @param {Page} page @param {number} count */
async function crash(page, count) {
  await page.evaluate(() => {
    Object.assign(window, { lost: 0 });
    const inside = document.getElementById("viewer")?.shadowRoot?.querySelectorAll("canvas") ?? [];
    for (const canvas of [...document.querySelectorAll("canvas"), ...inside])
      canvas.addEventListener("contextlost", () => /** @type {any} */ (window).lost++);
  });
  const session = await browser.newBrowserCDPSession();
  // It answers that its target is gone.
  await session.send("Browser.crashGpuProcess").catch(() => {});
  await page.waitForFunction((count) => /** @type {any} */ (window).lost >= count, count, { timeout: PATIENCE });
}

/** Waits until canvases hold what they held. @param {Page} page @param {[string, Pixels][]} held */
async function recover(page, held) {
  const end = Date.now() + 20_000;
  for (;;) {
    const now = await canvases(page);
    const wrong = held.filter(([, pixels], index) => difference(pixels, /** @type {any} */ (now[index])[1]) > 1);
    if (wrong.length === 0) return;
    const names = wrong.map(([name]) => name).join();
    assert.ok(Date.now() < end, `never drawn again: ${names}`);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
}

test("after the GPU process has ended, every canvas is drawn again", { timeout: PATIENCE }, async () => {
  const page = await open();
  await page.setInputFiles("#file", await Promise.all(["cat.jpg", "coffee.jpg"].map(sample)));
  await become(page, ["done", "done"]);
  await page.locator("#confidence").check();
  await page.locator("#inspect").check();
  await page.locator("#view").hover({ position: { x: 60, y: 60 } });
  await page.locator("#reading").waitFor();
  await page.waitForFunction(() => {
    const overlay = document.getElementById("viewer")?.shadowRoot?.getElementById("overlay");
    return /** @type {HTMLCanvasElement} */ (overlay).width > 1;
  });
  const held = await canvases(page);
  assert.deepEqual(held.map(([name]) => name).sort(), [
    "after",
    "before",
    "overlay",
    "plane",
    "thumbnail",
    "thumbnail",
  ]);
  await crash(page, held.length);
  await recover(page, held);
  await page.close();
});

test("so is a photograph that is not in colour yet", { timeout: PATIENCE }, async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  let release = () => {};
  const held = new Promise((resolve) => (release = () => resolve(null)));
  await page.route("**/*.safetensors", (route) => held.then(() => route.continue()));
  await page.goto(`${server.url}?device=cpu`);
  await page.setInputFiles("#file", await sample("cat.jpg"));
  await page.waitForFunction(() => {
    const before = document.getElementById("viewer")?.shadowRoot?.getElementById("before");
    return /** @type {HTMLCanvasElement} */ (before).width > 1;
  });
  const pixels = await canvases(page);
  await crash(page, 1);
  await recover(page, pixels);
  release();
  await become(page, ["done"]);
  await page.close();
});

describe("the original is the file as it came", () => {
  /** @param {Page} page @param {(at: { x: number, y: number, gray: number }) => number[]} paint */
  async function painted(page, paint) {
    const bytes = await page.evaluate(async (paint) => {
      const colour = new Function(`return ${paint}`)();
      const bitmap = await createImageBitmap(await (await fetch("www/samples/cat.jpg")).blob());
      const { width, height } = bitmap;
      const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
        new OffscreenCanvas(width, height).getContext("2d")
      );
      context.drawImage(bitmap, 0, 0);
      const image = context.getImageData(0, 0, width, height);
      for (let i = 0; i < image.data.length; i += 4) {
        const at = i / 4;
        image.data.set(colour({ x: (at % width) / width, y: at / width / height, gray: image.data[i] }), i);
      }
      context.putImageData(image, 0, 0);
      return [...new Uint8Array(await (await context.canvas.convertToBlob()).arrayBuffer())];
    }, paint.toString());
    return { name: "print.png", mimeType: "image/png", buffer: Buffer.from(bytes) };
  }

  for (const [name, paint] of /** @type {[string, (at: { x: number, y: number, gray: number }) => number[]][]} */ ([
    ["evenly toned", ({ gray }) => [gray, 0.89 * gray, 0.7 * gray]],
    ["yellowed toward one side", ({ x, gray }) => [gray, (1 - 0.12 * x) * gray, (1 - 0.35 * x) * gray]],
    [
      "plain, with a scanner's noise",
      ({ x, y, gray }) => {
        const noise = 5 * Math.sin(91_000 * (x + 7 * y));
        return [gray + noise, gray, gray - noise];
      },
    ],
  ])) {
    test(`a print that is ${name} is no photograph in colour`, { timeout: PATIENCE }, async () => {
      const page = await browser.newPage({ bypassCSP: true, viewport: { width: 1280, height: 900 } });
      await page.goto(`${server.url}?device=cpu`);
      const file = await painted(page, paint);
      await page.setInputFiles("#file", file);
      await waitForColour(page, "print.png");
      assert.equal(await page.locator("#truth-choice").isVisible(), false, "there are no true colours");
      assert.equal(await page.locator("#before-words").textContent(), "Before");
      const before = await canvasPixels(page, "before");
      const came = await page.evaluate(
        async (bytes) => {
          const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
          const { width, height } = bitmap;
          const context = new OffscreenCanvas(width, height).getContext("2d");
          context?.drawImage(bitmap, 0, 0);
          return { width, height, data: context?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray() };
        },
        [...file.buffer],
      );
      assert.ok(difference(before, came) < 1, `${difference(before, came)}`);
      await page.close();
    });
  }

  test("of a photograph in colour too, which is compared with its black and white", { timeout: PATIENCE }, async () => {
    const page = await browser.newPage({ bypassCSP: true, viewport: { width: 1280, height: 900 } });
    await page.goto(`${server.url}?device=cpu`);
    await page.setInputFiles("#file", await painted(page, ({ x, y, gray }) => [255 * x, gray, 255 * y]));
    await waitForColour(page, "print.png");
    const words = () => page.locator("#before-words").textContent();
    assert.equal(await words(), "Black and white");
    assert.ok(colourfulness(await canvasPixels(page, "before")) < 1);
    await page.locator("#hold").focus();
    await page.keyboard.down(" ");
    await page.waitForFunction(() => document.getElementById("viewer")?.shadowRoot?.querySelector(".held"));
    assert.equal(await words(), "True colours");
    assert.ok(colourfulness(await canvasPixels(page, "before")) > 20);
    await page.keyboard.up(" ");
    await page.waitForFunction(() => /** @type {any} */ (document.getElementById("viewer")).drawnSide !== null);
    assert.equal(await words(), "Black and white");
    assert.ok(colourfulness(await canvasPixels(page, "before")) < 1);
    await page.close();
  });
});

describe("what is said is so", () => {
  test("failures of a batch are listed, counted, and tried again", { timeout: PATIENCE }, async () => {
    const page = await open();
    await page.setInputFiles("#file", [bad("one.txt"), await sample("cat.jpg"), bad("two.txt"), bad("three.txt")]);
    await become(page, ["failed", "done", "failed", "failed"]);
    assert.equal(await page.locator("#alert-text").textContent(), "3 photographs could not be coloured.");
    const listed = await page.locator("#alert-list li").allTextContents();
    assert.deepEqual(
      listed.map((words) => words.split(":")[0]),
      ["one.txt", "two.txt", "three.txt"],
    );
    for (const index of [3, 2]) await page.locator("#strip li").nth(index).locator("[data-part=remove]").click();
    assert.match((await page.locator("#alert-text").textContent()) ?? "", /^one\.txt: This file cannot be read/);
    await page.locator("#alert-close").click();
    assert.equal(await page.locator("#alert").isVisible(), false);
    await page.locator("#strip li").first().locator("[data-part=show]").click();
    assert.match((await page.locator("#alert-text").textContent()) ?? "", /^one\.txt: This file cannot be read/);
    await page.close();
  });

  test("an alert goes when what failed succeeds, or is removed", { timeout: PATIENCE }, async () => {
    const page = await browser.newPage();
    await page.route("**/*.safetensors", (route) => route.abort());
    await page.goto(`${server.url}?device=cpu`);
    await page.setInputFiles("#file", await sample("cat.jpg"));
    await become(page, ["failed"]);
    await page.locator("#alert").waitFor();
    await page.unroute("**/*.safetensors");
    await page.locator("#strip li [data-part=retry]").click();
    await become(page, ["done"]);
    assert.equal(await page.locator("#alert").isVisible(), false, "it is in colour");
    await page.setInputFiles("#file", bad("one.txt"));
    await become(page, ["done", "failed"]);
    await page.locator("#alert").waitFor();
    await page.locator("#strip li").nth(1).locator("[data-part=remove]").click();
    assert.equal(await page.locator("#alert").isVisible(), false, "it is gone");
    await page.close();
  });

  test("nothing is said of a photograph that is removed", { timeout: PATIENCE }, async () => {
    const page = await open();
    await page.setInputFiles("#file", await sample("cat.jpg"));
    await waitForColour(page, "cat.jpg");
    await page.locator("#strip li [data-part=remove]").click();
    assert.equal(await page.locator("#status").textContent(), "");
    await page.close();
  });

  test("after Resume, all are counted", { timeout: PATIENCE }, async () => {
    const page = await open();
    await page.setInputFiles("#file", await Promise.all(["cat.jpg", "coffee.jpg"].map(sample)));
    await become(page, ["done", "done"]);
    // The engine is held up, so that what comes next can be cancelled.
    await page.setInputFiles("#file", await Promise.all(["rocket.jpg", "astronaut.jpg"].map(sample)));
    await page.locator("#cancel").click();
    await become(page, ["done", "done", "cancelled", "cancelled"]);
    await page.locator("#resume").click();
    await become(page, ["done", "done", "done", "done"]);
    await status(page, "4 photographs are in colour.");
    await page.close();
  });
});
