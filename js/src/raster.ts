/** The pixels of an image that are used: all pixels of a small image, a part of the visible ones of a large image. */

import { magnification, type View, type Viewport } from "./geometry";
import type { Image, Pixels, Raster } from "./image";

/** The distance from the corner pixel of a cell to its centre. */
export const middleOf = ({ step }: Raster): number => (step - 1) / 2;
export const isSame = (a: Raster | undefined, b: Raster | undefined): boolean =>
  a === b ||
  (a !== undefined &&
    b !== undefined &&
    a.x === b.x &&
    a.y === b.y &&
    a.step === b.step &&
    a.nx === b.nx &&
    a.ny === b.ny);

interface Size {
  nx: number;
  ny: number;
}

/** Using more pixels than these would delay a gesture noticeably. */
export const MOST_PIXELS = 2 ** 20;
/** Enough cells to represent the distribution of the values. */
const ENOUGH = 2 ** 16;

export const isLarge = ({ nx, ny }: Size): boolean => nx * ny > MOST_PIXELS;

export const whole = ({ nx, ny }: Size): Raster => ({ x: 0, y: 0, step: 1, nx, ny });

/** A raster over the whole image; all pixels if it is small. */
export function overall(size: Size): Raster {
  const step = isLarge(size) ? Math.ceil(Math.sqrt((size.nx * size.ny) / ENOUGH)) : 1;
  return { x: 0, y: 0, step, nx: Math.ceil(size.nx / step), ny: Math.ceil(size.ny / step) };
}

export const pixel = (x: number, y: number): Raster => ({ x, y, step: 1, nx: 1, ny: 1 });
export const row = ({ nx }: Size, y: number): Raster => ({ x: 0, y, step: 1, nx, ny: 1 });
export const column = ({ ny }: Size, x: number): Raster => ({ x, y: 0, step: 1, nx: 1, ny });

/** The visible part of an image at the resolution of the panels, with `ratio` device pixels per CSS pixel. */
export function inSight(
  size: Size,
  panels: readonly { view: View; frame: Viewport }[],
  ratio: number,
): Raster {
  const seen = panels.filter(({ frame }) => frame.width * frame.height > 0);
  if (!isLarge(size) || seen.length === 0) return overall(size);
  const scales = seen.map(({ view, frame }) => magnification(view, frame));
  const step = Math.max(Math.floor(1 / (Math.max(...scales) * ratio)), 1);
  const along = (middle: "x" | "y", side: "width" | "height", length: number): [number, number] => {
    const reach = (sign: number) =>
      seen.map(({ view, frame }, i) => view[middle] + (sign * frame[side]) / 2 / (scales[i] as number));
    const low = Math.min(Math.max(Math.floor(Math.min(...reach(-1)) + 0.5), 0), length - 1);
    const high = Math.min(Math.max(Math.floor(Math.max(...reach(1)) + 0.5), low), length - 1);
    // The cells stay aligned when the view moves, or pixels would flicker.
    const from = low - (low % step);
    return [from, Math.floor((high - from) / step) + 1];
  };
  const [[x, nx], [y, ny]] = [along("x", "width", size.nx), along("y", "height", size.ny)];
  return { x, y, step, nx, ny };
}

/** The columns or rows of the pixels that the cells show; the last cell may extend beyond the image. */
function middles(from: number, step: number, number: number, length: number): Int32Array {
  return Int32Array.from({ length: number }, (_, i) => Math.min(from + i * step + (step >> 1), length - 1));
}

/** The pixels that the cells show: the same array if these are all pixels. */
export function sampled<T extends Pixels | Uint8Array<ArrayBuffer>>(
  pixels: T,
  nx: number,
  raster: Raster,
): T {
  const ny = pixels.length / nx;
  if (raster.nx === nx && raster.ny === ny) return pixels;
  const out = pixels.slice(0, raster.nx * raster.ny) as T;
  const columns = middles(raster.x, raster.step, raster.nx, nx);
  const rows = middles(raster.y, raster.step, raster.ny, ny);
  for (let j = 0, to = 0; j < raster.ny; j++) {
    const start = (rows[j] as number) * nx;
    for (let i = 0; i < raster.nx; i++, to++) out[to] = pixels[start + (columns[i] as number)] as number;
  }
  return out;
}

/** The image reduced to these pixels. */
export function sampledImage(image: Image, raster: Raster): Image {
  if (raster.nx === image.nx && raster.ny === image.ny) return image;
  const { nx } = image;
  return {
    ...image,
    nx: raster.nx,
    ny: raster.ny,
    data: sampled(image.data, nx, raster),
    sigma: sampled(image.sigma, nx, raster),
    mask: sampled(image.mask, nx, raster),
  };
}
