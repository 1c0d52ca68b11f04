/** How photographs come in: chosen, dropped, pasted, whole folders, opened with the installed app or shared with it. */

import { sample } from "../assets.js";
import { takeShared } from "../offline.js";
import { hideError, showError } from "./alert.js";
import { element } from "./elements.js";
import { PageError } from "./status.js";

const ui = {
  file: element("file", HTMLInputElement),
  folder: element("folder", HTMLInputElement),
  folderChoice: element("folder-choice", HTMLElement),
  model: element("model", HTMLInputElement),
};

const MODEL = /\.(safetensors|pth|pt|ckpt|caffemodel)$/i;
const PHOTOGRAPH = /\.(jpe?g|png|tiff?|webp|gif|bmp|avif|heic|heif)$/i;

/**
 * @typedef {object} Listeners
 * @property {(files: File[], ours?: boolean) => void} photographs `ours`: they came with the page
 * @property {(file: File) => void} model
 * @property {(some: boolean) => void} expect a photograph is on its way, or no longer
 */

/** @type {Listeners} */
const heard = { photographs() {}, model() {}, expect() {} };

/** @param {Listeners} listeners */
export function listen(listeners) {
  Object.assign(heard, listeners);
  receive();
}

/** What the page was opened with. */
function receive() {
  const { launchQueue } =
    /** @type {{ launchQueue?: { setConsumer: (use: (launch: { files?: FileSystemFileHandle[] }) => void) => void } }} */ (
      window
    );
  launchQueue?.setConsumer(async ({ files = [] }) => {
    const opened = await Promise.allSettled(files.map((file) => file.getFile()));
    take(opened.flatMap((file) => (file.status === "fulfilled" ? [file.value] : [])));
    for (const file of opened) if (file.status === "rejected") showError(file.reason);
  });
  takeShared().then((files) => {
    if (files && files.length > 0) take(files);
    else if (files) showError(new PageError("share-lost"));
  }, showError);
}

/** Files that were named one by one: each is tried. @param {File[]} files */
function take(files) {
  const model = files.find(({ name }) => MODEL.test(name));
  if (model) heard.model(model);
  const photographs = files.filter((file) => file !== model && !MODEL.test(file.name));
  if (photographs.length > 0) heard.photographs(photographs);
}

/** Of a folder only what looks like a photograph. @param {File[]} files */
function photographsOf(files) {
  return files
    .filter(({ name, type }) => !name.startsWith(".") && (type.startsWith("image/") || PHOTOGRAPH.test(name)))
    .filter(({ type }) => type !== "image/svg+xml");
}

/** @param {FileSystemEntry} entry @returns {Promise<File[]>} */
async function filesIn(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) =>
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
    );
    return [file];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  /** @type {FileSystemEntry[]} */
  const entries = [];
  // It gives so many at a time, and none at the end.
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    entries.push(...some);
  }
  entries.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
  const files = [];
  for (const inner of entries) files.push(...(await filesIn(inner)));
  return files;
}

/**
 * What was dropped or pasted; folders are read.
 *
 * @param {DataTransfer | null} data
 * @returns {boolean} whether there was any
 */
function takeFrom(data) {
  const entries = [...(data?.items ?? [])].map((item) => item.webkitGetAsEntry?.() ?? null);
  const files = [...(data?.files ?? [])];
  hideError();
  if (entries.some((entry) => entry?.isDirectory)) {
    // Files come with their folders, in the order of the drop.
    Promise.all(
      entries.map((entry) =>
        entry ? filesIn(entry).then((files) => (entry.isDirectory ? photographsOf(files) : files)) : [],
      ),
    ).then((found) => {
      if (found.flat().length > 0) take(found.flat());
      else showError(new PageError("nothing-there"));
    }, showError);
    return true;
  }
  if (files.length > 0) take(files);
  return files.length > 0;
}

/** @param {HTMLInputElement} input @param {(files: File[]) => void} use */
function chosen(input, use) {
  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])];
    hideError();
    if (files.length > 0) use(files);
    // The same file may be chosen again.
    input.value = "";
  });
}

chosen(ui.file, take);
chosen(ui.folder, (files) => {
  const photographs = photographsOf(files);
  if (photographs.length > 0) heard.photographs(photographs);
  else showError(new PageError("nothing-there"));
});
chosen(ui.model, ([file]) => file && heard.model(file));
ui.folderChoice.hidden = !("webkitdirectory" in ui.folder);

for (const button of document.querySelectorAll("[data-sample]")) {
  button.addEventListener("click", async () => {
    const name = button.getAttribute("data-sample");
    hideError();
    heard.expect(true);
    try {
      heard.photographs([new File([await sample(`${name}.jpg`)], `${name}.jpg`, { type: "image/jpeg" })], true);
    } catch (error) {
      showError(new PageError("sample-missing", error));
    } finally {
      heard.expect(false);
    }
  });
}

addEventListener("paste", (event) => {
  if (takeFrom(event.clipboardData)) event.preventDefault();
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (!takeFrom(event.dataTransfer)) showError(new PageError("not-a-file"));
});
