import { cp } from "node:fs/promises";
import { build } from "esbuild";

await build({ entryPoints: ["main.js"], bundle: true, minify: true, format: "esm", outdir: "dist" });

// esbuild leaves `new URL(…, import.meta.url)` as it is, so these come along by hand.
for (const part of ["worker.js", "engine", "models"]) {
  await cp(`node_modules/autochrome/${part}`, `dist/autochrome/${part}`, { recursive: true });
}
