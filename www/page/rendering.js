/** The photograph on show: its place in the element, the map of confidence, and its true colours. */

import { PhotoColorizer } from "../element.js";
import { PREVIEW } from "../element/drawing.js";
import { showError } from "./alert.js";
import { element } from "./elements.js";
import { say } from "./language.js";

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

/** @type {(colorization: Colorization | null) => void} */
let onDrawn = () => {};
/** Whether the original is asked for while a button is held. */
let held = false;

/** @param {typeof onDrawn} drawn hears when all that was asked for of some colours is drawn, at rest */
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
  showOriginal();
}

/**
 * Of a photograph without colours, before is its file. One in colour is compared with its black and white,
 * which is what the network saw; the original is its file all the same.
 */
function showOriginal() {
  const truth = held || ui.truth.checked;
  view.truth = truth;
  const { colorization } = view;
  say(ui.beforeWords, !colorization?.isColor ? "before" : truth ? "truth" : "black-and-white");
}

/** Shows the original, or no longer. @param {boolean} on */
export async function hold(on) {
  held = on;
  if (!on) view.held = false;
  showOriginal();
  // Not the black and white, for the time until the file's own pixels are there.
  if (on && view.drawnSide === null)
    await new Promise((resolve) => view.addEventListener("colorize-drawn", resolve, { once: true }));
  if (held) view.held = true;
}

view.addEventListener("colorize-drawn", async () => {
  const { colorization } = view;
  try {
    onDrawn(colorization);
    await drawMap();
    await tellTruth();
  } catch (error) {
    // A photograph that went takes its answers with it.
    if (view.colorization === colorization) showError(error);
  }
});
view.addEventListener("colorize-error", ({ detail }) => showError(detail.error));
ui.truth.addEventListener("change", showOriginal);
ui.map.addEventListener("change", () => {
  view.overlay = null;
  drawMap().catch(showError);
});
