/** Files from the page's addresses and files for the visitor. */

import { errorOf } from "../errors.js";

/** @typedef {"image/png" | "image/jpeg"} Type */

const EXTENSIONS = { "image/png": "png", "image/jpeg": "jpg" };

/** What an address calls its file. @param {string} address */
export const nameOf = (address) =>
  decodeURIComponent(new URL(address || "photograph", document.baseURI).pathname.split("/").pop() || "photograph");

/**
 * @param {string} name of the photograph
 * @param {Type} type
 * @param {Set<string>} [taken] names that are given already
 */
export function fileName(name, type, taken = new Set()) {
  const stem = `${name.replace(/\.[^.]*$/, "")}-colour`;
  let whole = `${stem}.${EXTENSIONS[type]}`;
  for (let next = 2; taken.has(whole); next++) whole = `${stem}-${next}.${EXTENSIONS[type]}`;
  taken.add(whole);
  return whole;
}

/** @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The download reads the address after this turn.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Fetches a photograph. @param {string} address @param {AbortSignal} signal @returns {Promise<Blob>} */
export async function fetched(address, signal) {
  let why;
  try {
    const response = await fetch(new URL(address, document.baseURI), { signal });
    if (response.ok)
      return new File([await response.blob()], nameOf(address), { type: response.headers.get("content-type") ?? "" });
    why = `${response.status} ${response.statusText}`.trim();
  } catch (cause) {
    signal.throwIfAborted();
    why = cause instanceof Error ? cause.message : String(cause);
  }
  throw errorOf(
    "image-download",
    `The photograph could not be loaded (${address}: ${why}). Check its address and try again.`,
  );
}
