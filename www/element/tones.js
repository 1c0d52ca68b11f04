/** The four settings of a rendering: ranges of their sliders, and what they are called. */

/** @typedef {import("../autochrome.js").Tone} Tone */
/** @typedef {keyof Tone} ToneName */

/** @type {Record<ToneName, { min: number, max: number, words: string }>} */
export const TONES = {
  temperature: { min: 0, max: 1, words: "Blend" },
  rebalance: { min: 0, max: 1, words: "Colour boldness" },
  saturation: { min: 0, max: 2, words: "Saturation" },
  warmth: { min: -1, max: 1, words: "Warmth" },
};

/** A slider's step: what the eye tells apart. */
export const STEP = 0.01;

export const TONE_NAMES = /** @type {ToneName[]} */ (Object.keys(TONES));
