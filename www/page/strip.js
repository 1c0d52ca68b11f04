/**
 * The queue as a strip of thumbnails. It is one stop of the Tab key: arrow keys go from photograph to
 * photograph, Tab goes on to the buttons of the one in focus, Delete removes it.
 */

import { draw, whenRestored } from "../element/canvas.js";
import { copy, element, part } from "./elements.js";
import { forget, say } from "./language.js";
import { codeOf } from "./status.js";

/** @typedef {import("./queue.js").Photograph} Photograph */

/** Longest side of a thumbnail. */
export const THUMBNAIL = 160;

const list = element("strip", HTMLElement);

/** @type {Map<Photograph, HTMLElement>} */
const items = new Map();

/** @typedef {"show" | "retry" | "cancel" | "remove"} Action */
const ACTIONS = /** @type {const} */ (["show", "retry", "cancel", "remove"]);

/** @type {(action: Action, photograph: Photograph) => void} */
let onAction = () => {};

/** @param {typeof onAction} listener */
export function listen(listener) {
  onAction = listener;
}

/** @param {Element} item @param {Action} action */
const button = (item, action) => part(item, `[data-part=${action}]`, HTMLButtonElement);

/** Only the buttons of one item are stops. @param {Element | null | undefined} chosen */
function rove(chosen) {
  for (const item of list.children)
    for (const action of ACTIONS) button(item, action).tabIndex = item === chosen ? 0 : -1;
}

/** @param {Photograph} photograph @param {Photograph} [next] the one it comes before */
export function add(photograph, next) {
  const item = copy("photograph-template");
  const { name } = photograph;
  part(item, ".name", HTMLElement).textContent = name;
  for (const action of ACTIONS) {
    const control = button(item, action);
    if (action !== "show") say(control, `${action}-one`, { name }, "aria-label");
    control.addEventListener("click", () => onAction(action, photograph));
  }
  items.set(photograph, item);
  list.insertBefore(item, (next && items.get(next)) ?? null);
  const redraw = () => photograph.thumbnail && draw(part(item, "canvas", HTMLCanvasElement), photograph.thumbnail);
  whenRestored(part(item, "canvas", HTMLCanvasElement), redraw);
  redraw();
  update(photograph);
  if (items.size === 1) rove(item);
  else for (const action of ACTIONS) button(item, action).tabIndex = -1;
}

/** @param {Photograph} photograph */
export function update(photograph) {
  const item = items.get(photograph);
  if (!item) return;
  const { state, error } = photograph;
  item.dataset["state"] = state;
  const words = part(item, ".state", HTMLElement);
  if (state === "failed") say(words, "state-failed", { reason: { message: `error-${codeOf(error)}` } });
  else say(words, `state-${state}`);
  button(item, "retry").hidden = state !== "failed" && state !== "cancelled";
  button(item, "cancel").hidden = state !== "waiting" && state !== "working";
  progress(photograph);
}

/** @param {Photograph} photograph */
export function progress(photograph) {
  const item = items.get(photograph);
  if (item) part(item, "progress", HTMLProgressElement).value = photograph.progress;
}

/** Shows a photograph's own pixels as its thumbnail. @param {Photograph} photograph @param {ImageData} pixels */
export function show(photograph, pixels) {
  photograph.thumbnail = pixels;
  const item = items.get(photograph);
  if (item) draw(part(item, "canvas", HTMLCanvasElement), pixels);
}

/** @param {Photograph} photograph */
export function focus(photograph) {
  const item = items.get(photograph);
  if (item) button(item, "show").focus();
}

/** Marks what is on show. @param {Photograph | null} photograph */
export function mark(photograph) {
  for (const [other, item] of items) {
    const here = other === photograph;
    button(item, "show").toggleAttribute("aria-current", here);
    if (here) button(item, "show").setAttribute("aria-current", "true");
  }
  if (!photograph || list.contains(document.activeElement)) return;
  const item = items.get(photograph);
  rove(item);
  if (item) list.scrollTo({ left: item.offsetLeft - (list.clientWidth - item.offsetWidth) / 2 });
}

/** @param {Photograph} photograph */
export function remove(photograph) {
  const item = items.get(photograph);
  if (!item) return;
  const focused = item.contains(document.activeElement);
  const next = item.nextElementSibling ?? item.previousElementSibling;
  const stop = button(item, "show").tabIndex === 0;
  items.delete(photograph);
  item.remove();
  forget(item);
  if (stop) rove(next);
  if (focused) next && button(next, "show").focus();
}

list.addEventListener("focusin", ({ target }) => {
  if (target instanceof Element) rove(target.closest("li"));
});
list.addEventListener("keydown", (event) => {
  const item = event.target instanceof Element ? event.target.closest("li") : null;
  if (!item) return;
  const forward = getComputedStyle(list).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
  const back = forward === "ArrowLeft" ? "ArrowRight" : "ArrowLeft";
  /** @type {Record<string, Element | null>} */
  const ways = {
    [forward]: item.nextElementSibling,
    [back]: item.previousElementSibling,
    Home: list.firstElementChild,
    End: list.lastElementChild,
  };
  if (event.key in ways) {
    const goal = ways[event.key];
    if (goal) button(goal, "show").focus();
  } else if (event.key === "Delete") {
    const [photograph] = [...items].find(([, other]) => other === item) ?? [];
    if (photograph) onAction("remove", photograph);
  } else {
    return;
  }
  event.preventDefault();
});
