/** The page: photographs come in, are coloured one after the other, are looked at and saved. */

import { untilAborted } from "./element/engines.js";
import { fileName, save as download } from "./element/files.js";
import { errorOf } from "./errors.js";
import { onUpdate, settle } from "./offline.js";
import * as alert from "./page/alert.js";
import { hideError, showError } from "./page/alert.js";
import * as camera from "./page/camera.js";
import "./page/compare.js";
import { element } from "./page/elements.js";
import * as engine from "./page/engine.js";
import * as inspector from "./page/inspector.js";
import * as intake from "./page/intake.js";
import * as language from "./page/language.js";
import { Colours, Photograph, Queue } from "./page/queue.js";
import * as rendering from "./page/rendering.js";
import * as saving from "./page/saving.js";
import { PageError, begin, hush, isAbort, offerUpdate, share, showProgress, tell } from "./page/status.js";
import * as strip from "./page/strip.js";
import * as tone from "./page/tone.js";
import * as undo from "./page/undo.js";

/** @typedef {import("./page/status.js").Task} Task */
/** @typedef {import("./autochrome.js").Progress} Progress */
/** @typedef {import("./autochrome.js").Colorizer} Colorizer */
/** @typedef {import("./autochrome.js").Colorization} Colorization */

/** A visitor who moves a slider is not made to wait for the next photograph of the queue. */
const PATIENCE = 800;

const ui = {
  result: element("result", HTMLElement),
  size: element("size", HTMLElement),
  resume: element("resume", HTMLButtonElement),
  retryAll: element("retry-all", HTMLButtonElement),
  applyAll: element("apply-all", HTMLButtonElement),
  saveAll: element("save-all", HTMLButtonElement),
  copy: element("copy", HTMLButtonElement),
  neutralize: element("neutralize", HTMLInputElement),
  /** What there is no use for before a photograph is in colour. */
  needs: [element("panel", HTMLElement), element("toolbar", HTMLElement)],
};

const colours = new Colours();

/** The photograph on show. @type {Photograph | null} */
let shown = null;
/** The queue's bar, from the first photograph to the last. @type {Task | null} */
let task = null;

const queue = new Queue({ colour, change, add, remove, rest });

/** Samples that are on their way: what is said of them has its place from the press on. */
let expected = 0;

/** The browser asks before what is not saved goes with the page. @param {Event} event */
const stay = (event) => event.preventDefault();

/** What depends on what the queue holds. */
function survey() {
  const lost = queue.photographs.some(({ unsaved }) => unsaved);
  // A page that listens all the time is not kept for the way back.
  if (lost) addEventListener("beforeunload", stay);
  else removeEventListener("beforeunload", stay);
  ui.resume.hidden = queue.in("cancelled").length === 0 || queue.in("working").length > 0;
  ui.retryAll.hidden = queue.in("failed").length < 2;
  ui.applyAll.hidden = queue.photographs.length < 2;
  ui.saveAll.hidden = queue.photographs.filter(({ coloured }) => coloured).length < 2;
  element("queue", HTMLElement).hidden = queue.photographs.length === 0;
  ui.result.hidden = queue.photographs.length === 0 && expected === 0;
  for (const part of ui.needs) part.inert = shown === null;
}

/** @param {Photograph} photograph @param {AbortSignal} signal */
async function colour(photograph, signal) {
  task ??= begin(() => queue.cancelAll());
  if (!photograph.coloured) fresh.add(photograph);
  task.count(queue.photographs.length - queue.in("waiting").length, queue.photographs.length);
  const onProgress = (/** @type {Progress} */ progress) => {
    photograph.progress = share(progress);
    strip.progress(photograph);
    showProgress(progress);
  };
  onProgress({ stage: "decode", done: 0 });
  const began = performance.now();
  await withColours(photograph, signal, onProgress, async (colorization, working) => {
    if (photograph !== queue.wanted && shown !== null) {
      const pixels = await colorization.render({ ...photograph.tone, maxSide: strip.THUMBNAIL, signal });
      strip.show(photograph, pixels);
      return;
    }
    await rendering.show(colorization, photograph.tone ?? {}, signal);
    colours.keep(photograph, colorization, working);
    retire();
    queue.wanted = null;
    stand(photograph, colorization);
    const seconds = (performance.now() - began) / 1000;
    tell("in-colour", {
      name: photograph.name,
      seconds: { value: seconds, style: "unit", unit: "second", maximumFractionDigits: 1 },
    });
  });
}

