import { describe, expect, it } from "vitest";
import { clampFree, densityCurve, familiesFor, fromSlider, newPrior, rangeOf, toSlider } from "../src/priors";
import { type Parameter, type Prior, parameterAt, settingAt } from "../src/spec";
import { SCHEMA, SESSION } from "./fixtures";

const of = (path: string) => parameterAt(SCHEMA, SESSION, path) as Parameter;
const prior = (path: string) => settingAt(SESSION, path) as Prior;

describe("ranges of sliders", () => {
  it("span four sigmas of a normal and the bounds of a uniform", () => {
    expect(rangeOf(prior("galaxy.xc"), of("galaxy.xc"), 60)).toMatchObject({ low: 56, high: 64, log: false });
    expect(rangeOf(prior("galaxy.n"), of("galaxy.n"), 2)).toMatchObject({ low: 0.5, high: 8, log: false });
  });

  it("are cut at the bounds of a truncated normal", () => {
    const cut = { ...prior("galaxy.yc"), loc: 41 };
    expect(rangeOf(cut, of("galaxy.yc"), 42)).toMatchObject({ low: 40, high: 45 });
  });

  it("are logarithmic for LogUniform and LogNormal, and if they span two decades", () => {
    expect(rangeOf(prior("galaxy.r_eff"), of("galaxy.r_eff"), 4).log).toBe(true);
    const wide: Prior = { type: "Uniform", low: 1, high: 1000, init: 5 };
    expect(rangeOf(wide, of("galaxy.flux"), 5).log).toBe(true);
    const logNormal: Prior = { type: "LogNormal", loc: 0, scale: 0.5, init: 1 };
    const range = rangeOf(logNormal, of("galaxy.flux"), 1);
    expect(range.log).toBe(true);
    expect(range.low).toBeCloseTo(Math.exp(-2));
    expect(range.high).toBeCloseTo(Math.exp(2));
  });

  it("always contain the present value", () => {
    expect(rangeOf(prior("galaxy.xc"), of("galaxy.xc"), 99).high).toBe(99);
    expect(rangeOf(0, of("sky.level"), 0)).toMatchObject({ low: -1, high: 1 });
  });

  it("map values to positions and back", () => {
    const log = { low: 0.1, high: 100, log: true, wraps: false };
    expect(toSlider(log, 10)).toBeCloseTo(1);
    expect(fromSlider(log, toSlider(log, 3.3))).toBeCloseTo(3.3);
    const angle = { low: 0, high: Math.PI, log: false, wraps: true };
    expect(toSlider(angle, -0.1)).toBeCloseTo(Math.PI - 0.1);
  });
});

