/** Why a network runs where it does: codes, and what they say in English. */

/** @typedef {import("./protocol.js").DeviceReason} DeviceReason */

/** @type {Record<DeviceReason, string>} */
const SENTENCES = {
  "asked-for": "asked for",
  adapter: "an adapter was found",
  "software-adapter": "a software adapter was found",
  "only-software": "only a software adapter was found",
  "no-webgpu": "this browser has no WebGPU",
  "no-adapter": "WebGPU found no adapter",
  "webgpu-failed": "WebGPU failed",
};

/** @param {{ code: DeviceReason, detail?: string }} reason */
export const sentence = ({ code, detail }) => (detail ? `${SENTENCES[code]}: ${detail}` : SENTENCES[code]);
