/**
 * What the canvases hold, and how finely. While settings move, a small render answers at once; where
 * more than that is wanted, it follows when they rest. The photograph's own pixels come only when the viewer
 * is closer than the preview, and go when it is not. The newest request wins.
 */

import { clear, draw, whenRestored } from "./canvas.js";

/** @typedef {import("../autochrome.js").Colorization} Colorization */
/** @typedef {Partial<import("../autochrome.js").Tone>} Tone */
/** @typedef {{ before: HTMLCanvasElement, after: HTMLCanvasElement }} Canvases */
/** @typedef {{ changed: () => void, drawn: () => void, failed: (error: unknown) => void, lost: () => void }} Listeners */

/** Longest sides: while a slider moves, and at rest. */
const DRAFT = 800;
export const PREVIEW = 1600;
/** Settings that do not move for so many milliseconds rest. */
const REST = 150;

/** Most pixels of a canvas; phones have less memory for them. */
const most = () => (matchMedia("(pointer: coarse)").matches ? 2 ** 24 : 2 ** 26);

export class Drawing {
  #canvases;
  #heard;
  /** @type {{ colorization: Colorization, tone: Tone } | null} */
  #shown = null;
  /** Whether the viewer is closer than the preview. */
  #close = false;
  /** Whether before is the photograph as it came, colours and all. */
  #truth = false;
  /** What the canvas before holds. @type {{ side: number | undefined, truth: boolean } | null} */
  #before = null;
  /** What the canvas after holds. @type {{ side: number | undefined, tone: Tone } | null} */
  #after = null;
  /** Longest side of what was drawn last, at rest. @type {number | null} */
  #side = null;
  /** @type {AbortController | null} */
  #fine = null;
  #running = false;
  #asked = 0;
  /** Whether settings have moved since the last render at rest. */
  #moving = false;
  /** Ends the wait for settings to rest. */
  #wake = () => {};

  /**
   * @param {Canvases} canvases
   * @param {Listeners} heard `changed`: a canvas holds something else; `drawn`: all that was asked for since it
   *   was shown, at rest; `lost`: what was shown before there are colours is there no more
   */
  constructor(canvases, heard) {
    this.#canvases = canvases;
    this.#heard = heard;
    for (const canvas of Object.values(canvases)) whenRestored(canvas, () => this.#redraw());
  }

  /** The canvases hold nothing any more. */
  #redraw() {
    this.#before = this.#after = null;
    if (this.#shown) this.refresh();
    else if (!this.vacant) this.#heard.lost();
  }

  get colorization() {
    return this.#shown?.colorization ?? null;
  }

  /** Whether there is nothing to be seen. */
  get vacant() {
    return !this.#shown && this.#canvases.before.width === 1;
  }

  /** Longest side of what is drawn, at rest; null while it is on its way. */
  get side() {
    return this.#side;
  }

  get truth() {
    return this.#truth;
  }

  /** @param {boolean} on */
  setTruth(on) {
    if (on === this.#truth) return;
    this.#truth = on;
    if (this.#shown?.colorization.isColor) this.refresh();
  }

  /**
   * Longest side of the finest render that is wanted; none for the photograph's own.
   *
   * @param {Colorization} colorization
   */
  #finest({ width, height }) {
    const longest = Math.max(width, height);
    const wish = this.#close ? Math.min(longest, Math.floor(longest * Math.sqrt(most() / (width * height)))) : PREVIEW;
    return wish < longest ? wish : undefined;
  }

  /**
   * A photograph in colour is compared with what the model saw of it.
   * @param {Colorization} colorization @param {number | undefined} maxSide @param {boolean} truth @param {AbortSignal} [signal]
   */
  #original(colorization, maxSide, truth, signal) {
    return colorization.isColor && !truth
      ? colorization.render({ saturation: 0, maxSide, signal })
      : colorization.original({ maxSide, signal });
  }

  async #run() {
    this.#running = true;
    const { before, after } = this.#canvases;
    for (let turn = -1; turn !== this.#asked && this.#shown; ) {
      turn = this.#asked;
      const { colorization, tone } = this.#shown;
      const here = () => this.#shown?.colorization === colorization;
      const now = () => turn === this.#asked && here();
      const maxSide = this.#finest(colorization);
      const truth = this.#truth;
      try {
        const quick = Math.max(colorization.width, colorization.height) > DRAFT ? DRAFT : PREVIEW;
        if (this.#moving) {
          const pixels = await colorization.render({ ...tone, maxSide: quick });
          if (!here()) continue;
          draw(after, pixels);
          this.#after = { side: quick, tone };
          this.#heard.changed();
          if (now()) await this.#rest();
          if (!now()) continue;
        }
        this.#fine = new AbortController();
        const { signal } = this.#fine;
        if (this.#before?.side !== maxSide || this.#before?.truth !== truth) {
          const original = await this.#original(colorization, maxSide, truth, signal);
          if (!here()) continue;
          draw(before, original);
          this.#before = { side: maxSide, truth };
        }
        if (this.#after?.side !== maxSide || this.#after?.tone !== tone) {
          const pixels = await colorization.render({ ...tone, maxSide, signal });
          if (!here()) continue;
          draw(after, pixels);
          this.#after = { side: maxSide, tone };
        }
        this.#moving &&= !now();
        this.#heard.changed();
        if (!now()) continue;
        this.#side = Math.max(after.width, after.height);
        this.#heard.drawn();
      } catch (error) {
        if (now()) this.#heard.failed(error);
      } finally {
        this.#fine = null;
      }
    }
    this.#running = false;
  }

