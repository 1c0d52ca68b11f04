/** What was removed can be brought back for a while. */

import { element } from "./elements.js";
import { say } from "./language.js";

/** @typedef {import("./queue.js").Photograph} Photograph */
/**
 * @typedef {object} Removed
 * @property {Photograph} photograph
 * @property {number} index its place in the queue
 * @property {boolean} shown whether it was on show
 */

/** How long, in milliseconds. */
const TIME = 10_000;

const ui = {
  notice: element("undo", HTMLElement),
  words: element("undo-words", HTMLElement),
  button: element("undo-apply", HTMLButtonElement),
};

/** The last one last. @type {Removed[]} */
let removed = [];
let timer = 0;
/** @type {(removed: Removed[]) => void} */
let onUndo = () => {};

/** @param {typeof onUndo} listener hears what shall come back, the last that went first */
export function listen(listener) {
  onUndo = listener;
}

function close() {
  clearTimeout(timer);
  removed = [];
  held.clear();
  ui.notice.hidden = true;
}

/** What holds the notice: who is about to press the button is not made to hurry. @type {Set<"pointer" | "focus">} */
const held = new Set();

function wait() {
  clearTimeout(timer);
  if (held.size === 0) timer = window.setTimeout(close, TIME);
}

/** A photograph went. @param {Removed} one */
export function offer(one) {
  removed.push(one);
  say(ui.words, removed.length === 1 ? "removed-one" : "removed-many", {
    name: one.photograph.name,
    count: removed.length,
  });
  ui.notice.hidden = false;
  wait();
}

function undo() {
  const back = removed.reverse();
  close();
  onUndo(back);
}

ui.button.addEventListener("click", undo);
for (const [from, to, what] of /** @type {const} */ ([
  ["pointerenter", "pointerleave", "pointer"],
  ["focusin", "focusout", "focus"],
])) {
  ui.notice.addEventListener(from, () => {
    held.add(what);
    clearTimeout(timer);
  });
  ui.notice.addEventListener(to, () => {
    held.delete(what);
    if (!ui.notice.hidden) wait();
  });
}
addEventListener("keydown", (event) => {
  if (ui.notice.hidden || event.key.toLowerCase() !== "z" || event.shiftKey || event.altKey) return;
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  undo();
});
