/**
 * Surface brightness in elliptical annuli, as in Python's plots: a pixel wide, or a tenth of the radius.
 *
 * Near the centre each pixel is assigned to an annulus. In the outer, wide annuli of a large image, blocks of pixels are
 * assigned together: all light still counts, and the cost for another ellipse does not grow with the image.
 */

import { countIn, type Division, divided, type Grid, middlesOf, sumInBlocks } from "./blocks";
import type { Shape } from "./geometry";
import type { Pixels } from "./image";

/** Pixels or blocks of pixels, and the annulus of each, or -1. */
interface Members {
  index: Int32Array;
  label: Int16Array;
}
/** The contents of each annulus: pixels near the centre, blocks farther out, the number of pixels and the mean radius. */
export interface Rings {
  grid: Grid;
  division: Division;
  pixels: Members;
  blocks: Members;
  number: Float64Array;
  radius: Float64Array;
}

const GROWTH = 0.1;
/** The mean distance of a pixel's points from its centre, which is the least mean radius of an annulus. */
const CENTRAL_RADIUS = 0.38;
/** The fraction of an annulus that must lie on the image and be unmasked. */
const COVERAGE = 0.25;
/** Images of up to this many pixels are not divided into blocks. */
const ALL = 2 ** 18;
/** Assigning more blocks than these would delay a gesture noticeably. */
const BLOCKS = 2 ** 17;
/** Blocks are used beyond this many block sides along the minor axis, where annuli are wider than blocks. */
const NEAR = 14;

/** The edges of the annuli up to a radius, and the annulus of each smaller radius. */
interface Scale {
  edges: number[];
  annulus(radius: number): number;
}

export function ringsOf(grid: Grid, shape: Shape): Rings {
  const { nx, ny } = grid;
  const side = nx * ny > ALL ? Math.ceil(Math.sqrt((nx * ny) / BLOCKS)) : 1;
  const division = divided(grid, side);
  const q = Math.max(1 - shape.ellip, 1e-3);
  const radius = radiusFrom(shape, q);
  const corners = [radius(0, 0), radius(nx - 1, 0), radius(0, ny - 1), radius(nx - 1, ny - 1)];
  const { edges, annulus } = scaleTo(Math.max(...corners));
  const number = new Float64Array(edges.length);
  const sum = new Float64Array(edges.length);
  const place: Place = (r, count) => {
    const at = annulus(r);
    number[at] = (number[at] as number) + count;
    sum[at] = (sum[at] as number) + count * r;
    return at;
  };
  const reach = side > 1 ? (NEAR * side) / q : Number.POSITIVE_INFINITY;
  const { near, blocks } = placeBlocks(grid, division, reach, radius, place);
  const pixels = placePixels(grid, division, near, radius, place);
  const kept = coveredOf(number, edges, q);
  const pick = (values: Float64Array) => Float64Array.from(kept, (at) => values[at] as number);
  return {
    grid,
    division,
    pixels: renamed(pixels, kept),
    blocks: renamed(blocks, kept),
    number: pick(number),
    radius: pick(sum.map((each, at) => Math.max(each / (number[at] as number), CENTRAL_RADIUS))),
  };
}

type Radius = (x: number, y: number) => number;
/** Count pixels at a radius and return their annulus. */
type Place = (radius: number, count: number) => number;

/** The blocks that are assigned as a whole, and those within `reach` of the centre, which are not. */
function placeBlocks(
  grid: Grid,
  division: Division,
  reach: number,
  radius: Radius,
  place: Place,
): { near: Int32Array; blocks: Members } {
  const near = new Int32Array(division.number);
  const index = new Int32Array(division.number);
  const label = new Int16Array(division.number);
  const counts = division.side > 1 ? countIn(grid, division) : near;
  const [columns, rows] = middlesOf(grid, division);
  let [inside, outside, block] = [0, 0, 0];
  for (const y of rows)
    for (const x of columns) {
      const r = radius(x, y);
      const count = counts[block] as number;
      if (r < reach) near[inside++] = block;
      else if (count > 0) {
        label[outside] = place(r, count);
        index[outside++] = block;
      }
      block += 1;
    }
  const blocks = { index: index.subarray(0, outside), label: label.subarray(0, outside) };
  return { near: near.subarray(0, inside), blocks };
}

