/** The numeric fields of a prior. */

import type { Prior } from "./spec";

/** A field as a number; null if it is open or missing. */
export function numberField(prior: Prior, name: string): number | null {
  const value = prior[name];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
