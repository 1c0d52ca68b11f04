/** The engine through the JavaScript API, in real Chromium on the CPU. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { crc32 } from "node:zlib";
import { launch, serve } from "./chromium.js";
import { CHECKPOINTS, PATIENCE } from "./helpers.js";

/** @typedef {import("../../www/autochrome.js").Colorizer} Colorizer */
/** @typedef {import("../../www/autochrome.js").Colorization} Colorization */

/** @type {{ url: string, close: () => void }} */
let server;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {import("playwright-core").Page} */
let page;

before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false });
  page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.goto(server.url);
  await page.evaluate(async () => {
    const { Colorizer } = await import(new URL("www/autochrome.js", location.href).href);
    /** @type {Colorizer} */
    const colorizer = await Colorizer.load({ device: "cpu" });
    const response = await fetch("www/samples/cat.jpg");
    const photograph = await createImageBitmap(await response.blob());
    Object.assign(window, { Colorizer, colorizer, photograph, colorization: await colorizer.colorize(photograph) });
  });
});
after(async () => {
  await browser?.close();
  server?.close();
});

/**
 * Runs a function in the page with what `before` has put there.
 *
 * @template T
 * @param {(scope: { Colorizer: typeof import("../../www/autochrome.js").Colorizer, colorizer: Colorizer,
 *   photograph: ImageBitmap, colorization: Colorization }) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function inPage(work) {
  return /** @type {Promise<T>} */ (page.evaluate(`(${work})(window)`));
}

describe("a tone", () => {
  test("is warm or cool, and changes as often as one likes", { timeout: PATIENCE }, async () => {
    const found = await inPage(async ({ colorizer, colorization }) => {
      const mean = (/** @type {ImageData} */ { data }) => {
        const sums = [0, 0, 0];
        for (let i = 0; i < data.length; i++) if (i % 4 < 3) sums[i % 4] = (sums[i % 4] ?? 0) + (data[i] ?? 0);
        return sums.map((sum) => sum / (data.length / 4));
      };
      const render = async (/** @type {object} */ tone) => mean(await colorization.render({ maxSide: 200, ...tone }));
      const plain = await render({});
      const warm = await render({ warmth: 1 });
      const cool = await render({ warmth: -1 });
      const again = await render({});
      const refused = await colorization.render({ warmth: 2 }).then(
        () => "no error",
        (error) => error.code,
      );
      return { plain, warm, cool, again, refused, defaults: colorizer.defaults };
    });
    const yellow = ([r = 0, g = 0, b = 0]) => (r + g) / 2 - b;
    assert.ok(yellow(found.warm) > yellow(found.plain) + 8, JSON.stringify(found));
    assert.ok(yellow(found.cool) < yellow(found.plain) - 8, JSON.stringify(found));
    assert.deepEqual(found.again, found.plain);
    assert.equal(found.defaults.warmth, 0);
    assert.equal(found.refused, "invalid-argument");
  });

  test("makes of the preview what it makes of the photograph", { timeout: PATIENCE }, async () => {
    const worst = await inPage(async ({ colorization }) => {
      const side = Math.max(colorization.width, colorization.height);
      const tone = { warmth: 0.4, saturation: 1.3 };
      await colorization.render({ maxSide: side });
      const [preview, whole] = [await colorization.render({ maxSide: side, ...tone }), await colorization.render(tone)];
      return preview.data.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (whole.data[i] ?? 1000))), 0);
    });
    assert.ok(worst <= 1, `${worst}`);
  });
});

test("confidence is an overlay of the preview's size", { timeout: PATIENCE }, async () => {
  const found = await inPage(async ({ colorization }) => {
    const { width, height, data } = await colorization.confidence({ maxSide: 100 });
    const preview = await colorization.render({ maxSide: 100 });
    const alphas = new Set(data.filter((_, i) => i % 4 === 3));
    const colours = new Set(Array.from({ length: data.length / 4 }, (_, i) => data.slice(4 * i, 4 * i + 3).join()));
    return { width, height, size: [preview.width, preview.height], alphas: [...alphas], colours: colours.size };
  });
  assert.deepEqual([found.width, found.height], found.size);
  assert.equal(found.alphas.length, 1);
  assert.ok((found.alphas[0] ?? 0) > 100 && (found.alphas[0] ?? 255) < 220);
  assert.ok(found.colours > 10, `${found.colours} colours`);
});

