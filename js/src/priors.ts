/** Ranges, defaults and densities of priors. Families are distinguished by their fields where possible. */

import { distributionOf } from "./distributions";
import { numberField } from "./fields";
import {
  isFree,
  type Parameter,
  type Prior,
  type PriorField,
  type Schema,
  type Setting,
  type Support,
} from "./spec";

/** The span of a value slider; `log` sliders move in log10, `wraps` ones close on themselves (angles). */
export interface Range {
  low: number;
  high: number;
  log: boolean;
  wraps: boolean;
}

const TINY = 1e-12;
/** Relative rounding error of a point of a curve that may lie at a bound. */
const SLACK = 1e-6;
const SIGMAS = 4;
/** Schema bounds wider than this factor are physical limits rather than a range to search. */
const WIDE = 2000;

export const isAngle = (parameter: Parameter): boolean => parameter.name === "theta";
/** Families whose `loc` and `scale` are those of ln x. */
const isLogarithmic = (family: string): boolean => family === "LogNormal";

export function wrapAngle(theta: number): number {
  if (theta >= 0 && theta < Math.PI) return theta;
  return ((theta % Math.PI) + Math.PI) % Math.PI;
}

/** A range for a value without a prior: that of the schema if it has one, else a range around the value. */
export function rangeAround(parameter: Parameter, value: number): Range {
  const [low, high] = parameter.usual ?? [parameter.low, parameter.high];
  if (isAngle(parameter)) return { low: 0, high: Math.PI, log: false, wraps: true };
  if (low !== null && high !== null && (low <= 0 || high / low <= WIDE))
    return { low, high, log: low > 0 && (parameter.logarithmic || high / low >= 100), wraps: false };
  if (low !== null && low >= 0 && value > 0)
    return {
      low: Math.max(low, value / 10),
      high: Math.min(high ?? Infinity, value * 10),
      log: true,
      wraps: false,
    };
  const span = Math.abs(value) || 1;
  return {
    low: Math.max(low ?? -Infinity, value - span),
    high: Math.min(high ?? Infinity, value + span),
    log: false,
    wraps: false,
  };
}

function priorRange(prior: Prior, parameter: Parameter): Range | null {
  if (isAngle(parameter)) return rangeAround(parameter, prior.init);
  const loc = numberField(prior, "loc");
  const scale = numberField(prior, "scale");
  const [low, high] = hardBounds(prior, parameter);
  if (loc === null || scale === null) {
    if (!Number.isFinite(low) || !Number.isFinite(high)) return null;
    return { low, high, log: low > 0 && (prior.type === "LogUniform" || high / low >= 100), wraps: false };
  }
  const log = isLogarithmic(prior.type);
  const ends = [loc - SIGMAS * scale, loc + SIGMAS * scale].map((end) => (log ? Math.exp(end) : end));
  return {
    low: Math.max(low, ends[0] as number),
    high: Math.min(high, ends[1] as number),
    log,
    wraps: false,
  };
}

/** The range of the slider of a parameter; it always contains the present value. */
export function rangeOf(setting: Setting, parameter: Parameter, value: number): Range {
  const range = (isFree(setting) && priorRange(setting, parameter)) || rangeAround(parameter, value);
  if (range.wraps || !Number.isFinite(value)) return range;
  const low = Math.min(range.low, value);
  const high = Math.max(range.high, value, low + TINY);
  return { ...range, low, high, log: range.log && low > 0 };
}

/** Round a value: more digits than a pointer can set would be noise in the document. */
export const rounded = (value: number): number => Number(value.toPrecision(7));

/** Convert a value to its position on the slider, and back. */
export const toSlider = (range: Range, value: number): number =>
  range.wraps ? wrapAngle(value) : range.log ? Math.log10(Math.max(value, TINY)) : value;
export const fromSlider = (range: Range, position: number): number =>
  rounded(range.log ? 10 ** position : position);

/** The hard bounds of a free value: those of its prior and of the schema combined. */
export function hardBounds(prior: Prior, parameter: Parameter): [low: number, high: number] {
  const positive = isLogarithmic(prior.type) ? TINY : -Infinity;
  return [
    Math.max(parameter.low ?? -Infinity, numberField(prior, "low") ?? -Infinity, positive),
    Math.min(parameter.high ?? Infinity, numberField(prior, "high") ?? Infinity),
  ];
}

export function clampFree(prior: Prior, parameter: Parameter, value: number): number {
  if (isAngle(parameter)) return wrapAngle(value);
  const [low, high] = hardBounds(prior, parameter);
  return Math.min(Math.max(value, low), high);
}

