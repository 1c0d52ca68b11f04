/**
 * Zoom, pan and the point under inspection. The two panes show the same place of the photograph at the
 * same scale; canvases of any resolution are laid over the photograph's own pixels. Nothing here is
 * mirrored in languages that run from the right.
 */

import { element } from "./elements.js";
import { percent, say } from "./language.js";

/** CSS pixels for a pixel of the photograph, at most. */
const LARGEST = 32;
/** A small photograph is enlarged so far to fill the view. */
const FIT = 2;
const STEP = 1.25;
/** A second tap within this time and distance is a double tap. */
const TAP_TIME = 300;
const TAP_REACH = 24;

const ui = {
  viewer: element("viewer", HTMLElement),
  view: element("view", HTMLElement),
  before: element("pane-before", HTMLElement),
  after: element("pane-after", HTMLElement),
  crosshair: element("crosshair", HTMLElement),
  value: element("zoom-value", HTMLOutputElement),
  fit: element("zoom-fit", HTMLButtonElement),
};

/** @typedef {{ width: number, height: number }} Size */

/** The photograph's size in pixels. @type {Size | null} */
let photograph = null;
/** Where the middle of a pane is on the photograph, and CSS pixels for one of its own. */
const place = { x: 0, y: 0, scale: 1 };
let fitted = true;
/** The point under inspection. @type {{ x: number, y: number } | null} */
let point = null;
let inspecting = false;

/** @type {{ zoom: (device: number) => void, point: (x: number, y: number) => void }} */
const heard = { zoom: () => {}, point: () => {} };

/** @param {Partial<typeof heard>} listeners `zoom`: device pixels for a pixel of the photograph; `point`: what is inspected */
export function listen(listeners) {
  Object.assign(heard, listeners);
}

/** The pane in colour; in every mode both have one size. */
const pane = () => ui.after.getBoundingClientRect();

function fitScale() {
  const { width, height } = pane();
  return photograph ? Math.min(FIT, width / photograph.width, height / photograph.height) : 1;
}

/** @param {number} value @param {number} low @param {number} high */
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Keeps the photograph in the view, in the middle where it is smaller. */
function settle() {
  if (!photograph) return;
  const { width, height } = pane();
  const smallest = fitScale();
  place.scale = fitted ? smallest : clamp(place.scale, Math.min(smallest, 1 / devicePixelRatio), LARGEST);
  const [right, down] = [width / 2 / place.scale, height / 2 / place.scale];
  place.x = photograph.width <= 2 * right ? photograph.width / 2 : clamp(place.x, right, photograph.width - right);
  place.y = photograph.height <= 2 * down ? photograph.height / 2 : clamp(place.y, down, photograph.height - down);
}

/** Lays the canvases where the photograph is. */
export function layOut() {
  if (!photograph) return;
  settle();
  const { width, height } = pane();
  const [left, top] = [width / 2 - place.x * place.scale, height / 2 - place.y * place.scale];
  for (const canvas of ui.view.querySelectorAll("canvas")) {
    const across = (photograph.width * place.scale) / canvas.width;
    const down = (photograph.height * place.scale) / canvas.height;
    canvas.style.transform = `translate(${left}px, ${top}px) scale(${across}, ${down})`;
    canvas.classList.toggle("crisp", place.scale * devicePixelRatio >= 2 && canvas.width === photograph.width);
  }
  layPoint(left, top);
  const device = place.scale * devicePixelRatio;
  ui.viewer.classList.toggle("zoomed", !fitted);
  ui.viewer.dataset["zoom"] = device.toFixed(3);
  say(ui.value, "value", { value: percent(device) });
  ui.fit.disabled = fitted;
  heard.zoom(device);
}

/** @param {number} left @param {number} top */
function layPoint(left, top) {
  ui.crosshair.hidden = !inspecting || !point;
  if (ui.crosshair.hidden || !point) return;
  const here = pane();
  const view = ui.view.getBoundingClientRect();
  const x = here.left - view.left + left + (point.x + 0.5) * place.scale;
  const y = here.top - view.top + top + (point.y + 0.5) * place.scale;
  ui.crosshair.style.transform = `translate(${x}px, ${y}px)`;
}

/** Where a place of the window is on the photograph. @param {number} clientX @param {number} clientY */
function onPhotograph(clientX, clientY) {
  const before = ui.before.getBoundingClientRect();
  const within = clientX >= before.left && clientX < before.right && clientY >= before.top && clientY < before.bottom;
  const hit = within ? before : pane();
  return {
    x: place.x + (clientX - hit.left - hit.width / 2) / place.scale,
    y: place.y + (clientY - hit.top - hit.height / 2) / place.scale,
  };
}

/** Zooms; the given place of the window stays where it is. @param {number} scale @param {number} [clientX] @param {number} [clientY] */
function zoomTo(scale, clientX, clientY) {
  if (!photograph) return;
  const before = clientX === undefined || clientY === undefined ? null : onPhotograph(clientX, clientY);
  const smallest = fitScale();
  place.scale = clamp(scale, Math.min(smallest, 1 / devicePixelRatio), LARGEST);
  fitted = Math.abs(place.scale - smallest) < 1e-6;
  if (before && clientX !== undefined && clientY !== undefined) {
    const after = onPhotograph(clientX, clientY);
    place.x += before.x - after.x;
    place.y += before.y - after.y;
  }
  layOut();
}

/** Enlarges or, with a factor below 1, reduces. @param {number} factor @param {number} [x] @param {number} [y] */
function zoomBy(factor, x, y) {
  const smallest = fitScale();
  const wish = place.scale * factor;
  // The fit is a stop on the way out.
  zoomTo(factor < 1 && place.scale > smallest && wish < smallest ? smallest : factor < 1 && fitted ? place.scale : wish, x, y);
}