  /** Until settings have not moved for a while, or move again. */
  async #rest() {
    await new Promise((resolve) => {
      this.#wake = () => resolve(null);
      setTimeout(resolve, REST);
    });
  }

  /** Draws what is wanted now. */
  refresh() {
    this.#asked++;
    this.#wake();
    this.#side = null;
    this.#fine?.abort();
    if (!this.#running) this.#run();
  }

  /**
   * Puts a photograph on show and answers when it is drawn.
   *
   * @param {Colorization} colorization
   * @param {Tone} tone
   * @param {AbortSignal} [signal]
   */
  async show(colorization, tone, signal) {
    const { width, height } = colorization;
    const maxSide = Math.max(width, height) > PREVIEW ? PREVIEW : undefined;
    const original = await this.#original(colorization, maxSide, false, signal);
    const pixels = await colorization.render({ ...tone, maxSide, signal });
    this.#fine?.abort();
    this.#asked++;
    this.#shown = { colorization, tone };
    this.#close = this.#moving = this.#truth = false;
    draw(this.#canvases.before, original);
    draw(this.#canvases.after, pixels);
    this.#before = { side: maxSide, truth: false };
    this.#after = { side: maxSide, tone };
    this.#side = Math.max(pixels.width, pixels.height);
    this.#heard.changed();
  }

  /**
   * Shows a picture as before while there are no colours.
   *
   * @param {CanvasImageSource} picture
   * @param {import("./viewer.js").Size} size
   */
  preview(picture, { width, height }) {
    const { before } = this.#canvases;
    const scale = Math.min(1, PREVIEW / Math.max(width, height));
    before.width = Math.max(1, Math.round(width * scale));
    before.height = Math.max(1, Math.round(height * scale));
    before.getContext("2d")?.drawImage(picture, 0, 0, before.width, before.height);
    this.#heard.changed();
  }

  /** Nothing is on show; the canvases hold nothing. */
  hide() {
    this.#fine?.abort();
    this.#asked++;
    this.#shown = this.#before = this.#after = this.#side = null;
    for (const canvas of Object.values(this.#canvases)) clear(canvas);
  }

  /** @param {Tone} tone */
  change(tone) {
    if (!this.#shown) return;
    this.#shown.tone = tone;
    this.#moving = true;
    this.refresh();
  }

  /** The viewer is nearer or farther: screen pixels for one of the photograph. @param {number} zoom */
  near(zoom) {
    if (!this.#shown) return;
    const longest = Math.max(this.#shown.colorization.width, this.#shown.colorization.height);
    const close = zoom * longest > PREVIEW * 1.05;
    if (close === this.#close || longest <= PREVIEW) return;
    this.#close = close;
    this.refresh();
  }

  /** A small copy of what is on show. @param {HTMLCanvasElement} canvas @param {number} longest */
  copyTo(canvas, longest) {
    const { after } = this.#canvases;
    const scale = Math.min(1, longest / Math.max(after.width, after.height));
    canvas.width = Math.max(1, Math.round(after.width * scale));
    canvas.height = Math.max(1, Math.round(after.height * scale));
    const context = canvas.getContext("2d");
    if (context) context.imageSmoothingQuality = "high";
    context?.drawImage(after, 0, 0, canvas.width, canvas.height);
  }
}
