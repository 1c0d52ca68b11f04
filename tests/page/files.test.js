/**
 * Files in and out of the JavaScript API in real Chromium, on the CPU: what the browser decodes keeps
 * its metadata, loses what it was asked to, and is refused before it costs memory.
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch, serve } from "./chromium.js";
import { PATIENCE } from "./helpers.js";

const FIXTURES = fileURLToPath(new URL("./fixtures/", import.meta.url));
const MARK = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia";

/** @typedef {{ type?: string, removeLocation?: boolean, aiMark?: boolean }} Saving */
/**
 * @typedef {{ width: number, height: number, isColor: boolean, first: number[], file: Buffer, error: { meanAb:
 *   number, psnr: number } }} Outcome
 */

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
  await page.goto(`${server.url}?device=cpu`);
  await page.evaluate(async () => {
    const url = new URL("www/autochrome.js", location.href).href;
    const { Colorizer } = /** @type {typeof import("../../www/autochrome.js")} */ (await import(url));
    Object.assign(globalThis, { colorizer: await Colorizer.load({ device: "cpu" }) });
  });
});
after(async () => {
  await browser?.close();
  server?.close();
});

/**
 * Colours a file and saves it.
 *
 * @param {Buffer} bytes
 * @param {string} type
 * @param {Saving} [saving]
 * @returns {Promise<Outcome>}
 */
async function coloured(bytes, type, saving = {}) {
  const outcome = await page.evaluate(
    async ({ base64, type, saving }) => {
      const { colorizer } = /** @type {{ colorizer: import("../../www/autochrome.js").Colorizer }} */ (
        /** @type {unknown} */ (globalThis)
      );
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const colorization = await colorizer.colorize(new Blob([bytes], { type }));
      const original = await colorization.original();
      const blob = await colorization.toBlob(/** @type {any} */ (saving));
      const file = btoa(
        [...new Uint8Array(await blob.arrayBuffer())].map((byte) => String.fromCharCode(byte)).join(""),
      );
      const { width, height, isColor } = colorization;
      const error = await colorization.colorError();
      colorization.dispose();
      return { width, height, isColor, first: [...original.data.slice(0, 4)], file, error };
    },
    { base64: bytes.toString("base64"), type, saving },
  );
  return { ...outcome, file: Buffer.from(outcome.file, "base64") };
}

/** The code and words of the error that a file ends in. @param {Buffer} bytes @param {string} type */
function refusal(bytes, type) {
  return page.evaluate(
    async ({ base64, type }) => {
      const { colorizer } = /** @type {{ colorizer: import("../../www/autochrome.js").Colorizer }} */ (
        /** @type {unknown} */ (globalThis)
      );
      try {
        await colorizer.colorize(new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], { type }));
        return { code: "none", message: "" };
      } catch (error) {
        const { code, message } = /** @type {import("../../www/autochrome.js").AutochromeError} */ (error);
        return { code, message };
      }
    },
    { base64: bytes.toString("base64"), type },
  );
}

/** A gray ramp that the browser itself encodes. @param {string} type @param {number} width @param {number} height */
async function ramp(type, width, height) {
  const base64 = await page.evaluate(
    async ({ type, width, height }) => {
      const canvas = new OffscreenCanvas(width, height);
      const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
      for (let x = 0; x < width; x++) {
        context.fillStyle = `rgb(${[0, 0, 0].fill((x * 255) / width).join(" ")})`;
        context.fillRect(x, 0, 1, height);
      }
      const blob = await canvas.convertToBlob({ type, quality: 0.9 });
      return btoa([...new Uint8Array(await blob.arrayBuffer())].map((byte) => String.fromCharCode(byte)).join(""));
    },
    { type, width, height },
  );
  return Buffer.from(base64, "base64");
}

