/**
 * Autochrome's JavaScript API: a worker behind three classes.
 *
 *     const colorizer = await Colorizer.load();
 *     const colorization = await colorizer.colorize(file);
 *     context.putImageData(await colorization.render(), 0, 0);
 */

import { Client } from "./client.js";
import { AbortedError, AutochromeError, DeviceError, ImageError, ModelError, UsageError, errorOf } from "./errors.js";

export { AbortedError, AutochromeError, DeviceError, ImageError, ModelError, UsageError };

/** @typedef {import("./errors.js").ErrorCode} ErrorCode */
/** @typedef {import("./protocol.js").Tone} Tone */
/**
 * @typedef {{ kind: "webgpu" | "cpu", name: string, code: DeviceReason, detail: string, reason: string }} DeviceInfo
 *   `code`: why the network runs there, `detail`: what failed, `reason`: both in words.
 */
/** @typedef {import("./protocol.js").DeviceReason} DeviceReason */
/** @typedef {import("./protocol.js").License} License */
/** @typedef {import("./protocol.js").Progress} Progress */
/** @typedef {import("./protocol.js").FileOptions} FileOptions */
/** @typedef {import("./protocol.js").BinShare} BinShare */
/** @typedef {import("./protocol.js").ColorError} ColorError */
/** @typedef {import("./protocol.js").Hint} Hint */
/** @typedef {import("./protocol.js").Inspection} Inspection */
/** @typedef {import("./protocol.js").LikelyColor} LikelyColor */
/** @typedef {import("./protocol.js").DeviceWish} DeviceWish */
/** @typedef {import("./client.js").WorkOptions} WorkOptions */
/**
 * @typedef {Blob | ImageBitmap | ImageData | HTMLCanvasElement | OffscreenCanvas | HTMLImageElement |
 *   HTMLVideoElement | VideoFrame} PhotoSource
 */
/** @typedef {HTMLVideoElement | VideoFrame | ImageBitmap | HTMLCanvasElement | OffscreenCanvas} FrameSource */
/**
 * @typedef {{ add: (name: string, blob: Blob, work?: WorkOptions) => Promise<void>, finish: (work?: WorkOptions)
 *   => Promise<Blob>, dispose: () => void }} Archive
 */

/** Short side of what the network sees of a frame: what a CPU colours several times a second. */
const FRAME_WORKING_SIZE = 128;

/** Share of a frame's colours that stays where the picture stays. */
const STEADY = 0.6;

/**
 * Settings, the model's own where there are none.
 *
 * @param {Partial<Tone>} tone
 * @param {Tone} defaults
 * @returns {Tone}
 */
function toneOf({ temperature, rebalance, saturation, warmth }, defaults) {
  const { temperature: t, rebalance: r, saturation: s, warmth: w } = defaults;
  return { temperature: temperature ?? t, rebalance: rebalance ?? r, saturation: saturation ?? s, warmth: warmth ?? w };
}

/** An address as the page means it. @param {string | URL} address */
function addressOf(address) {
  return new URL(address, globalThis.document?.baseURI ?? location.href);
}

/** The address of a folder, with or without a slash behind it. @param {string | URL} address */
function folderOf(address) {
  const folder = addressOf(address);
  if (!folder.pathname.endsWith("/")) folder.pathname += "/";
  return folder;
}

/** What a frame shows, in pixels. @param {FrameSource} source @returns {import("./protocol.js").Size} */
function sizeOf(source) {
  if ("videoWidth" in source) return { width: source.videoWidth, height: source.videoHeight };
  if ("displayWidth" in source) return { width: source.displayWidth, height: source.displayHeight };
  return { width: source.width, height: source.height };
}

/**
 * A model on a device, in a worker of its own. It dispatches `devicechange` where the CPU has taken over
 * from a GPU that failed; photographs keep their colours.
 */
export class Colorizer extends EventTarget {
  #client;
  #info;

  /** @private @param {Client} client @param {import("./protocol.js").EngineInfo} info */
  constructor(client, info) {
    super();
    this.#client = client;
    this.#info = info;
    client.onEvent = ({ device }) => {
      this.#info = { ...this.#info, device };
      this.dispatchEvent(new Event("devicechange"));
    };
  }

