/** What the visitor wants of a file. */

import { element } from "./elements.js";
import { percent, say } from "./language.js";

/** @typedef {import("../element/files.js").Type} Type */

const ui = {
  quality: element("quality", HTMLInputElement),
  qualityValue: element("quality-value", HTMLOutputElement),
  removeLocation: element("remove-location", HTMLInputElement),
  aiMark: element("ai-mark", HTMLInputElement),
  zipJpeg: element("zip-jpeg", HTMLInputElement),
};

/** @param {Type} type */
export function options(type) {
  const quality = type === "image/jpeg" ? { quality: Number(ui.quality.value) } : {};
  return { type, ...quality, removeLocation: ui.removeLocation.checked, aiMark: ui.aiMark.checked };
}

/** @returns {Type} */
export const zipType = () => (ui.zipJpeg.checked ? "image/jpeg" : "image/png");

const showQuality = () => say(ui.qualityValue, "value", { value: percent(Number(ui.quality.value)) });
ui.quality.addEventListener("input", showQuality);
showQuality();
