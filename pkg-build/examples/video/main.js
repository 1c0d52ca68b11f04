import { Colorizer } from "./node_modules/autochrome/autochrome.js";
import { clipOf } from "./clip.js";

const input = document.querySelector("input");
const status = document.querySelector("output");
const video = document.querySelector("video");
const button = document.querySelector("button");

let colorizer;

function show(canvas, picture) {
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

/** Each frame in colour, as fast as the device can. */
async function follow() {
  show(document.querySelector("#live"), await colorizer.colorizeFrame(video));
  video.requestVideoFrameCallback(follow);
}

input.addEventListener("change", async () => {
  status.value = "Filming…";
  const clip = await clipOf(input.files[0]);
  status.value = "Loading…";
  const first = !colorizer;
  colorizer ??= await Colorizer.load();
  video.src = URL.createObjectURL(clip);
  await video.play();
  if (first) follow();
  button.disabled = false;
  status.value = `In colour, by ${colorizer.device.name}`;
});

button.addEventListener("click", async () => {
  const frame = new VideoFrame(video);
  try {
    const colorization = await colorizer.colorize(frame);
    show(document.querySelector("#still"), await colorization.render());
    colorization.dispose();
  } finally {
    frame.close();
  }
});
