/** Before and after: the divider, the modes, and a look at the original while a button is held. */

import { element } from "./elements.js";
import { percent, say } from "./language.js";
import { layOut } from "./viewer.js";

const ui = {
  viewer: element("viewer", HTMLElement),
  divider: element("compare", HTMLInputElement),
  hold: element("hold", HTMLButtonElement),
};

function place() {
  const at = Number(ui.divider.value);
  ui.viewer.style.setProperty("--divider", `${at}%`);
  say(ui.divider, "compare-value", { share: percent((100 - at) / 100) }, "aria-valuetext");
}

/** @param {boolean} on */
function hold(on) {
  ui.viewer.classList.toggle("held", on);
  ui.hold.setAttribute("aria-pressed", String(on));
}

ui.divider.addEventListener("input", place);
for (const radio of document.querySelectorAll("input[name=mode]")) {
  radio.addEventListener("change", () => {
    const mode = /** @type {HTMLInputElement} */ (radio).value;
    ui.viewer.dataset["mode"] = mode;
    ui.divider.disabled = mode !== "slider";
    // Both are seen already.
    ui.hold.disabled = mode === "side";
    layOut();
  });
}

// A press of a pointer or key is answered while it lasts; a click without one, as of a screen reader, switches.
ui.hold.addEventListener("pointerdown", (event) => {
  if (event.button === 0) hold(true);
});
for (const end of ["pointerup", "pointercancel", "pointerleave", "blur"]) ui.hold.addEventListener(end, () => hold(false));
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

place();
