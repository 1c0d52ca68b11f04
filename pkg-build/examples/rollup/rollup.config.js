import { cp } from "node:fs/promises";
import resolve from "@rollup/plugin-node-resolve";

/** Rollup leaves `new URL(…, import.meta.url)` as it is, so these come along by hand. */
const assets = {
  name: "assets",
  async writeBundle({ dir }) {
    for (const part of ["worker.js", "engine", "models"]) {
      await cp(`node_modules/autochrome/${part}`, `${dir}/autochrome/${part}`, { recursive: true });
    }
  },
};

export default {
  input: "main.js",
  output: { dir: "dist" },
  plugins: [resolve(), assets],
};
