/** Editing a prior by dragging: its handles along the axis of the plot, and the prior after a handle was moved. */

import { distributionOf } from "./distributions";
import { numberField } from "./fields";
import { clampFree, isAngle, type Range, rounded } from "./priors";
import type { Parameter, Prior } from "./spec";

export const GRIPS = ["low", "location", "width", "high"] as const;
export type Grip = (typeof GRIPS)[number];

/** The fraction of a prior's mass that its plot leaves out on each side. */
const CUT = 0.0005;
const ROOM = 0.18;
const LEAST_WIDTH = 1e-9;

const isLog = (prior: Prior): boolean => prior.type.startsWith("Log");
const hasBounds = (prior: Prior): boolean => "low" in prior && "high" in prior;

/** The axis of a prior's plot, which shows most of its mass, the `others` that are known, and room to drag. */
export function plotRange(prior: Prior, parameter: Parameter, others: readonly number[] = []): Range | null {
  if (isAngle(parameter)) return { low: 0, high: Math.PI, log: false, wraps: false };
  const law = distributionOf(prior);
  if (!law) return null;
  const log = isLog(prior);
  const usable = others.filter((value) => Number.isFinite(value) && (!log || value > 0));
  const bounds = law.support.filter(Number.isFinite).filter((end) => !log || end > 0);
  const inside = bounds.filter((end) => near(end, law.ppf(0.5), law.ppf(CUT), law.ppf(1 - CUT), log));
  const all = [law.ppf(CUT), law.ppf(1 - CUT), ...inside, ...usable];
  const [a, b] = [Math.min(...all), Math.max(...all)];
  const to = log ? Math.log : (value: number) => value;
  const back = log ? Math.exp : (value: number) => value;
  const margin = ROOM * (to(b) - to(a)) || LEAST_WIDTH;
  return {
    low: Math.max(back(to(a) - margin), parameter.low ?? -Infinity, log ? Number.MIN_VALUE : -Infinity),
    high: Math.min(back(to(b) + margin), parameter.high ?? Infinity),
    log,
    wraps: false,
  };
}

/** A bound far from the mass is left out, because the mass would be too narrow to see. */
function near(end: number, median: number, from: number, to: number, log: boolean): boolean {
  if (log) return true;
  return Math.abs(end - median) <= 1.5 * (to - from);
}

/** The handles that can be dragged, and their values; an open bound is null. */
export function gripsOf(prior: Prior, parameter: Parameter): Partial<Record<Grip, number | null>> {
  if (isAngle(parameter) || !distributionOf(prior)) return {};
  const [loc, scale] = [numberField(prior, "loc"), numberField(prior, "scale")];
  const grips: Partial<Record<Grip, number | null>> = {};
  if (hasBounds(prior))
    Object.assign(grips, { low: numberField(prior, "low"), high: numberField(prior, "high") });
  if (loc !== null && scale !== null) {
    const back = isLog(prior) ? Math.exp : (value: number) => value;
    return { ...grips, location: back(loc), width: back(loc + scale) };
  }
  const [low, high] = [Number(prior.low), Number(prior.high)];
  return { ...grips, location: isLog(prior) ? Math.sqrt(low * high) : (low + high) / 2 };
}

/** The prior after one of its handles was moved to a value; null removes a bound. */
export function moveGrip(prior: Prior, parameter: Parameter, grip: Grip, to: number | null): Prior {
  const next = moved(prior, parameter, grip, to);
  for (const name of ["loc", "scale", "low", "high"]) {
    const value = numberField(next, name);
    if (value !== null) next[name] = rounded(value);
  }
  return { ...next, init: clampFree(next, parameter, prior.init) };
}

function moved(prior: Prior, parameter: Parameter, grip: Grip, to: number | null): Prior {
  if (grip === "low" || grip === "high") return withBound(prior, parameter, grip, to);
  if (to === null || (isLog(prior) && !(to > 0))) return { ...prior };
  const at = isLog(prior) ? Math.log(to) : to;
  const loc = numberField(prior, "loc");
  if (loc === null) return shifted(prior, parameter, to);
  if (grip === "location") return { ...prior, loc: at };
  const least = LEAST_WIDTH * Math.max(Math.abs(loc), 1);
  return { ...prior, scale: Math.max(Math.abs(at - loc), least) };
}

/** Move both ends by the same step, within the bounds of the schema. */
function shifted(prior: Prior, parameter: Parameter, to: number): Prior {
  const [low, high] = [Number(prior.low), Number(prior.high)];
  const [least, most] = [parameter.low ?? -Infinity, parameter.high ?? Infinity];
  if (!isLog(prior)) {
    const step = to - (low + high) / 2;
    const bounded = Math.min(Math.max(step, least - low), most - high);
    return { ...prior, low: low + bounded, high: high + bounded };
  }
  const factor = to / Math.sqrt(low * high);
  const bounded = Math.min(Math.max(factor, least > 0 ? least / low : 0), most / high);
  return { ...prior, low: low * bounded, high: high * bounded };
}

function withBound(prior: Prior, parameter: Parameter, grip: "low" | "high", to: number | null): Prior {
  const limit = grip === "low" ? parameter.low : parameter.high;
  const canOpen = "loc" in prior;
  if (to === null) return canOpen ? { ...prior, [grip]: limit } : { ...prior };
  const other = numberField(prior, grip === "low" ? "high" : "low");
  const sign = grip === "low" ? 1 : -1;
  // The bounds stay apart and within those of the schema.
  const gap = other === null ? 0 : Math.max(1e-4 * Math.abs(other), LEAST_WIDTH);
  const against = other === null ? Infinity : sign * other - gap;
  const from = limit === null ? -Infinity : sign * limit;
  const positive = isLog(prior) && grip === "low" ? Number.MIN_VALUE : -Infinity;
  return { ...prior, [grip]: sign * Math.max(Math.min(sign * to, against), from, positive) };
}

const STEP = 1 / 100;

/** The prior after some key presses: each is a hundredth of the axis or of the width. */
export function stepGrip(prior: Prior, parameter: Parameter, grip: Grip, steps: number, range: Range): Prior {
  const at = gripsOf(prior, parameter)[grip];
  if (at === undefined) return prior;
  const loc = numberField(prior, "loc");
  if (grip === "width" && loc !== null) {
    const scale = Number(prior.scale) * 1.05 ** steps;
    return moveGrip(prior, parameter, grip, isLog(prior) ? Math.exp(loc + scale) : loc + scale);
  }
  const from = at ?? (grip === "low" ? range.low : range.high);
  const next = range.log
    ? from * (range.high / range.low) ** (steps * STEP)
    : from + steps * STEP * (range.high - range.low);
  return moveGrip(prior, parameter, grip, next);
}
