/**
 * The examples of the npm package: each is installed with the packed package, started by its own
 * command and opened in Chromium, where it has to colour a photograph.
 */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { launch } from "../page/chromium.js";
import { PATIENCE, SAMPLES } from "../page/helpers.js";
import { host } from "../page/host.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").Locator} Locator */
/** @typedef {import("playwright-core").FrameLocator} FrameLocator */

const run = promisify(execFile);

const EXAMPLES = fileURLToPath(new URL("../../pkg-build/examples/", import.meta.url));
const PACKED = fileURLToPath(new URL("../../dist/npm/", import.meta.url));
const PHOTOGRAPH = join(SAMPLES, "photographer.jpg");

/** Registries can be slow. */
const INSTALLATION = 600_000;

/** What the package needs, and nothing else; `media-src` is for the film of an example. */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src 'self' blob:; style-src 'self'; media-src blob:; form-action 'self'";

/** Mean difference of channels that a coloured photograph exceeds; the gray one has none. */
const COLOURED = 8;

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {string} */
let packed;
/** @type {string} */
let workshop;

before(async () => {
  const name = (await readdir(PACKED)).find((file) => file.endsWith(".tgz"));
  assert.ok(name, "there is no package; run `cargo npm`");
  packed = join(PACKED, name);
  workshop = await mkdtemp(join(tmpdir(), "autochrome-examples-"));
  browser = await launch({ webgpu: false });
});
after(async () => {
  await browser?.close();
  if (workshop) await rm(workshop, { recursive: true, force: true });
});

/**
 * Copies an example and installs what it needs, the packed package among it.
 * @param {string} name
 * @param {Record<string, string>} [others] packed files for other names than `autochrome`
 */
async function install(name, others = {}) {
  const folder = join(workshop, name);
  const built = ["node_modules", "dist"].map((part) => resolve(EXAMPLES, name, part));
  await cp(join(EXAMPLES, name), folder, { recursive: true, filter: (path) => !built.includes(resolve(path)) });
  const file = join(folder, "package.json");
  const manifest = JSON.parse(await readFile(file, "utf8"));
  for (const [dependency, version] of Object.entries(manifest.dependencies)) {
    if (version.startsWith("file:")) manifest.dependencies[dependency] = `file:${others[dependency] ?? packed}`;
  }
  await writeFile(file, JSON.stringify(manifest));
  await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund"], { cwd: folder });
  return folder;
}

/**
 * Runs `npm start` until it is closed.
 *
 * @param {string} folder
 * @returns {Promise<{ url: string, close: () => void }>}
 */
async function start(folder) {
  // In a group of its own: npm leaves what it has started behind.
  const child = spawn("npm", ["start"], {
    cwd: folder,
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NO_COLOR: "1", PORT: "0" },
  });
  const close = () => void (child.pid && process.kill(-child.pid));
  const said = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    const url = line.match(/http:\/\/localhost:\d+/)?.[0];
    if (url) {
      child.stdout.resume();
      return { url: `${url}/`, close };
    }
  }
  throw new Error(`npm start ended: ${said.join("\n")}`);
}

/**
 * Opens a page and has it used; nothing may go wrong in it, and nothing may leave its origin.
 * @param {string} url
 * @param {(page: Page) => Promise<void>} use
 * @param {{ policy?: string }} [options] sent with the page
 */
async function visit(url, use, { policy } = {}) {
  const context = await browser.newContext();
  const page = await context.newPage();
  /** @type {string[]} */
  const wrong = [];
  /** @type {Set<string>} */
  const origins = new Set();
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith("http")) origins.add(origin);
  });
  // The browser asks for an icon by itself, and a policy that is broken is an error on the console.
  page.on("console", (message) => {
    if (message.type() === "error" && !message.location().url.endsWith("/favicon.ico")) wrong.push(message.text());
  });
  page.on("pageerror", (error) => wrong.push(String(error)));
  await page.addInitScript(() =>
    addEventListener("colorize-error", (event) =>
      console.error(/** @type {CustomEvent} */ (event).detail.error.message),
    ),
  );
  if (policy) {
    await page.route(url, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, headers: { ...response.headers(), "content-security-policy": policy } });
    });
  }
  try {
    await page.goto(url);
    await use(page);
    assert.deepEqual(wrong, []);
    assert.deepEqual([...origins], [new URL(url).origin]);
  } catch (error) {
    const shown = await page.evaluate(() => document.body?.textContent);
    throw new Error(`the page shows "${shown}" and complains of ${JSON.stringify(wrong)}`, { cause: error });
  } finally {
    await context.close();
  }
}

/** Mean of the largest difference of channels of a canvas or picture. @param {Locator} picture */
function colourfulness(picture) {
  return picture.evaluate((element) => {
    const shown = /** @type {HTMLCanvasElement | HTMLImageElement} */ (element);
    if (shown.width * shown.height === 0) return 0;
    const { width, height } = shown;
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context?.drawImage(shown, 0, 0);
    const data = context?.getImageData(0, 0, width, height).data ?? [];
    let sum = 0;
    for (let i = 0; i < data.length; i += 4) {
      const [r = 0, g = 0, b = 0] = [data[i], data[i + 1], data[i + 2]];
      sum += Math.max(r, g, b) - Math.min(r, g, b);
    }
    return sum / (width * height);
  });
}

