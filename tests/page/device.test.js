/** Which device is taken, by what browsers say of their adapters. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { chooseDevice } from "../../www/worker/device.js";

/** @typedef {import("../../www/worker/device.js").Adapter} Adapter */

/** @param {Adapter | null} adapter */
const gpu = (adapter) => ({ requestAdapter: async () => adapter });

/** As browsers have been seen to describe programs that stand in for a GPU. @type {Record<string, Adapter>} */
const SOFTWARE = {
  "Chromium's SwiftShader": { info: { vendor: "google", architecture: "swiftshader", device: "", description: "" } },
  "Mesa's llvmpipe": { info: { vendor: "mesa", description: "llvmpipe (LLVM 15.0.6, 256 bits)" } },
  "Mesa's lavapipe": { info: { vendor: "mesa", device: "lavapipe" } },
  "Windows' WARP": { info: { vendor: "microsoft", architecture: "warp" } },
  "Windows' WARP, by its driver": { info: { description: "Microsoft Basic Render Driver" } },
  "an adapter that says so": { info: { vendor: "other", isFallbackAdapter: true } },
  "an adapter that says so beside its info": { info: { vendor: "other" }, isFallbackAdapter: true },
};

/** @type {Record<string, [Adapter, string]>} */
const HARDWARE = {
  "a GPU's": [{ info: { vendor: "nvidia", architecture: "ampere", isFallbackAdapter: false } }, "nvidia ampere"],
  "one with a description": [{ info: { vendor: "amd", description: "Radeon" } }, "Radeon"],
  "one without any field, as Safari's was": [{}, "unnamed adapter"],
  "one with empty fields": [{ info: { vendor: "", architecture: "", description: "" } }, "unnamed adapter"],
  "one whose name has warp in it": [{ info: { vendor: "warpdrive" } }, "warpdrive"],
};

describe("auto", () => {
  for (const [name, adapter] of Object.entries(SOFTWARE)) {
    test(`takes the CPU in place of ${name}`, async () => {
      assert.deepEqual(await chooseDevice("auto", gpu(adapter)), { kind: "cpu", code: "only-software" });
    });
  }

  for (const [name, [adapter, shown]] of Object.entries(HARDWARE)) {
    test(`takes WebGPU with ${name}`, async () => {
      assert.deepEqual(await chooseDevice("auto", gpu(adapter)), { kind: "webgpu", name: shown, code: "adapter" });
    });
  }

  test("takes the CPU where there is no WebGPU, no adapter, or an error", async () => {
    assert.deepEqual(await chooseDevice("auto", undefined), { kind: "cpu", code: "no-webgpu" });
    assert.deepEqual(await chooseDevice("auto", gpu(null)), { kind: "cpu", code: "no-adapter" });
    const broken = { requestAdapter: () => Promise.reject(new Error("blocked")) };
    assert.deepEqual(await chooseDevice("auto", broken), { kind: "cpu", code: "webgpu-failed", detail: "blocked" });
  });
});

describe("by name", () => {
  test("WebGPU is taken, software too", async () => {
    const { kind, code } = await chooseDevice("webgpu", gpu({ info: { architecture: "swiftshader" } }));
    assert.deepEqual([kind, code], ["webgpu", "software-adapter"]);
  });

  test("WebGPU that is not there is an error that says why", async () => {
    const refused = { code: "no-device" };
    await assert.rejects(chooseDevice("webgpu", gpu(null)), { ...refused, message: /\(no-adapter\)\. Use / });
    await assert.rejects(chooseDevice("webgpu", undefined), { ...refused, message: /\(no-webgpu\)\. Use / });
  });

  test("the CPU asks for no adapter", async () => {
    const never = { requestAdapter: () => assert.fail("an adapter was asked for") };
    assert.deepEqual(await chooseDevice("cpu", never), { kind: "cpu", code: "asked-for" });
  });
});
