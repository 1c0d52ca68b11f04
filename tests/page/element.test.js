/** `<photo-colorizer>` in real Chromium, on a page of its own. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { launch, serve } from "./chromium.js";
import { PATIENCE, SAMPLES, colourfulness, until } from "./helpers.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("../../www/element.js").PhotoColorizer} PhotoColorizer */

/** @type {{ url: string, close: () => void }} */
let server;
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false, more: ["--js-flags=--expose-gc", "--enable-precise-memory-info"] });
});
after(async () => {
  await browser?.close();
  server?.close();
});

/**
 * A page with the element, which notes every event.
 *
 * @param {string} body
 * @param {import("playwright-core").BrowserContextOptions} [options]
 */
async function open(body, options = { viewport: { width: 900, height: 900 } }) {
  const page = await (await browser.newContext(options)).newPage();
  const html = `<!doctype html><html lang="en"><title>Element</title><script type="module" src="www/element.js"></script><body><main><h1>Element</h1>${body}</main></body></html>`;
  await page.route("**/element.html", (route) => route.fulfill({ contentType: "text/html", body: html }));
  await page.addInitScript(() => {
    /** @type {any} */ (window).heard = [];
    for (const type of ["start", "progress", "done", "error"]) {
      addEventListener(`colorize-${type}`, (event) => {
        const { detail } = /** @type {CustomEvent} */ (event);
        /** @type {any} */ (window).heard.push({
          type,
          id: /** @type {Element} */ (event.target).id,
          detail: detail.error
            ? { code: detail.error.code }
            : { ...detail, colorization: undefined, source: undefined },
        });
      });
    }
  });
  await page.goto(`${server.url}element.html`);
  await page.waitForFunction(() => customElements.get("photo-colorizer"));
  return page;
}

/** @param {Page} page @returns {Promise<{ type: string, id: string, detail: any }[]>} */
const heard = (page) => page.evaluate(() => /** @type {any} */ (window).heard);

/** @param {Page} page @param {string} state @param {string} [selector] */
const reaches = (page, state, selector = "photo-colorizer") =>
  page.waitForFunction(
    ([selector, state]) => /** @type {any} */ (document.querySelector(selector))?.state === state,
    /** @type {[string, string]} */ ([selector, state]),
    { timeout: PATIENCE },
  );

/** @param {Page} page @param {string} [selector] */
const pixels = (page, selector = "photo-colorizer") =>
  page.locator(`${selector} canvas#after`).evaluate((canvas) => {
    const { width, height } = /** @type {HTMLCanvasElement} */ (canvas);
    const data =
      /** @type {HTMLCanvasElement} */ (canvas).getContext("2d")?.getImageData(0, 0, width, height).data ??
      new Uint8ClampedArray();
    return { width, height, data };
  });

const ELEMENT = `<photo-colorizer id="one" src="www/samples/cat.jpg" device="cpu" controls alt="A cat"></photo-colorizer>`;

