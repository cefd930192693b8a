/** A large image in cells: which of the cells in the page are shown, and which of them are masked. */

import type { Shape } from "./geometry";
import type { Image, Patch, Raster } from "./image";
import { middleOf } from "./raster";

/** The largest number of cells in a picture; Python refuses more. */
const CELLS = 2 ** 18;
/** A cell with this fraction of masked pixels is shown as masked, so that strokes of a fine brush stay visible. */
const SHOWN = 1 / 4;

export const isCells = (image: Image | null): image is Image & { raster: Raster } =>
  image?.raster !== undefined;

/** The visible cells to request from Python; null if the cells in the page are as fine. */
export function wantedSight(image: Image, sight: Raster): Raster | null {
  const own = image.raster;
  if (!own || sight.step >= own.step) return null;
  const [right, top] = [sight.x + sight.nx * sight.step, sight.y + sight.ny * sight.step];
  for (let step = sight.step; step < own.step; step++) {
    const [x, y] = [sight.x - (sight.x % step), sight.y - (sight.y % step)];
    const [nx, ny] = [
      Math.ceil((Math.min(right, image.nx) - x) / step),
      Math.ceil((Math.min(top, image.ny) - y) / step),
    ];
    if (nx * ny <= CELLS) return { x, y, step, nx, ny };
  }
  return null;
}

/** The finest raster that the page has of the visible part: the patch if it holds most of it, else the whole image. */
export function shownOf(image: Image & { raster: Raster }, sight: Raster): Patch {
  const { data, patch, raster, sigma } = image;
  if (patch && sight.step < raster.step && shared(patch.raster, sight) > 0.5) return patch;
  return { raster, data, sigma };
}

/** The fraction of a raster's area that overlaps another. */
function shared(on: Raster, of: Raster): number {
  const along = (a: number, m: number, b: number, n: number) =>
    Math.max(Math.min(a + m * on.step, b + n * of.step) - Math.max(a, b), 0) / (n * of.step);
  return along(on.x, on.nx, of.x, of.nx) * along(on.y, on.ny, of.y, of.ny);
}

/** The numbers of unmasked pixels and of all pixels in each cell. */
function countIn(mask: Uint8Array, { nx, ny }: { nx: number; ny: number }, raster: Raster) {
  const { x, y, step } = raster;
  const free = new Float32Array(raster.nx * raster.ny);
  const all = new Float32Array(free.length);
  const [right, top] = [Math.min(x + raster.nx * step, nx), Math.min(y + raster.ny * step, ny)];
  for (let v = y; v < top; v++) {
    const row = Math.floor((v - y) / step) * raster.nx;
    for (let u = x, cell = row, left = step, i = v * nx + x; u < right; u++, i++) {
      all[cell] = (all[cell] as number) + 1;
      if (!mask[i]) free[cell] = (free[cell] as number) + 1;
      if (--left === 0) {
        cell++;
        left = step;
      }
    }
  }
  return { free, all };
}

/** The cells that are shown as masked. */
export function maskOn(mask: Uint8Array, size: { nx: number; ny: number }, raster: Raster) {
  const { free, all } = countIn(mask, size, raster);
  return Uint8Array.from(all, (number, i) => (number - (free[i] as number) >= SHOWN * number ? 1 : 0));
}

/**
 * The image whose pixels are the cells. Sigma is the error of a cell's mean, so that significances refer to the cells
 * shown. Cells without an unmasked pixel are masked.
 */
export function cellImage(image: Image, { data, raster, sigma }: Patch): Image {
  const { free } = countIn(image.mask, image, raster);
  return {
    ...image,
    nx: raster.nx,
    ny: raster.ny,
    data,
    sigma: sigma.map((error, i) => error / Math.sqrt(Math.max(free[i] as number, 1))),
    mask: Uint8Array.from(free, (number) => (number > 0 ? 0 : 1)),
  };
}

/** Convert a mask of cells to a mask of pixels. */
export function pixelsOf(cells: Uint8Array, size: { nx: number; ny: number }, raster: Raster) {
  const { x, y, step } = raster;
  const mask = new Uint8Array(size.nx * size.ny);
  for (let j = 0, cell = 0; j < raster.ny; j++)
    for (let i = 0; i < raster.nx; i++, cell++) {
      if (!cells[cell]) continue;
      const [left, right] = [x + i * step, Math.min(x + (i + 1) * step, size.nx)];
      for (let v = y + j * step; v < Math.min(y + (j + 1) * step, size.ny); v++)
        mask.fill(1, v * size.nx + left, v * size.nx + right);
    }
  return mask;
}

/** Convert a position or an ellipse from pixels to cells. */
export const inCells = <At extends { x: number; y: number }>(at: At, raster: Raster): At => ({
  ...at,
  x: (at.x - raster.x - middleOf(raster)) / raster.step,
  y: (at.y - raster.y - middleOf(raster)) / raster.step,
});
export function shapeInCells(shape: Shape, raster: Raster): Shape {
  const { x, y } = inCells({ x: shape.xc, y: shape.yc }, raster);
  return { ...shape, xc: x, yc: y, size: shape.size === null ? null : shape.size / raster.step };
}
/** Convert a position from cells to pixels. */
export const inPixels = <At extends { x: number; y: number }>(at: At, raster: Raster): At => ({
  ...at,
  x: raster.x + middleOf(raster) + at.x * raster.step,
  y: raster.y + middleOf(raster) + at.y * raster.step,
});

/** The cell of a pixel, or -1 if it lies in none. */
export function cellAt({ nx, ny, step, x, y }: Raster, at: { x: number; y: number }): number {
  const [i, j] = [Math.floor((at.x - x) / step), Math.floor((at.y - y) / step)];
  return i >= 0 && j >= 0 && i < nx && j < ny ? j * nx + i : -1;
}
