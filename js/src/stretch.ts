/** Pure functions from values to colours: stretches and colour tables. */

import type { Limits, Pixels } from "./image";

/** A monotonically increasing map of [0, 1] onto [0, 1]. */
export type Curve = (t: number) => number;

/** With the default constants of astropy.visualization. */
export const STRETCHES: Record<string, Curve> = {
  linear: (t) => t,
  sqrt: Math.sqrt,
  log: (t) => Math.log1p(1000 * t) / Math.log1p(1000),
  asinh: (t) => Math.asinh(t / 0.1) / Math.asinh(1 / 0.1),
  power: (t) => t * t,
};
/** Histogram equalisation, whose curve depends on the data. */
export const HISTOGRAM = "histogram";

export const TABLE_SIZE = 4096;

/** The stretch of this name; `sorted` are the sorted values for histogram equalisation. */
export function curveOf(stretch: string, sorted: ArrayLike<number>, limits: Limits): Curve {
  if (stretch === HISTOGRAM) return equalising(sorted, limits);
  return STRETCHES[stretch] ?? ((t) => t);
}

/** Histogram equalisation: each colour is used for the same number of pixels. */
function equalising(sorted: ArrayLike<number>, [low, high]: Limits): Curve {
  const steps = 1024;
  const cumulative = new Float64Array(steps + 1);
  let i = 0;
  while (i < sorted.length && (sorted[i] as number) < low) i++;
  const first = i;
  for (let step = 0; step <= steps; step++) {
    const upTo = low + ((high - low) * step) / steps;
    while (i < sorted.length && (sorted[i] as number) <= upTo) i++;
    cumulative[step] = i - first;
  }
  const begin = cumulative[0] as number;
  const count = (cumulative[steps] as number) - begin;
  if (count === 0) return (t) => t;
  return (t) => {
    const at = Math.min(Math.max(t, 0), 1) * steps;
    const below = Math.floor(at);
    const [from, to] = [cumulative[below] as number, cumulative[Math.min(below + 1, steps)] as number];
    return (from + (at - below) * (to - from) - begin) / count;
  };
}

/** The t of a level, or one of them where the curve is flat; linear beyond [0, 1]. */
export function inverse(curve: Curve, level: number): number {
  if (level <= 0 || level >= 1) return level;
  let [low, high] = [0, 1];
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    if (curve(middle) < level) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** One RGBA word per level, in the byte order of ImageData on little-endian machines. */
function word(lut: Uint8Array, level: number): number {
  const at = 3 * Math.round(255 * Math.min(Math.max(level, 0), 1));
  const [r, g, b] = lut.subarray(at, at + 3) as unknown as [number, number, number];
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

/** The colours of evenly spaced levels, stretched by `curve`. */
export function colourTable(lut: Uint8Array, curve: Curve = (t) => t, size = TABLE_SIZE): Uint32Array {
  return Uint32Array.from({ length: size }, (_, i) => word(lut, curve(i / (size - 1))));
}

/**
 * Paint values as RGBA, with the top row first as in a canvas; the values start at the bottom row. Undefined pixels stay
 * transparent, so that the hatching of the panel shows through.
 */
export function paint(
  values: Pixels,
  nx: number,
  limits: Limits,
  table: Uint32Array,
): Uint8ClampedArray<ArrayBuffer> {
  const ny = values.length / nx;
  const words = new Uint32Array(values.length);
  const [low, high] = limits;
  const last = table.length - 1;
  const scale = last / (high - low || 1);
  const half = 0.5 - low * scale; // adds one half, to round
  const [darkest, brightest] = [table[0] as number, table[last] as number];
  for (let y = 0; y < ny; y++) {
    let to = (ny - 1 - y) * nx;
    for (let from = y * nx; from < (y + 1) * nx; from++, to++) {
      const level = (values[from] as number) * scale + half;
      // NaN is neither, and stays transparent.
      if (level >= 0) words[to] = level < last ? (table[level | 0] as number) : brightest;
      else if (level < 0) words[to] = darkest;
    }
  }
  return new Uint8ClampedArray(words.buffer);
}

/** Round values between two limits for the ticks of a colour bar, with their positions in [0, 1]. */
export function ticks(limits: Limits, curve: Curve): { value: number; place: number }[] {
  const [low, high] = limits;
  if (!(high > low)) return [];
  const candidates = roundValues(low, high);
  const chosen: { value: number; place: number }[] = [];
  for (const value of candidates) {
    const place = curve((value - low) / (high - low));
    if (chosen.every((tick) => Math.abs(tick.place - place) > 0.13)) chosen.push({ value, place });
  }
  return chosen.sort((a, b) => a.place - b.place);
}

/** Round numbers in [low, high], the more important ones first: 0, then powers of ten, then evenly spaced ones. */
function roundValues(low: number, high: number): number[] {
  const span = Math.max(Math.abs(low), Math.abs(high));
  const decade = 10 ** Math.floor(Math.log10(span));
  const powers = [1, 0.1, 0.01].flatMap((part) => [decade * part, -decade * part]);
  return [0, ...evenly(low, high, 5), ...powers]
    .map((value) => Number(value.toPrecision(10)))
    .filter((value) => value >= low && value <= high);
}

/** Multiples of 1, 2 or 5 times a power of ten in [low, high], about `number` of them. */
export function evenly(low: number, high: number, number: number): number[] {
  const raw = (high - low) / number;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = unit * ([1, 2, 5].find((m) => m * unit >= raw * (1 - 1e-9)) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.min(Math.floor(high / step + 1e-9) - first + 1, 3 * number);
  return Array.from({ length: Math.max(count, 0) }, (_, i) => Number(((first + i) * step).toPrecision(10)));
}
