/** Starts a worker whose code lies on this origin or another. */

/** @type {WorkerOptions} */
const OPTIONS = { type: "module", name: "autochrome" };

/** @param {URL} url */
export function workerAt(url) {
  if (url.origin === self.origin) return new Worker(url, OPTIONS);
  // A page may start no worker of another origin, but its own may import it. A sandboxed page is of no
  // origin at all, and Chromium starts none from its blobs.
  const line = `import ${JSON.stringify(url.href)};`;
  const own =
    self.origin === "null"
      ? `data:text/javascript,${encodeURIComponent(line)}`
      : URL.createObjectURL(new Blob([line], { type: "text/javascript" }));
  const worker = new Worker(own, OPTIONS);
  // It is loading by the time that it has something to say, or to complain of.
  for (const sign of ["message", "error"])
    worker.addEventListener(sign, () => URL.revokeObjectURL(own), { once: true });
  return worker;
}