describe("a place under the glass", () => {
  test("has a plane, likely colours, confidence and lightness", { timeout: PATIENCE }, async () => {
    const found = await inPage(async ({ colorization }) => {
      const { plane, top, confidence, lightness } = await colorization.inspectAt(20, 30);
      const small = await colorization.inspectAt(20.5, 30.5, { side: 46, temperature: 1 });
      const codes = [];
      for (const call of [() => colorization.inspectAt(-1, 0), () => colorization.inspectAt(0, 0, { side: 5 })]) {
        codes.push(
          await call().then(
            () => "no error",
            (error) => error.code,
          ),
        );
      }
      return {
        size: [plane.width, plane.height, small.plane.width],
        solid: plane.data.some((v, i) => i % 4 === 3 && v === 255),
        top,
        confidence,
        lightness,
        codes,
      };
    });
    assert.deepEqual(found.size, [230, 230, 46]);
    assert.ok(found.solid);
    assert.ok(found.top.length >= 1 && found.top.length <= 5);
    for (const [i, { css, a, b, p }] of found.top.entries()) {
      assert.match(css, /^#[0-9a-f]{6}$/);
      assert.ok(Math.abs(a) <= 110 && Math.abs(b) <= 110);
      assert.ok(p <= (found.top[i - 1]?.p ?? 1) && p >= 0.01);
    }
    assert.ok(found.confidence >= 0 && found.confidence <= 1);
    assert.ok(found.lightness >= 0 && found.lightness <= 100);
    assert.deepEqual(found.codes, ["invalid-argument", "invalid-argument"]);
  });

  test("is refused where there is no distribution", { timeout: PATIENCE }, async () => {
    const bytes = (await readFile(`${CHECKPOINTS}siggraph17.pth`)).toString("base64");
    const codes = await page.evaluate(async (base64) => {
      const { Colorizer, photograph } = /** @type {any} */ (window);
      const model = new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]);
      /** @type {Colorizer} */
      const colorizer = await Colorizer.load({ model, device: "cpu" });
      const colorization = await colorizer.colorize(photograph);
      const codes = [];
      for (const call of [() => colorization.inspectAt(1, 1), () => colorization.confidence()]) {
        codes.push(
          await call().then(
            () => "no error",
            (error) => error.code,
          ),
        );
      }
      colorizer.dispose();
      return codes;
    }, bytes);
    assert.deepEqual(codes, ["unsupported", "unsupported"]);
  });
});

describe("frames", () => {
  test("of every source come back small and in colour; films and frames are photographs too", {
    timeout: PATIENCE,
  }, async () => {
    const found = await inPage(async ({ colorizer, photograph }) => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [640, 360];
      const context = canvas.getContext("2d");
      context?.drawImage(photograph, 0, 0, 640, 360);
      const video = document.createElement("video");
      const early = await colorizer.colorizeFrame(video).then(
        () => "no error",
        (error) => error.code,
      );
      video.srcObject = canvas.captureStream(10);
      video.muted = true;
      await video.play();
      context?.drawImage(photograph, 0, 0, 640, 360);
      while (video.videoWidth !== 640 || video.readyState < 2) await new Promise((resolve) => setTimeout(resolve, 20));
      const frame = new VideoFrame(canvas, { timestamp: 0 });
      const sizes = [];
      for (const source of [canvas, video, frame, photograph]) {
        const { width, height, data } = await colorizer.colorizeFrame(source, { maxSide: 160, workingSize: 64 });
        const coloured = data.some((value, i) => i % 4 === 0 && Math.abs(value - (data[i + 2] ?? 0)) > 8);
        sizes.push([width, height, coloured]);
      }
      for (const source of [video, frame]) {
        const colorization = await colorizer.colorize(source);
        sizes.push([colorization.width, colorization.height, true]);
        colorization.dispose();
      }
      frame.close();
      return { early, sizes, photograph: [photograph.width, photograph.height] };
    });
    const [width = 1, height = 1] = found.photograph;
    const scale = 160 / Math.max(width, height);
    assert.equal(found.early, "image-decode");
    assert.deepEqual(found.sizes, [
      [160, 90, true],
      [160, 90, true],
      [160, 90, true],
      [Math.round(width * scale), Math.round(height * scale), true],
      [640, 360, true],
      [640, 360, true],
    ]);
  });

  test("lean on the one before where the picture stays", { timeout: PATIENCE }, async () => {
    const found = await inPage(async ({ colorizer, photograph }) => {
      const options = { maxSide: 96, workingSize: 64 };
      /** @param {object} tone @param {number} steady */
      const frame = async (tone, steady) =>
        (await colorizer.colorizeFrame(photograph, { ...options, ...tone, steady })).data;
      const distance = (/** @type {Uint8ClampedArray} */ p, /** @type {Uint8ClampedArray} */ q) =>
        p.reduce((sum, v, i) => sum + Math.abs(v - (q[i] ?? 0)), 0) / p.length;
      const mode = await frame({ temperature: 0 }, 0);
      const mean = await frame({ temperature: 1 }, 0);
      await frame({ temperature: 0 }, 0);
      const [leaning] = [await frame({ temperature: 1 }, 0.9)];
      const refused = await colorizer.colorizeFrame(photograph, { steady: 2 }).then(
        () => "no error",
        (error) => error.code,
      );
      const aborted = await colorizer.colorizeFrame(photograph, { signal: AbortSignal.abort() }).then(
        () => "no error",
        (error) => error.code,
      );
      return {
        apart: distance(mode, mean),
        toMode: distance(leaning, mode),
        toMean: distance(leaning, mean),
        refused,
        aborted,
      };
    });
    assert.ok(found.apart > 0.5, JSON.stringify(found));
    assert.ok(found.toMode < 0.3 * found.toMean, JSON.stringify(found));
    assert.deepEqual([found.refused, found.aborted], ["invalid-argument", "aborted"]);
  });
});

