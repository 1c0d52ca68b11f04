/** The element in a form: its value is the coloured file, and it is valid while it has one. */

/**
 * @typedef {object} Hooks
 * @property {HTMLElement} anchor where the browser shows a complaint
 * @property {(signal: AbortSignal) => Promise<File>} encode makes the file of what is on show
 * @property {() => void} changed the value is another, or is on its way
 * @property {(error: unknown) => void} failed
 */

export class FormValue {
  #internals;
  #hooks;
  /** @type {AbortController | null} */
  #encoding = null;
  /** @type {File | null} */
  #file = null;

  /** @param {ElementInternals} internals @param {Hooks} hooks */
  constructor(internals, hooks) {
    this.#internals = internals;
    this.#hooks = hooks;
  }

  get file() {
    return this.#file;
  }

  /** @param {{ working: boolean, required: boolean, colored: boolean }} facts */
  validate({ working, required, colored }) {
    const { anchor } = this.#hooks;
    const late = "The photograph is not in colour yet. Wait a moment.";
    if (this.#internals.form && (working || this.#encoding)) {
      this.#internals.setValidity({ customError: true }, late, anchor);
    } else if (required && !colored) {
      this.#internals.setValidity({ valueMissing: true }, "Choose a photograph.", anchor);
    } else {
      this.#internals.setValidity({});
    }
  }

  drop() {
    this.#encoding?.abort();
    this.#encoding = null;
    this.#file = null;
    this.#internals.setFormValue(null);
  }

  /** Makes the value of what is on show. @param {boolean} wanted whether there is something, and a name for it */
  async make(wanted) {
    this.drop();
    const { encode, changed, failed } = this.#hooks;
    if (!this.#internals.form || !wanted) {
      changed();
      return;
    }
    const encoding = new AbortController();
    this.#encoding = encoding;
    changed();
    try {
      const file = await encode(encoding.signal);
      if (this.#encoding !== encoding) return;
      this.#file = file;
      this.#internals.setFormValue(file);
      this.#internals.shadowRoot?.host.dispatchEvent(new Event("change", { bubbles: true }));
    } catch (error) {
      if (this.#encoding === encoding) failed(error);
    } finally {
      if (this.#encoding === encoding) this.#encoding = null;
      changed();
    }
  }
}