describe("a photograph", () => {
  test("by address: events in order, with their details, and colour", { timeout: PATIENCE }, async () => {
    const page = await open(ELEMENT);
    await reaches(page, "done");
    const events = await heard(page);
    const order = events.map(({ type }) => type);
    assert.equal(order[0], "start");
    assert.equal(order.at(-1), "done");
    assert.ok(order.slice(1, -1).length > 2 && order.slice(1, -1).every((type) => type === "progress"), order.join());
    assert.deepEqual(
      [...new Set(events.filter(({ type }) => type === "progress").map(({ detail }) => detail.stage))].slice(0, 3),
      ["download", "engine", "decode"],
    );
    const { width, height, device, milliseconds } = events.at(-1)?.detail ?? {};
    assert.deepEqual([width, height, device.kind], [451, 300, "cpu"]);
    assert.ok(milliseconds > 0);
    assert.ok(colourfulness(await pixels(page)) > 5);
    assert.equal(await page.locator("photo-colorizer").evaluate((element) => element.matches(":state(done)")), true);
    await page.context().close();
  });

  test("by property: ImageData, canvas, bitmap, video frame; the newest wins", { timeout: PATIENCE }, async () => {
    const page = await open(`<photo-colorizer device="cpu"></photo-colorizer>`);
    const kinds = await page.evaluate(async () => {
      const element = /** @type {PhotoColorizer} */ (document.querySelector("photo-colorizer"));
      const bitmap = await createImageBitmap(await (await fetch("www/samples/cat.jpg")).blob(), {
        resizeWidth: 90,
        resizeHeight: 60,
      });
      const canvas = Object.assign(document.createElement("canvas"), { width: 90, height: 60 });
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      context.drawImage(bitmap, 0, 0);
      const frame = new VideoFrame(canvas, { timestamp: 0 });
      const done = () =>
        new Promise((resolve, reject) => {
          element.addEventListener("colorize-done", ({ detail }) => resolve(`${detail.width} x ${detail.height}`), {
            once: true,
          });
          element.addEventListener("colorize-error", ({ detail }) => reject(detail.error), { once: true });
        });
      const sizes = [];
      for (const photo of [context.getImageData(0, 0, 90, 60), canvas, bitmap, frame]) {
        element.photo = photo;
        sizes.push(await done());
      }
      frame.close();
      element.photo = context.getImageData(0, 0, 30, 20);
      element.photo = context.getImageData(0, 0, 40, 50);
      sizes.push(await done());
      return sizes;
    });
    assert.deepEqual(kinds, [...Array(4).fill("90 x 60"), "40 x 50"]);
    await page.context().close();
  });

  test("that cannot be had or read says so, and can be tried again", { timeout: PATIENCE }, async () => {
    const page = await open(`<photo-colorizer src="nowhere.jpg" device="cpu" controls></photo-colorizer>`);
    await reaches(page, "failed");
    assert.deepEqual((await heard(page)).at(-1), { type: "error", id: "", detail: { code: "image-download" } });
    assert.match((await page.getByRole("alert").textContent()) ?? "", /nowhere\.jpg: 404/);
    await page.setInputFiles("#picker", {
      name: "broken.jpg",
      mimeType: "image/jpeg",
      buffer: Buffer.from("no picture"),
    });
    await page.waitForFunction(() => /** @type {any} */ (window).heard.at(-1)?.detail.code === "image-decode", null, {
      timeout: PATIENCE,
    });
    const [name, kind] = await page.evaluate(() => {
      const { error } = /** @type {PhotoColorizer} */ (document.querySelector("photo-colorizer"));
      return [error?.name, error?.constructor === customElements.get("photo-colorizer")];
    });
    assert.deepEqual([name, kind], ["ImageError", false]);
    await page.route("**/nowhere.jpg", (route) =>
      route.fulfill({ path: `${SAMPLES}cat.jpg`, contentType: "image/jpeg" }),
    );
    await page.evaluate(() => {
      /** @type {PhotoColorizer} */ (document.querySelector("photo-colorizer")).photo = null;
    });
    await page.evaluate(() => /** @type {PhotoColorizer} */ (document.querySelector("photo-colorizer")).retry());
    await reaches(page, "done");
    await page.context().close();
  });

  test("is given up on request", { timeout: PATIENCE }, async () => {
    const page = await open(`<photo-colorizer id="one" device="cpu" controls></photo-colorizer>`);
    await page.setInputFiles("#picker", `${SAMPLES}astronaut.jpg`);
    await page.getByRole("button", { name: "Cancel" }).click();
    assert.equal((await heard(page)).at(-1)?.detail.code, "aborted");
    await reaches(page, "empty");
    await page.context().close();
  });
});

test("two elements share one worker and one model; out of the page, nothing is left", {
  timeout: PATIENCE,
}, async () => {
  const page = await open("");
  /** @type {string[]} */
  const requests = [];
  page.context().on("request", (request) => requests.push(request.url()));
  await page.evaluate(() => {
    document.body.insertAdjacentHTML(
      "beforeend",
      ["cat", "coffee"]
        .map((name) => `<photo-colorizer id="${name}" src="www/samples/${name}.jpg" device="cpu"></photo-colorizer>`)
        .join(""),
    );
  });
  await reaches(page, "done", "#cat");
  await reaches(page, "done", "#coffee");
  assert.equal(page.workers().length, 1);
  assert.equal(requests.filter((url) => url.endsWith(".safetensors")).length, 1);
  assert.equal(requests.filter((url) => url.endsWith(".wasm")).length, 1);
  assert.ok(colourfulness(await pixels(page, "#cat")) > 5 && colourfulness(await pixels(page, "#coffee")) > 5);
  // One that is moved keeps its colours.
  await page.evaluate(() =>
    document.querySelector("main")?.append(/** @type {Element} */ (document.querySelector("#cat"))),
  );
  assert.equal(await page.locator("#cat").evaluate((element) => /** @type {PhotoColorizer} */ (element).state), "done");
  await page.evaluate(() => document.querySelector("#cat")?.remove());
  const size = await page.evaluate(async () => {
    const other = /** @type {PhotoColorizer} */ (document.querySelector("#coffee"));
    return (await other.toBlob()).size;
  });
  assert.ok(size > 1000, "the other still has its engine");
  assert.equal(page.workers().length, 1);
  await page.evaluate(() => document.querySelector("#coffee")?.remove());
  await until(() => page.workers().length === 0, "the worker ends with the last element");
  await page.context().close();
});

