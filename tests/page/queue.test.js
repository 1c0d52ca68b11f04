/** Many photographs in real Chromium: states, one bad file, cancel and resume, memory, the ZIP. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { launch, serve } from "./chromium.js";
import { PATIENCE, SAMPLES, canvasPixels, colourfulness, drop, waitForColour, zipEntries } from "./helpers.js";

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

/** @param {string} name @param {string} [as] */
const sample = async (name, as = name) => ({
  name: as,
  mimeType: "image/jpeg",
  buffer: await readFile(SAMPLES + name),
});
const BAD = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no photograph") };

/** A PNG of a photograph. */
async function gray() {
  const page = await browser.newPage();
  const jpeg = (await readFile(`${SAMPLES}coffee.jpg`)).toString("base64");
  const bytes = await page.evaluate(async (jpeg) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(jpeg), (c) => c.charCodeAt(0))]));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    return new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
  }, jpeg);
  await page.close();
  return Buffer.from(bytes);
}

/** Counts what the page asks of the worker: photographs coloured, and freed again. */
async function open() {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.addInitScript(() => {
    const asked = { coloured: 0, released: 0, most: 0 };
    /** @type {any} */ (window).asked = asked;
    const { postMessage } = Worker.prototype;
    Worker.prototype.postMessage = function (/** @type {[any, any]} */ ...args) {
      if (args[0].method === "colorize") asked.coloured++;
      if (args[0].method === "release") asked.released++;
      asked.most = Math.max(asked.most, asked.coloured - asked.released);
      return postMessage.apply(this, args);
    };
  });
  await page.goto(`${server.url}?device=cpu`);
  return page;
}

/** @param {Page} page */
const states = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("#strip li")].map((item) => /** @type {HTMLElement} */ (item).dataset["state"]),
  );

/** Waits until the strip's states are these. @param {Page} page @param {string[]} wanted */
async function become(page, wanted) {
  await page
    .waitForFunction(
      (wanted) =>
        [...document.querySelectorAll("#strip li")]
          .map((item) => /** @type {HTMLElement} */ (item).dataset["state"])
          .join() === wanted,
      wanted.join(),
      { timeout: PATIENCE },
    )
    .catch(async () => assert.deepEqual(await states(page), wanted));
}

/** @param {Page} page @param {number} index */
const item = (page, index) => page.locator("#strip li").nth(index);

test("one bad file stops nothing; each photograph says what became of it", { timeout: PATIENCE }, async () => {
  const page = await open();
  await page.setInputFiles("#file", [
    await sample("cat.jpg"),
    BAD,
    await sample("coffee.jpg"),
    await sample("rocket.jpg"),
  ]);
  await become(page, ["done", "failed", "done", "done"]);
  assert.match(
    (await page.locator("#alert").textContent()) ?? "",
    /notes\.txt: This file cannot be read as a photograph/,
  );
  assert.match((await item(page, 1).locator(".state").textContent()) ?? "", /^Failed: This file cannot be read/);
  await page.waitForFunction(() => document.getElementById("status")?.textContent === "3 photographs are in colour.");
  assert.equal(await page.locator("#strip [aria-current]").count(), 1);
  assert.equal(await item(page, 0).locator("[aria-current]").count(), 1, "the first is on show");
  for (const index of [0, 2, 3]) {
    const thumbnail = await item(page, index)
      .locator("canvas")
      .evaluate((canvas) => {
        const { width, height } = /** @type {HTMLCanvasElement} */ (canvas);
        return {
          width,
          height,
          data:
            /** @type {HTMLCanvasElement} */ (canvas).getContext("2d")?.getImageData(0, 0, width, height).data ??
            new Uint8ClampedArray(),
        };
      });
    assert.ok(
      Math.max(thumbnail.width, thumbnail.height) === 160 && colourfulness(thumbnail) > 5,
      `thumbnail ${index}`,
    );
  }
  await item(page, 1).locator("[data-part=retry]").click();
  await page.locator("#alert").waitFor();
  await become(page, ["done", "failed", "done", "done"]);

  await drop(page, "astronaut.jpg");
  await waitForColour(page, "astronaut.jpg");
  assert.equal((await canvasPixels(page, "after")).width, 512, "what is added alone is shown");
  await page.close();
});

