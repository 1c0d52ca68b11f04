/** What the browser is told that the page may do, and that the site can be installed. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, serve } from "./chromium.js";

/** @type {{ url: string, close: () => void }} */
let server;
/** @type {import("playwright-core").Browser} */
let browser;
before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false });
});
after(async () => {
  await browser?.close();
  server?.close();
});

/** Nothing but the page's own origin, and no code but its own files. */
const POLICY = {
  "default-src": "'none'",
  "script-src": "'self' 'wasm-unsafe-eval'",
  "worker-src": "'self'",
  "connect-src": "'self'",
  "img-src": "'self' blob: data:",
  "style-src": "'self'",
  "manifest-src": "'self'",
  "media-src": "blob: mediastream:",
  "base-uri": "'none'",
  "form-action": "'none'",
};

/** @param {string} policy @returns {Record<string, string>} */
function directives(policy) {
  return Object.fromEntries(
    policy.split("; ").map((directive) => [directive.split(" ", 1)[0], directive.split(" ").slice(1).join(" ")]),
  );
}

test("the policy is the same in the page, the server's headers and the service worker's", async () => {
  const page = await browser.newPage();
  const response = await page.goto(server.url);
  const headers = (await response?.allHeaders()) ?? {};
  const stated = await page.locator("meta[http-equiv=Content-Security-Policy]").getAttribute("content");
  assert.deepEqual(directives(stated ?? ""), POLICY);
  assert.deepEqual(directives(headers["content-security-policy"] ?? ""), { ...POLICY, "frame-ancestors": "'self'" });
  assert.deepEqual([headers["x-content-type-options"], headers["referrer-policy"]], ["nosniff", "no-referrer"]);
  const worker = await page.request.get(`${server.url}www/worker.js`);
  assert.equal(worker.headers()["content-security-policy"], headers["content-security-policy"]);

  await page.evaluate(async () => {
    /** @type {typeof import("../../www/offline.js")} */
    const { kept } = await import(new URL("www/offline.js", document.baseURI).href);
    await kept;
  });
  const again = await page.reload();
  assert.equal(again?.fromServiceWorker(), true);
  const kept = (await again?.allHeaders()) ?? {};
  for (const name of ["content-security-policy", "permissions-policy", "x-content-type-options", "referrer-policy"]) {
    assert.equal(kept[name], headers[name], name);
  }
  await page.close();
});

test("the page may ask for the camera and for nothing else", async () => {
  const page = await browser.newPage();
  await page.goto(server.url);
  const allowed = await page.evaluate(() => {
    const { featurePolicy } = /** @type {any} */ (document);
    const powers = [
      "accelerometer",
      "bluetooth",
      "camera",
      "display-capture",
      "geolocation",
      "gyroscope",
      "hid",
      "idle-detection",
      "local-fonts",
      "magnetometer",
      "microphone",
      "midi",
      "payment",
      "publickey-credentials-get",
      "serial",
      "usb",
      "xr-spatial-tracking",
    ];
    return powers.filter((power) => featurePolicy.allowsFeature(power));
  });
  assert.deepEqual(allowed, ["camera"]);
  await page.close();
});

test("foreign code, styles and addresses are refused", async () => {
  const page = await browser.newPage();
  await page.goto(server.url);
  const refused = await page.evaluate(async () => {
    /** @type {string[]} */
    const refused = [];
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => refused.push(effectiveDirective));
    const add = (/** @type {string} */ tag, /** @type {object} */ properties) =>
      document.body.append(Object.assign(document.createElement(tag), properties));
    add("script", { textContent: "1" });
    add("script", { src: "https://example.com/code.js" });
    add("style", { textContent: "p { color: red }" });
    add("img", { src: "https://example.com/picture.png" });
    await fetch("https://example.com/").catch(() => {});
    // The page and its headers refuse each on their own.
    while (refused.length < 10) await new Promise(requestAnimationFrame);
    return refused.sort();
  });
  const twice = ["connect-src", "img-src", "script-src-elem", "script-src-elem", "style-src-elem"].flatMap((name) => [
    name,
    name,
  ]);
  assert.deepEqual(refused, twice);
  await page.close();
});

test("the site can be installed as an app", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(server.url);
  const session = await context.newCDPSession(page);
  const { errors, data } = await session.send("Page.getAppManifest");
  assert.deepEqual(errors, []);
  const manifest = JSON.parse(data ?? "{}");
  const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
  // Contexts of tests are incognito.
  assert.deepEqual(
    installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== "in-incognito"),
    [],
  );
  for (const { src, sizes } of manifest.icons) {
    const size = await page.evaluate(
      async (url) => {
        const image = new Image();
        image.src = url;
        await image.decode();
        return `${image.naturalWidth}x${image.naturalHeight}`;
      },
      new URL(src, `${server.url}www/manifest.webmanifest`).href,
    );
    if (sizes !== "any") assert.equal(size, sizes);
  }
  await context.close();
});
