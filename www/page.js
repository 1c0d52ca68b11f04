/** The page: takes a photograph, shows how far it is, shows it in colour, saves it. */

import { sample } from "./assets.js";
import { AutochromeError, Colorizer } from "./autochrome.js";

/** Longest side shown; files are saved at full size. */
const PREVIEW = 1600;

/** Weights of the stages in the bar: how long each takes, roughly. */
const STAGES = /** @type {const} */ ({
  download: { text: "Downloading the model", from: 0, to: 0.3 },
  engine: { text: "Starting the engine", from: 0.3, to: 0.35 },
  decode: { text: "Reading the photograph", from: 0.35, to: 0.45 },
  prepare: { text: "Preparing", from: 0.45, to: 0.5 },
  network: { text: "Imagining colours", from: 0.5, to: 0.9 },
  render: { text: "Colouring", from: 0.9, to: 1 },
});

/** @template {Element} T @param {string} id @param {new () => T} type @returns {T} */
function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`#${id} is missing`);
  return found;
}

const ui = {
  file: element("file", HTMLInputElement),
  alert: element("alert", HTMLElement),
  work: element("work", HTMLElement),
  progress: element("progress", HTMLProgressElement),
  stage: element("stage", HTMLElement),
  cancel: element("cancel", HTMLButtonElement),
  status: element("status", HTMLElement),
  result: element("result", HTMLElement),
  before: element("before", HTMLCanvasElement),
  after: element("after", HTMLCanvasElement),
  size: element("size", HTMLElement),
  device: element("device", HTMLElement),
  terms: element("terms", HTMLElement),
  model: element("model", HTMLInputElement),
  shippedModel: element("shipped-model", HTMLButtonElement),
  reset: element("reset", HTMLButtonElement),
  savePng: element("save-png", HTMLButtonElement),
  saveJpeg: element("save-jpeg", HTMLButtonElement),
};

const sliders = /** @type {const} */ (["temperature", "rebalance", "saturation"]).map((name) => ({
  name,
  input: element(name, HTMLInputElement),
  output: element(`${name}-value`, HTMLOutputElement),
}));

/** What a slider does, and why it may have nothing to do. */
const HELP = {
  temperature: { moves: element("temperature-help", HTMLElement).textContent, rests: "This model predicts one colour for each place: there is nothing to choose from." },
  rebalance: { moves: element("rebalance-help", HTMLElement).textContent, rests: "This model does not say how far rare colours were preferred when it was trained." },
};

/** `?device=cpu` or `?device=webgpu` overrides the choice. */
const wish = new URLSearchParams(location.search).get("device");
const device = wish === "cpu" || wish === "webgpu" ? wish : "auto";

/** A failed load is tried again with the next photograph. @type {Promise<Colorizer> | null} */
let loading = null;

/** The photograph on show; its colours live in the engine that made them. @type {{ colorization: import("./autochrome.js").Colorization, engine: Colorizer, photo: Blob, name: string } | null} */
let current = null;

/** Name of the visitor's own model file, if one is in use. @type {string | null} */
let ownModel = null;

/** The photograph being coloured. @type {AbortController | null} */
let work = null;

/** @param {import("./autochrome.js").Progress} progress */
function showProgress({ stage, done }) {
  const { text, from, to } = STAGES[stage];
  ui.progress.value = from + (to - from) * done;
  if (ui.stage.textContent !== text) ui.stage.textContent = text;
}

function colorizer() {
  loading ??= Colorizer.load({ device, onProgress: showProgress }).then(
    (loaded) => {
      showDevice(loaded);
      resetSliders(loaded);
      return loaded;
    },
    (error) => {
      loading = null;
      ui.device.textContent = "The engine is not running.";
      throw error;
    },
  );
  return loading;
}

