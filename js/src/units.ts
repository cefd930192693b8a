/** The units of parameters, and their values in sky units if the image has the calibration for it. */

import type { Image } from "./image";
import type { Parameter } from "./spec";

export interface Physical {
  unit: string;
  of: (value: number) => number;
}

type Numbers = Pick<Image, "zeropoint" | "pixelScale">;

/** A declared unit for display: "image" is replaced by the image's unit, or omitted if it has none. */
export function readable(unit: string, image: Pick<Image, "unit"> | null): string {
  const own = image?.unit ?? null;
  if (own === null || unit === "image") return unit.replace("image/", "per ").replace(/^image$/, own ?? "");
  return unit.replace(/^image\b/, () => (/[ /*]/.test(own) ? `(${own})` : own));
}

/** Null if there is no other unit, or the image lacks the calibration. */
export function physical({ name, unit }: Parameter, image: Numbers | null): Physical | null {
  const { zeropoint = null, pixelScale = null } = image ?? {};
  if (unit === "rad") return { unit: "°", of: (value) => (180 * value) / Math.PI };
  if (unit === "pixel" && pixelScale !== null && name !== "xc" && name !== "yc")
    return { unit: "″", of: (value) => value * pixelScale };
  if (unit === "image" && zeropoint !== null)
    return { unit: "mag", of: (value) => (value > 0 ? zeropoint - 2.5 * Math.log10(value) : Number.NaN) };
  return null;
}
