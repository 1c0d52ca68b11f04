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

/** The worker's reasons that have words of their own. @type {Record<string, string>} */
const REASONS = {
  "asked for": "reason-asked",
  "an adapter was found": "reason-adapter",
  "a software adapter was found": "reason-software",
  "this browser has no WebGPU": "reason-no-webgpu",
  "WebGPU found no adapter": "reason-no-adapter",
};
const FAILED = "WebGPU failed: ";

/**
 * Terms of models that have words of their own; those of others are shown as their file has them.
 *
 * @type {Record<string, string>}
 */
const TERMS = {
  "weights for non-commercial research and education (terms of the training photographs); encoder begun with EfficientNet-Lite2 (Google, Apache-2.0)":
    "license-research",
};

/** A failed load is tried again with the next photograph. @type {Promise<Colorizer> | null} */
let loading = null;

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
    (loaded) => {
      describe(loaded);
      onChange(loaded);
      return loaded;
    },
    (error) => {
      loading = null;
      say(ui.device, "not-running");
      throw error;
    },
  );
  return loading;
}

/** Whether an engine is there or on its way. */
export const ready = () => loading !== null;

/** @param {string} reason @returns {import("./language.js").Inner | string} */
function reasonOf(reason) {
  if (reason.startsWith(FAILED)) return { message: "reason-failed", values: { detail: reason.slice(FAILED.length) } };
  const key = REASONS[reason];
  return key ? { message: key } : reason;
}

/** @param {string} license @returns {import("./language.js").Inner | string} */
function termsOf(license) {
  const key = TERMS[license];
  if (key) return { message: key };
  return license && `${license}.`;
}

/** Says where the network runs, which it is, and its terms. @param {Colorizer} engine */
export function describe(engine) {
  const { kind, name, reason } = engine.device;
  say(ui.device, kind === "webgpu" ? "runs-on-webgpu" : "runs-on-cpu", { name, reason: reasonOf(reason) });
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
  describe(next);
  onChange(next);
  return old;
}

/** Name of the model in use, if it is the visitor's own. */
export const modelName = () => ownModel;
