/** What the page's tests share. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inflateRawSync } from "node:zlib";

/** @typedef {import("playwright-core").Page} Page */

export const SAMPLES = fileURLToPath(new URL("../../www/samples/", import.meta.url));
export const CHECKPOINTS = fileURLToPath(new URL("../goldens/checkpoints/", import.meta.url));

/** Software WebGPU needs seconds where a GPU needs milliseconds. */
export const PATIENCE = 180_000;

/** RGBA. Playwright hands typed arrays over as they are; an array of numbers takes it seconds for a photograph.
 * @typedef {{ width: number, height: number, data: Uint8ClampedArray }} Pixels */

/** @param {Page} page @param {string} id @returns {Promise<Pixels>} */
export function canvasPixels(page, id) {
  return page.evaluate((id) => {
    const canvas = /** @type {HTMLCanvasElement} */ (
      document.getElementById(id) ?? document.getElementById("viewer")?.shadowRoot?.getElementById(id)
    );
    const { width, height } = canvas;
    return {
      width,
      height,
      data: canvas.getContext("2d")?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray(),
    };
  }, id);
}

/** @param {Pixels} pixels */
export function* each({ data }) {
  for (let i = 0; i < data.length; i += 4) yield data.subarray(i, i + 4);
}

/** Mean of the largest difference of channels. @param {Pixels} pixels */
export function colourfulness(pixels) {
  let sum = 0;
  for (const [r = 0, g = 0, b = 0] of each(pixels)) sum += Math.max(r, g, b) - Math.min(r, g, b);
  return sum / (pixels.data.length / 4);
}

/** Drops a sample, or another file. @param {Page} page @param {string} name @param {Buffer} [bytes] */
export async function drop(page, name, bytes) {
  const base64 = (bytes ?? (await readFile(SAMPLES + name))).toString("base64");
  const data = await page.evaluateHandle(
    ({ base64, name }) => {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], name, { type: name.endsWith(".jpg") ? "image/jpeg" : "" }));
      return transfer;
    },
    { base64, name },
  );
  await page.dispatchEvent("#drop", "drop", { dataTransfer: data });
}

/** @param {Page} page @param {string} name */
export async function waitForColour(page, name) {
  await page.waitForFunction(
    (name) =>
      document.getElementById("status")?.textContent?.startsWith(`${name} is in colour`) ||
      !document.getElementById("alert")?.hidden,
    name,
    { timeout: PATIENCE },
  );
  assert.equal(await page.locator("#alert").isVisible(), false, (await page.locator("#alert").textContent()) ?? "");
}

/** What a ZIP holds, by its central directory. @param {Buffer} zip */
export function zipEntries(zip) {
  const end = zip.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
  let at = zip.readUInt32LE(end + 16);
  return Array.from({ length: zip.readUInt16LE(end + 10) }, () => {
    const [method, size, nameLength, extra, comment, local] = [
      zip.readUInt16LE(at + 10),
      zip.readUInt32LE(at + 20),
      zip.readUInt16LE(at + 28),
      zip.readUInt16LE(at + 30),
      zip.readUInt16LE(at + 32),
      zip.readUInt32LE(at + 42),
    ];
    const name = zip.toString("utf8", at + 46, at + 46 + nameLength);
    at += 46 + nameLength + extra + comment;
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const data = zip.subarray(start, start + size);
    return { name, data: method === 0 ? data : inflateRawSync(data) };
  });
}

/** Puts code before the worker's own. @param {Page} page @param {string} code */
export async function beforeWorker(page, code) {
  await page.route("**/worker.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: code + (await response.text()) });
  });
}

/** Has the software adapter pass for one of hardware in the worker, so that `auto` takes it. */
export const AS_HARDWARE = `{
  const { get } = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, "info");
  const told = function () {
    const { subgroupMinSize, subgroupMaxSize } = get.call(this);
    const names = { vendor: "tests", architecture: "hardware", device: "", description: "" };
    return { ...names, subgroupMinSize, subgroupMaxSize, isFallbackAdapter: false };
  };
  Object.defineProperty(GPUAdapter.prototype, "info", { get: told });
}
`;

/**
 * Waits until something holds that no page can be asked for.
 *
 * @param {() => unknown} holds
 * @param {string} what said where it never does
 */
export async function until(holds, what) {
  const end = Date.now() + PATIENCE;
  while (!(await holds())) {
    assert.ok(Date.now() < end, `never: ${what}`);
    await setTimeout(20);
  }
}
