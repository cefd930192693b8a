/** The image and its parts, as types. */

import type { TangentPlane } from "./wcs";

export type Pixels = Float32Array<ArrayBuffer>;
/** The values that get the two ends of a colour table. */
export type Limits = readonly [low: number, high: number];

/** Cells of `step` by `step` pixels, the first with the pixel (x, y) in its lower left corner; each shows its middle. */
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
 * An image. Of a large one the page has not all pixels: `raster` says in which cells data and sigma are, and `patch` has
 * a part of it in finer ones. `nx`, `ny` and `mask` are of the pixels themselves.
 */
export interface Image {
  nx: number;
  ny: number;
  raster?: Raster;
  patch?: Patch | null;
  /** Values of unmasked pixels from all over it. */
  sample?: Pixels;
  /** Pixels that no mask can include, where there are some. */
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
