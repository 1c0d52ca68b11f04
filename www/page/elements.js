/** Finding what index.html holds. */

/** @template {Element} T @param {string} id @param {new () => T} type @returns {T} */
export function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`#${id} is missing`);
  return found;
}

/** A copy of a template's one element. @param {string} id @returns {HTMLElement} */
export function copy(id) {
  const first = element(id, HTMLTemplateElement).content.firstElementChild?.cloneNode(true);
  if (!(first instanceof HTMLElement)) throw new Error(`#${id} is empty`);
  return first;
}

/** @template {Element} T @param {Element} root @param {string} selector @param {new () => T} type @returns {T} */
export function part(root, selector, type) {
  const found = root.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`${selector} is missing`);
  return found;
}
