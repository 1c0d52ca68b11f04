/**
 * What the page's side and the worker say to each other. Types only.
 *
 * @typedef {{ temperature: number, rebalance: number, saturation: number, warmth: number }} Tone
 *   `temperature` of the annealed mean (0 the mode, 1 the mean), `rebalance` the share of the class
 *   rebalancing that is kept (0 to 1), `saturation` a factor on chroma, `warmth` from
 *   -1 (the light of a cool day) to 1 (a warm one), 0 for none.
 * @typedef {"auto" | "webgpu" | "cpu"} DeviceWish
 * @typedef {"asked-for" | "adapter" | "software-adapter" | "only-software" | "no-webgpu" | "no-adapter" |
 *   "webgpu-failed"} DeviceReason
 *   Why the network runs there: "software-adapter" is WebGPU that was asked for by name, "only-software" the
 *   CPU that was taken instead.
 * @typedef {{ kind: "webgpu" | "cpu", name: string, code: DeviceReason, detail: string }} DeviceState
 *   `detail`: what failed, in English; empty else.
 * @typedef {{ id: string, text: string }} License
 *   `text`: as the model's file has it; `id`: the shipped models' terms by a name, empty for others.
 * @typedef {{
 *   device: DeviceState, network: string, format: string, license: License, defaults: Tone,
 *   rebalances: boolean, distribution: boolean, hints: boolean, unused: string[], version: string,
 * }} EngineInfo
 *   `rebalances`: it carries class weights; `distribution`: it predicts one over the 313 bins, so
 *   that there is a temperature; `hints`: it takes them; `unused`: tensors of its file that the
 *   network has no use for.
 * @typedef {{ x: number, y: number, a: number, b: number, radius: number }} Hint
 *   "This place has that colour": pixels of the photograph, CIE a and b.
 * @typedef {{ model?: string | Blob, sha256?: string, device: DeviceWish }} LoadOptions
 * @typedef {{ stage: "download" | "engine" | "decode" | "prepare" | "network" | "render", done: number }} Progress
 *   `done` runs from 0 to 1 within a stage.
 * @typedef {{ hints?: Hint[], neutralize?: boolean }} ColorizeOptions
 *   `neutralize` (true if absent): the network is shown a toned or faded photograph as it was new.
 * @typedef {{
 *   type: "image/png" | "image/jpeg" | "image/tiff", quality?: number, removeLocation?: boolean, aiMark?: boolean,
 * }} FileOptions
 *   `removeLocation` (false if absent): EXIF and XMP lose where the photograph was taken; `aiMark`
 *   (true if absent): XMP says for programs that a model made the colours.
 * @typedef {{ a: number, b: number, p: number }} BinShare
 * @typedef {{ css: string, a: number, b: number, p: number }} LikelyColor
 *   A colour (`css`: at the pixel's lightness), CIE a and b, and the probability of it and of what
 *   looks like it.
 * @typedef {{ plane: ImageData, top: LikelyColor[], confidence: number, lightness: number }} Inspection
 *   `plane`: the ab plane at the pixel's lightness, a from left to right, b upwards, -115 to 115,
 *   probability as area; `top`: up to five colours that a person tells apart, likeliest first;
 *   `confidence`: 0 to 1; `lightness`: L, 0 to 100.
 * @typedef {{ workingSize: number, steady: number }} FrameOptions
 * @typedef {{ meanAb: number, psnr: number }} ColorError
 *   Of colours from the photograph's own: mean distance of a and b in CIE units, and dB in sRGB.
 * @typedef {{ width: number, height: number }} Size
 *
 * @typedef {{
 *   load: { args: LoadOptions, result: EngineInfo },
 *   colorize: {
 *     args: { source: Blob | ImageBitmap | ImageData, options: ColorizeOptions },
 *     result: Size & { picture: number, isColor: boolean },
 *   },
 *   original: { args: { picture: number, maxSide?: number }, result: ImageData },
 *   render: { args: { picture: number, tone: Tone, maxSide?: number }, result: ImageData },
 *   encode: { args: { picture: number, tone: Tone, options: FileOptions }, result: Blob },
 *   distribution: { args: { picture: number, x: number, y: number, tone: Tone }, result: BinShare[] },
 *   colorError: { args: { picture: number, tone: Tone }, result: ColorError },
 *   confidence: { args: { picture: number, tone: Tone, maxSide?: number }, result: ImageData },
 *   inspect: { args: { picture: number, x: number, y: number, tone: Tone, side: number }, result: Inspection },
 *   frame: { args: { source: ImageBitmap, tone: Tone, options: FrameOptions }, result: ImageData },
 *   archive: { args: {}, result: number },
 *   "archive-add": { args: { archive: number, name: string, blob: Blob }, result: void },
 *   "archive-finish": { args: { archive: number }, result: Blob },
 *   "archive-drop": { args: { archive: number }, result: void },
 *   release: { args: { picture: number }, result: void },
 * }} Calls
 * @typedef {keyof Calls} Method
 *
 * @typedef {{ id: number, method: Method, args: Calls[Method]["args"] } | { abort: number }} Request
 * @typedef {{ code: "device-changed", device: DeviceState }} WorkerEvent
 *   The CPU has taken over from a GPU that failed; pictures are coloured anew when they are asked for.
 * @typedef {{ id: number, progress: Progress } | { id: number, result: unknown } | { event: WorkerEvent } |
 *   { id: number, error: { code: import("./errors.js").ErrorCode, message: string } }} Reply
 */
export {};