/**
 * The families offered for a parameter: those whose support lies within its bounds. Custom can't be made in the page,
 * and Angle is only for angles.
 */
export function familiesFor(schema: Schema, parameter: Parameter): string[] {
  return Object.entries(schema.priors)
    .filter(([family]) => family !== "Custom" && (family !== "Angle" || isAngle(parameter)))
    .filter(([, { support }]) => !support || reachesNoFurther(support, parameter))
    .map(([family]) => family);
}

function reachesNoFurther([low, high]: Support, parameter: Parameter): boolean {
  const below = parameter.low === null || (low ?? -Infinity) >= parameter.low;
  return below && (parameter.high === null || (high ?? Infinity) <= parameter.high);
}

function defaultFamily(schema: Schema, parameter: Parameter, range: Range): string {
  const bounded = parameter.low !== null && parameter.high !== null;
  const wish = isAngle(parameter) ? "Angle" : range.log ? "LogUniform" : bounded ? "Uniform" : "Normal";
  const offered = familiesFor(schema, parameter);
  if (offered.includes(wish)) return wish;
  return ["TruncatedNormal", "Uniform"].find((family) => offered.includes(family)) ?? offered[0] ?? wish;
}

/** A prior of a family around a value; fields of the previous prior are kept where possible. */
export function newPrior(
  schema: Schema,
  parameter: Parameter,
  value: number,
  family?: string,
  previous?: Prior,
): Prior {
  const range = rangeAround(parameter, value);
  const type = family ?? defaultFamily(schema, parameter, range);
  const prior: Prior = { type, init: value };
  for (const field of schema.priors[type]?.fields ?? [])
    prior[field.name] = defaultField(field, type, parameter, value, range, previous);
  // A TruncatedNormal may have open ends; a family without `loc` needs its bounds.
  if ("low" in prior && "loc" in prior) {
    prior.low = previous?.low ?? parameter.low;
    prior.high = previous?.high ?? parameter.high;
  }
  const { init, ...fields } = prior;
  return { ...fields, type, init: clampFree(prior, parameter, init) };
}

function defaultField(
  field: PriorField,
  family: string,
  parameter: Parameter,
  value: number,
  range: Range,
  previous?: Prior,
): number | null {
  const log = isLogarithmic(family);
  const kept = previous && isLogarithmic(previous.type) === log ? numberField(previous, field.name) : null;
  switch (field.name) {
    case "loc":
      return log ? Math.log(Math.max(value, TINY)) : value;
    case "scale":
      return kept ?? (log ? 0.3 : defaultScale(parameter, range));
    case "low":
      return family === "LogUniform" ? positiveLow(kept ?? range.low, value) : (kept ?? range.low);
    case "high":
      return kept ?? range.high;
    default:
      return kept ?? field.default;
  }
}

const positiveLow = (low: number, value: number): number =>
  low > 0 ? low : Math.max(Math.abs(value) / 10, 1e-3);

/** One pixel for a position, else a twentieth of the plausible range. */
const defaultScale = (parameter: Parameter, range: Range): number =>
  parameter.unit === "pixel" && parameter.low === null ? 1 : (range.high - range.low) / 20;

/** The density of a prior along its slider, peak 1; null when the family is not known. */
export function densityCurve(prior: Prior, parameter: Parameter, range: Range, points = 48): number[] | null {
  const law = distributionOf(prior);
  if (!law) return null;
  const [low, high] = isAngle(parameter) ? [-Infinity, Infinity] : hardBounds(prior, parameter);
  const [from, to] = [
    toSlider({ ...range, wraps: false }, range.low),
    toSlider({ ...range, wraps: false }, range.high),
  ];
  const curve = Array.from({ length: points }, (_, i) => {
    const x = fromSlider(range, from + ((to - from) * i) / (points - 1));
    if (x < low - SLACK * Math.abs(low) || x > high + SLACK * Math.abs(high)) return 0;
    // On a log axis the density is per ln x.
    return law.pdf(within(x, law.support)) * (range.log ? x : 1);
  });
  const peak = Math.max(...curve);
  return peak > 0 && Number.isFinite(peak) ? curve.map((y) => y / peak) : null;
}

/** A point that rounding moved across a bound is put back on it. */
function within(x: number, support: [number, number]): number {
  return support.find((end) => Math.abs(x - end) <= SLACK * Math.min(Math.abs(end), Math.abs(x))) ?? x;
}