/** @param {Colorizer} loaded */
function showDevice(loaded) {
  const { kind, name, reason } = loaded.device;
  ui.device.textContent = `Runs on ${kind === "webgpu" ? `WebGPU: ${name}` : "the CPU"} (${reason}).`;
  const { network, format, license, unused } = loaded.model;
  const model = ownModel === null ? `the shipped ${network}` : `${ownModel} (${network}, ${format})`;
  const terms = license ? ` ${license}.` : "";
  const rest = unused.length > 0 ? ` ${unused.length} of its tensors are not used, ${unused[0]} among them.` : "";
  ui.terms.textContent = `Model: ${model}.${terms}${rest}`;
  ui.shippedModel.hidden = ownModel === null;
}

/** @param {Colorizer} loaded */
function resetSliders(loaded) {
  for (const { name, input, output } of sliders) {
    input.value = String(loaded.defaults[name]);
    output.value = Number(input.value).toFixed(2);
  }
  const moves = { temperature: loaded.model.distribution, rebalance: loaded.model.rebalances };
  for (const name of /** @type {const} */ (["temperature", "rebalance"])) {
    element(name, HTMLInputElement).disabled = !moves[name];
    element(`${name}-help`, HTMLElement).textContent = moves[name] ? HELP[name].moves : HELP[name].rests;
  }
}

/** @returns {import("./autochrome.js").Tone} */
function tone() {
  const [temperature = 0, rebalance = 0, saturation = 0] = sliders.map(({ input }) => Number(input.value));
  return { temperature, rebalance, saturation };
}

/** @param {HTMLCanvasElement} canvas @param {ImageData} pixels */
function draw(canvas, pixels) {
  canvas.width = pixels.width;
  canvas.height = pixels.height;
  canvas.getContext("2d")?.putImageData(pixels, 0, 0);
}

/** @param {unknown} error */
function showError(error) {
  if (error instanceof AutochromeError && error.code === "aborted") return;
  ui.alert.textContent = error instanceof Error ? error.message : String(error);
  ui.alert.hidden = false;
}

/**
 * One piece of work with a bar and a way to cancel it. The newest wins.
 * @param {string} stopped what to say when it was cancelled
 * @param {(signal: AbortSignal) => Promise<void>} task
 */
async function withProgress(stopped, task) {
  work?.abort();
  const mine = new AbortController();
  work = mine;
  ui.alert.hidden = true;
  ui.work.hidden = false;
  ui.status.textContent = "";
  try {
    await task(mine.signal);
  } catch (error) {
    if (mine.signal.aborted && work === mine) ui.status.textContent = stopped;
    showError(error);
  } finally {
    if (work === mine) {
      work = null;
      ui.work.hidden = true;
    }
  }
}

/** @param {Blob} photo @param {string} name */
function open(photo, name) {
  return withProgress(`Stopped. ${name} was not coloured.`, async (signal) => {
    const engine = await untilAborted(colorizer(), signal);
    showProgress({ stage: "decode", done: 0 });
    const began = performance.now();
    const colorization = await engine.colorize(photo, { signal, onProgress: showProgress });
    try {
      showDevice(engine);
      const before = await colorization.original({ maxSide: PREVIEW, signal });
      const after = await colorization.render({ ...tone(), maxSide: PREVIEW, signal, onProgress: showProgress });
      draw(ui.before, before);
      draw(ui.after, after);
    } catch (error) {
      colorization.dispose();
      throw error;
    }
    current?.colorization.dispose();
    if (current && current.engine !== engine) current.engine.dispose();
    current = { colorization, engine, photo, name };
    ui.result.hidden = false;
    ui.size.textContent = `${colorization.width} × ${colorization.height} pixels`;
    ui.status.textContent = `${name} is in colour (${((performance.now() - began) / 1000).toFixed(1)} s).`;
  });
}

/**
 * Takes another model, or the shipped one, and colours the photograph on show with it. The old one
 * stays until the new one is there, and for good if it does not come.
 * @param {File | null} file
 */
