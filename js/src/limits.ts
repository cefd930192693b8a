/** The limits of the colours of a picture. */

import type { Limits } from "./image";

/** The rule that determines the limits of a picture. */
export interface Rule {
  name: string;
  /** For "percentile": the percentage of the pixels between the limits. */
  percent: number;
  /** For "sigma": the number of standard deviations of the sky on each side of its level. */
  sigmas: number;
}

export const DEFAULT_PERCENT = 99;

/** Enough values to represent the distribution of all. */
const SAMPLE = 20_000;

const samples = new WeakMap<ArrayLike<number>, { mask: unknown; sorted: Float32Array }>();

/** Unmasked finite values of an image, sorted; for a large image, a sample spread over it. */
export function sortedSample(values: ArrayLike<number>, mask: Uint8Array | null): Float32Array {
  const before = samples.get(values);
  if (before && before.mask === mask) return before.sorted;
  const step = Math.max(1, Math.floor(values.length / SAMPLE));
  // A step with a common factor with the width would select whole columns.
  const stride = step > 1 && step % 2 === 0 ? step + 1 : step;
  const kept = new Float32Array(Math.ceil(values.length / stride));
  let count = 0;
  for (let i = 0; i < values.length; i += stride) {
    const value = values[i] as number;
    if (!mask?.[i] && Number.isFinite(value)) kept[count++] = value;
  }
  const sorted = kept.subarray(0, count).sort();
  samples.set(values, { mask, sorted });
  return sorted;
}

/** A quantile of sorted values, interpolated as in numpy. */
export function quantile(sorted: ArrayLike<number>, part: number): number {
  const at = Math.min(Math.max(part, 0), 1) * (sorted.length - 1);
  const below = Math.floor(at);
  const [low, high] = [sorted[below] ?? Number.NaN, sorted[Math.min(below + 1, sorted.length - 1)]];
  return low + (at - below) * ((high ?? low) - low);
}

/** Level and scatter of the sky: median and 1.4826 MAD, clipped at three times the scatter. */
export function sky(sorted: ArrayLike<number>): { level: number; scatter: number } {
  let kept = Array.from(sorted);
  let [level, scatter] = [0, 0];
  for (let round = 0; round < 10; round++) {
    level = quantile(kept, 0.5);
    const distances = Float64Array.from(kept, (value) => Math.abs(value - level)).sort();
    scatter = 1.4826 * quantile(distances, 0.5);
    const inner = kept.filter((value) => Math.abs(value - level) <= 3 * scatter);
    if (inner.length === kept.length || inner.length === 0) break;
    kept = inner;
  }
  return { level, scatter };
}

const known = new WeakMap<ArrayLike<number>, Map<string, Limits>>();

export function limitsBy(rule: Rule, sorted: ArrayLike<number>): Limits {
  const rules = known.get(sorted) ?? new Map<string, Limits>();
  known.set(sorted, rules);
  const key = `${rule.name} ${rule.percent} ${rule.sigmas}`;
  const limits = rules.get(key) ?? measured(rule, sorted);
  rules.set(key, limits);
  return limits;
}

function measured(rule: Rule, sorted: ArrayLike<number>): Limits {
  if (sorted.length === 0) return [0, 1];
  switch (rule.name) {
    case "minmax":
      return ordered(sorted[0] as number, sorted[sorted.length - 1] as number);
    case "zscale":
      return ordered(...zscale(sorted));
    case "sigma": {
      const { level, scatter } = sky(sorted);
      return ordered(level - rule.sigmas * scatter, level + rule.sigmas * scatter);
    }
    default: {
      const tail = (1 - rule.percent / 100) / 2;
      return ordered(quantile(sorted, tail), quantile(sorted, 1 - tail));
    }
  }
}

export const ordered = (low: number, high: number): Limits =>
  high > low ? [low, high] : [low, low + (Math.abs(low) || 1) * 1e-6];

const CONTRAST = 0.25;
const CLIP = 2.5;
const ROUNDS = 5;
const LEAST = 5;
const KEEP = 0.5;
/** The fraction of all values that are clipped with a clipped value, as its neighbours. */
const GROW = 0.01;

/** IRAF's zscale as astropy has it: a line through the sorted values without outliers, made steeper. */
function zscale(sorted: ArrayLike<number>): [number, number] {
  const number = Math.min(sorted.length, 1000);
  const values = Float64Array.from({ length: number }, (_, i) =>
    quantile(sorted, number > 1 ? i / (number - 1) : 0),
  );
  const [least, most] = [values[0] as number, values[number - 1] as number];
  const fit = clippedSlope(values);
  if (fit === null) return [least, most];
  const slope = fit / CONTRAST;
  const middle = Math.floor((number - 1) / 2);
  const median = quantile(values, 0.5);
  return [Math.max(least, median - (middle - 1) * slope), Math.min(most, median + (number - middle) * slope)];
}

/** The slope of the line through the values left after clipping; null if too few are left. */
function clippedSlope(values: Float64Array): number | null {
  const least = Math.max(LEAST, Math.floor(KEEP * values.length));
  let bad = new Uint8Array(values.length);
  let [left, before] = [values.length, values.length + 1];
  let slope: number | null = null;
  for (let round = 0; round < ROUNDS && left < before && left >= least; round++) {
    const line = straightLine(values, bad);
    slope = line.slope;
    const off = values.map((value, i) => value - line.level - line.slope * i);
    const allowed = CLIP * scatterOf(off, bad);
    for (let i = 0; i < off.length; i++) if (Math.abs(off[i] as number) > allowed) bad[i] = 1;
    bad = grown(bad, Math.max(1, Math.floor(GROW * values.length)));
    before = left;
    left = bad.reduce((count, flag) => count - flag, values.length);
  }
  return left >= least ? slope : null;
}

function grown(bad: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const shift = Math.floor((width - 1) / 2);
  return Uint8Array.from(bad, (_, i) => {
    for (let j = 0; j < width; j++) if (bad[i + shift - j]) return 1;
    return 0;
  });
}

function scatterOf(values: Float64Array, bad: Uint8Array): number {
  const good = values.filter((_, i) => !bad[i]);
  const mean = good.reduce((sum, value) => sum + value, 0) / good.length;
  return Math.sqrt(good.reduce((sum, value) => sum + (value - mean) ** 2, 0) / good.length);
}

function straightLine(values: Float64Array, bad: Uint8Array): { level: number; slope: number } {
  let [n, sx, sy, sxx, sxy] = [0, 0, 0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    if (bad[i]) continue;
    const value = values[i] as number;
    n += 1;
    sx += i;
    sy += value;
    sxx += i * i;
    sxy += i * value;
  }
  const slope = (n * sxy - sx * sy) / (n * sxx - sx * sx || 1);
  return { slope, level: (sy - slope * sx) / n };
}