test("settings belong to a photograph, or to all", { timeout: PATIENCE }, async () => {
  const page = await open();
  await page.setInputFiles("#file", [await sample("cat.jpg"), await sample("coffee.jpg")]);
  await become(page, ["done", "done"]);
  const first = await page.locator("#saturation").inputValue();
  await page.locator("#saturation").fill("0");
  await page.waitForFunction(() => {
    const canvas = /** @type {HTMLCanvasElement} */ (
      document.getElementById("viewer")?.shadowRoot?.getElementById("after")
    );
    const data =
      canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? new Uint8ClampedArray();
    for (let i = 0; i < data.length; i += 4) if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) return false;
    return true;
  });
  await item(page, 1).locator("[data-part=show]").click();
  await waitForColour(page, "coffee.jpg");
  assert.equal(await page.locator("#saturation").inputValue(), first, "the other has its own");
  await item(page, 0).locator("[data-part=show]").click();
  await waitForColour(page, "cat.jpg");
  assert.equal(await page.locator("#saturation").inputValue(), "0");
  assert.ok(colourfulness(await canvasPixels(page, "after")) < 1);
  await page.locator("#apply-all").click();
  await page.waitForFunction(
    () => document.getElementById("status")?.textContent === "All 2 photographs have these settings.",
  );
  await page.waitForFunction(() => {
    const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector("#strip li:nth-child(2) canvas"));
    const data =
      canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? new Uint8ClampedArray();
    for (let i = 0; i < data.length; i += 4) if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) return false;
    return true;
  });
  await become(page, ["done", "done"]);
  await item(page, 1).locator("[data-part=show]").click();
  await waitForColour(page, "coffee.jpg");
  assert.equal(await page.locator("#saturation").inputValue(), "0");
  assert.ok(colourfulness(await canvasPixels(page, "after")) < 1);
  await page.locator("#reset-saturation").click();
  assert.equal(await page.locator("#saturation").inputValue(), first);
  await page.close();
});

test("toning and fading are evened out for the network, unless the visitor says no", {
  timeout: PATIENCE,
}, async () => {
  const page = await open();
  const sepia = await page.evaluate(async () => {
    const bitmap = await createImageBitmap(await (await fetch("www/samples/cat.jpg")).blob());
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.drawImage(bitmap, 0, 0);
    const image = context.getImageData(0, 0, bitmap.width, bitmap.height);
    for (let i = 0; i < image.data.length; i += 4) {
      const faded = 60 + (image.data[i] ?? 0) / 2;
      image.data.set([faded, 0.89 * faded, 0.7 * faded], i);
    }
    context.putImageData(image, 0, 0);
    return new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
  });
  await page.setInputFiles("#file", [
    { name: "sepia.png", mimeType: "image/png", buffer: Buffer.from(sepia) },
    await sample("coffee.jpg"),
  ]);
  await become(page, ["done", "done"]);
  const evened = (await canvasPixels(page, "after")).data;
  assert.equal(await page.locator("#neutralize").isChecked(), true);
  await page.locator("#neutralize").uncheck();
  await page.waitForFunction(
    () =>
      document.getElementById("status")?.textContent?.startsWith("sepia.png is in colour") &&
      document.querySelector("#strip li")?.getAttribute("data-state") === "done",
  );
  const asItIs = (await canvasPixels(page, "after")).data;
  const difference = evened.reduce((sum, value, i) => sum + Math.abs(value - (asItIs[i] ?? 0)), 0) / evened.length;
  assert.ok(difference > 1, `${difference}`);
  await item(page, 1).locator("[data-part=show]").click();
  await waitForColour(page, "coffee.jpg");
  assert.equal(await page.locator("#neutralize").isChecked(), true, "each photograph has its own");
  await page.close();
});

test("one is cancelled, all are cancelled, and they go on", { timeout: PATIENCE }, async () => {
  const page = await browser.newPage();
  let release = () => {};
  const held = new Promise((resolve) => (release = () => resolve(null)));
  await page.route("**/*.safetensors", (route) => held.then(() => route.continue()));
  await page.goto(`${server.url}?device=cpu`);
  await page.setInputFiles("#file", [await sample("cat.jpg"), await sample("coffee.jpg"), await sample("rocket.jpg")]);
  await become(page, ["working", "waiting", "waiting"]);
  await item(page, 1).locator("[data-part=cancel]").click();
  await become(page, ["working", "cancelled", "waiting"]);
  await page.setInputFiles("#file", await sample("photographer.jpg"));
  await become(page, ["working", "cancelled", "waiting", "waiting"]);
  assert.equal(await page.locator("#count").textContent(), "1 of 3");
  await page.locator("#cancel").click();
  await become(page, ["cancelled", "cancelled", "cancelled", "cancelled"]);
  assert.equal(await page.locator("#status").textContent(), "Stopped. 4 photographs were not coloured.");
  release();
  await page.locator("#resume").click();
  await become(page, ["done", "done", "done", "done"]);
  assert.equal(await page.locator("#resume").isVisible(), false);
  await page.close();
});