async function useModel(file) {
  let changed = false;
  await withProgress("Stopped. The model was not changed.", async (signal) => {
    const next = await Colorizer.load({ model: file ?? undefined, device, signal, onProgress: showProgress });
    const old = await Promise.resolve(loading).catch(() => null);
    if (signal.aborted) {
      next.dispose();
      throw new AutochromeError("aborted", "Stopped.");
    }
    loading = Promise.resolve(next);
    ownModel = file?.name ?? null;
    showDevice(next);
    resetSliders(next);
    if (old && old !== current?.engine) old.dispose();
    changed = true;
    ui.status.textContent = `${ownModel ?? "The shipped model"} is in use.`;
  });
  if (changed && current) await open(current.photo, current.name);
}

/** @param {File} file */
function isModel(file) {
  return /\.(safetensors|pth|pt|ckpt|caffemodel)$/i.test(file.name);
}

/** @param {File} file */
function openFile(file) {
  return isModel(file) ? useModel(file) : open(file, file.name || "photograph");
}

/**
 * The engine goes on loading when one photograph is given up.
 * @template T @param {Promise<T>} promise @param {AbortSignal} signal @returns {Promise<T>}
 */
function untilAborted(promise, signal) {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(new AutochromeError("aborted", "Stopped.")), { once: true });
    promise.then(resolve, reject);
  });
}

/** The newest slider position wins; positions in between are skipped. */
let rendering = false;
let stale = false;

async function refresh() {
  stale = true;
  if (rendering) return;
  rendering = true;
  try {
    while (stale && current) {
      stale = false;
      draw(ui.after, await current.colorization.render({ ...tone(), maxSide: PREVIEW }));
    }
  } catch (error) {
    showError(error);
  } finally {
    rendering = false;
  }
}

/** @param {"image/png" | "image/jpeg"} type @param {string} extension */
function save(type, extension) {
  if (!current) return;
  const { colorization, name } = current;
  withProgress("Stopped. Nothing was saved.", async (signal) => {
    ui.stage.textContent = "Saving";
    const blob = await colorization.toBlob({ type, ...tone(), signal, onProgress: ({ done }) => (ui.progress.value = done) });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${name.replace(/\.[^.]*$/, "")}-colour.${extension}`;
    link.click();
    // The download reads the address after this turn.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    ui.status.textContent = `Saved ${link.download} (${(blob.size / 1e6).toFixed(1)} MB).`;
  });
}

/** @param {DataTransfer | null} data */
function openFirst(data) {
  const file = [...(data?.files ?? [])][0];
  if (file) openFile(file);
  return Boolean(file);
}

ui.file.addEventListener("change", () => {
  const file = ui.file.files?.[0];
  if (file) openFile(file);
  // The same file may be chosen again.
  ui.file.value = "";
});

ui.model.addEventListener("change", () => {
  const file = ui.model.files?.[0];
  if (file) useModel(file);
  ui.model.value = "";
});
ui.shippedModel.addEventListener("click", () => useModel(null));

for (const button of document.querySelectorAll("[data-sample]")) {
  button.addEventListener("click", async () => {
    const name = button.getAttribute("data-sample");
    ui.alert.hidden = true;
    try {
      await open(await sample(`${name}.jpg`), `${name}.jpg`);
    } catch (error) {
      showError(error);
    }
  });
}

addEventListener("paste", (event) => {
  if (openFirst(event.clipboardData)) event.preventDefault();
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (!openFirst(event.dataTransfer)) showError(new Error("That was no file. Drop a photograph from your disk."));
});

ui.cancel.addEventListener("click", () => work?.abort());
addEventListener("keydown", (event) => {
  if (event.key === "Escape") work?.abort();
});
for (const { input, output } of sliders) {
  input.addEventListener("input", () => {
    output.value = Number(input.value).toFixed(2);
    refresh();
  });
}
ui.reset.addEventListener("click", async () => {
  resetSliders(await colorizer());
  refresh();
});
ui.savePng.addEventListener("click", () => save("image/png", "png"));
ui.saveJpeg.addEventListener("click", () => save("image/jpeg", "jpg"));

// Fetch engine and model while the visitor looks for a photograph.
colorizer().catch(showError);
