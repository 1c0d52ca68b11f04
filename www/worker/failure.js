/** Failures in the worker: a code and a message, of which the page makes an error of a class. */

/** @typedef {import("../errors.js").ErrorCode} ErrorCode */

/**
 * @param {ErrorCode} code
 * @param {string} message
 * @param {ErrorOptions} [options]
 */
export function failure(code, message, options) {
  return Object.assign(new Error(message, options), { code });
}

/** The code of a failure, whether it was made here or by wasm. @param {unknown} error @returns {ErrorCode | undefined} */
export function codeOf(error) {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? /** @type {ErrorCode} */ (code) : undefined;
}
