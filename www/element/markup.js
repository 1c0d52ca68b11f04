/** The element's shadow tree. Every word of it lies in a slot, so that a page can say it in its own. */

import { STEP, TONES } from "./tones.js";

/** @typedef {import("./tones.js").ToneName} ToneName */

/**
 * Builds an element.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number | boolean>} [attributes] `true` for one without a value
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
  element.append(...children);
  return element;
}

/** @param {string} name @param {string} words @param {string} [id] */
const word = (name, words, id) => h("slot", { name, ...(id && { id }) }, words);

/** @param {string} id @param {string} part @param {string} slot @param {string} words */
const button = (id, part, slot, words) =>
  h("button", { type: "button", id, part: `button ${part}` }, word(slot, words));

/** @param {string} id @param {string} sign @param {string} slot @param {string} words */
const icon = (id, sign, slot, words) =>
  h(
    "button",
    { type: "button", id, part: "button zoom-button", class: "icon" },
    h("span", { "aria-hidden": "true" }, sign),
    h("span", { class: "unseen" }, word(slot, words)),
  );

/** @param {[string, { min: number, max: number, words: string }]} tone */
const slider = ([name, { min, max, words }]) =>
  h(
    "div",
    { class: "slider" },
    h("label", { for: `slider-${name}`, part: "label" }, word(name, words)),
    h("output", { id: `value-${name}`, for: `slider-${name}` }),
    h("input", { type: "range", id: `slider-${name}`, part: "slider", min, max, step: STEP }),
  );

/** @param {"before" | "after"} side @param {string} words @param {Node[]} more */
const pane = (side, words, ...more) =>
  h(
    "div",
    { class: `pane pane-${side}`, id: `pane-${side}` },
    h("canvas", { id: side, part: side, role: "img", width: 1, height: 1 }),
    ...more,
    h("span", { class: "tag", part: `tag tag-${side}`, id: `${side}-tag`, dir: "auto" }, word(side, words)),
  );

/** Fills a shadow root. @param {ShadowRoot} root */
export function build(root) {
  root.append(
    h(
      "div",
      { class: "viewer empty", id: "frame", part: "viewer", dir: "ltr", "data-mode": "slider" },
      h(
        "div",
        { class: "stage", id: "view", part: "stage" },
        pane("before", "Before"),
        pane(
          "after",
          "In colour",
          h("canvas", {
            id: "overlay",
            part: "overlay",
            class: "overlay",
            "aria-hidden": "true",
            hidden: true,
            width: 1,
            height: 1,
          }),
        ),
        h("div", { class: "divider", part: "divider", "aria-hidden": "true" }),
        h("div", { class: "crosshair", id: "crosshair", part: "crosshair", "aria-hidden": "true", hidden: true }),
      ),
      h("input", {
        type: "range",
        class: "compare",
        id: "compare",
        part: "compare",
        min: 0,
        max: 100,
        step: 1,
        value: 50,
        "aria-labelledby": "compare-label",
      }),
    ),
    h(
      "label",
      { class: "choose", id: "choose", part: "choose" },
      h("input", { type: "file", id: "picker", accept: "image/*,.tif,.tiff", class: "unseen" }),
      h("span", { class: "button", part: "button" }, word("choose", "Choose a photograph")),
      h("span", { class: "quiet" }, word("drop", "or drop one here")),
    ),
    h("span", { class: "unseen", id: "view-label" }, word("view", "The photograph")),
    h(
      "span",
      { class: "unseen", id: "view-keys" },
      word("keys", "Plus and minus zoom, 0 shows all, 1 shows real pixels, arrow keys move the picture."),
    ),
    h("span", { class: "unseen", id: "compare-label" }, word("compare", "Move between before and in colour")),
    h("span", { hidden: true }, word("compare-value", "{share} in colour", "compare-value")),
    h(
      "div",
      { class: "busy", id: "busy", part: "busy", hidden: true },
      h("progress", { id: "busy-progress", part: "progress", max: 1, value: 0, "aria-labelledby": "busy-words" }),
      h("span", { class: "quiet", id: "busy-words", role: "status" }, word("busy", "Colouring…")),
      button("busy-cancel", "cancel", "cancel", "Cancel"),
    ),
    h(
      "div",
      { class: "failure", id: "failure", part: "error", role: "alert", hidden: true },
      h("span", { id: "failure-words" }),
      button("failure-retry", "retry", "retry", "Try again"),
    ),
    h(
      "div",
      { class: "tools", id: "tools", part: "tools", hidden: true },
      h(
        "div",
        { class: "zoom", id: "zooms", part: "zoom" },
        icon("farther", "−", "zoom-out", "Zoom out"),
        icon("closer", "+", "zoom-in", "Zoom in"),
        button("whole", "zoom-button", "zoom-fit", "Fit"),
      ),
      h(
        "div",
        { class: "tone", id: "tones", part: "tone" },
        ...Object.entries(TONES).map(slider),
        button("reset-tone", "reset", "reset", "Reset"),
      ),
      h("div", { class: "files", id: "files" }, button("save-file", "save", "save", "Save")),
    ),
  );
}

/** The elements of a shadow root that was built. @param {ShadowRoot} root */
export function partsOf(root) {
  /** @template {Element} T @param {string} id @param {new () => T} kind @returns {T} */
  const part = (id, kind) => {
    const found = root.getElementById(id);
    if (!(found instanceof kind)) throw new Error(`#${id} is missing`);
    return found;
  };
  const tone = (/** @type {ToneName} */ name) => ({
    input: part(`slider-${name}`, HTMLInputElement),
    output: part(`value-${name}`, HTMLOutputElement),
  });
  return {
    viewer: part("frame", HTMLElement),
    view: part("view", HTMLElement),
    paneBefore: part("pane-before", HTMLElement),
    paneAfter: part("pane-after", HTMLElement),
    before: part("before", HTMLCanvasElement),
    after: part("after", HTMLCanvasElement),
    overlay: part("overlay", HTMLCanvasElement),
    crosshair: part("crosshair", HTMLElement),
    divider: part("compare", HTMLInputElement),
    dividerWords: part("compare-value", HTMLSlotElement),
    choose: part("choose", HTMLElement),
    picker: part("picker", HTMLInputElement),
    busy: part("busy", HTMLElement),
    progress: part("busy-progress", HTMLProgressElement),
    cancel: part("busy-cancel", HTMLButtonElement),
    failure: part("failure", HTMLElement),
    failureWords: part("failure-words", HTMLElement),
    retry: part("failure-retry", HTMLButtonElement),
    tools: part("tools", HTMLElement),
    zooms: part("zooms", HTMLElement),
    closer: part("closer", HTMLButtonElement),
    farther: part("farther", HTMLButtonElement),
    whole: part("whole", HTMLButtonElement),
    tonesBox: part("tones", HTMLElement),
    tones: {
      temperature: tone("temperature"),
      rebalance: tone("rebalance"),
      saturation: tone("saturation"),
      warmth: tone("warmth"),
    },
    reset: part("reset-tone", HTMLButtonElement),
    files: part("files", HTMLElement),
    saveFile: part("save-file", HTMLButtonElement),
  };
}

/** @typedef {ReturnType<typeof partsOf>} Parts */
