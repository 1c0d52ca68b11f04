/** The sliders: how a photograph's colours are taken from what the model knows. */

import { STEP, TONES, TONE_NAMES } from "../element/tones.js";
import { element } from "./elements.js";
import { say } from "./language.js";

/** @typedef {import("../autochrome.js").Tone} Tone */

const sliders = TONE_NAMES.map((name) => ({
  name,
  input: slider(name),
  output: element(`${name}-value`, HTMLOutputElement),
  reset: element(`reset-${name}`, HTMLButtonElement),
}));

/** A slider, with its range. @param {import("../element/tones.js").ToneName} name */
function slider(name) {
  const { min, max } = TONES[name];
  return Object.assign(element(name, HTMLInputElement), { min: String(min), max: String(max), step: String(STEP) });
}

/** What a slider does, or why it has nothing to do. */
const HELP = /** @type {const} */ ({ temperature: "temperature-rests", rebalance: "rebalance-rests" });

/** @type {Partial<Tone>} */
let defaults = {};
/** @type {() => void} */
let onMove = () => {};

/** @param {() => void} listener hears of every move */
export function listen(listener) {
  onMove = listener;
}

/** @param {typeof sliders[number]} slider */
function put({ name, input, output, reset }) {
  const value = Number(input.value);
  say(output, "value", {
    value: {
      value,
      minimumFractionDigits: 2,
      maximumFractionDigits: 2,
      ...(name === "warmth" && { signDisplay: /** @type {const} */ ("exceptZero") }),
    },
  });
  reset.disabled = input.disabled || Math.abs(value - Number(defaults[name])) < STEP / 2;
}

/** Takes over what a model can do and its own settings. @param {import("../autochrome.js").Colorizer} engine */
export function adopt(engine) {
  defaults = engine.defaults;
  const moves = { temperature: engine.model.distribution, rebalance: engine.model.rebalances };
  for (const name of /** @type {const} */ (["temperature", "rebalance"])) {
    element(name, HTMLInputElement).disabled = !moves[name];
    say(element(`${name}-help`, HTMLElement), moves[name] ? `${name}-help` : HELP[name]);
  }
  element("rebalance-marks", HTMLDataListElement).replaceChildren(new Option("", String(defaults.rebalance)));
  set(null);
}

/** Shows a photograph's settings, or the model's own. @param {Partial<Tone> | null} tone */
export function set(tone) {
  for (const slider of sliders) {
    slider.input.value = String(tone?.[slider.name] ?? defaults[slider.name] ?? 0);
    put(slider);
  }
}

/** What the sliders say; nothing before the model has. @returns {Partial<Tone>} */
export function get() {
  return Object.fromEntries(
    sliders.filter(({ name }) => defaults[name] !== undefined).map(({ name, input }) => [name, Number(input.value)]),
  );
}

for (const slider of sliders) {
  const { name, input, reset } = slider;
  input.addEventListener("input", () => {
    put(slider);
    onMove();
  });
  reset.addEventListener("click", () => {
    input.value = String(defaults[name]);
    put(slider);
    // A disabled button loses the focus.
    input.focus();
    onMove();
  });
}
element("reset", HTMLButtonElement).addEventListener("click", () => {
  set(null);
  onMove();
});
