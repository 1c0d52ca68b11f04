/**
 * Photographs in colour. Where the CPU may have to take over from the GPU, each keeps its source until it
 * is released or coloured there: what the GPU held of it is lost with the device.
 */

import { failure } from "./failure.js";
import { predict } from "./decode.js";

/** @typedef {import("../engine/cpu/autochrome.js").Picture} Picture */
/** @typedef {import("./decode.js").Photograph} Photograph */
/** @typedef {import("./rpc.js").Tick} Tick */

/** @param {Photograph} photograph */
function close({ source }) {
  if ("close" in source) source.close();
}

export class Pictures {
  #engines;
  /** @type {Map<number, { picture: Picture | null, photograph: Photograph | null }>} */
  #kept = new Map();
  #last = 0;

  /** @param {import("./engine.js").EngineHost} engines */
  constructor(engines) {
    this.#engines = engines;
  }

  /** Colours a photograph and keeps it. @param {Photograph} photograph @param {Tick} tick */
  async add(photograph, tick) {
    let picture;
    let keeps = false;
    try {
      picture = await this.#engines.run((open) => predict(photograph, open, tick), tick);
      keeps = this.#engines.replaceable;
    } finally {
      if (!keeps) close(photograph);
    }
    this.#kept.set(++this.#last, { picture, photograph: keeps ? photograph : null });
    const { width, height, isColor } = picture;
    return { picture: this.#last, width, height, isColor };
  }

  /**
   * @template T
   * @param {number} id
   * @param {(picture: Picture) => Promise<T>} work
   * @param {Tick} tick
   */
  async use(id, work, tick) {
    const kept = this.#kept.get(id);
    if (!kept) throw failure("invalid-argument", "This photograph was disposed of. Colour it again.");
    return this.#engines.run(async (open) => {
      if (!kept.picture) {
        const { photograph } = kept;
        if (!photograph) throw failure("device-lost", "The engine stopped. Reload the page and try again.");
        kept.picture = await predict(photograph, open, tick);
        kept.photograph = null;
        close(photograph);
      }
      return work(kept.picture);
    }, tick);
  }

  /** Their colours went with the device. */
  forget() {
    for (const kept of this.#kept.values()) kept.picture = null;
  }

  /** @param {number} id */
  release(id) {
    const { picture, photograph } = this.#kept.get(id) ?? {};
    picture?.free();
    if (photograph) close(photograph);
    this.#kept.delete(id);
  }
}