/** An EXIF block: lying on its side, with a maker, a date and a latitude. */
function block() {
  /** @type {Buffer[]} */
  const values = [];
  let free = 8 + 2 + 4 * 12 + 4 + 2 + 2 * 12 + 4;
  /** @param {Buffer} value */
  const placed = (value) => {
    values.push(value);
    free += value.length;
    return free - value.length;
  };
  /** @param {number} tag @param {number} kind @param {number} count @param {number} value */
  const entry = (tag, kind, count, value) => {
    const bytes = Buffer.alloc(12);
    bytes.writeUInt16LE(tag, 0);
    bytes.writeUInt16LE(kind, 2);
    bytes.writeUInt32LE(count, 4);
    bytes.writeUInt32LE(value, 8);
    return bytes;
  };
  const rationals = Buffer.alloc(24);
  for (const [i, number] of [52, 1, 31, 1, 12, 1].entries()) rationals.writeUInt32LE(number, i * 4);
  const gps = 8 + 2 + 4 * 12 + 4;
  const first = [
    entry(0x010f, 2, 6, placed(Buffer.from("Maker\0"))),
    entry(0x0112, 3, 1, 6),
    entry(0x0132, 2, 20, placed(Buffer.from("1954:07:04 12:00:00\0"))),
    entry(0x8825, 4, 1, gps),
  ];
  const position = [entry(1, 2, 2, 0x4e), entry(2, 5, 3, placed(rationals))];
  const end = Buffer.alloc(4);
  return Buffer.concat([
    Buffer.from("II*\0\x08\0\0\0", "latin1"),
    Buffer.from([4, 0]),
    ...first,
    end,
    Buffer.from([2, 0]),
    ...position,
    end,
    ...values,
  ]);
}

/** The fields of a block's first directory and of its GPS directory. @param {Buffer} bytes */
function fields(bytes) {
  const little = bytes.toString("latin1", 0, 2) === "II";
  /** @param {number} at */
  const short = (at) => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  /** @param {number} at */
  const long = (at) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  /** @param {number} at @returns {Map<number, number>} */
  const directory = (at) =>
    new Map(Array.from({ length: short(at) }, (_, i) => [short(at + 2 + i * 12), at + 2 + i * 12]));
  const first = directory(long(4));
  const orientation = first.get(0x0112);
  const date = first.get(0x0132);
  const gps = first.get(0x8825);
  return {
    orientation: orientation && short(orientation + 8),
    date: date && bytes.toString("latin1", long(date + 8), long(date + 8) + 19),
    position: gps && [...directory(long(gps + 8)).keys()],
  };
}

/** The EXIF block of a JPEG or PNG. @param {Buffer} file */
function exifOf(file) {
  const start = file.indexOf("Exif\0\0", 0, "latin1");
  if (start > 0) return fields(file.subarray(start + 6));
  const chunk = file.indexOf("eXIf", 0, "latin1");
  assert.ok(chunk > 0, "there is no EXIF");
  return fields(file.subarray(chunk + 4));
}

/** @param {Buffer} jpeg @param {Buffer} exif */
function jpegWith(jpeg, exif) {
  const content = Buffer.concat([Buffer.from("Exif\0\0"), exif]);
  const head = Buffer.from([0xff, 0xe1, 0, 0]);
  head.writeUInt16BE(content.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, content, jpeg.subarray(2)]);
}

/** @param {string} name @param {Buffer} content */
function chunk(name, content) {
  const head = Buffer.from(`${name}....`);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content, Buffer.alloc(content.length % 2)]);
}

/** A WebP with EXIF. @param {Buffer} webp @param {Buffer} exif @param {number} width @param {number} height */
function webpWith(webp, exif, width, height) {
  const head = Buffer.alloc(10);
  head[0] = 0x08;
  head.writeUIntLE(width - 1, 4, 3);
  head.writeUIntLE(height - 1, 7, 3);
  const at = webp.toString("latin1", 12, 16) === "VP8X" ? 30 : 12;
  const body = Buffer.concat([Buffer.from("WEBP"), chunk("VP8X", head), webp.subarray(at), chunk("EXIF", exif)]);
  return chunk("RIFF", body);
}

describe("what a photograph says", () => {
  test("EXIF of a JPEG is kept, and the photograph turned once", async () => {
    const photograph = jpegWith(await ramp("image/jpeg", 48, 32), block());
    for (const type of ["image/jpeg", "image/png"]) {
      const first = await coloured(photograph, "image/jpeg", { type });
      assert.deepEqual([first.width, first.height], [32, 48]);
      assert.deepEqual(exifOf(first.file), { orientation: 1, date: "1954:07:04 12:00:00", position: [1, 2] });
      const again = await coloured(first.file, type);
      assert.deepEqual([again.width, again.height], [32, 48]);
    }
  });

  test("EXIF of a WebP is kept", async () => {
    const photograph = webpWith(await ramp("image/webp", 48, 32), block(), 48, 32);
    const { file } = await coloured(photograph, "image/webp", { type: "image/jpeg" });
    assert.deepEqual(exifOf(file), { orientation: 1, date: "1954:07:04 12:00:00", position: [1, 2] });
  });

  test("EXIF of an AVIF is kept", async () => {
    const { file } = await coloured(await readFile(`${FIXTURES}gray.avif`), "image/avif", { type: "image/jpeg" });
    assert.ok(file.includes("AV1\0", 0, "latin1"));
  });

  test("the location goes when asked to, and nothing else", async () => {
    const photograph = jpegWith(await ramp("image/jpeg", 48, 32), block());
    const { file } = await coloured(photograph, "image/jpeg", { type: "image/jpeg", removeLocation: true });
    assert.deepEqual(exifOf(file), { orientation: 1, date: "1954:07:04 12:00:00", position: undefined });
  });

  test("a coloured file says that a model made the colours, unless told not to", async () => {
    const photograph = await ramp("image/jpeg", 48, 32);
    for (const type of ["image/jpeg", "image/png", "image/tiff"]) {
      const marked = await coloured(photograph, "image/jpeg", { type });
      assert.ok(marked.file.includes(MARK), type);
      assert.ok(marked.file.includes("Autochrome "), type);
      const unmarked = await coloured(photograph, "image/jpeg", { type, aiMark: false });
      assert.ok(!unmarked.file.includes("digitalsourcetype"), type);
    }
  });
});