/** One pixel of the photograph on one of the screen. @param {number} [x] @param {number} [y] */
const zoomReal = (x, y) => zoomTo(1 / devicePixelRatio, x, y);

export function zoomFit() {
  fitted = true;
  layOut();
}

/** @param {number} x @param {number} y CSS pixels */
function panBy(x, y) {
  place.x -= x / place.scale;
  place.y -= y / place.scale;
  layOut();
}

/** Another photograph comes on show, or none. @param {Size | null} size */
export function show(size) {
  photograph = size;
  point = null;
  ui.crosshair.hidden = true;
  zoomFit();
}

/** @param {boolean} on */
export function inspect(on) {
  inspecting = on;
  ui.viewer.classList.toggle("inspecting", on);
  if (!on) point = null;
  layOut();
}

/** @param {number} x @param {number} y pixels of the photograph */
function pointAt(x, y) {
  if (!photograph || !inspecting) return;
  point = { x: clamp(Math.floor(x), 0, photograph.width - 1), y: clamp(Math.floor(y), 0, photograph.height - 1) };
  layOut();
  heard.point(point.x, point.y);
}

/** Moves the point by pixels of the screen, and by at least one of the photograph. @param {number} x @param {number} y @param {boolean} far */
function movePoint(x, y, far) {
  if (!photograph) return;
  const from = point ?? { x: Math.floor(place.x), y: Math.floor(place.y) };
  const reach = Math.max(1, Math.round((far ? 40 : 8) / place.scale));
  if (!point) pointAt(from.x, from.y);
  else pointAt(from.x + x * reach, from.y + y * reach);
}

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

ui.view.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = ARROWS[event.key];
  if (arrow && inspecting) movePoint(arrow[0], arrow[1], event.shiftKey);
  else if (arrow && !fitted) panBy(-40 * arrow[0], -40 * arrow[1]);
  else if (event.key === "+" || event.key === "=") zoomBy(STEP);
  else if (event.key === "-") zoomBy(1 / STEP);
  else if (event.key === "0") zoomFit();
  else if (event.key === "1") zoomReal();
  else return;
  event.preventDefault();
});

// The page scrolls under the wheel until the viewer is taken in hand.
ui.view.addEventListener(
  "wheel",
  (event) => {
    const pinch = event.ctrlKey || event.metaKey;
    if (!pinch && document.activeElement !== ui.view && fitted) return;
    if (!pinch && fitted && event.deltaY > 0) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * 33;
    zoomBy(Math.exp(clamp(-lines * (pinch ? 0.01 : 0.002), -0.5, 0.5)), event.clientX, event.clientY);
  },
  { passive: false },
);

/** Fingers and buttons that are down. @type {Map<number, { x: number, y: number }>} */
const down = new Map();
let tap = { time: 0, x: 0, y: 0 };
let moved = false;

function spread() {
  const [a, b] = [...down.values()];
  return a && b ? { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, reach: Math.hypot(a.x - b.x, a.y - b.y) || 1 } : null;
}

ui.view.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  down.set(event.pointerId, { x: event.clientX, y: event.clientY });
  moved = down.size > 1;
  try {
    ui.view.setPointerCapture(event.pointerId);
  } catch {
    // The pointer is gone already.
  }
});
ui.view.addEventListener("pointermove", (event) => {
  const before = down.get(event.pointerId);
  if (inspecting && (down.size === 0 || (before && down.size === 1 && event.pointerType !== "mouse"))) {
    const { x, y } = onPhotograph(event.clientX, event.clientY);
    if (photograph && x >= 0 && y >= 0 && x < photograph.width && y < photograph.height) pointAt(x, y);
  }
  if (!before) return;
  const old = spread();
  const [x, y] = [event.clientX - before.x, event.clientY - before.y];
  if (Math.hypot(x, y) < 3 && !moved) return;
  moved = true;
  down.set(event.pointerId, { x: event.clientX, y: event.clientY });
  const now = spread();
  if (old && now) {
    panBy(now.x - old.x, now.y - old.y);
    zoomBy(now.reach / old.reach, now.x, now.y);
  } else if (!fitted && !(inspecting && event.pointerType !== "mouse")) {
    panBy(x, y);
  }
});
for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
  ui.view.addEventListener(end, (event) => {
    if (!down.delete(event.pointerId) || end === "pointercancel" || moved) return;
    const { clientX: x, clientY: y, timeStamp: time } = event;
    if (inspecting) {
      const at = onPhotograph(x, y);
      pointAt(at.x, at.y);
    }
    const second = time - tap.time < TAP_TIME && Math.hypot(x - tap.x, y - tap.y) < TAP_REACH;
    tap = second ? { time: 0, x: 0, y: 0 } : { time, x, y };
    if (!second) return;
    if (fitted) zoomTo(Math.max(1 / devicePixelRatio, 2 * place.scale), x, y);
    else zoomFit();
  });
}
// Two fingers are ours; one scrolls the page while all of the photograph is seen.
ui.view.addEventListener("touchstart", (event) => event.touches.length > 1 && event.preventDefault(), { passive: false });

element("zoom-in", HTMLButtonElement).addEventListener("click", () => zoomBy(1.5));
element("zoom-out", HTMLButtonElement).addEventListener("click", () => zoomBy(1 / 1.5));
element("zoom-real", HTMLButtonElement).addEventListener("click", () => zoomReal());
ui.fit.addEventListener("click", zoomFit);
new ResizeObserver(layOut).observe(ui.view);
