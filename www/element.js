/// <reference path="./element/tag.d.ts" preserve="true" />
/**
 * Defines `<photo-colorizer>`, where elements can be defined and the name is free: of two versions on
 * one page the first keeps it, and `define` gives the other a name of its own.
 */

import { PhotoColorizer } from "./element/photo-colorizer.js";

export * from "./autochrome.js";
export { PhotoColorizer };

/** @typedef {import("./element/events.js").PhotoColorizerEvents} PhotoColorizerEvents */
/** @typedef {import("./element/events.js").State} State */
/** @typedef {import("./element/viewer.js").Mode} Mode */
/** @typedef {import("./element/attributes.js").FileType} FileType */

/**
 * Defines the element under a name. A name that is taken stays what it is.
 *
 * @param {string} [name]
 * @returns {boolean} whether it is ours now
 */
export function define(name = "photo-colorizer") {
  if (!globalThis.customElements) return false;
  if (customElements.get(name)) return customElements.get(name) === PhotoColorizer;
  try {
    customElements.define(name, PhotoColorizer);
  } catch {
    // A class has one name: this version's element has its own already.
    customElements.define(name, class extends PhotoColorizer {});
  }
  return true;
}

define();
