/** Makes a film of a photograph: the camera moves across it. */
export async function clipOf(photograph, { width = 320, height = 240, seconds = 2 } = {}) {
  const picture = await createImageBitmap(photograph);
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: "video/webm" });
  const pieces = [];
  recorder.addEventListener("dataavailable", ({ data }) => pieces.push(data));
  const recorded = new Promise((resolve) => recorder.addEventListener("stop", resolve, { once: true }));
  const start = performance.now();
  const draw = (now) => {
    const moved = Math.min(1, Math.max(0, (now - start) / 1000 / seconds));
    const scale = 1.25 * Math.max(width / picture.width, height / picture.height);
    context.drawImage(picture, (width - picture.width * scale) * moved, (height - picture.height * scale) / 2, picture.width * scale, picture.height * scale);
    if (moved < 1) requestAnimationFrame(draw);
    else recorder.stop();
  };
  draw(start);
  recorder.start();
  await recorded;
  return new Blob(pieces, { type: recorder.mimeType });
}
