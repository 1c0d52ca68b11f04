/**
 * The service worker: after one visit the site works without a network, always in one version.
 *
 * The build writes this file to the site's root, with `SITE` before it: the version's files with their
 * hashes. What is kept lies under path and hash: a version is a list, what does not change is kept
 * once, and a file of another version is never found. A version is installed when the last
 * of its files is there; until then, and until it takes over, the old one serves from its own list.
 */

/**
 * @typedef {object} Site
 * @property {string} version hash over all that follows
 * @property {Record<string, string>} headers of every answer, whatever the host sends
 * @property {string} headers_sha256 of these
 * @property {Record<string, string>} files SHA-256 by path below the site's root
 * @property {string[]} gpu of these, what only a device with WebGPU needs
 * @property {{ path: string, sha256: string }[]} models the first is the one that the page takes
 */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const site = /** @type {Site} */ (SITE);
const root = new URL(worker.registration.scope);

/** Of this site alone: other sites of the same origin have theirs. */
const FILES = `autochrome-site ${root.pathname}`;

/** As in `worker/model-source.js`, which keeps models there under address and hash. */
const MODELS = "autochrome-models";

/** Whatever a host calls them. @type {Record<string, string>} */
const TYPES = {
  css: "text/css",
  html: "text/html",
  jpg: "image/jpeg",
  js: "text/javascript",
  json: "application/json",
  png: "image/png",
  svg: "image/svg+xml",
  wasm: "application/wasm",
  webmanifest: "application/manifest+json",
};

/** Where a file of this version is kept: unlike it in bytes or headers, another is elsewhere. @param {string} path */
function fileKey(path) {
  const url = new URL(path, root);
  url.searchParams.set("sha256", String(site.files[path]));
  url.searchParams.set("headers", site.headers_sha256);
  return url.href;
}

/** @param {{ path: string, sha256: string }} model */
function modelKey({ path, sha256 }) {
  const url = new URL(path, root);
  url.searchParams.set("sha256", sha256);
  return url.href;
}

/** Path below the site's root; the root itself is the page. @param {string} url */
function pathOf(url) {
  return new URL(url).pathname.slice(root.pathname.length) || "index.html";
}

/** Downloads a file whole and believes its hash alone. @param {string} path @param {string | undefined} sha256 */
async function download(path, sha256) {
  // The page has just loaded most of them: what the browser has is taken first, if it is right.
  for (const cache of /** @type {const} */ (["default", "reload"])) {
    const response = await fetch(new URL(path, root), { cache });
    if (!response.ok) continue;
    const bytes = await response.arrayBuffer();
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    if (Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256) return bytes;
  }
  throw new Error(`${path} is not what version ${site.version} has there`);
}

/** A file of this version: kept, or downloaded and kept. @param {string} path */
async function file(path) {
  const cache = await caches.open(FILES);
  const kept = await cache.match(fileKey(path));
  if (kept) return kept;
  const type = TYPES[path.split(".").pop() ?? ""] ?? "application/octet-stream";
  const bytes = await download(path, site.files[path]);
  const response = new Response(bytes, { headers: { ...site.headers, "content-type": type } });
  await cache.put(fileKey(path), response.clone());
  return response;
}

/** The model that the page takes, where the page looks for it. */
async function keepModel() {
  const [model] = site.models;
  if (!model) return;
  const cache = await caches.open(MODELS);
  const at = modelKey(model);
  if (!(await cache.match(at))) await cache.put(at, new Response(await download(model.path, model.sha256)));
}

async function install() {
  const kept = new Set((await (await caches.open(FILES)).keys()).map(({ url }) => pathOf(url)));
  // The engine for WebGPU is for those who have had it before; the page asks for it otherwise.
  const wanted = Object.keys(site.files).filter((path) => kept.has(path) || !site.gpu.includes(path));
  await Promise.all(wanted.map(file));
  // On a first visit the page itself is downloading it.
  if (worker.registration.active) await keepModel();
}

