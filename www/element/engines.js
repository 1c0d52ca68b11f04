/**
 * Engines that elements share: those who ask for the same one get the same, and when the last has let
 * go it ends. One that could not start is tried again by the next who asks.
 */

import { Colorizer } from "../autochrome.js";
import { errorOf } from "../errors.js";

/** @typedef {import("../autochrome.js").Progress} Progress */
/**
 * @typedef {{ model?: string, sha256?: string, device: import("../autochrome.js").DeviceWish, assets?: string }} Wish
 */
/** @typedef {{ ready: Promise<Colorizer>, key: string, release: () => void }} Hold */
/**
 * @typedef {{ ready: Promise<Colorizer>, stop: AbortController, holders: Set<(progress: Progress) => void> }} Shared
 */

/** @type {Map<string, Shared>} */
const engines = new Map();

/** @param {Wish} wish */
const keyOf = (wish) => JSON.stringify([wish.model, wish.sha256, wish.device, wish.assets]);

/** @param {string} key @param {Wish} wish @returns {Shared} */
function start(key, wish) {
  const stop = new AbortController();
  /** @type {Shared["holders"]} */
  const holders = new Set();
  const onProgress = (/** @type {Progress} */ progress) => {
    for (const tell of holders) tell(progress);
  };
  const ready = Colorizer.load({ ...wish, signal: stop.signal, onProgress });
  const shared = { ready, stop, holders };
  engines.set(key, shared);
  ready.catch(() => engines.get(key) === shared && engines.delete(key));
  return shared;
}

/**
 * Takes hold of the engine for a wish.
 *
 * @param {Wish} wish
 * @param {(progress: Progress) => void} onProgress
 * @returns {Hold}
 */
function hold(wish, onProgress) {
  const key = keyOf(wish);
  const shared = engines.get(key) ?? start(key, wish);
  // The same function may hold twice.
  const mine = (/** @type {Progress} */ progress) => onProgress(progress);
  shared.holders.add(mine);
  const release = () => {
    if (!shared.holders.delete(mine) || shared.holders.size > 0) return;
    if (engines.get(key) === shared) engines.delete(key);
    shared.stop.abort();
    shared.ready.then(
      (engine) => engine.dispose(),
      () => {},
    );
  };
  return { ready: shared.ready, key, release };
}

/**
 * An engine goes on loading for the others when one gives up.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
export function untilAborted(promise, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => reject(errorOf("aborted", "Stopped.", { cause: signal.reason }));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject);
  });
}

/** @param {string} address @returns {string | undefined} */
const whole = (address) => (address ? new URL(address, document.baseURI).href : undefined);

/**
 * Holds the engine that an element's attributes ask for, and lets go of the old one where that is another.
 *
 * @param {Hold | null} old
 * @param {{ model: string, sha256: string, device: Wish["device"], assets: string }} attributes
 * @param {(progress: Progress) => void} onProgress
 */
export function swap(old, { model, sha256, device, assets }, onProgress) {
  const wish = { model: whole(model), sha256: sha256 || undefined, device, assets: whole(assets) };
  if (old?.key === keyOf(wish)) return old;
  const held = hold(wish, onProgress);
  old?.release();
  return held;
}
