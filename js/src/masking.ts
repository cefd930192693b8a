/** Pure functions that edit a mask: each takes a mask (1 = excluded) and returns a new one. */

import type { Point } from "./geometry";
import type { Image, Pixels } from "./image";

export interface Size {
  nx: number;
  ny: number;
}
export type Mask = Uint8Array<ArrayBuffer>;
/** An edit that is not committed yet: the mask that would result, and an outline. */
export interface Sketch {
  mask: Mask | null;
  outline: Point[] | null;
}

/** A mask from a condition, in a loop because iterators of typed arrays are ten times slower. */
function where(length: number, excluded: (i: number) => boolean): Mask {
  const mask = new Uint8Array(length);
  for (let i = 0; i < length; i++) if (excluded(i)) mask[i] = 1;
  return mask;
}

/** Pixels that must stay masked because they have no value or no error. */
export const unusable = ({ data, sigma }: Pick<Image, "data" | "sigma">): Mask =>
  where(data.length, (i) => {
    const error = sigma[i] as number;
    return !(Number.isFinite(data[i]) && Number.isFinite(error) && error > 0);
  });

export const countOf = (mask: Uint8Array): number => mask.reduce((sum, flag) => sum + flag, 0);

/** Draw a brush stroke in place: set all pixels within `radius` of the line from one point to another. */
export function stroke(mask: Mask, size: Size, from: Point, to: Point, radius: number, flag: 0 | 1): void {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length2 = dx * dx + dy * dy;
  // A brush of one pixel must always hit a pixel, also between pixel centres.
  const reach = Math.max(radius, 0.5);
  const limit = reach * reach + 1e-9;
  inBox(size, [from, to], reach, (x, y, i) => {
    const along = length2 > 0 ? ((x - from.x) * dx + (y - from.y) * dy) / length2 : 0;
    const part = Math.min(Math.max(along, 0), 1);
    const [ox, oy] = [x - from.x - part * dx, y - from.y - part * dy];
    if (ox * ox + oy * oy <= limit) mask[i] = flag;
  });
  const [x, y] = [Math.round(to.x), Math.round(to.y)];
  if (x >= 0 && y >= 0 && x < size.nx && y < size.ny) mask[y * size.nx + x] = flag;
}

/** The pixels whose centres lie in the polygon, by the even-odd rule. */
export function polygon(mask: Mask, size: Size, points: readonly Point[], flag: 0 | 1): Mask {
  const next = mask.slice();
  inBox(size, points, 0, (x, y, i) => {
    let inside = false;
    for (let a = points.length - 1, b = 0; b < points.length; a = b++) {
      const [p, q] = [points[a] as Point, points[b] as Point];
      if (p.y > y !== q.y > y && x < ((q.x - p.x) * (y - p.y)) / (q.y - p.y) + p.x) inside = !inside;
    }
    if (inside) next[i] = flag;
  });
  return next;
}

/** The corners of the rectangle of whole pixels between two points. */
export function rectangle(a: Point, b: Point): Point[] {
  const [left, right] = [Math.min(a.x, b.x), Math.max(a.x, b.x)].map(Math.round) as [number, number];
  const [low, high] = [Math.min(a.y, b.y), Math.max(a.y, b.y)].map(Math.round) as [number, number];
  return [
    { x: left - 0.5, y: low - 0.5 },
    { x: right + 0.5, y: low - 0.5 },
    { x: right + 0.5, y: high + 0.5 },
    { x: left - 0.5, y: high + 0.5 },
  ];
}

function inBox(
  { nx, ny }: Size,
  points: readonly Point[],
  margin: number,
  action: (x: number, y: number, i: number) => void,
): void {
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [left, right] = [Math.ceil(Math.min(...xs) - margin), Math.floor(Math.max(...xs) + margin)];
  const [low, high] = [Math.ceil(Math.min(...ys) - margin), Math.floor(Math.max(...ys) + margin)];
  for (let y = Math.max(low, 0); y <= Math.min(high, ny - 1); y++)
    for (let x = Math.max(left, 0); x <= Math.min(right, nx - 1); x++) action(x, y, y * nx + x);
}

/** Grow the mask: mask the eight neighbours of each masked pixel. */
export function grown(mask: Uint8Array, { nx, ny }: Size): Mask {
  const next = new Uint8Array(mask.length);
  for (let y = 0, i = 0; y < ny; y++)
    for (let x = 0; x < nx; x++, i++) {
      if (!mask[i]) continue;
      for (let v = Math.max(y - 1, 0); v <= Math.min(y + 1, ny - 1); v++)
        next.fill(1, v * nx + Math.max(x - 1, 0), v * nx + Math.min(x + 1, nx - 1) + 1);
    }
  return next;
}

export const inverted = (mask: Uint8Array): Mask => where(mask.length, (i) => !mask[i]);
export const joined = (a: Uint8Array, b: Uint8Array): Mask => where(a.length, (i) => Boolean(a[i] || b[i]));
export const without = (a: Uint8Array, b: Uint8Array): Mask => where(a.length, (i) => Boolean(a[i] && !b[i]));
export const above = (values: ArrayLike<number>, threshold: number): Mask =>
  where(values.length, (i) => (values[i] as number) > threshold);

