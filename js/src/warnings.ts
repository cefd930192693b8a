/** Warnings about a prior before a run, and about prior and posterior after one. */

import { distributionOf, normalCdf } from "./distributions";
import { numberField } from "./fields";
import { at } from "./names";
import { isAngle } from "./priors";
import { isFree, type Parameter, type Prior, type Setting } from "./spec";
import type { SummaryRow } from "./state";

/** A value with less of the prior's mass beyond it is reported as unlikely. */
const UNLIKELY = 0.001;
/** The fraction of a normal that a bound may cut off without a warning. */
const CLIPPED = 0.05;
const ROUND = 0.03;

const per = (part: number): string => `${part < 0.01 ? (100 * part).toFixed(1) : Math.round(100 * part)} %`;
const short = (value: number): string => String(Number(value.toPrecision(4))).replace("-", "−");

/** Return the warnings, the most serious first. `size` is that of the image, for positions and lengths. */
export function warningsOf(
  setting: Setting,
  parameter: Parameter,
  posterior: SummaryRow | undefined,
  size: { nx: number; ny: number } | null,
): string[] {
  if (!isFree(setting)) return [];
  return [
    ...valueWarnings(setting, parameter),
    ...clippedWarnings(setting),
    ...boundWarnings(setting, posterior),
    ...sizeWarnings(setting, parameter, size),
  ];
}

function valueWarnings(prior: Prior, parameter: Parameter): string[] {
  const law = isAngle(parameter) ? null : distributionOf(prior);
  if (!law) return [];
  const { init } = prior;
  const [low, high] = law.support;
  if (init < low || init > high)
    return [`the prior excludes the value ${short(init)}: it lies outside [${short(low)}, ${short(high)}]`];
  const tail = Math.min(law.cdf(init), 1 - law.cdf(init));
  // A flat prior has bounds rather than tails.
  if ("loc" in prior && tail < UNLIKELY)
    return [
      `the value ${short(init)} is very unlikely under the prior: only ${(100 * tail).toPrecision(1)} % of it lies beyond`,
    ];
  const close = 1e-6 * Math.max(Math.abs(init), 1e-6);
  const end = [low, high].find((bound) => Math.abs(init - bound) <= close);
  return end === undefined ? [] : [`the value lies at the bound ${short(end)}`];
}

const lowOf = (prior: Prior) => numberField(prior, "low");
const highOf = (prior: Prior) => numberField(prior, "high");

function clippedWarnings(prior: Prior): string[] {
  if (prior.type !== "TruncatedNormal") return [];
  const [low, high] = [lowOf(prior), highOf(prior)];
  const massBeyond = (distance: number) => normalCdf(distance / Number(prior.scale));
  const below = low === null ? 0 : massBeyond(low - Number(prior.loc));
  const above = high === null ? 0 : massBeyond(Number(prior.loc) - high);
  return [
    ...(below > CLIPPED ? [`the lower bound cuts off ${per(below)} of the normal`] : []),
    ...(above > CLIPPED ? [`the upper bound cuts off ${per(above)} of the normal`] : []),
  ];
}

/** The bounds that the verdict on the last fit reports, if the prior still has them. */
function boundWarnings(prior: Prior, posterior: SummaryRow | undefined): string[] {
  const { lower = null, upper = null } = posterior?.bounds ?? {};
  const isLow = lower !== null && lower === lowOf(prior);
  const isHigh = upper !== null && upper === highOf(prior);
  if (isLow && isHigh) return ["the posterior fills the range of the prior"];
  if (isLow) return [`the posterior lies at the lower bound ${short(lower)}`];
  return isHigh ? [`the posterior lies at the upper bound ${short(upper)}`] : [];
}

function sizeWarnings(prior: Prior, parameter: Parameter, size: { nx: number; ny: number } | null): string[] {
  const law = isAngle(parameter) ? null : distributionOf(prior);
  if (!law || !size || parameter.unit !== "pixel") return [];
  const [low, high] = [law.ppf(0.05), law.ppf(0.95)];
  const side = at({ xc: size.nx, yc: size.ny }, parameter.name);
  if (side !== undefined) return low > side || high < 0 ? ["the prior lies outside the image"] : [];
  if (low > Math.max(size.nx, size.ny)) return ["the prior expects a size larger than the image"];
  return [];
}

/** A round source has no position angle. */
export const roundWarning = (parameter: Parameter, setting: Setting, ellip: number): string[] =>
  isAngle(parameter) && isFree(setting) && ellip < ROUND
    ? ["the source is round: its angle is undefined"]
    : [];
