/**
 * The worker: the only place that touches wasm. It chooses the device, gives it the model,
 * decodes photographs and answers the calls of `protocol.js`, one at a time. Where there is no worker,
 * as on a server, importing it does nothing.
 */

import { addToArchive, dropArchive, finishArchive, openArchive } from "./archive.js";
import { engineWasm } from "./assets.js";
import { AutochromeError, errorOf } from "./errors.js";
import { ModelSource } from "./model-source.js";
import { locate } from "./parts.js";
import { Turns } from "./turns.js";

/** @typedef {import("./protocol.js").EngineInfo} EngineInfo */
/** @typedef {import("./protocol.js").Progress} Progress */
/** @typedef {import("./protocol.js").LoadOptions} LoadOptions */
/** @typedef {(stage: Progress["stage"], done: number) => boolean} Tick whether to stop */
/**
 * What both engines export.
 * @typedef {Pick<typeof import("./engine/cpu/autochrome.js"), "Engine" | "ModelBytes" | "Pixels" | "PhotoFile" | "ArchiveWriter" | "decodesHere">} Bindings
 * @typedef {Bindings & { default: (options: { module_or_path: Promise<Response> }) => Promise<unknown>, warmUp: () => Promise<void> }} Code
 */

/** @type {Record<"webgpu" | "cpu", { code: () => Promise<Code>, wasm: () => Promise<Response> }>} */
const ENGINES = {
  webgpu: { code: () => import("./engine/gpu/autochrome.js"), wasm: () => engineWasm("gpu") },
  cpu: { code: () => import("./engine/cpu/autochrome.js"), wasm: () => engineWasm("cpu") },
};

/** Photographs are taken off the canvas in strips: a canvas has a largest height. */
const STRIP = 2048;

/** More pixels than this are refused before they are decoded into memory; the engine's own limit. */
const MAX_PIXELS = 2 ** 27;

/**
 * @type {{ bindings: Bindings, engine: import("./engine/cpu/autochrome.js").Engine, info: EngineInfo, source:
 *   ModelSource, wish: "auto" | "webgpu" | "cpu" } | null}
 */
let open = null;

/** @type {Map<number, import("./engine/cpu/autochrome.js").Picture>} */
const pictures = new Map();
let lastPicture = 0;

/** Calls whose caller has given up. @type {Set<number>} */
const aborted = new Set();

/** The engine failed in a way that no call is told of. */
class Trouble extends Error {
  code = "device-lost";
}

/** Whether the engine that works, or is being readied, is the GPU's. */
let usesGpu = false;

/** Why the GPU's engine is not asked again. @type {unknown} */
let gpuFailure = null;

/** Ends what waits for the engine. @type {(trouble: Trouble) => void} */
let reportTrouble = () => {};

/** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
function unlessTrouble(work) {
  return new Promise((resolve, reject) => {
    if (usesGpu && gpuFailure) throw gpuFailure;
    reportTrouble = reject;
    work().then(resolve, reject);
  });
}

/** The CPU takes over. @param {unknown} failure */
function leaveGpu(failure) {
  usesGpu = false;
  gpuFailure ??= failure;
  return { kind: /** @type {const} */ ("cpu"), reason: `WebGPU failed: ${messageOf(failure)}` };
}

/** @param {"auto" | "webgpu" | "cpu"} wish */
async function chooseDevice(wish) {
  if (wish === "cpu") return { kind: /** @type {const} */ ("cpu"), reason: "asked for" };
  let reason = "this browser has no WebGPU";
  if (navigator.gpu) {
    try {
      const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
      if (adapter) {
        const info = adapter.info ?? {};
        const name =
          info.description || [info.vendor, info.architecture].filter(Boolean).join(" ") || "unnamed adapter";
        const software = info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe/i.test(name);
        return {
          kind: /** @type {const} */ ("webgpu"),
          name,
          reason: software ? "a software adapter was found" : "an adapter was found",
        };
      }
      reason = "WebGPU found no adapter";
    } catch (error) {
      reason = `WebGPU failed: ${error instanceof Error ? error.message : error}`;
    }
  }
  if (wish === "webgpu") throw errorOf("no-device", `${reason}. Use device "auto" or "cpu".`);
  return { kind: /** @type {const} */ ("cpu"), reason };
}

/**
 * The model that was asked for: a file at hand, an address, or the first of the manifest.
 * @param {LoadOptions} options
 * @param {Tick} tick
 */
