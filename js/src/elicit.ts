/** A prior as users state it, as a centre ± a spread or as an interval, and its conversion to the numbers of its family. */

import { type Distribution, distributionOf, normalPpf } from "./distributions";
import { clampFree, hardBounds, isAngle, rounded } from "./priors";
import type { Parameter, Prior } from "./spec";

/** The interval in which a user states a prior: 5 to 95 per cent. */
export const TAIL = 0.05;
const FIVE = -normalPpf(TAIL);
/** The mass within one standard deviation of a normal: the meaning of "±" here. */
const ONE_SIGMA = 0.6826894921370859;

export interface Quantiles {
  low: number;
  median: number;
  high: number;
}
export interface Words extends Quantiles {
  centre: number;
  /** Half the width of the central 68 per cent. */
  spread: number;
}

export function quantilesOf(law: Distribution): Quantiles {
  return { low: law.ppf(TAIL), median: law.ppf(0.5), high: law.ppf(1 - TAIL) };
}

/** Null if there is no centre: for an angle on the half circle, an unknown family, or invalid numbers. */
export function wordsOf(prior: Prior, parameter: Parameter): Words | null {
  const law = isAngle(parameter) ? null : distributionOf(prior);
  if (!law) return null;
  const quantiles = quantilesOf(law);
  if (prior.type === "TruncatedNormal")
    return { ...quantiles, centre: Number(prior.loc), spread: Number(prior.scale) };
  const half = (law.ppf(0.5 + ONE_SIGMA / 2) - law.ppf(0.5 - ONE_SIGMA / 2)) / 2;
  return { ...quantiles, centre: quantiles.median, spread: half };
}

/** The prior with new numbers, rounded, and its value moved within them. */
function withFields(prior: Prior, parameter: Parameter, fields: Record<string, number>): Prior {
  const next: Prior = { ...prior };
  for (const [name, value] of Object.entries(fields)) next[name] = rounded(value);
  return { ...next, init: clampFree(next, parameter, prior.init) };
}

/** Limit a range to the bounds of the schema. */
function ranged(prior: Prior, parameter: Parameter, low: number, high: number): Prior | string {
  const [from, to] = [Math.max(low, parameter.low ?? -Infinity), Math.min(high, parameter.high ?? Infinity)];
  if (!(from < to)) return `this lies outside ${boundsText(parameter)}`;
  return withFields(prior, parameter, { low: from, high: to });
}

const boundsText = ({ low, high }: Parameter): string => `[${low ?? "−∞"}, ${high ?? "∞"}]`;

/** The prior of the same family about a centre, or the reason why there is none. */
export function withCentre(
  prior: Prior,
  parameter: Parameter,
  centre: number,
  spread: number,
): Prior | string {
  if (!Number.isFinite(centre)) return "the centre must be a number";
  if (!(spread > 0 && Number.isFinite(spread))) return "± must be positive";
  switch (prior.type) {
    case "Normal":
    case "TruncatedNormal":
      return withFields(prior, parameter, { loc: centre, scale: spread });
    case "Uniform":
      return ranged(prior, parameter, centre - spread / ONE_SIGMA, centre + spread / ONE_SIGMA);
    case "LogNormal":
      if (!(centre > 0)) return "the centre must be positive";
      return withFields(prior, parameter, { loc: Math.log(centre), scale: Math.asinh(spread / centre) });
    case "LogUniform": {
      if (!(centre > 0)) return "the centre must be positive";
      const factor = Math.exp(Math.asinh(spread / centre) / ONE_SIGMA);
      return ranged(prior, parameter, centre / factor, centre * factor);
    }
    default:
      return `${prior.type} has no centre`;
  }
}

/** The prior of the same family with 5 per cent of its mass below `low` and above `high`. */
export function withInterval(prior: Prior, parameter: Parameter, low: number, high: number): Prior | string {
  if (!(Number.isFinite(low) && Number.isFinite(high) && low < high))
    return "the 5 % quantile must be smaller than the 95 % quantile";
  const logarithmic = prior.type.startsWith("Log");
  if (logarithmic && low <= 0) return "both ends must be positive";
  const [a, b] = logarithmic ? [Math.log(low), Math.log(high)] : [low, high];
  const margin = ((b - a) * TAIL) / (1 - 2 * TAIL);
  const back = logarithmic ? Math.exp : (value: number) => value;
  switch (prior.type) {
    case "Normal":
    case "LogNormal":
      return withFields(prior, parameter, { loc: (a + b) / 2, scale: (b - a) / (2 * FIVE) });
    case "Uniform":
    case "LogUniform":
      return ranged(prior, parameter, back(a - margin), back(b + margin));
    case "TruncatedNormal":
      return truncatedThrough(prior, parameter, low, high);
    default:
      return `${prior.type} has no interval`;
  }
}

const STEPS = 60;
const CLOSE = 1e-9;

/** Newton's method in loc and ln(scale). A truncated normal can't have every interval. */
function truncatedThrough(prior: Prior, parameter: Parameter, low: number, high: number): Prior | string {
  const [from, to] = hardBounds(prior, parameter);
  let [loc, log] = [(low + high) / 2, Math.log((high - low) / (2 * FIVE))];
  const miss = (l: number, s: number): [number, number] | null => {
    const law = distributionOf({ ...prior, loc: l, scale: Math.exp(s) });
    return law && [law.cdf(low) - TAIL, law.cdf(high) - 1 + TAIL];
  };
  let error = miss(loc, log);
  for (let step = 0; step < STEPS && error && Math.hypot(...error) > CLOSE; step++) {
    const d = 1e-5;
    const [alongLoc, alongLog] = [miss(loc + d * Math.exp(log), log), miss(loc, log + d)];
    if (!alongLoc || !alongLog) break;
    const [a, b] = [0, 1].map((i) => ((alongLoc[i] as number) - (error?.[i] as number)) / d) as [
      number,
      number,
    ];
    const [c, e] = [0, 1].map((i) => ((alongLog[i] as number) - (error?.[i] as number)) / d) as [
      number,
      number,
    ];
    const determinant = a * e - b * c;
    if (Math.abs(determinant) < 1e-14) break;
    const [p, q]: [number, number] = error;
    let [dLoc, dLog] = [(-e * p + c * q) / determinant, (b * p - a * q) / determinant];
    const length = Math.max(Math.abs(dLoc), Math.abs(dLog), 1);
    [dLoc, dLog] = [dLoc / length, dLog / length];
    const next = miss(loc + dLoc * Math.exp(log), log + dLog);
    if (!next) break;
    loc += dLoc * Math.exp(log);
    log += dLog;
    error = next;
  }
  if (!error || !(Math.hypot(...error) <= 1e-5) || log > Math.log(50 * (high - low)))
    return `no normal distribution between ${format(from)} and ${format(to)} has this interval: try Uniform, or other bounds`;
  return withFields(prior, parameter, { loc, scale: Math.exp(log) });
}

const format = (value: number): string =>
  Number.isFinite(value) ? String(rounded(value)) : value < 0 ? "−∞" : "∞";
