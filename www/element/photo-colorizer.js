/** `<photo-colorizer>`: a photograph in, the same in colour; a form control whose value is the coloured file. */

import { AutochromeError, Colorization } from "../autochrome.js";
import { errorOf } from "../errors.js";
import { clear, draw } from "./canvas.js";
import { Drawing } from "./drawing.js";
import { colourFor, hold, keyOf, untilAborted } from "./engines.js";
import { fileName, nameOf, save } from "./files.js";
import { TONES, build } from "./markup.js";
import { style } from "./style.js";
import { Viewer } from "./viewer.js";

/** @typedef {import("../autochrome.js").Tone} Tone */
/** @typedef {import("../autochrome.js").Progress} Progress */
/** @typedef {import("../autochrome.js").PhotoSource} PhotoSource */
/** @typedef {import("../autochrome.js").DeviceInfo} DeviceInfo */
/** @typedef {import("../autochrome.js").DeviceWish} DeviceWish */
/** @typedef {import("../autochrome.js").FileOptions} FileOptions */
/** @typedef {import("../autochrome.js").WorkOptions} WorkOptions */
/** @typedef {import("./viewer.js").Mode} Mode */
/** @typedef {import("./viewer.js").Point} Point */
/** @typedef {import("./markup.js").ToneName} ToneName */

/** @typedef {"empty" | "loading" | "colorizing" | "done" | "failed"} State */
/** @typedef {"choose" | "compare" | "zoom" | "tone" | "save"} Control */
/** @typedef {"image/png" | "image/jpeg"} FileType */
/** @typedef {{ source: PhotoSource | string }} StartDetail */
/**
 * @typedef {{ colorization: Colorization, width: number, height: number, device: DeviceInfo, milliseconds:
 *   number }} DoneDetail
 */
/** @typedef {{ error: AutochromeError }} ErrorDetail */
/** @typedef {{ side: number }} DrawnDetail longest side, in pixels */
/** @typedef {{ zoom: number, fitted: boolean }} ZoomDetail screen pixels for a pixel of the photograph */
/**
 * @typedef {{
 *   "colorize-start": CustomEvent<StartDetail>,
 *   "colorize-progress": CustomEvent<Progress>,
 *   "colorize-done": CustomEvent<DoneDetail>,
 *   "colorize-error": CustomEvent<ErrorDetail>,
 *   "colorize-drawn": CustomEvent<DrawnDetail>,
 *   "colorize-zoom": CustomEvent<ZoomDetail>,
 *   "colorize-point": CustomEvent<Point>,
 * }} PhotoColorizerEvents
 */

const TONE_NAMES = /** @type {ToneName[]} */ (Object.keys(TONES));
const CONTROLS = /** @type {const} */ (["choose", "compare", "zoom", "tone", "save"]);
const MODES = /** @type {const} */ (["slider", "side", "after"]);
const DEVICES = /** @type {const} */ (["auto", "webgpu", "cpu"]);

/** Not attributes, but taken up like them: the element has come into a page, it has been given a photograph. */
const CONNECTED = "(connected)";
const GIVEN = "(photo)";

/** What begins anew when it changes. */
const SOURCE = ["src", "model", "sha256", "device", "assets"];

/** On a server there are no elements. */
const Base = /** @type {typeof HTMLElement} */ (globalThis.HTMLElement ?? class {});

/**
 * @template {readonly string[]} T
 * @param {T} known
 * @param {string | null} wish
 * @param {T[number]} otherwise
 * @returns {T[number]}
 */
const oneOf = (known, wish, otherwise) => (wish !== null && known.includes(wish) ? wish : otherwise);

/** @param {unknown} error @returns {AutochromeError} */
const asOurs = (error) =>
  error instanceof AutochromeError
    ? error
    : errorOf("device-lost", error instanceof Error ? error.message : String(error), { cause: error });

