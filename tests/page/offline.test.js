/**
 * The site after one visit, with its server gone; and what becomes of it when its host has a new
 * version.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch, serve } from "./chromium.js";
import { PATIENCE, canvasPixels, colourfulness, drop, until, waitForColour } from "./helpers.js";
import { host } from "./host.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").BrowserContext} Context */

const SITE = fileURLToPath(new URL("../../dist/site/", import.meta.url));

/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  browser = await launch({ webgpu: false });
});
after(() => browser?.close());

/** What left the site's origin, and what broke. @param {Context} context @param {string} url */
function watch(context, url) {
  /** @type {string[]} */
  const faults = [];
  context.on("request", (request) => {
    if (!request.url().startsWith(url) && !/^(blob|data):/.test(request.url())) faults.push(request.url());
  });
  context.on("weberror", (error) => faults.push(String(error.error())));
  context.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  return faults;
}

/** A visit until all is kept: site and model. @param {Page} page @param {string} url */
async function visit(page, url) {
  await page.goto(url);
  const kept = await page.evaluate(async () => {
    /** @type {typeof import("../../www/offline.js")} */
    const { kept } = await import(new URL("www/offline.js", document.baseURI).href);
    return kept;
  });
  assert.equal(kept, true);
  // The model is kept behind the visitor's back.
  const models = () => page.evaluate(async () => (await (await caches.open("autochrome-models")).keys()).length);
  await until(async () => (await models()) > 0, "a model is kept");
}

/** @param {Page} page @param {string} url */
async function coloursOffline(page, url) {
  for (const address of [url, `${url}index.html`, `${url}?device=cpu`]) {
    await page.goto(address);
    assert.equal(await page.title(), "Autochrome: colour for black-and-white photographs");
  }
  await page.locator("[data-sample=cat]").click();
  await waitForColour(page, "cat.jpg");
  assert.ok(colourfulness(await canvasPixels(page, "after")) > 8);
  await drop(page, "coffee.jpg");
  await waitForColour(page, "coffee.jpg");
}

test("after one visit the page works without a network and without its server", { timeout: PATIENCE }, async (t) => {
  const server = await serve();
  const context = await browser.newContext();
  const faults = watch(context, server.url);
  const page = await context.newPage();
  await visit(page, server.url);

  const kept = await page.evaluate(async () => {
    /** @type {{ url: string, size: number }[]} */
    const kept = [];
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const { url } of await cache.keys())
        kept.push({ url, size: (await (await cache.match(url))?.blob())?.size ?? 0 });
    }
    return kept;
  });
  t.diagnostic(`${kept.length} files, ${(kept.reduce((sum, { size }) => sum + size, 0) / 1e6).toFixed(2)} MB are kept`);
  assert.equal(kept.filter(({ url }) => url.includes(".safetensors")).length, 1, "the model is kept once");
  assert.equal(
    kept.filter(({ url }) => url.includes("/engine/gpu/")).length,
    0,
    "no engine for a device that is not there",
  );

  await context.setOffline(true);
  server.close();
  await coloursOffline(page, server.url);
  assert.deepEqual(faults, []);
  const ranges = await page.evaluate(async () => {
    /** @param {string} range */
    const piece = async (range) => {
      const response = await fetch("www/samples/cat.jpg", { headers: { range } });
      return [response.status, response.headers.get("content-range"), (await response.arrayBuffer()).byteLength];
    };
    const { byteLength } = await (await fetch("www/samples/cat.jpg")).arrayBuffer();
    return {
      byteLength,
      pieces: await Promise.all(["bytes=0-99", "bytes=30000-", "bytes=-10", "bytes=99999999-"].map(piece)),
    };
  });
  const size = ranges.byteLength;
  assert.deepEqual(ranges.pieces, [
    [206, `bytes 0-99/${size}`, 100],
    [206, `bytes 30000-${size - 1}/${size}`, size - 30000],
    [206, `bytes ${size - 10}-${size - 1}/${size}`, 10],
    [416, `bytes */${size}`, 0],
  ]);
  await context.close();
});

test("a bare host at any path will do, though it knows no type of ours", { timeout: PATIENCE }, async () => {
  const bare = await host(SITE, {
    at: "/some/sub/path/",
    types: { wasm: "text/plain", json: "text/plain", webmanifest: "text/plain" },
  });
  const context = await browser.newContext();
  const faults = watch(context, bare.url);
  const page = await context.newPage();
  await visit(page, bare.url);
  await drop(page, "cat.jpg");
  await waitForColour(page, "cat.jpg");
  bare.close();
  await context.setOffline(true);
  await coloursOffline(page, bare.url);
  const headers = await page.evaluate(async () => {
    const { headers } = await fetch("www/worker.js");
    return headers.get("content-security-policy");
  });
  assert.match(headers ?? "", /^default-src 'none';/, "the worker has the policy that its host did not send");
  assert.deepEqual(faults, []);
  await context.close();
});

test("the engine for WebGPU is kept where it is used", { timeout: 2 * PATIENCE }, async () => {
  const server = await serve();
  const browser = await launch({ webgpu: true });
  const context = await browser.newContext();
  const page = await context.newPage();
  await visit(page, `${server.url}?device=webgpu`);
  server.close();
  await page.goto(`${server.url}?device=webgpu`);
  await page.waitForFunction(() => document.getElementById("device")?.textContent?.startsWith("Runs on WebGPU"), null, {
    timeout: PATIENCE,
  });
  await browser.close();
});

