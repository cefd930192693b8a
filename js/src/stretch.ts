/** From values to colours: limits, stretch and table, all pure. */

import type { Pixels } from "./state";

/** Each maps [0, 1] onto [0, 1]; the constants are those of astropy.visualization's defaults. */
export const STRETCHES: Record<string, (t: number) => number> = {
  linear: (t) => t,
  sqrt: Math.sqrt,
  log: (t) => Math.log1p(1000 * t) / Math.log1p(1000),
  asinh: (t) => Math.asinh(t / 0.1) / Math.asinh(1 / 0.1),
  power: (t) => t * t,
};

export const TABLE_SIZE = 4096;

/** Stretch and colours in one table of RGBA words, in the byte order of ImageData on little-endian machines. */
export function colourTable(stretch: string, lut: Uint8Array): Uint32Array {
  const curve = STRETCHES[stretch] ?? ((t: number) => t);
  return Uint32Array.from({ length: TABLE_SIZE }, (_, i) => {
    const level = 3 * Math.round(255 * curve(i / (TABLE_SIZE - 1)));
    const [r, g, b] = lut.subarray(level, level + 3) as unknown as [number, number, number];
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
}

/**
 * Paint values as RGBA, top row first as the canvas wants it, while the values start at the bottom row.
 * Masked and undefined pixels stay transparent: the panel's hatching shows through.
 */
export function paint(
  values: Pixels,
  mask: Uint8Array | null,
  nx: number,
  limits: readonly [number, number],
  table: Uint32Array,
): Uint8ClampedArray<ArrayBuffer> {
  const ny = values.length / nx;
  const words = new Uint32Array(values.length);
  const [low, high] = limits;
  const last = table.length - 1;
  const scale = last / (high - low || 1);
  for (let y = 0; y < ny; y++) {
    const to = (ny - 1 - y) * nx;
    for (let x = 0; x < nx; x++) {
      const from = y * nx + x;
      const value = values[from] as number;
      if (mask?.[from] || Number.isNaN(value)) continue;
      const level = (value - low) * scale;
      words[to + x] = table[level <= 0 ? 0 : level >= last ? last : Math.round(level)] as number;
    }
  }
  return new Uint8ClampedArray(words.buffer);
}

/** Round values between two limits for the ticks of a colour bar, with their places along it in [0, 1]. */
export function ticks(
  limits: readonly [number, number],
  stretch: string,
): { value: number; place: number }[] {
  const [low, high] = limits;
  const curve = STRETCHES[stretch] ?? ((t: number) => t);
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
  const raw = (high - low) / 5;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = unit * ([1, 2, 5].find((m) => m * unit >= raw) ?? 10);
  const even = Array.from({ length: 8 }, (_, i) => (Math.ceil(low / step) + i) * step);
  return [0, ...even, ...powers]
    .map((value) => Number(value.toPrecision(10)))
    .filter((value) => value >= low && value <= high);
}
