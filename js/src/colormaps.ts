/** The colour tables: sequential ones for data and model, a diverging one for the residual. */

import { TABLES } from "./colormap_data";

/** Neutral in the middle, so that a zero residual has no colour. */
export const DIVERGING = "RdBu_r";
export const SEQUENTIAL: readonly string[] = Object.keys(TABLES).filter((name) => name !== DIVERGING);

const decoded = new Map<string, Uint8Array>();

/** 256 RGB triples; an unknown name gives grey. */
export function colormap(name: string): Uint8Array {
  const known = name in TABLES ? name : "gray";
  let table = decoded.get(known);
  if (!table) {
    table = Uint8Array.from(atob(TABLES[known] as string), (letter) => letter.charCodeAt(0));
    decoded.set(known, table);
  }
  return table;
}