export class PhotoColorizer extends Base {
  static formAssociated = true;
  static observedAttributes = [
    ...SOURCE,
    ...TONE_NAMES,
    "controls",
    "mode",
    "type",
    "name",
    "alt",
    "disabled",
    "required",
  ];

  #internals = this.attachInternals();
  #ui;
  #viewer;
  #drawing;

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
  /** @type {AbortController | null} */
  #encoding = null;
  /** @type {File | null} */
  #value = null;
  /** Attributes that have changed in this turn. @type {Set<string>} */
  #changed = new Set();
  #overlay = false;
  /** Previews that have begun; only the newest is shown. */
  #previews = 0;
  /** What the network would make of it: the model's own settings. @type {Tone | null} */
  #defaults = null;
  #off = false;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    root.adoptedStyleSheets = [style()];
    build(root);
    this.#ui = partsOf(root);
    const { viewer, view, before, after, overlay, paneBefore, paneAfter, crosshair, divider, dividerWords } = this.#ui;
    this.#drawing = new Drawing(
      { before, after },
      {
        changed: () => this.#viewer.layOut(),
        drawn: () => this.#drawn(),
        failed: (error) => this.#lost(error),
      },
    );
    this.#viewer = new Viewer(
      { viewer, view, before: paneBefore, after: paneAfter, crosshair, divider, dividerWords },
      {
        zoom: () => {
          this.#drawing.near(this.#viewer.zoom);
          this.#tell("colorize-zoom", { zoom: this.#viewer.zoom, fitted: this.#viewer.fitted });
        },
        point: (point) => this.#tell("colorize-point", point),
      },
    );
    clear(overlay);
    this.#listen(root);
    this.#enter("empty");
    this.#adopt(new Set(["controls", "mode", "alt"]));
  }

  /** @param {ShadowRoot} root */
  #listen(root) {
    const { picker, choose, viewer, cancel, retry, closer, farther, whole, reset, saveFile, tones } = this.#ui;
    // Those of what is inside would leave the shadow tree; the element has its own.
    root.addEventListener("input", (event) => event.stopPropagation());
    picker.addEventListener("change", () => {
      const [file] = picker.files ?? [];
      picker.value = "";
      if (file) this.#choose(file);
    });
    const takes = () => !choose.hidden && !this.#off;
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
      this.#choose(file);
    });
    cancel.addEventListener("click", () => this.cancel());
    retry.addEventListener("click", () => this.retry());
    closer.addEventListener("click", () => this.zoomBy(1.5));
    farther.addEventListener("click", () => this.zoomBy(1 / 1.5));
    whole.addEventListener("click", () => this.zoomFit());
    saveFile.addEventListener("click", () => this.#save());
    for (const name of TONE_NAMES) {
      const { input } = tones[name];
      input.addEventListener("input", () => {
        this[name] = Number(input.value);
        this.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
      });
    }
    reset.addEventListener("click", () => {
      this.tone = {};
      this.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
    });
  }

  /** @template {keyof PhotoColorizerEvents} T @param {T} type @param {PhotoColorizerEvents[T]["detail"]} detail */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
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
    if (changed.has("alt")) this.#name();
    if (has(TONE_NAMES)) {
      this.#showTone();
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

  /** @param {State} state */
  #enter(state) {
    const { viewer, busy, failure, progress } = this.#ui;
    const { states } = this.#internals;
    states?.delete(this.#state);
    this.#state = state;
    try {
      states?.add(state);
    } catch {
      // Chromium before 125 wants other names; there is no :state() there.
    }
    const working = state === "loading" || state === "colorizing";
    busy.hidden = !working;
    if (state === "loading") progress.value = 0;
    failure.hidden = state !== "failed";
    viewer.setAttribute("aria-busy", String(working));
    viewer.classList.toggle("empty", !this.#drawing.colorization);
    viewer.classList.toggle("vacant", this.#drawing.vacant);
    if (state === "failed") this.#ui.failureWords.textContent = this.#error?.message ?? "";
    this.#showControls();
    this.#validate();
  }

  #showControls() {
    const {
      viewer,
      view,
      divider,
      choose,
      picker,
      tools,
      zooms,
      tones,
      tonesBox,
      files,
      cancel,
      retry,
      reset,
      saveFile,
    } = this.#ui;
    const on = this.#controls();
    const coloured = this.#drawing.colorization !== null;
    choose.hidden = !on.has("choose");
    picker.disabled = this.#off;
    cancel.hidden = retry.hidden = on.size === 0;
    divider.hidden = !on.has("compare");
    viewer.classList.toggle("plain", !on.has("compare"));
    this.#viewer.setMode(on.has("compare") ? this.mode : "after");
    this.#viewer.setZooms(on.has("zoom") && coloured);
    const handled = on.has("zoom") && coloured;
    if (handled) {
      for (const [name, value] of [
        ["tabindex", "0"],
        ["role", "application"],
        ["aria-labelledby", "view-label"],
        ["aria-describedby", "view-keys"],
      ])
        view.setAttribute(/** @type {string} */ (name), /** @type {string} */ (value));
    } else if (!this.#viewer.inspecting) {
      for (const name of ["tabindex", "role", "aria-labelledby", "aria-describedby"]) view.removeAttribute(name);
    }
    zooms.hidden = !on.has("zoom");
    tonesBox.hidden = !on.has("tone");
    files.hidden = !on.has("save");
    tools.hidden = !coloured || (zooms.hidden && tonesBox.hidden && files.hidden);
    for (const { input } of Object.values(tones)) input.disabled = this.#off;
    reset.disabled = saveFile.disabled = this.#off;
  }

  /** @returns {Set<string>} */
  #controls() {
    const wish = this.getAttribute("controls");
    if (wish === null) return new Set();
    const words = wish.split(/\s+/).filter(Boolean);
    return new Set(words.length > 0 ? words : CONTROLS);
  }

  /** Names the pictures for those who do not see them. */
  #name() {
    const { before, after } = this.#ui;
    for (const [canvas, tag] of /** @type {const} */ ([
      [before, "before-tag"],
      [after, "after-tag"],
    ])) {
      if (this.alt) canvas.setAttribute("aria-label", this.alt);
      else canvas.removeAttribute("aria-label");
      canvas.setAttribute("aria-labelledby", tag);
      if (this.alt) canvas.removeAttribute("aria-labelledby");
    }
  }

  #showTone() {
    for (const name of TONE_NAMES) {
      const { input, output } = this.#ui.tones[name];
      const value = this[name] ?? this.#defaults?.[name] ?? 0;
      input.value = String(value);
      output.textContent = Number(input.value).toFixed(2);
    }
  }

  #drawn() {
    this.#tell("colorize-drawn", { side: this.#drawing.side ?? 0 });
    this.#encode();
  }

  // The way of a photograph

  /** @param {File} file */
  #choose(file) {
    this.photo = file;
    this.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
  }

  /** @returns {import("./engines.js").Wish} */
  #wish() {
    const attribute = (/** @type {string} */ name) => this.getAttribute(name) || undefined;
    const address = (/** @type {string} */ name) => {
      const value = attribute(name);
      return value && new URL(value, document.baseURI).href;
    };
    return { model: address("model"), sha256: attribute("sha256"), device: this.device, assets: address("assets") };
  }

  /** The engine, shared with those who want the same one. */
  #hold() {
    const wish = this.#wish();
    if (this.#engine?.key !== keyOf(wish)) {
      const old = this.#engine;
      this.#engine = hold(wish, (progress) => this.#state === "loading" && this.#progress(progress));
      old?.release();
    }
    return this.#engine;
  }

  /** @param {Progress} progress */
  #progress(progress) {
    this.#ui.progress.value = progress.stage === "download" ? progress.done : this.#ui.progress.value;
    this.#tell("colorize-progress", progress);
  }

  /**
   * Colours what there is to colour; the newest photograph wins.
   *
   * @param {boolean} [again] whether its colours were lost before
   */
  async #begin(again = false) {
    this.#work?.abort();
    const work = new AbortController();
    this.#work = work;
    const { signal } = work;
    const source = this.#photo ?? this.src;
    const began = performance.now();
    this.#error = null;
    this.#unvalue();
    this.#enter("loading");
    if (!again) this.#tell("colorize-start", { source });
    try {
      const held = this.#hold();
      const photo = this.#photo ?? (await fetched(this.src, signal));
      if (photo instanceof Blob) this.#preview(photo);
      const engine = await untilAborted(held.ready, signal);
      this.#enter("colorizing");
      const onProgress = (/** @type {Progress} */ progress) => this.#colouring(progress);
      const colorization = await colourFor(engine, photo, { signal, onProgress }, async (colorization) => {
        this.#defaults = engine.defaults;
        await this.#drawing.show(colorization, this.tone, signal);
        signal.throwIfAborted();
        return colorization;
      });
      this.#own?.dispose();
      this.#own = colorization;
      this.#stand(colorization);
      const { width, height } = colorization;
      if (!again)
        this.#tell("colorize-done", {
          colorization,
          width,
          height,
          device: engine.device,
          milliseconds: performance.now() - began,
        });
    } catch (error) {
      // Another photograph is on its way, or none is wanted.
      if (this.#work !== work) return;
      this.#work = null;
      this.#fail(error);
    }
  }

  /** @param {Progress} progress */
  #colouring(progress) {
    if (progress.stage === "network") this.#ui.progress.value = progress.done;
    this.#tell("colorize-progress", progress);
  }

  /** The file as it is while its colours are made, where the browser can read it. @param {Blob} blob */
  async #preview(blob) {
    const mine = ++this.#previews;
    const bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" }).catch(() => null);
    if (bitmap && mine === this.#previews && !this.#drawing.colorization) {
      this.#size(bitmap);
      this.#drawing.preview(bitmap, bitmap);
      this.#ui.viewer.classList.remove("vacant");
    }
    bitmap?.close();
  }

  /** @param {{ width: number, height: number } | null} size */
  #size(size) {
    this.#ui.viewer.style.setProperty("--ratio", size ? `${size.width} / ${size.height}` : "3 / 2");
    this.#viewer.show(size && { width: size.width, height: size.height });
  }

  /** These colours are on show now. @param {Colorization} colorization */
  #stand(colorization) {
    this.#size(colorization);
    this.overlay = null;
    this.#showTone();
    this.#enter("done");
    this.#drawn();
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#error = asOurs(error);
    const stopped = this.#error.code === "aborted";
    const shown = this.#drawing.colorization !== null;
    if (!stopped) this.#enter("failed");
    else this.#enter(shown ? "done" : "empty");
    this.#tell("colorize-error", { error: this.#error });
  }

  /** The colours on show went with the device: anew, where they are ours. @param {unknown} error */
  #lost(error) {
    const ours = asOurs(error);
    if (ours.code === "aborted") return;
    if (ours.code === "device-lost" && this.#own && this.#own === this.#drawing.colorization && this.isConnected) {
      this.#own = null;
      this.#begin(true);
      return;
    }
    this.#error = ours;
    this.#tell("colorize-error", { error: ours });
  }

  /** Nothing is on show. */
  #clear() {
    this.#work?.abort();
    this.#work = null;
    this.#previews++;
    this.#unvalue();
    this.#drawing.hide();
    this.overlay = null;
    this.#size(null);
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
    const { viewer } = this.#ui;
    const working = this.#state === "loading" || this.#state === "colorizing" || this.#encoding !== null;
    if (this.form && working)
      this.#internals.setValidity({ customError: true }, "The photograph is not in colour yet. Wait a moment.", viewer);
    else if (this.required && !this.#drawing.colorization)
      this.#internals.setValidity({ valueMissing: true }, "Choose a photograph.", viewer);
    else this.#internals.setValidity({});
  }

  #unvalue() {
    this.#encoding?.abort();
    this.#encoding = null;
    this.#value = null;
    this.#internals.setFormValue(null);
  }

  /** Makes the form's value of what is on show. */
  async #encode() {
    this.#unvalue();
    const colorization = this.#drawing.colorization;
    if (!this.form || !this.name || !colorization || this.#drawing.side === null) {
      this.#validate();
      return;
    }
    const encoding = new AbortController();
    this.#encoding = encoding;
    this.#validate();
    try {
      const file = await this.#file(encoding.signal);
      if (this.#encoding !== encoding) return;
      this.#value = file;
      this.#internals.setFormValue(file);
      this.dispatchEvent(new Event("change", { bubbles: true }));
    } catch (error) {
      if (this.#encoding === encoding) this.#lost(error);
    } finally {
      if (this.#encoding === encoding) this.#encoding = null;
      this.#validate();
    }
  }

  /** @param {AbortSignal} [signal] */
  async #file(signal) {
    const { type } = this;
    const blob = await this.toBlob({ type, signal });
    return new File([blob], fileName(this.#photo instanceof File ? this.#photo.name : nameOf(this.src), type), {
      type,
    });
  }

  async #save() {
    const { saveFile } = this.#ui;
    saveFile.disabled = true;
    try {
      const file = await this.#file();
      save(file, file.name);
    } catch (error) {
      this.#lost(error);
    } finally {
      saveFile.disabled = this.#off;
    }
  }

  // Properties that are attributes

  /** @param {string} name @param {string | number | null | undefined} value */
  #set(name, value) {
    if (value === null || value === undefined) this.removeAttribute(name);
    else this.setAttribute(name, String(value));
  }

  /** @param {ToneName} name @returns {number | null} */
  #number(name) {
    const text = this.getAttribute(name);
    const value = text === null || text.trim() === "" ? NaN : Number(text);
    const { min, max } = TONES[name];
    return Number.isFinite(value) ? Math.min(Math.max(value, min), max) : null;
  }

  /** Address of a photograph. */
  get src() {
    return this.getAttribute("src") ?? "";
  }
  set src(/** @type {string} */ value) {
    this.#set("src", value);
  }

  /** Address of a model file; the shipped one if empty. */
  get model() {
    return this.getAttribute("model") ?? "";
  }
  set model(/** @type {string} */ value) {
    this.#set("model", value || null);
  }

  /** What the model's bytes must hash to. */
  get sha256() {
    return this.getAttribute("sha256") ?? "";
  }
  set sha256(/** @type {string} */ value) {
    this.#set("sha256", value || null);
  }

  /** Where the network runs. @returns {DeviceWish} */
  get device() {
    return oneOf(DEVICES, this.getAttribute("device"), "auto");
  }
  set device(/** @type {DeviceWish} */ value) {
    this.#set("device", value);
  }

  /** Folder that the package's worker, engines and models lie in, where it is not its own. */
  get assets() {
    return this.getAttribute("assets") ?? "";
  }
  set assets(/** @type {string} */ value) {
    this.#set("assets", value || null);
  }

  /** 0 (the likeliest colour) to 1 (the mean of all); null: the model's own. @returns {number | null} */
  get temperature() {
    return this.#number("temperature");
  }
  set temperature(/** @type {number | null} */ value) {
    this.#set("temperature", value);
  }

  /** Colour boldness, 0 to 1; null: the model's own. @returns {number | null} */
  get rebalance() {
    return this.#number("rebalance");
  }
  set rebalance(/** @type {number | null} */ value) {
    this.#set("rebalance", value);
  }

  /** Factor on chroma, 0 to 2; null: 1. @returns {number | null} */
  get saturation() {
    return this.#number("saturation");
  }
  set saturation(/** @type {number | null} */ value) {
    this.#set("saturation", value);
  }

  /** -1 (a cool day's light) to 1 (a warm one's); null: 0. @returns {number | null} */
  get warmth() {
    return this.#number("warmth");
  }
  set warmth(/** @type {number | null} */ value) {
    this.#set("warmth", value);
  }

  /** The four settings together; those that are absent are the model's own. @returns {Partial<Tone>} */
  get tone() {
    return Object.fromEntries(TONE_NAMES.filter((name) => this[name] !== null).map((name) => [name, this[name]]));
  }
  set tone(/** @type {Partial<Tone>} */ tone) {
    for (const name of TONE_NAMES) this[name] = tone[name] ?? null;
  }

  /**
   * Absent (null): the picture alone; empty: everything; else some of `choose compare zoom tone save`.
   *
   * @returns {string | null}
   */
  get controls() {
    return this.getAttribute("controls");
  }
  set controls(/** @type {string | boolean | null} */ value) {
    this.#set("controls", value === true ? "" : value === false ? null : value);
  }

  /** How before and after are shown. @returns {Mode} */
  get mode() {
    return oneOf(MODES, this.getAttribute("mode"), "slider");
  }
  set mode(/** @type {Mode} */ value) {
    this.#set("mode", value);
  }

  /** Type of the value and of what is saved. @returns {FileType} */
  get type() {
    return this.getAttribute("type") === "image/jpeg" ? "image/jpeg" : "image/png";
  }
  set type(/** @type {FileType} */ value) {
    this.#set("type", value);
  }

  /** What the photograph shows, for those who do not see it. */
  get alt() {
    return this.getAttribute("alt") ?? "";
  }
  set alt(/** @type {string} */ value) {
    this.#set("alt", value);
  }

  /** The value's name in a form. */
  get name() {
    return this.getAttribute("name") ?? "";
  }
  set name(/** @type {string} */ value) {
    this.#set("name", value);
  }

  get disabled() {
    return this.hasAttribute("disabled");
  }
  set disabled(/** @type {boolean} */ on) {
    this.toggleAttribute("disabled", on);
  }

  /** Whether the form wants a photograph. */
  get required() {
    return this.hasAttribute("required");
  }
  set required(/** @type {boolean} */ on) {
    this.toggleAttribute("required", on);
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
    if (colorization) this.show(colorization).catch((error) => this.#lost(error));
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
    return this.#value;
  }

  get form() {
    return this.#internals.form;
  }

  get labels() {
    return this.#internals.labels;
  }

  get validity() {
    return this.#internals.validity;
  }

  get validationMessage() {
    return this.#internals.validationMessage;
  }

  get willValidate() {
    return this.#internals.willValidate;
  }

  checkValidity() {
    return this.#internals.checkValidity();
  }

  reportValidity() {
    return this.#internals.reportValidity();
  }

  /** Screen pixels for a pixel of the photograph; 0 without one. */
  get zoom() {
    return this.#viewer.zoom;
  }

  /** Longest side of what is drawn, in pixels; null while it is on its way. */
  get drawnSide() {
    return this.#drawing.side;
  }

  /** Whether before is the photograph as it came, colours and all; else what the model saw. */
  get truth() {
    return this.#drawing.truth;
  }
  set truth(/** @type {boolean} */ on) {
    this.#drawing.setTruth(on);
  }

  /** Whether the original is shown in the colours' place. */
  get held() {
    return this.#ui.viewer.classList.contains("held");
  }
  set held(/** @type {boolean} */ on) {
    this.#viewer.hold(on);
  }

  /** Whether a point can be chosen: `colorize-point` tells of it. */
  get inspecting() {
    return this.#viewer.inspecting;
  }
  set inspecting(/** @type {boolean} */ on) {
    this.#viewer.inspect(on);
    this.#showControls();
  }

  /** A picture over the photograph, such as `Colorization.confidence`'s. @param {ImageData | null} pixels */
  set overlay(/** @type {ImageData | null} */ pixels) {
    const { overlay } = this.#ui;
    this.#overlay = pixels !== null;
    overlay.hidden = pixels === null;
    if (pixels) draw(overlay, pixels);
    else clear(overlay);
    this.#viewer.layOut();
  }
  /** Whether there is one. */
  get hasOverlay() {
    return this.#overlay;
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

  /** Shows a photograph as it is, until there are colours. @param {Blob} blob */
  preview(blob) {
    return this.#preview(blob);
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
   * @param {WorkOptions & Partial<Tone> & Partial<FileOptions>} [options] as in `Colorization.toBlob`; what is absent is the element's
   * @returns {Promise<Blob>}
   */
  async toBlob(options = {}) {
    const colorization = this.#drawing.colorization;
    if (!colorization) throw errorOf("invalid-argument", "No photograph is in colour yet. Wait for colorize-done.");
    return colorization.toBlob({ type: this.type, ...this.tone, ...options });
  }

  /** Copies what is on show. @param {HTMLCanvasElement} canvas it takes the picture's shape @param {number} maxSide */
  drawTo(canvas, maxSide) {
    this.#drawing.copyTo(canvas, maxSide);
  }

  /** Enlarges or, with a factor below 1, reduces. @param {number} factor */
  zoomBy(factor) {
    this.#viewer.zoomBy(factor);
  }

  /** One pixel of the photograph on one of the screen. */
  zoomReal() {
    this.#viewer.zoomReal();
  }

  /** All of the photograph. */
  zoomFit() {
    this.#viewer.zoomFit();
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

/** @param {ShadowRoot} root */
function partsOf(root) {
  /** @template {Element} T @param {string} id @param {new () => T} kind @returns {T} */
  const part = (id, kind) => {
    const found = root.getElementById(id);
    if (!(found instanceof kind)) throw new Error(`#${id} is missing`);
    return found;
  };
  const tone = (/** @type {ToneName} */ name) => ({
    input: part(`slider-${name}`, HTMLInputElement),
    output: part(`value-${name}`, HTMLOutputElement),
  });
  return {
    viewer: part("frame", HTMLElement),
    view: part("view", HTMLElement),
    paneBefore: part("pane-before", HTMLElement),
    paneAfter: part("pane-after", HTMLElement),
    before: part("before", HTMLCanvasElement),
    after: part("after", HTMLCanvasElement),
    overlay: part("overlay", HTMLCanvasElement),
    crosshair: part("crosshair", HTMLElement),
    divider: part("compare", HTMLInputElement),
    dividerWords: part("compare-value", HTMLSlotElement),
    choose: part("choose", HTMLElement),
    picker: part("picker", HTMLInputElement),
    busy: part("busy", HTMLElement),
    progress: part("busy-progress", HTMLProgressElement),
    cancel: part("busy-cancel", HTMLButtonElement),
    failure: part("failure", HTMLElement),
    failureWords: part("failure-words", HTMLElement),
    retry: part("failure-retry", HTMLButtonElement),
    tools: part("tools", HTMLElement),
    zooms: part("zooms", HTMLElement),
    closer: part("closer", HTMLButtonElement),
    farther: part("farther", HTMLButtonElement),
    whole: part("whole", HTMLButtonElement),
    tonesBox: part("tones", HTMLElement),
    tones: {
      temperature: tone("temperature"),
      rebalance: tone("rebalance"),
      saturation: tone("saturation"),
      warmth: tone("warmth"),
    },
    reset: part("reset-tone", HTMLButtonElement),
    files: part("files", HTMLElement),
    saveFile: part("save-file", HTMLButtonElement),
  };
}

/** @param {string} address @param {AbortSignal} signal @returns {Promise<Blob>} */
async function fetched(address, signal) {
  let why;
  try {
    const response = await fetch(new URL(address, document.baseURI), { signal });
    if (response.ok)
      return new File([await response.blob()], nameOf(address), { type: response.headers.get("content-type") ?? "" });
    why = `${response.status} ${response.statusText}`.trim();
  } catch (cause) {
    signal.throwIfAborted();
    why = cause instanceof Error ? cause.message : String(cause);
  }
  throw errorOf(
    "image-download",
    `The photograph could not be loaded (${address}: ${why}). Check its address and try again.`,
  );
}
