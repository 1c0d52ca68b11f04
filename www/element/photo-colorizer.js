/** `<photo-colorizer>`: a photograph in, the same in colour; a form control whose value is the coloured file. */

import { AutochromeError, Colorization } from "../autochrome.js";
import { errorOf } from "../errors.js";
import { ATTRIBUTES, SOURCE, controlsOf } from "./attributes.js";
import { swap, untilAborted } from "./engines.js";
import { fetched, fileName, nameOf, save } from "./files.js";
import { internalsOf } from "./form-control.js";
import { FormValue } from "./form-value.js";
import { Panel } from "./panel.js";
import { PhotoView, displayOf, tell } from "./photo-view.js";
import { TONE_NAMES } from "./tones.js";

/** @typedef {import("../autochrome.js").Tone} Tone */
/** @typedef {import("../autochrome.js").Progress} Progress */
/** @typedef {import("../autochrome.js").PhotoSource} PhotoSource */
/** @typedef {import("../autochrome.js").FileOptions} FileOptions */
/** @typedef {import("../autochrome.js").WorkOptions} WorkOptions */

/** @typedef {import("./events.js").PhotoColorizerEvents} PhotoColorizerEvents */
/** @typedef {import("./events.js").State} State */

/** Not attributes, but taken up like them: the element has come into a page, it has been given a photograph. */
const CONNECTED = "(connected)";
const GIVEN = "(photo)";

/** @param {unknown} error @returns {AutochromeError} */
const asOurs = (error) =>
  error instanceof AutochromeError
    ? error
    : errorOf("device-lost", error instanceof Error ? error.message : String(error), { cause: error });

export class PhotoColorizer extends PhotoView {
  static observedAttributes = ATTRIBUTES;

  #internals = internalsOf(this);
  #display = displayOf(this);
  #viewer;
  #drawing;
  #panel;
  #form;

  /** @type {State} */
  #state = "empty";
  /** @type {AutochromeError | null} */
  #error = null;
  /** @type {PhotoSource | null} */
  #photo = null;
  /** Colours of our own, to be freed. @type {Colorization | null} */
  #own = null;
  /** @type {import("./engines.js").Hold | null} */
  #engine = null;
  /** @type {AbortController | null} */
  #work = null;
  /** Attributes that have changed in this turn. @type {Set<string>} */
  #changed = new Set();
  /** What the network would make of it: the model's own settings. @type {Tone | null} */
  #defaults = null;
  #off = false;

