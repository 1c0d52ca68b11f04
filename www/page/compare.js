/** The viewer's toolbar: how before and after are compared, a look at the original while a button is held, zoom. */

import { element } from "./elements.js";
import { percent, say } from "./language.js";
import { hold as holdOriginal, view } from "./rendering.js";

const ui = {
  hold: element("hold", HTMLButtonElement),
  value: element("zoom-value", HTMLOutputElement),
  fit: element("zoom-fit", HTMLButtonElement),
};

/** @param {boolean} on */
function hold(on) {
  holdOriginal(on);
  ui.hold.setAttribute("aria-pressed", String(on));
}

for (const radio of document.querySelectorAll("input[name=mode]")) {
  radio.addEventListener("change", () => {
    const mode = /** @type {import("../element.js").Mode} */ (/** @type {HTMLInputElement} */ (radio).value);
    view.mode = mode;
    // Both are seen already.
    ui.hold.disabled = mode === "side";
  });
}

// A press of a pointer or key is answered while it lasts; a click without one, as of a screen reader, switches.
ui.hold.addEventListener("pointerdown", (event) => {
  if (event.button === 0) hold(true);
});
for (const end of ["pointerup", "pointercancel", "pointerleave", "blur"])
  ui.hold.addEventListener(end, () => hold(false));
ui.hold.addEventListener("keydown", (event) => {
  if (event.key !== " " && event.key !== "Enter") return;
  event.preventDefault();
  hold(true);
});
ui.hold.addEventListener("keyup", (event) => {
  if (event.key !== " " && event.key !== "Enter") return;
  event.preventDefault();
  hold(false);
});
ui.hold.addEventListener("click", ({ detail }) => {
  if (detail === 0) hold(ui.hold.getAttribute("aria-pressed") !== "true");
});
ui.hold.addEventListener("contextmenu", (event) => event.preventDefault());

view.addEventListener("colorize-zoom", ({ detail: { zoom, fitted } }) => {
  say(ui.value, "value", { value: percent(zoom) });
  ui.fit.disabled = fitted;
});
element("zoom-in", HTMLButtonElement).addEventListener("click", () => view.zoomBy(1.5));
element("zoom-out", HTMLButtonElement).addEventListener("click", () => view.zoomBy(1 / 1.5));
element("zoom-real", HTMLButtonElement).addEventListener("click", () => view.zoomReal());
ui.fit.addEventListener("click", () => view.zoomFit());