async function modelSource({ model, sha256 }, tick) {
  if (model instanceof Blob) return new ModelSource(model, { sha256 });
  if (model) return ModelSource.from({ url: new URL(model, self.location.href).href, sha256 }, tick);
  const manifest = await shipped({ file: "manifest.json" }, () => false);
  const [first] = JSON.parse(await (await manifest.whole()).text()).models;
  return shipped(first, tick);
}

/**
 * A file of `models/`.
 * @param {{ file: string, bytes?: number, sha256?: string }} entry
 * @param {Tick} tick
 */
async function shipped({ file, bytes, sha256 }, tick) {
  const part = await locate(`models/${file}`);
  if (part instanceof Blob) return new ModelSource(part, { sha256 });
  return ModelSource.from({ url: part.href, bytes, sha256 }, tick);
}

/**
 * @param {Bindings} bindings
 * @param {ModelSource} source
 * @param {Tick} tick
 */
async function loadEngine(bindings, source, tick) {
  const bytes = await source.read(
    (size) => new bindings.ModelBytes(size),
    (done) => tick("engine", done * 0.5),
  );
  tick("engine", 0.5);
  const engine = await bindings.Engine.load(bytes, source.sha256);
  tick("engine", 1);
  return engine;
}

/**
 * @param {"webgpu" | "cpu"} kind
 * @param {Promise<ModelSource>} asked
 * @param {Tick} tick
 */
async function startEngine(kind, asked, tick) {
  const code = async () => {
    const bindings = await ENGINES[kind].code();
    await bindings.default({ module_or_path: ENGINES[kind].wasm() });
    await bindings.warmUp();
    return bindings;
  };
  const [bindings, source] = await Promise.all([code(), asked]);
  try {
    const engine = await loadEngine(bindings, source, tick);
    // Nobody waits for the disk.
    source.accepted();
    return { bindings, source, engine };
  } catch (error) {
    if (codeOf(error) !== "model-integrity") throw error;
    const again = await source.refused(tick);
    if (!again) throw error;
    const engine = await loadEngine(bindings, again, tick);
    again.accepted();
    return { bindings, source: again, engine };
  }
}

/**
 * @param {LoadOptions} options
 * @param {Tick} tick
 */
async function load(options, tick) {
  const { device: wish } = options;
  const choice = await chooseDevice(wish);
  return start(choice, wish, modelSource(options, tick), tick);
}

/**
 * @param {{ kind: "webgpu" | "cpu", name?: string, reason: string }} choice
 * @param {"auto" | "webgpu" | "cpu"} wish
 * @param {Promise<ModelSource>} source
 * @param {Tick} tick
 */
async function start(choice, wish, source, tick) {
  let chosen = choice;
  let started;
  usesGpu = choice.kind === "webgpu";
  try {
    try {
      started = await unlessTrouble(() => startEngine(choice.kind, source, tick));
    } catch (error) {
      const hopeless = error instanceof AutochromeError || codeOf(error)?.startsWith("model-");
      if (choice.kind === "cpu" || wish === "webgpu" || hopeless) throw error;
      chosen = leaveGpu(error);
      started = await unlessTrouble(() => startEngine("cpu", source, tick));
    }
    const described = started.engine.describe();
    const device = { kind: chosen.kind, name: chosen.name ?? described.device.name, reason: chosen.reason };
    open = { ...started, info: { ...described, device }, wish };
    return open.info;
  } finally {
    // Where nothing could be started, the engine is the one before, and the next call tries again.
    usesGpu = open?.info.device.kind === "webgpu";
  }
}

function opened() {
  if (!open) throw errorOf("no-device", "The engine is not loaded. Call Colorizer.load first.");
  return open;
}

/** Takes a photograph off a canvas, strip by strip. @param {ImageBitmap} bitmap @param {Bindings} bindings */
function pixelsOf(bitmap, bindings) {
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, Math.min(height, STRIP));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context)
    throw errorOf(
      "out-of-memory",
      "There is not enough memory for this photograph. Close other tabs or scale it down.",
    );
  const pixels = new bindings.Pixels(width, height);
  for (let y = 0; y < height; y += STRIP) {
    const rows = Math.min(STRIP, height - y);
    context.clearRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, y, width, rows, 0, 0, width, rows);
    pixels.append(context.getImageData(0, 0, width, rows).data);
  }
  return pixels;
}

/** @param {number} width @param {number} height */
function checkSize(width, height) {
  if (width * height > MAX_PIXELS) {
    const megapixels = Math.round((width * height) / 1e6);
    throw errorOf(
      "image-too-large",
      `${width} x ${height} is ${megapixels} megapixels; the limit is ${Math.floor(MAX_PIXELS / 1e6)}. Scale the photograph down first.`,
    );
  }
}

