/**
 * Where a model's bytes come from: a file at hand, or an address. What is downloaded and has a known
 * SHA-256 is kept in the Cache API; a download that broke goes on where it stopped, also on the next
 * visit. Nothing is believed before the engine has hashed it.
 */

import { codeOf, failure } from "./failure.js";

/** @typedef {{ url: string, bytes?: number, sha256?: string }} Address */
/** @typedef {(stage: "download", done: number) => boolean} Tick whether to stop */

const CACHE = "autochrome-models";

/** Tries of one download; the pause before each grows. */
const TRIES = 4;
const PAUSE = 400;

/** Bytes that are read from a file, or given to the engine, at a time. */
const PIECE = 4 * 2 ** 20;

/** A model outside of wasm: at hand, where a Blob may lie on disk, or on its way. */
export class ModelSource {
  /** @type {Blob | undefined} */
  #blob;
  /** @type {Download | undefined} */
  #download;
  #store;
  #address;
  #kept;
  #earlier;

  /**
   * @param {Blob | Download} bytes
   * @param {{ sha256?: string, address?: Address, store?: Store, kept?: boolean, earlier?: boolean }} [origin]
   *   `kept`: it lies in the store already; `earlier`: some of it is from an earlier visit
   */
  constructor(bytes, { sha256, address, store, kept = false, earlier = kept } = {}) {
    if (bytes instanceof Download) this.#download = bytes;
    else this.#blob = bytes;
    this.sha256 = sha256 ?? address?.sha256;
    this.#address = address;
    this.#store = store;
    this.#kept = kept;
    this.#earlier = earlier;
  }

  /**
   * What is kept, or a download that has begun.
   *
   * @param {Address} address
   * @param {Tick} tick
   * @returns {Promise<ModelSource>}
   */
  static async from(address, tick) {
    const store = address.sha256 ? await Store.open(address.url, address.sha256) : undefined;
    const kept = await store?.read();
    if (kept) {
      tick("download", 1);
      return new ModelSource(kept.blob, { address, store, kept: true });
    }
    const part = await store?.readPart();
    return new ModelSource(new Download(address, store, part, tick), { address, store, earlier: Boolean(part) });
  }

  /** The whole of it. */
  async whole() {
    return /** @type {Blob} */ (this.#blob ?? (await this.#download?.blob));
  }

  /**
   * Puts the bytes, piece by piece, into what `room` makes, and returns that. What is on its way is
   * read as it arrives, and once more from the start where its download has to start over.
   * @template {{ append(piece: Uint8Array): void, free(): void }} R
   * @param {(size: number) => R} room
   * @param {(done: number) => boolean} tick whether to stop; a download asks its own
   * @returns {Promise<R>}
   */
  async read(room, tick) {
    const { bytes: announced = 0, url = "" } = this.#address ?? {};
    const download = announced ? this.#download : undefined;
    let into = room(download ? announced : (await this.whole()).size);
    try {
      let length = 0;
      for await (const piece of download ? download.arriving() : this.#stored(tick)) {
        if (piece) {
          length += piece.length;
          if (download && length > announced)
            throw failure(
              "model-integrity",
              `${url} is longer than the ${announced} bytes that were announced. Load the page anew, or choose another file.`,
            );
          into.append(piece);
        } else {
          into.free();
          into = room(announced);
          length = 0;
        }
      }
    } catch (error) {
      into.free();
      throw error;
    }
    return into;
  }

  /** @param {(done: number) => boolean} tick */
  async *#stored(tick) {
    const blob = await this.whole();
    for (let start = 0; start < blob.size; start += PIECE) {
      if (tick(start / blob.size)) throw failure("aborted", "Stopped.");
      try {
        yield new Uint8Array(await blob.slice(start, start + PIECE).arrayBuffer());
      } catch (cause) {
        throw failure("model-format", "The model's file can no longer be read. Choose it again.", { cause });
      }
    }
  }

