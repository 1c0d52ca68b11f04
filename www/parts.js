/**
 * Where the parts of Autochrome lie that are no modules: beside this one. The standalone file and the
 * npm package have other modules in this one's place (`pkg-build/standalone/parts.js`,
 * `pkg-build/npm/parts.js`).
 */

/** A part by its path below `www/`. @param {string} path @returns {Promise<URL | Blob>} */
export async function locate(path) {
  return new URL(path, import.meta.url);
}

/** Starts `worker.js`, the one in the folder `assets` if there is one. @param {URL} [assets] */
export function startWorker(assets) {
  const url = new URL("worker.js", assets ?? import.meta.url);
  if (url.origin === self.origin) return new Worker(url, { type: "module", name: "autochrome" });
  // A page may start no worker of another origin, but its own may import it. A sandboxed page is of no
  // origin at all, and Chromium starts none from its blobs.
  const line = `import ${JSON.stringify(url.href)};`;
  const own = self.origin === "null" ? `data:text/javascript,${encodeURIComponent(line)}` : URL.createObjectURL(new Blob([line], { type: "text/javascript" }));
  const worker = new Worker(own, { type: "module", name: "autochrome" });
  // It is loading by the time that it has something to say, or to complain of.
  for (const sign of ["message", "error"]) worker.addEventListener(sign, () => URL.revokeObjectURL(own), { once: true });
  return worker;
}
