/** The memory of Chromium's processes, from Linux's /proc. Elsewhere nothing is measured. */

import { readFile, readdir } from "node:fs/promises";

/** Between two looks, in milliseconds. */
const INTERVAL = 200;

/** @param {string} path */
const read = (path) => readFile(path, "utf8").catch(() => "");

/** Every process with its parent. @returns {Promise<Map<number, number>>} */
async function parents() {
  const found = new Map();
  for (const name of await readdir("/proc").catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    const fields = (await read(`/proc/${name}/stat`)).replace(/^.*\) /s, "").split(" ");
    if (fields[1]) found.set(Number(name), Number(fields[1]));
  }
  return found;
}

/** Processes that this one has started and that run still. @returns {Promise<number[]>} */
export async function children() {
  return [...(await parents())].filter(([, parent]) => parent === process.pid).map(([pid]) => pid);
}

/** Bytes of a process; pages that it shares count in parts. @param {number} pid */
async function bytesOf(pid) {
  const kilobytes =
    (await read(`/proc/${pid}/smaps_rollup`)).match(/^Pss:\s+(\d+)/m)?.[1] ??
    (await read(`/proc/${pid}/status`)).match(/^VmRSS:\s+(\d+)/m)?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

/** The most that renderers and the GPU process below a process have had at one time. */
export class PeakMemory {
  renderer = 0;
  gpu = 0;
  /** What the renderers had at the last look. */
  now = 0;
  #timer;
  #looking = false;

  /** @param {number} browser */
  constructor(browser) {
    this.#timer = setInterval(() => this.#look(browser), INTERVAL);
  }

  /** @param {number} browser */
  async #look(browser) {
    if (this.#looking) return;
    this.#looking = true;
    const of = await parents();
    let renderer = 0;
    let gpu = 0;
    for (const pid of of.keys()) {
      let above = pid;
      while (above !== browser && of.has(above)) above = of.get(above) ?? 0;
      if (above !== browser) continue;
      const line = await read(`/proc/${pid}/cmdline`);
      if (line.includes("--type=renderer")) renderer += await bytesOf(pid);
      if (line.includes("--type=gpu-process")) gpu += await bytesOf(pid);
    }
    this.now = renderer;
    this.renderer = Math.max(this.renderer, renderer);
    this.gpu = Math.max(this.gpu, gpu);
    this.#looking = false;
  }

  stop() {
    clearInterval(this.#timer);
  }
}