test("an archive holds what was added, under names of their own", { timeout: PATIENCE }, async () => {
  const base64 = await inPage(async ({ colorizer, colorization }) => {
    const archive = colorizer.archive();
    await archive.add("Großmutter 写真.jpg", await colorization.toBlob({ type: "image/jpeg" }));
    await Promise.all([archive.add("a.txt", new Blob(["one"])), archive.add("a.txt", new Blob(["two"]))]);
    await archive.add("", new Blob(["none"])).catch(() => {});
    const blob = await archive.finish();
    if (blob.type !== "application/zip") throw new Error(blob.type);
    const late = await archive.add("late", new Blob([])).then(
      () => "no error",
      (error) => error.code,
    );
    if (late !== "invalid-argument") throw new Error(late);
    return btoa(Array.from(new Uint8Array(await blob.arrayBuffer()), (byte) => String.fromCharCode(byte)).join(""));
  });
  const entries = entriesOf(Buffer.from(base64, "base64"));
  assert.deepEqual(
    entries.map(({ name }) => name),
    ["Großmutter 写真.jpg", "a.txt", "a (2).txt"],
  );
  assert.deepEqual(
    entries.slice(1).map(({ bytes }) => bytes.toString()),
    ["one", "two"],
  );
  assert.deepEqual([...(entries[0]?.bytes.subarray(0, 3) ?? [])], [0xff, 0xd8, 0xff]);
  assert.equal(entries[0]?.date, new Date().toLocaleDateString("sv"));
});

/** What a ZIP's directory lists, by the offsets of APPNOTE.TXT 4.3. @param {Buffer} zip */
function entriesOf(zip) {
  const end = zip.lastIndexOf("PK\x05\x06");
  let at = zip.readUInt32LE(end + 16);
  return Array.from({ length: zip.readUInt16LE(end + 10) }, () => {
    assert.equal(zip.toString("latin1", at, at + 4), "PK\x01\x02");
    const [method, day, crc, size] = [
      zip.readUInt16LE(at + 10),
      zip.readUInt16LE(at + 14),
      zip.readUInt32LE(at + 16),
      zip.readUInt32LE(at + 24),
    ];
    const [nameLength, extraLength, commentLength, header] = [28, 30, 32]
      .map((field) => zip.readUInt16LE(at + field))
      .concat(zip.readUInt32LE(at + 42));
    const name = zip.toString("utf8", at + 46, at + 46 + (nameLength ?? 0));
    assert.equal(zip.toString("latin1", header, (header ?? 0) + 4), "PK\x03\x04");
    const start = (header ?? 0) + 30 + zip.readUInt16LE((header ?? 0) + 26) + zip.readUInt16LE((header ?? 0) + 28);
    const bytes = zip.subarray(start, start + size);
    assert.equal(method, 0, "stored");
    assert.equal(crc32(bytes), crc);
    assert.equal(zip.readUInt32LE((header ?? 0) + 14), crc, "in the header before the bytes too");
    const date = `${1980 + (day >> 9)}-${String((day >> 5) & 15).padStart(2, "0")}-${String(day & 31).padStart(2, "0")}`;
    at += 46 + (nameLength ?? 0) + (extraLength ?? 0) + (commentLength ?? 0);
    return { name, bytes, date };
  });
}
