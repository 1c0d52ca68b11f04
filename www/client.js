/** The page's half of the calls: asks the worker and matches its answers. */

import { errorOf } from "./errors.js";
import { startWorker } from "./parts.js";

/** @typedef {import("./protocol.js").Progress} Progress */
/** @typedef {{ signal?: AbortSignal, onProgress?: (progress: Progress) => void }} WorkOptions */
/**
 * @typedef {object} Call
 * @property {(value: any) => void} resolve
 * @property {(error: import("./errors.js").AutochromeError) => void} reject
 * @property {(progress: Progress) => void} [onProgress]
 */

const disposed = () => errorOf("aborted", "The colorizer was disposed of. Load another.");

export class Client {
  #worker;
  #lastId = 0;
  #closed = false;
  /** @type {Map<number, Call>} */
  #waiting = new Map();
  /** Hears what the worker tells unasked. @type {(event: import("./protocol.js").WorkerEvent) => void} */
  onEvent = () => {};

  /** @param {URL} [assets] */
  constructor(assets) {
    this.#worker = startWorker(assets);
    this.#worker.addEventListener("message", ({ data }) => this.#settle(data));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      const why = event.message || "the worker did not load";
      this.#failAll(errorOf("no-device", `The engine could not start (${why}). Reload the page.`));
    });
  }

  /** @param {import("./protocol.js").Reply} reply */
  #settle(reply) {
    if ("event" in reply) {
      this.onEvent(reply.event);
      return;
    }
    const call = this.#waiting.get(reply.id);
    if (!call) return;
    if ("progress" in reply) {
      call.onProgress?.(reply.progress);
      return;
    }
    this.#waiting.delete(reply.id);
    if ("error" in reply) call.reject(errorOf(reply.error.code, reply.error.message));
    else call.resolve(reply.result);
  }

  /** @param {import("./errors.js").AutochromeError} error */
  #failAll(error) {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  /**
   * @template {import("./protocol.js").Method} M
   * @param {M} method
   * @param {import("./protocol.js").Calls[M]["args"]} args
   * @param {WorkOptions} [options]
   * @param {Transferable[]} [transfer]
   * @returns {Promise<import("./protocol.js").Calls[M]["result"]>}
   */
  async call(method, args, { signal, onProgress } = {}, transfer = []) {
    const stopped = () => errorOf("aborted", "Stopped.", { cause: signal?.reason });
    if (this.#closed) throw disposed();
    if (signal?.aborted) throw stopped();
    const id = ++this.#lastId;
    // The caller is free at once; the worker stops at its next step.
    const stop = () => {
      const call = this.#waiting.get(id);
      if (!call) return;
      this.#waiting.delete(id);
      this.#worker.postMessage({ abort: id });
      call.reject(stopped());
    };
    signal?.addEventListener("abort", stop);
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject, onProgress });
        this.#worker.postMessage({ id, method, args }, transfer);
      });
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  close() {
    this.#closed = true;
    this.#worker.terminate();
    this.#failAll(disposed());
  }
}
