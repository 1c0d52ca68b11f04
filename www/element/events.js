/** The element's states and events. */

/** @typedef {import("../autochrome.js").Colorization} Colorization */
/** @typedef {import("../autochrome.js").AutochromeError} AutochromeError */
/** @typedef {import("../autochrome.js").Progress} Progress */
/** @typedef {import("../autochrome.js").PhotoSource} PhotoSource */
/** @typedef {import("../autochrome.js").DeviceInfo} DeviceInfo */
/** @typedef {import("./viewer.js").Point} Point */
/** @typedef {"empty" | "loading" | "colorizing" | "done" | "failed"} State */
/** @typedef {{ source: PhotoSource | string }} StartDetail */
/**
 * @typedef {{ colorization: Colorization, width: number, height: number, device: DeviceInfo, milliseconds:
 *   number }} DoneDetail
 */
/** @typedef {{ error: AutochromeError }} ErrorDetail */
/** @typedef {{ side: number }} DrawnDetail longest side, in pixels */
/** @typedef {{ zoom: number, fitted: boolean }} ZoomDetail screen pixels for a pixel of the photograph */
/**
 * @typedef {{
 *   "colorize-start": CustomEvent<StartDetail>,
 *   "colorize-progress": CustomEvent<Progress>,
 *   "colorize-done": CustomEvent<DoneDetail>,
 *   "colorize-error": CustomEvent<ErrorDetail>,
 *   "colorize-drawn": CustomEvent<DrawnDetail>,
 *   "colorize-zoom": CustomEvent<ZoomDetail>,
 *   "colorize-point": CustomEvent<Point>,
 * }} PhotoColorizerEvents
 */
export {};
