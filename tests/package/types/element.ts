/** `autochrome/element`, rightly and wrongly used. */

import { AutochromeError, Colorization, Colorizer, PhotoColorizer, define } from "autochrome/element";
import type { PhotoSource } from "autochrome";

const ours: boolean = define("my-colorizer");

// The tag has its class.
const element: PhotoColorizer = document.createElement("photo-colorizer");
const found: PhotoColorizer | null = document.querySelector("photo-colorizer");

export async function right(file: File): Promise<void> {
  element.photo = file;
  const photo: PhotoSource | null = element.photo;
  element.src = "photo.jpg";
  element.device = "cpu";
  element.assets = "/autochrome/";
  element.model = "model.safetensors";
  element.temperature = 0.5;
  element.rebalance = null;
  element.controls = "compare zoom";
  element.mode = "side";
  element.type = "image/jpeg";
  element.disabled = element.required = true;
  const value: File | null = element.value;
  const error: AutochromeError | null = element.error;
  const shown: Colorization | null = element.colorization;
  const state: "empty" | "loading" | "colorizing" | "done" | "failed" = element.state;
  const form: HTMLFormElement | null = element.form;
  const valid: boolean = element.checkValidity() && element.reportValidity() && element.validity.valid;
  const blob: Blob = await element.toBlob({ type: "image/png", aiMark: false, signal: new AbortController().signal });
  element.cancel();
  element.retry();
  console.log(ours, found, photo, value, error, shown, state, form, valid, blob, Colorizer);
}

element.addEventListener("colorize-start", ({ detail }) => console.log(detail.source satisfies PhotoSource | string));
element.addEventListener("colorize-progress", ({ detail }) =>
  console.log(detail.stage satisfies string, detail.done satisfies number),
);
element.addEventListener(
  "colorize-done",
  (event) => {
    const { colorization, width, height, device, milliseconds } = event.detail;
    console.log(
      colorization satisfies Colorization,
      width + height + milliseconds,
      device.kind satisfies "webgpu" | "cpu",
    );
  },
  { once: true },
);
element.addEventListener("colorize-error", ({ detail: { error } }) => console.log(error satisfies AutochromeError));
element.addEventListener("click", (event) => console.log(event.clientX));
element.addEventListener("another", (event: Event) => console.log(event.type));

export function wrong(): void {
  // @ts-expect-error no such device
  element.device = "tpu";
  // @ts-expect-error a number or null
  element.temperature = "0.5";
  // @ts-expect-error no such way to show it
  element.mode = "above";
  // @ts-expect-error it is read
  element.state = "done";
  // @ts-expect-error no such detail
  element.addEventListener("colorize-done", ({ detail }) => console.log(detail.progress));
  // @ts-expect-error an error is an object
  element.addEventListener("colorize-error", ({ detail }) => console.log(detail.error satisfies string));
  // @ts-expect-error an address goes into `src`
  element.photo = "photo.jpg";
  // @ts-expect-error a name is text
  define(3);
}
