/** How long a slider's change takes, and how many frames a second are coloured. */

import { launch, serve } from "../tests/page/chromium.js";

/** Sides of a preview: while a slider moves, and once it stands still. */
const PREVIEWS = [800, 1600];

/**
 * Times of each change of a photograph of 12 megapixels, and of frames of 1280 x 720: Chromium, CPU, the
 * shipped model.
 * @param {number} runs
 * @returns {Promise<string>}
 */
export async function live(runs) {
  const server = await serve();
  const browser = await launch({ webgpu: false });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    await page.goto(server.url);
    const measured = await page.evaluate(
      async ({ runs, previews }) => {
        /** @type {typeof import("../www/autochrome.js")} */
        const { Colorizer } = await import(new URL("www/autochrome.js", location.href).href);
        const colorizer = await Colorizer.load({ device: "cpu" });
        const response = await fetch("www/samples/astronaut.jpg");
        const bitmap = await createImageBitmap(await response.blob());
        const canvas = new OffscreenCanvas(4000, 3000);
        const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
        context.filter = "grayscale(1)";
        context.drawImage(bitmap, 0, 0, bitmap.width, bitmap.width * 0.75, 0, 0, 4000, 3000);
        const colorization = await colorizer.colorize(canvas);
        /** @type {Record<string, (step: number) => object>} */
        const changes = {
          temperature: (step) => ({ temperature: 0.2 + step / 100 }),
          rebalance: (step) => ({ rebalance: 1 - (step + 1) / 100 }),
          saturation: (step) => ({ saturation: 1 + (step + 1) / 100 }),
          warmth: (step) => ({ warmth: (step + 1) / 100 }),
        };
        /** @param {number} count @param {(step: number) => Promise<unknown>} work */
        const times = async (count, work) => {
          const all = [];
          for (let step = -2; step < count; step++) {
            const began = performance.now();
            await work(step + 2);
            if (step >= 0) all.push(performance.now() - began);
          }
          return all;
        };
        /** @type {Record<string, number[]>} */
        const found = {};
        for (const maxSide of previews) {
          for (const [name, tone] of Object.entries(changes)) {
            found[`${name}, ${maxSide} px`] = await times(runs, (step) =>
              colorization.render({ maxSide, ...tone(step) }),
            );
          }
          found[`confidence, ${maxSide} px`] = await times(3, () => colorization.confidence({ maxSide }));
        }
        found["inspection"] = await times(runs, (step) => colorization.inspectAt(2000 + step, 1500));
        const frame = new OffscreenCanvas(1280, 720);
        const film = /** @type {OffscreenCanvasRenderingContext2D} */ (frame.getContext("2d"));
        for (const workingSize of [96, 128, 160, 256]) {
          found[`frame of 480 px, working size ${workingSize}`] = await times(runs, (step) => {
            film.drawImage(bitmap, step, step, 400, 225, 0, 0, 1280, 720);
            return colorizer.colorizeFrame(frame, { workingSize });
          });
        }
        return found;
      },
      { runs, previews: PREVIEWS },
    );
    const rows = Object.entries(measured).map(([name, times]) => {
      const sorted = times.toSorted((a, b) => a - b);
      const median = sorted[sorted.length >> 1] ?? NaN;
      const rate = name.startsWith("frame") ? `, ${(1000 / median).toFixed(1)} a second` : "";
      const row = `| ${name} | ${median.toFixed(1)} ms (${sorted[0]?.toFixed(1)}–${sorted.at(-1)?.toFixed(1)})${rate} |`;
      console.log(`live: ${row}`);
      return row;
    });
    return `Chromium, CPU, default model, ${runs} changes each. Previews of a photograph of 4000 x 3000 pixels, from the distribution that is kept: 800 pixels wide while a slider moves, 1600 once it stands still. Frames are of 1280 x 720 pixels.

| | time |
|---|---|
${rows.join("\n")}`;
  } finally {
    await browser.close();
    server.close();
  }
}
