/**
 * Where a model's bytes come from: a file at hand, or an address. What is downloaded and has a known
 * SHA-256 is kept in the Cache API; a download that broke goes on where it stopped, also on the next
 * visit. Nothing is believed before the engine has hashed it.
 */

import { AutochromeError, errorOf } from "./errors.js";

/** @typedef {{ url: string, bytes?: number, sha256?: string }} Address */
/** @typedef {(stage: "download", done: number) => boolean} Tick whether to stop */

const CACHE = "autochrome-models";

/** Tries of one download; the pause before each grows. */
const TRIES = 4;
const PAUSE = 400;

/** Bytes that are read from a file, or given to the engine, at a time. */
const PIECE = 4 * 2 ** 20;

/** A model, whole, outside of wasm; a Blob may lie on disk. */
export class ModelSource {
  #store;
  #address;
  #kept;
  #earlier;

  /**
   * @param {Blob} blob
   * @param {{ sha256?: string, address?: Address, store?: Store, kept?: boolean, earlier?: boolean }} [origin]
   *   `kept`: it lies in the store already; `earlier`: some of it is from an earlier visit
   */
  constructor(blob, { sha256, address, store, kept = false, earlier = kept } = {}) {
    this.blob = blob;
    this.sha256 = sha256 ?? address?.sha256;
    this.#address = address;
    this.#store = store;
    this.#kept = kept;
    this.#earlier = earlier;
  }

  /** @param {Address} address @param {Tick} tick @returns {Promise<ModelSource>} */
  static async from(address, tick) {
    const store = address.sha256 ? await Store.open(address.url, address.sha256) : undefined;
    const kept = await store?.read();
    if (kept) {
      tick("download", 1);
      return new ModelSource(kept.blob, { address, store, kept: true });
    }
    const part = await store?.readPart();
    return new ModelSource(await download(address, store, part, tick), { address, store, earlier: Boolean(part) });
  }

  /**
   * Gives the bytes to `take`, piece by piece.
   * @param {(piece: Uint8Array) => void} take
   * @param {(done: number) => boolean} tick whether to stop
   */
  async read(take, tick) {
    const { size } = this.blob;
    for (let start = 0; start < size; start += PIECE) {
      if (tick(start / size)) throw errorOf("aborted", "Stopped.");
      let piece;
      try {
        piece = await this.blob.slice(start, start + PIECE).arrayBuffer();
      } catch (cause) {
        throw errorOf("model-format", "The model's file can no longer be read. Choose it again.", { cause });
      }
      take(new Uint8Array(piece));
    }
  }

