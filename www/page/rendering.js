/**
 * The photograph on show: what its canvases hold, and how finely. While settings move, a small render
 * answers at once and a larger one follows when they rest; the photograph's own pixels come only when
 * the viewer is closer than the preview, and go when it is not. The newest request wins.
 */

import { clear, draw, element } from "./elements.js";
import { say } from "./language.js";
import { isAbort, showError } from "./status.js";
import * as viewer from "./viewer.js";

/** @typedef {import("../autochrome.js").Colorization} Colorization */
/** @typedef {Partial<import("../autochrome.js").Tone>} Tone */

/** Longest sides: while a slider moves, and at rest. */
const DRAFT = 800;
const PREVIEW = 1600;
/** Rest before the larger render. */
const REST = 150;
/** Most pixels of a canvas; phones have less memory for them. */
const MOST = matchMedia("(pointer: coarse)").matches ? 2 ** 24 : 2 ** 26;

const ui = {
  before: element("before", HTMLCanvasElement),
  after: element("after", HTMLCanvasElement),
  beforeTag: element("before-tag", HTMLElement),
  map: element("confidence-map", HTMLCanvasElement),
  mapChoice: element("confidence-choice", HTMLElement),
  mapOn: element("confidence", HTMLInputElement),
  truth: element("truth", HTMLInputElement),
  truthChoice: element("truth-choice", HTMLElement),
  figure: element("truth-figure", HTMLElement),
  viewer: element("viewer", HTMLElement),
};

/** @type {{ colorization: Colorization, tone: Tone } | null} */
let shown = null;
/** Whether the viewer is closer than the preview. */
let close = false;
/** What the canvases hold. @type {{ side: number | undefined, truth: boolean } | null} */
let drawnBefore = null;
/** @type {AbortController | null} */
let fine = null;
let previews = 0;
let running = false;
let asked = 0;
/** Whether settings have moved since the last render at rest. */
let moving = false;
/** @type {(error: unknown) => void} */
let onLost = () => {};
/** @type {() => void} */
let onDrawn = () => {};

/** @param {{ lost?: (error: unknown) => void, drawn?: () => void }} listeners `lost`: the colours are gone with the device; `drawn`: at rest */
export function listen({ lost, drawn }) {
  if (lost) onLost = lost;
  if (drawn) onDrawn = drawn;
}

/** Longest side of the finest render that is wanted; none for the photograph's own. @param {Colorization} colorization */
function side({ width, height }) {
  const longest = Math.max(width, height);
  const wish = close ? Math.min(longest, Math.floor(longest * Math.sqrt(MOST / (width * height)))) : PREVIEW;
  return wish < longest ? wish : undefined;
}

/** @param {Colorization} colorization @param {number | undefined} maxSide @param {AbortSignal} [signal] */
async function drawBefore(colorization, maxSide, signal) {
  const truth = ui.truth.checked;
  // A photograph in colour is compared with what the model saw of it.
  const pixels = colorization.isColour && !truth ? await colorization.render({ saturation: 0, maxSide, signal }) : await colorization.original({ maxSide, signal });
  if (shown?.colorization !== colorization) return;
  draw(ui.before, pixels);
  drawnBefore = { side: maxSide, truth };
}

/** @param {number} [ms] */
const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function run() {
  running = true;
  for (let turn = -1; turn !== asked && shown; ) {
    turn = asked;
    const { colorization, tone } = shown;
    const now = () => turn === asked && shown?.colorization === colorization;
    const finest = side(colorization);
    try {
      if (moving && Math.max(colorization.width, colorization.height) > PREVIEW) {
        draw(ui.after, await colorization.render({ ...tone, maxSide: DRAFT }));
        viewer.layOut();
        await rest(REST);
        if (!now()) continue;
      }
      fine = new AbortController();
      const { signal } = fine;
      const pixels = await colorization.render({ ...tone, maxSide: finest, signal });
      if (shown?.colorization !== colorization) continue;
      draw(ui.after, pixels);
      moving &&= !now();
      if (drawnBefore?.side !== finest || drawnBefore?.truth !== ui.truth.checked) await drawBefore(colorization, finest, signal);
      viewer.layOut();
      if (now()) {
        await extras(colorization, tone);
        ui.viewer.dataset["side"] = String(Math.max(ui.after.width, ui.after.height));
        onDrawn();
      }
    } catch (error) {
      if (shown?.colorization !== colorization || isAbort(error)) continue;
      onLost(error);
    } finally {
      fine = null;
    }
  }
  running = false;
}