test("fifty elements come and go, and the heap stays where it was", { timeout: 2 * PATIENCE }, async () => {
  const page = await open("");
  const session = await page.context().newCDPSession(page);
  const heap = async () => {
    await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize;
  };
  /** @param {number} times */
  const comeAndGo = async (times) => {
    await page.evaluate(async (times) => {
      const bitmap = await createImageBitmap(await (await fetch("www/samples/cat.jpg")).blob(), {
        resizeWidth: 90,
        resizeHeight: 60,
      });
      const keeper = document.createElement("photo-colorizer");
      keeper.device = "cpu";
      keeper.photo = bitmap;
      document.body.append(keeper);
      for (let i = 0; i < times; i++) {
        const element = document.createElement("photo-colorizer");
        element.device = "cpu";
        element.controls = "";
        element.photo = bitmap;
        document.body.append(element);
        await new Promise((resolve, reject) => {
          element.addEventListener("colorize-done", resolve, { once: true });
          element.addEventListener("colorize-error", ({ detail }) => reject(detail.error), { once: true });
        });
        element.remove();
      }
      keeper.remove();
    }, times);
    await until(() => page.workers().length === 0, "the worker ends with the last element");
  };
  await comeAndGo(5);
  const before = await heap();
  await comeAndGo(50);
  const grown = (await heap()) - before;
  console.log(`50 elements: the heap grew by ${(grown / 1e6).toFixed(2)} MB from ${(before / 1e6).toFixed(2)} MB`);
  assert.ok(grown < 500_000, `${grown} bytes`);
  const nodes = await session.send("Memory.getDOMCounters");
  assert.ok(nodes.nodes < 1000, `${nodes.nodes} nodes are left`);
  await page.context().close();
});

