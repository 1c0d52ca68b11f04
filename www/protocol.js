/**
 * What the page's side and the worker say to each other. Types only.
 *
 * @typedef {{ temperature: number, rebalance: number, saturation: number }} Tone
 *   `temperature` of the annealed mean (0 the mode, 1 the mean), `rebalance` the share of the class
 *   rebalancing that is kept (0 to 1), `saturation` a factor on chroma.
 * @typedef {{ kind: "webgpu" | "cpu", name: string, reason: string }} DeviceInfo
 * @typedef {{ device: DeviceInfo, network: string, format: string, license: string, defaults: Tone, rebalances: boolean, distribution: boolean, hints: boolean, unused: string[], version: string }} EngineInfo
 *   `rebalances`: it carries class weights; `distribution`: it predicts one over the 313 bins, so
 *   that there is a temperature; `hints`: it takes them; `unused`: tensors of its file that the
 *   network has no use for.
 * @typedef {{ x: number, y: number, a: number, b: number, radius: number }} Hint
 *   "This place has that colour": pixels of the photograph, CIE a and b.
 * @typedef {{ model?: string | Blob, sha256?: string, device: "auto" | "webgpu" | "cpu" }} LoadOptions
 * @typedef {{ stage: "download" | "engine" | "decode" | "prepare" | "network" | "render", done: number }} Progress
 *   `done` runs from 0 to 1 within a stage.
 * @typedef {{ hints?: Hint[], neutralise?: boolean }} ColorizeOptions
 *   `neutralise` (true if absent): the network is shown a toned or faded photograph as it was new.
 * @typedef {{ type: "image/png" | "image/jpeg" | "image/tiff", quality?: number, removeLocation?: boolean, aiMark?: boolean }} FileOptions
 *   `removeLocation` (false if absent): EXIF and XMP lose where the photograph was taken; `aiMark`
 *   (true if absent): XMP says for programs that a model made the colours.
 * @typedef {{ a: number, b: number, p: number }} BinShare
 * @typedef {{ meanAb: number, psnr: number }} ColourError
 *   Mean distance in a and b, CIE units; peak signal-to-noise ratio of sRGB, dB.
 * @typedef {{ width: number, height: number }} Size
 *
 * @typedef {{
 *   load: { args: LoadOptions, result: EngineInfo },
 *   colorize: { args: { source: Blob | ImageBitmap | ImageData, options: ColorizeOptions }, result: Size & { picture: number, isColour: boolean, info: EngineInfo } },
 *   original: { args: { picture: number, maxSide?: number }, result: ImageData },
 *   render: { args: { picture: number, tone: Tone, maxSide?: number }, result: ImageData },
 *   colourError: { args: { picture: number, tone: Tone, maxSide?: number }, result: ColourError },
 *   encode: { args: { picture: number, tone: Tone, options: FileOptions }, result: Blob },
 *   distribution: { args: { picture: number, x: number, y: number, tone: Tone }, result: BinShare[] },
 *   release: { args: { picture: number }, result: null },
 * }} Calls
 * @typedef {keyof Calls} Method
 *
 * @typedef {{ id: number, method: Method, args: Calls[Method]["args"] } | { abort: number }} Request
 * @typedef {{ id: number, progress: Progress } | { id: number, result: unknown } |
 *   { id: number, error: { code: import("./errors.js").ErrorCode, message: string } }} Reply
 */
export {};
