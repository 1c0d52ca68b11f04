/** The element's looks. A constructed sheet needs no `style-src` of the page's policy. */

const CSS = `
:host {
  /* Their own names: a page may give its --accent to --photo-colorizer-accent. */
  --own-accent: var(--photo-colorizer-accent, light-dark(#a63a2e, #f0877b));
  --own-on-accent: var(--photo-colorizer-on-accent, light-dark(#fff, #1c1d22));
  --own-ground: var(--photo-colorizer-ground, light-dark(#fff, #212228));
  --own-ink: var(--photo-colorizer-ink, light-dark(#1c1d22, #ecebe8));
  --own-quiet: var(--photo-colorizer-quiet, light-dark(#5b5d66, #a9abb4));
  --own-line: var(--photo-colorizer-line, light-dark(#8b8982, #7d808c));
  --own-mat: var(--photo-colorizer-mat, light-dark(#ecebe7, #0f1013));
  --own-alarm: var(--photo-colorizer-alarm, light-dark(#8f1d14, #ff9d92));
  --own-round: var(--photo-colorizer-round, 0.5rem);
  display: grid;
  grid-template: minmax(0, 1fr) / minmax(0, 1fr);
  gap: 0.5rem;
  min-inline-size: 0;
  overflow: clip;
  overflow-clip-margin: 0.5rem;
  color: var(--own-ink);
  font: 1rem/1.5 system-ui, sans-serif;
}
:host([hidden]), [hidden] { display: none !important; }
* { box-sizing: border-box; }
.unseen {
  position: absolute; inline-size: 1px; block-size: 1px; margin: 0; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap;
}
.quiet { color: var(--own-quiet); }
.viewer {
  --ratio: 3 / 2; --divider: 50%; position: relative; align-self: stretch; min-block-size: 6rem;
  inline-size: 100%; max-block-size: var(--photo-colorizer-max-block-size, 80vh); aspect-ratio: var(--ratio);
  container-type: inline-size;
}
.stage {
  position: absolute; inset: 0; overflow: hidden; border-radius: var(--own-round); background: var(--own-mat);
  user-select: none;
}
.stage[tabindex], .viewer[data-mode="slider"]:not(.plain) .stage { touch-action: pan-y; }
.viewer[data-mode="slider"]:not(.plain, .empty, .held) .stage { cursor: ew-resize; }
.stage:focus-visible { outline: 3px solid var(--own-accent); outline-offset: 2px; }
.zoomed .stage { cursor: grab; touch-action: none; }
.zoomed .stage:active { cursor: grabbing; }
.inspecting .stage { cursor: crosshair; touch-action: none; }
.pane { position: absolute; inset: 0; overflow: hidden; }
.pane canvas { position: absolute; inset-block-start: 0; inset-inline-start: 0; transform-origin: 0 0; }
.pane .crisp { image-rendering: pixelated; }
.pane .overlay { image-rendering: auto; }
.viewer[data-mode="slider"]:not(.held) .pane-after { clip-path: inset(0 0 0 var(--divider)); }
.viewer[data-mode="slider"] .pane-before { clip-path: inset(0 calc(100% - var(--divider)) 0 0); }
.viewer[data-mode="after"] .pane-before { visibility: hidden; }
.viewer.held .pane-before, .viewer.empty .pane-before { visibility: visible; clip-path: none; }
.viewer.held .pane-after, .empty .pane-after, .empty .divider, .empty .compare, .vacant .tag { visibility: hidden; }
.viewer[data-mode="side"] .pane-before { inset-inline-end: calc(50% + 1px); }
.viewer[data-mode="side"] .pane-after { inset-inline-start: calc(50% + 1px); }
.tag {
  position: absolute; top: 0.5rem; padding: 0 0.5rem; border-radius: 1rem; color: #fff; background: #1c1d22cc;
  font-size: 0.8125rem; pointer-events: none;
}
.plain .tag { display: none; }
.pane-before .tag { left: 0.5rem; }
.pane-after .tag { right: 0.5rem; }
.divider, .compare { display: none; }
[data-mode="slider"]:not(.held) .divider {
  position: absolute; inset-block: 0; inset-inline-start: var(--divider); display: block; inline-size: 2px;
  margin-inline-start: -1px; background: #fff; box-shadow: 0 0 3px #0009; pointer-events: none;
}
/* The range lies over the stage; only its thumb takes the pointer, so that it is the handle. */
[data-mode="slider"]:not(.held) .compare {
  position: absolute; inset-block-start: calc(50% - 1.375rem); inset-inline: -1.375rem; display: block;
  inline-size: calc(100% + 2.75rem); block-size: 2.75rem; margin: 0; appearance: none; background: none;
  outline: none; pointer-events: none; touch-action: none;
}
.compare::-webkit-slider-runnable-track { background: none; }
.compare::-moz-range-track { background: none; }
.compare::-webkit-slider-thumb {
  inline-size: 2.75rem; block-size: 2.75rem; border: 2px solid #fff; border-radius: 50%; appearance: none;
  background: var(--thumb); box-shadow: 0 0 4px #0009; cursor: ew-resize; pointer-events: auto;
}
.compare::-moz-range-thumb {
  box-sizing: border-box; inline-size: 2.75rem; block-size: 2.75rem; border: 2px solid #fff;
  border-radius: 50%; background: var(--thumb); box-shadow: 0 0 4px #0009; cursor: ew-resize;
  pointer-events: auto;
}
.compare {
  --thumb:
    linear-gradient(#fff 0 0) calc(50% - 4px) / 2px 40% no-repeat,
    linear-gradient(#fff 0 0) calc(50% + 4px) / 2px 40% no-repeat, #1c1d22b3;
}
.compare:focus-visible::-webkit-slider-thumb { outline: 3px solid var(--own-accent); outline-offset: 2px; }
.compare:focus-visible::-moz-range-thumb { outline: 3px solid var(--own-accent); outline-offset: 2px; }
.crosshair {
  position: absolute; inset-block-start: -0.75rem; inset-inline-start: -0.75rem; inline-size: 1.5rem;
  block-size: 1.5rem; border: 2px solid #fff; border-radius: 50%; outline: 1px solid #000;
  box-shadow: inset 0 0 0 1px #000; pointer-events: none;
}
.choose { justify-self: start; cursor: pointer; }
.choose .quiet { display: none; }
.viewer, .vacant + .choose { grid-area: 1 / 1; }
.vacant + .choose {
  z-index: 1; display: grid; place-content: center; place-self: stretch; gap: 0.25rem; justify-items: center;
  padding: 1rem; border: 2px dashed var(--own-line); border-radius: var(--own-round); text-align: center;
}
.vacant + .choose .quiet { display: inline; }
.over + .choose { border-color: var(--own-accent); border-style: solid; }
.choose:has(:focus-visible) .button, button:focus-visible, .slider input:focus-visible {
  outline: 3px solid var(--own-accent); outline-offset: 2px;
}
button, .button {
  display: inline-block; min-block-size: 2.25rem; padding: 0.25rem 0.875rem;
  border: 1px solid var(--own-line); border-radius: var(--own-round); color: var(--own-ink);
  background: var(--own-ground); font: inherit; cursor: pointer;
}
button:disabled { opacity: 0.55; cursor: default; }
.vacant + .choose .button, #save-file {
  border-color: var(--own-accent); color: var(--own-on-accent); background: var(--own-accent);
}
.icon { min-inline-size: 2.25rem; padding-inline: 0.25rem; }
.busy, .failure, .zoom, .files { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }
.busy progress { flex: 1 1 8rem; accent-color: var(--own-accent); }
.failure { color: var(--own-alarm); }
.tools { display: flex; flex-wrap: wrap; gap: 0.75rem 1.5rem; align-items: center; }
.tone {
  display: grid; flex: 1 1 100%; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr));
  gap: 0.5rem 1.5rem; align-items: end;
}
.slider { display: grid; grid-template-columns: 1fr auto; }
.slider input {
  grid-column: 1 / -1; inline-size: 100%; min-block-size: 1.5rem; margin: 0; accent-color: var(--own-accent);
}
.tone button { justify-self: start; }
@container (max-width: 36rem) {
  .viewer[data-mode="side"] .pane-before { inset: 0 0 calc(50% + 1px); }
  .viewer[data-mode="side"] .pane-after { inset: calc(50% + 1px) 0 0; }
}
@media (forced-colors: active) {
  .divider { forced-color-adjust: none; }
}
`;

/** @type {CSSStyleSheet | undefined} */
let sheet;

/** One sheet for all elements. */
export function style() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
  }
  return sheet;
}
