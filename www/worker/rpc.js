/** The worker's half of the calls: whose turn it is, progress on the way, an answer or an error at the end. */

import { codeOf } from "./failure.js";
import { Turns } from "./turns.js";

/** @typedef {import("../protocol.js").Calls} Calls */
/** @typedef {import("../protocol.js").Method} Method */
/** @typedef {(stage: import("../protocol.js").Progress["stage"], done: number) => boolean} Tick whether to stop */
/** @typedef {{ [M in Method]: (args: Calls[M]["args"], tick: Tick) => Promise<Calls[M]["result"]> }} Methods */

/** @param {import("../protocol.js").Reply} reply @param {Transferable[]} [transfer] */
function send(reply, transfer = []) {
  self.postMessage(reply, { transfer });
}

/** Tells the page of something that it did not ask for. @param {import("../protocol.js").WorkerEvent} event */
export function tell(event) {
  send({ event });
}

/** Parts of a result that are handed over instead of copied. @param {any} result @returns {Transferable[]} */
function buffersOf(result) {
  const image = result?.plane ?? result;
  return image instanceof ImageData ? [image.data.buffer] : [];
}

/** @param {unknown} error @returns {{ code: import("../errors.js").ErrorCode, message: string }} */
function describe(error) {
  if (error instanceof RangeError) {
    const message = "There is not enough memory for this photograph. Close other tabs or scale it down.";
    return { code: "out-of-memory", message };
  }
  if (error instanceof WebAssembly.RuntimeError) {
    return { code: "device-lost", message: `The engine stopped (${error.message}). Reload the page and try again.` };
  }
  return { code: codeOf(error) ?? "device-lost", message: error instanceof Error ? error.message : String(error) };
}

/** Whether a call has the network run. @param {Method} method */
const isLong = (method) => method === "load" || method === "colorize";

export class Rpc {
  #methods;
  #turns = new Turns();
  /** The call whose turn it is, or was last. */
  #running = 0;
  /** Calls whose caller has given up while they run. @type {Set<number>} */
  #aborted = new Set();

  /** @param {Methods} methods */
  constructor(methods) {
    this.#methods = methods;
  }

  /** @param {import("../protocol.js").Request} request */
  hear(request) {
    if ("abort" in request) {
      const { abort } = request;
      if (!this.#turns.giveUp(abort) && abort === this.#running) this.#aborted.add(abort);
      return;
    }
    const { id, method, args } = request;
    const source = "source" in args && "close" in args.source ? args.source : null;
    this.#turns.take(isLong(method) ? "long" : "short", {
      id,
      run: () => this.#answer(id, method, args),
      // A picture that came along is not kept until it is collected.
      leave: () => source?.close(),
    });
  }

  /** @param {number} id @param {Method} method @param {any} args */
  async #answer(id, method, args) {
    this.#running = id;
    /** @type {Tick} */
    const tick = (stage, done) => {
      send({ id, progress: { stage, done } });
      return this.#aborted.has(id);
    };
    try {
      const result = await this.#methods[method](args, tick);
      if (!this.#aborted.has(id)) send({ id, result }, buffersOf(result));
      // Nobody will ask for this photograph again.
      else if (method === "colorize") await this.#methods.release(/** @type {any} */ (result), tick);
    } catch (error) {
      send({ id, error: describe(error) });
    } finally {
      this.#aborted.delete(id);
    }
  }
}