/**
 * Uses a photograph's colours: those that are kept, else it is coloured anew. They are freed afterwards
 * unless they are kept by then.
 * @template T
 * @param {Photograph} photograph
 * @param {AbortSignal} signal
 * @param {(progress: Progress) => void} onProgress
 * @param {(colorization: Colorization, working: Colorizer) => Promise<T>} use
 */
async function withColours(photograph, signal, onProgress, use) {
  const working = await untilAborted(engine.colorizer(), signal);
  const kept = colours.of(photograph, working);
  if (kept) return use(kept, working);
  const { neutralize } = photograph;
  const colorization = await working.colorize(photograph.file, { neutralize, signal, onProgress });
  try {
    return await use(colorization, working);
  } finally {
    if (colours.of(photograph, working) !== colorization) colorization.dispose();
  }
}

/** The photograph is on show now. @param {Photograph} photograph @param {{ width: number, height: number }} size */
function stand(photograph, { width, height }) {
  shown = photograph;
  tone.set(photograph.tone);
  ui.neutralize.checked = photograph.neutralize;
  inspector.reset();
  language.say(ui.size, "size", {
    width: { value: width, useGrouping: false },
    height: { value: height, useGrouping: false },
  });
  depict(photograph);
  alert.succeed();
  saving.propose(photograph);
  strip.mark(photograph);
  survey();
}

/** The thumbnail of what is on show. @param {Photograph} photograph */
function depict(photograph) {
  const canvas = document.createElement("canvas");
  rendering.view.drawTo(canvas, strip.THUMBNAIL);
  const pixels = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height);
  if (pixels) strip.show(photograph, pixels);
}

/** @param {Photograph} photograph */
function change(photograph) {
  strip.update(photograph);
  alert.showFailures(queue.in("failed"));
  // Without an engine the others would only fail as well.
  if (photograph.state === "failed" && !engine.ready()) queue.cancelAll();
  survey();
}

/** @param {Photograph[]} photographs */
function add(photographs) {
  for (const photograph of photographs)
    strip.add(photograph, queue.photographs[queue.photographs.indexOf(photograph) + 1]);
  survey();
}

/** @param {Photograph} photograph @param {number} index */
function remove(photograph, index) {
  strip.remove(photograph);
  alert.showFailures(queue.in("failed"));
  hush();
  undo.offer({ photograph, index, shown: shown === photograph });
  colours.drop((kept) => kept.photograph === photograph);
  if (shown === photograph) {
    shown = null;
    rendering.view.colorization = null;
    inspector.reset();
    language.unsay(ui.size);
    const next = queue.photographs.find(({ coloured }) => coloured);
    if (next) queue.want(next);
  }
  if (queue.photographs.length === 0) element("file", HTMLInputElement).focus();
  survey();
}

/** @param {import("./page/undo.js").Removed[]} removed */
function bringBack(removed) {
  for (const { photograph, index, shown } of removed) {
    const back = photograph.again();
    queue.insert(back, index);
    if (shown) queue.want(back);
    strip.focus(back);
  }
}

/** Photographs that have not been in colour before, since the queue last rested. @type {Set<Photograph>} */
const fresh = new Set();

/** What is said when the queue rests, in place of how many are in colour. @type {(() => void) | null} */
let conclude = null;

/** @param {Photograph[]} finished */
function rest(finished) {
  task?.end();
  task = null;
  const here = finished.filter((photograph) => queue.photographs.includes(photograph));
  const stopped = queue.in("cancelled");
  const [first] = stopped;
  if (here.some(({ error }) => isAbort(error))) {
    if (first && stopped.length === 1) tell("stopped-one", { name: first.name });
    else tell(first ? "stopped-many" : "stopped", { count: stopped.length });
  } else if (conclude) {
    conclude();
  } else if (here.some((photograph) => photograph.state === "done" && photograph !== shown && fresh.has(photograph))) {
    tell("all-in-colour", { count: queue.in("done").length });
  }
  conclude = null;
  fresh.clear();
  survey();
  settle(engine.usesGpu());
}

