/**
 * The worker: the only place that touches wasm. It answers the calls of `protocol.js`, one at a time, with
 * the rooms of `worker/`. Where there is no worker, as on a server, importing it does nothing.
 */

import "./assets.js";
import "./parts.js";
import "./worker-at.js";
import { addToArchive, dropArchive, finishArchive, openArchive } from "./worker/archive.js";
import { framePixels } from "./worker/decode.js";
import { EngineHost } from "./worker/engine.js";
import "./worker/device.js";
import "./worker/failure.js";
import "./worker/model-source.js";
import { Pictures } from "./worker/pictures.js";
import { Rpc, tell } from "./worker/rpc.js";
import "./worker/turns.js";

const engines = new EngineHost((device) => {
  pictures.forget();
  tell({ code: "device-changed", device });
});
const pictures = new Pictures(engines);

/** @type {import("./worker/rpc.js").Methods} */
const methods = {
  load: (options, tick) => engines.load(options, tick),
  colorize: (photograph, tick) => pictures.add(photograph, tick),
  original: ({ picture, maxSide }, tick) => pictures.use(picture, async (it) => it.original(maxSide), tick),
  render: ({ picture, tone, maxSide }, tick) => pictures.use(picture, (it) => it.render(tone, maxSide, tick), tick),
  encode: async ({ picture, tone, options }, tick) => {
    const bytes = await pictures.use(picture, (it) => it.encode(tone, options, tick), tick);
    return new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (bytes)], { type: options.type });
  },
  colorError: ({ picture, tone }, tick) => pictures.use(picture, (it) => it.colorError(tone, tick), tick),
  confidence: ({ picture, tone, maxSide }, tick) => pictures.use(picture, (it) => it.confidence(tone, maxSide), tick),
  inspect: ({ picture, x, y, tone, side }, tick) => pictures.use(picture, (it) => it.inspectAt(x, y, tone, side), tick),
  distribution: ({ picture, x, y, tone }, tick) => pictures.use(picture, (it) => it.distributionAt(x, y, tone), tick),
  frame: async ({ source, tone, options }, tick) => {
    const { data, width } = framePixels(source);
    return engines.run(({ engine }) => engine.colorizeFrame(data, width, tone, options, tick), tick);
  },
  release: async ({ picture }) => pictures.release(picture),
  archive: async () => openArchive(new (engines.opened().bindings.ArchiveWriter)()),
  "archive-add": (entry, tick) => addToArchive(entry, () => tick("render", 0)),
  "archive-finish": async ({ archive }) => finishArchive(archive),
  "archive-drop": async ({ archive }) => dropArchive(archive),
};

if ("WorkerGlobalScope" in globalThis) {
  const rpc = new Rpc(methods);
  addEventListener("message", ({ data }) => rpc.hear(data));
  addEventListener("error", (event) => {
    event.preventDefault();
    engines.hearTrouble();
  });
}
