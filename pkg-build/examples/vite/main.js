import { Colorizer } from "autochrome";

const input = document.querySelector("input");
const status = document.querySelector("output");
const canvas = document.querySelector("canvas");

let colorizer;

input.addEventListener("change", async () => {
  try {
    colorizer ??= await Colorizer.load({ onProgress });
    const colorization = await colorizer.colorize(input.files[0], { onProgress });
    const picture = await colorization.render();
    colorization.dispose();
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.getContext("2d").putImageData(picture, 0, 0);
    status.value = `In colour, by ${colorizer.device.name}`;
  } catch (error) {
    status.value = error.message;
  }
});

function onProgress({ stage, done }) {
  status.value = `${stage} ${Math.round(done * 100)} %`;
}