/** Standard deviation in pixels of the Gaussian with which sources are detected. */
const WIDTH = 1.2;

/**
 * Significance smoothed by a Gaussian, in units of its noise if the noise of the pixels is white. Bad pixels have zero
 * weight and are filled from their surroundings.
 */
export function smoothed(significance: Pixels, bad: Uint8Array, size: Size): Float32Array {
  const reach = Math.ceil(3 * WIDTH);
  const kernel = Float64Array.from({ length: 2 * reach + 1 }, (_, k) =>
    Math.exp(-0.5 * ((k - reach) / WIDTH) ** 2),
  );
  const [values, weights] = [new Float32Array(significance.length), new Float32Array(significance.length)];
  for (let i = 0; i < significance.length; i++) {
    const value = significance[i] as number;
    if (bad[i] || !Number.isFinite(value)) continue;
    values[i] = value;
    weights[i] = 1;
  }
  const [sum, weight] = [convolved(values, kernel, size), convolved(weights, kernel, size)];
  const total = kernel.reduce((all, part) => all + part, 0);
  const squares = kernel.reduce((all, part) => all + part * part, 0);
  // The noise of a weighted mean of white noise, along both axes.
  const noise = squares / (total * total);
  return sum.map((value, i) => ((weight[i] as number) > 0 ? value / (weight[i] as number) / noise : 0));
}

function convolved(values: Float32Array, kernel: Float64Array, { nx, ny }: Size): Float32Array {
  const reach = (kernel.length - 1) / 2;
  const pass = (from: Float32Array, along: number, length: number, across: number, lines: number) => {
    const to = new Float32Array(from.length);
    for (let line = 0; line < lines; line++)
      for (let at = 0; at < length; at++) {
        let sum = 0;
        for (let k = Math.max(-reach, -at); k <= Math.min(reach, length - 1 - at); k++)
          sum += (kernel[k + reach] as number) * (from[line * across + (at + k) * along] as number);
        to[line * across + at * along] = sum;
      }
    return to;
  };
  return pass(pass(values, 1, nx, nx, ny), nx, ny, 1, nx);
}

/** The largest number of steps from the click to the peak of a source. */
const CLIMB = 40;

/**
 * The source at a pixel: from its peak downhill, through connected pixels above the threshold. Where the values rise
 * again, another source begins. Null if the peak does not exceed the threshold.
 */
export function sourceAt(map: Float32Array, size: Size, at: Point, threshold: number): Mask | null {
  let peak = Math.round(at.y) * size.nx + Math.round(at.x);
  for (let step = 0; step < CLIMB; step++) {
    const higher = neighbours(peak, size).reduce(
      (best, i) => ((map[i] as number) > (map[best] as number) ? i : best),
      peak,
    );
    if (higher === peak) break;
    peak = higher;
  }
  const top = map[peak] as number;
  if (!(top > threshold)) return null;
  const source = new Uint8Array(map.length);
  const open = [peak];
  source[peak] = 1;
  for (let i = open.pop(); i !== undefined; i = open.pop())
    for (const j of neighbours(i, size)) {
      const value = map[j] as number;
      // Noise alone makes small peaks.
      const downhill = value <= (map[i] as number) + UPHILL || value < 0.02 * top;
      if (source[j] || value <= threshold || !downhill) continue;
      source[j] = 1;
      open.push(j);
    }
  return source;
}

/** In units of the smoothed noise. */
const UPHILL = 1;

/** The connected masked pixels around one of them. */
export function regionAt(mask: Uint8Array, size: Size, at: Point): Mask {
  const region = new Uint8Array(mask.length);
  const first = Math.round(at.y) * size.nx + Math.round(at.x);
  if (!mask[first]) return region;
  const open = [first];
  region[first] = 1;
  for (let i = open.pop(); i !== undefined; i = open.pop())
    for (const j of neighbours(i, size))
      if (mask[j] && !region[j]) {
        region[j] = 1;
        open.push(j);
      }
  return region;
}

function neighbours(i: number, { nx, ny }: Size): number[] {
  const [x, y] = [i % nx, Math.floor(i / nx)];
  const found: number[] = [];
  for (let v = Math.max(y - 1, 0); v <= Math.min(y + 1, ny - 1); v++)
    for (let u = Math.max(x - 1, 0); u <= Math.min(x + 1, nx - 1); u++)
      if (u !== x || v !== y) found.push(v * nx + u);
  return found;
}

/** Eight pixels to a byte, the first in the lowest bit. */
export function packed(mask: Uint8Array): Mask {
  const bits = new Uint8Array(Math.ceil(mask.length / 8));
  for (let i = 0; i < mask.length; i++) if (mask[i]) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  return bits;
}

export function unpacked(bits: Uint8Array, length: number): Mask {
  if (bits.length !== Math.ceil(length / 8))
    throw new RangeError(`mask: expected ${Math.ceil(length / 8)} bytes, got ${bits.length}`);
  return where(length, (i) => (((bits[i >> 3] as number) >> (i & 7)) & 1) === 1);
}

/** The name of a mask: the CRC-32 of its bits, so that equal masks have equal names. */
export function nameOf(mask: Uint8Array): string {
  let crc = 0xffffffff;
  for (const byte of packed(mask)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return `${((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0")}`;
}
