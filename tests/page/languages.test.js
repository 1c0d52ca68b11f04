/** The page in its languages: the messages are whole, and real Chromium shows them, from either side. */

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch, serve } from "./chromium.js";
import { PATIENCE, waitForColour } from "./helpers.js";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {string | Record<string, string>} Message */

const ROOT = new URL("../../", import.meta.url);
const AXE = fileURLToPath(new URL("../node_modules/axe-core/axe.min.js", import.meta.url));

/** @param {string} path */
const source = (path) => readFile(new URL(path, ROOT), "utf8");

/** @param {string} language @returns {Promise<Record<string, Message>>} */
const messages = async (language) => JSON.parse(await source(`www/messages/${language}.json`));

/** @param {Message} message */
const forms = (message) => (typeof message === "string" ? [message] : Object.values(message));

/** @param {string} form */
const placeholders = (form) => [...new Set(form.match(/\{\w+\}/g))].sort();

const languages = (await readdir(new URL("www/messages/", ROOT))).map((file) => file.replace(".json", ""));

describe("the messages", async () => {
  const english = await messages("en");
  const html = await source("index.html");

  test("are there in every language of the chooser, and in no other", async () => {
    const list = (await source("www/page/language.js")).match(/LANGUAGES = .*?\(\{(.*?)\}\)/s)?.[1] ?? "";
    const named = [...list.matchAll(/^\s*"?([\w-]+)"?:/gm)].map(([, name]) => name);
    assert.deepEqual(named.sort(), [...languages].sort());
    assert.equal(languages.length, 8);
  });

  for (const language of languages) {
    test(`are whole: ${language}`, async () => {
      const theirs = await messages(language);
      assert.deepEqual(Object.keys(theirs), Object.keys(english));
      const categories = [...new Intl.PluralRules(language).resolvedOptions().pluralCategories].sort();
      for (const [key, message] of Object.entries(theirs)) {
        const original = /** @type {Message} */ (english[key]);
        assert.equal(typeof message, typeof original, key);
        if (typeof message !== "string") assert.deepEqual(Object.keys(message).sort(), categories, key);
        for (const form of forms(message)) {
          assert.deepEqual(
            placeholders(form),
            placeholders(/** @type {string} */ (forms(original).at(-1))),
            `${key}: ${form}`,
          );
          assert.equal(form, form.trim(), key);
          if (key !== "nothing") assert.notEqual(form, "", key);
        }
      }
      if (language === "en") return;
      const same = Object.keys(english).filter(
        (key) =>
          JSON.stringify(theirs[key]) === JSON.stringify(english[key]) &&
          /[a-z]{4}/i.test(JSON.stringify(english[key]).replace(/\{\w+\}/g, "")),
      );
      assert.ok(same.length < 8, `not translated: ${same}`);
    });
  }

  test("name the paper's temperature for people, and the paper's word beside it", async () => {
    /** @type {Record<string, RegExp>} */
    const word = { ja: /温度/, ko: /온도/, "zh-Hans": /温度/, ar: /درجة الحرارة/ };
    for (const language of languages) {
      const theirs = await messages(language);
      const paper = word[language] ?? /temp[eé]rat/i;
      for (const key of ["temperature", "reset-temperature", "temperature-help"])
        assert.doesNotMatch(String(theirs[key]), paper, `${language}: ${key}`);
      assert.match(String(theirs["temperature-paper"]), paper, language);
    }
  });

  test("say the same as the page does before them", () => {
    let found = 0;
    for (const [, attributes = "", content = ""] of html.matchAll(/<\w+([^>]*)>([^<]*)/g)) {
      for (const [, attribute, key = ""] of attributes.matchAll(/data-message(?:-([\w-]+))?="([\w-]+)"/g)) {
        const here = attribute
          ? attributes.match(new RegExp(`(?<![\\w-])${attribute}="([^"]*)"`))?.[1]
          : content.trim();
        assert.equal(here, english[key], key);
        found++;
      }
    }
    assert.ok(found > 80);
  });

  test("have a sentence for every code of an error", async () => {
    const [api = ""] = (await source("www/errors.js")).match(/ErrorCode\b|@typedef \{[^}]*\}/g) ?? [];
    const [page = ""] = (await source("www/page/status.js")).match(/@param \{"sample-missing"[^}]*\}/) ?? [];
    const codes = [...`${api}${page}`.matchAll(/"([\w-]+)"/g)].map(([, code]) => code);
    assert.ok(codes.length >= 18, codes.join());
    for (const code of codes) assert.ok(`error-${code}` in english, code);
  });

  test("have a sentence for every reason for a device and every licence that is shipped", async () => {
    const [reasons = ""] = (await source("www/protocol.js")).match(/@typedef \{[^}]*\} DeviceReason/) ?? [];
    const codes = [...reasons.matchAll(/"([\w-]+)"/g)].map(([, code]) => `reason-${code}`);
    assert.ok(codes.length >= 7, codes.join());
    const { models } = JSON.parse(await source("www/models/manifest.json"));
    const licenses = models.map((/** @type {any} */ { license }) => `license-${license.id}`);
    const said = Object.keys(english).filter((key) => /^(reason|license)-/.test(key));
    assert.deepEqual(said.sort(), [...new Set([...codes, ...licenses])].sort());
  });

  test("are all said somewhere", async () => {
    const folder = new URL("www/page/", ROOT);
    const code = (
      await Promise.all([source("www/page.js"), ...(await readdir(folder)).map((file) => source(`www/page/${file}`))])
    ).join("\n");
    const built = /^(error|reason|license|stage|state|retry|cancel|remove)-/;
    const silent = Object.keys(english).filter(
      (key) =>
        !built.test(key) && !html.includes(`"${key}"`) && !code.includes(`"${key}"`) && !code.includes(`\`${key}`),
    );
    assert.deepEqual(
      silent.filter((key) => !["temperature-help", "rebalance-help"].includes(key)),
      [],
    );
  });
});