  /**
   * Starts an engine and loads a model.
   *
   * @param {WorkOptions & {
   *   model?: string | URL | Blob | ArrayBuffer, sha256?: string, device?: DeviceWish, assets?: string | URL,
   * }} [options]
   *   `model`: address or bytes of a model file or of a PyTorch checkpoint (the shipped one if
   *   absent). `sha256`: what its bytes must hash to; what is downloaded with a known hash is kept
   *   for the next visit. `device`: `auto` takes WebGPU where an adapter of hardware is found, else
   *   the CPU.
   *   `assets`: folder that `worker.js`, `engine/` and `models/` lie in, where that is not beside this
   *   module; on another origin they need CORS, and the page `blob:` and that origin in its `worker-src`.
   * @returns {Promise<Colorizer>}
   */
  static async load({ model, sha256, device = "auto", assets, ...work } = {}) {
    const client = new Client(assets === undefined ? undefined : folderOf(assets));
    try {
      let source;
      if (model instanceof Blob) source = model;
      else if (model instanceof ArrayBuffer) source = new Blob([model]);
      else if (model !== undefined) source = addressOf(model).href;
      return new Colorizer(client, await client.call("load", { model: source, sha256, device }, work));
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** Where the network runs, and why there. @returns {DeviceInfo} */
  get device() {
    const { device } = this.#info;
    const words = device.code.replaceAll("-", " ");
    return { ...device, reason: device.detail ? `${words}: ${device.detail}` : words };
  }

  /** Settings that the model was shipped with. @returns {Tone} */
  get defaults() {
    return this.#info.defaults;
  }

  /** The model: its network, its terms, what it can do, and what of its file was not used. */
  get model() {
    const { network, format, license, rebalances, distribution, hints, unused } = this.#info;
    return { network, format, license, rebalances, distribution, hints, unused };
  }

  /** Version of the engine. */
  get version() {
    return this.#info.version;
  }

  /**
   * Predicts the colours of a photograph.
   *
   * @param {PhotoSource} source
   * @param {WorkOptions & { hints?: Hint[], neutralize?: boolean }} [options] `hints`: colours for
   *   places, where `model.hints` says that the network takes them; `neutralize: false`: the network
   *   sees a toned or faded photograph as it is
   * @returns {Promise<Colorization>}
   */
  async colorize(source, { hints = [], neutralize = true, ...work } = {}) {
    let message = /** @type {Blob | ImageBitmap | ImageData} */ (source);
    /** @type {Transferable[]} */
    let transfer = [];
    if (!(source instanceof Blob || source instanceof ImageBitmap || source instanceof ImageData)) {
      try {
        message = await createImageBitmap(source, { premultiplyAlpha: "none" });
        transfer = [message];
      } catch (cause) {
        throw errorOf("image-decode", "This element shows no photograph that may be read.", { cause });
      }
    }
    const photograph = { source: message, options: { hints, neutralize } };
    const { picture, ...found } = await this.#client.call("colorize", photograph, work, transfer);
    return new Colorization(this.#client, picture, found, this.defaults);
  }

  /**
   * Colours a frame of a camera or a film. Nothing of it is kept but its colours, for the next one
   * of the same size to lean on.
   *
   * @param {FrameSource} source
   * @param {Partial<Tone> & {
   *   maxSide?: number, workingSize?: number, steady?: number, signal?: AbortSignal,
   * }} [options]
   *   `maxSide`: the frame comes back no larger than this; `workingSize`: short side of what the
   *   network sees, the smaller the faster; `steady`: from 0 (each frame for itself) to 1, how much
   *   of its colours stays where the picture stays
   * @returns {Promise<ImageData>}
   */
  async colorizeFrame(
    source,
    { maxSide = 480, workingSize = FRAME_WORKING_SIZE, steady = STEADY, signal, ...tone } = {},
  ) {
    const { width, height } = sizeOf(source);
    const scale = Math.min(1, maxSide / Math.max(width, height));
    const scaled = (/** @type {number} */ side) => Math.max(1, Math.round(side * scale));
    let frame;
    try {
      frame = await createImageBitmap(source, {
        resizeWidth: scaled(width),
        resizeHeight: scaled(height),
        resizeQuality: "medium",
      });
    } catch (cause) {
      throw errorOf("image-decode", "This source shows no frame that may be read yet.", { cause });
    }
    return this.#client.call(
      "frame",
      { source: frame, tone: toneOf(tone, this.defaults), options: { workingSize, steady } },
      { signal },
      [frame],
    );
  }

  /**
   * Begins a ZIP of many files. They are stored as they come and are not copied; a name that is
   * taken gets a number.
   *
   * @returns {Archive}
   */
  archive() {
    const opened = this.#client.call("archive", {});
    // Whoever adds or finishes is told.
    opened.catch(() => {});
    return {
      add: async (name, blob, work) => {
        await this.#client.call("archive-add", { archive: await opened, name, blob }, work);
      },
      finish: async (work) => this.#client.call("archive-finish", { archive: await opened }, work),
      dispose: () => void opened.then((archive) => this.#client.call("archive-drop", { archive })).catch(() => {}),
    };
  }

  /** Ends the worker and frees all that it holds. */
  dispose() {
    this.#client.close();
  }
}

/** The predicted colours of one photograph, kept in the worker to be rendered at will. */
export class Colorization {
  #client;
  #picture;
  #photograph;
  #defaults;

  /**
   * @param {Client} client
   * @param {number} picture
   * @param {import("./protocol.js").Size & { isColor: boolean }} photograph
   * @param {Tone} defaults
   */
  constructor(client, picture, photograph, defaults) {
    this.#client = client;
    this.#picture = picture;
    this.#photograph = photograph;
    this.#defaults = defaults;
  }

  /** Pixels across. */
  get width() {
    return this.#photograph.width;
  }

  /** Pixels down. */
  get height() {
    return this.#photograph.height;
  }

  /** Whether the photograph came in colours of its own, neither gray nor toned. */
  get isColor() {
    return this.#photograph.isColor;
  }

  /** @param {Partial<Tone>} tone @returns {Tone} */
  #tone(tone) {
    return toneOf(tone, this.#defaults);
  }

  /**
   * The photograph as it came.
   *
   * @param {WorkOptions & { maxSide?: number }} [options] `maxSide`: no larger than this
   * @returns {Promise<ImageData>}
   */
  original({ maxSide, ...work } = {}) {
    return this.#client.call("original", { picture: this.#picture, maxSide }, work);
  }

  /**
   * The photograph in colour. Never runs the network.
   *
   * @param {WorkOptions & Partial<Tone> & { maxSide?: number }} [options] `maxSide`: no larger than
   *   this; full size if absent. Settings that are absent are the model's own.
   * @returns {Promise<ImageData>}
   */
  render({ maxSide, signal, onProgress, ...tone } = {}) {
    return this.#client.call(
      "render",
      { picture: this.#picture, tone: this.#tone(tone), maxSide },
      { signal, onProgress },
    );
  }

  /**
   * The photograph in colour at full size, as a file with the photograph's own EXIF, XMP and colour
   * profile.
   *
   * @param {WorkOptions & Partial<Tone> & Partial<FileOptions>} [options] `type`: `image/png` if
   *   absent; `quality` from 0 to 1 for JPEG; `removeLocation: true` takes out where the photograph
   *   was taken; `aiMark: false` leaves out the XMP mark of colours made by a model
   * @returns {Promise<Blob>}
   */
  toBlob({ type = "image/png", quality, removeLocation = false, aiMark = true, signal, onProgress, ...tone } = {}) {
    const options = { type, removeLocation, aiMark, ...(quality === undefined ? {} : { quality }) };
    return this.#client.call(
      "encode",
      { picture: this.#picture, tone: this.#tone(tone), options },
      { signal, onProgress },
    );
  }

  /**
   * The predicted distribution over the 313 ab bins at a pixel of the photograph. A network that has
   * none (`model.distribution`) fails with `unsupported`.
   *
   * @param {number} x
   * @param {number} y
   * @param {WorkOptions & Partial<Tone>} [options]
   * @returns {Promise<BinShare[]>}
   */
  distributionAt(x, y, { signal, onProgress, ...tone } = {}) {
    return this.#client.call(
      "distribution",
      { picture: this.#picture, x, y, tone: this.#tone(tone) },
      { signal, onProgress },
    );
  }

  /**
   * How far the colours are from the photograph's own, where it had any.
   *
   * @param {WorkOptions & Partial<Tone>} [options]
   * @returns {Promise<ColorError>}
   */
  colorError({ signal, onProgress, ...tone } = {}) {
    return this.#client.call("colorError", { picture: this.#picture, tone: this.#tone(tone) }, { signal, onProgress });
  }

  /**
   * How sure the model is of its colours, as a picture to be laid over the photograph: dark blue
   * where it is not, light yellow where it is. A network without a distribution
   * (`model.distribution`) fails with `unsupported`.
   *
   * @param {WorkOptions & Partial<Tone> & { maxSide?: number }} [options]
   * @returns {Promise<ImageData>}
   */
  confidence({ maxSide, signal, onProgress, ...tone } = {}) {
    return this.#client.call(
      "confidence",
      { picture: this.#picture, tone: this.#tone(tone), maxSide },
      { signal, onProgress },
    );
  }

  /**
   * What the model thinks of a pixel of the photograph. A network without a distribution fails with
   * `unsupported`.
   *
   * @param {number} x
   * @param {number} y
   * @param {WorkOptions & Partial<Tone> & { side?: number }} [options] `side`: of the plane, in
   *   pixels
   * @returns {Promise<Inspection>}
   */
  inspectAt(x, y, { side = 230, signal, onProgress, ...tone } = {}) {
    return this.#client.call(
      "inspect",
      { picture: this.#picture, x, y, tone: this.#tone(tone), side },
      { signal, onProgress },
    );
  }

  /** Frees the photograph and its colours in the worker. */
  dispose() {
    this.#client.call("release", { picture: this.#picture }).catch(() => {});
  }
}
