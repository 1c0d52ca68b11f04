/**
 * The page's words. English stands in index.html; the messages of the visitor's language replace it,
 * and whatever is said later is said in it. A change of language says everything anew.
 */

import { messages } from "../assets.js";

/** The languages there are messages in, by their own names. */
export const LANGUAGES = /** @type {const} */ ({
  en: "English",
  de: "Deutsch",
  es: "Español",
  fr: "Français",
  ja: "日本語",
  ko: "한국어",
  "zh-Hans": "简体中文",
  ar: "العربية",
});

/** @typedef {keyof typeof LANGUAGES} Language */
/** @typedef {string | { [category: string]: string }} Message a sentence, or one for each plural category of `count` */
/** @typedef {{ value: number } & Intl.NumberFormatOptions} Measure */
/** @typedef {{ message: string, values?: Values }} Inner */
/** @typedef {{ [name: string]: string | number | Measure | Inner }} Values */

const RIGHT_TO_LEFT = ["ar"];
const REMEMBERED = "autochrome-language";

/** @type {Language} */
let current = "en";
/** @type {Record<string, Message> | null} */
let words = null;

/**
 * What has been said where, to be said again in another language.
 *
 * @type {Map<Element, Map<string, { key: string, values: Values }>>}
 */
const said = new Map();

/** @param {number} value @param {Intl.NumberFormatOptions} [options] */
export function number(value, options = { maximumFractionDigits: 2 }) {
  return new Intl.NumberFormat(current, options).format(value);
}

/** @param {number} value @param {number} [digits] @returns {Measure} */
export const percent = (value, digits = 0) => ({ value, style: "percent", maximumFractionDigits: digits });

/** @param {Values[string]} value */
function written(value) {
  if (typeof value === "number") return number(value);
  if (typeof value === "object") {
    if ("message" in value) return text(value.message, value.values);
    const { value: amount, ...options } = value;
    return number(amount, options);
  }
  // A file's name keeps its own direction.
  return document.documentElement.dir === "rtl" ? `\u2068${value}\u2069` : value;
}

/** A message in the page's language. @param {string} key @param {Values} [values] @returns {string} */
export function text(key, values = {}) {
  let message = words?.[key];
  if (message === undefined) return "";
  if (typeof message === "object") {
    const count = Number(values["count"] ?? 0);
    message = message[new Intl.PluralRules(current).select(count)] ?? message["other"] ?? "";
  }
  return message
    .replace(/\{(\w+)\}/g, (whole, name) => (values[name] === undefined ? whole : written(values[name])))
    .trim();
}

/** @param {Element} element @param {string} attribute @param {string} key @param {Values} values */
function put(element, attribute, key, values) {
  if (!words) return;
  const now = text(key, values);
  if (attribute) element.setAttribute(attribute, now);
  else if (element.textContent !== now) element.textContent = now;
}

/**
 * Says a message in an element, or in an attribute of it, and again when the language changes.
 * @param {Element} element @param {string} key @param {Values} [values] @param {string} [attribute]
 */
export function say(element, key, values = {}, attribute = "") {
  const here = said.get(element) ?? new Map();
  said.set(element, here.set(attribute, { key, values }));
  put(element, attribute, key, values);
}

/** Says nothing there any more. @param {Element} element */
export function unsay(element) {
  said.get(element)?.delete("");
  element.textContent = "";
}

/** Forgets elements that have left the page. @param {Element} root */
export function forget(root) {
  for (const element of said.keys()) if (root.contains(element)) said.delete(element);
}

const PREFIX = "data-message";

/** Takes up the elements that name their messages. @param {ParentNode} root */
function adopt(root) {
  for (const element of root.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      if (name.startsWith(PREFIX)) say(element, value, {}, name.slice(PREFIX.length + 1));
    }
  }
}

/** @param {string} wish @returns {wish is Language} */
const known = (wish) => wish in LANGUAGES;

/** The first of the wishes that there are messages in. @param {readonly string[]} wishes @returns {Language} */
export function choose(wishes) {
  for (const wish of wishes) {
    const { language, script } = new Intl.Locale(wish).maximize();
    const name = language === "zh" ? `zh-${script}` : language;
    if (known(name)) return name;
  }
  return "en";
}

/** @param {Language} language */
async function speak(language) {
  const next = await messages(language);
  [words, current] = [next, language];
  document.documentElement.lang = language;
  document.documentElement.dir = RIGHT_TO_LEFT.includes(language) ? "rtl" : "ltr";
  for (const [element, sayings] of said)
    for (const [attribute, { key, values }] of sayings) put(element, attribute, key, values);
}

/** Remembered is only what was chosen by hand. */
function remembered() {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    // The visitor allows no storage.
    return null;
  }
}

/** Turns the page into the visitor's language and fills the chooser. @param {HTMLSelectElement} chooser */
export async function start(chooser) {
  for (const [language, name] of Object.entries(LANGUAGES)) {
    const option = new Option(name, language);
    option.lang = language;
    chooser.add(option);
  }
  adopt(document);
  const kept = remembered();
  const first = kept && known(kept) ? kept : choose(navigator.languages);
  chooser.value = first;
  chooser.addEventListener("change", async () => {
    const wish = chooser.value;
    if (!known(wish)) return;
    await speak(wish).catch(() => (chooser.value = current));
    try {
      localStorage.setItem(REMEMBERED, wish);
    } catch {
      // The choice holds for this visit.
    }
  });
  await speak(first).catch(() => speak("en"));
}
