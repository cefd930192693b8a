/** The image and its parts, as types. */

import type { TangentPlane } from "./wcs";

export type Pixels = Float32Array<ArrayBuffer>;
/** The values shown in the first and last colours of a table. */
export type Limits = readonly [low: number, high: number];

/** Cells of `step` by `step` pixels, the first with the pixel (x, y) in its lower left corner; each is shown at its centre. */
export interface Raster {
  x: number;
  y: number;
  step: number;
  nx: number;
  ny: number;
}
/** Data and sigma in the cells of a raster. */
export interface Patch {
  raster: Raster;
  data: Pixels;
  sigma: Pixels;
}
/**
 * An image. The page does not have all pixels of a large one: data and sigma are given in the cells of `raster`, and a
 * part of the image in the finer cells of `patch`. `nx`, `ny` and `mask` refer to the pixels themselves.
 */
export interface Image {
  /** Of several images: its name, and those of all. */
  name?: string;
  names?: string[];
  nx: number;
  ny: number;
  raster?: Raster;
  patch?: Patch | null;
  /** Values of unmasked pixels spread over the image. */
  sample?: Pixels;
  /** Pixels without a value or an error, which stay masked; null if there are none. */
  unusable?: Uint8Array<ArrayBuffer> | null;
  data: Pixels;
  sigma: Pixels;
  mask: Uint8Array<ArrayBuffer>;
  limits: Record<string, [number, number]>;
  psf: { pixels: Pixels; nx: number; ny: number } | null;
  zeropoint: number | null;
  /** As astropy writes it. */
  unit: string | null;
  /** Arcseconds. */
  pixelScale: number | null;
  plane: TangentPlane | null;
}
