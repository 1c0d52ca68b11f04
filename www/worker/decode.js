/** Photographs and frames as pixels for the engine. */

import { errorOf } from "../errors.js";

/** @typedef {import("./engine.js").Bindings} Bindings */
/** @typedef {import("../protocol.js").Calls["colorize"]["args"]} Photograph */

/** Photographs are taken off the canvas in strips: a canvas has a largest height. */
const STRIP = 2048;

/** More pixels than this are refused before they are decoded into memory; the engine's own limit. */
const MAX_PIXELS = 2 ** 27;

/** Bytes of a file by which the engine tells whether to decode it itself. */
const HEAD = 26;

/**
 * Takes a photograph off a canvas, strip by strip.
 * @param {ImageBitmap} bitmap
 * @param {Bindings} bindings
 */
function pixelsOf(bitmap, bindings) {
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, Math.min(height, STRIP));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw noMemory("photograph");
  const pixels = new bindings.Pixels(width, height);
  for (let y = 0; y < height; y += STRIP) {
    const rows = Math.min(STRIP, height - y);
    context.clearRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, y, width, rows, 0, 0, width, rows);
    pixels.append(context.getImageData(0, 0, width, rows).data);
  }
  return pixels;
}

/** @param {string} what */
const noMemory = (what) => errorOf("out-of-memory", `There is not enough memory for this ${what}. Close other tabs.`);

/** @param {number} width @param {number} height */
function checkSize(width, height) {
  if (width * height <= MAX_PIXELS) return;
  const megapixels = Math.round((width * height) / 1e6);
  const size = `${width} x ${height} is ${megapixels} megapixels; the limit is ${Math.floor(MAX_PIXELS / 1e6)}`;
  throw errorOf("image-too-large", `${size}. Scale the photograph down first.`);
}

/** @param {Blob} file */
async function bytesOf(file) {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (cause) {
    throw errorOf("image-decode", "The photograph's file can no longer be read. Choose it again.", { cause });
  }
}

/**
 * Decodes a file in the browser, upright and in sRGB.
 * @param {Blob} file
 * @param {InstanceType<Bindings["PhotoFile"]>} known
 */
async function bitmapOf(file, { ofSomeBrowsers }) {
  try {
    return await createImageBitmap(file, {
      imageOrientation: "from-image",
      premultiplyAlpha: "none",
      colorSpaceConversion: "default",
    });
  } catch {
    if (ofSomeBrowsers) {
      const unread = `This browser does not read ${ofSomeBrowsers} files`;
      throw errorOf("image-format", `${unread}. Open the photograph in Safari, or save it as JPEG and try again.`);
    }
    const unread = `This file cannot be read as a photograph (${file.type || "unknown type"})`;
    throw errorOf("image-decode", `${unread}. Save it as PNG, JPEG or TIFF and try again.`);
  }
}

/**
 * Predicts the colours of a photograph. Its source stays open: it may be needed again.
 * @param {Photograph} photograph
 * @param {import("./engine.js").Open} open
 * @param {import("./rpc.js").Tick} tick
 */
export async function predict({ source, options }, { bindings, engine }, tick) {
  tick("decode", 0);
  if (source instanceof ImageData) {
    const { data, width, height } = source;
    checkSize(width, height);
    const pixels = new bindings.Pixels(width, height);
    pixels.append(new Uint8ClampedArray(data));
    return engine.colorizePixels(pixels, undefined, options, tick);
  }
  let bitmap;
  let file;
  if (source instanceof Blob) {
    const bytes = await bytesOf(source);
    if (bindings.decodesHere(bytes.subarray(0, HEAD))) return engine.colorizeFile(bytes, options, tick);
    file = new bindings.PhotoFile(bytes);
    bitmap = await bitmapOf(source, file);
  } else {
    bitmap = source;
  }
  checkSize(bitmap.width, bitmap.height);
  const pixels = pixelsOf(bitmap, bindings);
  if (bitmap !== source) bitmap.close();
  tick("decode", 1);
  return engine.colorizePixels(pixels, file, options, tick);
}

/** @type {OffscreenCanvas | undefined} */
let frameCanvas;

/** A frame's pixels; the frame is closed. @param {ImageBitmap} frame */
export function framePixels(frame) {
  const { width, height } = frame;
  if (frameCanvas?.width !== width || frameCanvas.height !== height) frameCanvas = new OffscreenCanvas(width, height);
  const context = frameCanvas.getContext("2d", { willReadFrequently: true, alpha: false });
  if (!context) throw noMemory("frame");
  context.drawImage(frame, 0, 0);
  frame.close();
  return context.getImageData(0, 0, width, height);
}
