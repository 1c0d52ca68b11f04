/**
 * Who is next in the worker. Predicting takes seconds, all else moments: the two kinds take turns, each
 * first come, first served. So a slider waits for one photograph at the most, however many are queued,
 * and a slider that never rests does not keep the photographs waiting.
 */

/** @typedef {"long" | "short"} Kind */
/**
 * @typedef {{ id: number, run: () => Promise<void>, leave: () => void }} Call `leave`: its caller has given up
 *   before its turn came
 */

export class Turns {
  /** @type {Record<Kind, Call[]>} */
  #waiting = { long: [], short: [] };
  /** @type {Kind} */
  #last = "long";
  #running = false;

  /** @param {Kind} kind @param {Call} call */
  take(kind, call) {
    this.#waiting[kind].push(call);
    if (!this.#running) this.#run();
  }

  /** Whether the call was still waiting, and now is not. @param {number} id */
  giveUp(id) {
    for (const calls of Object.values(this.#waiting)) {
      const at = calls.findIndex((call) => call.id === id);
      if (at < 0) continue;
      calls.splice(at, 1)[0]?.leave();
      return true;
    }
    return false;
  }

  #next() {
    const other = this.#last === "long" ? "short" : "long";
    this.#last = this.#waiting[other].length > 0 ? other : this.#last;
    return this.#waiting[this.#last].shift();
  }

  async #run() {
    this.#running = true;
    for (let call = this.#next(); call; call = this.#next()) await call.run();
    this.#running = false;
  }
}
