/** The photograph on show: its place in the element, the map of confidence, and its true colours. */

import { PhotoColorizer } from "../element.js";
import { PREVIEW } from "../element/drawing.js";
import { element } from "./elements.js";
import { say } from "./language.js";
import { showError } from "./status.js";

/** @typedef {import("../autochrome.js").Colorization} Colorization */
/** @typedef {Partial<import("../autochrome.js").Tone>} Tone */

/** The page's `<photo-colorizer>`. */
export const view = element("viewer", PhotoColorizer);

const ui = {
  beforeWords: element("before-words", HTMLElement),
  map: element("confidence", HTMLInputElement),
  mapChoice: element("confidence-choice", HTMLElement),
  truth: element("truth", HTMLInputElement),
  truthChoice: element("truth-choice", HTMLElement),
  figure: element("truth-figure", HTMLElement),
};

/** @type {() => void} */
let onDrawn = () => {};

/** @param {() => void} drawn hears when all that was asked for is drawn, at rest */
export function listen(drawn) {
  onDrawn = drawn;
}

/** The map of confidence. */
async function drawMap() {
  const { colorization, tone } = view;
  if (!ui.map.checked || !colorization) return;
  const map = await colorization.confidence({ ...tone, maxSide: PREVIEW });
  if (ui.map.checked && view.colorization === colorization) view.overlay = map;
}

/** The error against the true colours. */
async function tellTruth() {
  const { colorization, tone } = view;
  ui.figure.hidden = !ui.truth.checked || !colorization?.isColor;
  if (ui.figure.hidden || !colorization) return;
  const { meanAb, psnr } = await colorization.colorError(tone);
  say(ui.figure, "truth-figure", {
    ab: { value: meanAb, maximumFractionDigits: 1 },
    psnr: { value: psnr, maximumFractionDigits: 1 },
  });
}

/** Takes over what a model can do. @param {import("../autochrome.js").Colorizer} engine */
export function adopt(engine) {
  ui.mapChoice.hidden = !engine.model.distribution;
  if (ui.mapChoice.hidden) ui.map.checked = false;
}

/**
 * Puts a photograph on show and answers when it is drawn.
 *
 * @param {Colorization} colorization
 * @param {Tone} tone
 * @param {AbortSignal} signal
 */
export async function show(colorization, tone, signal) {
  await view.show(colorization, { tone, signal });
  ui.truth.checked = false;
  ui.truthChoice.hidden = !colorization.isColor;
  ui.figure.hidden = true;
  say(ui.beforeWords, "before");
}

view.addEventListener("colorize-drawn", async () => {
  const { colorization } = view;
  try {
    await drawMap();
    await tellTruth();
    onDrawn();
  } catch (error) {
    // A photograph that went takes its answers with it.
    if (view.colorization === colorization) showError(error);
  }
});
view.addEventListener("colorize-error", ({ detail }) => showError(detail.error));
ui.truth.addEventListener("change", () => {
  say(ui.beforeWords, ui.truth.checked ? "truth" : "before");
  view.truth = ui.truth.checked;
});
ui.map.addEventListener("change", () => {
  view.overlay = null;
  drawMap().catch(showError);
});
