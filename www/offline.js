/**
 * The page without a network: registers the service worker once the visitor waits for nothing, and tells
 * of new versions. Does nothing where there is none to register, as in a file.
 */

/**
 * Takes the new version: the page reloads, and what it shows is lost. Answers how many other pages
 * of this site are open; unless there are none, nothing happens, and the new version waits until
 * they are closed.
 * @typedef {() => Promise<number>} Apply
 */

/** @type {Set<(apply: Apply) => void>} */
const listeners = new Set();
/** @type {Apply | null} */
let offer = null;

/** Calls back when a new version is ready, at once if there is one. @param {(apply: Apply) => void} listener */
export function onUpdate(listener) {
  listeners.add(listener);
  if (offer) listener(offer);
}

/** Ends the wait of `keep`. @type {(usesGpu: boolean) => void} */
let settled = () => {};
/** @type {Promise<boolean>} */
const rested = new Promise((resolve) => {
  settled = resolve;
});

/**
 * The visitor waits for nothing any more: what is fetched now takes the network and the processor from nobody.
 * @param {boolean} usesGpu whether the engine for WebGPU is to be kept too
 */
export const settle = (usesGpu) => settled(usesGpu);

/** Becomes true when all but the model is kept, so that the page would start without a network. */
export const kept = keep();

/**
 * @param {ServiceWorker} worker
 * @param {"keep-gpu" | "take-over" | `take-shared ${string}`} method
 * @returns {Promise<any>}
 */
function ask(worker, method) {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = ({ data }) => resolve(data);
    worker.postMessage(method, [port2]);
  });
}

/**
 * Photographs that another app has shared with this one: the service worker has them until the page that
 * it opened asks for them. None where that is not this page.
 * @returns {Promise<File[] | null>}
 */
export async function takeShared() {
  const here = new URL(location.href);
  const ticket = here.searchParams.get("shared");
  if (ticket === null) return null;
  // They are handed over once: a reload brings none.
  here.searchParams.delete("shared");
  history.replaceState(history.state, "", here);
  const worker = navigator.serviceWorker?.controller;
  return worker ? ask(worker, `take-shared ${ticket}`) : [];
}

/** @param {ServiceWorker} waiting */
function announce(waiting) {
  const apply = () => {
    // A page that is not served by the old version hears of no change of controller.
    waiting.addEventListener("statechange", () => waiting.state === "activated" && location.reload());
    return ask(waiting, "take-over");
  };
  offer = apply;
  for (const listener of listeners) listener(apply);
}

/** @param {ServiceWorkerRegistration} registration */
function watch(registration) {
  const { waiting, installing, active } = registration;
  if (waiting) announce(waiting);
  installing?.addEventListener("statechange", () => {
    if (installing.state === "installed" && active) announce(installing);
  });
}

/**
 * The service worker that serves the page next time; none if it could not be installed.
 *
 * @param {ServiceWorkerRegistration} registration
 */
async function working({ active, installing }) {
  if (active || !installing) return active;
  const failed = new Promise((resolve) => {
    installing.addEventListener("statechange", () => installing.state === "redundant" && resolve(null));
  });
  await Promise.race([navigator.serviceWorker.ready, failed]);
  return installing.state === "redundant" ? null : installing;
}

async function keep() {
  if (!navigator.serviceWorker || !location.protocol.startsWith("http")) return false;
  // Whoever made the new version take over, no page goes on with parts of both.
  if (navigator.serviceWorker.controller)
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
  const usesGpu = await rested;
  let registration;
  try {
    registration = await navigator.serviceWorker.register(new URL("../service-worker.js", import.meta.url), {
      updateViaCache: "none",
    });
  } catch {
    // The visitor allows no storage, or the host has no service worker.
    return false;
  }
  watch(registration);
  registration.addEventListener("updatefound", () => watch(registration));
  const active = await working(registration);
  if (!active) return false;
  return usesGpu ? ask(active, "keep-gpu") : true;
}
