import type { PhotoColorizer } from "./photo-colorizer.js";

declare global {
  interface HTMLElementTagNameMap {
    "photo-colorizer": PhotoColorizer;
  }
}
