import "./node_modules/autochrome/element.js";
import { define } from "./node_modules/autochrome-next/element.js";

// The first has the name `photo-colorizer` already.
define("photo-colorizer-next");
