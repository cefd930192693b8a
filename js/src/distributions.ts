/** The distributions of the priors: density, distribution function and quantiles, to double precision. */

import { numberField } from "./fields";
import type { Prior } from "./spec";

export interface Distribution {
  support: [low: number, high: number];
  pdf(x: number): number;
  cdf(x: number): number;
  ppf(part: number): number;
}

const ROOT_TWO_PI = Math.sqrt(2 * Math.PI);
/** Below it, the series of the normal integral converges fast; above it, the continued fraction does. */
const SERIES_END = 3;
const TERMS = 60;

const normalPdf = (z: number): number => Math.exp(-0.5 * z * z) / ROOT_TWO_PI;

/** The distribution function of the standard normal, accurate also in the lower tail (Abramowitz & Stegun 1964, 26.2.11 and 26.2.14). */
export function normalCdf(z: number): number {
  if (z > 0) return 1 - normalCdf(-z);
  const x = -z;
  if (x < SERIES_END) {
    let [term, sum] = [x, x];
    for (let k = 1; k < TERMS; k++) {
      term *= (x * x) / (2 * k + 1);
      sum += term;
    }
    return 0.5 - normalPdf(x) * sum;
  }
  if (x === Infinity) return 0;
  let fraction = x;
  for (let k = TERMS; k > 0; k--) fraction = x + k / fraction;
  return normalPdf(x) / fraction;
}

/** The inverse of `normalCdf`: a rational start (Abramowitz & Stegun 1964, 26.2.23), made exact by Halley's steps. */
export function normalPpf(part: number): number {
  if (part > 0.5) return -normalPpf(1 - part);
  if (part <= 0) return -Infinity;
  const t = Math.sqrt(-2 * Math.log(part));
  const above = 2.515517 + t * (0.802853 + t * 0.010328);
  const below = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308));
  let z = above / below - t;
  for (let step = 0; step < 3; step++) {
    const error = (normalCdf(z) - part) / normalPdf(z);
    z -= error / (1 + 0.5 * z * error);
  }
  return z;
}

function normal(loc: number, scale: number): Distribution {
  return {
    support: [-Infinity, Infinity],
    pdf: (x) => normalPdf((x - loc) / scale) / scale,
    cdf: (x) => normalCdf((x - loc) / scale),
    ppf: (part) => loc + scale * normalPpf(part),
  };
}

/** The mass of the standard normal between two points, computed in the tail that loses no digits. */
const massBetween = (a: number, b: number): number =>
  a > 0 ? normalCdf(-a) - normalCdf(-b) : normalCdf(b) - normalCdf(a);

function truncated(loc: number, scale: number, low: number, high: number): Distribution | null {
  const [a, b] = [(low - loc) / scale, (high - loc) / scale];
  const mass = massBetween(a, b);
  if (!(mass > 0)) return null;
  const inside = (x: number) => x >= low && x <= high;
  return {
    support: [low, high],
    pdf: (x) => (inside(x) ? normalPdf((x - loc) / scale) / (scale * mass) : 0),
    cdf: (x) => (x <= low ? 0 : x >= high ? 1 : massBetween(a, (x - loc) / scale) / mass),
    ppf(part) {
      const z = a > 0 ? -normalPpf(normalCdf(-a) - part * mass) : normalPpf(normalCdf(a) + part * mass);
      return Math.min(Math.max(loc + scale * z, low), high);
    },
  };
}

function uniform(low: number, high: number): Distribution {
  const inside = (x: number) => x >= low && x <= high;
  return {
    support: [low, high],
    pdf: (x) => (inside(x) ? 1 / (high - low) : 0),
    cdf: (x) => Math.min(Math.max((x - low) / (high - low), 0), 1),
    ppf: (part) => low + part * (high - low),
  };
}

/** The distribution of exp(u) for u distributed as `of`; the ends are given because rounding would move them. */
function exponentiated(of: Distribution, support: [number, number]): Distribution {
  return {
    support,
    pdf: (x) => (x > 0 ? of.pdf(Math.log(x)) / x : 0),
    cdf: (x) => (x > 0 ? of.cdf(Math.log(x)) : 0),
    ppf: (part) => Math.exp(of.ppf(part)),
  };
}

/** The distribution of a prior; null for an unknown family or for invalid numbers. */
export function distributionOf(prior: Prior): Distribution | null {
  const field = (name: string) => numberField(prior, name) ?? Number.NaN;
  const [loc, scale, low, high] = [field("loc"), field("scale"), field("low"), field("high")];
  const peaked = Number.isFinite(loc) && scale > 0;
  switch (prior.type) {
    case "Normal":
      return peaked ? normal(loc, scale) : null;
    case "LogNormal":
      return peaked ? exponentiated(normal(loc, scale), [0, Infinity]) : null;
    case "TruncatedNormal": {
      const [from, to] = [numberField(prior, "low") ?? -Infinity, numberField(prior, "high") ?? Infinity];
      return peaked && from < to ? truncated(loc, scale, from, to) : null;
    }
    case "Uniform":
      return low < high ? uniform(low, high) : null;
    case "LogUniform":
      return 0 < low && low < high
        ? exponentiated(uniform(Math.log(low), Math.log(high)), [low, high])
        : null;
    case "Angle":
      return uniform(0, Math.PI);
    default:
      return null;
  }
}
