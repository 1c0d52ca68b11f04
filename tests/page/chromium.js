/** Chromium and the site's server for the tests. */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const executablePath = process.env["AUTOCHROME_CHROMIUM"] ?? "/usr/bin/chromium";
const flags = (process.env["AUTOCHROME_CHROMIUM_FLAGS"] ?? "--no-sandbox").split(" ");

/**
 * Starts Chromium; without `webgpu` it finds no adapter.
 *
 * @param {{ webgpu: boolean, more?: string[] }} options `more`: flags of one test
 */
export function launch({ webgpu, more = [] }) {
  const args = flags.filter((flag) => !flag.startsWith("--headless") && (webgpu || !flag.includes("webgpu")));
  return chromium.launch({ executablePath, args: [...args, ...more], headless: true });
}

/** Serves dist/site with the project's own server. @returns {Promise<{ url: string, close: () => void }>} */
export async function serve() {
  const server = process.env["AUTOCHROME_SERVER"];
  const [program, ...args] = server
    ? [server]
    : ["cargo", "run", "--quiet", "--package", "pkg-build", "--no-default-features", "--"];
  const child = spawn(/** @type {string} */ (program), [...args, "serve", "--no-build", "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const url = line.match(/http:\/\/localhost:\d+\//)?.[0];
    if (url) return { url, close: () => child.kill() };
  }
  throw new Error("the server ended before it gave its address");
}
