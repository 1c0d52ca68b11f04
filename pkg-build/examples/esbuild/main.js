import { Colorizer } from "autochrome";

const input = document.querySelector("input");
const status = document.querySelector("output");
const canvas = document.querySelector("canvas");

// Where build.js has put worker, wasm and weights.
const assets = new URL("autochrome/", import.meta.url);
let colorizer;

input.addEventListener("change", async () => {
  try {
    status.value = "Colouring…";
    colorizer ??= await Colorizer.load({ assets });
    const colorization = await colorizer.colorize(input.files[0]);
    const picture = await colorization.render({ saturation: 1.2 });
    colorization.dispose();
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.getContext("2d").putImageData(picture, 0, 0);
    status.value = `In colour, by ${colorizer.device.name}`;
  } catch (error) {
    status.value = error.message;
  }
});
