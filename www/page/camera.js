/** The camera, live: black and white beside colour. It runs while it is seen, and nothing is recorded. */

import { draw } from "../element/canvas.js";
import { element } from "./elements.js";
import { say, unsay } from "./language.js";
import * as engine from "./engine.js";
import { PageError, codeOf, isAbort } from "./status.js";

/** Longest side of a coloured frame. */
const FRAME = 640;
/** Frames that the rate is the mean of. */
const MEAN = 8;

const ui = {
  dialog: element("camera", HTMLDialogElement),
  open: element("camera-open", HTMLButtonElement),
  video: element("camera-video", HTMLVideoElement),
  colour: element("camera-colour", HTMLCanvasElement),
  words: element("camera-words", HTMLElement),
  take: element("camera-take", HTMLButtonElement),
  toggle: element("camera-toggle", HTMLButtonElement),
  choice: element("camera-choice", HTMLElement),
  which: element("camera-which", HTMLSelectElement),
  rate: element("camera-rate", HTMLElement),
  close: element("camera-close", HTMLButtonElement),
};

/** @type {MediaStream | null} */
let stream = null;
/** Starts that have begun; an older one gives its camera back. */
let starts = 0;
/** @type {(file: File) => void} */
let onTake = () => {};
/** @type {() => Partial<import("../autochrome.js").Tone>} */
let tone = () => ({});

/** @param {(file: File) => void} listener hears of a picture that is taken @param {typeof tone} settings */
export function listen(listener, settings) {
  onTake = listener;
  tone = settings;
}

/** @param {unknown} error */
function inWords(error) {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return new PageError("camera-refused", error);
  if (name === "NotFoundError" || name === "OverconstrainedError") return new PageError("camera-missing", error);
  if (name === "NotReadableError" || name === "AbortError") return new PageError("camera-busy", error);
  return error;
}

async function listCameras() {
  const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
  const used = stream?.getVideoTracks()[0]?.getSettings().deviceId ?? "";
  ui.which.replaceChildren(
    ...cameras.map(
      ({ label, deviceId }, index) => new Option(label || String(index + 1), deviceId, false, deviceId === used),
    ),
  );
  ui.choice.hidden = cameras.length < 2;
}

async function start() {
  const mine = ++starts;
  release();
  say(ui.words, "camera-starting");
  say(ui.toggle, "camera-stop");
  try {
    if (!navigator.mediaDevices?.getUserMedia) throw new PageError("camera-unsupported");
    const deviceId = ui.which.value;
    const wish = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "user" };
    const asked = await navigator.mediaDevices.getUserMedia({
      video: { ...wish, width: { ideal: 1920 }, height: { ideal: 1080 } },
    });
    if (mine !== starts || !ui.dialog.open) {
      for (const track of asked.getTracks()) track.stop();
      return;
    }
    stream = asked;
    const track = asked.getVideoTracks()[0];
    // Whoever looks into a mirror sees left on the left; a camera on the back is no mirror.
    ui.dialog.classList.toggle("mirrored", track?.getSettings().facingMode !== "environment");
    track?.addEventListener("ended", () => stream === asked && fail(new PageError("camera-busy")));
    ui.video.srcObject = asked;
    await ui.video.play();
    ui.take.disabled = false;
    unsay(ui.words);
    await listCameras();
    await run(asked);
  } catch (error) {
    if (mine === starts && ui.dialog.open) fail(inWords(error));
  }
}

/** @param {unknown} error */
function fail(error) {
  if (isAbort(error)) return;
  stop();
  say(ui.words, `error-${codeOf(error)}`);
}

/** Colours frame after frame, as fast as the engine goes. @param {MediaStream} mine */
async function run(mine) {
  const colorizer = await engine.colorizer();
  /** @type {number[]} */
  const times = [performance.now()];
  while (stream === mine) {
    const pixels = await colorizer.colorizeFrame(ui.video, { ...tone(), maxSide: FRAME });
    if (stream !== mine) break;
    draw(ui.colour, pixels);
    times.push(performance.now());
    if (times.length > MEAN + 1) times.shift();
    const seconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000;
    say(ui.rate, "camera-rate", { rate: { value: (times.length - 1) / seconds, maximumFractionDigits: 1 } });
    // A frame of the page between two of the camera.
    await new Promise(requestAnimationFrame);
  }
}

function release() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  ui.video.srcObject = null;
  ui.take.disabled = true;
  unsay(ui.rate);
}

export function stop() {
  starts++;
  release();
  say(ui.toggle, "camera-start");
  unsay(ui.words);
}

ui.open.addEventListener("click", () => {
  ui.dialog.showModal();
  start();
});
ui.close.addEventListener("click", () => ui.dialog.close());
ui.dialog.addEventListener("close", stop);
ui.toggle.addEventListener("click", () => {
  if (!stream) return start();
  stop();
  say(ui.words, "camera-stopped");
});
ui.which.addEventListener("change", start);
ui.take.addEventListener("click", async () => {
  const canvas = new OffscreenCanvas(ui.video.videoWidth, ui.video.videoHeight);
  canvas.getContext("2d")?.drawImage(ui.video, 0, 0);
  ui.dialog.close();
  const blob = await canvas.convertToBlob({ type: "image/png" });
  const stamp = new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-");
  onTake(new File([blob], `camera-${stamp}.png`, { type: blob.type }));
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden || !ui.dialog.open) return;
  stop();
  say(ui.words, "camera-stopped");
});
addEventListener("pagehide", stop);
