/** `autochrome`, rightly and wrongly used. */

import {
  AbortedError,
  AutochromeError,
  Colorization,
  Colorizer,
  DeviceError,
  ImageError,
  ModelError,
  UsageError,
} from "autochrome";
import type {
  Archive,
  BinShare,
  DeviceInfo,
  ErrorCode,
  FileOptions,
  FrameSource,
  Hint,
  Inspection,
  PhotoSource,
  Progress,
  Tone,
  WorkOptions,
} from "autochrome";
import "autochrome/worker";

const { signal } = new AbortController();
const work: WorkOptions = {
  signal,
  onProgress: ({ stage, done }: Progress) => console.log(stage satisfies string, done satisfies number),
};

export async function right(file: File, film: HTMLVideoElement, frame: VideoFrame): Promise<void> {
  const colorizer: Colorizer = await Colorizer.load({
    device: "webgpu",
    model: new URL("https://example.com/m.safetensors"),
    sha256: "00",
    assets: "/autochrome/",
    ...work,
  });
  await Colorizer.load();
  await Colorizer.load({ model: new ArrayBuffer(8), assets: new URL("https://example.com/") });
  const device: DeviceInfo = colorizer.device;
  const kind: "webgpu" | "cpu" = device.kind;
  const defaults: Tone = colorizer.defaults;
  const names: string[] = colorizer.model.unused;
  const hint: Hint = { x: 1, y: 2, a: 40, b: 30, radius: 6 };
  const sources: PhotoSource[] = [
    file,
    film,
    frame,
    new ImageData(1, 1),
    document.createElement("canvas"),
    new OffscreenCanvas(1, 1),
    new Image(),
  ];
  for (const source of sources) {
    const colorization: Colorization = await colorizer.colorize(source, { hints: [hint], neutralize: false, signal });
    const pixels: ImageData = await colorization.render({ temperature: 0.38, saturation: 1.2, maxSide: 800, ...work });
    const blob: Blob = await colorization.toBlob({
      type: "image/jpeg",
      quality: 0.9,
      removeLocation: true,
      aiMark: false,
      signal,
    });
    const bins: BinShare[] = await colorization.distributionAt(1, 2, { temperature: 1 });
    const inspection: Inspection = await colorization.inspectAt(1, 2, { side: 100, signal });
    const colours: boolean = colorization.isColor;
    console.log(pixels.width, blob.size, bins[0]?.p, inspection.top, colorization.width, colorization.height, colours);
    colorization.dispose();
  }
  const live: FrameSource = film;
  const coloured: ImageData = await colorizer.colorizeFrame(live, { maxSide: 320, steady: 0.5, warmth: -1, signal });
  const archive: Archive = colorizer.archive();
  await archive.add("one.png", file, { signal });
  const zip: Blob = await archive.finish();
  colorizer.dispose();
  console.log(kind, defaults.warmth, names, coloured, zip);
}

/** A code for every case, a class for every family. */
export function explain(error: unknown): string {
  if (
    error instanceof AbortedError ||
    error instanceof DeviceError ||
    error instanceof ImageError ||
    error instanceof ModelError ||
    error instanceof UsageError
  ) {
    const ours: AutochromeError = error;
    return ours.message;
  }
  if (!(error instanceof AutochromeError)) return "";
  const code: ErrorCode = error.code;
  switch (code) {
    case "model-download":
    case "no-device":
    case "aborted":
      return "known";
    // @ts-expect-error no such code
    case "no-such-code":
      return "";
    default:
      return code;
  }
}

export async function wrong(colorizer: Colorizer, colorization: Colorization, error: AutochromeError): Promise<void> {
  // @ts-expect-error no such device
  await Colorizer.load({ device: "tpu" });
  // @ts-expect-error one is loaded, not made
  new Colorizer();
  // @ts-expect-error no such option
  await Colorizer.load({ modell: "m.safetensors" });
  // @ts-expect-error an address is not a photograph
  await colorizer.colorize("photo.jpg");
  // @ts-expect-error a hint has a place
  await colorizer.colorize(new Blob(), { hints: [{ a: 1, b: 2 }] });
  // @ts-expect-error a frame is not a file
  await colorizer.colorizeFrame(new Blob());
  // @ts-expect-error a number
  await colorization.render({ temperature: "0.38" });
  // @ts-expect-error no such type
  await colorization.toBlob({ type: "image/webp" } satisfies Partial<FileOptions>);
  // @ts-expect-error what a photograph has is read
  colorization.width = 3;
  // @ts-expect-error and so are codes
  error.code = "aborted";
  // @ts-expect-error the worker has no exports
  await import("autochrome/worker").then(({ start }) => start);
  // @ts-expect-error what is not exported is not there
  await import("autochrome/shared.js");
}
