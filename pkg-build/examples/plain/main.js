import { Colorizer } from "./node_modules/autochrome/element.js";

const input = document.querySelector("input");
const image = document.querySelector("img");

let colorizer;

input.addEventListener("change", async () => {
  colorizer ??= await Colorizer.load();
  const colorization = await colorizer.colorize(input.files[0]);
  const file = await colorization.toBlob({ type: "image/jpeg", quality: 0.9 });
  colorization.dispose();
  image.src = URL.createObjectURL(file);
});