describe("in Chromium", () => {
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

  /** @param {Page} page @param {string} language */
  const speaks = (page, language) =>
    page.waitForFunction((language) => document.documentElement.lang === language, language);

  for (const [locale, language] of /** @type {const} */ ([
    ["de-AT", "de"],
    ["es-MX", "es"],
    ["fr-CA", "fr"],
    ["ja", "ja"],
    ["ko-KR", "ko"],
    ["zh-CN", "zh-Hans"],
    ["ar-EG", "ar"],
    ["pt-BR", "en"],
  ])) {
    test(`a visitor with ${locale} reads ${language}, on a phone too`, { timeout: PATIENCE }, async () => {
      const context = await browser.newContext({ locale, viewport: { width: 390, height: 844 } });
      const page = await context.newPage();
      await page.goto(`${server.url}?device=cpu`);
      await speaks(page, language);
      const theirs = await messages(language);
      await page.locator("[data-sample=coffee]").click();
      const words = /** @type {string} */ (theirs["in-colour"]).split("{name}")[1]?.split("{seconds}")[0] ?? "";
      await page.waitForFunction((words) => document.getElementById("status")?.textContent?.includes(words), words, {
        timeout: PATIENCE,
      });
      assert.equal(await page.title(), theirs["title"]);
      assert.equal(await page.locator("html").getAttribute("dir"), language === "ar" ? "rtl" : "ltr");
      for (const [selector, key] of [
        ["#reset", "reset-all"],
        ["#hold", "hold"],
        ["#strip .state", "state-done"],
        ["label[for=temperature]", "temperature"],
      ]) {
        assert.equal(
          await page.locator(/** @type {string} */ (selector)).textContent(),
          theirs[/** @type {string} */ (key)],
        );
      }
      const terms = (await page.locator("#terms").textContent()) ?? "";
      assert.ok(terms.includes(/** @type {string} */ (theirs["license-research"])), terms);
      assert.equal(
        await page.getByRole("slider", { name: /** @type {string} */ (theirs["compare"]), exact: true }).count(),
        1,
      );
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide`);
      await context.close();
    });
  }

  test("from the right: the page is mirrored, the photograph and its divider are not", {
    timeout: PATIENCE,
  }, async () => {
    const context = await browser.newContext({ locale: "ar", viewport: { width: 1280, height: 900 }, bypassCSP: true });
    const page = await context.newPage();
    await page.goto(`${server.url}?device=cpu`);
    await speaks(page, "ar");
    await page.locator("[data-sample=astronaut]").click();
    await page.waitForFunction(() => document.querySelector("#strip li")?.getAttribute("data-state") === "done", null, {
      timeout: PATIENCE,
    });
    /** @param {string} selector */
    const box = async (selector) =>
      /** @type {{ x: number, y: number, width: number, height: number }} */ (
        await page.locator(selector).boundingBox()
      );
    const [viewer, panel] = [await box("#viewer"), await box("#panel")];
    assert.ok(panel.x + panel.width <= viewer.x, "the panel is on the left");
    const [before, after] = [await box("#before-tag"), await box("#pane-after .tag")];
    assert.ok(
      before.x < viewer.x + 60 && after.x + after.width > viewer.x + viewer.width - 60,
      "before is on the left, colour on the right",
    );
    await page.locator("#compare").focus();
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.locator("#compare").inputValue(), "51");
    assert.equal(
      await page.locator("#frame").evaluate((viewer) => getComputedStyle(viewer).getPropertyValue("--divider")),
      "51%",
    );
    await page.addScriptTag({ path: AXE });
    const violations = await page.evaluate(async () =>
      (await /** @type {any} */ (window).axe.run()).violations.map(
        (/** @type {any} */ v) => `${v.id}: ${v.nodes.map((/** @type {any} */ n) => n.html).join(" ")}`,
      ),
    );
    assert.deepEqual(violations, []);
    await context.close();
  });

  test("another language is said at once, errors too, and remembered only when it was chosen", {
    timeout: PATIENCE,
  }, async () => {
    const context = await browser.newContext({ locale: "en-GB" });
    const page = await context.newPage();
    await page.goto(`${server.url}?device=cpu`);
    await page.locator("[data-sample=cat]").click();
    await waitForColour(page, "cat.jpg");
    await page.setInputFiles("#file", {
      name: "notes.txt",
      mimeType: "text/plain",
      buffer: Buffer.from("no photograph"),
    });
    await page.locator("#alert").waitFor();
    assert.equal(await page.evaluate(() => localStorage.length), 0);
    const german = await messages("de");
    await page.locator("#language").selectOption("de");
    await speaks(page, "de");
    assert.equal(await page.locator("#alert-text").textContent(), `notes.txt: ${german["error-image-decode"]}`);
    await page.locator("#alert-details summary").click();
    assert.match((await page.locator("#alert-detail").textContent()) ?? "", /text\/plain/, "what the engine said");
    assert.match((await page.locator("#temperature-value").textContent()) ?? "", /^\d,\d\d$/);
    assert.match((await page.locator("#device").textContent()) ?? "", /^Läuft auf dem Prozessor/);
    assert.deepEqual(await page.evaluate(() => ({ ...localStorage })), { "autochrome-language": "de" });
    await page.reload();
    await speaks(page, "de");
    assert.equal(await page.locator("#language").inputValue(), "de");
    await context.close();
  });

  test("a photograph that this browser does not decode: what to do next, in every language", {
    timeout: PATIENCE,
  }, async () => {
    const context = await browser.newContext({ locale: "en-GB" });
    const page = await context.newPage();
    await page.goto(`${server.url}?device=cpu`);
    const files = {
      HEIC: Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\x08meta", "latin1"),
      "JPEG XL": Buffer.from("\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl ", "latin1"),
    };
    for (const [format, buffer] of Object.entries(files)) {
      await page.locator("#remove-all").evaluate((button) => /** @type {HTMLElement} */ (button).click());
      await page.setInputFiles("#file", { name: "IMG_0001", mimeType: "", buffer });
      await page.locator("#alert").waitFor();
      assert.match(
        (await page.locator("#alert-detail").textContent()) ?? "",
        new RegExp(`does not read ${format} files`),
      );
      for (const language of languages) {
        await page.locator("#language").selectOption(language);
        await speaks(page, language);
        const theirs = /** @type {Record<string, string>} */ (await messages(language));
        const said = theirs["error-image-format"] ?? "";
        assert.match(said, /Safari.*JPEG/, language);
        const whole = theirs["error-with-name"]?.replace("{name}", "IMG_0001").replace("{error}", said);
        assert.equal((await page.locator("#alert-text").textContent())?.replace(/[\u2068\u2069]/g, ""), whole);
      }
      await page.locator("#alert-close").click();
    }
    await context.close();
  });

  test("the controls and their words are there before the engine", { timeout: PATIENCE }, async () => {
    const context = await browser.newContext({ locale: "fr" });
    const page = await context.newPage();
    let release = () => {};
    const held = new Promise((resolve) => (release = () => resolve(null)));
    await page.route(/\.(wasm|safetensors)$/, (route) => held.then(() => route.continue()));
    await page.goto(`${server.url}?device=cpu`);
    await speaks(page, "fr");
    assert.equal(await page.locator("#camera-open").isEnabled(), true);
    await page.locator("[data-sample=cat]").click();
    await page.locator("#strip li").waitFor();
    assert.equal(await page.locator("#viewer").isVisible(), true, "the photograph is seen at once");
    release();
    await page.waitForFunction(() => document.querySelector("#strip li")?.getAttribute("data-state") === "done", null, {
      timeout: PATIENCE,
    });
    await context.close();
  });

  test("without messages the page stays in English", { timeout: PATIENCE }, async () => {
    const page = await browser.newPage({ javaScriptEnabled: false });
    await page.goto(server.url);
    assert.equal(await page.locator("#camera-open").textContent(), "Use the camera");
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
    await page.close();
  });
});