/**
 * Decodes a file in the browser, upright. Where the coloured file will carry the photograph's colour
 * profile, values stay as they are in the file; else the browser converts them to sRGB.
 * @param {Blob} file
 * @param {InstanceType<Bindings["PhotoFile"]>} known
 */
async function bitmapOf(file, { keepsProfile, ofSomeBrowsers }) {
  const colorSpaceConversion = keepsProfile ? "none" : "default";
  try {
    return await createImageBitmap(file, {
      imageOrientation: "from-image",
      premultiplyAlpha: "none",
      colorSpaceConversion,
    });
  } catch {
    if (ofSomeBrowsers)
      throw errorOf(
        "image-format",
        `This browser does not read ${ofSomeBrowsers} files. Open the photograph in Safari, or save it as JPEG and try again.`,
      );
    const what = file.type || "unknown type";
    throw errorOf(
      "image-decode",
      `This file cannot be read as a photograph (${what}). Save it as PNG, JPEG or TIFF and try again.`,
    );
  }
}

/**
 * @param {import("./protocol.js").Calls["colorize"]["args"]} photograph
 * @param {NonNullable<typeof open>} engine
 * @param {Tick} tick
 */
async function predict({ source, options }, { bindings, engine }, tick) {
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
    const bytes = new Uint8Array(await source.arrayBuffer());
    if (bindings.decodesHere(bytes.subarray(0, 26))) return engine.colorizeFile(bytes, options, tick);
    file = new bindings.PhotoFile(bytes);
    bitmap = await bitmapOf(source, file);
  } else {
    bitmap = source;
  }
  checkSize(bitmap.width, bitmap.height);
  const pixels = pixelsOf(bitmap, bindings);
  // A bitmap of the caller is kept: the photograph may have to be coloured again on the CPU.
  if (source instanceof Blob) bitmap.close();
  tick("decode", 1);
  return engine.colorizePixels(pixels, file, options, tick);
}

/**
 * @param {import("./protocol.js").Calls["colorize"]["args"]} photograph
 * @param {Tick} tick
 */
async function colorize(photograph, tick) {
  const { source } = photograph;
  const engine = opened();
  let picture;
  try {
    picture = await unlessTrouble(() => predict(photograph, engine, tick));
  } catch (error) {
    const lost = error instanceof WebAssembly.RuntimeError || codeOf(error) === "device-lost";
    if (!lost || !usesGpu || engine.wish === "webgpu") throw error;
    // The photograph is still here: colour it on the CPU. What the GPU's engine held is gone.
    pictures.clear();
    await start(leaveGpu(error), engine.wish, Promise.resolve(engine.source), tick);
    picture = await unlessTrouble(() => predict(photograph, opened(), tick));
  }
  pictures.set(++lastPicture, picture);
  const { width, height, isColour } = picture;
  return { picture: lastPicture, width, height, isColour, info: opened().info };
}

/** @type {OffscreenCanvas | undefined} */
let frameCanvas;

/**
 * @param {import("./protocol.js").Calls["frame"]["args"]} frame
 * @param {Tick} tick
 */
async function colorizeFrame({ source, tone, options }, tick) {
  const { width, height } = source;
  if (frameCanvas?.width !== width || frameCanvas.height !== height) frameCanvas = new OffscreenCanvas(width, height);
  const context = frameCanvas.getContext("2d", { willReadFrequently: true, alpha: false });
  if (!context) throw errorOf("out-of-memory", "There is not enough memory for this frame. Close other tabs.");
  context.drawImage(source, 0, 0);
  return await opened().engine.colorizeFrame(
    context.getImageData(0, 0, width, height).data,
    width,
    tone,
    options,
    tick,
  );
}

/** @param {number} id */
function pictureOf(id) {
  const picture = pictures.get(id);
  if (!picture) throw errorOf("device-lost", "This photograph's colours are gone with the device. Colour it again.");
  return picture;
}

/**
 * @type {{ [M in import("./protocol.js").Method]: (args: import("./protocol.js").Calls[M]["args"], tick: Tick)
 *   => Promise<import("./protocol.js").Calls[M]["result"]> }}
 */