describe("its controls", () => {
  test("by keyboard: file, divider, zoom, tone, reset, save", { timeout: PATIENCE }, async () => {
    const page = await open(ELEMENT);
    await reaches(page, "done");
    /** Accessible name and role of what has the focus. */
    const focused = () =>
      page.evaluate(() => {
        const active = document.querySelector("photo-colorizer")?.shadowRoot?.activeElement;
        return active?.id || active?.className || "";
      });
    /** @type {string[]} */
    const stops = [];
    for (let i = 0; i < 20; i++) {
      await page.keyboard.press("Tab");
      const now = await focused();
      if (!now) break;
      stops.push(now);
    }
    assert.deepEqual(stops, [
      "view",
      "compare",
      "picker",
      "farther",
      "closer",
      "whole",
      "slider-temperature",
      "slider-rebalance",
      "slider-saturation",
      "slider-warmth",
      "reset-tone",
      "save-file",
    ]);
    await page.evaluate(() => {
      /** @type {any} */ (window).inputs = 0;
      addEventListener("input", () => /** @type {any} */ (window).inputs++);
    });
    const inputs = () => page.evaluate(() => /** @type {any} */ (window).inputs);
    await page.getByRole("slider", { name: "Move between before and in colour" }).focus();
    await page.keyboard.press("Home");
    assert.equal(await inputs(), 0, "the divider changes no value");
    assert.equal(await page.locator("#compare").getAttribute("aria-valuetext"), "100% in colour");
    await page.getByRole("button", { name: "Zoom in" }).press("Enter");
    const zoom = () =>
      page.locator("photo-colorizer").evaluate((element) => /** @type {PhotoColorizer} */ (element).zoom);
    const near = await zoom();
    await page.getByRole("application", { name: "The photograph" }).focus();
    await page.keyboard.press("0");
    assert.ok((await zoom()) < near);
    const element = page.locator("photo-colorizer");
    const gray = page.getByRole("slider", { name: "Saturation" });
    await gray.focus();
    await page.keyboard.press("Home");
    await page.waitForFunction(() => document.querySelector("photo-colorizer")?.getAttribute("saturation") === "0");
    assert.equal(await inputs(), 1);
    await until(async () => colourfulness(await pixels(page)) < 1, "without saturation it is gray");
    await page.getByRole("button", { name: "Reset" }).press("Enter");
    assert.equal(await element.getAttribute("saturation"), null);
    await until(async () => colourfulness(await pixels(page)) > 5, "its own saturation is back");
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save" }).press("Enter");
    assert.equal((await download).suggestedFilename(), "cat-colour.png");
    assert.equal((await readFile(await (await download).path())).subarray(1, 4).toString(), "PNG");
    await page.context().close();
  });

  test("are those that are asked for, and without any there is the picture alone", { timeout: PATIENCE }, async () => {
    const page = await open(ELEMENT);
    await reaches(page, "done");
    const visible = () =>
      page.evaluate(() =>
        ["#compare", "#picker", "#zooms", "#tones", "#save-file", "#before-tag"].filter((part) =>
          /** @type {any} */ (
            document.querySelector("photo-colorizer")?.shadowRoot?.querySelector(part)
          )?.checkVisibility({ visibilityProperty: true }),
        ),
      );
    assert.deepEqual(await visible(), ["#compare", "#picker", "#zooms", "#tones", "#save-file", "#before-tag"]);
    for (const [controls, parts] of /** @type {const} */ ([
      ["compare", ["#compare", "#before-tag"]],
      ["tone save", ["#tones", "#save-file"]],
      [null, []],
    ])) {
      await page.evaluate((controls) => {
        /** @type {PhotoColorizer} */ (document.querySelector("photo-colorizer")).controls = controls;
      }, controls);
      await until(async () => isDeepStrictEqual(await visible(), parts), `${controls} shows ${parts}`);
    }
    await page.context().close();
  });

  test("speak the page's words, from slots", { timeout: PATIENCE }, async () => {
    const page = await open(
      `<div lang="de"><photo-colorizer src="www/samples/cat.jpg" device="cpu" controls><span slot="before">Vorher</span><span slot="compare">Vergleich</span><span slot="compare-value">{share} farbig</span><span slot="save">Sichern</span></photo-colorizer></div>`,
    );
    await reaches(page, "done");
    await page.getByRole("slider", { name: "Vergleich" }).focus();
    await page.keyboard.press("ArrowLeft");
    assert.equal(await page.locator("#compare").getAttribute("aria-valuetext"), "51\u00a0% farbig");
    assert.equal(await page.getByRole("button", { name: "Sichern" }).isVisible(), true);
    assert.equal(await page.getByRole("img", { name: "Vorher" }).count(), 1);
    await page.context().close();
  });

  test("pass axe, empty, at work and done, in light and dark, on phones", { timeout: 2 * PATIENCE }, async () => {
    const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
    for (const options of [
      { viewport: { width: 1000, height: 900 } },
      { viewport: { width: 390, height: 800 }, colorScheme: /** @type {const} */ ("dark") },
    ]) {
      const page = await open(
        `<style>:root { color-scheme: light dark; background: light-dark(#fff, #17181c) }</style><photo-colorizer device="cpu" controls></photo-colorizer>`,
        options,
      );
      await page.addScriptTag({ path: axe });
      const violations = () =>
        page.evaluate(async () =>
          (await /** @type {any} */ (window).axe.run()).violations.map(
            (/** @type {any} */ v) =>
              `${v.id}: ${v.nodes.map((/** @type {any} */ n) => n.target.join(" ")).join(", ")}`,
          ),
        );
      assert.deepEqual(await violations(), []);
      await page.setInputFiles("#picker", `${SAMPLES}coffee.jpg`);
      assert.deepEqual(await violations(), []);
      await reaches(page, "done");
      assert.deepEqual(await violations(), []);
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert.ok(overflow <= 0, `${overflow} px too wide`);
      await page.context().close();
    }
  });
});

test("attributes and properties are the same", { timeout: PATIENCE }, async () => {
  const page = await open(`<photo-colorizer></photo-colorizer>`);
  const seen = await page.evaluate(() => {
    const element = /** @type {any} */ (document.querySelector("photo-colorizer"));
    /** @type {Record<string, unknown[]>} */
    const seen = {};
    for (const [name, value] of Object.entries({
      src: "",
      model: "m.pth",
      sha256: "ab",
      device: "cpu",
      assets: "/a/",
      temperature: 0.5,
      rebalance: 0.25,
      saturation: 1.5,
      warmth: -0.5,
      controls: "save",
      mode: "side",
      type: "image/jpeg",
      alt: "A",
      name: "n",
      disabled: true,
      required: true,
    })) {
      element[name] = value;
      seen[name] = [element.getAttribute(name), element[name]];
    }
    for (const [name, value] of /** @type {const} */ ([
      ["device", "tpu"],
      ["mode", "x"],
      ["temperature", "hot"],
      ["saturation", "9"],
    ])) {
      element.setAttribute(name, value);
      seen[`${name}=${value}`] = [element[name]];
    }
    element.temperature = null;
    seen["none"] = [element.hasAttribute("temperature"), element.temperature];
    return seen;
  });
  assert.deepEqual(seen, {
    src: ["", ""],
    model: ["m.pth", "m.pth"],
    sha256: ["ab", "ab"],
    device: ["cpu", "cpu"],
    assets: ["/a/", "/a/"],
    temperature: ["0.5", 0.5],
    rebalance: ["0.25", 0.25],
    saturation: ["1.5", 1.5],
    warmth: ["-0.5", -0.5],
    controls: ["save", "save"],
    mode: ["side", "side"],
    type: ["image/jpeg", "image/jpeg"],
    alt: ["A", "A"],
    name: ["n", "n"],
    disabled: ["", true],
    required: ["", true],
    "device=tpu": ["auto"],
    "mode=x": ["slider"],
    "temperature=hot": [null],
    "saturation=9": [2],
    none: [false, null],
  });
  await page.context().close();
});