/** Draws what is wanted now. */
export function refresh() {
  asked++;
  delete ui.viewer.dataset["side"];
  fine?.abort();
  if (!running) run();
}

/** The map of confidence and the error against the true colours. @param {Colorization} colorization @param {Tone} tone */
async function extras(colorization, tone) {
  if (ui.mapOn.checked) {
    draw(ui.map, await colorization.confidence({ ...tone, maxSide: PREVIEW }));
    ui.map.hidden = false;
    viewer.layOut();
  }
  ui.figure.hidden = !ui.truth.checked || !colorization.isColour;
  if (!ui.figure.hidden) {
    const { meanAb, psnr } = await colorization.colourError(tone);
    say(ui.figure, "truth-figure", { ab: { value: meanAb, maximumFractionDigits: 1 }, psnr: { value: psnr, maximumFractionDigits: 1 } });
  }
}

/** Takes over what a model can do. @param {import("../autochrome.js").Colorizer} engine */
export function adopt(engine) {
  ui.mapChoice.hidden = !engine.model.distribution;
  if (ui.mapChoice.hidden) ui.mapOn.checked = false;
}

/** Puts a photograph on show and answers when it is drawn. @param {Colorization} colorization @param {Tone} tone @param {AbortSignal} signal */
export async function show(colorization, tone, signal) {
  const size = { width: colorization.width, height: colorization.height };
  const maxSide = Math.max(size.width, size.height) > PREVIEW ? PREVIEW : undefined;
  const coloured = colorization.isColour;
  const before = coloured ? await colorization.render({ saturation: 0, maxSide, signal }) : await colorization.original({ maxSide, signal });
  const after = await colorization.render({ ...tone, maxSide, signal });
  fine?.abort();
  asked++;
  shown = { colorization, tone };
  close = false;
  ui.truth.checked = false;
  ui.truthChoice.hidden = !coloured;
  ui.figure.hidden = true;
  ui.map.hidden = true;
  say(ui.beforeTag, "before");
  draw(ui.before, before);
  draw(ui.after, after);
  drawnBefore = { side: maxSide, truth: false };
  viewer.show(size);
  ui.viewer.dataset["side"] = String(Math.max(after.width, after.height));
  if (ui.mapOn.checked) refresh();
}

/** Shows a file as it is while its colours are made, where the browser can read it. @param {Blob} file */
export async function preview(file) {
  const mine = ++previews;
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => null);
  if (bitmap && mine === previews && !shown) {
    const { width, height } = bitmap;
    const scale = Math.min(1, PREVIEW / Math.max(width, height));
    ui.before.width = Math.max(1, Math.round(width * scale));
    ui.before.height = Math.max(1, Math.round(height * scale));
    ui.before.getContext("2d")?.drawImage(bitmap, 0, 0, ui.before.width, ui.before.height);
    viewer.show({ width, height });
  }
  bitmap?.close();
}

/** Nothing is on show; the canvases hold nothing. */
export function hide() {
  fine?.abort();
  asked++;
  shown = null;
  previews++;
  drawnBefore = null;
  for (const canvas of [ui.before, ui.after, ui.map]) clear(canvas);
  viewer.show(null);
}

/** @param {Tone} tone */
export function change(tone) {
  if (!shown) return;
  shown.tone = tone;
  moving = true;
  refresh();
}

/** What is on show, for the inspector and for saving. */
export const current = () => shown;

/** A small copy of what is on show. @param {HTMLCanvasElement} canvas @param {number} longest */
export function copyTo(canvas, longest) {
  const { width, height } = ui.after;
  const scale = Math.min(1, longest / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d");
  if (context) context.imageSmoothingQuality = "high";
  context?.drawImage(ui.after, 0, 0, canvas.width, canvas.height);
}

viewer.listen({
  zoom(device) {
    if (!shown) return;
    const { width, height } = shown.colorization;
    const closer = device * Math.max(width, height) > PREVIEW * 1.05;
    if (closer === close || Math.max(width, height) <= PREVIEW) return;
    close = closer;
    refresh();
  },
});
ui.truth.addEventListener("change", () => {
  say(ui.beforeTag, ui.truth.checked ? "truth" : "before");
  refresh();
});
ui.mapOn.addEventListener("change", () => {
  ui.map.hidden = true;
  if (ui.mapOn.checked) refresh();
  else clear(ui.map);
});
onLost = showError;
