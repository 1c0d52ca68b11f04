/** The engine that works: how it is started, what it runs, and who takes over where the GPU fails. */

import { engineWasm } from "../assets.js";
import { codeOf, failure } from "./failure.js";
import { locate } from "../parts.js";
import { chooseDevice, cpu } from "./device.js";
import { ModelSource } from "./model-source.js";

/** @typedef {import("../protocol.js").EngineInfo} EngineInfo */
/** @typedef {import("../protocol.js").DeviceState} DeviceState */
/** @typedef {import("../protocol.js").DeviceWish} DeviceWish */
/** @typedef {import("../protocol.js").LoadOptions} LoadOptions */
/** @typedef {import("./device.js").Choice} Choice */
/** @typedef {import("./rpc.js").Tick} Tick */
/** @typedef {typeof import("../engine/cpu/autochrome.js")} CpuEngine */
/**
 * What both engines export.
 * @typedef {"Engine" | "ModelBytes" | "Pixels" | "PhotoFile" | "ArchiveWriter" | "decodesHere"} Exported
 * @typedef {Pick<CpuEngine, Exported>} Bindings
 * @typedef {{ module_or_path: Promise<Response> }} Compiled
 * @typedef {Bindings & { default: (from: Compiled) => Promise<unknown>, warmUp: () => Promise<void> }} Code
 */
/** A model, and the licence that the list of shipped models names. @typedef {{ bytes: ModelSource, license: string }} Model */
/** @typedef {{ bindings: Bindings, engine: import("../engine/cpu/autochrome.js").Engine, info: EngineInfo }} Open */

/** @type {Record<"webgpu" | "cpu", { code: () => Promise<Code>, wasm: () => Promise<Response> }>} */
const ENGINES = {
  webgpu: { code: () => import("../engine/gpu/autochrome.js"), wasm: () => engineWasm("gpu") },
  cpu: { code: () => import("../engine/cpu/autochrome.js"), wasm: () => engineWasm("cpu") },
};

/**
 * The model that was asked for: a file at hand, an address, or the first of the manifest.
 * @param {LoadOptions} options
 * @param {Tick} tick
 * @returns {Promise<Model>}
 */
async function modelOf({ model, sha256 }, tick) {
  if (model instanceof Blob) return { bytes: new ModelSource(model, { sha256 }), license: "" };
  if (model) {
    const url = new URL(model, self.location.href).href;
    return { bytes: await ModelSource.from({ url, sha256 }, tick), license: "" };
  }
  const manifest = await shipped({ file: "manifest.json" }, () => false);
  const [first] = JSON.parse(await (await manifest.whole()).text()).models;
  return { bytes: await shipped(first, tick), license: first.license.id };
}

/**
 * A file of `models/`.
 * @param {{ file: string, bytes?: number, sha256?: string }} entry
 * @param {Tick} tick
 */
async function shipped({ file, bytes, sha256 }, tick) {
  const part = await locate(`models/${file}`);
  if (part instanceof Blob) return new ModelSource(part, { sha256 });
  return ModelSource.from({ url: part.href, bytes, sha256 }, tick);
}

/**
 * @param {Bindings} bindings
 * @param {ModelSource} source
 * @param {Tick} tick
 */
async function loadModel(bindings, source, tick) {
  const bytes = await source.read(
    (size) => new bindings.ModelBytes(size),
    (done) => tick("engine", done * 0.5),
  );
  tick("engine", 0.5);
  const engine = await bindings.Engine.load(bytes, source.sha256);
  tick("engine", 1);
  // Nobody waits for the disk.
  source.accepted();
  return engine;
}

/**
 * @param {"webgpu" | "cpu"} kind
 * @param {Promise<Model>} asked
 * @param {Tick} tick
 */
async function startEngine(kind, asked, tick) {
  const code = async () => {
    const bindings = await ENGINES[kind].code();
    await bindings.default({ module_or_path: ENGINES[kind].wasm() });
    await bindings.warmUp();
    return bindings;
  };
  const [bindings, model] = await Promise.all([code(), asked]);
  try {
    return { bindings, model, engine: await loadModel(bindings, model.bytes, tick) };
  } catch (error) {
    if (codeOf(error) !== "model-integrity") throw error;
    const bytes = await model.bytes.refused(tick);
    if (!bytes) throw error;
    return { bindings, model: { ...model, bytes }, engine: await loadModel(bindings, bytes, tick) };
  }
}

