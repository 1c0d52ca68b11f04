/** Errors of Autochrome, with a stable name for programs. */

/**
 * @typedef {"model-download" | "model-integrity" | "model-format" | "no-device" | "device-lost" |
 *   "out-of-memory" | "image-decode" | "image-encode" | "image-too-large" | "invalid-argument" |
 *   "unsupported" | "aborted"} ErrorCode
 */

/** What every failing call rejects with. `message` says what happened and what to do next. */
export class AutochromeError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message
   * @param {ErrorOptions} [options]
   */
  constructor(code, message, options) {
    super(message, options);
    this.name = "AutochromeError";
    /** @readonly */
    this.code = code;
  }
}
