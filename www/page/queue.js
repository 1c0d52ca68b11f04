/**
 * Many photographs, one after the other.
 *
 * Memory stays flat: of a photograph the queue keeps its file (which lies on the visitor's disk), its
 * settings and a thumbnail of some kilobytes. The colours of the network (`Colorization`, tens of
 * megabytes) are kept for the last `KEPT` photographs that were shown; others are coloured again when
 * they are shown or saved. Nothing is written anywhere.
 */

import { isAbort } from "./status.js";

/** @typedef {import("../autochrome.js").Colorization} Colorization */
/** @typedef {import("../autochrome.js").Colorizer} Colorizer */
/** @typedef {import("../autochrome.js").Progress} Progress */
/** @typedef {"waiting" | "working" | "done" | "failed" | "cancelled"} State */

/** Photographs whose colours stay in memory. */
const KEPT = 2;

let lastId = 0;

/** A photograph of the queue. */
export class Photograph {
  id = ++lastId;
  /** @type {State} */
  state = "waiting";
  /** How far the work is, of 1. */
  progress = 0;
  /** Why it failed. @type {unknown} */
  error = null;
  /** Its settings; none are the model's own. @type {Partial<import("../autochrome.js").Tone> | null} */
  tone = null;
  /** Whether the network sees it without its toning and fading. */
  neutralize = true;
  /** Whether it has been in colour: it may be shown without a wait in line. */
  coloured = false;
  /** Whether its file has been saved or copied as it is now. */
  saved = false;
  /** Its small picture, in colour. @type {ImageData | null} */
  thumbnail = null;
  /** @type {AbortController | null} */
  stop = null;

  /** @param {Blob} file @param {string} name @param {boolean} [ours] whether it came with the page */
  constructor(file, name, ours = false) {
    this.file = file;
    this.name = name;
    this.ours = ours;
  }

  /** Whether leaving the page would lose something that the visitor has made. */
  get unsaved() {
    return this.coloured && !this.saved && (!this.ours || this.tone !== null);
  }

  /** The same once more, at rest. */
  again() {
    const same = new Photograph(this.file, this.name, this.ours);
    const { error, tone, neutralize, coloured, saved, thumbnail } = this;
    const state = this.state === "working" ? "waiting" : this.state;
    return Object.assign(same, { error, tone, neutralize, coloured, saved, thumbnail, state });
  }
}

/** The colours of the last photographs that were shown. */
export class Colours {
  /** The newest first. @type {{ photograph: Photograph, colorization: Colorization, engine: Colorizer }[]} */
  #kept = [];

  /** @param {Photograph} photograph @param {Colorizer} engine */
  of(photograph, engine) {
    return this.#kept.find((kept) => kept.photograph === photograph && kept.engine === engine)?.colorization;
  }

  /**
   * Keeps a photograph's colours and lets go of the oldest.
   *
   * @param {Photograph} photograph
   * @param {Colorization} colorization
   * @param {Colorizer} engine
   */
  keep(photograph, colorization, engine) {
    const [same, others] = [
      this.#kept.filter((kept) => kept.photograph === photograph),
      this.#kept.filter((kept) => kept.photograph !== photograph),
    ];
    const dropped = others.splice(KEPT - 1);
    this.#kept = [{ photograph, colorization, engine }, ...others];
    for (const kept of [...same, ...dropped]) if (kept.colorization !== colorization) kept.colorization.dispose();
  }

  /** Whose colours they are. @param {Colorization | null} colorization */
  whose(colorization) {
    return this.#kept.find((kept) => kept.colorization === colorization)?.photograph ?? null;
  }

  /** @param {(kept: { photograph: Photograph, engine: Colorizer }) => boolean} which */
  drop(which) {
    for (const kept of this.#kept.filter(which)) kept.colorization.dispose();
    this.#kept = this.#kept.filter((kept) => !which(kept));
  }
}

/**
 * @typedef {object} Listeners
 * @property {(photograph: Photograph, signal: AbortSignal) => Promise<void>} colour does the work
 * @property {(photograph: Photograph) => void} change the photograph's state is another
 * @property {(photographs: Photograph[]) => void} add
 * @property {(photograph: Photograph, index: number) => void} remove with the place it had
 * @property {(finished: Photograph[]) => void} rest nothing is waiting any more
 */

/** Whose turn it is. */
export class Queue {
  /** @type {Photograph[]} */
  photographs = [];
  /** What is coloured before all others, and shown. @type {Photograph | null} */
  wanted = null;
  #listeners;
  #running = false;
  /** Work of another kind that has the engine, or the visitor's hand on a slider. @type {Promise<unknown>} */
  #hold = Promise.resolve();
  /** @type {Promise<unknown>} */
  #turn = Promise.resolve();

