/** The device that an engine runs on, and why that one. */

import { failure } from "./failure.js";

/** @typedef {import("../protocol.js").DeviceWish} DeviceWish */
/** @typedef {{ kind: "webgpu" | "cpu", name?: string, code: import("../protocol.js").DeviceReason, detail?: string }} Choice */
/**
 * What browsers say of an adapter, each in its own way: Chromium all of it, Safari at times nothing.
 * @typedef {{ vendor?: string, architecture?: string, device?: string, description?: string }} Names
 * @typedef {{ info?: Names & { isFallbackAdapter?: boolean }, isFallbackAdapter?: boolean }} Adapter
 */

/** Programs that do a GPU's work on the processor, by the names that drivers give them. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b/i;

/** @param {Adapter} adapter */
function describe({ info = {}, isFallbackAdapter = info.isFallbackAdapter }) {
  const { vendor, architecture, device, description } = info;
  const names = [vendor, architecture, device, description].filter(Boolean);
  return {
    name: description || [vendor, architecture].filter(Boolean).join(" ") || "unnamed adapter",
    software: isFallbackAdapter || SOFTWARE.test(names.join(" ")),
  };
}

/**
 * An adapter of software does what the CPU's engine does, ten times slower: it serves whoever asks for
 * WebGPU by name.
 * @param {DeviceWish} wish
 * @param {{ requestAdapter: (options: GPURequestAdapterOptions) => Promise<Adapter | null> } | undefined} gpu
 *   the browser's WebGPU
 * @returns {Promise<Choice>}
 */
export async function chooseDevice(wish, gpu) {
  if (wish === "cpu") return { kind: "cpu", code: "asked-for" };
  const choice = gpu ? await choiceOf(gpu) : cpu("no-webgpu");
  if (wish === "auto") return choice.code === "software-adapter" ? cpu("only-software") : choice;
  if (choice.kind === "webgpu") return choice;
  throw failure("no-device", `There is no WebGPU (${choice.detail ?? choice.code}). Use device "auto" or "cpu".`);
}

/** @param {NonNullable<Parameters<typeof chooseDevice>[1]>} gpu @returns {Promise<Choice>} */
async function choiceOf(gpu) {
  try {
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) return cpu("no-adapter");
    const { name, software } = describe(adapter);
    return { kind: "webgpu", name, code: software ? "software-adapter" : "adapter" };
  } catch (error) {
    return cpu("webgpu-failed", error);
  }
}

/** @param {Choice["code"]} code @param {unknown} [error] @returns {Choice} */
export function cpu(code, error) {
  if (error === undefined) return { kind: "cpu", code };
  return { kind: "cpu", code, detail: error instanceof Error ? error.message : String(error) };
}
