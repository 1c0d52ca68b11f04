/** Properties of the element that are its attributes. */

import { TONES, TONE_NAMES } from "./tones.js";

/** @typedef {import("../autochrome.js").Tone} Tone */
/** @typedef {import("../autochrome.js").DeviceWish} DeviceWish */
/** @typedef {import("./tones.js").ToneName} ToneName */
/** @typedef {import("./viewer.js").Mode} Mode */
/** @typedef {"image/png" | "image/jpeg"} FileType */
/** @typedef {"choose" | "compare" | "zoom" | "tone" | "save"} Control */

const CONTROLS = /** @type {const} */ (["choose", "compare", "zoom", "tone", "save"]);
const MODES = /** @type {const} */ (["slider", "side", "after"]);
const DEVICES = /** @type {const} */ (["auto", "webgpu", "cpu"]);

/** A change of these begins anew. */
export const SOURCE = ["src", "model", "sha256", "device", "assets"];

/** All of them. */
export const ATTRIBUTES = [...SOURCE, ...TONE_NAMES, "controls", "mode", "type", "name", "alt", "disabled", "required"];

/** On a server there are no elements. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

/**
 * @template {readonly string[]} T
 * @param {T} known
 * @param {string | null} wish
 * @param {T[number]} otherwise
 * @returns {T[number]}
 */
const oneOf = (known, wish, otherwise) => (wish !== null && known.includes(wish) ? wish : otherwise);

/** The controls that an element shows. @param {Reflected} element @returns {Set<string>} */
export function controlsOf({ controls }) {
  if (controls === null) return new Set();
  const words = controls.split(/\s+/).filter(Boolean);
  return new Set(words.length > 0 ? words : CONTROLS);
}

export class Reflected extends Base {
  /** @param {string} name @param {string | number | null | undefined} value */
  #set(name, value) {
    if (value === null || value === undefined) this.removeAttribute(name);
    else this.setAttribute(name, String(value));
  }

  /** @param {ToneName} name @returns {number | null} */
  #number(name) {
    const text = this.getAttribute(name);
    const value = text === null || text.trim() === "" ? NaN : Number(text);
    const { min, max } = TONES[name];
    return Number.isFinite(value) ? Math.min(Math.max(value, min), max) : null;
  }

  /** Address of a photograph. */
  get src() {
    return this.getAttribute("src") ?? "";
  }
  set src(/** @type {string} */ value) {
    this.#set("src", value);
  }

  /** Address of a model file; the shipped one if empty. */
  get model() {
    return this.getAttribute("model") ?? "";
  }
  set model(/** @type {string} */ value) {
    this.#set("model", value || null);
  }

  /** What the model's bytes must hash to. */
  get sha256() {
    return this.getAttribute("sha256") ?? "";
  }
  set sha256(/** @type {string} */ value) {
    this.#set("sha256", value || null);
  }

  /** Where the network runs. @returns {DeviceWish} */
  get device() {
    return oneOf(DEVICES, this.getAttribute("device"), "auto");
  }
  set device(/** @type {DeviceWish} */ value) {
    this.#set("device", value);
  }

  /** Folder that the package's worker, engines and models lie in, where it is not its own. */
  get assets() {
    return this.getAttribute("assets") ?? "";
  }
  set assets(/** @type {string} */ value) {
    this.#set("assets", value || null);
  }

  /** 0 (the likeliest colour) to 1 (the mean of all); null: the model's own. @returns {number | null} */
  get temperature() {
    return this.#number("temperature");
  }
  set temperature(/** @type {number | null} */ value) {
    this.#set("temperature", value);
  }

  /** Colour boldness, 0 to 1; null: the model's own. @returns {number | null} */
  get rebalance() {
    return this.#number("rebalance");
  }
  set rebalance(/** @type {number | null} */ value) {
    this.#set("rebalance", value);
  }

  /** Factor on chroma, 0 to 2; null: 1. @returns {number | null} */
  get saturation() {
    return this.#number("saturation");
  }
  set saturation(/** @type {number | null} */ value) {
    this.#set("saturation", value);
  }

  /** -1 (a cool day's light) to 1 (a warm one's); null: 0. @returns {number | null} */
  get warmth() {
    return this.#number("warmth");
  }
  set warmth(/** @type {number | null} */ value) {
    this.#set("warmth", value);
  }

  /** The four settings together; those that are absent are the model's own. @returns {Partial<Tone>} */
  get tone() {
    return Object.fromEntries(TONE_NAMES.filter((name) => this[name] !== null).map((name) => [name, this[name]]));
  }
  set tone(/** @type {Partial<Tone>} */ tone) {
    for (const name of TONE_NAMES) this[name] = tone[name] ?? null;
  }

  /**
   * Absent (null): the picture alone; empty: everything; else some of `choose compare zoom tone save`.
   *
   * @returns {string | null}
   */
  get controls() {
    return this.getAttribute("controls");
  }
  set controls(/** @type {string | boolean | null} */ value) {
    this.#set("controls", value === true ? "" : value === false ? null : value);
  }

  /** How before and after are shown. @returns {Mode} */
  get mode() {
    return oneOf(MODES, this.getAttribute("mode"), "slider");
  }
  set mode(/** @type {Mode} */ value) {
    this.#set("mode", value);
  }

  /** Type of the value and of what is saved. @returns {FileType} */
  get type() {
    return this.getAttribute("type") === "image/jpeg" ? "image/jpeg" : "image/png";
  }
  set type(/** @type {FileType} */ value) {
    this.#set("type", value);
  }

  /** What the photograph shows, for those who do not see it. */
  get alt() {
    return this.getAttribute("alt") ?? "";
  }
  set alt(/** @type {string} */ value) {
    this.#set("alt", value);
  }

  /** The value's name in a form. */
  get name() {
    return this.getAttribute("name") ?? "";
  }
  set name(/** @type {string} */ value) {
    this.#set("name", value);
  }

  get disabled() {
    return this.hasAttribute("disabled");
  }
  set disabled(/** @type {boolean} */ on) {
    this.toggleAttribute("disabled", on);
  }

  /** Whether the form wants a photograph. */
  get required() {
    return this.hasAttribute("required");
  }
  set required(/** @type {boolean} */ on) {
    this.toggleAttribute("required", on);
  }
}