/** Nobody needs the old versions' files any more. */
async function clear() {
  const files = await caches.open(FILES);
  const current = new Set(Object.keys(site.files).map(fileKey));
  for (const { url } of await files.keys()) if (!current.has(url)) await files.delete(url);
  const models = await caches.open(MODELS);
  const shipped = site.models.map(modelKey);
  const folders = new Set(shipped.map((url) => new URL(".", url).href));
  for (const { url } of await models.keys()) {
    if (folders.has(new URL(".", url).href) && !shipped.some((model) => url.startsWith(model)))
      await models.delete(url);
  }
}

/** The piece of a file that was asked for. @param {Response} response @param {string} range */
async function piece(response, range) {
  const blob = await response.blob();
  const [, first, last] = range.match(/^bytes=(\d*)-(\d*)$/) ?? [];
  if (first === undefined || last === undefined || first + last === "") return new Response(blob, response);
  const start = first === "" ? Math.max(blob.size - Number(last), 0) : Number(first);
  const end = first === "" || last === "" ? blob.size : Math.min(Number(last) + 1, blob.size);
  const headers = new Headers(response.headers);
  if (start >= end) {
    headers.set("content-range", `bytes */${blob.size}`);
    return new Response(null, { status: 416, headers });
  }
  headers.set("content-range", `bytes ${start}-${end - 1}/${blob.size}`);
  return new Response(blob.slice(start, end), { status: 206, headers });
}

/** @param {string} path @param {Request} request */
async function answer(path, { headers }) {
  try {
    const response = await file(path);
    const range = headers.get("range");
    return range === null ? response : await piece(response, range);
  } catch {
    // It is not kept, and the host is out of reach or has another version by now.
    return Response.error();
  }
}

/**
 * Takes over from the old version, unless another page would then have parts of both.
 * @param {unknown} asking the page that asks
 * @returns {Promise<number>} how many others are open
 */
async function takeOver(asking) {
  const pages = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const others = pages.filter(({ id, url }) => url.startsWith(root.href) && id !== asking).length;
  if (others === 0) await worker.skipWaiting();
  return others;
}

/**
 * Where the system posts what is shared with the installed app, and the field; `manifest.webmanifest` says the
 * same.
 */
const SHARE = "share";
const SHARED = "photographs";

/** Photographs between the system and the page that shows them, in memory alone. @type {Map<string, File[]>} */
const shared = new Map();

/** Opens the page, which asks for what was shared. @param {Request} request */
async function receive(request) {
  const form = await request.formData().catch(() => new FormData());
  // A field that nothing was put in is a file without a name.
  const files = form.getAll(SHARED).flatMap((entry) => (entry instanceof File && entry.name !== "" ? [entry] : []));
  const ticket = crypto.randomUUID();
  shared.set(ticket, files);
  const page = new URL(root);
  page.searchParams.set("shared", ticket);
  return Response.redirect(page.href, 303);
}

/** Hands over what was shared, once. @param {string} ticket */
async function handOver(ticket) {
  const files = shared.get(ticket) ?? [];
  shared.delete(ticket);
  return files;
}

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(clear()));
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (!request.url.startsWith(root.href)) return;
  const path = pathOf(request.url);
  if (request.method === "POST" && path === SHARE) event.respondWith(receive(request));
  if (request.method !== "GET") return;
  if (Object.hasOwn(site.files, path)) event.respondWith(answer(path, request));
});
worker.addEventListener("message", (event) => {
  const { data, ports, source } = event;
  const [name = "", ticket = ""] = String(data).split(" ");
  /** @type {Record<string, () => Promise<unknown>>} what `offline.js` asks for */
  const methods = {
    "keep-gpu": () =>
      Promise.all(site.gpu.map(file)).then(
        () => true,
        () => false,
      ),
    "take-over": () => takeOver(source && "id" in source ? source.id : undefined),
    "take-shared": () => handOver(ticket),
  };
  const method = methods[name];
  if (method) event.waitUntil(method().then((result) => ports[0]?.postMessage(result)));
});
