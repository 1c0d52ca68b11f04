/** The page, the element and the standalone file in real Firefox, driven through WebDriver BiDi. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import puppeteer from "puppeteer-core";
import { serve } from "../page/chromium.js";
import { PATIENCE, colourfulness, until, zipEntries } from "../page/helpers.js";

/** @typedef {import("puppeteer-core").Page} Page */
/** @typedef {import("../../www/element.js").PhotoColorizer} PhotoColorizer */

/** @type {{ url: string, close: () => void }} */
let server;
/** @type {import("puppeteer-core").Browser} */
let browser;

before(async () => {
  server = await serve();
  browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: process.env["AUTOCHROME_FIREFOX"] ?? "/usr/bin/firefox-esr",
    headless: true,
  });
});
after(async () => {
  await browser?.close();
  server?.close();
});

/** A page that notes what goes wrong and what is asked of whom. */
async function open() {
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 900 });
  /** @type {string[]} */
  const wrong = [];
  /** @type {Set<string>} */
  const origins = new Set();
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("request", (request) => /^http/.test(request.url()) && origins.add(new URL(request.url()).origin));
  return { page, wrong, origins };
}

/** @param {Page} page */
const says = (page) =>
  page.waitForFunction(
    () =>
      document.getElementById("status")?.textContent?.includes(" is in colour") ||
      !document.getElementById("alert")?.hidden,
    { timeout: PATIENCE },
  );

/**
 * The protocol has no typed arrays, and an array of numbers takes seconds.
 *
 * @param {Page} page
 * @returns {Promise<import("../page/helpers.js").Pixels>}
 */
async function shown(page) {
  const { width, height, binary } = await page.evaluate(() => {
    const canvas = /** @type {HTMLCanvasElement} */ (
      document.querySelector("photo-colorizer")?.shadowRoot?.getElementById("after")
    );
    const { width, height } = canvas;
    const data = canvas.getContext("2d")?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray();
    return { width, height, binary: btoa(data.reduce((text, value) => text + String.fromCharCode(value), "")) };
  });
  return { width, height, data: new Uint8ClampedArray(Buffer.from(binary, "base64")) };
}

