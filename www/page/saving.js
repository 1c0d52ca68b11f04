/** Files for the visitor: one photograph, or all of them as a ZIP. */

import { element } from "./elements.js";
import { percent, say } from "./language.js";

/** @typedef {"image/png" | "image/jpeg"} Type */

const EXTENSIONS = { "image/png": "png", "image/jpeg": "jpg" };

const ui = {
  quality: element("quality", HTMLInputElement),
  qualityValue: element("quality-value", HTMLOutputElement),
  removeLocation: element("remove-location", HTMLInputElement),
  aiMark: element("ai-mark", HTMLInputElement),
  zipJpeg: element("zip-jpeg", HTMLInputElement),
};

/** What the visitor wants of a file. @param {Type} type */
export function options(type) {
  const quality = type === "image/jpeg" ? { quality: Number(ui.quality.value) } : {};
  return { type, ...quality, removeLocation: ui.removeLocation.checked, aiMark: ui.aiMark.checked };
}

/** @returns {Type} */
export const zipType = () => (ui.zipJpeg.checked ? "image/jpeg" : "image/png");

/** @param {string} name of the photograph @param {Type} type @param {Set<string>} [taken] names that are given already */
export function fileName(name, type, taken = new Set()) {
  const stem = `${name.replace(/\.[^.]*$/, "")}-colour`;
  let whole = `${stem}.${EXTENSIONS[type]}`;
  for (let next = 2; taken.has(whole); next++) whole = `${stem}-${next}.${EXTENSIONS[type]}`;
  taken.add(whole);
  return whole;
}

/** @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The download reads the address after this turn.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const showQuality = () => say(ui.qualityValue, "value", { value: percent(Number(ui.quality.value)) });
ui.quality.addEventListener("input", showQuality);
showQuality();
