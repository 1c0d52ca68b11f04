/** Large photographs for the benches, made up: nobody has to download them. */

import { crc32, deflateSync } from "node:zlib";

/** @param {string} name @param {Buffer} data */
function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/**
 * A gray PNG of 8 bits: waves, so that there are soft and hard edges everywhere.
 *
 * @param {number} width
 * @param {number} height
 */
export function largePng(width, height) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const wave = (/** @type {number} */ length, /** @type {number} */ period) =>
    Uint8Array.from({ length }, (_, i) => 64 + 63 * Math.sin((2 * Math.PI * i) / period));
  const across = wave(width, 611);
  const down = wave(height, 433);
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) {
    const row = rows.subarray(y * (width + 1) + 1, (y + 1) * (width + 1));
    const here = down[y] ?? 0;
    for (let x = 0; x < width; x++) row[x] = here + (across[x] ?? 0);
  }
  const parts = [chunk("IHDR", header), chunk("IDAT", deflateSync(rows, { level: 1 })), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...parts]);
}