  /** The engine has taken it: keep it for the next visit. */
  async accepted() {
    if (!this.#kept) await this.#store?.write(this.blob);
  }

  /**
   * The hash was wrong: forget it. What is from an earlier visit is downloaded anew, once.
   * @param {Tick} tick
   * @returns {Promise<ModelSource | null>}
   */
  async refused(tick) {
    await this.#store?.drop();
    if (!this.#earlier || !this.#address) return null;
    const blob = await download(this.#address, this.#store, undefined, tick);
    return new ModelSource(blob, { address: this.#address, store: this.#store });
  }
}

/** One model in the Cache API, whole or in part. Where nothing can be kept, nothing is. */
class Store {
  #cache;
  #whole;
  #part;
  #path;

  /** @param {Cache} cache @param {string} url @param {string} sha256 */
  constructor(cache, url, sha256) {
    const key = new URL(url);
    this.#path = key.pathname;
    key.searchParams.set("sha256", sha256);
    this.#cache = cache;
    this.#whole = key.href;
    key.searchParams.set("part", "1");
    this.#part = key.href;
  }

  /** @param {string} url @param {string} sha256 @returns {Promise<Store | undefined>} */
  static async open(url, sha256) {
    try {
      return new Store(await caches.open(CACHE), url, sha256);
    } catch {
      // Not a secure context, or the visitor allows no storage.
      return undefined;
    }
  }

  /** @param {string} key */
  async #get(key) {
    try {
      const response = await this.#cache.match(key);
      return response && { blob: await response.blob(), etag: response.headers.get("etag") };
    } catch {
      return undefined;
    }
  }

  read() {
    return this.#get(this.#whole);
  }

  readPart() {
    return this.#get(this.#part);
  }

  /** @param {string} key @param {Blob} blob @param {string | null} [etag] */
  async #put(key, blob, etag) {
    try {
      await this.#cache.put(key, new Response(blob, etag ? { headers: { etag } } : {}));
    } catch {
      // The disk or the quota is full: the model stays in memory.
      await this.#cache.delete(key).catch(() => false);
    }
  }

  /** Keeps a model and lets go of what had its place: an older one, or the part. @param {Blob} blob */
  async write(blob) {
    try {
      for (const { url } of await this.#cache.keys()) {
        if (url !== this.#whole && new URL(url).pathname === this.#path) await this.#cache.delete(url);
      }
    } catch {
      // What cannot be listed cannot be in the way.
    }
    await this.#put(this.#whole, blob);
  }

  /** @param {Blob} blob @param {string | null} etag */
  writePart(blob, etag) {
    return this.#put(this.#part, blob, etag);
  }

  async drop() {
    for (const key of [this.#whole, this.#part]) await this.#cache.delete(key).catch(() => false);
  }
}

/** A failure that another try would only repeat. */
class Permanent extends Error {}

/**
 * @param {Address} address
 * @param {Store | undefined} store
 * @param {{ blob: Blob, etag: string | null } | undefined} part what arrived on an earlier visit
 * @param {Tick} tick
 * @returns {Promise<Blob>}
 */
async function download(address, store, part, tick) {
  /** @type {Arrived} */
  const arrived = { pieces: part ? [part.blob] : [], length: part?.blob.size ?? 0, etag: part?.etag ?? null };
  for (let attempt = 1; ; attempt++) {
    try {
      await receive(address, arrived, Boolean(store), tick);
      return new Blob(arrived.pieces);
    } catch (cause) {
      const stopped = cause instanceof AutochromeError;
      if (stopped || cause instanceof Permanent || attempt === TRIES) {
        if (arrived.length > 0) await store?.writePart(new Blob(arrived.pieces), arrived.etag);
        if (stopped) throw cause;
        const why = cause instanceof Error ? cause.message : String(cause);
        throw errorOf("model-download", `The model could not be downloaded (${why}). Check the connection and try again.`, { cause });
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE * 2 ** (attempt - 1)));
    }
  }
}

/** @typedef {{ pieces: BlobPart[], length: number, etag: string | null }} Arrived */

/**
 * One request. What arrives is added to `arrived`, also when the request breaks later.
 * @param {Address} address
 * @param {Arrived} arrived
 * @param {boolean} resumes whether a hash will tell if two halves belong together
 * @param {Tick} tick
 */
async function receive({ url, bytes }, arrived, resumes, tick) {
  if (!resumes) Object.assign(arrived, { pieces: [], length: 0 });
  if (bytes && arrived.length === bytes) return;
  /** @type {Record<string, string>} */
  const headers = {};
  if (arrived.length > 0) {
    headers["range"] = `bytes=${arrived.length}-`;
    if (arrived.etag && !arrived.etag.startsWith("W/")) headers["if-range"] = arrived.etag;
  }
  // What is kept here need not lie in the browser's own cache too, in pieces that may be stale.
  const response = await fetch(url, { headers, cache: resumes ? "no-store" : "default" });
  const { status } = response;
  const goesOn = status === 206 && response.headers.get("content-range")?.startsWith(`bytes ${arrived.length}-`);
  if (!goesOn) Object.assign(arrived, { pieces: [], length: 0 });
  if (status === 416 || (status === 206 && !goesOn)) throw new Error("the server cannot go on where it stopped");
  if (!response.ok || !response.body) {
    const why = `${url}: ${status} ${response.statusText}`;
    throw status >= 500 || status === 408 || status === 429 ? new Error(why) : new Permanent(why);
  }
  arrived.etag = response.headers.get("etag");
  const announced = Number(response.headers.get("content-length") ?? 0);
  const total = bytes ?? (response.headers.has("content-encoding") ? 0 : arrived.length + announced);
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    arrived.pieces.push(value);
    arrived.length += value.length;
    if (tick("download", total ? Math.min(arrived.length / total, 1) : 0)) {
      await reader.cancel();
      throw errorOf("aborted", "Stopped.");
    }
  }
  if (arrived.length < total) throw new Error(`${arrived.length} of ${total} bytes arrived`);
}
