/** What surrounds the viewer: the chooser, the bar, the message of a failure, zoom, sliders and saving. */

import { TONE_NAMES } from "./tones.js";

/** @typedef {import("../autochrome.js").Tone} Tone */
/** @typedef {import("./tones.js").ToneName} ToneName */
/** @typedef {import("./events.js").State} State */
/**
 * @typedef {object} Listeners
 * @property {(file: File) => void} choose
 * @property {() => void} cancel
 * @property {() => void} retry
 * @property {(factor: number) => void} zoomBy
 * @property {() => void} zoomFit
 * @property {(name: ToneName, value: number) => void} tone
 * @property {() => void} reset
 * @property {() => void} save
 */

/** Factor of a press of a zoom button. */
const ZOOM = 1.5;

/** Attributes of the view while keys move the picture. */
const HANDLED = {
  tabindex: "0",
  role: "application",
  "aria-labelledby": "view-label",
  "aria-describedby": "view-keys",
};

export class Panel {
  #ui;
  #off = false;

  /** @param {ShadowRoot} root @param {import("./markup.js").Parts} ui @param {Listeners} heard */
  constructor(root, ui, heard) {
    this.#ui = ui;
    const { picker, cancel, retry, closer, farther, whole, reset, saveFile, tones } = ui;
    picker.addEventListener("change", () => {
      const [file] = picker.files ?? [];
      picker.value = "";
      if (file) heard.choose(file);
    });
    this.#takeDrops(root, heard.choose);
    cancel.addEventListener("click", () => heard.cancel());
    retry.addEventListener("click", () => heard.retry());
    closer.addEventListener("click", () => heard.zoomBy(ZOOM));
    farther.addEventListener("click", () => heard.zoomBy(1 / ZOOM));
    whole.addEventListener("click", () => heard.zoomFit());
    saveFile.addEventListener("click", () => heard.save());
    for (const name of TONE_NAMES) {
      const { input } = tones[name];
      input.addEventListener("input", () => heard.tone(name, Number(input.value)));
    }
    reset.addEventListener("click", () => heard.reset());
  }

  /** @param {ShadowRoot} root @param {(file: File) => void} choose */
  #takeDrops(root, choose) {
    const { viewer } = this.#ui;
    const takes = () => !this.#ui.choose.hidden && !this.#off;
    root.addEventListener("dragover", (event) => {
      if (!takes()) return;
      event.preventDefault();
      viewer.classList.add("over");
    });
    root.addEventListener("dragleave", () => viewer.classList.remove("over"));
    root.addEventListener("drop", (event) => {
      viewer.classList.remove("over");
      const file = /** @type {DragEvent} */ (event).dataTransfer?.files[0];
      if (!takes() || !file) return;
      event.preventDefault();
      // The page may take files for itself.
      event.stopPropagation();
      choose(file);
    });
  }

  /** @param {State} state @param {{ working: boolean, failure: string, colored: boolean, vacant: boolean }} facts */
  enter(state, { working, failure, colored, vacant }) {
    const { viewer, busy, progress, failure: box, failureWords } = this.#ui;
    busy.hidden = !working;
    if (state === "loading") progress.value = 0;
    box.hidden = state !== "failed";
    viewer.setAttribute("aria-busy", String(working));
    viewer.classList.toggle("empty", !colored);
    viewer.classList.toggle("vacant", vacant);
    if (state === "failed") failureWords.textContent = failure;
  }

  /**
   * Shows the controls that are asked for, as far as they have something to do.
   * @param {Set<string>} on
   * @param {{ colored: boolean, inspecting: boolean, off: boolean }} facts `off`: the element is disabled
   */
  showControls(on, { colored, inspecting, off }) {
    this.#off = off;
    const { viewer, view, divider, choose, picker, cancel, retry } = this.#ui;
    const { tools, zooms, tones, tonesBox, files, reset, saveFile } = this.#ui;
    choose.hidden = !on.has("choose");
    picker.disabled = off;
    cancel.hidden = retry.hidden = on.size === 0;
    divider.hidden = !on.has("compare");
    viewer.classList.toggle("plain", !on.has("compare"));
    if (on.has("zoom") && colored) {
      for (const [name, value] of Object.entries(HANDLED)) view.setAttribute(name, value);
    } else if (!inspecting) {
      for (const name of Object.keys(HANDLED)) view.removeAttribute(name);
    }
    zooms.hidden = !on.has("zoom");
    tonesBox.hidden = !on.has("tone");
    files.hidden = !on.has("save");
    tools.hidden = !colored || (zooms.hidden && tonesBox.hidden && files.hidden);
    for (const { input } of Object.values(tones)) input.disabled = off;
    reset.disabled = saveFile.disabled = off;
  }

  /** Names the pictures for those who do not see them. @param {string} alt */
  name(alt) {
    const { before, after } = this.#ui;
    for (const [canvas, tag] of /** @type {const} */ ([
      [before, "before-tag"],
      [after, "after-tag"],
    ])) {
      canvas.removeAttribute(alt ? "aria-labelledby" : "aria-label");
      canvas.setAttribute(alt ? "aria-label" : "aria-labelledby", alt || tag);
    }
  }

  /** @param {Partial<Tone>} tone @param {Tone | null} defaults */
  showTone(tone, defaults) {
    for (const name of TONE_NAMES) {
      const { input, output } = this.#ui.tones[name];
      input.value = String(tone[name] ?? defaults?.[name] ?? 0);
      output.textContent = Number(input.value).toFixed(2);
    }
  }

  /** How far the download or the network is. @param {import("../autochrome.js").Progress} progress */
  showProgress({ stage, done }) {
    if (stage === "download" || stage === "network") this.#ui.progress.value = done;
  }

  /** Does work that must not be asked for twice. @param {() => Promise<void>} work */
  async save(work) {
    const { saveFile } = this.#ui;
    saveFile.disabled = true;
    await work();
    saveFile.disabled = this.#off;
  }
}
