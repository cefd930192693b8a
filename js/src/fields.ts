/** The numbers of a prior. */

import type { Prior } from "./spec";

/** A field that is a number; null for one that is open or missing. */
export function numberField(prior: Prior, name: string): number | null {
  const value = prior[name];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
