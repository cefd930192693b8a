/** Bands of the profiles of galaxies drawn from the priors. */

import { quantile } from "./limits";
import type { Predictions } from "./state";

/** The quantiles at the edges of the 95 and 68 per cent bands, and the median. */
export const PARTS = [0.025, 0.16, 0.5, 0.84, 0.975] as const;

/** Quantiles of the profiles at each radius, in the order of `PARTS`. */
export function bands({ radius, draws }: Predictions): Float64Array[] {
  const columns = radius.map((_, i) =>
    draws.map(({ profile }) => profile[i] as number).sort((a, b) => a - b),
  );
  return PARTS.map((part) => Float64Array.from(columns, (column) => quantile(column, part)));
}
