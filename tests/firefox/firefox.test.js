/** The page, the element and the standalone file in real Firefox, driven through WebDriver BiDi. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import puppeteer from "puppeteer-core";
import { serve } from "../page/chromium.js";
import { PATIENCE, colourfulness } from "../page/helpers.js";

/** @typedef {import("puppeteer-core").Page} Page */
/** @typedef {import("../../dist/site/www/element.js").PhotoColorizer} PhotoColorizer */

/** @type {{ url: string, close: () => void }} */
let server;
/** @type {import("puppeteer-core").Browser} */
let browser;

before(async () => {
  server = await serve();
  browser = await puppeteer.launch({ browser: "firefox", executablePath: process.env["AUTOCHROME_FIREFOX"] ?? "/usr/bin/firefox-esr", headless: true });
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
const says = (page) => page.waitForFunction(() => document.getElementById("status")?.textContent?.includes(" is in colour") || !document.getElementById("alert")?.hidden, { timeout: PATIENCE });

/** The protocol has no typed arrays, and an array of numbers takes seconds. @param {Page} page @returns {Promise<import("../page/helpers.js").Pixels>} */
async function shown(page) {
  const { width, height, binary } = await page.evaluate(() => {
    const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector("photo-colorizer")?.shadowRoot?.getElementById("after"));
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
  assert.equal(await page.$eval("#alert", (alert) => /** @type {HTMLElement} */ (alert).hidden), true, await page.$eval("#alert", (alert) => alert.textContent ?? ""));
  assert.ok(colourfulness(await shown(page)) > 5);
  const divider = await page.$("photo-colorizer >>> #compare");
  await divider?.focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await divider?.evaluate((input) => /** @type {HTMLInputElement} */ (input).value), "51");
  await page.$eval("#saturation", (input) => {
    /** @type {HTMLInputElement} */ (input).value = "0";
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  for (let i = 0; colourfulness(await shown(page)) > 1 && i < 50; i++) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(colourfulness(await shown(page)) < 1, "without saturation it is gray");
  await page.click("#save-png");
  await page.waitForFunction(() => /cat-colour\.png/.test(document.getElementById("status")?.textContent ?? ""), { timeout: PATIENCE });
  assert.deepEqual(wrong, []);
  assert.deepEqual([...origins], [new URL(server.url).origin]);
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
  await page.waitForFunction(() => document.querySelector("photo-colorizer")?.matches(":defined"), { timeout: PATIENCE });
  await page.click("[data-sample=cat]");
  await says(page);
  assert.ok(colourfulness(await shown(page)) > 5);
  assert.deepEqual(wrong, []);
  assert.deepEqual([...origins], []);
  await page.close();
});
