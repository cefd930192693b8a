import { describe, expect, it } from "vitest";
import { distributionOf } from "../src/distributions";
import { withCentre, withInterval, wordsOf } from "../src/elicit";
import type { Parameter, Prior } from "../src/spec";

const FREE: Parameter = { name: "flux", low: null, high: null, unit: "image", doc: "" };
const INDEX: Parameter = { ...FREE, name: "n", low: 0.5, high: 8, unit: "" };
const PRIORS: Prior[] = [
  { type: "Normal", loc: 3, scale: 1, init: 3 },
  { type: "TruncatedNormal", loc: 4, scale: 1, low: 0.5, high: 8, init: 3 },
  { type: "TruncatedNormal", loc: 4, scale: 1, low: 0.5, high: null, init: 3 },
  { type: "LogNormal", loc: 1, scale: 0.3, init: 3 },
  { type: "Uniform", low: 0, high: 10, init: 3 },
  { type: "LogUniform", low: 0.1, high: 100, init: 3 },
];
const prior = (made: Prior | string): Prior => {
  if (typeof made === "string") throw new Error(made);
  return made;
};
const cdf = (made: Prior, x: number) => distributionOf(made)?.cdf(x) ?? Number.NaN;

describe.each(PRIORS)("$type", (old) => {
  it("has the requested interval", () => {
    const made = prior(withInterval(old, FREE, 2, 6));
    expect(made.type).toBe(old.type);
    expect(cdf(made, 2)).toBeCloseTo(0.05, 4);
    expect(cdf(made, 6)).toBeCloseTo(0.95, 4);
    const words = wordsOf(made, FREE);
    expect(words?.low).toBeCloseTo(2, 4);
    expect(words?.high).toBeCloseTo(6, 4);
  });

  it("returns the centre and the ± that it was given", () => {
    const words = wordsOf(prior(withCentre(old, FREE, 4, 1.2)), FREE);
    expect(words?.centre).toBeCloseTo(4, 4);
    expect(words?.spread).toBeCloseTo(1.2, 4);
  });
});

describe("an interval or a centre that is impossible", () => {
  const [normal, truncated, , logNormal, uniform] = PRIORS as [Prior, Prior, Prior, Prior, Prior, Prior];
  it("is refused with an explanation", () => {
    expect(withCentre(normal, FREE, 4, 0)).toMatch("positive");
    expect(withCentre(logNormal, FREE, -4, 1)).toMatch("positive");
    expect(withInterval(normal, FREE, 3, 2)).toMatch("smaller");
    expect(withInterval(logNormal, FREE, -1, 2)).toMatch("positive");
    expect(withInterval(uniform, INDEX, 9, 12)).toMatch("outside [0.5, 8]");
    // Flatter than flat.
    expect(withInterval(truncated, INDEX, 0.6, 7.9)).toMatch("no normal");
    expect(wordsOf({ type: "Angle", init: 1 }, { ...FREE, name: "theta" })).toBeNull();
  });

  it("does not exceed the schema's bounds, and keeps the value within the prior", () => {
    const made = prior(withCentre(uniform, INDEX, 6, 3));
    expect(made).toMatchObject({ high: 8 });
    const narrow = prior(withInterval(uniform, INDEX, 5, 6));
    expect(narrow.init).toBe(narrow.low);
  });
});