  /** The engine has taken it: keep it for the next visit. */
  async accepted() {
    this.#blob = await this.whole();
    this.#download = undefined;
    if (!this.#kept) await this.#store?.write(this.#blob);
  }

  /**
   * The hash was wrong: forget it. What is from an earlier visit is downloaded anew, once.
   * @param {Tick} tick
   * @returns {Promise<ModelSource | null>}
   */
  async refused(tick) {
    await this.#download?.blob.catch(() => {});
    await this.#store?.drop();
    if (!this.#earlier || !this.#address) return null;
    const download = new Download(this.#address, this.#store, undefined, tick);
    return new ModelSource(download, { address: this.#address, store: this.#store });
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

/** An address that is being read, with more than one try. */
class Download {
  #address;
  #store;
  #tick;
  /** @type {(Blob | Uint8Array<ArrayBuffer>)[]} */
  #pieces = [];
  #length = 0;
  /** @type {string | null} */
  #etag = null;
  /** How often it began with nothing. */
  #beginnings = 0;
  #ended = false;
  #news = () => {};

  /**
   * @param {Address} address
   * @param {Store | undefined} store
   * @param {{ blob: Blob, etag: string | null } | undefined} part what arrived on an earlier visit
   * @param {Tick} tick
   */
  constructor(address, store, part, tick) {
    this.#address = address;
    this.#store = store;
    this.#tick = tick;
    if (part) {
      this.#pieces = [part.blob];
      this.#length = part.blob.size;
      this.#etag = part.etag;
    }
    /** All of it. @type {Promise<Blob>} */
    this.blob = this.#run();
    // Whoever reads is told.
    this.blob.catch(() => {});
  }

  /**
   * What arrives, from the first byte on; null where it begins anew.
   * @returns {AsyncGenerator<Uint8Array | null>}
   */
  async *arriving() {
    let [beginning, next] = [this.#beginnings, 0];
    for (;;) {
      if (beginning !== this.#beginnings) {
        [beginning, next] = [this.#beginnings, 0];
        yield null;
      }
      const piece = this.#pieces[next];
      if (piece) {
        next++;
        yield piece instanceof Blob ? new Uint8Array(await piece.arrayBuffer()) : piece;
      } else if (this.#ended) {
        return;
      } else {
        await Promise.race([this.blob, new Promise((resolve) => (this.#news = () => resolve(undefined)))]);
      }
    }
  }

  async #run() {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#receive();
        this.#ended = true;
        return new Blob(this.#pieces);
      } catch (cause) {
        const stopped = codeOf(cause) !== undefined;
        if (stopped || cause instanceof Permanent || attempt === TRIES) {
          if (this.#length > 0) await this.#store?.writePart(new Blob(this.#pieces), this.#etag);
          if (stopped) throw cause;
          const why = cause instanceof Error ? cause.message : String(cause);
          throw failure(
            "model-download",
            `The model could not be downloaded (${why}). Check the connection and try again.`,
            { cause },
          );
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE * 2 ** (attempt - 1)));
      }
    }
  }

  #beginAnew() {
    if (this.#length > 0) this.#beginnings++;
    this.#pieces = [];
    this.#length = 0;
    this.#news();
  }

  /** One request. What arrives stays, also when the request breaks later. */
  async #receive() {
    const { url, bytes } = this.#address;
    // Only a hash tells whether two halves belong together.
    const resumes = Boolean(this.#store);
    if (!resumes) this.#beginAnew();
    if (bytes && this.#length === bytes) return;
    /** @type {Record<string, string>} */
    const headers = {};
    if (this.#length > 0) {
      headers["range"] = `bytes=${this.#length}-`;
      if (this.#etag && !this.#etag.startsWith("W/")) headers["if-range"] = this.#etag;
    }
    // What is kept here need not lie in the browser's own cache too, in pieces that may be stale.
    const response = await fetch(url, { headers, cache: resumes ? "no-store" : "default" });
    const { status } = response;
    const goesOn = status === 206 && response.headers.get("content-range")?.startsWith(`bytes ${this.#length}-`);
    if (!goesOn) this.#beginAnew();
    if (status === 416 || (status === 206 && !goesOn)) throw new Error("the server cannot go on where it stopped");
    if (!response.ok || !response.body) {
      const why = `${url}: ${status} ${response.statusText}`;
      throw status >= 500 || status === 408 || status === 429 ? new Error(why) : new Permanent(why);
    }
    this.#etag = response.headers.get("etag");
    const announced = Number(response.headers.get("content-length") ?? 0);
    const total = bytes ?? (response.headers.has("content-encoding") ? 0 : this.#length + announced);
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      this.#pieces.push(value);
      this.#length += value.length;
      this.#news();
      if (this.#tick("download", total ? Math.min(this.#length / total, 1) : 0)) {
        await reader.cancel();
        throw failure("aborted", "Stopped.");
      }
    }
    if (this.#length < total) throw new Error(`${this.#length} of ${total} bytes arrived`);
  }
}
