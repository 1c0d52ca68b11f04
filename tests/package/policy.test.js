/** The README's Content-Security-Policies: enough, and not more than is needed. */

import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launch } from "../page/chromium.js";
import { PATIENCE, SAMPLES } from "../page/helpers.js";
import { install } from "./installed.js";

/** What stands for another origin in the README. */
const ELSEWHERE = "https://files.example";

/** @type {Record<string, string>} */
const TYPES = { html: "text/html", js: "text/javascript", wasm: "application/wasm" };

/** @typedef {{ url: string, policy: string, close: () => void }} Host */

/**
 * Serves a folder, every file of it with a policy and to every origin.
 *
 * @param {string} folder
 * @returns {Promise<Host>}
 */
async function host(folder) {
  /** @type {Host} */
  const host = { url: "", policy: "", close };
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const body = await readFile(join(folder, path)).catch(() => null);
    const type = TYPES[path.split(".").pop() ?? ""] ?? "application/octet-stream";
    response.writeHead(body ? 200 : 404, {
      "content-type": type,
      "access-control-allow-origin": "*",
      ...(host.policy && { "content-security-policy": host.policy }),
    });
    response.end(body);
  });
  function close() {
    server.close();
    server.closeAllConnections();
  }
  await new Promise((resolve) => server.listen(0, "localhost", () => resolve(null)));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the host has no port");
  host.url = `http://localhost:${address.port}/`;
  return host;
}

/** @type {import("./installed.js").Installed} */
let installed;
/** @type {Host} */
let own;
/** @type {Host} */
let other;
/** @type {import("playwright-core").Browser} */
let browser;
/** @type {string[]} */
let policies = [];
before(async () => {
  installed = await install();
  policies = [...(await installed.text("README.md")).matchAll(/```csp\n(.+)\n```/g)].map(([, policy]) => policy ?? "");
  await writeFile(join(installed.package, "page.html"), "<!doctype html><title>A page with a policy</title>");
  await copyFile(join(SAMPLES, "photographer.jpg"), join(installed.package, "photograph.jpg"));
  own = await host(installed.package);
  other = await host(installed.package);
  browser = await launch({ webgpu: false });
});
after(async () => {
  await browser?.close();
  own?.close();
  other?.close();
  await installed?.remove();
});

/**
 * How an element fares under a policy, and what the browser refused.
 * @param {string} policy
 * @param {string | null} assets
 */
async function colour(policy, assets) {
  own.policy = `default-src 'none'; ${policy}`;
  const page = await browser.newPage();
  try {
    await page.goto(`${own.url}page.html`);
    return await page.evaluate(
      async ({ assets, patience }) => {
        /** @type {string[]} */
        const refused = [];
        document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) =>
          refused.push(effectiveDirective),
        );
        try {
          await import(new URL("element.js", document.baseURI).href);
        } catch {
          return { end: "no element", refused };
        }
        const element = document.createElement("photo-colorizer");
        const end = new Promise((resolve) => {
          element.addEventListener("colorize-done", () => resolve("done"));
          element.addEventListener("colorize-error", () => resolve("error"));
          setTimeout(() => resolve("nothing"), patience);
        });
        if (assets) element.setAttribute("assets", assets);
        element.setAttribute("controls", "");
        element.setAttribute("src", "photograph.jpg");
        document.body.append(element);
        return { end: await end, refused };
      },
      { assets, patience: PATIENCE },
    );
  } finally {
    await page.close();
  }
}

/** The policy with one source less, for every source. @param {string} policy */
function weaker(policy) {
  const directives = policy.split("; ").map((directive) => directive.split(" "));
  return directives.flatMap(([name, ...sources], i) =>
    sources.map((source) => {
      const left = sources.filter((each) => each !== source);
      const changed = directives.map((directive, j) =>
        i === j ? [name, ...(left.length > 0 ? left : ["'none'"])] : directive,
      );
      return { lacks: `${name} ${source}`, policy: changed.map((directive) => directive.join(" ")).join("; ") };
    }),
  );
}

for (const [index, where] of ["beside the page", "on another origin"].entries()) {
  describe(`with the files ${where}`, () => {
    const stated = () => {
      const policy = policies[index];
      assert.ok(policy && policies.length === 2, "the README states other policies than these two");
      return policy.replaceAll(ELSEWHERE, other.url.slice(0, -1));
    };
    const assets = () => (index === 1 ? other.url : null);

    test("the README's policy is enough", async () => {
      assert.deepEqual(await colour(stated(), assets()), { end: "done", refused: [] });
    });

    test("every source of it is needed", async () => {
      for (const { lacks, policy } of weaker(stated())) {
        const { end } = await colour(policy, assets());
        assert.notEqual(end, "done", `it works without ${lacks}`);
      }
    });
  });
}
