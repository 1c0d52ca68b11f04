import "autochrome/element";

const element = document.querySelector("photo-colorizer");

element.addEventListener("colorize-done", ({ detail }) => {
  document.title = `In colour after ${Math.round(detail.milliseconds)} ms`;
});