describe("a new version", () => {
  /** @type {string} */
  let folder;
  const at = (/** @type {string} */ version) => join(folder, version);
  /** Files that say which version they are of: markup, code of the page, code that is loaded late. */
  const MARKED = ["index.html", "www/page.js", "www/errors.js"];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "autochrome-"));
    await release("a");
    await release("b");
    // A host in the middle of an upload: the new list, and one old file.
    await cp(at("b"), at("torn"), { recursive: true });
    await cp(join(at("a"), "www/errors.js"), join(at("torn"), "www/errors.js"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** The site with other files, and their hashes in the list. @param {string} version */
  async function release(version) {
    const site = at(version);
    await cp(SITE, site, { recursive: true });
    const worker = join(site, "service-worker.js");
    const [, json = "", code] = (await readFile(worker, "utf8")).match(/^const SITE = (.+?);\n\n(.+)$/s) ?? [];
    const list = JSON.parse(json);
    for (const path of MARKED) {
      const mark = path.endsWith(".html")
        ? `<html data-page="${version}"`
        : path.endsWith("page.js")
          ? `document.documentElement.dataset.code = "${version}";\n`
          : `/* ${version} */`;
      const text = await readFile(join(site, path), "utf8");
      const marked = path.endsWith(".html") ? text.replace("<html", mark) : mark + text;
      await writeFile(join(site, path), marked);
      list.files[path] = createHash("sha256").update(marked).digest("hex");
    }
    list.version = version;
    await writeFile(worker, `const SITE = ${JSON.stringify(list)};\n\n${code}`);
  }

  /** @param {Page} page */
  const versions = (page) =>
    page.evaluate(async () => {
      const late = await (await fetch("www/errors.js")).text();
      const { page, code } = document.documentElement.dataset;
      return [page, code, late.slice(3, 4)].join(" ");
    });

  /** Looks for a new version, and waits until it is installed or has failed. @param {Page} page */
  const look = (page) =>
    page.evaluate(async () => {
      /** @type {typeof import("../../www/offline.js")} */
      const { onUpdate } = await import(new URL("www/offline.js", document.baseURI).href);
      onUpdate((apply) => Object.assign(window, { apply }));
      const registration = await navigator.serviceWorker.ready;
      await registration.update();
      const { installing } = registration;
      if (installing)
        await new Promise((resolve) => installing.addEventListener("statechange", resolve, { once: true }));
      return installing?.state ?? "none";
    });

  /** @param {Page} page @returns {Promise<number>} */
  const apply = (page) => page.evaluate(() => /** @type {any} */ (window).apply());

  test("waits until it is accepted or no old page is open, and is never mixed with the old one", {
    timeout: PATIENCE,
  }, async () => {
    const site = await host(at("a"));
    const context = await browser.newContext();
    const first = await context.newPage();
    await visit(first, site.url);
    await first.reload();
    assert.equal(await versions(first), "a a a");

    site.folder = at("b");
    assert.equal(await look(first), "installed");
    assert.equal(await versions(first), "a a a", "what is loaded late is of the page's version");
    await first.reload();
    assert.equal(await versions(first), "a a a");
    const second = await context.newPage();
    await second.goto(site.url);
    assert.equal(await versions(second), "a a a");

    await first.locator("#update").waitFor();
    await look(first);
    assert.equal(await apply(first), 1, "another page would have parts of both");
    assert.equal(await versions(second), "a a a");
    await first.locator("#update-apply").click();
    await first.waitForFunction(() =>
      /\b1\b|one other/i.test(document.getElementById("update-words")?.textContent ?? ""),
    );
    assert.equal(await versions(first), "a a a");
    await second.close();
    await Promise.all([first.waitForEvent("load"), first.locator("#update-apply").click()]);
    assert.equal(await versions(first), "b b b");
    site.close();
    await first.reload();
    assert.equal(await versions(first), "b b b");
    const kept = await first.evaluate(
      async () =>
        (await (await caches.open("autochrome-site /")).keys()).filter(({ url }) => url.includes("page.js")).length,
    );
    assert.equal(kept, 1, "the old version's files are gone");
    await context.close();
  });

  test("takes over by itself when the old pages are closed", { timeout: PATIENCE }, async () => {
    const site = await host(at("a"));
    const context = await browser.newContext();
    const page = await context.newPage();
    await visit(page, site.url);
    await page.reload();
    site.folder = at("b");
    site.requests.length = 0;
    await look(page);
    const asked = [...MARKED, "service-worker.js"].map((path) => `/${path}`);
    assert.deepEqual(site.requests.sort(), asked.sort(), "what has not changed is not downloaded again");
    await page.goto("about:blank");
    await page.close();
    const next = await context.newPage();
    await next.goto(site.url);
    assert.equal(await versions(next), "b b b");
    site.close();
    await next.reload();
    assert.equal(await versions(next), "b b b");
    await context.close();
  });

  test("that does not come whole leaves the old one", { timeout: PATIENCE }, async () => {
    const site = await host(at("a"));
    const context = await browser.newContext();
    const page = await context.newPage();
    await visit(page, site.url);
    await page.reload();
    site.folder = at("torn");
    assert.equal(await look(page), "redundant");
    assert.equal(await page.evaluate(() => "apply" in window), false, "nothing is offered");
    await page.reload();
    assert.equal(await versions(page), "a a a");
    site.folder = at("b");
    assert.equal(await look(page), "installed", "the next look finds it whole");
    site.close();
    await page.reload();
    assert.equal(await versions(page), "a a a");
    await context.close();
  });
});