const methods = {
  load,
  colorize,
  original: async ({ picture, maxSide }) => pictureOf(picture).original(maxSide),
  render: async ({ picture, tone, maxSide }, tick) => pictureOf(picture).render(tone, maxSide, tick),
  encode: async ({ picture, tone, options }, tick) => {
    const bytes = await pictureOf(picture).encode(tone, options, tick);
    return new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (bytes)], { type: options.type });
  },
  colourError: async ({ picture, tone }, tick) => pictureOf(picture).colourError(tone, tick),
  confidence: async ({ picture, tone, maxSide }) => pictureOf(picture).confidence(tone, maxSide),
  inspect: async ({ picture, x, y, tone, side }) => pictureOf(picture).inspectAt(x, y, tone, side),
  frame: colorizeFrame,
  archive: async () => openArchive(new (opened().bindings.ArchiveWriter)()),
  "archive-add": async (entry, tick) => (await addToArchive(entry, () => tick("render", 0)), null),
  "archive-finish": async ({ archive }) => finishArchive(archive),
  "archive-drop": async ({ archive }) => (dropArchive(archive), null),
  distribution: async ({ picture, x, y, tone }) => pictureOf(picture).distributionAt(x, y, tone),
  release: async ({ picture }) => {
    pictures.get(picture)?.free();
    pictures.delete(picture);
    return null;
  },
};

/** @param {unknown} error @returns {string | undefined} */
function codeOf(error) {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** @param {unknown} error @returns {{ code: import("./errors.js").ErrorCode, message: string }} */
function describe(error) {
  if (error instanceof RangeError) {
    return {
      code: "out-of-memory",
      message: "There is not enough memory for this photograph. Close other tabs or scale it down.",
    };
  }
  if (error instanceof WebAssembly.RuntimeError) {
    return { code: "device-lost", message: `The engine stopped (${error.message}). Reload the page and try again.` };
  }
  const code = /** @type {import("./errors.js").ErrorCode | undefined} */ (codeOf(error));
  return { code: code ?? "device-lost", message: messageOf(error) };
}

/** @param {import("./protocol.js").Reply} reply @param {Transferable[]} [transfer] */
function send(reply, transfer = []) {
  self.postMessage(reply, { transfer });
}

/** What of a result is handed over instead of copied. @param {any} result @returns {Transferable[]} */
function buffersOf(result) {
  const image = result?.plane ?? result;
  return image instanceof ImageData ? [image.data.buffer] : [];
}

const turns = new Turns();
/** The call whose turn it is, or was last. */
let running = 0;

/** What a call brought along is not kept until it is collected. @param {any} args */
function letGo({ source }) {
  if (typeof ImageBitmap === "function" && source instanceof ImageBitmap) source.close();
}

/**
 * Whether a call has the network run, and another device where one fails.
 *
 * @param {import("./protocol.js").Method} method
 */
const isLong = (method) => method === "load" || method === "colorize";

/** @param {number} id @param {import("./protocol.js").Method} method @param {any} args */
async function answer(id, method, args) {
  running = id;
  /** @type {Tick} */
  const tick = (stage, done) => {
    send({ id, progress: { stage, done } });
    return aborted.has(id);
  };
  try {
    const work = () => /** @type {(args: any, tick: Tick) => Promise<unknown>} */ (methods[method])(args, tick);
    const result = await (isLong(method) ? work() : unlessTrouble(work));
    if (aborted.has(id)) {
      // Nobody will ask for this photograph again.
      if (method === "colorize") await methods.release(/** @type {any} */ (result), tick);
      return;
    }
    send({ id, result }, buffersOf(result));
  } catch (error) {
    send({ id, error: describe(error) });
  } finally {
    aborted.delete(id);
    letGo(args);
  }
}

/** @param {MessageEvent<import("./protocol.js").Request>} message */
function hear({ data }) {
  if ("abort" in data) {
    if (!turns.giveUp(data.abort) && data.abort === running) aborted.add(data.abort);
    return;
  }
  const { id, method, args } = data;
  turns.take(isLong(method) ? "long" : "short", { id, run: () => answer(id, method, args), leave: () => letGo(args) });
}

// A pipeline that cannot be made, memory that is not there: WebGPU says so in an event, at times after
// the call that it spoiled, and once for each thing that fails. The engine stops there, and what was
// asked of it is never answered, or wrongly. The CPU's engine stops likewise where its code fails.
/** @param {Event} event */
function hearTrouble(event) {
  event.preventDefault();
  // Once the CPU has taken over, it is the GPU that still complains.
  if (gpuFailure && !usesGpu) return;
  const trouble = new Trouble(`the ${usesGpu ? "GPU" : "engine"} reported an error`);
  if (usesGpu) gpuFailure ??= trouble;
  reportTrouble(trouble);
}

if ("WorkerGlobalScope" in globalThis) {
  addEventListener("message", hear);
  addEventListener("error", hearTrouble);
}
