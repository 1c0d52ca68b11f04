/**
 * Calls of the engine that are on their way, each with what the page does until they are there.
 * With the last of them this file goes.
 */

/** @typedef {import("../autochrome.js").Colorizer} Colorizer */
/** @typedef {import("../autochrome.js").Colorization} Colorization */
/** @typedef {import("../autochrome.js").Tone & { warmth?: number }} Tone */
/** @typedef {{ plane: ImageData | null, top: { css: string, a: number, b: number, p: number }[], confidence: number, lightness: number }} Reading */
/** @typedef {{ add: (name: string, blob: Blob, work?: { signal?: AbortSignal }) => Promise<void>, finish: (work?: { signal?: AbortSignal }) => Promise<Blob>, dispose: () => void }} Archive */

/** @param {object} object @param {string} name */
export const has = (object, name) => name in object;

/** @param {Colorization} colorization @returns {boolean} */
export const isColour = (colorization) => Boolean(/** @type {any} */ (colorization).isColour);

/** @param {Colorization} colorization @param {Partial<Tone>} tone @returns {Promise<{ meanAb: number, psnr: number }>} */
export const colourError = (colorization, tone) => /** @type {any} */ (colorization).colourError(tone);

/** @param {Colorization} colorization @param {Partial<Tone> & { maxSide: number }} options @returns {Promise<ImageData>} */
export const confidence = (colorization, options) => /** @type {any} */ (colorization).confidence(options);

/** @param {Colorization} colorization @param {number} x @param {number} y @param {Partial<Tone>} tone @returns {Promise<Reading>} */
export async function inspectAt(colorization, x, y, tone) {
  if (has(colorization, "inspectAt")) return /** @type {any} */ (colorization).inspectAt(x, y, tone);
  const shares = (await colorization.distributionAt(x, y, tone)).sort((one, other) => other.p - one.p);
  const top = shares.slice(0, 6).map(({ a, b, p }) => ({ css: `lab(60% ${a} ${b})`, a, b, p }));
  return { plane: null, top, confidence: top[0]?.p ?? 0, lightness: 60 };
}

/** @param {Colorizer} engine @param {HTMLVideoElement} video @param {Partial<Tone> & { maxSide: number }} options @returns {Promise<ImageData>} */
export async function colorizeFrame(engine, video, options) {
  if (has(engine, "colorizeFrame")) return /** @type {any} */ (engine).colorizeFrame(video, options);
  const { videoWidth: width, videoHeight: height } = video;
  const scale = Math.min(1, options.maxSide / Math.max(width, height));
  const frame = await createImageBitmap(video, { resizeWidth: Math.max(1, Math.round(width * scale)), resizeHeight: Math.max(1, Math.round(height * scale)) });
  const colorization = await engine.colorize(frame);
  try {
    return await colorization.render(options);
  } finally {
    colorization.dispose();
  }
}

/** @param {Colorizer} engine @returns {Archive} */
export const archive = (engine) => /** @type {any} */ (engine).archive();
