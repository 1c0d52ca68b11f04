/**
 * `cargo bench-web`: our engines against onnxruntime-web, each in a Chromium of its own, by turns.
 *
 *     node web.js --runs N [--only PART] --site DIR --models DIR --out FILE.json
 *
 * `--out` gets a list of [title, markdown], which `pkg-build` puts into RESULTS.md.
 */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { launch, serve } from "../tests/page/chromium.js";
import { drop, waitForColour } from "../tests/page/helpers.js";
import { live } from "./live.js";
import { PeakMemory, children } from "./memory.js";
import { largePng } from "./photographs.js";
import { serveFolders } from "./server.js";

/** @typedef {import("../tests/page/helpers.js").Page} Page */
/** @typedef {{ browser: Awaited<ReturnType<typeof launch>>, page: Page, memory: PeakMemory, times: number[] }} Side */

const SIDE = 256;
const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "3" },
    only: { type: "string", default: "" },
    site: { type: "string", default: "" },
    models: { type: "string", default: "" },
    out: { type: "string", default: "" },
  },
});
const runs = Number(values.runs);

/** Gray noise, the same each time (xorshift32). */
function noise() {
  let state = 0x9e3779b9;
  return Array.from({ length: SIDE * SIDE }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 8) & 255;
  });
}

/** Every eighth cell along both axes. @type {[number, number][]} */
const CELLS = Array.from({ length: 64 }, (_, i) => [(i % 8) * 8 + 3, Math.floor(i / 8) * 8 + 5]);