test("in a form its value is the coloured file, and reset takes it away", { timeout: PATIENCE }, async () => {
  const page = await open(
    `<form><photo-colorizer name="picture" type="image/jpeg" device="cpu" controls required></photo-colorizer><button>Send</button></form>`,
  );
  const form = () =>
    page.evaluate(() => {
      const value = new FormData(/** @type {HTMLFormElement} */ (document.querySelector("form"))).get("picture");
      return {
        valid: document.querySelector("form")?.checkValidity(),
        file: value instanceof File ? [value.name, value.type, value.size > 1000] : value,
      };
    });
  assert.deepEqual(await form(), { valid: false, file: null });
  await page.setInputFiles("#picker", `${SAMPLES}cat.jpg`);
  assert.deepEqual(await form(), { valid: false, file: null }, "not while it is coloured");
  await page.waitForFunction(
    () => /** @type {PhotoColorizer} */ (document.querySelector("photo-colorizer")).value,
    null,
    { timeout: PATIENCE },
  );
  assert.deepEqual(await form(), { valid: true, file: ["cat-colour.jpg", "image/jpeg", true] });
  const first = await page.evaluate(
    async () =>
      [
        ...new Uint8Array(
          await /** @type {File} */ (
            /** @type {PhotoColorizer} */ (document.querySelector("photo-colorizer")).value
          ).arrayBuffer(),
        ),
      ].length,
  );
  await page.evaluate(() => {
    /** @type {PhotoColorizer} */ (document.querySelector("photo-colorizer")).saturation = 0;
  });
  await page.waitForFunction(
    (first) => {
      const { value } = /** @type {PhotoColorizer} */ (document.querySelector("photo-colorizer"));
      return value && value.size !== first;
    },
    first,
    { timeout: PATIENCE },
  );
  await page.evaluate(() => document.querySelector("form")?.reset());
  await reaches(page, "empty");
  assert.deepEqual(await form(), { valid: false, file: null });
  assert.equal(await page.locator("photo-colorizer").getAttribute("saturation"), null);
  await page.evaluate(() =>
    document.querySelector("form")?.insertAdjacentHTML("afterbegin", `<fieldset disabled></fieldset>`),
  );
  await page.evaluate(() =>
    document.querySelector("fieldset")?.append(/** @type {Element} */ (document.querySelector("photo-colorizer"))),
  );
  assert.equal(await page.locator("#picker").isDisabled(), true, "a disabled fieldset's is disabled");
  await page.context().close();
});

test("many calls at once: in turn, rendering between photographs, each can be given up", {
  timeout: PATIENCE,
}, async () => {
  const page = await open("");
  const order = await page.evaluate(async () => {
    const { Colorizer } = await import(/** @type {any} */ (new URL("www/autochrome.js", document.baseURI).href));
    const colorizer = await Colorizer.load({ device: "cpu" });
    const blob = await (await fetch("www/samples/cat.jpg")).blob();
    const first = await colorizer.colorize(blob);
    /** @type {string[]} */
    const order = [];
    const stop = new AbortController();
    const note = (/** @type {string} */ name, /** @type {Promise<any>} */ work) =>
      work.then(
        () => order.push(name),
        (/** @type {any} */ error) => order.push(`${name} ${error.name} ${error.code}`),
      );
    const all = [1, 2, 3, 4].map((i) =>
      note(`photo ${i}`, colorizer.colorize(blob, i === 3 ? { signal: stop.signal } : {})),
    );
    all.push(note("render", first.render({ maxSide: 100 })));
    stop.abort();
    await Promise.all(all);
    colorizer.dispose();
    order.push(await colorizer.colorize(blob).catch((/** @type {any} */ error) => error.code));
    return order;
  });
  assert.deepEqual(order, ["photo 3 AbortedError aborted", "photo 1", "render", "photo 2", "photo 4", "aborted"]);
  await page.context().close();
});