test("by keyboard: arrows walk along the strip, Delete removes", { timeout: PATIENCE }, async () => {
  const page = await open();
  await page.setInputFiles("#file", [await sample("cat.jpg"), await sample("coffee.jpg"), await sample("rocket.jpg")]);
  await become(page, ["done", "done", "done"]);
  await item(page, 0).locator("[data-part=show]").focus();
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Enter");
  await waitForColour(page, "coffee.jpg");
  assert.equal((await canvasPixels(page, "after")).width, 600);
  const focused = () => page.evaluate(() => document.activeElement?.closest("li")?.querySelector(".name")?.textContent);
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(), "rocket.jpg");
  await page.keyboard.press("Delete");
  await become(page, ["done", "done"]);
  assert.equal(await focused(), "coffee.jpg", "the focus stays in the strip");
  const stops = await page
    .locator("#strip [tabindex='0']")
    .evaluateAll((buttons) => buttons.map((button) => button.closest("li")?.querySelector(".name")?.textContent));
  assert.deepEqual([...new Set(stops)], ["coffee.jpg"], "one photograph is a stop of the Tab key");
  await page.close();
});

test("memory: colours of two photographs at the most are kept, and none of what is removed", {
  timeout: 2 * PATIENCE,
}, async () => {
  const page = await open();
  const names = ["cat", "coffee", "rocket", "astronaut", "photographer"];
  const files = await Promise.all([...names, ...names].map((name, index) => sample(`${name}.jpg`, `${index}.jpg`)));
  await page.setInputFiles("#file", files);
  await become(
    page,
    files.map(() => "done"),
  );
  const asked = () => page.evaluate(() => /** @type {any} */ (window).asked);
  for (const index of [4, 8, 2]) {
    await item(page, index).locator("[data-part=show]").click();
    await waitForColour(page, `${index}.jpg`);
  }
  const { coloured, released, most } = await asked();
  assert.equal(coloured, files.length + 3);
  assert.equal(coloured - released, 2);
  assert.ok(most <= 3, `${most} at once`);
  await item(page, 8).locator("[data-part=show]").click();
  await waitForColour(page, "8.jpg");
  assert.equal((await asked()).coloured, coloured, "the last but one is there at once");
  await page.locator("#remove-all").click();
  assert.equal(await page.locator("#strip li").count(), 0);
  assert.equal(await page.locator("#result").isVisible(), false);
  const end = await asked();
  assert.equal(end.coloured - end.released, 0);
  assert.deepEqual(
    await page.evaluate(() =>
      [...(document.getElementById("viewer")?.shadowRoot?.querySelectorAll("canvas") ?? [])].map(
        (canvas) => /** @type {HTMLCanvasElement} */ (canvas).width,
      ),
    ),
    [1, 1, 1],
  );
  await page.close();
});

test("a dropped folder brings its photographs, and only those", { timeout: PATIENCE }, async () => {
  const page = await open();
  const base64 = (await readFile(`${SAMPLES}cat.jpg`)).toString("base64");
  await page.evaluate((base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    /** @param {string} name @param {string} type */
    const file = (name, type) => ({
      isFile: true,
      isDirectory: false,
      name,
      file: (/** @type {(file: File) => void} */ give) => give(new File([bytes], name, { type })),
    });
    /** @param {string} name @param {object[]} entries */
    const folder = (name, entries) => ({
      isFile: false,
      isDirectory: true,
      name,
      createReader: () => ({
        readEntries: (/** @type {(some: object[]) => void} */ give) => give(entries.splice(0, 1)),
      }),
    });
    const tree = folder("album", [
      file("10.jpg", "image/jpeg"),
      file("2.jpg", "image/jpeg"),
      file("notes.txt", "text/plain"),
      folder("inner", [file("3.tif", "")]),
    ]);
    const event = new Event("drop", { cancelable: true });
    Object.assign(event, { dataTransfer: { items: [{ webkitGetAsEntry: () => tree }], files: [] } });
    window.dispatchEvent(event);
  }, base64);
  await page.waitForFunction(() => document.querySelectorAll("#strip li").length === 3);
  assert.deepEqual(await page.locator("#strip .name").allTextContents(), ["2.jpg", "10.jpg", "3.tif"]);
  await page.close();
});

