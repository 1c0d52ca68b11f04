/**
 * What the model thinks of one place: its likeliest colours, and how sure it is. The newest point wins;
 * for those who listen it is said when the point rests.
 */

import { clear, draw, whenRestored } from "../element/canvas.js";
import { showError } from "./alert.js";
import { copy, element, part } from "./elements.js";
import { percent, say, unsay } from "./language.js";
import { view } from "./rendering.js";
import { isAbort } from "./status.js";

/** @typedef {import("../autochrome.js").Inspection} Reading */

/** How long a point rests before it is said aloud. */
const REST = 700;
const SWATCHES = 5;

const ui = {
  on: element("inspect", HTMLInputElement),
  section: element("inspector", HTMLElement),
  hint: element("inspector-hint", HTMLElement),
  reading: element("reading", HTMLElement),
  plane: element("plane", HTMLCanvasElement),
  swatches: element("swatches", HTMLElement),
  sure: element("sure", HTMLMeterElement),
  sureValue: element("sure-value", HTMLOutputElement),
  live: element("inspector-live", HTMLElement),
};

/** What the plane holds. @type {ImageData | null} */
let plane = null;
whenRestored(ui.plane, () => plane && draw(ui.plane, plane));

/** @type {{ x: number, y: number } | null} */
let asked = null;
/** @type {{ x: number, y: number } | null} */
let last = null;
let reading = false;
let rest = 0;

/** @param {Reading} read @param {{ x: number, y: number }} at */
function show({ plane: probabilities, top, confidence }, at) {
  ui.hint.hidden = true;
  ui.reading.hidden = false;
  ui.reading.dataset["x"] = String(at.x);
  ui.reading.dataset["y"] = String(at.y);
  plane = probabilities;
  draw(ui.plane, plane);
  const colours = top.slice(0, SWATCHES);
  while (ui.swatches.children.length > colours.length) ui.swatches.lastElementChild?.remove();
  while (ui.swatches.children.length < colours.length) ui.swatches.append(copy("swatch-template"));
  colours.forEach(({ css, p }, index) => {
    const item = /** @type {Element} */ (ui.swatches.children[index]);
    part(item, ".swatch", HTMLElement).style.background = css;
    say(part(item, ".share", HTMLElement), "value", { value: percent(p) });
  });
  ui.sure.value = confidence;
  say(ui.sureValue, "value", { value: percent(confidence) });
  clearTimeout(rest);
  rest = window.setTimeout(
    () =>
      say(ui.live, "inspector-live", { x: at.x, y: at.y, share: percent(top[0]?.p ?? 0), sure: percent(confidence) }),
    REST,
  );
}

async function run() {
  reading = true;
  while (asked) {
    const at = asked;
    asked = null;
    const { colorization, tone } = view;
    if (!colorization || !ui.on.checked) continue;
    try {
      const read = await colorization.inspectAt(at.x, at.y, tone);
      if (ui.on.checked && view.colorization === colorization) show(read, at);
    } catch (error) {
      // A photograph that went takes its answer with it.
      if (!isAbort(error) && view.colorization === colorization) showError(error);
    }
  }
  reading = false;
}

/** @param {{ x: number, y: number }} at */
function ask(at) {
  asked = last = at;
  if (!reading) run();
}

/** The settings are others: the same place anew. */
export function refresh() {
  if (last && ui.on.checked) ask(last);
}

/** Another photograph is on show. */
export function reset() {
  asked = last = null;
  clearTimeout(rest);
  unsay(ui.live);
  ui.hint.hidden = false;
  ui.reading.hidden = true;
  plane = null;
  clear(ui.plane);
}

/** A network without a distribution has nothing to tell. @param {import("../autochrome.js").Colorizer} engine */
export function adopt(engine) {
  const able = engine.model.distribution;
  // A disabled box answers no click.
  if (!able && ui.on.checked) ui.on.click();
  ui.on.disabled = !able;
}

ui.on.addEventListener("change", () => {
  ui.section.hidden = !ui.on.checked;
  reset();
  view.inspecting = ui.on.checked;
});
view.addEventListener("colorize-point", ({ detail }) => ask(detail));
