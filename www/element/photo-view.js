/** The photograph on show and how it is looked at: zoom, a point, the original, a picture over it. */

import { clear, draw, whenRestored } from "./canvas.js";
import { Drawing } from "./drawing.js";
import { FormControl } from "./form-control.js";
import { build, partsOf } from "./markup.js";
import { style } from "./style.js";
import { Viewer } from "./viewer.js";

/** @typedef {import("./events.js").PhotoColorizerEvents} PhotoColorizerEvents */
/**
 * @typedef {object} Display
 * @property {ShadowRoot} root
 * @property {import("./markup.js").Parts} ui
 * @property {Drawing} drawing
 * @property {Viewer} viewer
 * @property {(size: import("./viewer.js").Size | null) => void} setSize of the photograph that comes on show
 * @property {() => void} stopPreview a preview that is on its way is not shown
 * @property {{ drawn: () => void, failed: (error: unknown) => void, inspecting: () => void }} heard
 */

/** What only the element itself may use. @type {(element: PhotoView) => Display} */
export let displayOf;

/**
 * @template {keyof PhotoColorizerEvents} T
 * @param {EventTarget} element
 * @param {T} type
 * @param {PhotoColorizerEvents[T]["detail"]} detail
 */
export function tell(element, type, detail) {
  element.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
}

export class PhotoView extends FormControl {
  /** @type {Display} */
  #display;
  /** Previews that have begun; only the newest is shown. */
  #previews = 0;
  /** What is over the photograph, for as long as it is. @type {ImageData | null} */
  #over = null;
  /** The photograph that is shown as it is. @type {Blob | null} */
  #previewed = null;

  static {
    displayOf = (element) => element.#display;
  }

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    root.adoptedStyleSheets = [style()];
    build(root);
    const ui = partsOf(root);
    const { view, before, after, paneBefore, paneAfter, crosshair, divider, dividerWords } = ui;
    const drawing = new Drawing(
      { before, after },
      {
        changed: () => viewer.layOut(),
        drawn: () => this.#display.heard.drawn(),
        failed: (error) => this.#display.heard.failed(error),
        lost: () => this.#previewed && this.preview(this.#previewed),
      },
    );
    const viewer = new Viewer(
      { viewer: ui.viewer, view, before: paneBefore, after: paneAfter, crosshair, divider, dividerWords },
      {
        zoom: () => {
          drawing.near(viewer.zoom);
          tell(this, "colorize-zoom", { zoom: viewer.zoom, fitted: viewer.fitted });
        },
        point: (point) => tell(this, "colorize-point", point),
      },
    );
    clear(ui.overlay);
    whenRestored(ui.overlay, () => this.#over && draw(ui.overlay, this.#over));
    this.#display = {
      root,
      ui,
      drawing,
      viewer,
      setSize(size) {
        ui.viewer.style.setProperty("--ratio", size ? `${size.width} / ${size.height}` : "3 / 2");
        viewer.show(size && { width: size.width, height: size.height });
      },
      stopPreview: () => {
        this.#previews++;
        this.#previewed = null;
      },
      heard: { drawn() {}, failed() {}, inspecting() {} },
    };
  }

  /** Screen pixels for a pixel of the photograph; 0 without one. */
  get zoom() {
    return this.#display.viewer.zoom;
  }

  /** Longest side of what is drawn, in pixels; null while it is on its way. */
  get drawnSide() {
    return this.#display.drawing.side;
  }

  /** Whether before is the photograph as it came, colours and all; else what the model saw. */
  get truth() {
    return this.#display.drawing.truth;
  }
  set truth(/** @type {boolean} */ on) {
    this.#display.drawing.setTruth(on);
  }

  /** Whether the original is shown in the colours' place. */
  get held() {
    return this.#display.ui.viewer.classList.contains("held");
  }
  set held(/** @type {boolean} */ on) {
    this.#display.viewer.hold(on);
  }

  /** Whether a point can be chosen: `colorize-point` tells of it. */
  get inspecting() {
    return this.#display.viewer.inspecting;
  }
  set inspecting(/** @type {boolean} */ on) {
    this.#display.viewer.inspect(on);
    this.#display.heard.inspecting();
  }

  /** A picture over the photograph, such as `Colorization.confidence`'s. @param {ImageData | null} pixels */
  set overlay(/** @type {ImageData | null} */ pixels) {
    const { overlay } = this.#display.ui;
    this.#over = pixels;
    overlay.hidden = pixels === null;
    if (pixels) draw(overlay, pixels);
    else clear(overlay);
    this.#display.viewer.layOut();
  }
  /** Whether there is one. */
  get hasOverlay() {
    return this.#over !== null;
  }

  /** Shows a photograph as it is, until there are colours, where the browser can read it. @param {Blob} blob */
  async preview(blob) {
    const mine = ++this.#previews;
    this.#previewed = blob;
    const { ui, drawing, setSize } = this.#display;
    const bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" }).catch(() => null);
    if (bitmap && mine === this.#previews && !drawing.colorization) {
      setSize(bitmap);
      drawing.preview(bitmap, bitmap);
      ui.viewer.classList.remove("vacant");
    }
    bitmap?.close();
  }

  /** Copies what is on show. @param {HTMLCanvasElement} canvas it takes the picture's shape @param {number} maxSide */
  drawTo(canvas, maxSide) {
    this.#display.drawing.copyTo(canvas, maxSide);
  }

  /** Enlarges or, with a factor below 1, reduces. @param {number} factor */
  zoomBy(factor) {
    this.#display.viewer.zoomBy(factor);
  }

  /** One pixel of the photograph on one of the screen. */
  zoomReal() {
    this.#display.viewer.zoomReal();
  }

  /** All of the photograph. */
  zoomFit() {
    this.#display.viewer.zoomFit();
  }
}
