/** Errors of Autochrome: a class for each family, and a stable name for each case. */

/**
 * @typedef {"model-download" | "model-integrity" | "model-format" | "no-device" | "device-lost" |
 *   "out-of-memory" | "image-download" | "image-decode" | "image-format" | "image-encode" | "image-too-large" |
 *   "invalid-argument" | "unsupported" | "aborted"} ErrorCode
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
    this.name = new.target.label;
    /** @readonly */
    this.code = code;
  }

  /** The class's name, which a minifier may not touch. */
  static label = "AutochromeError";
}

/** The model cannot be had or cannot be used: `model-download`, `model-integrity`, `model-format`. */
export class ModelError extends AutochromeError {
  static label = "ModelError";
}

/** The device is not there or fails: `no-device`, `device-lost`, `out-of-memory`. */
export class DeviceError extends AutochromeError {
  static label = "DeviceError";
}

/**
 * The photograph cannot be read or written: `image-download`, `image-decode`, `image-format`, `image-encode`,
 * `image-too-large`.
 */
export class ImageError extends AutochromeError {
  static label = "ImageError";
}

/** What was asked for makes no sense, or not with this model: `invalid-argument`, `unsupported`. */
export class UsageError extends AutochromeError {
  static label = "UsageError";
}

/** The caller has stopped it: `aborted`. The signal's reason is the `cause`. */
export class AbortedError extends AutochromeError {
  static label = "AbortedError";
}

/** @type {Record<ErrorCode, typeof AutochromeError>} */
const CLASSES = {
  "model-download": ModelError,
  "model-integrity": ModelError,
  "model-format": ModelError,
  "no-device": DeviceError,
  "device-lost": DeviceError,
  "out-of-memory": DeviceError,
  "image-download": ImageError,
  "image-decode": ImageError,
  "image-format": ImageError,
  "image-encode": ImageError,
  "image-too-large": ImageError,
  "invalid-argument": UsageError,
  unsupported: UsageError,
  aborted: AbortedError,
};

/**
 * An error of the class that its code belongs to.
 *
 * @param {ErrorCode} code
 * @param {string} message
 * @param {ErrorOptions} [options]
 * @returns {AutochromeError}
 */
export function errorOf(code, message, options) {
  return new (CLASSES[code] ?? AutochromeError)(code, message, options);
}
