/** Photographs that the system brings to the installed app: opened with it, or shared with it. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch } from "./chromium.js";
import { PATIENCE, SAMPLES } from "./helpers.js";
import { host } from "./host.js";

/** @typedef {import("playwright-core").Page} Page */

const SITE = fileURLToPath(new URL("../../dist/site/", import.meta.url));
const PHOTOGRAPHS = ["cat.jpg", "coffee.jpg"];

/** @type {import("./host.js").Host} */
let site;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  site = await host(SITE, { at: "/some/sub/path/" });
  browser = await launch({ webgpu: false });
});
after(async () => {
  await browser?.close();
  site?.close();
});

const manifest = async () => JSON.parse(await readFile(new URL("www/manifest.webmanifest", `file://${SITE}`), "utf8"));

/** @param {Page} page */
const bothInColour = (page) =>
  page.waitForFunction(
    () =>
      document.getElementById("status")?.textContent === "2 photographs are in colour." ||
      !document.getElementById("alert")?.hidden,
    null,
    { timeout: PATIENCE },
  );

/** @param {Page} page */
async function expectBoth(page) {
  await bothInColour(page);
  assert.equal(await page.locator("#alert").isVisible(), false, (await page.locator("#alert").textContent()) ?? "");
  assert.equal(await page.locator("#strip .state", { hasText: "In colour" }).count(), 2);
}

test("what is opened with the app joins the queue, and nothing where nothing is", { timeout: PATIENCE }, async () => {
  const { file_handlers } = await manifest();
  for (const { action } of file_handlers)
    assert.equal(new URL(action, `${site.url}www/manifest.webmanifest`).href, site.url);
  assert.deepEqual(file_handlers.flatMap(({ accept = {} }) => Object.values(accept).flat()).sort(), [
    ".avif",
    ".bmp",
    ".gif",
    ".heic",
    ".heif",
    ".jpeg",
    ".jpg",
    ".png",
    ".tif",
    ".tiff",
    ".webp",
  ]);
  const page = await browser.newPage();
  // As the system does it: the consumer hears of each launch, of one without files too.
  await page.addInitScript((names) => {
    const handle = (/** @type {string} */ name) => ({
      getFile: async () => new File([await (await fetch(`www/samples/${name}`)).blob()], name, { type: "image/jpeg" }),
    });
    const setConsumer = (/** @type {(launch: object) => void} */ use) => {
      use({ targetURL: location.href });
      use({ files: [] });
      use({ files: names.map(handle) });
    };
    Object.defineProperty(window, "launchQueue", { value: { setConsumer } });
  }, PHOTOGRAPHS);
  await page.goto(site.url);
  await expectBoth(page);
  await page.close();
});

describe("what is shared with the app", () => {
  /** @type {import("playwright-core").BrowserContext} */
  let context;
  before(async () => {
    context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(site.url);
    await page.evaluate(async () => {
      /** @type {typeof import("../../www/offline.js")} */
      const { kept } = await import(new URL("www/offline.js", document.baseURI).href);
      await kept;
      await navigator.serviceWorker.ready;
    });
    await page.close();
  });
  after(() => context.close());

  /** As the system does it: a form posted to the address that the manifest gives. @param {string[]} names */
  async function share(names) {
    const { share_target } = await manifest();
    const [field] = share_target.params.files;
    const page = await context.newPage();
    const action = new URL(share_target.action, `${site.url}www/manifest.webmanifest`).href;
    await page.setContent(
      `<form action="${action}" method="${share_target.method}" enctype="${share_target.enctype}"><input type="file" name="${field.name}" multiple><button></button></form>`,
    );
    await page.locator("input").setInputFiles(names.map((name) => SAMPLES + name));
    await page.locator("button").click();
    await page.waitForURL(`${site.url}**`);
    return page;
  }

  test("joins the queue, once, and goes no farther than the page", { timeout: PATIENCE }, async () => {
    const page = await share(PHOTOGRAPHS);
    await expectBoth(page);
    assert.equal(page.url(), site.url);
    assert.deepEqual(
      site.requests.filter((path) => path.endsWith("/share")),
      [],
      "the host hears nothing of it",
    );
    const kept = await page.evaluate(async () => {
      const caches = await Promise.all((await window.caches.keys()).map((name) => window.caches.open(name)));
      return (await Promise.all(caches.map((cache) => cache.keys()))).flat().map(({ url }) => url);
    });
    assert.deepEqual(
      kept.filter((url) => url.includes("share")),
      [],
    );
    await page.reload();
    await page.waitForFunction(() => document.getElementById("device")?.textContent?.startsWith("Runs on"), null, {
      timeout: PATIENCE,
    });
    assert.equal(await page.locator("#queue").isVisible(), false, "a reload brings nothing again");
    assert.equal(await page.locator("#alert").isVisible(), false);
    await page.close();
  });

  test("says what to do when it did not arrive", { timeout: PATIENCE }, async () => {
    const page = await share([]);
    await page.waitForFunction(() => !document.getElementById("alert")?.hidden);
    assert.match((await page.locator("#alert-text").textContent()) ?? "", /^The shared photographs did not arrive\. /);
    await page.goto(`${site.url}?shared=${crypto.randomUUID()}`);
    await page.waitForFunction(() => !document.getElementById("alert")?.hidden);
    assert.equal(page.url(), site.url);
    await page.close();
  });
});
