/** The site behind a proxy whose connection breaks where a test says so. */

import { createServer } from "node:http";

/**
 * What becomes of one answer: its body is cut after so many bytes, or it is as it is.
 * @typedef {(path: string, range: string | undefined) => number | undefined} Fault
 * `wholeOnly`: ranges are asked for in vain, as of many plain hosts.
 * @typedef {{ url: string, fault: Fault, wholeOnly: boolean, requests: { path: string, range: string | undefined }[], close: () => void }} Proxy
 */

/** @param {string} target @returns {Promise<Proxy>} */
export async function flaky(target) {
  /** @type {Proxy} */
  const proxy = { url: "", fault: () => undefined, wholeOnly: false, requests: [], close: () => server.close() };
  const server = createServer(async (request, response) => {
    const path = request.url ?? "/";
    const range = request.headers.range;
    proxy.requests.push({ path, range });
    const cut = proxy.fault(path, range);
    const answer = await fetch(new URL(path, target), { headers: range && !proxy.wholeOnly ? { range } : {} });
    const body = Buffer.from(await answer.arrayBuffer());
    response.writeHead(
      answer.status,
      Object.fromEntries([...answer.headers].filter(([name]) => name !== "connection")),
    );
    if (cut === undefined) {
      response.end(body);
    } else {
      response.write(body.subarray(0, cut), () => response.destroy());
    }
  });
  await new Promise((resolve) => server.listen(0, "localhost", () => resolve(null)));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  proxy.url = `http://localhost:${address.port}/`;
  return proxy;
}