/** The unmasked pixels of these blocks. */
function placePixels(
  grid: Grid,
  { side, across }: Division,
  near: Int32Array,
  radius: Radius,
  place: Place,
): Members {
  const { nx, ny, mask } = grid;
  const index = new Int32Array(near.length * side * side);
  const label = new Int16Array(index.length);
  let found = 0;
  for (const block of near) {
    const [left, bottom] = [(block % across) * side, Math.floor(block / across) * side];
    for (let y = bottom; y < bottom + side && y < ny; y++)
      for (let x = left; x < left + side && x < nx; x++) {
        const i = y * nx + x;
        if (mask[i]) continue;
        label[found] = place(radius(x, y), 1);
        index[found++] = i;
      }
  }
  return { index: index.subarray(0, found), label: label.subarray(0, found) };
}

function radiusFrom({ xc, yc, theta }: Shape, q: number): Radius {
  const [sin, cos] = [Math.sin(theta), Math.cos(theta)];
  return (x, y) => {
    const [dx, dy] = [x - xc, y - yc];
    const along = dy * cos - dx * sin;
    const across = (dx * cos + dy * sin) / q;
    return Math.sqrt(along * along + across * across);
  };
}

function scaleTo(largest: number): Scale {
  const edges = [0];
  for (let edge = 0; edge <= largest; edges.push(edge)) edge += Math.max(1, GROWTH * edge);
  // Annuli are at least a pixel wide, so between two integer radii there are at most two.
  const table = new Uint16Array(Math.floor(largest) + 1);
  for (let radius = 0, at = 0; radius < table.length; radius++) {
    if (radius >= (edges[at + 1] as number)) at += 1;
    table[radius] = at;
  }
  const annulus = (radius: number): number => {
    const at = table[radius | 0] as number;
    return radius < (edges[at + 1] as number) ? at : at + 1;
  };
  return { edges, annulus };
}

/** The annuli with enough unmasked pixels on the image. */
function coveredOf(number: Float64Array, edges: number[], q: number): number[] {
  const area = (at: number) => Math.PI * q * ((edges[at + 1] as number) ** 2 - (edges[at] as number) ** 2);
  return edges
    .slice(1)
    .flatMap((_, at) => ((number[at] as number) >= Math.max(1, COVERAGE * area(at)) ? [at] : []));
}

/** Renumber the annuli that are kept. */
function renamed({ index, label }: Members, kept: number[]): Members {
  const names = new Int16Array((kept.at(-1) ?? -1) + 1).fill(-1);
  for (const [name, at] of kept.entries()) names[at] = name;
  return { index, label: label.map((at) => names[at] ?? -1) };
}

/** The mean of an image in each annulus. */
export function meanIn(rings: Rings, values: Pixels): Float64Array {
  return sumIn(rings, values, false).map((sum, at) => sum / (rings.number[at] as number));
}

/** The standard error of that mean. */
export function errorIn(rings: Rings, sigma: Pixels): Float64Array {
  return sumIn(rings, sigma, true).map((sum, at) => Math.sqrt(sum) / (rings.number[at] as number));
}

/** The mean of light that is known at any point and so smooth that a block can be represented by its centre. */
export function meanOf(rings: Rings, light: (x: number, y: number) => number): Float64Array {
  const { blocks, division, grid, number, pixels } = rings;
  const { nx } = grid;
  const sums = new Float64Array(number.length);
  add(sums, pixels, (i) => light(i % nx, Math.floor(i / nx)));
  if (blocks.index.length > 0) {
    const counts = countIn(grid, division);
    const [columns, rows] = middlesOf(grid, division);
    const { across } = division;
    add(sums, blocks, (i) => {
      const [x, y] = [columns[i % across] as number, rows[Math.floor(i / across)] as number];
      return (counts[i] as number) * light(x, y);
    });
  }
  return sums.map((sum, at) => sum / (number[at] as number));
}

function sumIn(
  { blocks, division, grid, number, pixels }: Rings,
  values: Pixels,
  squared: boolean,
): Float64Array {
  const sums = new Float64Array(number.length);
  if (squared) add(sums, pixels, (i) => (values[i] as number) ** 2);
  else add(sums, pixels, (i) => values[i] as number);
  if (blocks.index.length > 0) {
    const known = sumInBlocks(values, grid, division, squared);
    add(sums, blocks, (i) => known[i] as number);
  }
  return sums;
}

function add(sums: Float64Array, { index, label }: Members, value: (i: number) => number): void {
  for (let k = 0; k < index.length; k++) {
    const at = label[k] as number;
    if (at >= 0) sums[at] = (sums[at] as number) + value(index[k] as number);
  }
}