/** @param {File[]} files @param {boolean} [ours] whether they came with the page */
function open(files, ours) {
  hideError();
  const photographs = files.map(
    (file) => new Photograph(file, file.name || language.text("photograph") || "photograph", ours),
  );
  const [first] = photographs;
  // A batch does not take away what is being looked at.
  if (first && (photographs.length === 1 || shown === null)) queue.wanted = first;
  queue.add(photographs);
  if (first && shown === null) rendering.view.preview(first.file);
}

/**
 * Work that is not the queue's, with the bar. It begins when the photograph in work is done.
 * @param {string} stopped what to say when it is cancelled
 * @param {(task: Task) => Promise<void>} work
 */
function alone(stopped, work) {
  hideError();
  return queue.exclusive(async () => {
    task?.end();
    task = null;
    const mine = begin();
    try {
      await work(mine);
    } catch (error) {
      if (isAbort(error) && mine.signal.aborted) tell(stopped);
      showError(error);
    } finally {
      mine.end();
    }
  });
}

/** @param {File | null} file the shipped one if there is none */
async function useModel(file) {
  let changed = false;
  await alone("stopped-model", async ({ signal }) => {
    const old = await engine.useModel(file, signal);
    const { photographs } = queue;
    for (const photograph of photographs) Object.assign(photograph, { tone: null, saved: false });
    changed = true;
    const name = engine.modelName();
    tell(name ? "model-in-use" : "shipped-in-use", { name: name ?? "" });
    if (!old) return;
    // What is on show is of the old engine until the new one has drawn it.
    retired.push(old);
    if (!shown) retire();
  });
  if (!changed) return;
  if (shown) queue.want(shown);
  queue.renew((photograph) => photograph !== shown);
}

/** Engines that are no longer in use. @type {import("./autochrome.js").Colorizer[]} */
const retired = [];

function retire() {
  for (const old of retired.splice(0)) {
    colours.drop(({ engine }) => engine === old);
    old.dispose();
  }
}

/** @param {"image/png" | "image/jpeg"} type */
function save(type) {
  const photograph = shown;
  if (!photograph) return;
  alone("stopped-save", async (mine) => {
    const onProgress = (/** @type {{ done: number }} */ { done }) => mine.stage("saving", done);
    mine.stage("saving", 0);
    const blob = await encoded(photograph, type, mine.signal, onProgress);
    const name = fileName(photograph.name, type);
    download(blob, name);
    photograph.saved = true;
    survey();
    tell("saved", { name, size: megabytes(blob) });
  });
}

/** Copies what is on show. */
function copy() {
  const photograph = shown;
  if (!photograph) return;
  /** @type {(blob: Blob) => void} */
  let give = () => {};
  /** @type {(error: unknown) => void} */
  let giveUp = () => {};
  const image = new Promise((/** @type {(blob: Blob) => void} */ resolve, reject) => {
    [give, giveUp] = [resolve, reject];
  });
  // The browser allows it for the press, and takes the picture when it is there.
  const written = navigator.clipboard.write([new ClipboardItem({ "image/png": image })]);
  written.catch(() => {});
  alone("stopped-copy", async (mine) => {
    mine.stage("copying", 0);
    try {
      const onProgress = (/** @type {{ done: number }} */ { done }) => mine.stage("copying", done);
      give(await encoded(photograph, "image/png", mine.signal, onProgress));
    } catch (error) {
      giveUp(error);
      throw error;
    }
    await written.catch((error) => {
      throw new PageError("clipboard-refused", error);
    });
    photograph.saved = true;
    survey();
    tell("copied", { name: photograph.name });
  });
}

/** @param {Blob} blob */
const megabytes = ({ size }) => ({
  value: size / 1e6,
  style: /** @type {const} */ ("unit"),
  unit: "megabyte",
  maximumSignificantDigits: 2,
});

/**
 * @param {Photograph} photograph
 * @param {"image/png" | "image/jpeg"} type
 * @param {AbortSignal} signal
 * @param {(progress: Progress) => void} onProgress
 */
function encoded(photograph, type, signal, onProgress) {
  return withColours(
    photograph,
    signal,
    () => {},
    (colorization) => colorization.toBlob({ ...saving.options(type), ...photograph.tone, signal, onProgress }),
  );
}