describe("colour profiles", () => {
  for (const ending of ["jpg", "png", "webp"]) {
    test(`of a ${ending} are what its values are converted by`, async () => {
      const photograph = await readFile(`${FIXTURES}exchanged.${ending}`);
      const { first, file } = await coloured(photograph, `image/${ending === "jpg" ? "jpeg" : ending}`, {
        type: "image/jpeg",
      });
      // The profile exchanges red and green.
      const [r = 0, g = 0, b = 0] = first;
      assert.ok(Math.abs(r - 40) < 6 && Math.abs(g - 200) < 6 && Math.abs(b - 40) < 6, String(first));
      assert.ok(file.includes("ICC_PROFILE"), "the result does not say that it is sRGB");
    });
  }
});

describe("formats", () => {
  for (const [name, type, isColor] of /** @type {[string, string, boolean][]} */ ([
    ["gray.avif", "image/avif", false],
    ["gray.bmp", "image/bmp", false],
    ["colour.gif", "image/gif", true],
    ["gray.tif", "image/tiff", false],
  ])) {
    test(`${name} is coloured`, async () => {
      const outcome = await coloured(await readFile(FIXTURES + name), type);
      assert.deepEqual([outcome.width, outcome.height, outcome.isColor], [48, 32, isColor]);
      assert.ok(
        outcome.error.meanAb > 0 && outcome.error.psnr > 5 && outcome.error.psnr < 58,
        JSON.stringify(outcome.error),
      );
    });
  }
});

describe("hostile files", () => {
  test("absurd sizes are refused by their header", async () => {
    const png = await ramp("image/png", 48, 32);
    png.writeUInt32BE(60_000, 16);
    png.writeUInt32BE(60_000, 20);
    const jpeg = await ramp("image/jpeg", 48, 32);
    const frame = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
    jpeg.writeUInt16BE(65_500, frame + 5);
    jpeg.writeUInt16BE(65_500, frame + 7);
    const gif = await readFile(`${FIXTURES}colour.gif`);
    gif.writeUInt32LE(0xffffffff, 6);
    const bmp = await readFile(`${FIXTURES}gray.bmp`);
    bmp.writeUInt32LE(60_000, 18);
    bmp.writeUInt32LE(60_000, 22);
    const webp = webpWith(await ramp("image/webp", 48, 32), block(), 16_384, 16_384);
    const avif = await readFile(`${FIXTURES}gray.avif`);
    const size = avif.indexOf("ispe", 0, "latin1") + 8;
    avif.writeUInt32BE(60_000, size);
    avif.writeUInt32BE(60_000, size + 4);
    for (const [type, file] of Object.entries({ png, jpeg, gif, bmp, webp, avif })) {
      const { code, message } = await refusal(file, `image/${type}`);
      assert.equal(code, "image-too-large", `${type}: ${message}`);
    }
  });

  test("damaged files are refused in words, and the next one is coloured", async () => {
    const jpeg = await ramp("image/jpeg", 48, 32);
    const tiff = await readFile(`${FIXTURES}gray.tif`);
    for (const [type, file] of /** @type {[string, Buffer][]} */ ([
      ["jpeg", jpeg.subarray(0, 100)],
      ["tiff", tiff.subarray(0, 60)],
      ["png", Buffer.from("no photograph")],
      ["avif", (await readFile(`${FIXTURES}gray.avif`)).subarray(0, 200)],
    ])) {
      const { code, message } = await refusal(file, `image/${type}`);
      assert.equal(code, "image-decode", `${type}: ${message}`);
      assert.match(message, /PNG, JPEG or TIFF/);
    }
    assert.equal((await coloured(jpeg, "image/jpeg")).width, 48);
  });
});