  /** @param {Listeners} listeners */
  constructor(listeners) {
    this.#listeners = listeners;
  }

  /** @param {Photograph} photograph @param {State} state */
  #set(photograph, state) {
    photograph.state = state;
    this.#listeners.change(photograph);
  }

  /** Whether a photograph is waiting or in work. */
  get busy() {
    return this.#running;
  }

  /** @param {State} state */
  in(state) {
    return this.photographs.filter((photograph) => photograph.state === state);
  }

  /** @param {Photograph[]} photographs */
  add(photographs) {
    this.photographs.push(...photographs);
    this.#listeners.add(photographs);
    this.#run();
  }

  /** Brings one back to a place it had. @param {Photograph} photograph @param {number} index */
  insert(photograph, index) {
    this.photographs.splice(index, 0, photograph);
    this.#listeners.add([photograph]);
    this.#run();
  }

  /** Colours it next, again if it must be, and shows it. @param {Photograph} photograph */
  want(photograph) {
    this.wanted = photograph;
    if (photograph.state !== "working") this.#set(photograph, "waiting");
    this.#run();
  }

  /** @param {Photograph} photograph */
  cancel(photograph) {
    if (photograph.state === "waiting") this.#set(photograph, photograph.coloured ? "done" : "cancelled");
    photograph.stop?.abort();
  }

  cancelAll() {
    for (const photograph of this.in("waiting")) this.cancel(photograph);
    for (const photograph of this.in("working")) this.cancel(photograph);
  }

  /** What was cancelled, or what failed, waits again. @param {"cancelled" | "failed"} state */
  again(state) {
    for (const photograph of this.in(state)) this.#set(photograph, "waiting");
    this.#run();
  }

  /**
   * What is done is done anew, for other settings: when its turn comes.
   *
   * @param {(photograph: Photograph) => boolean} which
   */
  renew(which) {
    for (const photograph of this.in("done").filter(which)) this.#set(photograph, "waiting");
    this.#run();
  }

  /** @param {Photograph} photograph */
  remove(photograph) {
    const index = this.photographs.indexOf(photograph);
    photograph.stop?.abort();
    if (this.wanted === photograph) this.wanted = null;
    this.photographs = this.photographs.filter((other) => other !== photograph);
    this.#listeners.remove(photograph, index);
  }

  /**
   * Work of another kind: no photograph begins until it is over, and it begins between two.
   *
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  exclusive(work) {
    const mine = Promise.all([this.#hold, this.#turn]).then(work);
    this.#hold = mine.catch(() => {});
    return mine;
  }

  /** Lets the visitor go first. @param {number} ms */
  pause(ms) {
    const pause = new Promise((resolve) => setTimeout(resolve, ms));
    const before = this.#hold;
    this.#hold = before.then(() => pause);
  }

  #next() {
    return this.wanted?.state === "waiting" ? this.wanted : this.photographs.find(({ state }) => state === "waiting");
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    /** @type {Photograph[]} */
    const finished = [];
    while (this.#next()) {
      for (let hold; hold !== this.#hold; ) {
        hold = this.#hold;
        await hold;
      }
      const photograph = this.#next();
      if (!photograph) break;
      const turn = this.#work(photograph);
      this.#turn = turn;
      await turn;
      finished.push(photograph);
    }
    this.#running = false;
    this.#listeners.rest(finished);
  }

  /** @param {Photograph} photograph */
  async #work(photograph) {
    const stop = new AbortController();
    Object.assign(photograph, { stop, error: null, progress: 0 });
    this.#set(photograph, "working");
    try {
      await this.#listeners.colour(photograph, stop.signal);
      photograph.coloured = true;
      this.#set(photograph, "done");
    } catch (error) {
      photograph.error = error;
      if (!isAbort(error)) this.#set(photograph, "failed");
      else this.#set(photograph, photograph.coloured ? "done" : "cancelled");
    } finally {
      photograph.stop = null;
    }
  }
}
