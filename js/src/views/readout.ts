/** The values of the pixel under the cursor, shown without waiting for the kernel. */

import { cellAt, isCells } from "../cells";
import { ellipticalRadius, type Point } from "../geometry";
import type { Image, Raster } from "../image";
import type { Pictures } from "../pictures";
import { pixel as alone } from "../raster";
import { shapeOf } from "../shapes";
import { type PixelValues, type State, selectedOf, shown } from "../state";
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
  // Not a <dl>, because hosts style it.
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
  const exact = isCells(image) ? exactAt(state, pixel) : null;
  const at = {
    x: String(pixel.x),
    y: String(pixel.y),
    "r/r_eff": radiusAt(state, pixel),
    ...skyOf(state, pixel),
  };
  if (image.mask[index]) return { ...at, data: "masked" };
  if (isCells(image)) return { ...at, ...cellValues(image, pictures, pixel, exact) };
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

/** The values of a pixel of a large image, from a patch of single pixels or from Python. */
export function exactAt({ image, pixel: sent }: State, pixel: Point): Omit<PixelValues, "x" | "y"> | null {
  const { patch } = image ?? {};
  const index = patch?.raster.step === 1 ? cellAt(patch.raster, pixel) : -1;
  if (patch && index >= 0)
    return { data: patch.data[index] as number, sigma: patch.sigma[index] as number, model: null };
  return sent && sent.x === pixel.x && sent.y === pixel.y ? sent : null;
}

/** Means of the cell, marked as such, until Python sends the values of the pixel. */
function cellValues(
  image: Image & { raster: Raster },
  pictures: Pictures | null,
  pixel: Point,
  exact: Omit<PixelValues, "x" | "y"> | null,
): Partial<Record<Field, string>> {
  const cell = cellAt(image.raster, pixel);
  const model = exact?.model ?? pictures?.modelOn(alone(pixel.x, pixel.y))?.[0] ?? Number.NaN;
  const data = exact ? (exact.data ?? Number.NaN) : (image.data[cell] as number);
  const sigma = exact ? (exact.sigma ?? Number.NaN) : (image.sigma[cell] as number);
  const marked = (value: number, digits?: number) =>
    `${exact || !Number.isFinite(value) ? "" : "≈ "}${format(value, digits)}`;
  return {
    data: marked(data),
    model: format(model),
    residual: marked(data - model),
    σ: marked(sigma),
    "S/N": marked(data / sigma, 3),
  };
}

function skyOf({ image }: State, pixel: Point): { [SKY]?: string } {
  return image?.plane ? { [SKY]: sexagesimal(skyAt(image.plane, pixel)) } : {};
}

/** The radius in units of the selected component's size, along its ellipses. */
function radiusAt(state: State, pixel: Point): string {
  const shape = shapeOf(state.schema, shown(state), selectedOf(state));
  return shape?.size ? format(ellipticalRadius(shape, pixel) / shape.size, 3) : "–";
}
