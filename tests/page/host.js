/** A bare static host as the world has many: no headers, types that may be wrong, any path. */

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

/** @typedef {{ url: string, folder: string, requests: string[], close: () => void }} Host */

/** @type {Record<string, string>} */
const TYPES = {
  css: "text/css",
  html: "text/html",
  jpg: "image/jpeg",
  js: "text/javascript",
  json: "application/json",
  png: "image/png",
  svg: "image/svg+xml",
  wasm: "application/wasm",
};

/**
 * @param {string} folder it may be replaced while the host runs
 * @param {{ at?: string, types?: Record<string, string> }} [options] the path it lies at, and other types
 * @returns {Promise<Host>}
 */
export async function host(folder, { at = "/", types = {} } = {}) {
  /** @type {Host} */
  const host = { url: "", folder, requests: [], close };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    host.requests.push(pathname);
    const path = pathname.startsWith(at) ? pathname.slice(at.length) || "index.html" : "none";
    const body = await readFile(`${host.folder}/${path}`).catch(() => null);
    const type = { ...TYPES, ...types }[path.split(".").pop() ?? ""] ?? "application/octet-stream";
    response.writeHead(body ? 200 : 404, { "content-type": type, "x-content-type-options": "nosniff" });
    response.end(body);
  });
  function close() {
    server.close();
    server.closeAllConnections();
  }
  await new Promise((resolve) => server.listen(0, "localhost", () => resolve(null)));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the host has no port");
  host.url = `http://localhost:${address.port}${at}`;
  return host;
}
