/** Sums over square blocks of an image's unmasked pixels. */

import type { Pixels } from "./image";

export interface Grid {
  nx: number;
  ny: number;
  mask: Uint8Array;
}
/** How an image is divided: the side of a block, the blocks in a row, and all blocks; the last ones may be smaller. */
export interface Division {
  side: number;
  across: number;
  number: number;
}

export function divided({ nx, ny }: Grid, side: number): Division {
  const across = Math.ceil(nx / side);
  return { side, across, number: across * Math.ceil(ny / side) };
}

/** The centres of the blocks, from left to right and from the bottom up. */
export function middlesOf({ nx, ny }: Grid, { side, across, number }: Division): [x: number[], y: number[]] {
  const middles = (blocks: number, length: number) =>
    Array.from({ length: blocks }, (_, i) => (i * side + Math.min((i + 1) * side, length) - 1) / 2);
  return [middles(across, nx), middles(number / across, ny)];
}

const counted = new WeakMap<Uint8Array, { side: number; counts: Float64Array }>();

/** The number of unmasked pixels in each block. */
export function countIn(grid: Grid, division: Division): Float64Array {
  const before = counted.get(grid.mask);
  if (before?.side === division.side) return before.counts;
  const counts = added(grid, division, null, false);
  counted.set(grid.mask, { side: division.side, counts });
  return counts;
}

interface Known {
  mask: Uint8Array;
  side: number;
  squared: boolean;
  sums: Float64Array;
}
const summed = new WeakMap<Pixels, Known>();

/** The sum of the values in each block, or of their squares. */
export function sumInBlocks(values: Pixels, grid: Grid, division: Division, squared: boolean): Float64Array {
  const { mask } = grid;
  const { side } = division;
  const before = summed.get(values);
  if (before?.mask === mask && before.side === side && before.squared === squared) return before.sums;
  const sums = added(grid, division, values, squared);
  summed.set(values, { mask, side, squared, sums });
  return sums;
}

/** Sums of the values or of their squares; without values, the number of pixels. */
function added(
  { nx, ny, mask }: Grid,
  { side, across, number }: Division,
  values: Pixels | null,
  squared: boolean,
): Float64Array {
  const sums = new Float64Array(number);
  for (let y = 0, i = 0; y < ny; y++) {
    let block = Math.floor(y / side) * across;
    for (let left = 0; left < nx; left += side, block++) {
      let sum = 0;
      for (const end = i + Math.min(side, nx - left); i < end; i++) {
        if (mask[i]) continue;
        const value = values ? (values[i] as number) : 1;
        sum += squared ? value * value : value;
      }
      sums[block] = (sums[block] as number) + sum;
    }
  }
  return sums;
}