describe("saving", () => {
  test("a lower quality makes a smaller JPEG", { timeout: PATIENCE }, async () => {
    const page = await open();
    await drop(page, "astronaut.jpg");
    await waitForColour(page, "astronaut.jpg");
    const save = async () => {
      const download = page.waitForEvent("download");
      await page.locator("#save-jpeg").click();
      const file = await download;
      assert.equal(file.suggestedFilename(), "astronaut-colour.jpg");
      return (await readFile(await file.path())).length;
    };
    const fine = await save();
    await page.locator(".options summary").click();
    await page.locator("#quality").fill("0.5");
    assert.equal(await page.locator("#quality-value").textContent(), "50%");
    assert.ok((await save()) < fine * 0.7);
    await page.close();
  });

  test("the format that a photograph came in is the one that is proposed", { timeout: PATIENCE }, async () => {
    const page = await open();
    const proposed = () => page.locator(".saving .actions .button").allTextContents();
    await drop(page, "cat.jpg");
    await waitForColour(page, "cat.jpg");
    assert.deepEqual(await proposed(), ["Save JPEG"]);
    await page.setInputFiles("#file", { name: "scan.png", mimeType: "image/png", buffer: await gray() });
    await waitForColour(page, "scan.png");
    assert.deepEqual(await proposed(), ["Save PNG"]);
    await page.close();
  });

  test("what is on show is copied to the clipboard", { timeout: PATIENCE }, async () => {
    const page = await open();
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await drop(page, "astronaut.jpg");
    await waitForColour(page, "astronaut.jpg");
    await page.locator("#copy").click();
    const told = "astronaut.jpg in colour is on the clipboard.";
    await page.waitForFunction((told) => document.getElementById("status")?.textContent === told, told);
    const copied = await page.evaluate(async () => {
      const [item] = await navigator.clipboard.read();
      const bitmap = await createImageBitmap(/** @type {Blob} */ (await item?.getType("image/png")));
      const { width, height } = bitmap;
      const context = new OffscreenCanvas(width, height).getContext("2d");
      context?.drawImage(bitmap, 0, 0);
      return { width, height, data: context?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray() };
    });
    const shown = await canvasPixels(page, "after");
    assert.deepEqual([copied.width, copied.height], [shown.width, shown.height]);
    const away = copied.data.reduce((sum, value, i) => sum + Math.abs(value - (shown.data[i] ?? 0)), 0);
    assert.ok(away / copied.data.length < 1, `${away / copied.data.length}`);
    await page.close();
  });

  test("a browser that does not allow copying is told of, in words", { timeout: PATIENCE }, async () => {
    const page = await open();
    await page.evaluate(() => {
      const refused = async () => {
        throw new DOMException("no", "NotAllowedError");
      };
      Object.defineProperty(navigator.clipboard, "write", { value: refused });
    });
    await drop(page, "cat.jpg");
    await waitForColour(page, "cat.jpg");
    await page.locator("#copy").click();
    await page.locator("#alert").waitFor();
    assert.match((await page.locator("#alert-text").textContent()) ?? "", /^The browser did not allow copying/);
    await page.close();
  });

  test("all go into one ZIP, with names of their own", { timeout: PATIENCE }, async () => {
    const page = await open();
    await page.setInputFiles("#file", [
      await sample("cat.jpg"),
      await sample("cat.jpg"),
      BAD,
      { name: "scan.png", mimeType: "image/png", buffer: await gray() },
    ]);
    await become(page, ["done", "done", "failed", "done"]);
    const download = page.waitForEvent("download");
    await page.locator("#save-all").click();
    const zip = await readFile(await (await download).path());
    const files = zipEntries(zip);
    assert.deepEqual(
      files.map(({ name }) => name),
      ["cat-colour.jpg", "cat-colour-2.jpg", "scan-colour.png"],
      "in the format that each came in",
    );
    assert.equal(files[0]?.data.readUInt16BE(0), 0xffd8);
    await page.locator(".options summary").click();
    await page.locator("#zip-format").selectOption("image/png");
    const second = page.waitForEvent("download");
    await page.locator("#save-all").click();
    const pngs = zipEntries(await readFile(await (await second).path()));
    assert.deepEqual(
      pngs.map(({ name }) => name),
      ["cat-colour.png", "cat-colour-2.png", "scan-colour.png"],
    );
    const sizes = pngs.map(({ data }) => {
      assert.equal(data.subarray(1, 4).toString(), "PNG");
      return [data.readUInt32BE(16), data.readUInt32BE(20)];
    });
    assert.deepEqual(sizes, [
      [451, 300],
      [451, 300],
      [600, 400],
    ]);
    assert.match((await page.locator("#status").textContent()) ?? "", /^Saved 3 photographs/);

    await page.locator("#save-all").click();
    await page.locator("#cancel").click();
    await page.waitForFunction(() => document.getElementById("status")?.textContent === "Stopped. Nothing was saved.");
    await page.close();
  });
});
