/**
 * Before and after, zoom, pan and the point under inspection. The two panes show the same place of the
 * photograph at the same scale; canvases of any resolution are laid over the photograph's own pixels.
 * Nothing here is mirrored in languages that run from the right.
 */

/** CSS pixels for a pixel of the photograph, at most. */
const LARGEST = 32;
/** A small photograph is enlarged so far to fill the view. */
const FIT = 2;
const STEP = 1.25;
/** A second tap within this time and distance is a double tap. */
const TAP_TIME = 300;
const TAP_REACH = 24;

/** @typedef {{ width: number, height: number }} Size */
/** @typedef {{ x: number, y: number }} Point */
/** @typedef {"slider" | "side" | "after"} Mode */
/** @typedef {{ zoom: () => void, point: (point: Point) => void }} Listeners */
/**
 * @typedef {{ viewer: HTMLElement, view: HTMLElement, before: HTMLElement, after: HTMLElement, crosshair:
 *   HTMLElement, divider: HTMLInputElement, dividerWords: HTMLSlotElement }} Parts
 */

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {number} value @param {number} low @param {number} high */
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class Viewer {
  #ui;
  #heard;
  /** The photograph's size in pixels. @type {Size | null} */
  #photograph = null;
  /** Where the middle of a pane is on the photograph, and CSS pixels for one of its own. */
  #place = { x: 0, y: 0, scale: 1 };
  #fitted = true;
  /** The point under inspection. @type {Point | null} */
  #point = null;
  #inspecting = false;
  #zooms = false;
  /** Fingers and buttons that are down. @type {Map<number, Point>} */
  #down = new Map();
  #tap = { time: 0, x: 0, y: 0 };
  #moved = false;
  #resized = new ResizeObserver(() => this.layOut());

  /**
   * @param {Parts} ui
   * @param {Listeners} heard `zoom`: the scale may be another; `point`: what is inspected, in pixels of the photograph
   */
  constructor(ui, heard) {
    this.#ui = ui;
    this.#heard = heard;
    const { view, divider } = ui;
    divider.addEventListener("input", () => this.placeDivider());
    divider.addEventListener("focus", () => this.placeDivider());
    // Keys go by the hundredth; a pointer goes anywhere.
    divider.addEventListener("keydown", () => (divider.step = "1"));
    divider.addEventListener("pointerdown", () => (divider.step = "any"));
    view.addEventListener("keydown", (event) => this.#key(event));
    view.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    view.addEventListener("pointerdown", (event) => this.#press(event));
    view.addEventListener("pointermove", (event) => this.#drag(event));
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"]))
      view.addEventListener(end, (event) => this.#lift(event));
    // Two fingers are ours; one scrolls the page while all of the photograph is seen.
    view.addEventListener("touchstart", (event) => this.#zooms && event.touches.length > 1 && event.preventDefault(), {
      passive: false,
    });
  }

  /** Follows the view's size, or no longer does. @param {boolean} on */
  watch(on) {
    if (on) this.#resized.observe(this.#ui.view);
    else this.#resized.disconnect();
  }

  /** @param {Mode} mode */
  setMode(mode) {
    const { viewer, divider } = this.#ui;
    viewer.dataset["mode"] = mode;
    divider.disabled = mode !== "slider";
    this.layOut();
  }

  /** The original in both panes' place. @param {boolean} on */
  hold(on) {
    this.#ui.viewer.classList.toggle("held", on);
  }

  /** @param {boolean} on whether keys, wheel and fingers zoom */
  setZooms(on) {
    this.#zooms = on;
    if (!on) this.zoomFit();
  }

  placeDivider() {
    const { viewer, divider, dividerWords } = this.#ui;
    const at = Number(divider.value);
    viewer.style.setProperty("--divider", `${at}%`);
    const language =
      /** @type {HTMLElement | null} */ (/** @type {ShadowRoot} */ (viewer.getRootNode()).host.closest("[lang]"))
        ?.lang || undefined;
    const share = new Intl.NumberFormat(language, { style: "percent" }).format((100 - at) / 100);
    const words = dividerWords
      .assignedNodes({ flatten: true })
      .map((node) => node.textContent)
      .join("");
    divider.setAttribute("aria-valuetext", words.replace("{share}", share).trim());
  }

  /** Whether a press in the picture is for the divider. */
  get #divides() {
    const { viewer, divider } = this.#ui;
    const seen = this.#photograph && !viewer.matches(".empty, .held");
    return seen && !divider.disabled && !divider.hidden && !this.#inspecting;
  }

  /** Brings the divider to a place of the window. @param {number} clientX */
  #divideAt(clientX) {
    const { view, divider } = this.#ui;
    const { left, width } = view.getBoundingClientRect();
    divider.step = "any";
    divider.value = String(clamp((100 * (clientX - left)) / width, 0, 100));
    this.placeDivider();
  }

  /** The pane in colour; in every mode both have one size. */
  #pane() {
    return this.#ui.after.getBoundingClientRect();
  }

  #fitScale() {
    const { width, height } = this.#pane();
    return this.#photograph ? Math.min(FIT, width / this.#photograph.width, height / this.#photograph.height) : 1;
  }

  /** Keeps the photograph in the view, in the middle where it is smaller. @param {Size} photograph */
  #settle(photograph) {
    const { width, height } = this.#pane();
    const place = this.#place;
    const smallest = this.#fitScale();
    place.scale = this.#fitted ? smallest : clamp(place.scale, Math.min(smallest, 1 / devicePixelRatio), LARGEST);
    const [right, down] = [width / 2 / place.scale, height / 2 / place.scale];
    place.x = photograph.width <= 2 * right ? photograph.width / 2 : clamp(place.x, right, photograph.width - right);
    place.y = photograph.height <= 2 * down ? photograph.height / 2 : clamp(place.y, down, photograph.height - down);
  }

  /** Lays the canvases where the photograph is. */
  layOut() {
    const photograph = this.#photograph;
    const { width, height } = this.#pane();
    if (!photograph || width === 0 || height === 0) return;
    this.#settle(photograph);
    const { x, y, scale } = this.#place;
    const [left, top] = [width / 2 - x * scale, height / 2 - y * scale];
    for (const canvas of this.#ui.view.querySelectorAll("canvas")) {
      const across = (photograph.width * scale) / canvas.width;
      const down = (photograph.height * scale) / canvas.height;
      canvas.style.transform = `translate(${left}px, ${top}px) scale(${across}, ${down})`;
      canvas.classList.toggle("crisp", scale * devicePixelRatio >= 2 && canvas.width === photograph.width);
    }
    this.#layPoint(left, top);
    this.#ui.viewer.classList.toggle("zoomed", !this.#fitted);
    this.#heard.zoom();
  }

  /** @param {number} left @param {number} top */
  #layPoint(left, top) {
    const { crosshair, view } = this.#ui;
    crosshair.hidden = !this.#inspecting || !this.#point;
    if (crosshair.hidden || !this.#point) return;
    const here = this.#pane();
    const whole = view.getBoundingClientRect();
    const x = here.left - whole.left + left + (this.#point.x + 0.5) * this.#place.scale;
    const y = here.top - whole.top + top + (this.#point.y + 0.5) * this.#place.scale;
    crosshair.style.transform = `translate(${x}px, ${y}px)`;
  }

  /**
   * Where a place of the window is on the photograph.
   *
   * @param {number} clientX
   * @param {number} clientY
   * @returns {Point}
   */
  #onPhotograph(clientX, clientY) {
    const before = this.#ui.before.getBoundingClientRect();
    const within = clientX >= before.left && clientX < before.right && clientY >= before.top && clientY < before.bottom;
    const hit = within ? before : this.#pane();
    const { x, y, scale } = this.#place;
    return { x: x + (clientX - hit.left - hit.width / 2) / scale, y: y + (clientY - hit.top - hit.height / 2) / scale };
  }

  /** Screen pixels for a pixel of the photograph. */
  get zoom() {
    return this.#photograph ? this.#place.scale * devicePixelRatio : 0;
  }

  /** Whether all of the photograph is seen. */
  get fitted() {
    return this.#fitted;
  }

  /** Zooms; the given place of the window stays where it is. @param {number} scale @param {Point} [at] */
  #zoomTo(scale, at) {
    if (!this.#photograph) return;
    const before = at && this.#onPhotograph(at.x, at.y);
    const place = this.#place;
    const smallest = this.#fitScale();
    place.scale = clamp(scale, Math.min(smallest, 1 / devicePixelRatio), LARGEST);
    this.#fitted = Math.abs(place.scale - smallest) < 1e-6;
    if (at && before) {
      const after = this.#onPhotograph(at.x, at.y);
      place.x += before.x - after.x;
      place.y += before.y - after.y;
    }
    this.layOut();
  }

  /** Enlarges or, with a factor below 1, reduces. @param {number} factor @param {Point} [at] */
  zoomBy(factor, at) {
    const { scale } = this.#place;
    const smallest = this.#fitScale();
    const wish = scale * factor;
    // The fit is a stop on the way out.
    this.#zoomTo(
      factor < 1 && scale > smallest && wish < smallest ? smallest : factor < 1 && this.#fitted ? scale : wish,
      at,
    );
  }

  /** One pixel of the photograph on one of the screen. */
  zoomReal() {
    this.#zoomTo(1 / devicePixelRatio);
  }

  zoomFit() {
    this.#fitted = true;
    this.layOut();
  }

  /** @param {number} x @param {number} y CSS pixels */
  #panBy(x, y) {
    this.#place.x -= x / this.#place.scale;
    this.#place.y -= y / this.#place.scale;
    this.layOut();
  }

  /** Another photograph comes on show, or none. @param {Size | null} size */
  show(size) {
    this.#photograph = size;
    this.#point = null;
    this.#ui.crosshair.hidden = true;
    this.zoomFit();
  }

  get inspecting() {
    return this.#inspecting;
  }

  /** @param {boolean} on */
  inspect(on) {
    this.#inspecting = on;
    this.#ui.viewer.classList.toggle("inspecting", on);
    if (!on) this.#point = null;
    this.#ui.crosshair.hidden = true;
    this.layOut();
  }

  /** @param {Point} at pixels of the photograph */
  #pointAt({ x, y }) {
    if (!this.#photograph || !this.#inspecting) return;
    this.#point = {
      x: clamp(Math.floor(x), 0, this.#photograph.width - 1),
      y: clamp(Math.floor(y), 0, this.#photograph.height - 1),
    };
    this.layOut();
    this.#heard.point(this.#point);
  }

  /**
   * Moves the point by pixels of the screen, and by at least one of the photograph.
   *
   * @param {number} x
   * @param {number} y
   * @param {boolean} far
   */
  #movePoint(x, y, far) {
    const reach = Math.max(1, Math.round((far ? 40 : 8) / this.#place.scale));
    this.#pointAt(this.#point ? { x: this.#point.x + x * reach, y: this.#point.y + y * reach } : this.#place);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow && this.#inspecting) this.#movePoint(arrow[0], arrow[1], event.shiftKey);
    else if (!this.#zooms) return;
    else if (arrow && !this.#fitted) this.#panBy(-40 * arrow[0], -40 * arrow[1]);
    else if (event.key === "+" || event.key === "=") this.zoomBy(STEP);
    else if (event.key === "-") this.zoomBy(1 / STEP);
    else if (event.key === "0") this.zoomFit();
    else if (event.key === "1") this.zoomReal();
    else return;
    event.preventDefault();
  }

  /** The page scrolls under the wheel until the viewer is taken in hand. @param {WheelEvent} event */
  #wheel(event) {
    if (!this.#zooms) return;
    const pinch = event.ctrlKey || event.metaKey;
    if (!pinch && !this.#ui.view.matches(":focus") && this.#fitted) return;
    if (!pinch && this.#fitted && event.deltaY > 0) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * 33;
    this.zoomBy(Math.exp(clamp(-lines * (pinch ? 0.01 : 0.002), -0.5, 0.5)), { x: event.clientX, y: event.clientY });
  }

  #spread() {
    const [a, b] = [...this.#down.values()];
    return a && b ? { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, reach: Math.hypot(a.x - b.x, a.y - b.y) || 1 } : null;
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (event.button !== 0) return;
    this.#down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.#moved = this.#down.size > 1;
    try {
      this.#ui.view.setPointerCapture(event.pointerId);
    } catch {
      // The pointer is gone already.
    }
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    const before = this.#down.get(event.pointerId);
    const mouse = event.pointerType === "mouse";
    if (this.#inspecting && (this.#down.size === 0 || (before && this.#down.size === 1 && !mouse))) {
      const { x, y } = this.#onPhotograph(event.clientX, event.clientY);
      if (this.#photograph && x >= 0 && y >= 0 && x < this.#photograph.width && y < this.#photograph.height)
        this.#pointAt({ x, y });
    }
    if (!before || (!this.#zooms && !this.#divides)) return;
    const old = this.#spread();
    const [x, y] = [event.clientX - before.x, event.clientY - before.y];
    if (Math.hypot(x, y) < 3 && !this.#moved) return;
    this.#moved = true;
    this.#down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const now = this.#spread();
    if (this.#fitted && this.#down.size === 1) {
      if (this.#divides) this.#divideAt(event.clientX);
    } else if (!this.#zooms) {
      return;
    } else if (old && now) {
      this.#panBy(now.x - old.x, now.y - old.y);
      this.zoomBy(now.reach / old.reach, now);
    } else if (!this.#fitted && !(this.#inspecting && !mouse)) {
      this.#panBy(x, y);
    }
  }

  /** @param {PointerEvent} event */
  #lift(event) {
    if (!this.#down.delete(event.pointerId) || event.type === "pointercancel" || this.#moved) return;
    const { clientX: x, clientY: y, timeStamp: time } = event;
    if (this.#inspecting) this.#pointAt(this.#onPhotograph(x, y));
    if (this.#divides) this.#divideAt(x);
    const second = time - this.#tap.time < TAP_TIME && Math.hypot(x - this.#tap.x, y - this.#tap.y) < TAP_REACH;
    this.#tap = second ? { time: 0, x: 0, y: 0 } : { time, x, y };
    if (!second || !this.#zooms) return;
    if (this.#fitted) this.#zoomTo(Math.max(1 / devicePixelRatio, 2 * this.#place.scale), { x, y });
    else this.zoomFit();
  }
}
