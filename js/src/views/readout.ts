/** The values of the pixel under the cursor; they never wait for the kernel. */

import { ellipticalRadius, type Point } from "../geometry";
import type { Pictures } from "../pictures";
import { pixel as alone } from "../raster";
import { shapeOf } from "../shapes";
import { type State, selectedOf, shown } from "../state";
import { sexagesimal, skyAt } from "../wcs";
import { format, h, setText } from "./dom";

export interface Readout {
  element: HTMLElement;
  update(state: State, pictures: Pictures | null, pixel: Point | null): void;
}

const FIELDS = ["x", "y", "data", "model", "residual", "σ", "S/N", "r/r_eff", "RA, Dec"] as const;
const SKY = "RA, Dec";
type Field = (typeof FIELDS)[number];

export function createReadout(): Readout {
  const outputs = new Map<Field, HTMLElement>();
  // Not a <dl>: hosts have styles of their own for those.
  const element = h("div", { class: "sl-readout", role: "group", "aria-label": "pixel under the cursor" });
  for (const field of FIELDS) {
    const output = h("span", { class: "sl-reading" }, "–");
    outputs.set(field, output);
    const cell = h("div", {}, h("span", { class: "sl-label" }, field), output);
    if (field === SKY) cell.classList.add("sl-sky");
    element.append(cell);
  }
  return {
    element,
    update(state, pictures, pixel) {
      element.classList.toggle("sl-without-sky", !state.image?.plane);
      const values = pixel ? valuesAt(state, pictures, pixel) : {};
      for (const [field, output] of outputs) setText(output, values[field] ?? "–");
    },
  };
}

function valuesAt(state: State, pictures: Pictures | null, pixel: Point): Partial<Record<Field, string>> {
  const { image } = state;
  if (!image) return {};
  const index = pixel.y * image.nx + pixel.x;
  const at = {
    x: String(pixel.x),
    y: String(pixel.y),
    "r/r_eff": radiusAt(state, pixel),
    ...skyOf(state, pixel),
  };
  if (image.mask[index]) return { ...at, data: "masked" };
  const value = (pixels: ArrayLike<number>) => pixels[index] ?? Number.NaN;
  const model = pictures?.modelOn(alone(pixel.x, pixel.y))?.[0] ?? Number.NaN;
  return {
    ...at,
    data: format(value(image.data)),
    model: format(model),
    residual: format(value(image.data) - model),
    σ: format(value(image.sigma)),
    "S/N": format(value(image.data) / value(image.sigma), 3),
  };
}

function skyOf({ image }: State, pixel: Point): { [SKY]?: string } {
  return image?.plane ? { [SKY]: sexagesimal(skyAt(image.plane, pixel)) } : {};
}

/** In units of the selected component's size, along its own ellipses. */
function radiusAt(state: State, pixel: Point): string {
  const shape = shapeOf(state.schema, shown(state), selectedOf(state));
  return shape?.size ? format(ellipticalRadius(shape, pixel) / shape.size, 3) : "–";
}
