import "autochrome/element";

const element = document.querySelector("photo-colorizer");

element.addEventListener("colorize-error", ({ detail }) => {
  console.error(detail.error.code, detail.error.message);
});