function saveAll() {
  const photographs = queue.photographs.filter(({ coloured }) => coloured);
  alone("stopped-save", async (mine) => {
    const zip = (await engine.colorizer()).archive();
    const { signal } = mine;
    const taken = new Set();
    /** @type {Photograph[]} */
    const saved = [];
    let blob;
    try {
      for (const [index, photograph] of photographs.entries()) {
        if (signal.aborted) throw errorOf("aborted", "Stopped.");
        mine.count(index + 1, photographs.length);
        mine.stage("saving", index / photographs.length);
        const type = saving.zipType(photograph);
        try {
          const blob = await encoded(photograph, type, signal, ({ done }) =>
            mine.stage("saving", (index + done) / photographs.length),
          );
          await zip.add(fileName(photograph.name, type, taken), blob, { signal });
          saved.push(photograph);
        } catch (error) {
          if (isAbort(error)) throw error;
          showError(error, photograph.name);
        }
      }
      blob = await zip.finish({ signal });
    } finally {
      zip.dispose();
    }
    download(blob, "autochrome.zip");
    for (const photograph of saved) photograph.saved = true;
    survey();
    tell("saved-all", { count: saved.length, size: megabytes(blob) });
  });
}

rendering.listen((colorization) => {
  // While another comes on show, what is drawn is not of the one that is left.
  const photograph = colours.whose(colorization);
  if (photograph) depict(photograph);
});
tone.listen(() => {
  if (!shown) return;
  queue.pause(PATIENCE);
  shown.tone = tone.get();
  shown.saved = false;
  survey();
  rendering.view.tone = shown.tone;
  inspector.refresh();
});
ui.neutralize.addEventListener("change", () => {
  const photograph = shown;
  if (!photograph) return;
  photograph.neutralize = ui.neutralize.checked;
  photograph.saved = false;
  colours.drop((kept) => kept.photograph === photograph);
  queue.want(photograph);
});
strip.listen((action, photograph) => {
  if (action === "remove") queue.remove(photograph);
  else if (action === "cancel") queue.cancel(photograph);
  else if (action === "show" && photograph === shown) return;
  else if (action === "show" && photograph.state === "failed") alert.showAgain(photograph);
  else queue.want(photograph);
});
intake.listen({
  photographs: open,
  model: useModel,
  expect(some) {
    expected += some ? 1 : -1;
    survey();
  },
});
camera.listen((file) => open([file]), tone.get);
engine.watch((working) => {
  tone.adopt(working);
  inspector.adopt(working);
  rendering.adopt(working);
});

ui.resume.addEventListener("click", () => {
  queue.again("cancelled");
  ui.resume.hidden = true;
});
ui.retryAll.addEventListener("click", () => queue.again("failed"));
alert.listen(() => queue.again("failed"));
undo.listen(bringBack);
ui.applyAll.addEventListener("click", () => {
  for (const photograph of queue.photographs) {
    photograph.tone = tone.get();
    if (photograph.neutralize !== ui.neutralize.checked) colours.drop((kept) => kept.photograph === photograph);
    photograph.neutralize = ui.neutralize.checked;
    photograph.saved = false;
  }
  const count = queue.photographs.length;
  conclude = () => tell("applied", { count });
  // Their thumbnails show the old colours.
  queue.renew((photograph) => photograph !== shown);
});
ui.saveAll.addEventListener("click", saveAll);
element("remove-all", HTMLButtonElement).addEventListener("click", () => {
  // What is on show last: its place is not taken by the next.
  const others = queue.photographs.filter((photograph) => photograph !== shown);
  for (const photograph of shown ? [...others, shown] : others) queue.remove(photograph);
});
element("save-png", HTMLButtonElement).addEventListener("click", () => save("image/png"));
element("save-jpeg", HTMLButtonElement).addEventListener("click", () => save("image/jpeg"));
ui.copy.addEventListener("click", copy);
ui.copy.hidden = !("ClipboardItem" in window);
element("shipped-model", HTMLButtonElement).addEventListener("click", () => useModel(null));

language.start(element("language", HTMLSelectElement)).catch(showError);
onUpdate(offerUpdate);
// Fetch engine and model while the visitor looks for a photograph.
engine
  .colorizer()
  .catch(showError)
  .finally(() => queue.busy || settle(engine.usesGpu()));
