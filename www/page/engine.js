/** The engine in use: loads it once, takes another model, says where it runs. */

import { Colorizer } from "../autochrome.js";
import { errorOf } from "../errors.js";
import { element } from "./elements.js";
import { say } from "./language.js";
import { showProgress } from "./status.js";

/** `?device=cpu` or `?device=webgpu` overrides the choice. */
const wish = new URLSearchParams(location.search).get("device");
const device = wish === "cpu" || wish === "webgpu" ? wish : "auto";

const ui = {
  device: element("device", HTMLElement),
  terms: element("terms", HTMLElement),
  shippedModel: element("shipped-model", HTMLButtonElement),
};

/** Licences whose terms are among the messages; those of others are shown as their file has them. */
const LICENSES = ["research"];

/** A failed load is tried again with the next photograph. @type {Promise<Colorizer> | null} */
let loading = null;

/** The engine in use. @type {Colorizer | null} */
let used = null;

/** Name of the visitor's own model file, if one is in use. @type {string | null} */
let ownModel = null;

/** @type {(engine: Colorizer) => void} */
let onChange = () => {};

/** @param {(engine: Colorizer) => void} listener hears of every engine that comes into use */
export function watch(listener) {
  onChange = listener;
}

/** @returns {Promise<Colorizer>} */
export function colorizer() {
  loading ??= Colorizer.load({ device, onProgress: showProgress }).then(
    (loaded) => take(loaded),
    (error) => {
      loading = null;
      say(ui.device, "not-running");
      throw error;
    },
  );
  return loading;
}

/** @param {Colorizer} engine */
function take(engine) {
  used = engine;
  describe(engine);
  engine.addEventListener("devicechange", () => engine === used && describe(engine));
  onChange(engine);
  return engine;
}

/** Whether the engine in use runs on the GPU. */
export const usesGpu = () => used?.device.kind === "webgpu";

/** Whether an engine is there or on its way. */
export const ready = () => loading !== null;

/** @param {import("../autochrome.js").License} license @returns {import("./language.js").Inner | string} */
function termsOf({ id, text }) {
  if (LICENSES.includes(id)) return { message: `license-${id}` };
  return text && `${text}.`;
}

/** Says where the network runs, which it is, and its terms. @param {Colorizer} engine */
function describe(engine) {
  const { kind, name, code, detail } = engine.device;
  const reason = { message: `reason-${code}`, values: { detail } };
  say(ui.device, kind === "webgpu" ? "runs-on-webgpu" : "runs-on-cpu", { name, reason });
  const { network, format, license, unused } = engine.model;
  const model = ownModel === null ? "model-shipped" : "model-own";
  const rest = unused.length > 0 ? "model-unused" : "nothing";
  say(ui.terms, "model", {
    model: { message: model, values: { network, format, file: ownModel ?? "" } },
    license: termsOf(license),
    unused: { message: rest, values: { count: unused.length, first: unused[0] ?? "" } },
  });
  ui.shippedModel.hidden = ownModel === null;
}

/**
 * Takes another model, or the shipped one. The old one stays until the new one is there, and for good
 * if it does not come.
 * @param {File | null} file
 * @param {AbortSignal} signal
 * @returns {Promise<Colorizer | null>} the engine that was in use, for the caller to dispose of
 */
export async function useModel(file, signal) {
  const next = await Colorizer.load({ model: file ?? undefined, device, signal, onProgress: showProgress });
  const old = await Promise.resolve(loading).catch(() => null);
  if (signal.aborted) {
    next.dispose();
    throw errorOf("aborted", "Stopped.");
  }
  loading = Promise.resolve(next);
  ownModel = file?.name ?? null;
  take(next);
  return old;
}

/** Name of the model in use, if it is the visitor's own. */
export const modelName = () => ownModel;
