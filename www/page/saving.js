/** What the visitor wants of a file. */

import { element } from "./elements.js";
import { percent, say } from "./language.js";

/** @typedef {import("../element/files.js").Type} Type */

const ui = {
  quality: element("quality", HTMLInputElement),
  qualityValue: element("quality-value", HTMLOutputElement),
  removeLocation: element("remove-location", HTMLInputElement),
  aiMark: element("ai-mark", HTMLInputElement),
  zipFormat: element("zip-format", HTMLSelectElement),
  png: element("save-png", HTMLButtonElement),
  jpeg: element("save-jpeg", HTMLButtonElement),
};

/** The format that a photograph came in, as far as it is written here. @param {{ file: Blob, name: string }} photograph @returns {Type} */
export const typeOf = ({ file, name }) =>
  file.type === "image/jpeg" || (!file.type && /\.jpe?g$/i.test(name)) ? "image/jpeg" : "image/png";

/** Brings forward the format that a photograph came in. @param {{ file: Blob, name: string }} photograph */
export function propose(photograph) {
  const type = typeOf(photograph);
  ui.png.classList.toggle("button", type === "image/png");
  ui.jpeg.classList.toggle("button", type === "image/jpeg");
}

/** @param {Type} type */
export function options(type) {
  const quality = type === "image/jpeg" ? { quality: Number(ui.quality.value) } : {};
  return { type, ...quality, removeLocation: ui.removeLocation.checked, aiMark: ui.aiMark.checked };
}

/** The format of a photograph in the ZIP. @param {{ file: Blob, name: string }} photograph @returns {Type} */
export function zipType(photograph) {
  const wish = ui.zipFormat.value;
  return wish === "image/jpeg" || wish === "image/png" ? wish : typeOf(photograph);
}

const showQuality = () => say(ui.qualityValue, "value", { value: percent(Number(ui.quality.value)) });
ui.quality.addEventListener("input", showQuality);
showQuality();
