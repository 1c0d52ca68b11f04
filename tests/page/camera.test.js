/** The camera in real Chromium: its test picture, two cameras, a refusal. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, serve } from "./chromium.js";
import { PATIENCE, canvasPixels, colourfulness } from "./helpers.js";

/** @typedef {import("playwright-core").Page} Page */

/** @type {{ url: string, close: () => void }} */
let server;
/** @type {import("playwright-core").Browser[]} */
const browsers = [];

before(async () => {
  server = await serve();
});
after(async () => {
  for (const browser of browsers) await browser.close();
  server?.close();
});

/** @param {string[]} more */
async function open(more) {
  const browser = await launch({ webgpu: false, more });
  browsers.push(browser);
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.addInitScript(() => {
    /** @type {any} */ (window).streams = [];
    const { mediaDevices } = navigator;
    const ask = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async (wish) => {
      const stream = await ask(wish);
      /** @type {any} */ (window).streams.push(stream);
      return stream;
    };
  });
  await page.goto(`${server.url}?device=cpu`);
  return page;
}

const ALLOWED = ["--use-fake-device-for-media-stream=device-count=2", "--use-fake-ui-for-media-stream"];

/** How many cameras run. @param {Page} page */
const running = (page) =>
  page.evaluate(
    () =>
      /** @type {any} */ (window).streams
        .flatMap((/** @type {MediaStream} */ stream) => stream.getTracks())
        .filter((/** @type {MediaStreamTrack} */ track) => track.readyState === "live").length,
  );

/** @param {Page} page */
async function waitForFrames(page) {
  await page.waitForFunction(
    () => /^[\d.]+ pictures a second/.test(document.getElementById("camera-rate")?.textContent ?? ""),
    null,
    { timeout: PATIENCE },
  );
}

test("live in black and white and in colour; a picture of it joins the queue", { timeout: PATIENCE }, async () => {
  const page = await open(ALLOWED);
  await page.locator("#camera-open").click();
  await waitForFrames(page);
  const frame = await canvasPixels(page, "camera-colour");
  assert.equal(Math.max(frame.width, frame.height), 640);
  assert.ok(colourfulness(frame) > 3, `colourfulness ${colourfulness(frame)}`);
  assert.match(
    await page.locator("#camera-video").evaluate((video) => getComputedStyle(video).filter),
    /grayscale\(1\)/,
  );
  assert.match(
    await page.locator("#camera-video").evaluate((video) => getComputedStyle(video).transform),
    /matrix\(-1/,
    "a mirror",
  );
  const first = frame.data;
  await page.waitForFunction(
    (first) => {
      const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById("camera-colour"));
      const now = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
      return first.some((value, i) => value !== now[i]);
    },
    first,
    { timeout: PATIENCE },
  );

  const size = await page
    .locator("#camera-video")
    .evaluate((video) => [
      /** @type {HTMLVideoElement} */ (video).videoWidth,
      /** @type {HTMLVideoElement} */ (video).videoHeight,
    ]);
  await page.locator("#camera-take").click();
  await page.waitForFunction(() => document.querySelector("#strip li")?.getAttribute("data-state") === "done", null, {
    timeout: PATIENCE,
  });
  assert.match((await page.locator("#strip .name").textContent()) ?? "", /^camera-[\d-]+\.png$/);
  assert.equal(await page.locator("#size").textContent(), `${size[0]} × ${size[1]} pixels`);
  assert.equal(await page.locator("#camera").isVisible(), false);
  assert.equal(await running(page), 0, "the camera is off");
  await page.close();
});

test("it stops when it is told, closed, or hidden, and goes on when asked; another camera can be chosen", {
  timeout: PATIENCE,
}, async () => {
  const page = await open(ALLOWED);
  await page.locator("#camera-open").click();
  await waitForFrames(page);
  assert.equal(await running(page), 1);
  const [, second] = await page
    .locator("#camera-which option")
    .evaluateAll((options) => options.map((option) => /** @type {HTMLOptionElement} */ (option).value));
  assert.ok(second);
  await page.locator("#camera-which").selectOption(second);
  await page.waitForFunction(
    (second) => /** @type {any} */ (window).streams.at(-1).getVideoTracks()[0].getSettings().deviceId === second,
    second,
  );
  await waitForFrames(page);
  assert.equal(await running(page), 1, "one at a time");

  await page.locator("#camera-toggle").click();
  assert.equal(await running(page), 0);
  assert.equal(await page.locator("#camera-words").textContent(), "The camera is off.");
  assert.equal(await page.locator("#camera-toggle").textContent(), "Start");
  await page.locator("#camera-toggle").click();
  await waitForFrames(page);
  await page.evaluate(() => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  assert.equal(await running(page), 0);
  await page.locator("#camera-toggle").click();
  await waitForFrames(page);
  await page.keyboard.press("Escape");
  await page.locator("#camera").waitFor({ state: "hidden" });
  // The dialog says that it is closed a moment after it is.
  await page.waitForFunction(() =>
    /** @type {any} */ (window).streams.every((/** @type {MediaStream} */ stream) =>
      stream.getTracks().every(({ readyState }) => readyState === "ended"),
    ),
  );
  await page.close();
});

test("a refusal and a missing camera are told in words", { timeout: PATIENCE }, async () => {
  const refused = await open(["--use-fake-device-for-media-stream", "--deny-permission-prompts"]);
  await refused.locator("#camera-open").click();
  await refused.waitForFunction(() =>
    document.getElementById("camera-words")?.textContent?.startsWith("The camera was not allowed"),
  );
  assert.equal(await refused.locator("#camera-take").isDisabled(), true);
  assert.equal(await refused.locator("#camera-toggle").textContent(), "Start");

  const missing = await open(["--use-fake-device-for-media-stream=device-count=0", "--use-fake-ui-for-media-stream"]);
  await missing.locator("#camera-open").click();
  await missing.waitForFunction(() =>
    document.getElementById("camera-words")?.textContent?.startsWith("No camera was found"),
  );
});