test("the page colours a sample, compares by keyboard, answers a slider and saves", { timeout: PATIENCE }, async () => {
  const { page, wrong, origins } = await open();
  await page.goto(server.url);
  await page.waitForFunction(() => document.querySelector("photo-colorizer")?.matches(":defined"));
  await page.click("[data-sample=cat]");
  await says(page);
  assert.equal(
    await page.$eval("#alert", (alert) => /** @type {HTMLElement} */ (alert).hidden),
    true,
    await page.$eval("#alert", (alert) => alert.textContent ?? ""),
  );
  assert.ok(colourfulness(await shown(page)) > 5);
  const divider = await page.$("photo-colorizer >>> #compare");
  await divider?.focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await divider?.evaluate((input) => /** @type {HTMLInputElement} */ (input).value), "51");
  await page.$eval("#saturation", (input) => {
    /** @type {HTMLInputElement} */ (input).value = "0";
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await until(async () => colourfulness(await shown(page)) < 1, "without saturation it is gray");
  await page.click("#save-png");
  await page.waitForFunction(() => /cat-colour\.png/.test(document.getElementById("status")?.textContent ?? ""), {
    timeout: PATIENCE,
  });
  assert.deepEqual(wrong, []);
  assert.deepEqual([...origins], [new URL(server.url).origin]);
  await page.close();
});

/** What is on show, as a hash. @param {Page} page */
const digest = (page) =>
  page.evaluate(async () => {
    const canvas = /** @type {HTMLCanvasElement} */ (
      document.querySelector("photo-colorizer")?.shadowRoot?.getElementById("after")
    );
    const pixels =
      canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? new Uint8ClampedArray();
    return new Uint8Array(await crypto.subtle.digest("SHA-256", pixels)).join();
  });

/** Waits for a change of what is on show, and for its end. @param {Page} page @param {() => Promise<unknown>} change */
async function changed(page, change) {
  const before = await digest(page);
  await change();
  while ((await digest(page)) === before) await new Promise((resolve) => setTimeout(resolve, 50));
  await page.waitForFunction(
    () => /** @type {PhotoColorizer} */ (document.querySelector("photo-colorizer")).drawnSide !== null,
    { timeout: PATIENCE },
  );
  return digest(page);
}

test("each slider changes the colours, and a reset brings them back", { timeout: PATIENCE }, async () => {
  const { page, wrong } = await open();
  await page.goto(server.url);
  await page.click("[data-sample=coffee]");
  await says(page);
  const first = await digest(page);
  for (const [name, value] of /** @type {const} */ ([
    ["temperature", "1"],
    ["rebalance", "0"],
    ["saturation", "2"],
    ["warmth", "1"],
  ])) {
    const set = () =>
      page.$eval(
        `#${name}`,
        (input, value) => {
          /** @type {HTMLInputElement} */ (input).value = value;
          input.dispatchEvent(new Event("input", { bubbles: true }));
        },
        value,
      );
    assert.notEqual(await changed(page, set), first, name);
    assert.equal(await changed(page, () => page.click("#reset")), first, name);
  }
  assert.deepEqual(wrong, []);
  await page.close();
});

test("several photographs are dropped, and go into one ZIP", { timeout: PATIENCE }, async () => {
  const { page, wrong } = await open();
  await page.goto(server.url);
  await page.evaluate(async () => {
    const dataTransfer = new DataTransfer();
    for (const name of ["cat.jpg", "coffee.jpg"])
      dataTransfer.items.add(
        new File([await (await fetch(`www/samples/${name}`)).blob()], name, { type: "image/jpeg" }),
      );
    document
      .getElementById("drop")
      ?.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    const { createObjectURL } = URL;
    URL.createObjectURL = (blob) => {
      Object.assign(window, { saved: blob });
      return createObjectURL(blob);
    };
  });
  await page.waitForFunction(() => document.getElementById("status")?.textContent === "2 photographs are in colour.", {
    timeout: PATIENCE,
  });
  await page.select("#zip-format", "image/png");
  await page.click("#save-all");
  await page.waitForFunction(() => document.getElementById("status")?.textContent?.startsWith("Saved 2 photographs"), {
    timeout: PATIENCE,
  });
  const base64 = await page.evaluate(async () => {
    const bytes = new Uint8Array(await /** @type {any} */ (window).saved.arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  });
  const files = zipEntries(Buffer.from(base64, "base64"));
  assert.deepEqual(
    files.map(({ name, data }) => [name, data.readUInt32BE(16), data.readUInt32BE(20)]),
    [
      ["cat-colour.png", 451, 300],
      ["coffee-colour.png", 600, 400],
    ],
  );
  assert.deepEqual(wrong, []);
  await page.close();
});

test("in Arabic the page is mirrored, the photograph and its divider are not", { timeout: PATIENCE }, async () => {
  const { page, wrong } = await open();
  await page.goto(server.url);
  await page.waitForFunction(() => document.querySelector("photo-colorizer")?.matches(":defined"));
  const left = (/** @type {string} */ selector) => page.$eval(selector, (part) => part.getBoundingClientRect().left);
  const gap = async () => Math.sign((await left("#panel")) - (await left("#viewer")));
  await page.click("[data-sample=cat]");
  await says(page);
  const english = await gap();
  assert.notEqual(english, 0, "the panel is beside the photograph");
  await page.select("#language", "ar");
  await page.waitForFunction(() => document.documentElement.dir === "rtl");
  const words = JSON.parse(await readFile(new URL("../../www/messages/ar.json", import.meta.url), "utf8"));
  const [, said = ""] = words["in-colour"].match(/([^{}]+)\{seconds\}/) ?? [];
  await page.waitForFunction(
    (said) => document.getElementById("status")?.textContent?.includes(said),
    { timeout: PATIENCE },
    said,
  );
  assert.equal(await page.title(), words["title"]);
  assert.equal(await gap(), -english);
  const divider = await page.$("photo-colorizer >>> #compare");
  await divider?.focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await divider?.evaluate((input) => /** @type {HTMLInputElement} */ (input).value), "51");
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
  assert.deepEqual(wrong, []);
  await page.evaluate(() => localStorage.clear());
  await page.close();
});

test("after one visit the page works without its server", { timeout: PATIENCE }, async () => {
  const { page, wrong } = await open();
  const server = await serve();
  await page.goto(server.url);
  const kept = await page.evaluate(async () => {
    /** @type {typeof import("../../www/offline.js")} */
    const { kept } = await import(new URL("www/offline.js", document.baseURI).href);
    const all = await kept;
    // The model is kept behind the visitor's back.
    while ((await (await caches.open("autochrome-models")).keys()).length === 0)
      await new Promise((resolve) => setTimeout(resolve, 50));
    return all;
  });
  assert.equal(kept, true);
  server.close();
  await page.goto(server.url);
  await page.click("[data-sample=cat]");
  await says(page);
  assert.ok(colourfulness(await shown(page)) > 5);
  assert.deepEqual(wrong, []);
  await page.close();
});

test("the element colours and is a form's file", { timeout: PATIENCE }, async () => {
  const { page, wrong } = await open();
  await page.goto(server.url);
  const form = await page.evaluate(async () => {
    await customElements.whenDefined("photo-colorizer");
    document.body.innerHTML = `<form><photo-colorizer name="picture" type="image/jpeg" src="www/samples/cat.jpg" device="cpu" controls></photo-colorizer></form>`;
    const element = /** @type {PhotoColorizer} */ (document.querySelector("photo-colorizer"));
    await new Promise((resolve, reject) => {
      element.addEventListener("change", resolve, { once: true });
      element.addEventListener("colorize-error", ({ detail }) => reject(detail.error), { once: true });
    });
    const file = new FormData(/** @type {HTMLFormElement} */ (document.querySelector("form"))).get("picture");
    const state = element.matches(":state(done)");
    const ratio = element.offsetWidth > 0 && element.offsetHeight > 100;
    return [file instanceof File && file.name, file instanceof File && file.size > 1000, state, ratio];
  });
  assert.deepEqual(form, ["cat-colour.jpg", true, true, true]);
  assert.ok(colourfulness(await shown(page)) > 5);
  assert.deepEqual(wrong, []);
  await page.close();
});

test("the standalone file works from file:", { timeout: PATIENCE }, async () => {
  const { page, wrong, origins } = await open();
  await page.goto(new URL("../../dist/standalone/autochrome.html", import.meta.url).href);
  await page.waitForFunction(() => document.querySelector("photo-colorizer")?.matches(":defined"), {
    timeout: PATIENCE,
  });
  await page.click("[data-sample=cat]");
  await says(page);
  assert.ok(colourfulness(await shown(page)) > 5);
  assert.deepEqual(wrong, []);
  assert.deepEqual([...origins], []);
  await page.close();
});