export class EngineHost {
  /** @type {(Open & { model: Model, wish: DeviceWish }) | null} */
  #open = null;
  /** Whether the engine that works, or is being readied, is the GPU's. */
  #usesGpu = false;
  /** Why the GPU's engine is not asked again. @type {unknown} */
  #gpuFailure = null;
  /** Ends what waits for the engine. @type {(reason: Error) => void} */
  #report = () => {};
  #changed;

  /** @param {(device: DeviceState) => void} changed hears when the CPU has taken over; all that the GPU held is gone */
  constructor(changed) {
    this.#changed = changed;
  }

  /** @param {LoadOptions} options @param {Tick} tick @returns {Promise<EngineInfo>} */
  async load(options, tick) {
    const choice = await chooseDevice(options.device, navigator.gpu);
    return this.#start(choice, options.device, modelOf(options, tick), tick);
  }

  /** @returns {Open} */
  opened() {
    if (!this.#open) throw failure("no-device", "The engine is not loaded. Call Colorizer.load first.");
    return this.#open;
  }

  /** Whether the CPU would take over from the engine that is open. */
  get replaceable() {
    return this.#open?.info.device.kind === "webgpu" && this.#open.wish !== "webgpu";
  }

  /**
   * Runs work on the engine. Where the GPU fails it, the CPU takes over and does the work anew.
   * @template T
   * @param {(open: Open) => Promise<T>} work
   * @param {Tick} tick
   * @returns {Promise<T>}
   */
  async run(work, tick) {
    this.opened();
    try {
      return await this.#unlessFailed(() => work(this.opened()));
    } catch (error) {
      const lost = error instanceof WebAssembly.RuntimeError || codeOf(error) === "device-lost";
      if (!lost || !this.#open || !this.replaceable) throw error;
      const { wish, model } = this.#open;
      const { device } = await this.#start(this.#leaveGpu(error), wish, Promise.resolve(model), tick);
      this.#changed(device);
      return this.#unlessFailed(() => work(this.opened()));
    }
  }

  /**
   * A pipeline that cannot be made, memory that is not there: WebGPU says so in an event, at times after
   * the call that it spoiled, and once for each thing that fails. The engine stops there, and what was
   * asked of it is never answered, or wrongly. The CPU's engine stops likewise where its code fails.
   */
  hearTrouble() {
    // Once the CPU has taken over, it is the GPU that still complains.
    if (this.#gpuFailure && !this.#usesGpu) return;
    const trouble = failure("device-lost", `the ${this.#usesGpu ? "GPU" : "engine"} reported an error`);
    if (this.#usesGpu) this.#gpuFailure ??= trouble;
    this.#report(trouble);
  }

  /** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
  #unlessFailed(work) {
    return new Promise((resolve, reject) => {
      if (this.#usesGpu && this.#gpuFailure) throw this.#gpuFailure;
      this.#report = reject;
      work().then(resolve, reject);
    });
  }

  /** @param {unknown} error */
  #leaveGpu(error) {
    this.#usesGpu = false;
    this.#gpuFailure ??= error;
    return cpu("webgpu-failed", error);
  }

  /**
   * @param {Choice} choice
   * @param {DeviceWish} wish
   * @param {Promise<Model>} model
   * @param {Tick} tick
   */
  async #start(choice, wish, model, tick) {
    let chosen = choice;
    let started;
    this.#usesGpu = choice.kind === "webgpu";
    try {
      try {
        started = await this.#unlessFailed(() => startEngine(choice.kind, model, tick));
      } catch (error) {
        const hopeless = /^(aborted|model-)/.test(codeOf(error) ?? "");
        if (choice.kind === "cpu" || wish === "webgpu" || hopeless) throw error;
        chosen = this.#leaveGpu(error);
        started = await this.#unlessFailed(() => startEngine("cpu", model, tick));
      }
      const { license, ...described } = started.engine.describe();
      const { kind, code, detail = "" } = chosen;
      const device = { kind, name: chosen.name ?? described.device.name, code, detail };
      const info = { ...described, device, license: { id: started.model.license, text: license } };
      this.#open = { ...started, info, wish };
      return this.#open.info;
    } finally {
      // Where nothing could be started, the engine is the one before, and the next call tries again.
      this.#usesGpu = this.#open?.info.device.kind === "webgpu";
    }
  }
}
