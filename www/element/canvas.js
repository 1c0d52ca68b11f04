/** What is done with any canvas. */

/** @param {HTMLCanvasElement} canvas @param {ImageData} pixels */
export function draw(canvas, pixels) {
  if (canvas.width !== pixels.width) canvas.width = pixels.width;
  if (canvas.height !== pixels.height) canvas.height = pixels.height;
  canvas.getContext("2d")?.putImageData(pixels, 0, 0);
}

/** Gives a canvas's memory back. @param {HTMLCanvasElement} canvas */
export function clear(canvas) {
  canvas.width = 1;
  canvas.height = 1;
}