/** Waits until a picture is in colour. @param {Locator} picture */
async function inColour(picture) {
  const until = Date.now() + PATIENCE / 2;
  while ((await colourfulness(picture)) < COLOURED) {
    assert.ok(Date.now() < until, "the picture stays gray");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Chooses a photograph beside what shows it in colour. @param {Page} page */
async function useApi(page) {
  await page.locator("body > p input").setInputFiles(PHOTOGRAPH);
  await inColour(page.locator("body > canvas, body > img"));
}

/** Chooses a photograph in an element. @param {Page | FrameLocator} page @param {string} [name] */
async function useElement(page, name = "photo-colorizer") {
  const element = page.locator(name);
  await element.locator("input[type=file]").setInputFiles(PHOTOGRAPH);
  await inColour(element.locator("canvas[part=after]"));
  assert.ok((await colourfulness(element.locator("canvas[part=before]"))) < 1);
}

/** Gives a component its photograph. @param {Page} page */
async function useComponent(page) {
  await page.locator("main > p input").setInputFiles(PHOTOGRAPH);
  await inColour(page.locator("photo-colorizer canvas[part=after]"));
  await page.locator("output", { hasText: "In colour" }).first().waitFor();
  await page.getByText("Keep it").waitFor();
}

/** Vite serves its sources, and builds. */
for (const [name, use] of Object.entries({ vite: useApi, react: useComponent, vue: useComponent })) {
  describe(name, () => {
    /** @type {string} */
    let folder;
    before(
      async () => {
        folder = await install(name);
      },
      { timeout: INSTALLATION },
    );

    test("npm start", { timeout: PATIENCE }, async () => {
      const server = await start(folder);
      // The development server speaks to its page by other ways than a policy would let it.
      await visit(server.url, use).finally(server.close);
    });

    test("npm run build", { timeout: PATIENCE }, async () => {
      await run("npm", ["run", "build"], { cwd: folder });
      const site = await host(join(folder, "dist"));
      await visit(site.url, use, { policy: POLICY }).finally(site.close);
    });
  });
}

/** @type {Record<string, (page: Page) => Promise<void>>} */
const STATIC = {
  webpack: async (page) => {
    await useElement(page);
    assert.match(await page.title(), /^In colour after \d+ ms$/);
  },
  esbuild: useApi,
  rollup: (page) => useElement(page),
  plain: async (page) => {
    await useElement(page);
    await useApi(page);
  },
  video: async (page) => {
    await page.locator("input").setInputFiles(PHOTOGRAPH);
    await inColour(page.locator("#live"));
    await page.locator("button").click();
    await inColour(page.locator("#still"));
  },
};

for (const [name, use] of Object.entries(STATIC)) {
  test(name, { timeout: INSTALLATION }, async () => {
    const server = await start(await install(name));
    await visit(server.url, use, { policy: POLICY }).finally(server.close);
  });
}

test("iframe", { timeout: INSTALLATION }, async () => {
  const server = await start(await install("iframe"));
  await visit(server.url, async (page) => {
    await useElement(page.frameLocator("iframe[src='widget.html']"));
    await useElement(page.frameLocator("iframe[src='sandboxed.html']"));
    const sandboxed = page.frames().find((frame) => frame.url().endsWith("sandboxed.html"));
    assert.equal(await sandboxed?.evaluate(() => self.origin), "null");
  }).finally(server.close);
});

test("two-versions", { timeout: INSTALLATION }, async () => {
  const other = join(workshop, "other");
  await mkdir(other);
  await run("tar", ["-xzf", packed, "-C", other]);
  const file = join(other, "package/package.json");
  const manifest = JSON.parse(await readFile(file, "utf8"));
  await writeFile(file, JSON.stringify({ ...manifest, version: "99.0.0" }));
  await run("npm", ["pack", "--ignore-scripts", "--pack-destination", other], { cwd: join(other, "package") });
  const folder = await install("two-versions", { "autochrome-next": join(other, "autochrome-99.0.0.tgz") });
  const installed = JSON.parse(await readFile(join(folder, "node_modules/autochrome-next/package.json"), "utf8"));
  assert.equal(installed.version, "99.0.0");

  const server = await start(folder);
  await visit(
    server.url,
    async (page) => {
      await useElement(page, "photo-colorizer");
      await useElement(page, "photo-colorizer-next");
      const whose = await page.evaluate(async () => {
        /** @param {string} name */
        const of = async (name) =>
          (await import(new URL(`node_modules/${name}/element.js`, document.baseURI).href)).PhotoColorizer;
        const [first, next] = [await of("autochrome"), await of("autochrome-next")];
        return [
          first !== next,
          customElements.get("photo-colorizer") === first,
          customElements.get("photo-colorizer-next") === next,
        ];
      });
      assert.deepEqual(whose, [true, true, true]);
      assert.equal(page.workers().length, 2);
    },
    { policy: POLICY },
  ).finally(server.close);
});

test("form", { timeout: INSTALLATION }, async () => {
  const server = await start(await install("form"));
  await visit(
    server.url,
    async (page) => {
      await page.locator("[name=title]").fill("A photographer");
      await page.locator("button", { hasText: "Send" }).click();
      assert.equal(new URL(page.url()).pathname, "/", "an empty form is held back");
      await useElement(page);
      await page.waitForFunction(() => document.querySelector("form")?.checkValidity(), null, { timeout: PATIENCE });
      await page.locator("button", { hasText: "Send" }).click();
      // The server answers with what it got.
      await page.waitForURL("**/photographs");
      assert.equal(await page.evaluate(() => document.contentType), "image/jpeg");
      await inColour(page.locator("img"));
    },
    { policy: POLICY },
  ).finally(server.close);
});

test("every example is tested", async () => {
  const folders = (await readdir(EXAMPLES, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const tested = ["vite", "react", "vue", ...Object.keys(STATIC), "iframe", "two-versions", "form"];
  assert.deepEqual(folders.map(({ name }) => name).sort(), tested.sort());
});
