/** What is done with any canvas. */

/** @param {HTMLCanvasElement} canvas @param {ImageData} pixels */
export function draw(canvas, pixels) {
  if (canvas.width !== pixels.width) canvas.width = pixels.width;
  if (canvas.height !== pixels.height) canvas.height = pixels.height;
  canvas.getContext("2d")?.putImageData(pixels, 0, 0);
}

/**
 * Draws a canvas again once the browser has given back what it lost, as when its GPU process ends. Canvases
 * are lost then wherever they are drawn.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {() => void} redraw
 */
export function whenRestored(canvas, redraw) {
  canvas.addEventListener("contextrestored", redraw);
}

/** Gives a canvas's memory back. @param {HTMLCanvasElement} canvas */
export function clear(canvas) {
  canvas.width = 1;
  canvas.height = 1;
}
