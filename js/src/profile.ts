/** Surface brightness in elliptical annuli, the annuli of Python's plots: a pixel wide, or a tenth of the radius. */

import type { Shape } from "./geometry";
import type { Pixels } from "./state";

export interface Grid {
  nx: number;
  ny: number;
  mask: Uint8Array;
}
/** For each pixel its annulus or -1; of each annulus the number of pixels and their mean radius. */
export interface Rings {
  label: Int16Array;
  number: Float64Array;
  radius: Float64Array;
}

const GROWTH = 0.1;
/** The part of an annulus that must be on the image and unmasked. */
const COVERAGE = 0.25;
/** Radii are looked up in steps of this part of a pixel. */
const STEP = 1 / 64;

export function ringsOf(grid: Grid, shape: Shape): Rings {
  const radius = radii(grid, shape);
  let largest = 0;
  for (let i = 0; i < radius.length; i++)
    if (!grid.mask[i] && (radius[i] as number) > largest) largest = radius[i] as number;
  const edges = [0];
  while ((edges.at(-1) as number) < largest) edges.push(next(edges.at(-1) as number));
  return assign(radius, grid.mask, edges, Math.max(1 - shape.ellip, 1e-3));
}

const next = (edge: number): number => edge + Math.max(1, GROWTH * edge);

function radii({ nx, ny }: Grid, shape: Shape): Float32Array {
  const radius = new Float32Array(nx * ny);
  const [sin, cos] = [Math.sin(shape.theta), Math.cos(shape.theta)];
  const q = Math.max(1 - shape.ellip, 1e-3);
  for (let y = 0, i = 0; y < ny; y++)
    for (let x = 0; x < nx; x++, i++) {
      const [dx, dy] = [x - shape.xc, y - shape.yc];
      const along = dy * cos - dx * sin;
      const across = (dx * cos + dy * sin) / q;
      radius[i] = Math.sqrt(along * along + across * across);
    }
  return radius;
}

function assign(radius: Float32Array, mask: Uint8Array, edges: number[], q: number): Rings {
  const bins = edges.length - 1;
  const table = lookUp(edges);
  const label = new Int16Array(radius.length).fill(-1);
  const number = new Float64Array(bins);
  const sum = new Float64Array(bins);
  for (let i = 0; i < radius.length; i++) {
    if (mask[i]) continue;
    const r = radius[i] as number;
    let bin = table[Math.floor(r / STEP)] ?? bins;
    if (bin + 1 < edges.length && r >= (edges[bin + 1] as number)) bin += 1;
    if (bin >= bins) continue;
    label[i] = bin;
    number[bin] = (number[bin] as number) + 1;
    sum[bin] = (sum[bin] as number) + r;
  }
  const area = (bin: number) => Math.PI * q * ((edges[bin + 1] as number) ** 2 - (edges[bin] as number) ** 2);
  const enough = Array.from(number, (count, bin) => count >= Math.max(1, COVERAGE * area(bin)));
  const renamed = new Int16Array(bins).fill(-1);
  const kept: number[] = [];
  for (const [bin, good] of enough.entries()) if (good) renamed[bin] = kept.push(bin) - 1;
  for (let i = 0; i < label.length; i++) {
    const bin = label[i] as number;
    if (bin >= 0) label[i] = renamed[bin] as number;
  }
  return {
    label,
    number: Float64Array.from(kept, (bin) => number[bin] as number),
    radius: Float64Array.from(kept, (bin) => (sum[bin] as number) / (number[bin] as number)),
  };
}

/** The annulus in which each small step of radius begins. */
function lookUp(edges: number[]): Uint16Array {
  const steps = Math.ceil((edges.at(-1) as number) / STEP) + 1;
  const table = new Uint16Array(steps);
  let bin = 0;
  for (let step = 0; step < steps; step++) {
    while (bin + 1 < edges.length && (edges[bin + 1] as number) <= step * STEP) bin += 1;
    table[step] = bin;
  }
  return table;
}

/** The mean of an image in each annulus. */
export function meanIn(rings: Rings, values: Pixels): Float64Array {
  return sumIn(rings, values, false).map((sum, bin) => sum / (rings.number[bin] as number));
}

/** The standard error of that mean. */
export function errorIn(rings: Rings, sigma: Pixels): Float64Array {
  return sumIn(rings, sigma, true).map((sum, bin) => Math.sqrt(sum) / (rings.number[bin] as number));
}

function sumIn({ label, number }: Rings, values: Pixels, squared: boolean): Float64Array {
  const sums = new Float64Array(number.length);
  for (let i = 0; i < label.length; i++) {
    const bin = label[i] as number;
    if (bin < 0) continue;
    const value = values[i] as number;
    sums[bin] = (sums[bin] as number) + (squared ? value * value : value);
  }
  return sums;
}
