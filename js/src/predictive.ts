/** Bands of profiles that were drawn from the priors. */

import type { Predictions } from "./state";

/** The mass that each band leaves out on each side: those of 95 and of 68 per cent, and the median. */
export const PARTS = [0.025, 0.16, 0.5, 0.84, 0.975] as const;

/** Quantiles of the profiles at each radius, in the order of `PARTS`. */
export function bands({ radius, draws }: Predictions): Float64Array[] {
  const columns = radius.map((_, i) =>
    draws.map(({ profile }) => profile[i] as number).sort((a, b) => a - b),
  );
  return PARTS.map((part) => Float64Array.from(columns, (column) => quantile(column, part)));
}

/** Of sorted values, linear between them. */
export function quantile(sorted: readonly number[], part: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = part * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(at)] as number, sorted[Math.ceil(at)] as number];
  return below + (above - below) * (at % 1);
}
