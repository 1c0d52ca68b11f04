/**
 * What went wrong: the last thing that did, or all photographs that could not be coloured, in a list. It goes
 * when it is no longer so: what failed succeeds or is removed, or the visitor does something else.
 */

import { element } from "./elements.js";
import { forget, say } from "./language.js";
import { codeOf, isAbort } from "./status.js";

/** @typedef {import("./queue.js").Photograph} Photograph */

const ui = {
  alert: element("alert", HTMLElement),
  text: element("alert-text", HTMLElement),
  list: element("alert-list", HTMLElement),
  retry: element("alert-retry", HTMLButtonElement),
  details: element("alert-details", HTMLDetailsElement),
  detail: element("alert-detail", HTMLElement),
  close: element("alert-close", HTMLButtonElement),
};

/** Photographs that failed and are told of, in their order. @type {Photograph[]} */
let told = [];
/** Failures that the visitor has put away. @type {WeakSet<object>} */
const read = new WeakSet();

/** @param {() => void} listener hears when what failed shall be tried again */
export function listen(listener) {
  ui.retry.addEventListener("click", listener);
}

/** @param {unknown} error */
const detailOf = (error) => (error instanceof Error ? error.message : String(error));

/** @param {unknown} error @param {string} [name] of the file that it is about */
function sentence(error, name) {
  const message = { message: `error-${codeOf(error)}` };
  if (name) say(ui.text, "error-with-name", { name, error: message });
  else say(ui.text, "error-alone", { error: message });
}

/** @param {string} detail for those who mend it */
function open(detail) {
  ui.detail.textContent = detail;
  ui.details.hidden = !detail;
  ui.details.open = false;
  ui.alert.hidden = false;
}

function clearList() {
  for (const item of ui.list.children) forget(item);
  ui.list.replaceChildren();
  ui.list.hidden = true;
  ui.retry.hidden = true;
}

/** @param {unknown} error @param {string} [name] of the file that it is about */
export function showError(error, name) {
  if (isAbort(error)) return;
  clearList();
  sentence(error, name);
  open(detailOf(error));
}

/** @param {unknown} error */
const isNews = (error) => !(error instanceof Error && read.has(error));

/**
 * Tells of the photographs that failed, as far as they have not been told of and put away.
 *
 * @param {Photograph[]} failed
 */
export function showFailures(failed) {
  const news = failed.filter(({ error }) => isNews(error));
  if (news.length === told.length && news.every((photograph, index) => photograph === told[index])) return;
  told = news;
  const [first] = news;
  if (!first) {
    if (!ui.retry.hidden) ui.alert.hidden = true;
    return;
  }
  clearList();
  if (news.length === 1) {
    sentence(first.error, first.name);
  } else {
    say(ui.text, "failed-many", { count: news.length });
    for (const { error, name } of news) {
      const item = document.createElement("li");
      say(item, "error-with-name", { name, error: { message: `error-${codeOf(error)}` } });
      ui.list.append(item);
    }
    ui.list.hidden = false;
  }
  open([...new Set(news.map(({ error }) => detailOf(error)))].join("\n"));
  ui.retry.hidden = false;
}

/** Tells of a failure that has been put away. @param {Photograph} photograph */
export function showAgain({ error, name }) {
  if (ui.alert.hidden || ui.retry.hidden || !isNews(error)) showError(error, name);
}

/** Puts away what is told of. */
export function hideError() {
  for (const { error } of told) if (error instanceof Error) read.add(error);
  told = [];
  ui.alert.hidden = true;
}

/** What was asked for has succeeded: an older error that is about no photograph of the queue is so no more. */
export function succeed() {
  if (ui.retry.hidden) ui.alert.hidden = true;
}

ui.close.addEventListener("click", hideError);
