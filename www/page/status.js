/** What is going on, in words: the bar and the status line; and what the page itself cannot do. */

import { AutochromeError } from "../autochrome.js";
import { element } from "./elements.js";
import { say, unsay } from "./language.js";

/** @typedef {import("../autochrome.js").Progress} Progress */
/** @typedef {import("./language.js").Values} Values */

/** Shares of the stages in the bar: how long each takes, roughly. */
const STAGES = /** @type {const} */ ({
  download: [0, 0.3],
  engine: [0.3, 0.35],
  decode: [0.35, 0.45],
  prepare: [0.45, 0.5],
  network: [0.5, 0.9],
  render: [0.9, 1],
});

/** What goes wrong on the page itself; `code` names its sentence. */
export class PageError extends Error {
  /**
   * @param {"sample-missing" | "not-a-file" | "nothing-there" | "share-lost" | "camera-refused" |
   *   "camera-missing" | "camera-busy" | "camera-unsupported" | "clipboard-refused"} code
   * @param {unknown} [cause]
   */
  constructor(code, cause) {
    super(cause instanceof Error ? cause.message : "", { cause });
    this.name = "PageError";
    this.code = code;
  }
}

const ui = {
  work: element("work", HTMLElement),
  progress: element("progress", HTMLProgressElement),
  stage: element("stage", HTMLElement),
  count: element("count", HTMLElement),
  cancel: element("cancel", HTMLButtonElement),
  status: element("status", HTMLElement),
};

/** How far all is, of 1. @param {Progress} progress */
export function share({ stage, done }) {
  const [from, to] = STAGES[stage];
  return from + (to - from) * done;
}

/** @param {Progress} progress */
export function showProgress(progress) {
  ui.progress.value = share(progress);
  say(ui.stage, `stage-${progress.stage}`);
}

/** @param {string} key @param {Values} [values] */
export function tell(key, values) {
  say(ui.status, key, values);
}

/** Says no more what was said last. */
export function hush() {
  unsay(ui.status);
}

/** @param {unknown} error */
export function isAbort(error) {
  return error instanceof AutochromeError && error.code === "aborted";
}

/** The code whose sentence tells of an error. @param {unknown} error */
export function codeOf(error) {
  return error instanceof AutochromeError || error instanceof PageError ? error.code : "unknown";
}

/**
 * One piece of work with a bar and a way to cancel it.
 * @typedef {{ signal: AbortSignal, stage: (key: string, done: number) => void, count: (at: number, of: number) => void, end: () => void }} Task
 */

/** The work that the bar stands for. @type {{ cancel: () => void } | null} */
let shown = null;

/** @param {() => void} [onCancel] @returns {Task} */
export function begin(onCancel) {
  const stop = new AbortController();
  const mine = {
    cancel() {
      onCancel?.();
      stop.abort();
    },
  };
  shown = mine;
  ui.work.hidden = false;
  ui.progress.value = 0;
  unsay(ui.count);
  unsay(ui.status);
  return {
    signal: stop.signal,
    stage(key, done) {
      if (shown !== mine) return;
      ui.progress.value = done;
      say(ui.stage, key);
    },
    count(at, of) {
      if (of > 1) say(ui.count, "count", { at, of });
      else unsay(ui.count);
    },
    end() {
      if (shown !== mine) return;
      shown = null;
      ui.work.hidden = true;
    },
  };
}

ui.cancel.addEventListener("click", () => shown?.cancel());
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) shown?.cancel();
});

/**
 * Tells that a new version is ready.
 *
 * @param {() => unknown} apply takes it; may answer how many other pages are in the way
 */
export function offerUpdate(apply) {
  element("update", HTMLElement).hidden = false;
  element("update-apply", HTMLButtonElement).onclick = async () => {
    const others = Number(await apply());
    if (others > 0) say(element("update-words", HTMLElement), "update-others", { count: others });
  };
}