describe("new priors", () => {
  it("are uniform in the logarithm if the schema says so, however narrow the range", () => {
    const index = { ...of("galaxy.n"), logarithmic: true };
    expect(newPrior(SCHEMA, index, 2)).toEqual({ type: "LogUniform", low: 0.5, high: 8, init: 2 });
    expect(newPrior(SCHEMA, { ...index, logarithmic: false }, 2).type).toBe("Uniform");
  });

  it("have a family that depends on the bounds", () => {
    expect(newPrior(SCHEMA, of("galaxy.theta"), 0.3)).toEqual({ type: "Angle", init: 0.3 });
    expect(newPrior(SCHEMA, of("galaxy.ellip"), 0.3)).toEqual({
      type: "Uniform",
      low: 0,
      high: 0.95,
      init: 0.3,
    });
    expect(newPrior(SCHEMA, of("galaxy.xc"), 30)).toEqual({ type: "Normal", loc: 30, scale: 1, init: 30 });
    expect(newPrior(SCHEMA, of("galaxy.r_eff"), 5)).toEqual({
      type: "LogUniform",
      low: 0.5,
      high: 50,
      init: 5,
    });
  });

  it("keep fields of the previous prior if possible", () => {
    const previous: Prior = { type: "Uniform", low: 1, high: 6, init: 2 };
    const next = newPrior(SCHEMA, of("galaxy.n"), 2, "TruncatedNormal", previous);
    expect(next).toMatchObject({ type: "TruncatedNormal", loc: 2, low: 1, high: 6, init: 2 });
    expect(newPrior(SCHEMA, of("galaxy.n"), 2, "LogUniform", next)).toMatchObject({ low: 1, high: 6 });
  });

  it("give LogNormal the scale of the logarithm", () => {
    const next = newPrior(SCHEMA, of("galaxy.flux"), Math.E, "LogNormal", {
      type: "Normal",
      loc: 3,
      scale: 1,
      init: 3,
    });
    expect(next.loc).toBeCloseTo(1);
    expect(next.scale).toBe(0.3);
  });

  it("leave the open ends of a truncated normal open", () => {
    expect(newPrior(SCHEMA, of("galaxy.xc"), 3, "TruncatedNormal")).toMatchObject({ low: null, high: null });
  });

  it("can be Angle for angles only, and never Custom", () => {
    expect(familiesFor(SCHEMA, of("galaxy.n"))).not.toContain("Angle");
    const supports = { Normal: [null, null], LogNormal: [0, null] } as const;
    const priors = { ...SCHEMA.priors };
    for (const [family, [low, high]] of Object.entries(supports))
      priors[family] = { doc: "", fields: [], support: [low, high] };
    const schema = { ...SCHEMA, priors };
    const bounded = ["TruncatedNormal", "Uniform", "LogUniform"];
    expect(familiesFor(schema, of("galaxy.n"))).toEqual(bounded);
    expect(familiesFor(schema, { ...of("galaxy.n"), low: 0, high: null })).toEqual([
      "TruncatedNormal",
      "LogNormal",
      ...bounded.slice(1),
    ]);
    expect(familiesFor(schema, of("galaxy.flux"))).toEqual([
      "Normal",
      "TruncatedNormal",
      "LogNormal",
      ...bounded.slice(1),
    ]);
    expect(newPrior(schema, { ...of("galaxy.n"), high: null, low: -3 }, 2).type).toBe("TruncatedNormal");
    expect(familiesFor(SCHEMA, of("galaxy.theta"))).toContain("Angle");
    expect(familiesFor(SCHEMA, of("galaxy.theta"))).not.toContain("Custom");
  });

  it("clamp a LogNormal above zero", () => {
    const logNormal: Prior = { type: "LogNormal", loc: 0, scale: 1, init: 1 };
    expect(clampFree(logNormal, of("galaxy.flux"), -3)).toBeGreaterThan(0);
  });
});

describe("densities", () => {
  const curve = (path: string) => {
    const range = rangeOf(prior(path), of(path), prior(path).init);
    return densityCurve(prior(path), of(path), range, 41);
  };

  it("peak at the loc of a normal and fall as a Gaussian", () => {
    const normal = curve("galaxy.xc") as number[];
    expect(normal[20]).toBe(1);
    expect(normal[25]).toBeCloseTo(Math.exp(-0.5));
    expect(normal[15]).toBeCloseTo(Math.exp(-0.5));
  });

  it("are flat for a uniform on a linear axis and a log-uniform on a log axis", () => {
    for (const path of ["galaxy.n", "galaxy.r_eff"])
      for (const height of curve(path) as number[]) expect(height).toBeCloseTo(1);
  });

  it("are flat up to bounds that are not round numbers", () => {
    const ugly: Prior = { type: "LogUniform", low: 19.122202783171502, high: 19122.202783171502, init: 100 };
    const range = rangeOf(ugly, of("galaxy.flux"), 100);
    for (const height of densityCurve(ugly, of("galaxy.flux"), range) as number[])
      expect(height).toBeCloseTo(1);
  });

  it("are null for an unknown family", () => {
    const custom: Prior = { type: "Custom", init: 1 };
    expect(densityCurve(custom, of("galaxy.n"), rangeOf(custom, of("galaxy.n"), 1))).toBeNull();
  });
});
