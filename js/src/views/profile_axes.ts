/** The axes of a profile: brightness along the semi-major axis. */

import type { brightnessUnit } from "../brightness";
import type { Axis } from "./chart";

/** Steps of the axis ends, in magnitudes and decades: axes that stay fixed during a drag are readable and need no redrawing. */
const MAGNITUDES = 0.25;
const FLUX_DECADES = 0.1;
const RADIUS_DECADES = 0.025;

export function profileAxes(
  unit: ReturnType<typeof brightnessUnit>,
  last: number,
  faint: number,
  bright: number,
): { x: Axis; y: Axis } {
  const [low, high] = unit.magnitudes
    ? [outwards(unit.of(faint), MAGNITUDES, Math.ceil), outwards(unit.of(bright), MAGNITUDES, Math.floor)]
    : [decadesOf(faint, FLUX_DECADES, Math.floor), decadesOf(bright, FLUX_DECADES, Math.ceil)];
  const x: Axis = {
    low: 0,
    high: decadesOf(1.03 * last, RADIUS_DECADES, Math.ceil),
    // A square-root axis shows the centre and the outskirts.
    map: (r) => Math.sqrt(Math.max(r, 0)),
    ticks: radiusTicks(last),
    label: "semi-major axis [pixel]",
  };
  const y: Axis = { low, high, label: unit.label };
  if (!unit.magnitudes) Object.assign(y, { map: Math.log10, ticks: decades(low, high) });
  return { x, y };
}

type Round = (value: number) => number;
const outwards = (value: number, step: number, round: Round): number => step * round(value / step);
const decadesOf = (value: number, step: number, round: Round): number =>
  10 ** outwards(Math.log10(value), step, round);

function radiusTicks(largest: number): number[] {
  const steps = [0, 1, 2, 3, 4].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power));
  return [0, ...steps.filter((step) => step <= largest)];
}

function decades(low: number, high: number): number[] {
  const first = Math.ceil(Math.log10(low));
  const count = Math.floor(Math.log10(high)) - first + 1;
  const all = Array.from({ length: Math.max(count, 0) }, (_, i) => 10 ** (first + i));
  return all.length > 5 ? all.filter((_, i) => i % 2 === 0) : all;
}