/** @param {number[]} times */
function median(times) {
  const sorted = [...times].sort((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2;
}

/** @param {number[]} times */
const spread = (times) =>
  `${median(times).toFixed(0)} ms (${Math.min(...times).toFixed(0)}–${Math.max(...times).toFixed(0)})`;

/** @param {number} bytes */
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;

/** @param {Page} page @param {string} name @param {unknown} [args] @returns {Promise<any>} */
const call = (page, name, args) =>
  page.evaluate(
    ([name, args]) => /** @type {any} */ (window).bench.call(name, args),
    /** @type {const} */ ([name, args]),
  );

/**
 * Chromium with one side loaded.
 *
 * @param {string} url
 * @param {"ours" | "theirs"} side
 * @param {"cpu" | "webgpu"} device
 * @param {string} model
 * @returns {Promise<Side>}
 */
async function open(url, side, device, model) {
  const before = await children();
  const browser = await launch({ webgpu: device === "webgpu" });
  const [started = 0] = (await children()).filter((pid) => !before.includes(pid));
  const memory = new PeakMemory(started);
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  await page.goto(`${url}bench/page.html`, { waitUntil: "load" });
  await page.evaluate((side) => /** @type {any} */ (window).bench.start(side), side);
  await call(page, "load", { device, model });
  return { browser, page, memory, times: [] };
}

/** Largest difference as a share of the largest value. @param {number[][]} a @param {number[][]} b */
function difference(a, b) {
  const [x, y] = [a.flat(), b.flat()];
  return Math.max(...x.map((v, i) => Math.abs(v - (y[i] ?? NaN)))) / Math.max(...y.map(Math.abs));
}

/**
 * One network on one device, both sides.
 *
 * @param {string} name
 * @param {"cpu" | "webgpu"} device
 * @param {{ ours: string, theirs: string }} model
 */
async function network(name, device, { ours, theirs }) {
  const server = await serveFolders({
    "/bench/": here("./"),
    "/ort/": here("node_modules/onnxruntime-web/dist/"),
    "/models/": values.models,
    "/": values.site,
  });
  /** @type {Side[]} */
  const sides = [];
  try {
    sides.push(await open(server.url, "ours", device, ours), await open(server.url, "theirs", device, theirs));
    const adapter =
      device === "webgpu" ? await sides[0]?.page.evaluate(() => /** @type {any} */ (window).bench.adapter()) : null;
    if (device === "webgpu" && !adapter) throw new Error("Chromium found no WebGPU adapter");
    // Where a program stands in for the GPU a pass costs up to minutes, and compiling a hundredth of
    // that.
    const warm = adapter?.software ? 0 : 1;
    const image = { codes: noise(), side: SIDE };
    for (let pass = -warm; pass < runs; pass++) {
      for (const [i, side] of sides.entries()) {
        const time = await call(side.page, "pass", image);
        console.log(
          `${name}: ${i === 0 ? "Autochrome" : "onnxruntime-web"} ${time.toFixed(0)} ms${pass < 0 ? " (warm-up)" : ""}`,
        );
        if (pass >= 0) side.times.push(time);
      }
    }
    const [a = [], b = []] = await Promise.all(sides.map(({ page }) => call(page, "logits", { at: CELLS })));
    const [mine, peer] = sides;
    if (!mine || !peer) throw new Error("both sides are open");
    const where = adapter ? `WebGPU on ${adapter.name}${adapter.software ? " (software)" : ""}` : "CPU, wasm, 1 thread";
    return `${where}; forward pass at ${SIDE} x ${SIDE}, ${runs} runs each${warm ? "" : ", without a warm-up"}.

| | Autochrome | onnxruntime-web | ratio |
|---|---|---|---|
| forward pass | ${spread(mine.times)} | ${spread(peer.times)} | ${(median(peer.times) / median(mine.times)).toFixed(2)} |
| peak memory, renderer | ${megabytes(mine.memory.renderer)} | ${megabytes(peer.memory.renderer)} | ${(peer.memory.renderer / mine.memory.renderer).toFixed(2)} |
| peak memory, GPU process | ${megabytes(mine.memory.gpu)} | ${megabytes(peer.memory.gpu)} | ${(peer.memory.gpu / mine.memory.gpu).toFixed(2)} |

Largest difference of logits, as a share of the largest one: ${difference(a, b).toExponential(1)}.`;
  } finally {
    for (const { browser, memory } of sides) {
      memory.stop();
      await browser.close();
    }
    server.close();
  }
}

/** From the page's address to a photograph in colour, nothing cached. */
async function firstColour() {
  const server = await serve();
  const times = [];
  try {
    for (let run = 0; run < runs; run++) {
      const browser = await launch({ webgpu: false });
      const page = await browser.newPage();
      await page.goto(`${server.url}?device=cpu`, { waitUntil: "domcontentloaded" });
      await drop(page, "astronaut.jpg");
      await waitForColour(page, "astronaut.jpg");
      // Its zero is where the way to the page began.
      const time = await page.evaluate(() => performance.now());
      console.log(`first-colour: ${time.toFixed(0)} ms`);
      times.push(time);
      await browser.close();
    }
  } finally {
    server.close();
  }
  return `From the page's address to the photograph \`astronaut.jpg\` in colour: default model, CPU, a fresh profile for each of ${runs} runs, on localhost.

| Autochrome |
|---|
| ${spread(times)} |`;
}

/** What is downloaded before anything can run. */
async function sizes() {
  const engine = `${values.site}/www/engine`;
  const ort = here("node_modules/onnxruntime-web/dist");
  /** @type {Record<string, string[]>} */
  const parts = {
    "Autochrome, CPU": [`${engine}/cpu/autochrome_bg.wasm`, `${engine}/cpu/autochrome.js`],
    "onnxruntime-web, CPU": [
      `${ort}/ort-wasm-simd-threaded.wasm`,
      `${ort}/ort-wasm-simd-threaded.mjs`,
      `${ort}/ort.wasm.min.mjs`,
    ],
    "Autochrome, WebGPU": [`${engine}/gpu/autochrome_bg.wasm`, `${engine}/gpu/autochrome.js`],
    "onnxruntime-web, WebGPU": [
      `${ort}/ort-wasm-simd-threaded.asyncify.wasm`,
      `${ort}/ort-wasm-simd-threaded.asyncify.mjs`,
      `${ort}/ort.webgpu.min.mjs`,
    ],
  };
  const rows = [];
  for (const [name, files] of Object.entries(parts)) {
    const bytes = await Promise.all(files.map((file) => readFile(file)));
    const sum = (/** @type {(file: Buffer) => Buffer} */ pack) =>
      megabytes(bytes.reduce((total, file) => total + pack(file).length, 0));
    rows.push(
      `| ${name} | ${sum((file) => file)} | ${sum((file) => gzipSync(file, { level: 9 }))} | ${sum((file) => brotliCompressSync(file))} |`,
    );
  }
  return `Engine alone (wasm and its JavaScript), without a model.

| | raw | gzip -9 | brotli -11 |
|---|---|---|---|
${rows.join("\n")}`;
}

/** How many photographs the batch has, and after which of them memory is looked at. */
const BATCH = { photographs: 100, looks: [1, 5, 10, 25, 50, 75, 100] };

/** Megapixels of single photographs, with width and height. @type {[number, number, number][]} */
const LARGE = [
  [48, 8000, 6000],
  [100, 11600, 8660],
];

/** The page on the CPU, and its memory. @param {string} url */
async function openPage(url) {
  const earlier = await children();
  const browser = await launch({ webgpu: false });
  const [started = 0] = (await children()).filter((pid) => !earlier.includes(pid));
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  await page.goto(`${url}?device=cpu`);
  return { browser, page, memory: new PeakMemory(started) };
}

/** What the page's renderer needs for many photographs, and for large ones. */
async function memory() {
  const server = await serve();
  const folder = await mkdtemp(join(tmpdir(), "autochrome-"));
  try {
    const { browser, page, memory } = await openPage(server.url);
    const names = ["astronaut", "cat", "coffee", "photographer", "rocket"];
    const samples = await Promise.all(names.map((name) => readFile(here(`../www/samples/${name}.jpg`))));
    await page.setInputFiles(
      "#file",
      Array.from({ length: BATCH.photographs }, (_, i) => ({
        name: `${i + 1}.jpg`,
        mimeType: "image/jpeg",
        buffer: /** @type {Buffer} */ (samples[i % samples.length]),
      })),
    );
    const curve = [];
    for (const count of BATCH.looks) {
      await page.waitForFunction(
        (count) => document.querySelectorAll("#strip li[data-state=done]").length >= count,
        count,
      );
      // What lies about is not what is needed.
      await page.requestGC();
      await new Promise((resolve) => setTimeout(resolve, 1000));
      console.log(`memory: ${count} photographs, ${megabytes(memory.now)}`);
      curve.push(`| ${count} | ${megabytes(memory.now)} |`);
    }
    memory.stop();
    await browser.close();

    const large = [];
    for (const [megapixels, width, height] of LARGE) {
      const file = join(folder, `${megapixels}.png`);
      await writeFile(file, largePng(width, height));
      const { browser, page, memory } = await openPage(server.url);
      await page.waitForFunction(() => /CPU/.test(document.getElementById("device")?.textContent ?? ""));
      const began = performance.now();
      await page.setInputFiles("#file", file);
      await waitForColour(page, `${megapixels}.png`);
      const coloured = performance.now() - began;
      const peak = memory.renderer;
      const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#save-jpeg").click()]);
      await download.path();
      console.log(`memory: ${megapixels} megapixels, ${megabytes(peak)}, saved ${megabytes(memory.renderer)}`);
      large.push(
        `| ${width} x ${height} | ${megabytes(peak)} | ${megabytes(memory.renderer)} | ${(coloured / 1000).toFixed(1)} s | ${((performance.now() - began) / 1000).toFixed(1)} s |`,
      );
      memory.stop();
      await browser.close();
    }
    return `The page on the CPU with the default model. ${BATCH.photographs} photographs in one queue (the five samples, again and again); the renderer's memory after some of them, garbage collected:

| coloured | renderer |
|---|---|
${curve.join("\n")}

One large gray PNG in a fresh page, coloured, then saved as JPEG; the most that the renderer had:

| pixels | until coloured | until saved | coloured after | saved after |
|---|---|---|---|---|
${large.join("\n")}`;
  } finally {
    await rm(folder, { recursive: true });
    server.close();
  }
}

/** Where `serveFolders` has a model. @param {string} name */
const model = (name) => ({ ours: `/models/${name}.safetensors`, theirs: `/models/${name}.onnx` });

/** @type {Record<string, () => Promise<string>>} */
const cases = {
  sizes,
  "first-colour": firstColour,
  memory,
  live: () => live(runs),
  "cpu-default": () => network("cpu-default", "cpu", model("default")),
  "cpu-eccv16": () => network("cpu-eccv16", "cpu", model("eccv16")),
  "webgpu-default": () => network("webgpu-default", "webgpu", model("default")),
  "webgpu-eccv16": () => network("webgpu-eccv16", "webgpu", model("eccv16")),
};
const chosen = Object.entries(cases).filter(([name]) => name.includes(values.only));
if (chosen.length === 0) throw new Error(`no case has that name: ${Object.keys(cases).join(", ")}`);
/** @type {[string, string][]} */
const sections = [];
for (const [name, measure] of chosen) {
  const text = await measure();
  console.log(`\nWeb ${name}\n\n${text}\n`);
  sections.push([`Web ${name}`, text]);
  // What was measured stays, whatever becomes of the next case.
  await writeFile(values.out, JSON.stringify(sections));
}