  constructor() {
    super();
    const { root, ui, drawing, viewer, heard } = this.#display;
    this.#drawing = drawing;
    this.#viewer = viewer;
    heard.drawn = () => this.#drawn();
    heard.failed = (error) => this.#complain(error);
    heard.inspecting = () => this.#showControls();
    // Those of what is inside would leave the shadow tree; the element has its own.
    root.addEventListener("input", (event) => event.stopPropagation());
    this.#form = new FormValue(this.#internals, {
      anchor: ui.viewer,
      encode: (signal) => this.#file(signal),
      changed: () => this.#validate(),
      failed: (error) => this.#complain(error),
    });
    this.#panel = new Panel(root, ui, {
      choose: (file) => {
        this.photo = file;
        this.#input();
      },
      cancel: () => this.cancel(),
      retry: () => this.retry(),
      zoomBy: (factor) => this.zoomBy(factor),
      zoomFit: () => this.zoomFit(),
      tone: (name, value) => {
        this[name] = value;
        this.#input();
      },
      reset: () => {
        this.tone = {};
        this.#input();
      },
      save: () => this.#save(),
    });
    this.#enter("empty");
    this.#adopt(new Set(["controls", "mode", "alt"]));
  }

  /** The visitor has changed something. */
  #input() {
    this.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
  }

  // Life in a page

  connectedCallback() {
    this.#viewer.watch(true);
    this.#viewer.placeDivider();
    this.#later(CONNECTED);
  }

  disconnectedCallback() {
    // One that is moved within the page keeps what it has.
    queueMicrotask(() => {
      if (!this.isConnected) this.#free();
    });
  }

  /** @param {string} name @param {string | null} before @param {string | null} now */
  attributeChangedCallback(name, before, now) {
    if (before !== now) this.#later(name);
  }

  /** What is set in one turn is taken up in one. @param {string} name */
  #later(name) {
    if (this.#changed.size === 0) {
      queueMicrotask(() => {
        const changed = this.#changed;
        this.#changed = new Set();
        this.#adopt(changed);
      });
    }
    this.#changed.add(name);
  }

  /** @param {Set<string>} changed */
  #adopt(changed) {
    const has = (/** @type {readonly string[]} */ names) => names.some((name) => changed.has(name));
    if (changed.has("src") && !changed.has(GIVEN)) this.#photo = null;
    if (has(["controls", "disabled", "mode"])) this.#showControls();
    if (changed.has("required")) this.#validate();
    if (changed.has("alt")) this.#panel.name(this.alt);
    if (has(TONE_NAMES)) {
      this.#panel.showTone(this.tone, this.#defaults);
      this.#drawing.change(this.tone);
    }
    if (!this.isConnected) return;
    const begins = has([...SOURCE, GIVEN]) || (changed.has(CONNECTED) && this.#state === "empty");
    if (begins) {
      if (this.#photo || this.src) this.#begin();
      else if (changed.has("src")) this.#clear();
    } else if (has(["type", "name"])) {
      this.#encode();
    }
  }

  formDisabledCallback(/** @type {boolean} */ off) {
    this.#off = off;
    this.#showControls();
  }

  formResetCallback() {
    this.tone = {};
    this.#photo = null;
    if (this.src) this.#begin();
    else this.#clear();
  }

  formAssociatedCallback() {
    this.#encode();
  }

  // What it shows

  get #colored() {
    return this.#drawing.colorization !== null;
  }

  get #working() {
    return this.#state === "loading" || this.#state === "colorizing";
  }

  /** @param {State} state */
  #enter(state) {
    const { states } = this.#internals;
    states?.delete(this.#state);
    this.#state = state;
    try {
      states?.add(state);
    } catch {
      // Chromium before 125 wants other names; there is no :state() there.
    }
    const failure = this.#error?.message ?? "";
    const { vacant } = this.#drawing;
    this.#panel.enter(state, { working: this.#working, failure, colored: this.#colored, vacant });
    this.#showControls();
    this.#validate();
  }

  #showControls() {
    const on = controlsOf(this);
    this.#viewer.setMode(on.has("compare") ? this.mode : "after");
    this.#viewer.setZooms(on.has("zoom") && this.#colored);
    const { inspecting } = this.#viewer;
    this.#panel.showControls(on, { colored: this.#colored, inspecting, off: this.#off });
  }

  #drawn() {
    tell(this, "colorize-drawn", { side: this.#drawing.side ?? 0 });
    this.#encode();
  }

  // The way of a photograph

  /** The engine, shared with those who want the same one. */
  #hold() {
    const { model, sha256, device, assets } = this;
    const old = this.#engine;
    this.#engine = swap(old, { model, sha256, device, assets }, (progress) => {
      if (this.#state === "loading") this.#progress(progress);
    });
    return this.#engine;
  }

  /** @param {Progress} progress */
  #progress(progress) {
    this.#panel.showProgress(progress);
    tell(this, "colorize-progress", progress);
  }

  /** Colours what there is to colour; the newest photograph wins. */
  async #begin() {
    this.#work?.abort();
    const work = new AbortController();
    this.#work = work;
    const { signal } = work;
    const source = this.#photo ?? this.src;
    const began = performance.now();
    this.#error = null;
    this.#form.drop();
    this.#enter("loading");
    tell(this, "colorize-start", { source });
    try {
      const held = this.#hold();
      const photo = this.#photo ?? (await fetched(this.src, signal));
      if (photo instanceof Blob) this.preview(photo);
      const engine = await untilAborted(held.ready, signal);
      this.#enter("colorizing");
      const onProgress = (/** @type {Progress} */ progress) => this.#progress(progress);
      const colorization = await engine.colorize(photo, { signal, onProgress });
      try {
        this.#defaults = engine.defaults;
        await this.#drawing.show(colorization, this.tone, signal);
        signal.throwIfAborted();
      } catch (error) {
        colorization.dispose();
        throw error;
      }
      this.#own?.dispose();
      this.#own = colorization;
      this.#stand(colorization);
      const { width, height } = colorization;
      const milliseconds = performance.now() - began;
      tell(this, "colorize-done", { colorization, width, height, device: engine.device, milliseconds });
    } catch (error) {
      // Another photograph is on its way, or none is wanted.
      if (this.#work !== work) return;
      this.#work = null;
      this.#fail(error);
    }
  }

  /** These colours are on show now. @param {Colorization} colorization */
  #stand(colorization) {
    this.#display.setSize(colorization);
    this.overlay = null;
    this.#panel.showTone(this.tone, this.#defaults);
    this.#enter("done");
    this.#drawn();
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#error = asOurs(error);
    if (this.#error.code !== "aborted") this.#enter("failed");
    else this.#enter(this.#colored ? "done" : "empty");
    tell(this, "colorize-error", { error: this.#error });
  }

  /** Something failed that leaves what is on show as it is. @param {unknown} error */
  #complain(error) {
    const ours = asOurs(error);
    if (ours.code === "aborted") return;
    this.#error = ours;
    tell(this, "colorize-error", { error: ours });
  }

  /** Nothing is on show. */
  #clear() {
    this.#work?.abort();
    this.#work = null;
    this.#display.stopPreview();
    this.#form.drop();
    this.#drawing.hide();
    this.overlay = null;
    this.#display.setSize(null);
    this.#own?.dispose();
    this.#own = null;
    this.#error = null;
    this.#enter("empty");
  }

  /** Out of the page: engine, colours and canvases go. */
  #free() {
    this.#viewer.watch(false);
    this.#clear();
    this.#engine?.release();
    this.#engine = null;
  }

  // The form's side

  #validate() {
    this.#form.validate({ working: this.#working, required: this.required, colored: this.#colored });
  }

  /** Makes the form's value of what is on show. */
  #encode() {
    return this.#form.make(this.name !== "" && this.#drawing.side !== null);
  }

  /** @param {AbortSignal} [signal] */
  async #file(signal) {
    const { type } = this;
    const blob = await this.toBlob({ type, signal });
    const name = this.#photo instanceof File ? this.#photo.name : nameOf(this.src);
    return new File([blob], fileName(name, type), { type });
  }

  #save() {
    return this.#panel.save(async () => {
      try {
        const file = await this.#file();
        save(file, file.name);
      } catch (error) {
        this.#complain(error);
      }
    });
  }

  // Properties

  /** The photograph; setting it colours it. @returns {PhotoSource | null} */
  get photo() {
    return this.#photo;
  }
  set photo(/** @type {PhotoSource | null} */ photo) {
    this.#photo = photo;
    if (photo) this.#later(GIVEN);
    else this.#clear();
  }

  /**
   * The colours on show. Colours made elsewhere may be set, and stay the setter's to dispose of.
   *
   * @returns {Colorization | null}
   */
  get colorization() {
    return this.#drawing.colorization;
  }
  set colorization(/** @type {Colorization | null} */ colorization) {
    if (colorization) this.show(colorization).catch((error) => this.#complain(error));
    else this.#clear();
  }

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  /** Why it failed, or null. */
  get error() {
    return this.#error;
  }

  /** The coloured file, while the element has a name in a form; else null. */
  get value() {
    return this.#form.file;
  }

  // What can be done

  /**
   * Shows colours made elsewhere and answers when they are drawn. They stay the caller's to dispose of.
   *
   * @param {Colorization} colorization
   * @param {{ tone?: Partial<Tone>, signal?: AbortSignal }} [options]
   */
  async show(colorization, { tone, signal } = {}) {
    this.#work?.abort();
    this.#work = null;
    await this.#drawing.show(colorization, tone ?? this.tone, signal);
    if (tone) {
      this.tone = tone;
      // They are drawn already.
      for (const name of TONE_NAMES) this.#changed.delete(name);
    }
    if (this.#own !== colorization) this.#own?.dispose();
    this.#own = null;
    this.#stand(colorization);
  }

  /** Gives up the photograph that is on its way. */
  cancel() {
    this.#work?.abort(errorOf("aborted", "Stopped."));
  }

  /** Colours the photograph anew. */
  retry() {
    if (this.#photo || this.src) this.#begin();
  }

  /**
   * What is on show, at full size.
   *
   * @param {WorkOptions & Partial<Tone> & Partial<FileOptions>} [options]
   *   as in `Colorization.toBlob`; what is absent is the element's
   * @returns {Promise<Blob>}
   */
  async toBlob(options = {}) {
    const colorization = this.#drawing.colorization;
    if (!colorization) throw errorOf("invalid-argument", "No photograph is in colour yet. Wait for colorize-done.");
    return colorization.toBlob({ type: this.type, ...this.tone, ...options });
  }

  /**
   * @template {keyof PhotoColorizerEvents | keyof HTMLElementEventMap | (string & {})} T
   * @param {T} type
   * @param {((this: PhotoColorizer, event: T extends keyof PhotoColorizerEvents ? PhotoColorizerEvents[T] : T extends keyof HTMLElementEventMap ? HTMLElementEventMap[T] : Event) => unknown) | EventListenerObject} listener
   * @param {boolean | AddEventListenerOptions} [options]
   * @override
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, /** @type {EventListener} */ (listener), options);
  }
}
