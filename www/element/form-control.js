/** The properties and methods that a form expects of its controls. */

import { Reflected } from "./attributes.js";

/** What only the element itself may use. @type {(element: FormControl) => ElementInternals} */
export let internalsOf;

export class FormControl extends Reflected {
  static formAssociated = true;

  #internals = this.attachInternals();

  static {
    internalsOf = (element) => element.#internals;
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
}
