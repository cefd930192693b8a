import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { distributionOf, normalCdf, normalPpf } from "../src/distributions";
import type { Prior } from "../src/spec";

interface Row {
  prior: Prior;
  parts: number[];
  x: number[];
  pdf: number[];
}
/** Computed by SciPy; see priors.py in the same folder. */
const TABLE = JSON.parse(readFileSync(`${import.meta.dirname}/tables/priors.json`, "utf8")) as Row[];

const near = (value: number | undefined, expected: number, tolerance: number) =>
  expect(Math.abs((value ?? Number.NaN) - expected)).toBeLessThanOrEqual(tolerance);

describe.each(TABLE)("$prior", ({ prior, parts, x, pdf }) => {
  const law = distributionOf({ ...prior, init: 1 });

  it("has SciPy's density, distribution function and quantiles", () => {
    for (const [i, part] of parts.entries()) {
      const at = x[i] as number;
      near(law?.pdf(at), pdf[i] as number, 1e-7 * (pdf[i] as number));
      near(law?.cdf(at), part, 1e-9);
      near(law?.ppf(part), at, 1e-8 * Math.max(Math.abs(at), 1));
    }
  });

  it("has quantiles that invert its distribution function", () => {
    for (const part of [1e-4, 0.2, 0.5, 0.9, 0.9999]) near(law?.cdf(law.ppf(part)), part, 1e-10);
  });
});

describe("the normal integral", () => {
  it("keeps its precision far in the tail", () => {
    // Abramowitz & Stegun (1964), table 26.2: -log10 Q(x).
    for (const [z, exponent] of [
      [10, 23.11805],
      [20, 88.5601],
      [30, 197.30921],
    ] as const)
      near(-Math.log10(normalCdf(-z)), exponent, 1e-5);
    near(normalPpf(normalCdf(-20)), -20, 1e-9);
    expect(normalCdf(0)).toBe(0.5);
    expect(normalPpf(0)).toBe(-Infinity);
  });
});

describe("invalid numbers", () => {
  it("give no distribution", () => {
    const broken: Omit<Prior, "init">[] = [
      { type: "Normal", loc: 1, scale: 0 },
      { type: "Uniform", low: 2, high: 1 },
      { type: "LogUniform", low: 0, high: 1 },
      { type: "TruncatedNormal", loc: 0, scale: 1, low: 3, high: 2 },
      { type: "Custom" },
    ];
    for (const prior of broken) expect(distributionOf({ ...prior, init: 1 } as Prior)).toBeNull();
  });
});
